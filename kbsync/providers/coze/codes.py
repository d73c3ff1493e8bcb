"""What Coze's codes mean."""

from collections.abc import Mapping
from typing import Final

from kbsync.core.answers import Meaning

__all__ = ("CODES", "STUDIO_DATABASE_ERROR")

_INVALID: Final = Meaning("refused", "invalid")
_NOT_FOUND: Final = Meaning("refused", "not_found")
_FORBIDDEN: Final = Meaning("refused", "forbidden")
_REJECTED: Final = Meaning("refused", "rejected")
_QUOTA: Final = Meaning("refused", "quota", scope="target")
_THROTTLED: Final = Meaning("throttled", "throttled")
_UNAUTHORISED: Final = Meaning("unauthorised", "unauthorised")
# Whoever reports an error of its own may have made half of the change.
_SERVER_ERROR: Final = Meaning("transient", "server_error", doubt=True)
_TIMEOUT: Final = Meaning("transient", "timeout", doubt=True)

# The database code of the open-source server, which its text may turn into a refusal.
STUDIO_DATABASE_ERROR: Final = 105_000_003

_COZE: Final[Mapping[int, Meaning]] = {
    4000: _INVALID,
    **dict.fromkeys((4001, 4002, 4003, 4004, 4005, 4006, 4007, 4010, 4012), _INVALID),
    4008: _QUOTA,  # the day's use is exceeded
    4009: _THROTTLED,  # the system's request ceiling
    4011: _QUOTA,
    # The table calls it an error of the model service, the JavaScript SDK a rate limit. No knowledge endpoint runs a
    # model, and slowing down is right for both.
    4013: _THROTTLED,
    **dict.fromkeys((4014, 4015, 4021), _REJECTED),
    4016: Meaning("transient", "busy"),
    4019: _QUOTA,
    4020: _THROTTLED,  # the peak of requests per minute
    4022: _QUOTA,
    4027: _QUOTA,
    4028: _QUOTA,
    4100: _UNAUTHORISED,
    4101: _FORBIDDEN,  # this resource, or the token's scope: every item tells
    # Turned away by risk control, to come back later: few tries, so it is not counted as throttling.
    4102: Meaning("transient", "risk_control"),
    **dict.fromkeys((4104, 4105), _REJECTED),
    # One code for what does not exist and what belongs to somebody else, be it image, document or knowledge base: it
    # does not say which, so it is about the item.
    4200: _NOT_FOUND,
    4201: _REJECTED,
    **dict.fromkeys((4300, 4301, 4302, 4303, 4304, 4314, 4315), _REJECTED),
    5000: _SERVER_ERROR,
    700_012_006: _UNAUTHORISED,
    700_012_015: Meaning("refused", "forbidden"),  # this country
    702_082_020: _QUOTA,
    702_095_072: _QUOTA,
    702_112_101: _TIMEOUT,
    702_112_102: _FORBIDDEN,
    702_112_103: _THROTTLED,
    702_112_104: _INVALID,
    720_701_013: _SERVER_ERROR,
    **dict.fromkeys((708_024_072, 708_334_072, 708_024_073, 708_252_039), _REJECTED),
    777_074_011: _REJECTED,
}

# The open-source server, coze-studio.
_STUDIO: Final[Mapping[int, Meaning]] = {
    105_000_000: _INVALID,
    105_000_001: _FORBIDDEN,
    105_000_002: _REJECTED,
    STUDIO_DATABASE_ERROR: _SERVER_ERROR,
    **dict.fromkeys(range(105_000_004, 105_000_010), _SERVER_ERROR),
    105_000_010: _REJECTED,  # the name is taken
    # It tells a missing knowledge base from a missing document, but means the document's own knowledge base, and the
    # request named none. Other items of the manifest's dataset may do well.
    105_000_011: _NOT_FOUND,
    105_000_012: _NOT_FOUND,
    **dict.fromkeys(range(105_000_013, 105_000_018), _REJECTED),
    105_000_018: Meaning("transient", "not_ready"),
    105_000_020: _NOT_FOUND,
    **dict.fromkeys((105_000_024, 105_000_025, 105_000_026, 105_000_027), _REJECTED),
    **dict.fromkeys((105_000_030, 105_000_035, 105_000_037), _REJECTED),
    105_000_036: _SERVER_ERROR,
}

CODES: Final[Mapping[int, Meaning]] = {**_COZE, **_STUDIO}
