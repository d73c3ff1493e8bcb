"""What peers read manifests with, each in a process of its own: `python -m benchmarks.loaders NAME FOLDER ITEMS`.

FOLDER is a workspace of YAML. `zone` makes of it what octoDNS reads.
"""

import json
import sys
import time
from pathlib import Path
from typing import Final

__all__ = ("main", "record")

_ZONE: Final = "example.org."


def main() -> None:
    name, folder, items = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    match name:
        case "zone":
            _write_zone(folder / "zone", items)
        case "octodns":
            _octodns(folder / "zone", items)
        case "safe_load":
            _yaml(folder / "manifests", items, "SafeLoader")
        case "c_load":
            _yaml(folder / "manifests", items, "CSafeLoader")
        case _:
            raise SystemExit(f"there is no loader {name}")


def _octodns(folder: Path, items: int) -> None:
    from octodns.provider.yaml import YamlProvider
    from octodns.zone import Zone

    began_s = time.perf_counter()
    provider = YamlProvider("benchmark", str(folder), enforce_order=False, escaped_semicolons=False)
    zone = Zone(_ZONE, [])
    provider.populate(zone)
    _tell(began_s, len(zone.records), items)


def _yaml(folder: Path, items: int, loader: str) -> None:
    import yaml

    began_s = time.perf_counter()
    loaded = []
    for path in sorted(folder.iterdir()):
        with path.open("rb") as file:
            loaded.append(yaml.load(file, Loader=getattr(yaml, loader)))
    _tell(began_s, sum(len(one.get("images", ())) + len(one.get("documents", ())) for one in loaded), items)


def _tell(began_s: float, loaded: int, items: int) -> None:
    if loaded != items:
        raise SystemExit(f"{loaded} of {items} were loaded")
    print(json.dumps({"s": time.perf_counter() - began_s}))


def _write_zone(folder: Path, items: int) -> None:
    from benchmarks.manifests import lines, yaml_entry

    folder.mkdir()
    with (folder / f"{_ZONE}yaml").open("w", encoding="ascii") as file:
        file.write("---\n")
        for number, line in enumerate(lines(range(items), items, changed=True)):
            texts = [line["caption"]] if "caption" in line else [line["name"], *line["meta"]]
            file.write(record(number, len(texts), len(yaml_entry(line))))


def record(number: int, values: int, characters: int) -> str:
    """Return a TXT record with so many *values*, of so many *characters* in all."""
    head = f"doc-{number:07}:\n  type: TXT\n  values:\n"
    each, rest = divmod(characters - len(head) - values * len("    - \n"), values)
    return head + "".join(f"    - {_text(each + (rest if value == 0 else 0))}\n" for value in range(values))


def _text(characters: int) -> str:
    words = "a small cat sits on the sill and looks at the rain"
    return (words * (characters // len(words) + 1))[:characters].rstrip().ljust(characters, "s")


if __name__ == "__main__":
    main()
