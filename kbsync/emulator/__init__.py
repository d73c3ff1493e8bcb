"""A local server of both APIs, written from the API pages, with faults on demand.

    async with serve(Emulator(sample_world())) as running:
        ...  # talk to running.base_url, look into running.emulator

It shares no code with `kbsync.providers`: two readings of the same pages check each other.
"""

from kbsync.emulator.behaviour import Behaviour
from kbsync.emulator.emulator import Emulator, Latency
from kbsync.emulator.sample import sample_world
from kbsync.emulator.serving import Running, serve
from kbsync.emulator.world import World

__all__ = ("Behaviour", "Emulator", "Latency", "Running", "World", "sample_world", "serve")
