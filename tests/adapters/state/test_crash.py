"""A process that journals is killed at random moments; what it was told is compared with what is found."""

import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

from kbsync.adapters.state import StateStore, holder
from tests.adapters.state.plans import OK, files_of, image

_CHANGES = 400
# Writes a line before each send, as the wire would see it, and one for each outcome it was told of.
_SCRIPT = """
import asyncio, os, sys, time
from pathlib import Path
from kbsync.adapters.state import StateStore
from kbsync.core.state import Intent
from tests.adapters.state.plans import answered, captions, fate, lost

store, text = StateStore(Path(sys.argv[1])), sys.argv[2]
store.lock("apply")
say = lambda word, seq: os.write(1, f"{word} {seq}\\n".encode())
journal = store.begin_run(captions(%d, text), on_settled=lambda settlement: say("told", settlement.seq))
say("began", journal.run_id)

async def work(pending):
    for seq in pending:
        for number in (1, 2):
            await journal.intend(Intent(seq, number, time.time()))
            say("sent", seq)
            await asyncio.sleep(0.0005)
            journal.conclude(lost(seq) if number == 1 and seq %% 5 == 0 else answered(seq, number))
            if number == 2 or seq %% 5:
                break
        journal.settle(fate(seq, attempts=number))

async def main():
    pending = iter(range(%d))
    async with asyncio.TaskGroup() as tasks:
        for _ in range(8):
            tasks.create_task(work(pending))
    await journal.flush()

asyncio.run(main())
store.finish_run(journal)
store.close()
""" % (_CHANGES, _CHANGES)  # noqa: UP031 - the script is full of braces


def test_a_kill_loses_nothing_that_was_told_and_leaves_in_doubt_what_was_sent(tmp_path: Path) -> None:
    path = tmp_path / ".kbsync" / "state.db"
    randomly = random.Random(4)
    believed: dict[int, int] = {}
    doubtful = 0
    for kill in range(15):
        text = f"第{kill}次"
        sent, told = _run_and_kill(path, text, randomly.random() * 0.25)

        assert holder(path) is None
        if not path.exists():
            assert not sent
            continue
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        believed.update(dict.fromkeys(told, kill))
        with StateStore(path).known() as known:
            doubts = {int(item.id) - int(image(0).id) for item in known.doubts()}
            values = {seq: known.fields(image(seq)).get("caption") for seq in range(_CHANGES)}
        if not known.serial:
            continue
        doubtful += len(doubts)
        in_report = {row.settlement.seq: row.settlement.outcome for row in StateStore(path).load_report().rows}
        assert len(in_report) == _CHANGES
        assert sent - told <= doubts | {seq for seq, outcome in in_report.items() if outcome == "updated"}
        for seq, outcome in in_report.items() if told or sent else ():
            assert (outcome == "updated") == (values[seq] == f"{text} {seq}")
            assert outcome == "updated" or seq not in told
            if outcome == "not_attempted":
                assert seq not in sent
        for seq, newest in believed.items():
            # A later run may have been killed between the commit and the telling.
            assert values[seq] in {f"第{later}次 {seq}" for later in range(newest, kill + 1)}

    assert doubtful
    _run_and_kill(path, "最后", 60)
    assert files_of(path.parent) == {"state.db", "state.db.lock"}
    with StateStore(path).known() as known:
        assert known.doubts() == {}
        assert all(known.fields(image(seq)) == {"caption": f"最后 {seq}"} for seq in range(_CHANGES))
    last = StateStore(path).load_report()
    assert last.totals["updated"] == _CHANGES
    assert last.rows[0].settlement.answer == OK


def _run_and_kill(path: Path, text: str, after_s: float) -> tuple[set[int], set[int]]:
    """Return which changes were sent and which were told as settled, when the run was killed *after_s* of sending."""
    with subprocess.Popen([sys.executable, "-c", _SCRIPT, str(path), text], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        began = process.stdout.readline() if random.Random(text).random() < 0.9 else b""
        with suppress(subprocess.TimeoutExpired):
            process.wait(after_s) if began else time.sleep(after_s)
        process.send_signal(signal.SIGKILL)
        words = [line.split() for line in process.stdout.read().decode().splitlines()]
    sent = {int(seq) for word, seq in words if word == "sent"}
    told = {int(seq) for word, seq in words if word == "told"}
    return sent, told
