"""The example manifests: in a wheel beside the code, in a checkout in its `manifests/`."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import kbsync

__all__ = ("copy_examples",)


def copy_examples(folder: Path, *names: str) -> Iterator[Path]:
    """Copy the example manifests with these *names*, or all of them, into *folder*; yield where each one is now.

    What stands there already is left alone, and not yielded.
    """
    home = _home()
    for example in sorted(home.rglob("*")):
        name = example.relative_to(home)
        if example.is_file() and (not names or str(name) in names):
            copy = folder / name
            if not copy.exists():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(example, copy)
                yield copy


def _home() -> Path:
    package = Path(kbsync.__file__).parent
    installed = package / "examples"
    return installed if installed.is_dir() else package.parent / "manifests"
