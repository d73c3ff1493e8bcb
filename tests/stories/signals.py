"""Signals at random times, one to three of them, at whatever a run does just then."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

import orjson

from kbsync.adapters.state import StateStore
from tests.stories.job import BOTH, Job, checked
from tests.stories.stage import Stage, staged, until
from tests.stories.world import made_world

__all__ = ("MOMENTS", "Signalled", "signal_once")

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Until main is called the interpreter is in charge, and shows tracebacks of its own.
_SCRIPT: Final = "from kbsync.__main__ import main; print('up', flush=True); main()"
_LEAVES_AT: Final = 3
_ROOT: Final = Path(__file__).parents[2]
