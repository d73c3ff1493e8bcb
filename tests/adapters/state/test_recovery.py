"""What a run could not write is left in a file, and recorded later: once, and as if nothing had happened."""

import asyncio
import json
import os
import random
import resource
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from kbsync.adapters.state import Recovered, RunJournal, StateStore
from kbsync.core.exits import Exit
from kbsync.core.items import Item
from kbsync.core.state import Conclusion, Intent, ReadRecord
from kbsync.core.wire import Answer
from kbsync.errors import InputError, StateError, StateWriteError
from tests.adapters.state.formats import is_sound
from tests.adapters.state.plans import OK, answered, began, captioned, captions, fate, files_of, image, lost, plan_of

_CAPTION = "coze.image.caption"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".kbsync" / "state.db"


@contextmanager
def _disk_full(path: Path) -> Generator[None]:
    """Let no file grow beyond what the WAL has now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.with_name(path.name + "-wal").stat().st_size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def _sent(journal: RunJournal, path: Path, end: Callable[[RunJournal], None], count: int = 9) -> None:
    """Send the first attempt of each change, and a read; no end of any is recorded, for the disk is full."""
    for seq in range(count):
        await journal.intend(Intent(seq, 1, 1000.0))
    read = await journal.intend_read("coze-cn", _CAPTION, 20, 1000.0)
    with _disk_full(path):
        journal.conclude_read(read, ReadRecord("coze-cn", _CAPTION, 20, 1000.5, 12.0, "accepted", OK))
        end(journal)
        with pytest.raises(StateWriteError):
            await journal.flush()


def _ends(journal: RunJournal) -> None:
    """0 is updated, 1 and 2 are refused, 3 is unknown, 4 updated after a loss; the others are left."""
    journal.conclude(answered(0))
    journal.settle(fate(0))
    for seq in (1, 2):
        journal.conclude(answered(seq, verdict="refused", answer=Answer(200, 4200, "gone", "log")))
        journal.settle(fate(seq, "failed"))
    journal.conclude(lost(3))
    journal.settle(fate(3, "unknown"))
    journal.conclude(lost(4))
    journal.settle(fate(4))
    journal.leave("coze-cn", "state")


def _failed_run(path: Path, end: Callable[[RunJournal], None] = _ends) -> Path:
    """Have a run that cannot record how it ends, and return what it leaves."""
    with StateStore(path) as store:
        journal = began(store, captions(9))
        asyncio.run(_sent(journal, path, end))
        with pytest.raises(StateWriteError) as told:
            store.finish_run(journal, exits=[Exit.STATE], stopped={"coze-cn": "state"})
    file = path.with_name(f"kbsync-recovery-{journal.run_id}.jsonl")
    assert f"`kbsync state recover {file}`" in str(told.value)
    return file


def _recover(path: Path, file: Path) -> Recovered:
    with StateStore(path) as store:
        store.lock("state recover")
        return store.recover(file)


def _tables(path: Path) -> dict[str, list[Any]]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        rows = {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables}
    return {**rows, "state": [row[:6] for row in rows["state"]]}


def test_what_is_left_is_the_owners_and_says_whose_it_is(path: Path) -> None:
    file = _failed_run(path)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_bytes().isascii()
    head, *records = map(json.loads, file.read_text().splitlines())
    with StateStore(path).known() as known:
        run_id = file.stem.removeprefix("kbsync-recovery-")
        assert head == {"format": "kbsync.recovery/1", "lineage": known.lineage, "run_id": run_id}
    assert [record["what"] for record in records] == ["read", *["attempt", "outcome"] * 5, "end"]


def test_until_it_is_recovered_everything_sent_is_in_doubt(path: Path) -> None:
    _failed_run(path)

    with StateStore(path).known() as known:
        assert known.doubts().keys() == {image(number) for number in range(9)}
    report = StateStore(path).load_report()
    assert report.totals["unknown"] == 9
    assert report.facts.finished_at_s is None


def test_recovered_it_is_as_if_it_had_been_written(path: Path, tmp_path: Path) -> None:
    file = _failed_run(path)
    told = _recover(path, file)

    assert told == Recovered(file.stem.removeprefix("kbsync-recovery-"), 5, 5, torn=False)
    with StateStore(path).known() as known:
        assert {item: known.fields(item) for item in known.items() if known.digest(item)} == {
            image(0): {"caption": "小猫 0"},
            image(4): {"caption": "小猫 4"},
        }
        assert known.doubts().keys() == {image(number) for number in (3, 5, 6, 7, 8)}
        assert known.hazards().keys() == {(image(number), _CAPTION) for number in (3, 4, 5, 6, 7, 8)}
    report = StateStore(path).load_report()
    assert [row.settlement.outcome for row in report.rows] == [
        "updated",
        "failed",
        "failed",
        "unknown",
        "updated",
        *["unknown"] * 4,
    ]
    assert report.rows[1].settlement.answer == OK
    assert report.exit is Exit.STATE
    assert report.facts.stopped == {"coze-cn": "state"}
    assert report.facts.finished_at_s is not None
    assert report.balanced
    assert report.totals == StateStore(path).list_runs()[0].totals
    assert StateStore(path).show(image(1)).attempts[0].answer == Answer(200, 4200, "gone", "log")
    assert report.facts.reads == 1


def test_a_second_time_changes_nothing(path: Path) -> None:
    file = _failed_run(path)
    _recover(path, file)
    before = _tables(path)

    assert _recover(path, file) == Recovered(file.stem.removeprefix("kbsync-recovery-"), 0, 0, torn=False)
    assert _tables(path) == before


def _next_run(path: Path, text: str, ends: str) -> None:
    """Apply *text* to as many items as *ends* has letters: `!` is updated, `?` lost, `-` left alone."""
    with StateStore(path) as store:
        journal = began(store, plan_of([captioned(image(number), text) for number in range(len(ends))], whole=False))

        async def run() -> None:
            for seq, end in enumerate(ends):
                if end != "-":
                    await journal.intend(Intent(seq, 1, 2000.0))
                    journal.conclude(answered(seq) if end == "!" else lost(seq))
                    journal.settle(fate(seq, "updated" if end == "!" else "unknown"))
            await journal.flush()

        asyncio.run(run())
        store.finish_run(journal)


def test_what_later_runs_did_is_newer_and_stands(path: Path) -> None:
    file = _failed_run(path)
    _next_run(path, "neu", "!!?-?")

    _recover(path, file)

    with StateStore(path).known() as known:
        assert known.fields(image(0)) == {"caption": "neu"}
        assert known.fields(image(1)) == {"caption": "neu"}
        assert known.fields(image(2)) == {}
        assert known.fields(image(4)) == {"caption": "小猫 4"}
        assert known.doubts().keys() == {image(number) for number in (2, 3, 4, 5, 6, 7, 8)}
        assert known.hazards()[image(4), _CAPTION].fields == ({"caption": "小猫 4"}, {"caption": "neu"})
        assert (image(1), _CAPTION) not in known.hazards()
    assert StateStore(path).load_report(file.stem.removeprefix("kbsync-recovery-")).totals["updated"] == 2


def test_a_later_recovery_ends_the_doubts_that_runs_in_between_inherited(path: Path) -> None:
    file = _failed_run(path)
    _next_run(path, "neu", "-----")
    _recover(path, file)

    with StateStore(path).known() as known:
        assert known.doubts().keys() == {image(number) for number in (3, 5, 6, 7, 8)}
        assert known.fields(image(0)) == {"caption": "小猫 0"}


# --------------------------------------------------------------------------------------------------------- odd files
def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines(keepends=True)


@pytest.mark.parametrize("cut", [1, 2, 40])
def test_a_torn_last_line_is_left_out_and_named(path: Path, cut: int) -> None:
    file = _failed_run(path)
    os.truncate(file, file.stat().st_size - cut)

    told = _recover(path, file)

    assert (told.attempts, told.outcomes) == (5, 5)
    assert told.torn == (cut > 1)  # without its line end it is whole
    assert (StateStore(path).load_report().facts.finished_at_s is None) == (cut > 1)


@pytest.mark.parametrize(
    ("line", "text", "said"),
    [
        (1, "", ":1:1: this is no recovery file"),
        (1, "[]\n", ":1:1: this is no recovery file"),
        (1, '{"format": "kbsync.recovery/2", "lineage": "", "run_id": ""}\n', ":1:1: the format is not"),
        (
            1,
            '{"format": "kbsync.recovery/1", "lineage": "x", "run_id": "y"}\n',
            ":1:1: it was left by a run on the state x",
        ),
        (3, "{\n", ":3:1: this is no line of a recovery file"),
        (3, '{"what": "nothing"}\n', ":3:1: this is no line"),
        (3, '{"what": "end", "at_s": NaN, "exits": [], "stopped": {}, "left": {}}\n', ":3:1: this is no line"),
        (3, '{"what": "end", "at_s": 1.0, "exits": [9], "stopped": {}, "left": {}}\n', ":3:1: this is no line"),
        (3, "[" * 100_000 + "\n", ":3:1: this is no line"),
    ],
)
def test_what_is_no_recovery_file_of_this_state_is_refused_whole(path: Path, line: int, text: str, said: str) -> None:
    file = _failed_run(path)
    before = _tables(path)
    lines = _lines(file)
    file.write_text("".join([*lines[: line - 1], text, *lines[line:]]))

    with pytest.raises(InputError) as told:
        _recover(path, file)

    assert said in str(told.value)
    assert "[bad-recovery]" in str(told.value)
    assert _tables(path) == before


def test_a_run_or_a_change_that_the_state_does_not_know_is_refused_whole(path: Path) -> None:
    file = _failed_run(path)
    before = _tables(path)
    head, *lines = _lines(file)

    for content, said in (
        ([head.replace("Z-", "Y-"), *lines], "does not know the run"),
        ([head, *(line.replace('"seq": 4', '"seq": 99') for line in lines)], "has no change 99"),
    ):
        file.write_text("".join(content))
        with pytest.raises(InputError, match=said):
            _recover(path, file)
    assert _tables(path) == before


def test_a_file_that_is_not_there_is_told(path: Path) -> None:
    _failed_run(path)
    with pytest.raises(InputError, match="cannot be read: No such file"):
        _recover(path, path.with_name("nothing.jsonl"))


def test_without_a_state_there_is_nothing_to_recover_into(path: Path, tmp_path: Path) -> None:
    file = _failed_run(path)

    with pytest.raises(StateError, match="There is no state"):
        _recover(tmp_path / "empty" / "state.db", file)


def test_hostile_answers_pass_through_it_unchanged(path: Path) -> None:
    answer = Answer(502, 2**70, "\x1b[2J\u202e\ud800 ", "\x9b")

    def end(journal: RunJournal) -> None:
        journal.conclude(Conclusion(0, 1, 1000.0, 5.0, "refused", doubt=False, answer=answer))
        journal.settle(fate(0, "failed", answer=answer))

    file = _failed_run(path, end)
    assert all(32 <= byte < 127 or byte == 10 for byte in file.read_bytes())
    _recover(path, file)

    told = StateStore(path).load_report().rows[0].settlement.answer
    assert told == Answer(502, str(2**70), "\x1b[2J\u202e? ", "\x9b")


# ------------------------------------------------------------------------------------------------------------- places
def test_where_the_folder_takes_nothing_it_goes_to_the_temporary_one(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    with StateStore(path) as store:
        journal = began(store, captions(9))
        asyncio.run(_sent(journal, path, _ends))
        name = f"kbsync-recovery-{journal.run_id}.jsonl"
        path.with_name(name).symlink_to(tmp_path / "precious")
        with pytest.raises(StateWriteError, match=f"is in {temporary / name}"):
            store.finish_run(journal)

    assert not (tmp_path / "precious").exists()
    assert _recover(path, temporary / name).outcomes == 5


def test_where_no_folder_takes_it_it_goes_to_stderr(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with StateStore(path) as store:
        journal = began(store, captions(9))
        asyncio.run(_sent(journal, path, _ends))
        path.with_name(f"kbsync-recovery-{journal.run_id}.jsonl").mkdir()
        with pytest.raises(StateWriteError, match="stands above"):
            store.finish_run(journal)

    file = tmp_path / "copied.jsonl"
    file.write_text(capsys.readouterr().err)
    assert _recover(path, file).outcomes == 5


@pytest.mark.parametrize("replaced", [False, True])
def test_a_state_that_is_deleted_under_a_run_is_saved_beside_with_all_that_it_knew(
    path: Path, *, replaced: bool
) -> None:
    _next_run(path, "alt", "!!!!")
    with StateStore(path) as store:
        journal = began(store, captions(2))

        async def run() -> None:
            await journal.intend(Intent(0, 1, 1000.0))
            os.unlink(path)  # noqa: PTH108
            if replaced:
                _put(path, b"something else")
            journal.conclude(answered(0))
            journal.settle(fate(0))
            with pytest.raises(StateWriteError, match="deleted or replaced"):
                await journal.flush()

        asyncio.run(run())
        with pytest.raises(StateWriteError) as told:
            store.finish_run(journal, exits=[Exit.STATE])

    (file,) = path.parent.glob("kbsync-recovery-*.jsonl")
    (saved,) = path.parent.glob("state.db.saved-*")
    assert f"What was in it is in {saved}: rename that to {path}\n" in str(told.value)
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    with pytest.raises(StateError):
        _recover(path, file)
    saved.rename(path)
    _recover(path, file)
    with StateStore(path).known() as known:
        assert {item.id[-1]: known.fields(item)["caption"] for item in known.items()} == {
            "0": "小猫 0",
            **dict.fromkeys("123", "alt"),
        }
        assert known.doubts() == {}
    assert StateStore(path).load_report().exit is Exit.STATE


def test_a_folder_that_is_deleted_under_a_run_is_no_broken_lock_and_what_is_left_goes_elsewhere(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with StateStore(path) as store:
        journal = began(store, captions(2))
        shutil.rmtree(path.parent)
        with pytest.raises(StateWriteError, match="deleted or replaced") as told:
            store.finish_run(journal)

    assert type(told.value) is StateWriteError
    assert str(tmp_path / f"kbsync-recovery-{journal.run_id}.jsonl") in str(told.value)


def _put(path: Path, content: bytes) -> None:
    path.write_bytes(content)


# ---------------------------------------------------------------------------------------------------- at any point
# Applies with a limit on the size of files, and tells what it sent and what it was told of.
_SCRIPT = """
import asyncio, os, resource, sys, time
from pathlib import Path
from kbsync.adapters.state import StateStore
from kbsync.core.state import Intent
from kbsync.errors import StateWriteError
from tests.adapters.state.plans import answered, captions, fate

say = lambda *words: os.write(1, (" ".join(map(str, words)) + "\\n").encode())
store = StateStore(Path(sys.argv[1]))
store.lock("apply")
wal = Path(sys.argv[1] + "-wal")

async def work(journal, pending):
    for seq in pending:
        try:
            await journal.intend(Intent(seq, 1, time.time()))
        except StateWriteError:
            return
        say("sent", seq)
        await asyncio.sleep(0.0005)
        journal.conclude(answered(seq))
        journal.settle(fate(seq))

async def main(journal):
    pending = iter(range(300))
    async with asyncio.TaskGroup() as tasks:
        for _ in range(8):
            tasks.create_task(work(journal, pending))
    await journal.flush()

try:
    journal = store.begin_run(captions(300, sys.argv[2]), on_settled=lambda one: say("told", one.seq))
    resource.setrlimit(resource.RLIMIT_FSIZE, (wal.stat().st_size + int(sys.argv[3]), resource.RLIM_INFINITY))
    try:
        asyncio.run(main(journal))
    except StateWriteError:
        pass
    store.finish_run(journal)
    say("ended", 0)
except StateWriteError as error:
    say("failed", str(error).rpartition(" ")[2].strip("`"))
store.close()
"""


def _limited_run(path: Path, text: str, room: int) -> dict[str, set[str]]:
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(path), text, str(room)], capture_output=True, text=True, check=True
    )
    told: dict[str, set[str]] = {}
    for line in done.stdout.splitlines():
        word, _, rest = line.partition(" ")
        told.setdefault(word, set()).add(rest)
    return told


@pytest.mark.fault("F8", seen="a full disk at 12 sizes of the WAL: nothing lost, nothing claimed")
def test_wherever_the_disk_is_full_nothing_is_lost_or_claimed(path: Path) -> None:
    randomly = random.Random(8)
    failures = 0
    for number in range(12):
        text = f"第{number}次"
        told = _limited_run(path, text, int(10 ** randomly.uniform(2.5, 6)))
        assert is_sound(path)
        sent = {image(int(seq)) for seq in told.get("sent", set())}
        settled = {image(int(seq)) for seq in told.get("told", set())}
        _nothing_is_claimed(path, sent, settled, text)
        if "failed" in told:
            failures += 1
            (file,) = told["failed"]
            _recover(path, Path(file))
            Path(file).unlink()
            with StateStore(path).known() as known:
                assert known.doubts() == {}
                assert sent <= {item for item in known.items() if known.fields(item)["caption"].startswith(text)}  # type: ignore[union-attr]
            report = StateStore(path).load_report()
            assert report.totals["updated"] == len(sent)
            assert report.balanced

    assert failures >= 3
    assert files_of(path.parent) == {"state.db", "state.db.lock"}


def _nothing_is_claimed(path: Path, sent: set[Item], settled: set[Item], text: str) -> None:
    with StateStore(path).known() as known:
        doubts = known.doubts().keys()
        updated = {item for item in known.items() if str(known.fields(item).get("caption", "")).startswith(text)}
    assert settled <= updated <= sent
    assert sent <= updated | doubts
    rows = StateStore(path).load_report().rows
    assert {row.change.item for row in rows if row.settlement.outcome == "updated"} == updated
