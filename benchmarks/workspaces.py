"""Workspaces to plan in: `python -m benchmarks.workspaces FOLDER FORM ITEMS FILES [--in-sync]` makes one.

The state knows all items, as `state rebuild` would have it; one in a hundred has changed since, if not in sync.
"""

import argparse
import sys
from pathlib import Path

from benchmarks.children import child
from benchmarks.manifests import FORMATS, known, write_files
from benchmarks.world import write_config

__all__ = ("main", "workspace")


def workspace(folder: Path, form: str, items: int, files: int, *, in_sync: bool = False) -> Path:
    """Return the workspace in *folder* with so many *items* in so many *files*; made unless a group before made it."""
    place = folder / f"{form}, {items} in {files}{', in sync' if in_sync else ''}"
    if not place.exists():
        # What is made in this process would be in the peak memory of its children.
        told = [str(place), form, str(items), str(files), *(["--in-sync"] if in_sync else [])]
        child(sys.executable, "-m", "benchmarks.workspaces", *told)
    return place


def main() -> None:
    from kbsync.cli.workspace import open_workspace

    parser = argparse.ArgumentParser(prog="benchmarks.workspaces", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("form", choices=FORMATS)
    parser.add_argument("items", type=int)
    parser.add_argument("files", type=int)
    parser.add_argument("--in-sync", action="store_true")
    chosen = parser.parse_args()

    manifests = chosen.folder / "manifests"
    write_config(chosen.folder, "http://127.0.0.1:9", 4)
    manifests.mkdir()
    write_files(manifests, chosen.form, chosen.items, chosen.files, changed=not chosen.in_sync)
    opened = open_workspace(chosen.folder / "kbsync.toml")
    with opened.store() as store:
        store.lock("a benchmark")
        store.rebuild(known(chosen.items), opened.config.targets)


if __name__ == "__main__":
    main()
