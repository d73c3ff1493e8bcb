"""The APIs that kbsync knows, by the word that `provider = "…"` takes. A new one is one folder and one line here."""

from collections.abc import Mapping
from typing import Final

from kbsync.core.provider import Provider
from kbsync.core.rules import CORE_RULES, GUARD_RULES, Rule, by_id
from kbsync.providers.coze import Coze
from kbsync.providers.volcengine import Volcengine

__all__ = ("ALL_RULES", "PROVIDERS")

PROVIDERS: Final[Mapping[str, Provider]] = {provider.name: provider for provider in (Coze(), Volcengine())}

# Every rule by its id: the namespace that `--allow` takes its words from.
ALL_RULES: Final[Mapping[str, Rule]] = by_id(
    (*CORE_RULES, *GUARD_RULES, *(rule for provider in PROVIDERS.values() for rule in provider.rules))
)
