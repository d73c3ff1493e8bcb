"""What somebody else changed: for people, for a pull request or a chat, and as JSON."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from kbsync.core.drift import Deviant, Deviation, Drift
from kbsync.core.fields import to_plain
from kbsync.core.inert_json import dumps
from kbsync.core.items import Item
from kbsync.core.plan import UNSET, FieldChange
from kbsync.core.plan_document import item_to_plain, read_to_plain
from kbsync.views.escape import code_span, one_line
from kbsync.views.page import MAX_COMMENT_CHARACTERS, Page
from kbsync.views.paint import PLAIN, Paint
from kbsync.views.plan_markdown import field_span
from kbsync.views.plan_text import field_lines
from kbsync.views.wording import count, moment, value_text

__all__ = ("DRIFT_FORMAT", "MOST_SHOWN", "drift_json", "drift_markdown", "drift_text")

DRIFT_FORMAT: Final = "kbsync.drift/1"
MOST_SHOWN: Final = 50
# A knowledge base may hold much that kbsync was never told of.
_APPEARED_SHOWN: Final = 5
_VALUE_WIDTH: Final = 160
_RESERVE: Final = 300
_Entry = Deviant | Item


class _Section(NamedTuple):
    """Items under one heading; *key* is its name in JSON."""

    key: str
    mark: str
    hint: str
    entries: Sequence[_Entry]


def drift_text(
    drift: Drift, *, paint: Paint = PLAIN, max_items_shown: int | None = MOST_SHOWN, width: int = 100
) -> Iterator[str]:
    """Yield *drift* as lines, at most *max_items_shown* items of each kind; all when that is None."""
    yield paint.bold(f"Drift: {_headline(drift)}.")
    for section in _sections(drift):
        most = max_items_shown
        if most is not None and section.key == "appeared":
            most = min(most, _APPEARED_SHOWN)
        yield ""
        yield f"{paint.bold(_title(section))}  {paint.dim(f'{_size(section)}: {section.hint}')}"
        for entry in islice(section.entries, most):
            yield f"  {paint.yellow(section.mark)} {one_line(str(_item(entry)), 200)}"
            for field in entry.fields if isinstance(entry, Deviant) else ():
                yield from _field_lines(field, paint, width)
        if most is not None and len(section.entries) > most:
            yield f"  … and {len(section.entries) - most:,} more"
    if drift.read:
        yield ""
        yield paint.dim(_footing(drift))


def drift_markdown(drift: Drift, *, max_characters: int = MAX_COMMENT_CHARACTERS) -> str:
    """Return *drift* as Markdown of at most *max_characters*."""
    page = Page(max_characters)
    page.add(f"### kbsync drift\n\n**{_headline(drift)}.**\n")
    for section in _sections(drift):
        page.add(f"\n#### {_title(section)}\n\n{_size(section)}: {section.hint}\n\n", reserve=_RESERVE)
        shown = 0
        for entry in section.entries:
            if not page.add("".join(_markdown(entry)), reserve=_RESERVE):
                break
            shown += 1
        if shown < len(section.entries):
            page.add(f"- … and {len(section.entries) - shown:,} more\n")
    if drift.read:
        page.add(f"\n{_footing(drift)}\n")
    return page.text()


def drift_json(drift: Drift) -> Iterator[bytes]:
    """Yield *drift* as one JSON document, each item on a line of its own."""
    head = {
        "format": DRIFT_FORMAT,
        "summary": {
            "known": drift.known,
            **{section.key: len(section.entries) for section in _all_sections(drift)},
        },
        "read": list(map(read_to_plain, drift.read)),
    }
    yield dumps(head)[:-1]
    for section in _all_sections(drift):
        yield b',\n"%b":[' % section.key.encode()
        separator = b"\n"
        for entry in section.entries:
            yield separator + dumps(_plain(entry))
            separator = b",\n"
        yield b"]"
    yield b"}\n"


def _all_sections(drift: Drift) -> tuple[_Section, ...]:
    return (
        _Section("drifted", "!", "live is not what was last confirmed", drift.drifted),
        _Section("vanished", "-", "known, and not there any more", drift.vanished),
        _Section("appeared", "+", "there, and not known", drift.appeared),
        _Section("in_doubt", "?", "an attempt without an answer may be why they differ", drift.in_doubt),
        _Section("pending", "~", "the provider still processes them", drift.pending),
    )


def _sections(drift: Drift) -> tuple[_Section, ...]:
    return tuple(section for section in _all_sections(drift) if section.entries)


def _headline(drift: Drift) -> str:
    if not drift.read:
        return "nothing is known yet, so nothing was read"
    told = ", ".join(f"{len(section.entries):,} {section.key.replace('_', ' ')}" for section in _sections(drift))
    return f"{told or 'none'} of {count(drift.known, 'known item')}"


def _title(section: _Section) -> str:
    return section.key.replace("_", " ").capitalize()


def _size(section: _Section) -> str:
    return count(len(section.entries), "item")


def _footing(drift: Drift) -> str:
    live = sum(read.items for read in drift.read)
    first = moment(min(read.at_s for read in drift.read))
    return f"{count(live, 'item')} in {count(len(drift.read), 'list')}, read at {first}; nothing was sent or changed"


def _item(entry: _Entry) -> Item:
    return entry.item if isinstance(entry, Deviant) else entry


def _field_lines(field: Deviation, paint: Paint, width: int) -> Iterator[str]:
    if field.live is UNSET:
        yield f"      {one_line(field.field, 60)}  {paint.red(value_text(field.known, width))} → (not set)"
    else:
        yield from field_lines([FieldChange(field.field, field.known, field.live)], paint, width)


def _markdown(entry: _Entry) -> Iterator[str]:
    yield f"- {code_span(str(_item(entry)), 160)}\n"
    for field in entry.fields if isinstance(entry, Deviant) else ():
        if field.live is UNSET:
            became = f"{code_span(value_text(field.known, _VALUE_WIDTH), 2 * _VALUE_WIDTH)} → (not set)"
        else:
            became = field_span(FieldChange(field.field, field.known, field.live))
        yield f"  - {code_span(field.field, 60)}: {became}\n"


def _plain(entry: _Entry) -> dict[str, Any]:
    if not isinstance(entry, Deviant):
        return item_to_plain(entry)
    fields = [
        {
            "field": field.field,
            "known": to_plain(field.known),
            "live": None if field.live is UNSET else to_plain(field.live),
        }
        for field in entry.fields
    ]
    return {"item": item_to_plain(entry.item), "fields": fields}
