"""Reading the whole list of a container, page by page, and refusing one that cannot be proved whole.

No API gives a view that stands still. Pages are answered one by one, most of them by position, and most recently
updated first: while somebody writes, items move from pages that were not read yet to pages that were, or the other way.
So the list is whole only if as many different items came as its every page said that there are.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from kbsync.core.wire import Live, Page

__all__ = ("Complete", "Incomplete", "Listed", "Listing")

# The largest container that a vendor allows holds three million documents, on thirty thousand pages.
MAX_PAGES: Final = 50_000
# Of some lists it is not known whether their first page has the number 0 or 1. Both are asked for, and where it is 1
# one page comes twice; or the page behind the last one is the last one again.
MAX_BARREN_PAGES: Final = 1


@dataclass(frozen=True, slots=True)
class Complete:
    """All items of one kind in one container, by id: a wanted item that is not among them does not exist."""

    items: Mapping[str, Live] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A list that is not proved whole. What is among *items* exists; that something is not says nothing.

    *reason* is a stable word. Beside those of refusals and failed requests it is `flawed` (an entry is no item, or
    stands twice on its page), `no_total`, `bad_total`, `changed` (the total was another one from page to page, or the
    items were from reading to reading), `surplus` and `missing` (more or fewer items than the total), `repeated` (pages
    bring nothing new), or `endless`. *detail* is a sentence for people, or what the provider said.
    """

    reason: str
    detail: str
    items: Mapping[str, Live] = field(repr=False)


Listed: TypeAlias = Complete | Incomplete


class Listing:
    """Takes the pages of one list in their order, and says which one to ask for next.

    Of an item that came on two pages, having moved from one to the other, the later values count.

    Nothing is asked for once the list is known not to be whole. A list is over when a page says so, or is short and
    the total is reached; the total alone is not believed, for it would hide what stands behind a full page.

    There is one thing that pages and their total cannot show: when an item of a page that was read is removed, and
    another one is added at the end before the next page is read, the total stays as it was and one item slips through
    between the two pages. So a list of several pages that lacks one of the *wanted* items is read a second time, and
    refused unless both readings show the same items.
    """

    def __init__(self, wanted: Collection[str] = ()) -> None:
        self._wanted = wanted
        self._before: Mapping[str, Live] | None = None
        self._listed: Listed | None = None
        self._begin()

    def _begin(self) -> None:
        self._items: dict[str, Live] = {}
        self._cursor = ""
        self._total: int | None = None
        self._pages = 0
        self._barren_pages = 0

    @property
    def cursor(self) -> str | None:
        """The cursor of the page to ask for, None when nothing is left to ask."""
        return self._cursor if self._listed is None else None

    @property
    def listed(self) -> Listed | None:
        """What came of it, None while there is a page to ask for."""
        return self._listed

    def broken_off(self, reason: str, detail: str) -> Incomplete:
        """Return what was listed so far, when no further page is to be had."""
        return Incomplete(reason, detail, {**(self._before or {}), **self._items})

    def add(self, page: Page) -> None:
        """Take the page of `cursor`."""
        assert self._listed is None
        found = len(self._items)
        self._items.update(page.items)
        self._pages += 1
        self._barren_pages += len(self._items) == found

        fault = self._fault(page)
        if fault is not None:
            self._refuse(*fault)
        elif not self._is_over(page):
            assert page.next is not None
            self._cursor = page.next
        elif len(self._items) != self._total:
            self._refuse(*self._shortfall(page))
        else:
            self._end()

    def _end(self) -> None:
        """Take what was read for the whole list, or read it once more."""
        if self._before is None and self._pages > 1 and any(id_ not in self._items for id_ in self._wanted):
            self._before = self._items
            self._begin()
        elif self._before is not None and self._before.keys() != self._items.keys():
            self._refuse("changed", "two readings of the list show different items")
        else:
            self._listed = Complete(self._items)

    def _refuse(self, reason: str, detail: str) -> None:
        self._listed = self.broken_off(reason, detail)

    def _fault(self, page: Page) -> tuple[str, str] | None:
        """Say why the list is not whole, whatever is still to come; None if it may be."""
        if page.flaw:
            return "flawed", page.flaw
        if page.total is None:
            # A page that holds nothing and says where to go on may know no better.
            untold = bool(page.items) or page.next is None
            return ("no_total", "the list does not say how many items it holds") if untold else None
        if page.total < 0:
            return "bad_total", f"the list says that it holds {page.total} items"
        if self._total is not None and page.total != self._total:
            return "changed", f"the list said that it holds {self._total} items, and a page later {page.total}"

        self._total = page.total
        if len(self._items) > self._total:
            return "surplus", f"the list says that it holds {self._total} items, and shows more"
        if self._pages == MAX_PAGES and not self._is_over(page):
            return "endless", f"the list does not end within {MAX_PAGES} pages"
        return None

    def _is_over(self, page: Page) -> bool:
        if page.next is None or self._barren_pages > MAX_BARREN_PAGES:
            return True
        return page.short and len(self._items) == self._total

    def _shortfall(self, page: Page) -> tuple[str, str]:
        if page.next is not None:
            return "repeated", f"page after page of the list shows nothing new at {len(self._items)} items"
        return "missing", f"the list says that it holds {self._total} items, and shows {len(self._items)} of them"
