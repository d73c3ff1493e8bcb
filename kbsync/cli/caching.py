"""The cache of one workspace: where it is, and all that the reading of manifests depends on beside them."""

import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Final

import orjson
import pydantic
import yaml

import kbsync
from kbsync.adapters.config import Config
from kbsync.adapters.manifests import PlanCache
from kbsync.core.rules import Rule
from kbsync.core.state import Known

__all__ = ("open_cache",)

_FORMAT: Final = 1
_READERS: Final = ("adapters/manifests", "core", "providers")


def open_cache(
    config: Config, rules: Mapping[str, Rule], allowed: Collection[str], known: Known, now_s: Callable[[], float]
) -> PlanCache:
    """Return the cache for plans against *known* of manifests that *rules* apply to, of which some are *allowed*.

    *now_s* tells the time, in seconds since the epoch.
    """
    told = (
        _FORMAT,
        kbsync.__version__,
        [*_code()],
        sys.version,
        [module.__version__ for module in (orjson, pydantic, yaml)],
        {name: (one.provider.name, one.settings.model_dump(mode="json")) for name, one in config.targets.items()},
        [(rule.id, rule.severity, rule.liftable, rule.lint, rule.of_key) for rule in rules.values()],
        sorted(allowed),
    )
    key = blake2b(orjson.dumps(told), digest_size=16).digest()
    return PlanCache(config.folder / ".kbsync" / "cache", key, known.version, now_s)


def _code() -> Iterator[tuple[str, int, int]]:
    """Yield what tells the code that reads manifests from that of another day, which may have the same version."""
    package = Path(kbsync.__file__).parent
    for folder in _READERS:
        for path in sorted((package / folder).rglob("*.py")):
            found = path.stat()
            yield str(path), found.st_size, found.st_mtime_ns
