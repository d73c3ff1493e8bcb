"""What a plan would do to captions that are known."""

from collections.abc import Iterable, Iterator

from kbsync.core.items import Source
from kbsync.core.lint.rules import MIN_SHRINKING_CHARACTERS, SHRINKING_FACTOR
from kbsync.core.lint.wording import quoted
from kbsync.core.plan import Change

__all__ = ("shrinking",)


def shrinking(changes: Iterable[Change]) -> Iterator[tuple[Source, str]]:
    """Yield the place and a message for each caption that *changes* would shrink to a small part of its length.

    That is what is known of it, or live if that was read. A caption that is emptied is not among them: its entry says
    `allow_empty: true`, and a guard counts it.
    """
    for change in changes:
        for one in change.fields:
            if one.field != "caption" or not isinstance(one.before, str) or not isinstance(one.desired, str):
                continue
            before, after = len(one.before), len(one.desired)
            if before >= MIN_SHRINKING_CHARACTERS and 0 < after * SHRINKING_FACTOR < before:
                yield (
                    change.source,
                    f"the caption shrinks from {before:,} to {after:,} characters, {quoted(one.desired)}",
                )
