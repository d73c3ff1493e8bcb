"""Whatever an answer is like, it takes a bounded time and a bounded memory, measured in processes of their own."""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest

from kbsync.engine.target import READ_ANSWER_BYTES
from tests.adapters.wire_faults import Exchange, Fault, ok, serving
from tests.cli.desk import CONFIG, DATASET, ENVIRONMENT
from tests.security.floods import FLOODS, Flood, flooding
from tests.stories.figures import Figures, figures

__all__ = ("figures",)

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")]

ROOT = Path(__file__).parents[2]
MOST_MIB = 8.0
APPLY = """
import resource, sys
from kbsync.__main__ import main
try:
    main()
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.fault("F26", seen="cut at the limit, with less than 8 MiB more memory")
@pytest.mark.parametrize(("flood", "reasons"), FLOODS.values(), ids=FLOODS)
async def test_a_flood_is_cut(flood: Flood, reasons: set[str], figures: Figures) -> None:
    async with serving(flooding(flood)) as server:
        code, out, err = await child(["-m", "tests.security.sender", server.url, str(READ_ANSWER_BYTES), "0.3"])

    assert code == 0, err
    said = json.loads(out)
    figures(f"{said['reason']}: {said['took_s'] * 1000:.0f} ms, {said['grown_mib']:+.1f} MiB")
    assert said["reason"].partition(",")[0] in reasons
    assert said["grown_mib"] < MOST_MIB
    assert said["sent"]
    assert said["again"]


@pytest.mark.fault(
    "F26", seen="a bomb of 512 MiB, a body of 1 GiB, chunks for ever: unknown, less than 8 MiB more memory"
)
async def test_an_apply_that_is_flooded_grows_no_more_than_one_that_is_not(tmp_path: Path, figures: Figures) -> None:
    calm_kib, calm = await _apply(tmp_path / "calm", well)
    assert {row["outcome"] for row in calm} == {"updated"}

    for number, name in enumerate(("a gzip bomb of 512 MiB", "a body of 1 GiB", "chunks for ever")):
        flooded_kib, flooded = await _apply(tmp_path / f"flooded-{number}", flooding(FLOODS[name][0]))

        figures(f"{name}: {(flooded_kib - calm_kib) / 1024:+.1f} MiB over {calm_kib / 1024:.0f}")
        assert {(row["outcome"], row["reason"], row["attempts"]) for row in flooded} == {("unknown", "oversized", 2)}
        assert (flooded_kib - calm_kib) / 1024 < MOST_MIB


async def well(exchange: Exchange) -> None:
    while True:
        await exchange.read()
        await exchange.write(ok(b'{"code":0,"msg":""}'))


async def _apply(folder: Path, fault: Fault) -> tuple[int, Sequence[dict[str, object]]]:
    """Apply a dozen captions, two attempts each; return the peak of the process in KiB, and the rows of its report."""
    (folder / "manifests").mkdir(parents=True)
    rows = [
        {"target": "coze-cn", "dataset": DATASET, "kind": "image", "id": str(number), "caption": f"x{number}"}
        for number in range(1, 13)
    ]
    (folder / "manifests" / "all.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    async with serving(fault) as server:
        config = CONFIG.replace("{url}", server.url) + "\n[retry]\nattempts = 2\nbase_delay_s = 0.001\n"
        (folder / "kbsync.toml").write_text(config, encoding="utf-8")
        code, out, err = await child(["-c", APPLY, "-q", "apply", "--yes", "--format", "json"], folder)
    assert code in {0, 3}, err
    return int(err), orjson.loads(out)["items"]


async def child(words: Sequence[str], cwd: Path = ROOT) -> tuple[int | None, bytes, bytes]:
    """Run Python to its end, beside the server in this loop."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *words,
        cwd=cwd,
        env={**os.environ, **ENVIRONMENT, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode, out, err
