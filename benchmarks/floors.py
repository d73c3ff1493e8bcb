"""What `plan` cannot be faster than, and its starting point: `python -m benchmarks.floors WHAT FOLDER`."""

import asyncio
import json
import sys
import time
from pathlib import Path

from benchmarks.children import peak_mib

__all__ = ("main",)


def main() -> None:
    what, folder = sys.argv[1], Path(sys.argv[2])
    match what:
        case "settle":
            _settle(folder)
        case "YAML":
            _yaml(sorted(folder.glob("*.yaml")))
        case "JSON Lines":
            _json_lines(sorted(folder.glob("*.jsonl")))
        case _:
            raise SystemExit(f"there is no floor {what}")


def _yaml(paths: list[Path]) -> None:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    began = _Began()
    for path in paths:
        with path.open("rb") as file:
            for _ in yaml.parse(file, Loader=loader):
                pass
    began.tell()


def _json_lines(paths: list[Path]) -> None:
    import orjson

    began = _Began()
    for path in paths:
        with path.open("rb") as file:
            for line in file:
                orjson.loads(line)
    began.tell()


class _Began:
    """The moment when everything is imported."""

    def __init__(self) -> None:
        self._mib, self._cpu_s, self._wall_s = peak_mib(), time.process_time(), time.perf_counter()

    def tell(self) -> None:
        """Print what was spent since."""
        spent = {"cpu_s": time.process_time() - self._cpu_s, "wall_s": time.perf_counter() - self._wall_s}
        print(json.dumps({**spent, "mib": peak_mib() - self._mib}))


def _settle(folder: Path) -> None:
    """Make everything that the manifests of the workspace declare known, as if a run had sent it."""
    from kbsync.cli.workspace import open_workspace
    from kbsync.core.state import Settlement
    from kbsync.core.wire import Answer

    async def settle() -> None:
        journal = store.begin_run(plan)
        answer = Answer(200, 0)
        for seq in range(len(plan.changes)):
            journal.settle(Settlement(seq, "updated", "accepted", 1, answer, 1.0))
        await journal.flush()
        store.finish_run(journal)

    workspace = open_workspace(folder / "kbsync.toml")
    with workspace.store() as store:
        store.lock("apply")
        plan, _ = workspace.plan(store.known(), ())
        asyncio.run(settle())


if __name__ == "__main__":
    main()
