"""The APIs that kbsync knows, by the word that `provider = "…"` takes. A new one is one folder and one line here."""

from collections.abc import Mapping
from typing import Final

from kbsync.core.provider import Provider, rules_of
from kbsync.core.rules import Rule
from kbsync.providers.coze import Coze
from kbsync.providers.volcengine import Volcengine

__all__ = ("ALL_RULES", "PROVIDERS")

PROVIDERS: Final[Mapping[str, Provider]] = {provider.name: provider for provider in (Coze(), Volcengine())}

# Every rule by its id: the namespace that `--allow`, `--warn`, `--error` and `--off` take their words from.
ALL_RULES: Final[Mapping[str, Rule]] = rules_of(PROVIDERS.values())
