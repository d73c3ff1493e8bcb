"""One request on the wire, and what came of it."""

from dataclasses import dataclass
from typing import Final, TypeAlias

from kbsync.core.wire import (
    Accepted,
    Answer,
    Lost,
    Page,
    ReadResult,
    Refused,
    Throttled,
    Transient,
    Unauthorised,
    Verdict,
)

__all__ = ("UNDECIDED", "Exchange", "Meaning", "answer_of")

Meaning: TypeAlias = Verdict | ReadResult | Page | Lost

# What a request means from when its first byte leaves until something came back.
UNDECIDED: Final = Lost("cancelled", "no answer was waited for", sent=True)
_NOTHING: Final = Answer()
_WORDS: Final[dict[type[object], str]] = {
    Accepted: "accepted",
    ReadResult: "accepted",
    Page: "accepted",
    Throttled: "throttled",
    Transient: "transient",
    Refused: "refused",
    Unauthorised: "unauthorised",
    Lost: "lost",
}


@dataclass(slots=True)
class Exchange:
    """A request and its answer.

    *sent_at_s* is wall time. *meaning* stays None while it is connecting, and when it was held back: *held_back*.
    *began_s* is when it was handed over, moved on by what it waited for at the gate, and *duration_s* what it took.
    """

    sent_at_s: float = 0.0
    began_s: float = 0.0
    duration_s: float = 0.0
    meaning: Meaning | None = None
    held_back: bool = False

    @property
    def left_at_s(self) -> float | None:
        """When bytes left, as wall time, or None when none did."""
        if self.meaning is None or (isinstance(self.meaning, Lost) and not self.meaning.sent):
            return None
        return self.sent_at_s

    @property
    def word(self) -> str:
        """What the journal calls its end."""
        return "unsent" if self.meaning is None else _WORDS[type(self.meaning)]

    @property
    def reason(self) -> str:
        """Its end as a stable word."""
        match self.meaning:
            case Lost() | Transient() | Refused():
                return self.meaning.reason
            case _:
                return self.word

    @property
    def answer(self) -> Answer:
        """What a report says of it."""
        return _NOTHING if self.meaning is None else answer_of(self.meaning)

    @property
    def doubt(self) -> bool:
        """Whether it may have been applied although nothing confirmed it."""
        match self.meaning:
            case Lost():
                return self.meaning.sent
            case Transient() | Refused():
                return self.meaning.doubt
            case _:
                return False


def answer_of(meaning: Meaning) -> Answer:
    """Return what a report says of *meaning*."""
    return Answer(message=meaning.detail) if isinstance(meaning, Lost) else meaning.answer
