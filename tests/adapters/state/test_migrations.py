"""States of older formats, as the code of their time left them: a run that ended, and one that was killed."""

import resource
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from kbsync.adapters.state import StateStore
from kbsync.adapters.state.schema import FORMAT_VERSION
from kbsync.core.exits import Exit
from kbsync.core.fields import MetaValue
from kbsync.core.items import Item
from kbsync.errors import StateError
from tests.adapters.state.formats import OLD_FORMATS, format_of, is_sound, old_contents, old_state
from tests.adapters.state.plans import captions, document, files_of, image, plan_of

_CAPTION = "coze.image.caption"


@pytest.fixture(params=OLD_FORMATS)
def old(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture
def path(tmp_path: Path, old: int) -> Path:
    return old_state(tmp_path / ".kbsync" / "state.db", old)


def _write(path: Path) -> list[str]:
    """Begin and end a run of nothing, and return what was said."""
    said: list[str] = []
    with StateStore(path, say=said.append) as store:
        store.lock("apply")
        store.finish_run(store.begin_run(plan_of([], whole=False)))
    return said


def test_what_is_in_it_is_read_as_it_is_and_it_stays_so(path: Path) -> None:
    before = path.read_bytes()
    store = StateStore(path)

    with store.known() as known:
        assert known.fields(image(1)) == {"caption": "小猫"}
        assert known.fields(document(1)) == {
            "meta.行业": MetaValue("string", "企业服务"),
            "meta.score": MetaValue("float32", 0.5),
        }
        assert known.doubts() == {image(1): frozenset({_CAPTION}), image(2): frozenset({_CAPTION})}
        assert known.hazards()[image(2), _CAPTION].attempts == 2
        assert (known.serial, known.declared_items) == (2, 5)
    killed, ended = store.list_runs()
    assert (killed.exit, ended.exit) == (None, Exit.PARTIAL)
    assert store.load_report(killed.run_id).totals["unknown"] == 1
    assert len(store.show(image(2)).attempts) == 2
    assert (store.load_report(ended.run_id).facts.verification, store.left_open()) == (None, {})
    assert "coze-cn" in store.last_send_s()
    assert path.read_bytes() == before
    assert files_of(path.parent) == {"state.db"}


def test_a_run_brings_it_to_this_format_keeps_a_copy_and_says_so_once(path: Path, old: int) -> None:
    before = old_contents(path)

    said = _write(path)

    assert (format_of(path), is_sound(path)) == (FORMAT_VERSION, True)
    backup = path.with_name(f"state.db.format-{old}.backup")
    assert (format_of(backup), old_contents(backup), is_sound(backup)) == (old, before, True)
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    (told,) = said
    assert told.startswith(f"the state {path} was brought from format {old} to {FORMAT_VERSION}")
    assert told.endswith(f"what it was is kept in state.db.format-{old}.backup")
    assert _write(path) == []
    assert files_of(path.parent) == {"state.db", "state.db.lock", f"state.db.format-{old}.backup"}


def test_nothing_that_it_knew_is_lost(path: Path) -> None:
    with StateStore(path).known() as known:
        before = {item: (known.fields(item), known.digest(item)) for item in known.items()}
        doubts = known.doubts()
    _write(path)

    with StateStore(path).known() as known:
        assert {item: (known.fields(item), known.digest(item)) for item in known.items()} == before
        assert known.doubts() == doubts
        assert (known.lineage, known.serial) == ("00000000-0000-4000-8000-000000000001", 3)
    assert len(StateStore(path).list_runs()) == 3
    assert Item("coze-cn", "744632974166804001", "document", "738694205603010001") in before


def test_it_becomes_what_a_new_state_is(path: Path, tmp_path: Path) -> None:
    _write(path)
    new = tmp_path / "new" / "state.db"
    _write(new)

    assert _shape(path) == _shape(new)


def _shape(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'").fetchall()
        return {
            name: connection.execute(f"PRAGMA {'table_info' if kind == 'table' else 'index_xinfo'}({name})").fetchall()
            for kind, name in names
        }


def test_without_room_for_a_copy_nothing_is_changed(path: Path) -> None:
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with StateStore(path) as store:
        store.lock("apply")
        # Room for what SQLite needs beside the state, and not for another one.
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, hard))
        try:
            with pytest.raises(StateError, match=r"Nothing was changed\. Make 1 MiB of room"):
                store.begin_run(captions(1))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert path.read_bytes() == before
    assert files_of(path.parent) == {"state.db", "state.db.lock"}
    assert len(_write(path)) == 1


def test_a_copy_that_an_earlier_attempt_left_is_replaced(path: Path, old: int) -> None:
    before = old_contents(path)
    backup = path.with_name(f"state.db.format-{old}.backup")
    backup.write_bytes(b"half of it")
    backup.with_name(backup.name + ".new").write_bytes(b"a quarter")

    assert len(_write(path)) == 1
    assert old_contents(backup) == before
    assert files_of(path.parent) == {"state.db", "state.db.lock", backup.name}


# Kills a process of its own before each call that the migration makes of anything written in C, one after the other.
_KILL_EVERYWHERE = """
import os, shutil, signal, sys
from pathlib import Path
from kbsync.adapters.state.files import open_writer

source, folder = Path(sys.argv[1]), Path(sys.argv[2])
point, survived = 0, False
while not survived:
    point += 1
    place = folder / str(point)
    shutil.copytree(source.parent, place)
    child = os.fork()
    if not child:
        calls = 0

        def count(frame, event, _):
            global calls
            if event == "c_call" and frame.f_code.co_filename.endswith(("migrations.py", "creation.py", "pathlib.py")):
                calls += 1
                if calls == point:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(count)
        open_writer(place / source.name, lambda _: None)
        sys.setprofile(None)
        os._exit(0)
    survived = os.waitpid(child, 0)[1] == 0
print(point - 1)
"""


@pytest.mark.parametrize("old", [1], indirect=True)
@pytest.mark.fault("F5", seen="a migration killed at each of its steps: the old format or the new one, whole")
def test_a_kill_at_any_point_leaves_the_old_format_or_the_new_one_and_both_go_on(
    path: Path, old: int, tmp_path: Path
) -> None:
    before = old_contents(path)
    places = tmp_path / "places"
    places.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", _KILL_EVERYWHERE, str(path), str(places)], capture_output=True, text=True, check=True
    )
    points = int(done.stdout)
    formats: list[int] = []
    for point in range(1, points + 1):
        state = places / str(point) / path.name
        formats.append(format_of(state))
        assert is_sound(state)
        assert old_contents(state) == before
        if formats[-1] == FORMAT_VERSION:
            assert old_contents(state.with_name(f"state.db.format-{old}.backup")) == before
        assert len(_write(state)) == (formats[-1] == old)
        assert format_of(state) == FORMAT_VERSION
        assert not [name for name in files_of(state.parent) if name.endswith(".new")]
        shutil.rmtree(state.parent)

    assert points >= 20
    assert set(formats) == {old, FORMAT_VERSION}
    assert formats == sorted(formats)
