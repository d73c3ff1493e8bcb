"""The one way in which kbsync lays JSON out: of a container with one entry a line, of rows without spaces."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = ("json_document", "json_line")


def json_document(head: Mapping[str, Any], lists: Iterable[tuple[str, Iterable[Any]]]) -> Iterator[bytes]:
    """Yield the text of a manifest with *head* and then *lists* of entries by section; all keys are in order."""
    separator = "{\n"
    for key, value in head.items():
        yield f'{separator}  "{key}": {_head_value(key, value)}'.encode()
        separator = ",\n"
    for section, entries in lists:
        yield f'{separator}  "{section}": ['.encode()
        end = "]"
        for number, entry in enumerate(entries):
            yield f"{',' if number else ''}\n    {_text(entry)}".encode()
            end = "\n  ]"
        yield end.encode()
        separator = ",\n"
    yield b"\n}\n"


def json_line(row: Mapping[str, Any]) -> bytes:
    """Return *row* as a line of JSON Lines."""
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _head_value(key: str, value: Any) -> str:
    if key == "defaults" and value:
        return "{\n" + ",\n".join(f'    "{section}": {_text(inner)}' for section, inner in value.items()) + "\n  }"
    return _text(value)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
