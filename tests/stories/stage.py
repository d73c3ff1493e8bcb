"""An emulator in its own process, a workspace for it, and what a test asks of the two."""

import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kbsync.emulator import Launched, launched
from tests.stories.client import Client
from tests.stories.job import BOTH, Job, Target
from tests.stories.world import Content, World

__all__ = ("Stage", "staged", "until")

_PATIENCE_S = 60.0


@dataclass
class Stage:
    """*world* is what the emulator held at first and what the manifest says."""

    emulator: Launched
    job: Job
    world: World

    def control(self, method: str, path: str, value: object = None) -> Any:
        """Call a control endpoint."""
        return self.emulator.control(method, path, value)

    def declare(self, world: World) -> None:
        """Put another manifest in place."""
        self.world = world
        self.job.declare(world)

    def rules(self, *rules: Mapping[str, object]) -> None:
        """Have the emulator misbehave by these rules, and by no others."""
        self.control("PUT", "faults", {"rules": list(rules)})

    def calm(self) -> None:
        """Let the emulator answer everything well."""
        self.control("DELETE", "faults")
        self.control("PUT", "rates", {})
        self.control("PUT", "latency", {})

    def forget(self) -> None:
        """Let the emulator forget which requests it has seen."""
        self.control("DELETE", "stats")

    def content(self) -> Content:
        """Read the emulator's content over its list endpoints."""
        self.calm()
        with Client(self.emulator.base_url) as client:
            return client.content(self.world.before)

    def requests(self) -> list[dict[str, Any]]:
        """Give every request that the emulator has seen since it last forgot."""
        answer = self.control("GET", "requests?limit=1000000")
        assert len(answer["requests"]) == answer["total"]
        requests: list[dict[str, Any]] = answer["requests"]
        return requests

    def writes(self) -> list[dict[str, Any]]:
        """Give the writes among them."""
        return [request for request in self.requests() if request["fate"] != "read"]

    def seen(self) -> int:
        """Count the requests."""
        return sum(self.control("GET", "stats")["requests"].values())

    def seen_by_item(self) -> Counter[tuple[str, str]]:
        """Count the writes by operation and item."""
        return Counter((write["operation"], write["item"].rpartition("/")[2]) for write in self.writes())


@contextmanager
def staged(
    folder: Path,
    world: World,
    *arguments: str,
    targets: Sequence[Target] = BOTH,
    retry: Mapping[str, object] | None = None,
) -> Generator[Stage]:
    """Start an emulator with the content of *world*, and make a workspace that declares its manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "world.json"
    data.write_bytes(world.archive())
    with launched("--data", str(data), *arguments) as emulator:
        job = Job(folder / "workspace", emulator.base_url, targets, retry)
        job.declare(world)
        yield Stage(emulator, job, world)


def until(claim: Callable[[], bool]) -> None:
    """Wait until *claim* holds."""
    end_s = time.monotonic() + _PATIENCE_S
    while not claim():
        assert time.monotonic() < end_s, "what was waited for did not happen"
        time.sleep(0.02)
