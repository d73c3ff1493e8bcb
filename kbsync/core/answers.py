"""Reading an HTTP answer: the part that is the same for every provider.

Nothing here raises, whatever the server sends, and nothing but a well-formed answer that says so counts as success.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final, Literal, NamedTuple, cast

import orjson

from kbsync.core.redaction import Redact
from kbsync.core.strict_json import STRICT_JSON
from kbsync.core.wire import (
    MAX_MESSAGE_CHARACTERS,
    Accepted,
    Answer,
    Refused,
    Response,
    Throttled,
    Transient,
    Unauthorised,
    Verdict,
)

__all__ = (
    "Envelope",
    "Meaning",
    "code_of",
    "is_success",
    "judge",
    "judge_status",
    "make_answer",
    "parse_envelope",
    "parse_http_date",
    "parse_json",
    "retry_after_s",
    "server_time_s",
    "verdict_of",
)

Envelope = dict[str, Any]

_MAX_CODE_CHARACTERS: Final = 64
# So much of a text is looked at for secrets before it is cut. Where that is inside a secret, its part has no more
# characters than this, however it is encoded, and so many are left out with it.
_MAX_READ_CHARACTERS: Final = 128 * 1024
_MAX_SECRET_CHARACTERS: Final = 64 * 1024
_INT64: Final = range(-(2**63), 2**63)
_NUMERAL: Final = re.compile(r"-?[1-9][0-9]{0,17}")
_LOG_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_SECONDS: Final = re.compile(r"[0-9]{1,10}")
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9.+-]{1,40}/[a-z0-9.+-]{1,60}")

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CLOCK: Final = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_ZONE: Final = r"(?: (?:GMT|UTC|UT|Z|(?P<sign>[+-])(?P<zone_h>[0-9]{2})(?P<zone_min>[0-9]{2})))?"
_MONTH: Final = r"(?P<month>[A-Z][a-z]{2})"
_DATES: Final = (
    re.compile(rf"[A-Z][a-z]{{2}}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_CLOCK}{_ZONE}"),
    re.compile(rf"[A-Z][a-z]{{5,8}}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_CLOCK}{_ZONE}"),
    re.compile(rf"[A-Z][a-z]{{2}} {_MONTH} (?P<day>[ 0-9][0-9]) {_CLOCK} (?P<year>[0-9]{{4}}){_ZONE}"),
)
# A server clock outside this is broken, and no reason to move ours.
_SANE_TIMES: Final = (
    datetime(2020, 1, 1, tzinfo=UTC).timestamp(),
    datetime(2100, 1, 1, tzinfo=UTC).timestamp(),
)


class Meaning(NamedTuple):
    """What a code or a status stands for, apart from the answer it came in: the entries of code tables."""

    kind: Literal["throttled", "transient", "refused", "unauthorised"]
    reason: str
    scope: str = "item"
    doubt: bool = False


_UNCLEAR: Final = Meaning("transient", "unclear", doubt=True)
_REJECTED: Final = Meaning("refused", "rejected")
_REDIRECTED: Final = Meaning("refused", "redirected", scope="target")
# A gateway answers 5xx, and may answer 408, when the service behind it was slow: the write may have been applied.
_SERVER_ERROR: Final = Meaning("transient", "server_error", doubt=True)
_STATUSES: Final[Mapping[int, Meaning]] = {
    400: Meaning("refused", "invalid"),
    401: Meaning("unauthorised", "unauthorised"),
    403: Meaning("refused", "forbidden"),
    404: Meaning("refused", "not_found"),
    405: Meaning("refused", "unsupported"),
    407: Meaning("refused", "proxy", scope="target"),
    408: Meaning("transient", "timeout", doubt=True),
    409: Meaning("refused", "conflict", doubt=True),
    410: Meaning("refused", "not_found"),
    412: Meaning("refused", "conflict", doubt=True),
    413: Meaning("refused", "too_large"),
    414: Meaning("refused", "too_large"),
    415: Meaning("refused", "unsupported"),
    422: Meaning("refused", "invalid"),
    425: Meaning("transient", "too_early"),
    429: Meaning("throttled", "throttled"),
    504: Meaning("transient", "timeout", doubt=True),
}


# ------------------------------------------------------------------------------------------------------------- JSON
def parse_envelope(body: bytes) -> Envelope | None:
    """Return the JSON object that *body* is, or None when it is anything else.

    It has to be UTF-8 without a byte order mark, and no key may stand twice in one object: of two codes neither can be
    believed.
    """
    value = parse_json(body)
    return cast("Envelope", value) if isinstance(value, dict) else None


def parse_json(text: bytes) -> Any:
    """Return the JSON value that *text* is, read as strictly as an envelope; None for null and whatever is no JSON."""
    try:
        value = orjson.loads(text)
        # orjson keeps the last of equal keys and rounds huge numbers. Text that it writes back byte for byte can have
        # had neither.
        if orjson.dumps(value) == text:
            return value
    except (ValueError, TypeError):  # lone surrogates and deep lists are JSON too, so this does not settle it
        pass

    try:
        return STRICT_JSON.decode(text.decode("utf-8"))
    except (ValueError, RecursionError):
        return None


# ----------------------------------------------------------------------------------------------------------- answers
def is_success(response: Response, envelope: Envelope | None) -> bool:
    """Tell whether the answer confirms the request: HTTP 2xx, a JSON object, and `code` the integer 0.

    False, 0.0 and "0" are not the integer 0.
    """
    if envelope is None or not 200 <= response.status <= 299:
        return False
    code = envelope.get("code")
    return type(code) is int and code == 0


def code_of(value: object) -> int | None:
    """Return the code that says what failed, or None: it is a non-zero integer, as a number or as decimal text.

    Gateways that turn 64-bit integers into text (`Agw-Js-Conv: str`) may do so with a code.
    """
    if type(value) is int:
        return value or None
    if isinstance(value, str) and _NUMERAL.fullmatch(value):
        return int(value)
    return None


def make_answer(
    response: Response,
    code: object = None,
    message: object = None,
    log_ids: Iterable[object] = (),
    redact: Redact = str,
) -> Answer:
    """Return what reports say of *response*; *log_ids* are the places where a log id may stand, best first.

    Without a *message*, a failure's text or JSON speaks for itself, and other bodies are named by their type. What
    comes out can be written to a database and as UTF-8, and holds no secret that *redact* knows. It is otherwise as
    hostile as the server.
    """
    if not isinstance(message, str):
        silent = type(code) is int and code == 0 and 200 <= response.status <= 299
        message = "" if silent else _describe(response, redact)
    log_id = ""
    for text in log_ids:
        if isinstance(text, str) and _LOG_ID.fullmatch(text):
            log_id = redact(text)
            break
    message = _tidy(_cleared(message, redact), MAX_MESSAGE_CHARACTERS)
    return Answer(response.status, _reported_code(code, redact), message, log_id)


def _reported_code(code: object, redact: Redact) -> int | str | None:
    if type(code) is int:
        return code if code in _INT64 else str(code)[:_MAX_CODE_CHARACTERS]
    if isinstance(code, str):
        return _tidy(_cleared(code, redact), _MAX_CODE_CHARACTERS)
    return None


def _describe(response: Response, redact: Redact) -> str:
    # In small letters a secret is no longer found.
    media_type = redact(response.headers.get("content-type", "")).partition(";")[0].strip().lower()
    if not response.body:
        return "the answer is empty"
    if media_type in ("text/plain", "application/json"):
        return response.body.decode("utf-8", "replace").strip()
    return f"the answer is {media_type}" if _MEDIA_TYPE.fullmatch(media_type) else "the answer is not of a known form"


def _cleared(text: str, redact: Redact) -> str:
    """Return at least the beginning of *text* without secrets, and without a part of one where it is cut."""
    if len(text) <= _MAX_READ_CHARACTERS:
        return redact(text) if text else text
    return redact(text[:_MAX_READ_CHARACTERS])[:-_MAX_SECRET_CHARACTERS]


def _tidy(text: str, limit: int) -> str:
    cut = text[:limit]
    if cut.isprintable():  # nearly always, and neither of the two is
        return cut
    return _SURROGATE.sub("\ufffd", cut).replace("\0", "\ufffd")


# ---------------------------------------------------------------------------------------------------------- verdicts
def judge(
    response: Response, envelope: Envelope | None, code: int | None, answer: Answer, codes: Mapping[int, Meaning]
) -> Verdict:
    """Say what the answer to a write means; *code* is what `code_of` found, *codes* the provider's table.

    A redirect is a redirect. Otherwise a code of the table speaks before the status, with one exception: it cannot
    refuse an item where the status tells of something else, as 401, 409, 429 and 503 do. After a success status, a code
    that the table does not have refuses the item.
    """
    if is_success(response, envelope):
        return Accepted(answer)

    by_status = judge_status(response.status)
    meaning = codes.get(code) if code is not None else None
    if by_status is _REDIRECTED:
        meaning = by_status
    elif meaning is None:
        meaning = _REJECTED if code is not None and 200 <= response.status <= 299 else by_status
    elif meaning.kind == "refused" and meaning.scope == "item" and _overrules(response.status, by_status):
        meaning = by_status

    if meaning.kind == "refused" and envelope is not None and type(zero := envelope.get("code")) is int and zero == 0:
        meaning = meaning._replace(doubt=True)  # a refusal that calls itself a success
    return verdict_of(meaning, response, answer)


def judge_status(status: int) -> Meaning:
    """Say what *status* means by itself. A success status means nothing without its envelope: unclear."""
    meaning = _STATUSES.get(status)
    if meaning is not None:
        return meaning
    if 300 <= status <= 399:
        return _REDIRECTED
    if 400 <= status <= 499:
        return _REJECTED
    if 500 <= status <= 599:
        return _SERVER_ERROR
    return _UNCLEAR


def verdict_of(meaning: Meaning, response: Response, answer: Answer, server_time_s: float | None = None) -> Verdict:
    """Return *meaning* as a verdict; waiting times come from the answer's `Retry-After`."""
    match meaning.kind:
        case "throttled":
            return Throttled(answer, retry_after_s(response.headers))
        case "transient":
            return Transient(meaning.reason, answer, meaning.doubt, retry_after_s(response.headers))
        case "refused":
            return Refused(meaning.scope, meaning.reason, answer, meaning.doubt)
        case "unauthorised":
            return Unauthorised(answer, server_time_s)


def _overrules(status: int, by_status: Meaning) -> bool:
    if 200 <= status <= 299:
        return False
    return by_status.kind != "refused" or by_status.scope != "item" or by_status.doubt


# ------------------------------------------------------------------------------------------------------------- times
def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds `Retry-After` asks to wait, or None when it does not say so properly.

    A date counts from the server's own `Date`; without that there is nothing to count from. Never negative, and not
    shortened.
    """
    text = headers.get("retry-after", "").strip(" \t")
    if _SECONDS.fullmatch(text):
        return float(text)

    until_s = parse_http_date(text)
    now_s = parse_http_date(headers.get("date", "").strip(" \t"))
    if until_s is None or now_s is None:
        return None
    return max(0.0, until_s - now_s)


def server_time_s(headers: Mapping[str, str]) -> float | None:
    """Return the server's clock, seconds since the epoch, or None when `Date` does not tell a believable time."""
    time_s = parse_http_date(headers.get("date", "").strip(" \t"))
    earliest_s, latest_s = _SANE_TIMES
    return time_s if time_s is not None and earliest_s <= time_s < latest_s else None


def parse_http_date(text: str) -> float | None:
    """Return the seconds since the epoch that *text*, in one of the three forms of HTTP, stands for.

    A date without a zone is GMT.
    """
    match = next(filter(None, (form.fullmatch(text) for form in _DATES)), None)
    if match is None or match["month"] not in _MONTHS:
        return None

    year = int(match["year"])
    if len(match["year"]) == 2:
        year += 2000 if year < 70 else 1900
    month = _MONTHS.index(match["month"]) + 1
    zone = timedelta(hours=int(match["zone_h"] or 0), minutes=int(match["zone_min"] or 0))
    # A leap second is the last second of its minute here.
    second = min(int(match["second"]), 59) if match["second"] == "60" else int(match["second"])
    try:
        local = datetime(year, month, int(match["day"]), int(match["hour"]), int(match["minute"]), second)  # noqa: DTZ001
        utc = local.replace(tzinfo=timezone(-zone if match["sign"] == "-" else zone))
        return utc.timestamp()
    except (ValueError, OverflowError):
        return None
