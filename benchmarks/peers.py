"""`kbsync plan` of YAML beside what its peers do before they compare anything: load the file.

Theirs is the time from opening the files to having all of it, without start and imports; kbsync's is the whole process.
octoDNS cannot hold our items: it gets a zone of as many records, each an entry of as many characters as one of ours,
with a text for each of its values, all of them ASCII, which it insists on. It is spared the check of the order of keys.
"""

import json
import sys
from pathlib import Path
from typing import Final

from benchmarks.children import child, on_all_cores
from benchmarks.manifests import changed_ids
from benchmarks.plans import MB_PER_MIB, cold, plan
from benchmarks.table import Rounds, Row, table
from benchmarks.workspaces import workspace

__all__ = ("measure_peers",)

_OURS: Final = "kbsync plan, YAML"
# By what `benchmarks.loaders` calls them: for people, and how many times faster kbsync is wanted to be.
_PEERS: Final = {
    "octodns": ("octoDNS, YamlProvider.populate", 10),
    "safe_load": ("yaml.safe_load", 10),
    "c_load": ("yaml.load, CSafeLoader", 5),
}


def measure_peers(folder: Path, items: int, rounds: int) -> tuple[str, list[Row]]:
    """Return the table and its rows: so many items, one in a hundred changed."""
    found = Rounds()
    place = workspace(folder, "YAML", items, 2)
    with on_all_cores():
        child(sys.executable, "-m", "benchmarks.loaders", "zone", str(place), str(items))
        for _ in range(rounds):
            spent = plan(place, *cold(), items=items, changed=changed_ids(items))
            found.add(_OURS, s=spent.wall_s, mb=spent.peak_mib * MB_PER_MIB)
            for name in _PEERS:
                spent = child(sys.executable, "-m", "benchmarks.loaders", name, str(place), str(items))
                found.add(name, s=json.loads(spent.out)["s"], mb=spent.peak_mib * MB_PER_MIB)

    rows = [Row(_OURS, {"s": found.median(_OURS, "s"), "MB in one process": found.median(_OURS, "mb")})]
    for name, (shown, wanted) in _PEERS.items():
        ratio = found.ratio((name, "s"), (_OURS, "s"))
        cells = {"s": found.median(name, "s"), "MB in one process": found.median(name, "mb")}
        rows.append(Row(shown, {**cells, "kbsync is": f"{ratio:.1f}×", "wanted": f"{wanted}×"}))
    return table(f"The whole plan of {items:,} items in YAML beside loading them", rows), rows
