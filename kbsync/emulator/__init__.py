"""A local server of both APIs, written from the API pages, with faults on demand.

    async with serve(Emulator(sample_world())) as running:
        ...  # talk to running.base_url, look into running.emulator

It shares no code with `kbsync.providers`: two readings of the same pages check each other.
"""

from kbsync.emulator.behaviour import Behaviour
from kbsync.emulator.building import built_emulator
from kbsync.emulator.config import sample_config
from kbsync.emulator.emulator import Emulator, Latency
from kbsync.emulator.options import OPTIONS, Option, Options
from kbsync.emulator.process import Launched, launched, run
from kbsync.emulator.sample import sample_world
from kbsync.emulator.serving import Running, serve, served_in_thread
from kbsync.emulator.world import World

__all__ = (
    "OPTIONS",
    "Behaviour",
    "Emulator",
    "Latency",
    "Launched",
    "Option",
    "Options",
    "Running",
    "World",
    "built_emulator",
    "launched",
    "run",
    "sample_config",
    "sample_world",
    "serve",
    "served_in_thread",
)
