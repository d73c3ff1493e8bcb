"""What every refusal has in common, whatever was wrong."""

import re
from collections.abc import Sequence
from hashlib import sha256

from kbsync.emulator.sample import SAMPLE_SECRET_ACCESS_KEY, SAMPLE_TOKEN
from kbsync.providers import ALL_RULES
from tests.cli.desk import Desk, Told

__all__ = ("problems", "refused", "well_formed")

_PROBLEM = re.compile(r"(?P<file>[^ ].*?):(?P<place>[1-9]\d*:[1-9]\d*): .+ \[(?P<rule>[a-z0-9-]+)\]")


def refused(desk: Desk, code: int, *arguments: str, secrets: Sequence[str] = (), stdin: str = "") -> Told:
    """Run a command that has to be refused: with *code*, nothing sent, nothing changed.

    Nothing is on stdout either, except a plan whose credentials turn out to be wrong.
    """
    before = _traces(desk)

    told = desk.run(*arguments, stdin=stdin)

    assert told.code == code, told
    assert not told.out or code == 77
    well_formed(told, secrets)
    assert desk.requests == 0
    assert _traces(desk) == before
    return told


def well_formed(told: Told, secrets: Sequence[str] = ()) -> None:
    """Claim what holds for everything that kbsync says: in words, without control characters, without secrets."""
    said = told.out + told.err
    assert "Traceback" not in said
    assert "internal error" not in said
    assert all(character.isprintable() or character == "\n" for character in told.err), ascii(told.err)
    for secret in (SAMPLE_TOKEN, SAMPLE_SECRET_ACCESS_KEY, *secrets):
        assert secret not in said


def problems(told: Told) -> list[tuple[str, str, str]]:
    """Return file, place and rule of every line on stderr, all of which name them."""
    found: list[tuple[str, str, str]] = []
    for text in told.err.splitlines():
        match = _PROBLEM.fullmatch(text)
        assert match is not None, text
        assert match["rule"] in ALL_RULES
        found.append((match["file"], match["place"], match["rule"]))
    return found


def _traces(desk: Desk) -> dict[str, str]:
    """Return what the state's folder holds, without the lock, which anybody may have looked at."""
    return {
        path.name: sha256(path.read_bytes()).hexdigest()
        for path in sorted(desk.state.parent.glob("*"))
        if path.is_file() and path.suffix != ".lock"
    }
