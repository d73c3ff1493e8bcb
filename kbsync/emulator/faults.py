"""The vocabulary of misbehaviour.

A fault says two things: what becomes of the write (*effect*) and what becomes of the answer (*shape*).
`FAULTS` names the useful pairs; a rule may take one and change its members.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Literal, cast, get_args

from kbsync.emulator.messages import MalformedError

__all__ = ("FAULTS", "GARBAGE_RETRY_AFTER", "PRESETS", "Effect", "Fault", "Shape", "changed_fault", "read_mix")

Effect = Literal["apply", "skip", "late"]
"""The write is done, is not done, or is done *late_s* after the request was read."""

Shape = Literal[
    "answer",  # the true answer, after delay_s
    "status",  # HTTP status, with retry_after if there is one
    "code",  # HTTP 200 and a vendor's code: code, or one drawn from the vendor's transient ones
    "throttle",  # HTTP 200 and one of the vendor's codes for too many requests
    "refusal",  # the vendor's own refusal, named by text: unauthorised, forbidden, missing, content
    "literal",  # HTTP 200 and a good envelope, but code is text, or absent when text is empty
    "body",  # HTTP 200, and the body is text
    "bytes",  # HTTP 200, and the body is text in Latin-1: any bytes
    "redirect",  # HTTP status with a Location
    "close",  # the connection is closed without an answer
    "reset",  # the connection is reset without an answer
    "silence",  # nothing at all
    "cut",  # half of the true body, with a Content-Length that fits
    "short",  # half of the true body, with the Content-Length of the whole, then closed
    "short_chunks",  # the true body in chunks, closed before the last one
    "slow",  # the true body, byte after byte over delay_s
    "huge",  # a body of size_bytes
    "gzip_bomb",  # a small gzip body that unpacks to size_bytes
    "bad_gzip",  # a body that claims to be gzip
    "garbage",  # a status line that is none
    "content_type",  # the true body under the content type text (empty: none)
    "headers",  # the true body after a header of size_bytes
    "listing",  # a list spoiled as text says: short, empty, doubled, nameless, more, fewer, negative
    "stuck",  # the first page of a list, whichever was asked for
    "parting",  # the true answer, and then the connection is closed although nothing said so
    "parting_reset",  # the true answer, and then the connection is reset
    "many_headers",  # the true body after size_bytes headers
]


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to misbehave. Which members count depends on the shape."""

    kind: str
    shape: Shape
    effect: Effect = "skip"
    status: int = 200
    code: int | None = None
    text: str = ""
    retry_after: str | None = None
    delay_s: float = 0.0
    late_s: float = 1.0
    size_bytes: int = 0


# Each is refused or misread by some parser in use: signs, other digits, floats, lists, impossible dates.
GARBAGE_RETRY_AFTER = (
    "",
    "-1",
    "1.5",
    "１２",
    "1_000",
    "nan",
    "inf",
    "1e3",
    "100000000000000000000",
    "120, 240",
    "soon",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Wed, 21 Oct 2015 07:28:00",
    "Wed Oct 21 07:28:00 2015",
)


def _table(*faults: Fault) -> Mapping[str, Fault]:
    return {fault.kind: fault for fault in faults}


FAULTS: Mapping[str, Fault] = _table(
    # Refused for now.
    Fault("http_408", "status", status=408),
    Fault("http_429", "status", status=429),
    Fault("http_429_after", "status", status=429, retry_after="1"),
    Fault("http_429_date", "status", status=429, retry_after="date"),
    Fault("http_429_garbage", "status", status=429, retry_after="garbage"),
    Fault("http_500", "status", status=500),
    Fault("http_502", "status", status=502),
    Fault("http_503", "status", status=503),
    Fault("http_503_after", "status", status=503, retry_after="1"),
    Fault("http_504", "status", status=504),
    Fault("code_transient", "code"),
    Fault("code_throttled", "throttle"),
    # Refused for good.
    Fault("refused_401", "refusal", text="unauthorised"),
    Fault("refused_403", "refusal", text="forbidden"),
    Fault("refused_404", "refusal", text="missing"),
    Fault("refused_content", "refusal", text="content"),
    Fault("redirect_301", "redirect", status=301, text="http://127.0.0.1:9/elsewhere"),
    Fault("redirect_302", "redirect", status=302, text="http://127.0.0.1:9/elsewhere"),
    Fault("redirect_307", "redirect", status=307, text="http://127.0.0.1:9/elsewhere"),
    Fault("redirect_308", "redirect", status=308, text="http://127.0.0.1:9/elsewhere"),
    # No answer.
    Fault("disconnect_before", "close"),
    Fault("disconnect_after", "close", "apply"),
    Fault("reset_before", "reset"),
    Fault("reset_after", "reset", "apply"),
    Fault("hang_before", "silence"),
    Fault("hang_after", "silence", "apply"),
    # The write and the answer disagree.
    Fault("late_write", "close", "late"),
    Fault("late_write_hang", "silence", "late"),
    Fault("late_write_504", "status", "late", status=504),
    Fault("ignored_write", "answer"),
    # Late.
    Fault("latency", "answer", "apply", delay_s=1.0),
    Fault("slow_body", "slow", "apply", delay_s=5.0),
    # Half.
    Fault("truncated_json", "cut", "apply"),
    Fault("truncated_body", "short", "apply"),
    Fault("truncated_chunks", "short_chunks", "apply"),
    # Wrong.
    Fault("garbage_status", "garbage", "apply"),
    Fault("huge_body", "huge", "apply", size_bytes=64 * 2**20),
    Fault("gzip_bomb", "gzip_bomb", "apply", size_bytes=64 * 2**20),
    Fault("bad_gzip", "bad_gzip", "apply"),
    Fault("huge_header", "headers", "apply", size_bytes=70_000),
    Fault("many_headers", "many_headers", "apply", size_bytes=10_000),
    Fault("wrong_content_type", "content_type", "apply", text="text/html"),
    Fault("no_content_type", "content_type", "apply"),
    Fault("html", "content_type", text="html"),
    Fault("no_content", "status", "apply", status=204),
    Fault("empty_body", "body", "apply"),
    Fault("top_list", "body", "apply", text="[]"),
    Fault("top_string", "body", "apply", text='"ok"'),
    Fault("top_null", "body", "apply", text="null"),
    Fault("top_number", "body", "apply", text="0"),
    Fault("duplicate_keys", "body", text='{"code":1,"code":0,"msg":"","message":"success"}'),
    Fault("invalid_utf8", "bytes", "apply", text='{"code":0,"msg":"\xff\xfe"}'),
    Fault("utf8_bom", "bytes", "apply", text='\xef\xbb\xbf{"code":0,"msg":""}'),
    # A good answer, but the connection is gone when the next request comes.
    Fault("answer_then_close", "parting", "apply"),
    Fault("answer_then_reset", "parting_reset", "apply"),
    # Lists that lie. A write is answered as ever.
    Fault("page_stuck", "stuck", "apply"),
    Fault("page_short", "listing", "apply", text="short"),
    Fault("page_empty", "listing", "apply", text="empty"),
    Fault("page_doubled_item", "listing", "apply", text="doubled"),
    Fault("page_nameless_item", "listing", "apply", text="nameless"),
    Fault("total_more", "listing", "apply", text="more"),
    Fault("total_fewer", "listing", "apply", text="fewer"),
    Fault("total_negative", "listing", "apply", text="negative"),
    # The envelope, but for its code.
    Fault("code_missing", "literal", "apply"),
    Fault("code_null", "literal", "apply", text="null"),
    Fault("code_string", "literal", "apply", text='"0"'),
    Fault("code_negative", "literal", text="-1"),
    Fault("code_true", "literal", "apply", text="true"),
    Fault("code_false", "literal", "apply", text="false"),
    Fault("code_float", "literal", "apply", text="0.0"),
    Fault("code_exponent", "literal", "apply", text="1e3"),
    Fault("code_nan", "literal", "apply", text="NaN"),
    Fault("code_list", "literal", "apply", text="[]"),
)

PRESETS: Mapping[str, Mapping[str, float]] = {
    "flaky": {"http_500": 3, "http_502": 2, "http_503": 2, "http_504": 1, "http_429": 2, "code_transient": 2},
    "storm": {
        "http_500": 3,
        "http_502": 2,
        "http_503": 2,
        "http_503_after": 1,
        "http_504": 1,
        "late_write_504": 1,
        "http_429": 1,
        "http_429_after": 1,
        "http_429_garbage": 1,
        "code_transient": 2,
        "code_throttled": 1,
        "disconnect_before": 2,
        "disconnect_after": 2,
        "reset_before": 1,
        "reset_after": 2,
        "truncated_json": 1,
        "truncated_body": 1,
        "truncated_chunks": 1,
        "garbage_status": 1,
        "bad_gzip": 1,
        "html": 1,
        "empty_body": 1,
        "code_missing": 1,
        "code_string": 1,
        "top_list": 1,
    },
    "outage": {"http_503": 2, "http_502": 1, "disconnect_before": 1, "reset_before": 1},
    "lost_answers": {"disconnect_after": 2, "reset_after": 1, "truncated_body": 1, "late_write": 1},
}
"""Mixes by name: kinds and their weights."""


def changed_fault(kind: str, changes: Mapping[str, object]) -> Fault:
    """Give the fault of this *kind* with *changes* by member. An unknown kind or member is a ValueError."""
    fault = FAULTS.get(kind)
    if fault is None:
        raise MalformedError(f"unknown fault {kind!r}; known: {', '.join(FAULTS)}")
    checked: dict[str, object] = {}
    for name, value in changes.items():
        kinds = _MEMBERS.get(name)
        if kinds is None:
            raise MalformedError(f"unknown member {name!r} of a fault; known: {', '.join(_MEMBERS)}")
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise MalformedError(f"{name} of fault {kind!r} has the wrong type")
        if name in _CHOICES and value not in _CHOICES[name]:
            raise MalformedError(f"{name} must be one of {', '.join(_CHOICES[name])}")
        checked[name] = value
    return replace(fault, **checked)  # type: ignore[arg-type]


def read_mix(text: str) -> dict[str, float]:
    """Read `kind=weight,kind=weight` (a weight may be left out) or the name of a preset."""
    if text in PRESETS:
        return dict(PRESETS[text])
    mix: dict[str, float] = {}
    for part in text.split(","):
        kind, _, weight = part.strip().partition("=")
        if kind not in FAULTS:
            raise MalformedError(f"unknown fault {kind!r}; known: {', '.join((*PRESETS, *FAULTS))}")
        try:
            mix[kind] = float(weight) if weight else 1.0
        except ValueError:
            raise MalformedError(f"the weight of {kind} is not a number") from None
        if not 0 < mix[kind] < float("inf"):
            raise MalformedError(f"the weight of {kind} must be above 0")
    return mix


_CHOICES: dict[str, tuple[str, ...]] = {"effect": get_args(Effect), "shape": get_args(Shape)}
_MEMBERS = {
    entry.name: cast(
        "tuple[type, ...]",
        {"status": (int,), "code": (int,), "size_bytes": (int,), "delay_s": (int, float), "late_s": (int, float)}.get(
            entry.name, (str,)
        ),
    )
    for entry in fields(Fault)
    if entry.name != "kind"
}
