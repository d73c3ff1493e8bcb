"""The simulator's virtual time, and a loop that is as late as real ones."""

from kbsync.simulator.clock import EPOCH_S, DeadlockError, VirtualLoop, run_virtually, virtual_clock

__all__ = ("EPOCH_S", "CoarseLoop", "DeadlockError", "VirtualLoop", "run_virtually", "virtual_clock")


class CoarseLoop(VirtualLoop):
    """One whose timers are late by up to a millisecond, as those of epoll are."""

    timer_s = 0.001
