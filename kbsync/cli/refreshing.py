"""`--refresh`: what is live is read before a plan is made, and a plan is made only of what is proved."""

import time
from collections.abc import Collection, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from kbsync.adapters.config import Access
from kbsync.adapters.lists import ListCache
from kbsync.adapters.state import StateStore
from kbsync.cli.complaints import note
from kbsync.cli.options import Asked, Console
from kbsync.cli.reading import Place, Reading, accesses_to
from kbsync.cli.running import WINDOW_S
from kbsync.cli.workspace import Workspace
from kbsync.core.live import ReadItems, ReadList, Refresh
from kbsync.core.state import ReadRecord
from kbsync.core.wire import Codec
from kbsync.engine.recent import Recent
from kbsync.errors import KbsyncError
from kbsync.views.wording import count, duration

__all__ = ("MOST_REQUESTS", "Refresher", "open_refresher")

_SHOWN: Final = 20
MOST_REQUESTS: Final = 2


@contextmanager
def open_refresher(
    workspace: Workspace, store: StateStore, console: Console, asked: Asked, **others: Any
) -> Generator["Refresher"]:
    """Yield what reads for a plan, as was *asked* for.

    It needs the lock. Whoever gets that next may send at once.
    """
    refresher = Refresher(workspace, store, console, asked, **others)
    try:
        yield refresher
    finally:
        refresher.linger()


@dataclass
class Refresher:
    """Reads what a plan needs, each list once, or takes one that was kept and is young enough.

    Where a plan is about few items of a place, and the provider has a read for chosen ones, these alone are asked for,
    and nothing is kept of them. They are few when that takes no more than two requests: how many pages a list has is
    not known before it is read. One more request is for each item that these two do not prove.

    Nothing is read for longer than *max_duration_s*. *otherwise* is what to say when something cannot be read.
    Afterwards *reads* are the requests that were sent, and *recent* is for the updates that follow soon.
    """

    workspace: Workspace
    store: StateStore
    console: Console
    asked: Asked
    otherwise: str = "nothing was planned"
    max_duration_s: float | None = None
    reads: list[ReadRecord] = field(default_factory=list[ReadRecord])
    recent: Recent = field(default_factory=Recent)

    def refresh(self, places: Mapping[Place, Collection[str]]) -> Refresh:
        """Return what is live at *places*; the ids are those of items whose absence means something.

        Raises UnreadError when one of the lists is not to be had whole, or one of the items, and CredentialsError.
        """
        config = self.workspace.config
        kept, left = self._kept_and_left(places)
        accesses = accesses_to({place[0] for place in left}, config)
        few = {place: ids for place, ids in left.items() if _are_few(accesses[place[0]].codec, place[2], len(ids))}
        lists, items = self._read(accesses, {place: ids for place, ids in left.items() if place not in few}, few)
        policies = {name: target.settings.policies_with(self.asked.policy) for name, target in config.targets.items()}
        return Refresh({**kept, **lists, **items}, policies, config.retry.quarantine_s)

    def lists(self, places: Mapping[Place, Collection[str]]) -> dict[Place, ReadList]:
        """Return the whole lists of *places*, whose ids are as in `refresh`. Raises as that does."""
        kept, left = self._kept_and_left(places)
        lists, _ = self._read(accesses_to({place[0] for place in left}, self.workspace.config), left, {})
        return {**kept, **lists}

    def linger(self) -> None:
        """Wait until whatever is run next may send at once, for no state tells it of these reads."""
        left_s = self._last_sent_s + WINDOW_S - time.time()
        if 0.0 < left_s <= WINDOW_S:
            time.sleep(left_s)

    @property
    def _last_sent_s(self) -> float:
        return max((read.sent_at_s or 0.0 for read in self.reads), default=0.0)

    @property
    def _cache(self) -> ListCache:
        return ListCache(self.workspace.config.cache_folder)

    def _kept_and_left(
        self, places: Mapping[Place, Collection[str]]
    ) -> tuple[dict[Place, ReadList], dict[Place, Collection[str]]]:
        kept = dict(self._kept(places))
        self._tell_ages(kept)
        return kept, {place: ids for place, ids in places.items() if place not in kept}

    def _kept(self, places: Mapping[Place, Collection[str]]) -> Iterator[tuple[Place, ReadList]]:
        """Yield the lists that need not be read: young enough, and older than no update of ours."""
        now_s, origins = time.time(), self.workspace.origins()
        if not self.asked.max_age_s:
            return
        for place in places:
            found = self._cache.find(origins[place[0]], place)
            if found is None or not 0.0 <= now_s - found.read_at_s <= self.asked.max_age_s:
                continue
            # That something is not on a list means little when nobody looked for it while it was read.
            has_all = all(id_ in found.items for id_ in places[place])
            if has_all and place not in self.store.sent_to_since(found.read_at_s):
                yield place, found

    def _read(
        self,
        accesses: Mapping[str, Access],
        places: Mapping[Place, Collection[str]],
        chosen: Mapping[Place, Collection[str]],
    ) -> tuple[dict[Place, ReadList], dict[Place, ReadItems]]:
        if not (places or chosen):
            return {}, {}
        now_s = time.time()
        not_before_s = min(self.store.sent_until_s(), now_s) + WINDOW_S
        reading = Reading(
            self.workspace.config, places, self.console, not_before_s, self.max_duration_s, chosen, self.recent
        )
        try:
            whole = reading.read_whole(accesses, self.otherwise)
        finally:
            self.reads += reading.records
        self._keep(whole)
        return whole, reading.items()

    def _keep(self, lists: Mapping[Place, ReadList]) -> None:
        origins = self.workspace.origins()
        try:
            for place, read in lists.items():
                self._cache.keep(origins[place[0]], place, read)
        except (KbsyncError, OSError) as error:
            note(f"lists cannot be kept in {self.workspace.config.cache_folder}: {error}")

    def _tell_ages(self, kept: Mapping[Place, ReadList]) -> None:
        now_s = time.time()
        for place, read in list(kept.items())[:_SHOWN]:
            self.console.say(f"kbsync: {'/'.join(place)} as it was read {duration(now_s - read.read_at_s)} ago")
        if len(kept) > _SHOWN:
            self.console.say(f"kbsync: and {count(len(kept) - _SHOWN, 'more list')} that were kept")


def _are_few(codec: Codec, kind: str, items: int) -> bool:
    """Tell whether so many items of *kind* are asked for by themselves, and not with their list."""
    read = codec.reads.get(kind)
    return read is not None and items <= MOST_REQUESTS * read.read_batch
