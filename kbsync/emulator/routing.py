"""From method and path to endpoint."""

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import unquote

from kbsync.emulator.api import Api, Endpoint

__all__ = ("Found", "Router")


class Found(NamedTuple):
    """An endpoint, whose it is, and the segments of the path that stand for something."""

    api: Api
    endpoint: Endpoint
    ids: tuple[str, ...]


class _Pattern(NamedTuple):
    fixed: tuple[str, ...]
    fixed_places: tuple[int, ...]
    id_places: tuple[int, ...]
    found: Found


class Router:
    """All endpoints of some providers."""

    def __init__(self, apis: Iterable[Api]) -> None:
        self._plain: dict[tuple[str, str], Found] = {}
        self._patterns: dict[tuple[str, int], list[_Pattern]] = {}
        for api in apis:
            for route in api.routes():
                found = Found(api, route.endpoint, ())
                if "*" in route.path:
                    parts = route.path.split("/")
                    self._patterns.setdefault((route.method, len(parts)), []).append(_pattern(parts, found))
                else:
                    self._plain[route.method, route.path] = found

    def find(self, method: str, path: str) -> Found | None:
        """Find the endpoint of a path as it was sent."""
        found = self._plain.get((method, path))
        if found is not None:
            return found
        parts = path.split("/")
        for pattern in self._patterns.get((method, len(parts)), ()):
            if pattern.fixed == tuple(parts[at] for at in pattern.fixed_places):
                api, endpoint, _ = pattern.found
                return Found(api, endpoint, tuple(unquote(parts[at]) for at in pattern.id_places))
        return None

    def knows(self, path: str) -> bool:
        """Tell whether some method is known for *path*."""
        methods = {method for method, _ in (*self._plain, *self._patterns)}
        return any(self.find(method, path) for method in methods)


def _pattern(parts: list[str], found: Found) -> _Pattern:
    fixed_places = tuple(at for at, part in enumerate(parts) if part != "*")
    id_places = tuple(at for at, part in enumerate(parts) if part == "*")
    return _Pattern(tuple(parts[at] for at in fixed_places), fixed_places, id_places, found)
