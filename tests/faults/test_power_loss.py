"""The power goes: what a run had synced is there afterwards, and whatever it had not may be anything.

Every commit is synced before anybody hears of it, so the WAL up to its length at that moment is on the disk. What
stands behind that is made up here: nothing, zeros, or rubbish.
"""

import asyncio
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

import pytest

from kbsync.adapters.state import StateStore
from kbsync.core.state import Intent
from tests.adapters.state.plans import answered, began, captions, fate, update
from tests.stories.journal import Journal

CHANGES: Final = 6


class Moment(NamedTuple):
    """What was said to be durable when the WAL had so many bytes."""

    wal_bytes: int
    intents: int
    settled: int


@pytest.mark.fault(
    "F7", seen="the WAL cut or spoilt behind every word that something is durable: all of it was there, the state sound"
)
def test_what_was_said_to_be_durable_is_there_after_a_loss_of_power(tmp_path: Path) -> None:
    path = tmp_path / "home" / "state.db"
    wal = path.with_name("state.db-wal")
    moments: list[Moment] = []
    intents = settled = 0

    def note() -> None:
        moments.append(Moment(wal.stat().st_size, intents, settled))

    def hear(_: object) -> None:
        nonlocal settled
        settled += 1
        note()

    with StateStore(path) as store:
        journal = began(store, captions(CHANGES), hear)

        async def run() -> None:
            nonlocal intents
            note()
            for seq in range(CHANGES):
                await journal.intend(Intent(seq, 1, time.time()))
                intents += 1
                note()
                journal.conclude(answered(seq))
                journal.settle(fate(seq))
                if seq % 3 == 0:
                    await journal.flush()
            await journal.flush()

        asyncio.run(run())
        assert len(moments) == 1 + 2 * CHANGES
        whole = tmp_path / "whole"
        whole.mkdir(0o700)
        for file in (path, wal):
            shutil.copyfile(file, whole / file.name)

    ends = [(moment, tail) for moment in moments for tail in tails(whole, moment)]
    for number, (moment, tail) in enumerate(ends):
        after = tmp_path / f"{number}"
        after.mkdir(0o700)
        shutil.copyfile(whole / path.name, after / path.name)
        (after / wal.name).write_bytes((whole / wal.name).read_bytes()[: moment.wal_bytes] + tail)
        check(after / path.name, moment)


def tails(whole: Path, moment: Moment) -> Iterator[bytes]:
    """Make up what stands behind the last byte that was synced."""
    rest = (whole / "state.db-wal").read_bytes()[moment.wal_bytes :]
    random = Random(moment.wal_bytes)
    yield b""
    yield bytes(len(rest))
    yield random.randbytes(len(rest))
    yield rest[: random.randint(0, len(rest))]
    # Parts of it, in no order.
    yield bytes(byte if (place // 512) % 3 else 0 for place, byte in enumerate(rest))


def check(path: Path, moment: Moment) -> None:
    journal = Journal(path)
    assert journal.is_sound()
    settled = journal.outcomes()["updated"]
    assert settled >= moment.settled
    assert journal.open_intents() + settled >= moment.intents

    with StateStore(path) as store:
        following = began(store, captions(1, "neu"))
        asyncio.run(update(following, range(1)))
        store.finish_run(following)
    assert journal.outcomes()["updated"] == settled + 1
