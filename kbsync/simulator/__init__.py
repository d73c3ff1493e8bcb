"""The engine on virtual time, against modelled providers: how long a plan would take, and what if.

    simulate(plan, targets, RetrySettings(), Policy(), seed=0)

The engine is the one that sends. What it speaks to is a model: an account with a rate, a latency and moods, and a
journal that forgets what was not durable when its process dies. Nothing here does any I/O.
"""

from kbsync.simulator.faults import FAULTS, MIXES, OUTAGE, Fault, Spell, spell
from kbsync.simulator.provider import Limit, Model, limit
from kbsync.simulator.simulation import Beginning, ModelTarget, simulate

__all__ = (
    "FAULTS",
    "MIXES",
    "OUTAGE",
    "Beginning",
    "Fault",
    "Limit",
    "Model",
    "ModelTarget",
    "Spell",
    "limit",
    "simulate",
    "spell",
)
