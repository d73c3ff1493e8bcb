"""One request by HttpTransport in a process of its own: `python -m tests.security.sender URL LIMIT_BYTES WAIT_S`.

Says on stdout, as JSON, what came of it, how long it took, and by how much it made the process grow: at its peak,
against what the process took after another request had been answered well.
"""

import asyncio
import gc
import json
import sys
import time
from pathlib import Path

from kbsync.adapters.http import HttpTransport
from kbsync.core.wire import Lost, Request, Response

PATIENCE_S = 0.8


def main() -> None:
    sys.stdout.write(json.dumps(asyncio.run(_send(sys.argv[1], int(sys.argv[2])))))


async def _send(url: str, limit_bytes: int) -> dict[str, object]:
    patient, impatient = _transport(url, 60.0), _transport(url, PATIENCE_S)
    async with patient, impatient:
        for transport in (patient, impatient, impatient):
            well = await transport.send(_request("/well"), limit_bytes, _at_once)
            assert isinstance(well, Response) or transport is impatient, well
        gc.collect()
        before_kib, began_s = _count_anew(), time.perf_counter()
        answer = await impatient.send(_request("/ill"), limit_bytes, _at_once)
        took_s = time.perf_counter() - began_s
        # Whoever goes on talking has a moment to do so.
        await asyncio.sleep(float(sys.argv[3]))
        again = [await impatient.send(_request("/well"), limit_bytes, _at_once) for _ in range(5)]
        grown_kib = _kib("VmHWM") - before_kib
    return {
        "reason": answer.reason if isinstance(answer, Lost) else f"{answer.status}, {len(answer.body)} bytes",
        "sent": not isinstance(answer, Lost) or answer.sent,
        "again": any(isinstance(one, Response) and one.status == 200 for one in again),
        "grown_mib": grown_kib / 1024,
        "took_s": took_s,
    }


def _transport(url: str, patience_s: float) -> HttpTransport:
    return HttpTransport(
        url,
        concurrency=1,
        connect_timeout_s=patience_s,
        read_timeout_s=patience_s,
        total_timeout_s=patience_s,
    )


def _count_anew() -> int:
    """Let the peak be counted from here on, and return what the process takes now, in KiB."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _kib("VmRSS")


def _request(path: str) -> Request:
    return Request("POST", path, {"Content-Type": "application/json"}, b'{"caption":"x"}')


async def _at_once() -> bool:
    return True


def _kib(name: str) -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition(f"{name}:")[2].split()[0])


if __name__ == "__main__":
    main()
