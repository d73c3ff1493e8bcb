"""Where the parts of YAML entries stand.

Only for a text that was read without a mistake: it has no anchors, aliases or tags, and every key is a scalar.
"""

from collections.abc import Container, Iterator
from typing import Any

import yaml
from yaml.events import CollectionEndEvent, MappingStartEvent, ScalarEvent

from kbsync.adapters.manifests.plain_scalars import NoValue, resolve
from kbsync.adapters.manifests.problems import Place
from kbsync.adapters.manifests.spots import ListSpot, MappingSpot, ScalarSpot, Spot
from kbsync.adapters.manifests.yaml_nodes import LOADER, place_of

__all__ = ("yaml_spots",)


def yaml_spots(text: str, places: Container[Place]) -> Iterator[tuple[Place, MappingSpot]]:
    """Yield the entries of the manifest *text*, which has no byte order mark, that begin at *places*."""
    events: Iterator[Any] = yaml.parse(text, Loader=LOADER)
    for event in events:
        if type(event) is MappingStartEvent and (place := place_of(event)) in places:
            yield place, _mapping(text, event, events)


def _mapping(text: str, start: Any, events: Iterator[Any]) -> MappingSpot:
    found = MappingSpot(start.start_mark.index, start.start_mark.column, start.flow_style)
    while not isinstance(key := next(events), CollectionEndEvent):
        # What is a key is text however it is written.
        name = ScalarSpot(key.start_mark.index, key.end_mark.index, key.value)
        found.members.append((name, _spot(text, next(events), events)))
    found.end = _end(key, found)
    return found


def _list(text: str, start: Any, events: Iterator[Any]) -> ListSpot:
    found = ListSpot(start.start_mark.index, start.start_mark.column, start.flow_style)
    while not isinstance(event := next(events), CollectionEndEvent):
        found.elements.append(_spot(text, event, events))
    found.end = _end(event, found)
    return found


def _end(event: Any, found: MappingSpot | ListSpot) -> int:
    """Return where the collection *found* ends, of which *event* is the end: that of a block is far below it."""
    end: int = event.end_mark.index
    return end if found.flow else max((spot.end for spot in found.inner()), default=end)


def _spot(text: str, event: Any, events: Iterator[Any]) -> Spot:
    if type(event) is ScalarEvent:
        return _scalar(text, event)
    return (_mapping if type(event) is MappingStartEvent else _list)(text, event, events)


def _scalar(text: str, event: Any) -> ScalarSpot:
    begin, end, style = event.start_mark.index, event.end_mark.index, event.style or ""
    if style in {"|", ">"}:
        # The empty lines behind a block belong to libyaml's scalar.
        written = text[begin:end].rstrip()
        header = written.partition("\n")[0].partition("#")[0]
        return ScalarSpot(begin, begin + len(written), event.value, style, kept="+" in header)
    value = event.value if style else resolve(event.value)
    return ScalarSpot(begin, end, event.value if isinstance(value, NoValue) else value, style)
