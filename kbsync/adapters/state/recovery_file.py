"""The file that holds what a run could not write into its state: JSON Lines, the first of which says whose it is.

All of it is ASCII, so that it can go to a terminal when there is no other place left.
"""

import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from kbsync.adapters.files import read_regular
from kbsync.adapters.state.creation import sync_folder
from kbsync.adapters.state.recorder import Concluded, ReadConcluded, Settled, columns
from kbsync.adapters.state.schema import ATTEMPTS_PER_CHANGE
from kbsync.core.exits import Exit
from kbsync.core.state import OutcomeName
from kbsync.core.strict_json import STRICT_JSON
from kbsync.core.wire import Answer
from kbsync.errors import InputError

__all__ = ("RECOVERY_FORMAT", "AttemptEnd", "Outcome", "ReadEnd", "Recovery", "RunEnd", "leave", "read", "records_of")

RECOVERY_FORMAT: Final = "kbsync.recovery/1"
_MAX_BYTES: Final = 1 << 30
_Int64: TypeAlias = Annotated[int, Field(ge=-(1 << 63), lt=1 << 63)]
_Place: TypeAlias = Annotated[int, Field(ge=0, lt=1 << 53)]
_Number: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class _Told(_Record):
    """What the provider answered."""

    http_status: _Int64 | None
    code: _Int64 | str | None
    message: str
    log_id: str

    @property
    def answer(self) -> Answer:
        return Answer(self.http_status, self.code, self.message, self.log_id)


class AttemptEnd(_Told):
    """How attempt *number* of the change at *seq* ended: a `Conclusion`."""

    what: Literal["attempt"] = "attempt"
    seq: _Place
    number: Annotated[int, Field(gt=0, lt=ATTEMPTS_PER_CHANGE)]
    sent_at_s: _Number | None
    duration_ms: _Number
    verdict: str
    doubt: bool


class Outcome(_Told):
    """What became of the change at *seq*: a `Settlement`."""

    what: Literal["outcome"] = "outcome"
    seq: _Place
    outcome: OutcomeName
    reason: str
    attempts: _Place
    duration_ms: _Number


class ReadEnd(_Told):
    """How the read with this *number* ended."""

    what: Literal["read"] = "read"
    number: _Place
    sent_at_s: _Number | None
    duration_ms: _Number
    verdict: str


class RunEnd(_Record):
    """How the run ended: what `StateStore.finish_run` was told, and why changes without an outcome were *left*."""

    what: Literal["end"] = "end"
    at_s: _Number
    exits: list[Annotated[Exit, Field(strict=False)]]
    stopped: dict[str, str]
    left: dict[str, str]


Record: TypeAlias = Annotated[AttemptEnd | Outcome | ReadEnd | RunEnd, Field(discriminator="what")]


class _Head(_Record):
    format: str
    lineage: str
    run_id: str


class Recovery(NamedTuple):
    """What stands in a recovery file. *torn* says that its last line was not written to its end, and is left out."""

    path: Path
    lineage: str
    run_id: str
    records: Sequence[AttemptEnd | Outcome | ReadEnd | RunEnd]
    torn: bool


def records_of(entries: Iterable[Concluded | Settled | ReadConcluded]) -> Iterator[AttemptEnd | Outcome | ReadEnd]:
    """Yield the record of each entry that was not written."""
    for entry in entries:
        match entry:
            case Concluded(one):
                yield AttemptEnd(
                    seq=one.seq,
                    number=one.number,
                    sent_at_s=one.sent_at_s,
                    duration_ms=one.duration_ms,
                    verdict=one.verdict,
                    doubt=one.doubt,
                    **_told(one.answer),
                )
            case Settled(one):
                yield Outcome(
                    seq=one.seq,
                    outcome=one.outcome,
                    reason=one.reason,
                    attempts=one.attempts,
                    duration_ms=one.duration_ms,
                    **_told(one.answer),
                )
            case ReadConcluded(number, _, record):
                yield ReadEnd(
                    number=number,
                    sent_at_s=record.sent_at_s,
                    duration_ms=record.duration_ms,
                    verdict=record.verdict,
                    **_told(record.answer),
                )


def leave(
    state: Path, lineage: str, run_id: str, records: Iterable[AttemptEnd | Outcome | ReadEnd | RunEnd]
) -> Path | None:
    """Write *records* where it is possible, and return where: beside *state*, else in the temporary folder.

    Where neither takes them they go to stderr, and None is returned.
    """
    lines = [_line({"format": RECOVERY_FORMAT, "lineage": lineage, "run_id": run_id})]
    lines += [_line(record.model_dump()) for record in records]
    data = "".join(lines).encode()
    name = f"kbsync-recovery-{run_id}.jsonl"
    for folder in _folders(state):
        with suppress(OSError):
            return _written(folder / name, data)
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(data.decode())
        sys.stderr.flush()
    return None


def read(path: Path) -> Recovery:
    """Return what stands in the recovery file at *path*. Raises InputError when it is none, or damaged."""
    try:
        data = read_regular(path, _MAX_BYTES)
    except OSError as error:
        raise _bad(path, 1, f"cannot be read: {error.strerror}") from None
    if len(data) > _MAX_BYTES:
        raise _bad(path, 1, "this is too large for a recovery file")

    first, *rest = data.splitlines()[:1] or [b""], *data.splitlines()[1:]
    head = _head(path, first[0])
    records: list[AttemptEnd | Outcome | ReadEnd | RunEnd] = []
    torn = False
    for number, line in enumerate(rest, 2):
        try:
            records.append(_RECORD.validate_python(STRICT_JSON.decode(line.decode())))
        except (ValueError, ValidationError, RecursionError):
            torn = number == len(rest) + 1
            if not torn:
                raise _bad(path, number, "this is no line of a recovery file") from None
    return Recovery(path, head.lineage, head.run_id, records, torn)


_RECORD: Final[TypeAdapter[AttemptEnd | Outcome | ReadEnd | RunEnd]] = TypeAdapter(Record)


def _head(path: Path, line: bytes) -> _Head:
    try:
        head = _Head.model_validate(STRICT_JSON.decode(line.decode()))
    except (ValueError, ValidationError, RecursionError):
        raise _bad(path, 1, "this is no recovery file of kbsync") from None
    if head.format != RECOVERY_FORMAT:
        raise _bad(path, 1, f"the format is not {RECOVERY_FORMAT}: another kbsync wrote it")
    return head


def _line(plain: dict[str, Any]) -> str:
    """Return *plain* as a line of JSON that neither a terminal nor a CI system obeys."""
    return json.dumps(plain).replace("\x7f", "\\u007f").replace("##", "#\\u0023") + "\n"


def _folders(state: Path) -> Iterator[Path]:
    yield state.parent
    with suppress(OSError):
        yield Path(tempfile.gettempdir())


def _written(path: Path, data: bytes) -> Path:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    except BaseException:
        path.unlink()
        raise
    finally:
        os.close(descriptor)
    sync_folder(path.parent)
    return path


def _told(answer: Answer) -> dict[str, Any]:
    return dict(zip(("http_status", "code", "message", "log_id"), columns(answer), strict=True))


def _bad(path: Path, line: int, message: str) -> InputError:
    return InputError([f"{path}:{line}:1: {message} [bad-recovery]"])
