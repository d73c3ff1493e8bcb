"""How faults look on the wire: each shape as a short script of bytes, pauses and endings."""

import gzip
from collections.abc import Callable, Iterator, Mapping
from email.utils import formatdate
from enum import Enum
from typing import NamedTuple, TypeAlias

from kbsync.emulator.api import Api
from kbsync.emulator.faults import GARBAGE_RETRY_AFTER, Fault, Shape
from kbsync.emulator.messages import Answer, rendered

__all__ = ("ANSWERLESS", "End", "Pause", "Scene", "Script", "Step", "failing_answer", "script")

CHUNK_BYTES = 64 * 1024
PARTING_PAUSE_S = 0.02
THROTTLED_STATUS = 429


class End(Enum):
    """How a connection ends before its time."""

    CLOSE = "close"
    RESET = "reset"
    SILENCE = "silence"


class Pause(NamedTuple):
    """Nothing for a while."""

    seconds: float


Step: TypeAlias = bytes | Pause | End
Script: TypeAlias = Iterator[Step]

ANSWERLESS: frozenset[Shape] = frozenset({"close", "reset", "silence"})


class Scene(NamedTuple):
    """What a script has to work with: the fault, the answer that would be right, a number in [0, 1), the time."""

    fault: Fault
    answer: Answer
    draw: float
    now_s: float
    date: bytes


def failing_answer(fault: Fault, api: Api, log_id: str, draw: float, now_s: float) -> Answer | None:
    """Give the well-formed answer of faults that have one of their own, or None when they spoil the true one."""
    make = _FAILING.get(fault.shape)
    return None if make is None else make(_Failing(fault, api, log_id, draw, now_s))


def script(scene: Scene) -> Script | None:
    """Give what to do on the wire, or None for nothing but the answer."""
    make = _SCRIPTS.get(scene.fault.shape)
    return None if make is None else make(scene)


class _Failing(NamedTuple):
    fault: Fault
    api: Api
    log_id: str
    draw: float
    now_s: float


def _pick(values: tuple[int, ...] | tuple[str, ...], draw: float) -> int | str:
    return values[int(draw * len(values))]


def _status(case: _Failing) -> Answer:
    fault, codes = case.fault, case.api.codes
    headers: tuple[tuple[str, str], ...] = ()
    if fault.retry_after is not None:
        headers = (("Retry-After", _retry_after(fault.retry_after, case)),)
    if fault.status == THROTTLED_STATUS:
        answer = case.api.failure(fault.status, codes.throttled[0], "too many requests", case.log_id)
    elif fault.status == 500:
        answer = case.api.failure(fault.status, codes.internal, "internal error", case.log_id)
    elif fault.status == 204:
        return Answer(204, b"", None, headers, "")
    else:
        page = f"<html><body><h1>{fault.status}</h1><hr>gateway</body></html>"
        answer = Answer(fault.status, page.encode(), None, (), "text/html")
    return answer._replace(headers=answer.headers + headers)


def _retry_after(text: str, case: _Failing) -> str:
    if text == "date":
        return formatdate(case.now_s + 1, usegmt=True)
    if text == "garbage":
        return str(_pick(GARBAGE_RETRY_AFTER, case.draw))
    return text


def _code(case: _Failing) -> Answer:
    codes = case.api.codes
    code = case.fault.code
    if code is None:
        code = int(_pick(codes.throttled if case.fault.shape == "throttle" else codes.transient, case.draw))
    return case.api.failure(200, code, "please try again later", case.log_id)


def _refusal(case: _Failing) -> Answer:
    codes = case.api.codes
    status, code = {
        "unauthorised": (401, codes.unauthorised),
        "forbidden": (403, codes.forbidden),
        "missing": (codes.missing_status, codes.missing),
    }.get(case.fault.text, (codes.content_status, codes.content))
    return case.api.failure(status, code, f"refused: {case.fault.text}", case.log_id)


def _literal(case: _Failing) -> Answer:
    return case.api.envelope(case.fault.text, case.log_id)


def _body(case: _Failing) -> Answer:
    return Answer(200, case.fault.text.encode())


def _raw_bytes(case: _Failing) -> Answer:
    return Answer(200, case.fault.text.encode("latin-1"))


def _redirect(case: _Failing) -> Answer:
    return Answer(case.fault.status, b"", None, (("Location", case.fault.text),), "text/plain")


_FAILING: Mapping[Shape, Callable[[_Failing], Answer]] = {
    "status": _status,
    "code": _code,
    "throttle": _code,
    "refusal": _refusal,
    "literal": _literal,
    "body": _body,
    "bytes": _raw_bytes,
    "redirect": _redirect,
}


def _closed(scene: Scene) -> Script:
    yield from _wait(scene)
    yield End.CLOSE


def _reset(scene: Scene) -> Script:
    yield from _wait(scene)
    yield End.RESET


def _silence(scene: Scene) -> Script:  # noqa: ARG001 - the signature of all scripts
    yield End.SILENCE


def _wait(scene: Scene) -> Script:
    if scene.fault.delay_s:
        yield Pause(scene.fault.delay_s)


def _half(scene: Scene) -> bytes:
    return scene.answer.body[: len(scene.answer.body) // 2]


def _cut(scene: Scene) -> Script:
    yield rendered(scene.answer._replace(body=_half(scene)), scene.date)


def _short(scene: Scene) -> Script:
    yield rendered(scene.answer._replace(body=_half(scene)), scene.date, length=len(scene.answer.body))
    yield End.CLOSE


def _head(scene: Scene, *lines: str) -> bytes:
    """Write the head of a good answer with *lines* instead of a Content-Length."""
    claimed = (f"HTTP/1.1 {scene.answer.status} OK", f"Date: {scene.date.decode()}", "Server: kbsync-emulator")
    named = (f"{name}: {value}" for name, value in scene.answer.headers)
    return "\r\n".join((*claimed, *named, *lines, "", "")).encode()


def _short_chunks(scene: Scene) -> Script:
    yield _head(scene, f"Content-Type: {scene.answer.content_type}", "Transfer-Encoding: chunked")
    yield b"%x\r\n%b\r\n" % (len(scene.answer.body), scene.answer.body)
    yield End.CLOSE


def _slow(scene: Scene) -> Script:
    body = scene.answer.body
    yield rendered(scene.answer._replace(body=b""), scene.date, length=len(body))
    for at in range(len(body)):
        yield Pause(scene.fault.delay_s / len(body))
        yield body[at : at + 1]


def _huge(scene: Scene) -> Script:
    size = scene.fault.size_bytes
    opening = b'{"code":0,"msg":"","message":"success","filler":"'
    yield _head(scene, "Content-Type: application/json", f"Content-Length: {len(opening) + size + 2}")
    yield opening
    filler = b"x" * CHUNK_BYTES
    for _ in range(size // CHUNK_BYTES):
        yield filler
    yield b"x" * (size % CHUNK_BYTES)
    yield b'"}'


def _gzip_bomb(scene: Scene) -> Script:
    packed = gzip.compress(b'{"code":0,"filler":"' + b"0" * scene.fault.size_bytes + b'"}', 9)
    yield (
        _head(scene, "Content-Type: application/json", "Content-Encoding: gzip", f"Content-Length: {len(packed)}")
        + packed
    )


def _bad_gzip(scene: Scene) -> Script:
    broken = b"\x1f\x8b\x08\x00" + scene.answer.body
    yield (
        _head(scene, "Content-Type: application/json", "Content-Encoding: gzip", f"Content-Length: {len(broken)}")
        + broken
    )


def _garbage(scene: Scene) -> Script:
    yield b"HTPT/banana two hundred\r\nnonsense\r\n\r\n" + scene.answer.body
    yield End.CLOSE


def _content_type(scene: Scene) -> Script:
    if scene.fault.text == "html":
        page = b"<!DOCTYPE html><html><body><h1>Please log in to the network</h1></body></html>"
        yield rendered(Answer(200, page, content_type="text/html; charset=utf-8"), scene.date)
        return
    yield rendered(scene.answer._replace(content_type=scene.fault.text), scene.date)


def _headers(scene: Scene) -> Script:
    padding = ("X-Padding", "x" * scene.fault.size_bytes)
    yield rendered(scene.answer._replace(headers=(*scene.answer.headers, padding)), scene.date)


def _many_headers(scene: Scene) -> Script:
    padding = tuple((f"X-Padding-{number}", "x") for number in range(scene.fault.size_bytes))
    yield rendered(scene.answer._replace(headers=scene.answer.headers + padding), scene.date)


def _parting(scene: Scene) -> Script:
    yield rendered(scene.answer, scene.date)
    yield End.CLOSE


def _parting_reset(scene: Scene) -> Script:
    yield rendered(scene.answer, scene.date)
    # Long enough for the answer to leave: a reset discards what the peer has not read yet.
    yield Pause(PARTING_PAUSE_S)
    yield End.RESET


def _delayed(scene: Scene) -> Script | None:
    return _after_pause(scene) if scene.fault.delay_s else None


def _after_pause(scene: Scene) -> Script:
    yield Pause(scene.fault.delay_s)
    yield rendered(scene.answer, scene.date)


_SCRIPTS: Mapping[Shape, Callable[[Scene], Script | None]] = {
    "close": _closed,
    "reset": _reset,
    "silence": _silence,
    "cut": _cut,
    "short": _short,
    "short_chunks": _short_chunks,
    "slow": _slow,
    "huge": _huge,
    "gzip_bomb": _gzip_bomb,
    "bad_gzip": _bad_gzip,
    "garbage": _garbage,
    "content_type": _content_type,
    "headers": _headers,
    "many_headers": _many_headers,
    "parting": _parting,
    "parting_reset": _parting_reset,
    "listing": _delayed,
    "stuck": _delayed,
    "answer": _delayed,
    "status": _delayed,
    "code": _delayed,
    "throttle": _delayed,
    "refusal": _delayed,
    "literal": _delayed,
    "body": _delayed,
    "bytes": _delayed,
    "redirect": _delayed,
}
