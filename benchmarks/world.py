"""One emulator on its own core, and a kbsync workspace that points at it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.children import cpu_s, move_to, server_core
from kbsync.emulator.process import Launched, launched

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

    emulator: Launched

    @property
    def base_url(self) -> str:
        """Where it listens."""
        return self.emulator.base_url

    def cpu_s(self) -> float | None:
        """Return the processor time it has used so far."""
        return cpu_s(self.emulator.process.pid)

    def forget(self) -> None:
        """Let it forget its record of requests, so that no round pays for the one before it."""
        self.emulator.control("DELETE", "requests")


@contextmanager
def served(images: int, docs: int) -> Iterator[World]:
    """Serve so many images and documents, without a rate and without faults."""
    with launched("--images", str(images), "--documents", "0", "--docs", str(docs)) as emulator:
        move_to(server_core(), emulator.process.pid)
        yield World(emulator)


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
