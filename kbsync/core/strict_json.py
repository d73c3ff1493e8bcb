"""JSON as its standard has it, where Python's own reading is more lenient."""

import json
from typing import Any, Final, NoReturn

__all__ = ("STRICT_JSON",)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key stands twice")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


# No key twice in an object, and neither NaN nor Infinity: both raise ValueError.
STRICT_JSON: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant)
