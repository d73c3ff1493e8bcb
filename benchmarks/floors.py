"""What `plan` cannot be faster than: `python -m benchmarks.floors FORMAT WORKSPACE`."""

import json
import sys
import time
from pathlib import Path

__all__ = ("main",)


def main() -> None:
    form, folder = sys.argv[1], Path(sys.argv[2]) / "manifests"
    match form:
        case "YAML":
            _yaml(sorted(folder.glob("*.yaml")))
        case "JSON Lines":
            _json_lines(sorted(folder.glob("*.jsonl")))
        case _:
            raise SystemExit(f"there is no floor for {form}")


def _yaml(paths: list[Path]) -> None:
    import yaml

    began = _Began()
    for path in paths:
        with path.open("rb") as file:
            for _ in yaml.parse(file, Loader=yaml.CSafeLoader):
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
        self._cpu_s, self._wall_s = time.process_time(), time.perf_counter()

    def tell(self) -> None:
        """Print what was spent since."""
        spent = {"cpu_s": time.process_time() - self._cpu_s, "wall_s": time.perf_counter() - self._wall_s}
        print(json.dumps(spent))


if __name__ == "__main__":
    main()
