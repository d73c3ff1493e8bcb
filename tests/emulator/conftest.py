"""An emulator of the sample world for each test that asks for one."""

from collections.abc import Iterator

import pytest

from kbsync.emulator import Emulator, sample_world, served_in_thread
from tests.emulator.bench import Bench


@pytest.fixture
def bench() -> Iterator[Bench]:
    with served_in_thread(Emulator(sample_world(images=650, documents=230, docs=250))) as running:
        yield Bench(running)
