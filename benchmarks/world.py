"""One emulator on its own core, and a kbsync workspace that points at it."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.children import cpu_s, environment, move_to, server_core

__all__ = ("COLLECTION", "DATASET", "World", "doc_id", "image_id", "served", "write_config")

DATASET = "744632974166804001"
COLLECTION = "test_collection_name"
_SECRETS = {
    "token": "pat_emulator_sample_token",
    "access_key_id": "AKLTEMULATORSAMPLE",
    "secret_access_key": "emulator-sample-secret-key==",
}


def image_id(number: int) -> str:
    """Return the id of the emulator's image with this 0-based *number*."""
    return str(7446670805219090001 + number)


def doc_id(number: int) -> str:
    """Return the id of the emulator's Volcengine document with this 0-based *number*."""
    return f"doc_{number:07d}"


@dataclass(frozen=True, slots=True)
class World:
    """The server of one benchmark."""

    base_url: str
    pid: int

    def cpu_s(self) -> float | None:
        """Return the processor time it has used so far."""
        return cpu_s(self.pid)

    def forget(self) -> None:
        """Let it forget its record of requests, so that no round pays for the one before it."""
        host, _, port = self.base_url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(b"DELETE /_emulator/requests HTTP/1.1\r\nHost: " + host.encode() + b"\r\n\r\n")
            if not connection.recv(4096).startswith(b"HTTP/1.1 200 "):
                raise RuntimeError("the server did not forget")


@contextmanager
def served(images: int, docs: int) -> Iterator[World]:
    """Serve so many images and documents, without a rate and without faults."""
    # What this process imports stays out of the way: its children begin with its peak memory as theirs.
    command = [sys.executable, "-m", "kbsync.emulator"]
    command += ["--images", str(images), "--documents", "0", "--docs", str(docs)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment()) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline().decode()
            if "http://" not in line:
                raise RuntimeError(f"the emulator did not start: {line!r}")
            move_to(server_core(), process.pid)
            yield World("http://" + line.rpartition("http://")[2].strip(), process.pid)
        finally:
            process.terminate()
            process.wait(30)


def write_config(folder: Path, base_url: str, concurrency: int) -> None:
    """Make *folder* a workspace with both targets at *base_url*, and no rate to speak of."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, text in _SECRETS.items():
        path = folder / name
        path.touch(0o600)
        path.write_text(text, encoding="utf-8")
    pace = f'rate = "1000000/s"\nconcurrency = {concurrency}\n'
    (folder / "kbsync.toml").write_text(
        "[manifests]\n"
        'paths = ["manifests"]\n\n'
        "[targets.coze-cn]\n"
        f'provider = "coze"\nbase_url = "{base_url}"\ntoken = "file:token"\n{pace}\n'
        "[targets.volc-bj]\n"
        f'provider = "volcengine"\nbase_url = "{base_url}"\nregion = "cn-beijing"\n'
        f'access_key_id = "file:access_key_id"\nsecret_access_key = "file:secret_access_key"\n{pace}',
        encoding="utf-8",
    )
