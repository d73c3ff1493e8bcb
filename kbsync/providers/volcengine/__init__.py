"""Volcengine: document meta fields and document names of its knowledge base service."""

from collections.abc import Mapping
from typing import Any

from kbsync.core.credentials import check_secret
from kbsync.core.endpoint import parse_endpoint
from kbsync.core.manifest import Dialect
from kbsync.core.wire import Codec, Operation
from kbsync.errors import CredentialsError
from kbsync.providers.volcengine.manifest import RULES, dialect
from kbsync.providers.volcengine.settings import HOSTS, VolcengineSettings
from kbsync.providers.volcengine.sign import AccessKey
from kbsync.providers.volcengine.wire import ApiKey, VolcengineCodec, operations

__all__ = ("Volcengine", "VolcengineCodec", "VolcengineSettings")

_DEFAULT_PORTS = {"https": 443, "http": 80}
# How the vendor's access key ids begin; its secrets do not.
_KEY_ID_PREFIXES = ("AKLT", "AKTP")


class Volcengine:
    """The Volcengine provider."""

    name = "volcengine"
    settings = VolcengineSettings
    hosts = HOSTS
    rules = RULES

    def operations(self, settings: Any) -> tuple[Operation, ...]:
        """Return the write requests of a target."""
        assert isinstance(settings, VolcengineSettings)
        return operations(overlay_meta=settings.meta_write == "overlay")

    def dialect(self, settings: Any) -> Dialect:
        """Return the words of a target's manifests."""
        assert isinstance(settings, VolcengineSettings)
        return dialect(strict_field_names=settings.strict_field_names)

    def codec(self, settings: Any, secrets: Mapping[str, str]) -> Codec:
        """Return the codec of a target. Raises CredentialsError when a secret cannot be right."""
        assert isinstance(settings, VolcengineSettings)
        return VolcengineCodec(
            _access(secrets),
            _host(settings.base_url),
            settings.region,
            overlay_meta=settings.meta_write == "overlay",
        )


def _access(secrets: Mapping[str, str]) -> AccessKey | ApiKey:
    checked = {setting: check_secret(setting, secret) for setting, secret in secrets.items()}
    if "api_key" in checked:
        return ApiKey(checked["api_key"])

    key = AccessKey(checked["access_key_id"], checked["secret_access_key"], checked.get("session_token", ""))
    if key.secret.startswith(_KEY_ID_PREFIXES) and not key.id.startswith(_KEY_ID_PREFIXES):
        raise CredentialsError("access_key_id and secret_access_key look swapped")
    return key


def _host(base_url: str) -> str:
    """Return what clients write into the Host header: the port stands there unless it is the scheme's own."""
    endpoint = parse_endpoint(base_url, HOSTS, any_host=True)
    if endpoint.port is None or endpoint.port == _DEFAULT_PORTS[endpoint.scheme]:
        return endpoint.host
    return f"{endpoint.host}:{endpoint.port}"
