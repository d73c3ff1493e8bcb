"""Coze: image captions, document names and update rules."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from kbsync.core.manifest import Dialect
from kbsync.core.wire import Codec, Operation
from kbsync.providers.coze.manifest import DIALECT, RULES
from kbsync.providers.coze.settings import HOSTS, OTHER_REGION, CozeSettings
from kbsync.providers.coze.wire import OPERATIONS, CozeCodec

__all__ = ("Coze", "CozeCodec", "CozeSettings")


class Coze:
    """The Coze provider."""

    name = "coze"
    settings = CozeSettings
    hosts = HOSTS
    rules = RULES

    def operations(self, settings: Any) -> tuple[Operation, ...]:
        """Return the write requests of Coze, the same for every target."""
        assert isinstance(settings, CozeSettings)
        return OPERATIONS

    def dialect(self, settings: Any) -> Dialect:
        """Return the words of Coze manifests, the same for every target."""
        assert isinstance(settings, CozeSettings)
        return DIALECT

    def codec(self, settings: Any, secrets: Mapping[str, str]) -> Codec:
        """Return the codec of a target. Raises CredentialsError when the token cannot be right."""
        assert isinstance(settings, CozeSettings)
        host = urlsplit(settings.base_url).hostname or ""
        return CozeCodec(secrets["token"], OTHER_REGION.get(host))
