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


class Router:
    """All endpoints of some providers."""

    def __init__(self, apis: Iterable[Api]) -> None:
        self._plain: dict[tuple[str, str], Found] = {}
        self._patterns: dict[tuple[str, int], list[tuple[list[str], Found]]] = {}
        for api in apis:
            for route in api.routes():
                found = Found(api, route.endpoint, ())
                if "*" in route.path:
                    parts = route.path.split("/")
                    self._patterns.setdefault((route.method, len(parts)), []).append((parts, found))
                else:
                    self._plain[route.method, route.path] = found

    def find(self, method: str, path: str) -> Found | None:
        """Find the endpoint of a path as it was sent."""
        found = self._plain.get((method, path))
        if found is not None:
            return found
        parts = path.split("/")
        for pattern, candidate in self._patterns.get((method, len(parts)), ()):
            pairs = list(zip(pattern, parts, strict=True))
            if all(wanted in {"*", part} for wanted, part in pairs):
                ids = tuple(unquote(part) for wanted, part in pairs if wanted == "*")
                return candidate._replace(ids=ids)
        return None

    def knows(self, path: str) -> bool:
        """Tell whether some method is known for *path*."""
        methods = {method for method, _ in (*self._plain, *self._patterns)}
        return any(self.find(method, path) for method in methods)
