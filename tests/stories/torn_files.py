"""SIGKILL while a file is being written that people read: the old one stays whole until the new one is."""

import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Final

from tests.stories.stage import Stage, staged
from tests.stories.victims import Breed
from tests.stories.world import made_world

__all__ = ("FILES", "kill_while_writing")

ITEMS: Final = 2_000
# About as long as the writing takes.
LONGEST_S: Final = 0.04
FILES: Final = {"saved.plan": ("plan", "--out"), "report.json": ("report", "--out")}


def kill_while_writing(folder: Path, name: str, kills: int, seed: int, breed: Breed) -> str:
    """Have the file *name* written anew, and killed meanwhile, so often; return what was left in figures."""
    random = Random(seed)
    command = FILES[name]
    old = halves = 0
    with staged(folder, made_world(ITEMS)) as stage:
        file = stage.job.folder / name
        before, after = two_contents(stage, file, command)
        for _ in range(kills):
            file.write_bytes(before)
            victim = breed.start(stage.job, *command, name)
            while not (parts := beside(file)) and not victim.has_ended():
                time.sleep(0.001)
            time.sleep(random.uniform(0.0, LONGEST_S))
            victim.kill()
            left = file.read_bytes()
            assert left in {before, after}
            old += left == before
            halves += bool(beside(file))
            for part in {*parts, *beside(file)}:
                part.unlink(missing_ok=True)
    assert halves, "no kill came while the file was written"
    return (
        f"{kills} kills while {name} was written: {halves} left a part beside it, {old} the old one, the others the new"
    )


def two_contents(stage: Stage, file: Path, command: Sequence[str]) -> list[bytes]:
    """Give what the command wrote into *file* before something happened, and what it writes after it."""
    contents = []
    for _ in range(2):
        assert stage.job.run("apply", "--yes", "--limit", "1").code == 7
        assert stage.job.run(*command, file.name).code == 0
        contents.append(file.read_bytes())
    assert contents[0] != contents[1]
    return contents


def beside(file: Path) -> list[Path]:
    """Give what is on its way to become *file*."""
    return list(file.parent.glob(f".{file.name}.*"))
