"""Any sequence of edits to manifests, state and cache; after each, a plan with the cache and one without it."""

import asyncio
import contextlib
import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeAlias

from kbsync.cli.workspace import Workspace, open_workspace
from kbsync.core.plan_document import plan_lines
from kbsync.core.state import Intent, Settlement
from kbsync.core.wire import Answer
from kbsync.errors import InputError
from tests.cli.desk import CONFIG
from tests.cli.layouts import ENDINGS, Line, image, page, record, text_of

__all__ = ("EDITS", "Step", "Studio", "play")

Step: TypeAlias = tuple[str, int, int]
"""An edit by its name, and two numbers that say of what and how."""

_CAPTIONS: Final = ("cat", "cow", "dog", "hen ", "todo", "a long caption")
_LOOK_ALIKES: Final = ("a0", "aO", "A0", "b1", "bl", "c")
_ACCEPTED: Final = Answer(200, 0)


def play(folder: Path, steps: Sequence[Step], *, ahead: bool) -> None:
    """Do *steps* in *folder*, and plan after each. With *ahead* all files are safely old, else none is."""
    with contextlib.chdir(folder):
        studio = Studio(folder, ahead_s=3600 if ahead else 0)
        studio.check()
        for step in steps:
            studio.do(step)
            studio.check()


class Studio:
    """A workspace in *folder* whose manifests are known line by line. Its clock is *ahead_s* ahead."""

    def __init__(self, folder: Path, ahead_s: float) -> None:
        self._folder = folder / "manifests"
        self._cache = folder / ".kbsync" / "cache" / "manifests.db"
        self._ahead_s = ahead_s
        self._is_quiet = False
        self._written_ns = time.time_ns() - 10**13
        self._earlier = b""
        self._folder.mkdir()
        (folder / "kbsync.toml").write_text(CONFIG.replace("{url}", "http://127.0.0.1:9"), encoding="utf-8")
        self.files: dict[str, list[Line]] = {
            "a.jsonl": [image(str(number), _CAPTIONS[number % 3]) for number in range(1, 6)],
            "b.yaml": [image(str(number), f"{number}") for number in range(6, 9)],
            "c.csv": [page("11", "a name", 24), image("12", "cat", "2"), record("c", {"x": 1, "y": "z"})],
            "d.json": [record("b1", {"x": True}), record("d", {"x": 2})],
        }
        for name in self.files:
            self._write(name)

    def do(self, step: Step) -> None:
        """Do one edit."""
        name, of, how = step
        EDITS[name](self, of, how)

    def check(self) -> None:
        """Plan with the cache and without it, and see that it is the same, and nothing else was changed."""
        before = self._contents()

        warm = self._outcome(cached=True)

        assert self._contents() == before
        assert warm == self._outcome(cached=False)

    # ---- edits of manifests

    def change(self, of: int, how: int) -> None:
        """Change a value."""
        if lines := self._lines(of):
            at = how % len(lines)
            lines[at] = _changed(lines[at], how)
            self._write(self._name(of))

    def change_unseen(self, of: int, how: int) -> None:
        """Change a value to one of the same size, and have the file look as old as before."""
        name = self._name(of)
        path = self._folder / name
        before, text = path.stat(), path.read_bytes()
        path.write_bytes(text.replace(*((b"cat", b"cow") if how % 2 else (b"cow", b"cat"))))
        self.files[name] = [
            {**line, "caption": line["caption"].replace(*(("cat", "cow") if how % 2 else ("cow", "cat")))}
            if "caption" in line
            else line
            for line in self.files[name]
        ]
        _set_times(path, before)

    def add(self, of: int, how: int) -> None:
        """Declare one more item, which may be declared already, or look like one that is."""
        new = [
            image(str(20 + how % 9), _CAPTIONS[how % len(_CAPTIONS)]),
            page(str(40 + how % 9), "another", 24 + how % 9),
            record(_LOOK_ALIKES[how % len(_LOOK_ALIKES)], {"x": how}),
        ]
        self._extend(of, [new[how % 3]])

    def fill(self, of: int, how: int) -> None:
        """Declare many images that have the same caption."""
        caption = _CAPTIONS[how % 3]
        self._extend(of, [image(str(100 + 10 * (how % 3) + number), caption) for number in range(8)])

    def remove(self, of: int, how: int) -> None:
        """Declare one item less."""
        if lines := self._lines(of):
            lines.pop(how % len(lines))
            self._write(self._name(of))

    def move(self, of: int, how: int) -> None:
        """Declare an item in another file."""
        if lines := self._lines(of):
            line = lines.pop(how % len(lines))
            self._write(self._name(of))
            self._extend(of + how, [line])

    def reformat(self, of: int, how: int) -> None:
        """Say the same in another order and another format, in a file of another name."""
        name = self._name(of)
        lines = self.files.pop(name)
        (self._folder / name).unlink()
        random.Random(how).shuffle(lines)
        stem = name.partition(".")[0]
        new = f"{stem}.{ENDINGS[how % len(ENDINGS)]}"
        self._put(new if _fits(new, lines) else f"{stem}.jsonl", lines)

    def rename(self, of: int, how: int) -> None:
        """Give a file another name, which another one may have had."""
        name = self._name(of)
        new = f"{'efgh'[how % 4]}.{name.partition('.')[2]}"
        if new not in self.files:
            (self._folder / name).rename(self._folder / new)
            self.files[new] = self.files.pop(name)

    def swap(self, of: int, how: int) -> None:
        """Let two files have each other's names."""
        one, other = self._name(of), self._name(of + how)
        if one != other and one.partition(".")[2] == other.partition(".")[2]:
            aside = self._folder / "aside"
            (self._folder / one).rename(aside)
            (self._folder / other).rename(self._folder / one)
            aside.rename(self._folder / other)
            self.files[one], self.files[other] = self.files[other], self.files[one]

    def replace(self, of: int, how: int) -> None:
        """Put another file in the place of one, with the same times."""
        name = self._name(of)
        before = (self._folder / name).stat()
        lines = [_changed(line, how) for line in self.files[name]]
        made = self._folder / ".made"
        made.write_text(text_of(lines, name.partition(".")[2]), encoding="utf-8")
        _set_times(made, before)
        made.rename(self._folder / name)
        self.files[name] = lines

    def delete(self, of: int, how: int) -> None:
        """Delete a file, but not the last one."""
        if len(self.files) > 1 + how % 2:
            name = self._name(of)
            (self._folder / name).unlink()
            del self.files[name]

    def copy(self, of: int, how: int) -> None:
        """Declare everything in a file once more."""
        name = self._name(of)
        self._put(f"{'xyz'[how % 3]}.{name.partition('.')[2]}", [*self.files[name]])

    def touch(self, of: int, how: int) -> None:
        """Give a file another time, which may be in the future."""
        self._written_ns += 10**9
        at_ns = self._written_ns if how % 3 else time.time_ns() + 10**13
        os.utime(self._folder / self._name(of), ns=(at_ns, at_ns))

    def damage(self, of: int, how: int) -> None:
        """Break a file, until it is written again."""
        path = self._folder / self._name(of)
        text = path.read_bytes()
        at = how % (len(text) + 1)
        path.write_bytes(text[:at] + b'{"' + text[at + 1 :])
        self._set_time(path)

    def repair(self, of: int, how: int) -> None:
        """Write all files as they should be."""
        for name in self.files:
            self._write(name)

    # ---- edits of what is known

    def apply(self, of: int, how: int) -> None:
        """Have the plan's changes known: some are lost, and of others nobody knows, as *how* says."""
        workspace = self._workspace()
        with workspace.store() as store, contextlib.suppress(InputError):
            store.lock("apply")
            plan, _ = workspace.plan(store.known(), (), cached=bool(of % 2))

            async def run() -> None:
                journal = store.begin_run(plan)
                for seq in range(len(plan.changes)):
                    if (seq + how) % 4:
                        await journal.intend(Intent(seq, 1, time.time()))
                    if (seq + how) % 4 > 1:
                        journal.settle(Settlement(seq, "updated", "accepted", 1, _ACCEPTED, 1.0))
                await journal.flush()
                if how % 2:
                    store.finish_run(journal)

            asyncio.run(run())

    def forget(self, of: int, how: int) -> None:
        """Have something not known any more."""
        with self._workspace().store() as store:
            known = [*store.known().items()]
            if known:
                store.lock("forget")
                store.forget([known[(of + how) % len(known)]])

    # ---- edits of the cache and of what it depends on

    def switch(self, of: int, how: int) -> None:
        """Switch lints that look at everything off or on."""
        self._is_quiet = not self._is_quiet

    def spoil(self, of: int, how: int) -> None:
        """Damage the cache, cut it, put an earlier one or none in its place."""
        if not self._cache.exists():
            return
        data = bytearray(self._cache.read_bytes())
        match how % 6:
            case 0:
                self._cache.unlink()
            case 1:
                self._cache.write_bytes(data[: of * 1009 % (len(data) + 1)])
            case 2 | 3:
                for at in range(of * 7919 % 1000, len(data), 1000):
                    data[at] ^= 1 << of % 8
                self._cache.write_bytes(data)
            case 4:
                self._cache.write_bytes(self._earlier or b"none of ours")
            case _:
                self._earlier = bytes(data)

    # ---- how they are done

    def _name(self, of: int) -> str:
        return sorted(self.files)[of % len(self.files)]

    def _lines(self, of: int) -> list[Line]:
        return self.files[self._name(of)]

    def _extend(self, of: int, lines: Sequence[Line]) -> None:
        name = self._name(of)
        more = [*self.files[name], *lines]
        if _fits(name, more):
            self._put(name, more)
        else:
            self._put("i.jsonl", [*self.files.get("i.jsonl", ()), *lines])

    def _put(self, name: str, lines: Sequence[Line]) -> None:
        self.files[name] = [*lines]
        self._write(name)

    def _write(self, name: str) -> None:
        path = self._folder / name
        lines = self.files[name]
        path.write_text(text_of(lines, name.partition(".")[2]) if _fits(name, lines) else "", encoding="utf-8")
        self._set_time(path)

    def _set_time(self, path: Path) -> None:
        """Give *path* a time that no file had: two edits in one tick are what a clock that is ahead cannot see."""
        self._written_ns += 10**9
        os.utime(path, ns=(self._written_ns, self._written_ns))

    def _workspace(self) -> Workspace:
        levels: dict[str, Any] = dict.fromkeys(("duplicate-caption", "look-alike-id"), "off") if self._is_quiet else {}
        return replace(open_workspace(None, (), levels), now_s=lambda: time.time() + self._ahead_s)

    def _outcome(self, *, cached: bool) -> object:
        workspace = self._workspace()
        with workspace.store() as store:
            try:
                plan, problems = workspace.plan(store.known(), (), cached=cached)
            except InputError as error:
                return str(error)
        return b"".join(plan_lines(plan)), problems

    def _contents(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self._folder.iterdir()}


EDITS: Final[dict[str, Callable[[Studio, int, int], None]]] = {
    edit.__name__: edit
    for edit in (
        Studio.change,
        Studio.change_unseen,
        Studio.add,
        Studio.fill,
        Studio.remove,
        Studio.move,
        Studio.reformat,
        Studio.rename,
        Studio.swap,
        Studio.replace,
        Studio.delete,
        Studio.copy,
        Studio.touch,
        Studio.damage,
        Studio.repair,
        Studio.apply,
        Studio.forget,
        Studio.switch,
        Studio.spoil,
    )
}


def _changed(line: Line, how: int) -> Line:
    if "caption" in line:
        return {**line, "caption": _CAPTIONS[how % len(_CAPTIONS)]}
    if "meta" in line:
        return {**line, "meta": {**line["meta"], "x": how}}
    return {**line, "name": f"name {how}"}


def _fits(name: str, lines: Sequence[Line]) -> bool:
    """Tell whether the format of *name* can hold *lines*: JSON takes one container."""
    containers = {tuple(value for key, value in line.items() if key in {"dataset", "collection"}) for line in lines}
    return len(containers) == 1 or (not name.endswith(".json") and bool(lines))


def _set_times(path: Path, like: os.stat_result) -> None:
    """Give *path* the times of another; its status change must not fall into the same tick as that of this one."""
    while True:
        os.utime(path, ns=(like.st_atime_ns, like.st_mtime_ns))
        if path.stat().st_ctime_ns != like.st_ctime_ns:
            return
