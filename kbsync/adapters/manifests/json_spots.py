"""Where the parts of JSON entries stand. Only for a text that was read without a mistake."""

from collections.abc import Container, Iterator

from kbsync.adapters.manifests.json_scan import JsonScan
from kbsync.adapters.manifests.json_text import Doubtful, decode_at
from kbsync.adapters.manifests.problems import Place
from kbsync.adapters.manifests.spots import ListSpot, MappingSpot, ScalarSpot, Spot

__all__ = ("json_row", "json_spots")


def json_spots(text: str, places: Container[Place]) -> Iterator[tuple[Place, MappingSpot]]:
    """Yield the entries of the manifest *text*, which has no byte order mark, that begin at *places*."""
    scan = JsonScan(text)
    at, ended = scan.opens(scan.skip(0), "}")
    while not ended:
        _, at = scan.key(at)
        if text[at] == "[":
            at, over = scan.opens(at, "]")
            while not over:
                place = scan.place(at)
                if place in places:
                    entry, at = _spot(scan, text, at)
                    assert isinstance(entry, MappingSpot)
                    yield place, entry
                else:
                    at = _past(text, at)
                at, over = scan.separator(at, "]")
        else:
            at = _past(text, at)
        at, ended = scan.separator(at, "}")


def json_row(line: str) -> MappingSpot:
    """Return the only object of *line*."""
    scan = JsonScan(line)
    row, _ = _spot(scan, line, scan.skip(0))
    assert isinstance(row, MappingSpot)
    return row


def _past(text: str, at: int) -> int:
    """Return where the value at *at* ends."""
    try:
        return decode_at(text, at, suspicious=False)[1]
    except Doubtful:
        return JsonScan(text, start=at).value(at)[1]


def _spot(scan: JsonScan, text: str, at: int) -> tuple[Spot, int]:
    """Return the value at *at*, and where it ends."""
    match text[at]:
        case "{":
            mapping = MappingSpot(at, 0, flow=True)
            at, ended = scan.opens(at, "}")
            while not ended:
                name, value_at = scan.key(at)
                value, end = _spot(scan, text, value_at)
                mapping.members.append((ScalarSpot(at, _past(text, at), name, '"'), value))
                at, ended = scan.separator(end, "}")
            mapping.end = at
            return mapping, at
        case "[":
            elements = ListSpot(at, 0, flow=True)
            at, ended = scan.opens(at, "]")
            while not ended:
                element, end = _spot(scan, text, at)
                elements.elements.append(element)
                at, ended = scan.separator(end, "]")
            elements.end = at
            return elements, at
        case mark:
            plain, end = scan.value(at)
            return ScalarSpot(at, end, plain, '"' if mark == '"' else ""), end
