"""The emulator as a process of its own: running it, and starting it from a test."""

import asyncio
import gc
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import orjson

from kbsync.emulator.archive import save_world
from kbsync.emulator.building import built_emulator
from kbsync.emulator.config import DEFAULT_RATE, sample_config
from kbsync.emulator.emulator import CONTROL_PREFIX, Emulator
from kbsync.emulator.options import Options
from kbsync.emulator.serving import serve

__all__ = ("Launched", "launched", "run")

FIRST_LINE = "# kbsync emulator at "
STOP_TIMEOUT_S = 10.0


def run(options: Options, out: TextIO | None = None) -> None:
    """Serve until SIGINT or SIGTERM.

    As soon as it listens it prints a line with its address, then a kbsync.toml for it: all of it together is
    valid TOML. Raises UsageError or InputError before it listens, OSError when it cannot listen.
    """
    emulator = built_emulator(options)
    # A hundred thousand items that never become garbage: the collector need not look at them again and again.
    gc.freeze()
    with _config_folder(options) as folder:
        asyncio.run(_serve(emulator, options, folder, sys.stdout if out is None else out))


@contextmanager
def _config_folder(options: Options) -> Generator[Path]:
    if options.config_folder is not None:
        yield options.config_folder
        return
    folder = Path(tempfile.mkdtemp(prefix="kbsync-emulator-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _serve(emulator: Emulator, options: Options, folder: Path, out: TextIO) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if options.data is not None:
        emulator.save = lambda path=options.data: save_world(emulator.world, path)
    async with serve(emulator, host=options.host, port=options.port) as running:
        rate = next((text for text in options.rate if "=" not in text), DEFAULT_RATE)
        config = sample_config(running.base_url, folder, rate=rate, credentials=emulator.world.credentials)
        text = f"{FIRST_LINE}{running.base_url}\n\n{config}"
        if options.config_folder is not None:
            (folder / "kbsync.toml").write_text(text, encoding="utf-8")
        out.write(text)
        out.flush()
        await stop.wait()
    if emulator.save is not None:
        emulator.save()


class Launched:
    """An emulator in another process, and its control endpoints."""

    def __init__(self, process: subprocess.Popen[str], base_url: str) -> None:
        self.process = process
        self.base_url = base_url

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.base_url.rpartition(":")[2])

    def control(self, method: str, path: str, value: object = None) -> object:
        """Call `/_emulator/`*path* and give the JSON it answers."""
        body = None if value is None else orjson.dumps(value)
        request = urllib.request.Request(f"{self.base_url}{CONTROL_PREFIX}{path}", body, method=method)  # noqa: S310
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=STOP_TIMEOUT_S) as response:
            answer: object = orjson.loads(response.read())
        return answer


@contextmanager
def launched(*arguments: str) -> Generator[Launched]:
    """Start `python -m kbsync.emulator` with *arguments* for as long as the block runs."""
    root = Path(__file__).parents[2]
    path = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH", ""))))
    command = [sys.executable, "-m", "kbsync.emulator", *arguments]
    with subprocess.Popen(  # noqa: S603 - our own module
        command, stdout=subprocess.PIPE, text=True, encoding="utf-8", env={**os.environ, "PYTHONPATH": path}
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line.startswith(FIRST_LINE):
                raise RuntimeError(f"the emulator did not start: {line!r}")
            yield Launched(process, line.removeprefix(FIRST_LINE).strip())
        finally:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
