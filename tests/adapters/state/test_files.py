import asyncio
import os
import random
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest

from kbsync.adapters.state import StateStore
from kbsync.adapters.state.schema import FORMAT_VERSION
from kbsync.errors import StateError, UsageError
from tests.adapters.state.plans import began, captions, files_of, image, update


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".kbsync" / "state.db"


@pytest.fixture
def written(path: Path) -> Path:
    with StateStore(path) as store:
        journal = began(store, captions(200))
        asyncio.run(update(journal, range(200)))
        store.finish_run(journal)
    return path


def test_only_the_owner_can_read_what_a_run_leaves(written: Path) -> None:
    assert files_of(written.parent) == {"state.db", "state.db.lock"}
    assert stat.S_IMODE(written.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in written.parent.iterdir()} == {0o600}


def test_the_files_beside_it_are_the_owners_too_while_a_run_writes(path: Path) -> None:
    with StateStore(path) as store:
        began(store, captions(1))
        assert files_of(path.parent) == {"state.db", "state.db-shm", "state.db-wal", "state.db.lock"}
        assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


def test_every_commit_is_synced_and_the_file_says_whose_it_is(path: Path) -> None:
    with StateStore(path) as store:
        began(store, captions(1))
        assert store._writer is not None
        pragmas = {
            name: store._writer.run(partial(_pragma, name))
            for name in ("journal_mode", "synchronous", "application_id", "user_version")
        }

    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "application_id": int.from_bytes(b"kbsy", "big"),
        "user_version": FORMAT_VERSION,
    }


def _pragma(name: str, connection: sqlite3.Connection) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_reading_changes_nothing_on_disk(written: Path) -> None:
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in written.parent.iterdir()}

    store = StateStore(written)
    with store.known() as known:
        assert known.digest(image(3))
        assert known.fields(image(3))
        with StateStore(written).known() as other:
            assert other.fields(image(3))
    store.list_runs()
    store.load_report()
    store.show(image(3))
    store.last_send_s()

    assert {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in written.parent.iterdir()} == before


def test_what_a_killed_writer_left_in_its_wal_is_read(path: Path, tmp_path: Path) -> None:
    crashed = tmp_path / "crashed"
    with StateStore(path) as store:
        asyncio.run(update(began(store, captions(3)), [0, 1, 2]))
        shutil.copytree(path.parent, crashed)

    assert (crashed / "state.db-wal").stat().st_size > 0
    with StateStore(crashed / "state.db").known() as known:
        assert len(list(known.items())) == 3
    with StateStore(crashed / "state.db") as store:
        began(store, captions(1))
    assert files_of(crashed) == {"state.db", "state.db.lock"}


def test_a_reader_in_the_way_keeps_a_run_from_nothing_once_it_has_begun(path: Path) -> None:
    with StateStore(path) as store:
        journal = began(store, captions(2))
        with StateStore(path).known() as known:
            asyncio.run(update(journal, [0, 1]))
            store.close()
            assert list(known.items()) == []

    with StateStore(path).known() as known:
        assert len(list(known.items())) == 2
    with StateStore(path) as store:
        began(store, captions(1))
    assert files_of(path.parent) == {"state.db", "state.db.lock"}


def test_a_reader_keeps_no_run_from_beginning(written: Path) -> None:
    with _reading_elsewhere(written) as tell:
        before_s = time.monotonic()
        with StateStore(written) as store:
            journal = began(store, captions(200, "新"))
            asyncio.run(update(journal, range(200)))
            store.finish_run(journal)
        assert time.monotonic() - before_s < 10
        assert tell() == "小猫 199"

    with StateStore(written).known() as known:
        assert known.fields(image(199)) == {"caption": "新 199"}
    with StateStore(written) as store:
        began(store, captions(1))
    assert files_of(written.parent) == {"state.db", "state.db.lock"}


_READER = """
import sys
from pathlib import Path
from kbsync.adapters.state import StateStore
from tests.adapters.state.plans import image

with StateStore(Path(sys.argv[1])).known() as known:
    while True:
        print(known.fields(image(199))["caption"], flush=True)
        if not input():
            break
"""


@contextmanager
def _reading_elsewhere(path: Path) -> Generator[Callable[[], str]]:
    """Read the state in another process, and again when it is asked to."""
    command = [sys.executable, "-c", _READER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline()

        def tell() -> str:
            print("again", file=process.stdin)
            assert process.stdout is not None
            return process.stdout.readline().strip()

        yield tell
        print(file=process.stdin)


def test_what_a_killed_reader_leaves_is_cleared_by_the_next_one(written: Path) -> None:
    before = {file: file.read_bytes() for file in written.parent.iterdir()}
    with subprocess.Popen([sys.executable, "-c", _READER, str(written)], stdin=-1, stdout=-1) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()

    assert files_of(written.parent) == {"state.db", "state.db-shm", "state.db-wal", "state.db.lock"}
    with StateStore(written).known() as known:
        assert len(list(known.items())) == 200
    assert {file: file.read_bytes() for file in written.parent.iterdir()} == before


def test_readers_and_writers_come_and_go_without_failing_each_other(written: Path) -> None:
    script = """
import asyncio, sys, time
from pathlib import Path
from kbsync.adapters.state import StateStore
from tests.adapters.state.plans import captions, image, update

until_s = time.monotonic() + 3
while time.monotonic() < until_s:
    with StateStore(Path(sys.argv[1])) as store:
        if sys.argv[2] == "write":
            store.lock("apply")
            journal = store.begin_run(captions(3, str(time.monotonic())))
            asyncio.run(update(journal, range(3)))
            store.finish_run(journal)
        else:
            with store.known() as known:
                assert len(list(known.items())) == 200
                assert known.fields(image(0)) == known.fields(image(0))
            store.list_runs()
"""
    words = ("write", "read", "read", "read")
    processes = [
        subprocess.Popen([sys.executable, "-c", script, str(written), word], stderr=subprocess.PIPE) for word in words
    ]
    assert [(process.communicate()[1], process.returncode) for process in processes] == [(b"", 0)] * 4

    with closing(sqlite3.connect(written)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_state_of_another_mode_is_read_as_it_is_and_changed_by_a_run(written: Path) -> None:
    with closing(sqlite3.connect(written)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    before = written.read_bytes()

    with StateStore(written).known() as known:
        assert len(list(known.items())) == 200
        assert files_of(written.parent) == {"state.db", "state.db.lock"}
    assert written.read_bytes() == before
    with StateStore(written) as store:
        began(store, captions(1))
    with closing(sqlite3.connect(written)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_where_nothing_can_be_created_a_copy_is_read(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written.with_name("state.db-shm").symlink_to("nowhere")

    with StateStore(written).known() as known:
        assert len(list(known.items())) == 200
        assert known.fields(image(7)) == {"caption": "小猫 7"}
    assert StateStore(written).load_report().totals["updated"] == 200

    facts = iter([(1,), (2,)])
    monkeypatch.setattr("kbsync.adapters.state.files._facts", lambda _: next(facts))
    with pytest.raises(StateError, match="was written while it was read"):
        StateStore(written).known()


def test_a_half_made_state_is_no_state(path: Path) -> None:
    path.parent.mkdir()
    path.with_name("state.db.new").write_bytes(b"")
    path.with_name("state.db.new-journal").write_bytes(b"junk")

    with StateStore(path).known() as known:
        assert known.lineage == ""
    with StateStore(path) as store:
        began(store, captions(1))
    assert files_of(path.parent) == {"state.db", "state.db.lock"}


def _emptied(path: Path) -> None:
    os.truncate(path, 0)


def _text(path: Path) -> None:
    path.write_text("captions: none\n" * 100)


def _truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 + 100)


def _header_only(path: Path) -> None:
    os.truncate(path, 100)


def _foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE state (only_mine)")


def _newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {FORMAT_VERSION + 1}")


def _older_than_any(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 0")


def _negative(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = -7")


def _anonymous(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM state")
        connection.commit()


def _linked(path: Path) -> None:
    path.rename(path.with_name("elsewhere.db"))
    path.symlink_to(path.with_name("elsewhere.db"))


def _dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("nowhere.db"))


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.fault("F47", seen="12 kinds of it: refused with advice, not a byte changed")
@pytest.mark.parametrize(
    ("harm", "said", "advice"),
    [
        (_emptied, "was emptied", "kbsync state accept"),
        (_text, "is not a database", "kbsync state accept"),
        (_truncated, "is damaged", "kbsync state accept"),
        (_header_only, "is not a database|is damaged", "kbsync state accept"),
        (_foreign, "is a database of another program", "Name another file"),
        (_newer, "a newer kbsync wrote it", "Update kbsync"),
        (_older_than_any, "does not say what it is", "kbsync state rebuild"),
        (_negative, "does not say what it is", "kbsync state init"),
        (_anonymous, "does not say what it is", "kbsync state init"),
        (_linked, "is a symbolic link", "Name the file itself"),
        (_dangling, "is a symbolic link", "Name the file itself"),
        (_folder, "is not a regular file", ""),
    ],
)
def test_what_is_no_state_is_refused_with_advice_and_left_alone(
    written: Path, harm: Callable[[Path], None], said: str, advice: str
) -> None:
    harm(written)
    before = {file: file.read_bytes() for file in written.parent.iterdir() if file.is_file()}

    with pytest.raises(StateError, match=said) as reading:
        StateStore(written).known()
    with StateStore(written) as store, pytest.raises(StateError, match=said) as writing:
        began(store, captions(1))

    assert advice in str(reading.value)
    assert advice in str(writing.value)
    after = {file: file.read_bytes() for file in written.parent.iterdir() if file.is_file()}
    assert {file.name for file in before} == {file.name for file in after}
    assert all(after[file] == content for file, content in before.items() if file.suffix != ".lock")


def test_damage_in_the_middle_is_told_when_it_is_met(written: Path) -> None:
    with written.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (written.stat().st_size - 4096))

    with pytest.raises(StateError, match="is damaged"), StateStore(written).known() as known:
        known.digest(image(1))


@pytest.mark.fault("F47", seen="junk in any page is told, or does not matter")
def test_junk_in_any_page_is_told_or_does_not_matter(written: Path) -> None:
    sound = written.read_bytes()
    randomly = random.Random(6)
    told: list[str] = []
    for page in range(len(sound) // 4096):
        junk = randomly.randbytes(4096) if page % 2 else b"\x00" * 4096
        written.write_bytes(sound[: page * 4096] + junk + sound[(page + 1) * 4096 :])
        store = StateStore(written)
        try:
            with store.known() as known:
                for item in known.items():
                    known.fields(item)
            store.list_runs()
            store.load_report()
        except StateError as error:
            told.append(str(error))

    assert len(told) > 10
    assert all("kbsync state rebuild" in message for message in told)
    written.write_bytes(sound)


def test_a_wal_of_another_state_is_noticed_and_left_alone(written: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "state.db"
    with StateStore(other) as store:
        asyncio.run(update(began(store, captions(3)), [0, 1]))
        shutil.copy(other.with_name("state.db-wal"), written.with_name("state.db-wal"))
    before = written.read_bytes()

    with pytest.raises(StateError):
        StateStore(written).known()
    with StateStore(written) as store, pytest.raises(StateError):
        began(store, captions(1))
    assert written.read_bytes() == before
    written.with_name("state.db-wal").unlink()
    written.with_name("state.db-shm").unlink(missing_ok=True)
    with StateStore(written).known() as known:
        assert len(list(known.items())) == 200


def test_a_wal_that_is_missing_with_a_whole_run_is_noticed(written: Path) -> None:
    with StateStore(written) as store:
        asyncio.run(update(began(store, captions(3)), [0, 1]))
        crashed = written.parent.with_name("crashed")
        shutil.copytree(written.parent, crashed)
    (crashed / "state.db-wal").unlink()

    with pytest.raises(StateError, match="is an older or another copy"):
        StateStore(crashed / "state.db").known()


def test_a_url_names_the_file_relative_to_the_configuration(tmp_path: Path) -> None:
    assert StateStore.from_url("sqlite:.kbsync/state.db", tmp_path).path == tmp_path / ".kbsync" / "state.db"
    assert StateStore.from_url("sqlite:/srv/state.db", tmp_path).path == Path("/srv/state.db")
    for url in ("sqlite:", "postgresql://db/kbsync", "state.db"):
        with pytest.raises(UsageError, match="sqlite:PATH"):
            StateStore.from_url(url, tmp_path)


def test_names_that_mean_something_in_a_url_are_only_names(tmp_path: Path) -> None:
    path = tmp_path / "100% ?mode=memory&x#y 状态" / "state?.db"
    with StateStore(path) as store:
        asyncio.run(update(began(store, captions(1)), [0]))

    with StateStore(path).known() as known:
        assert list(known.items()) == [image(0)]
    assert files_of(path.parent) == {"state?.db", "state?.db.lock"}
