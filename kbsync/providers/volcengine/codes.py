"""What Volcengine's codes mean.

Codes that may stand for a passing fault refuse the item here; an HTTP status of 500 or more turns them into one, as it
does with any refusal of an item.
"""

from collections.abc import Mapping
from typing import Final

from kbsync.core.answers import Meaning

__all__ = ("CODES", "DOCUMENT_MISSING")

_NOT_FOUND: Final = Meaning("refused", "not_found")
_FORBIDDEN: Final = Meaning("refused", "forbidden")
_REJECTED: Final = Meaning("refused", "rejected")
_UNAUTHORISED: Final = Meaning("unauthorised", "unauthorised")

_GATEWAY: Final[Mapping[int, Meaning]] = {
    100_003: _UNAUTHORISED,  # no credential
    100_005: _UNAUTHORISED,  # no signature
    100_006: _UNAUTHORISED,  # the signature's time: the clocks differ
    100_009: _UNAUTHORISED,  # the access key
    100_010: _UNAUTHORISED,  # the signature
    100_012: _FORBIDDEN,
    100_013: _FORBIDDEN,
}

_SERVICE: Final[Mapping[int, Meaning]] = {
    1_000_001: _UNAUTHORISED,
    1_000_002: _FORBIDDEN,
    1_000_003: Meaning("refused", "invalid"),
    1_000_004: _REJECTED,
    1_000_005: Meaning("refused", "not_found", scope="container"),
    **dict.fromkeys((1_000_006, 1_000_007, 1_000_008, 1_000_010), _REJECTED),
    1_000_011: _NOT_FOUND,
    **dict.fromkeys((1_000_013, 1_000_014), _REJECTED),
    **dict.fromkeys(range(1_000_015, 1_000_023), _REJECTED),
    # The index may be built again while the document's own record is already changed.
    1_000_023: Meaning("transient", "not_ready", doubt=True),
    1_000_024: Meaning("refused", "unsupported"),
    **dict.fromkeys((1_000_025, 1_000_026, 1_000_030), _REJECTED),
    1_000_028: Meaning("transient", "server_error", doubt=True),
    1_000_029: Meaning("throttled", "throttled"),
    **dict.fromkeys((1_000_031, 1_000_032, 1_000_034, 1_000_035), _REJECTED),
    1_000_033: Meaning("refused", "quota", scope="target"),  # the account is overdue
    1_001_001: _NOT_FOUND,
    1_001_002: _REJECTED,
    1_001_010: _REJECTED,
    1_002_001: _NOT_FOUND,
}

CODES: Final[Mapping[int, Meaning]] = {**_GATEWAY, **_SERVICE}

# The codes by which the service says that a document does not exist.
DOCUMENT_MISSING: Final = frozenset({1_000_011, 1_001_001})
