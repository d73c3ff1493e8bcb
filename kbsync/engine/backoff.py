"""How long to wait before asking again: arithmetic on values.

The delay before retry n (1-based) is U(0, min(cap, base * 2**(n - 1))): full jitter, so that many who failed together
do not come back together. A Retry-After is a floor under it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from kbsync.core.settings import RetrySettings

__all__ = ("LONGEST_RETRY_AFTER_S", "Tries", "full_jitter_s", "retry_delay_s", "throttle_delay_s")

LONGEST_RETRY_AFTER_S: Final = 300.0


@dataclass(slots=True)
class Tries:
    """What one item has had so far.

    *failed* counts attempts that ended transient or lost, *throttled* those turned away for their rate. *active_s* is
    the item's own time: its requests and the waits between them, without the pauses that its whole target takes.
    """

    failed: int = 0
    throttled: int = 0
    active_s: float = 0.0


def full_jitter_s(base_s: float, cap_s: float, failures: int, jitter: float) -> float:
    """Return the delay after *failures* (1-based) failures, for a *jitter* in [0, 1)."""
    # Past 2**62 the cap stands anyway; a float's exponent ends at 1023.
    return jitter * min(cap_s, base_s * 2.0 ** min(failures - 1, 62))


def retry_delay_s(retry: RetrySettings, tries: Tries, jitter: Callable[[], float]) -> float | None:
    """Return the delay after a failed attempt, or None when there is no further one.

    There is none when the attempts are used up, or when the delay would end after the item's deadline.
    """
    if tries.failed >= retry.attempts:
        return None
    delay_s = full_jitter_s(retry.base_delay_s, retry.max_delay_s, tries.failed, jitter())
    return delay_s if tries.active_s + delay_s < retry.deadline_s else None


def throttle_delay_s(retry: RetrySettings, tries: Tries, jitter: Callable[[], float]) -> float | None:
    """Return the delay after a throttled attempt, or None when there is no further one."""
    if tries.throttled >= retry.throttled_attempts or tries.active_s >= retry.deadline_s:
        return None
    return full_jitter_s(retry.throttle_delay_s, retry.max_delay_s, tries.throttled, jitter())
