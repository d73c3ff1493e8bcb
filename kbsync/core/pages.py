"""Making the page of a list out of what an answer holds: the part that is the same for every provider."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final, NamedTuple, TypeAlias, cast

from kbsync.core.wire import Answer, Hints, Live, Page, Transient, Verdict

__all__ = ("Entry", "Layout", "no_page", "read_page", "told_hints", "told_text")

Entry: TypeAlias = dict[str, Any]

_INT64: Final = range(-(2**63), 2**63)
_NUMERAL: Final = re.compile(r"-?[0-9]{1,18}")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Layout(NamedTuple):
    """Where a page has what: the keys of its entries and of the total, and how many entries are asked for.

    *id_of* returns the id in an entry, None when that is no item; *live_of* what the entry tells of the item, and
    *raw_of* what of it an update would be laid over, None when nothing is or the entry does not tell.
    """

    entries: str
    total: str
    asked: int
    id_of: Callable[[Entry], str | None]
    live_of: Callable[[Entry], Live]
    raw_of: Callable[[Entry, Live], object] = lambda _entry, _live: None


def read_page(
    answer: Answer, payload: object, layout: Layout, following: Callable[[int], str | None]
) -> Page | Verdict:
    """Return the page that *payload* is; *following* returns the next cursor after so many entries.

    Where nothing is listed there may be null in place of the list, or no list at all: the total tells.
    """
    if not isinstance(payload, dict):
        return no_page(answer)
    page = cast("Entry", payload)
    listed: object = page.get(layout.entries)
    if listed is not None and not isinstance(listed, list):
        return no_page(answer)

    entries = cast("list[object]", listed or [])
    items, raw, flaw = _items(entries, layout)
    total = _count(page.get(layout.total))
    return Page(answer, items, following(len(entries)), total, len(entries) < layout.asked, flaw, raw)


def no_page(answer: Answer) -> Verdict:
    """Return the verdict on a success that holds no list: asking again may give one."""
    return Transient("unclear", replace(answer, message="the answer holds no list"), doubt=True)


def told_text(value: object) -> str | None:
    """Return *value* if it is text that can be compared and kept, and None for anything else that a server sends.

    Half of a surrogate pair is nothing that a manifest or a database could hold.
    """
    return value if isinstance(value, str) and not _SURROGATE.search(value) else None


def told_hints(entry: Entry, name: str, size: str, type_: str) -> Hints:
    """Return the hints in *entry* under these keys; what is empty or of another form is not told."""
    size_bytes = _count(entry.get(size))
    return Hints(
        told_text(entry.get(name)) or None,
        size_bytes if size_bytes is not None and size_bytes > 0 else None,
        told_text(entry.get(type_)) or None,
    )


def _items(entries: Iterable[object], layout: Layout) -> tuple[dict[str, Live], dict[str, object], str]:
    """Return what *entries* tell by id, the raw values, and a sentence about those that tell nothing.

    Of two alike neither is proof.
    """
    items: dict[str, Live] = {}
    raw: dict[str, object] = {}
    twice: set[str] = set()
    nameless = 0
    for member in entries:
        entry = cast("Entry", member) if isinstance(member, dict) else {}
        id_ = layout.id_of(entry)
        if id_ is None:
            nameless += 1
        elif id_ in items:
            twice.add(id_)
        else:
            live = items[id_] = layout.live_of(entry)
            if (value := layout.raw_of(entry, live)) is not None:
                raw[id_] = value
    for id_ in twice:
        del items[id_]
        raw.pop(id_, None)

    flaw = f"{len(twice)} items stand twice on a page of the list" if twice else ""
    return items, raw, f"{nameless} entries on a page of the list are no items" if nameless else flaw


def _count(total: object) -> int | None:
    """Return *total* if it is an integer, as a number or as text: gateways turn 64-bit integers into text."""
    if isinstance(total, str) and _NUMERAL.fullmatch(total):
        return int(total)
    return total if type(total) is int and total in _INT64 else None
