"""What one provider API is to the rest of kbsync: a name, its settings, its manifest words and its codec."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from kbsync.core.lint import LINT_RULES
from kbsync.core.manifest import Dialect
from kbsync.core.rules import CORE_RULES, GUARD_RULES, Rule, by_id
from kbsync.core.settings import TargetSettings
from kbsync.core.wire import Codec, Operation

__all__ = ("Provider", "rules_of")


class Provider(Protocol):
    """A provider is one folder that offers one of these; nothing else in kbsync knows it by name."""

    @property
    def name(self) -> str:
        """What `provider = "…"` says in the configuration."""
        ...

    @property
    def settings(self) -> type[TargetSettings]:
        """The model of a `[targets.NAME]` table of this provider."""
        ...

    @property
    def hosts(self) -> tuple[str, ...]:
        """The vendor's own hosts; a `*` between dots is any one name. Others need a lifted rule, or loopback."""
        ...

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that only this provider's manifests can break."""
        ...

    def operations(self, settings: Any) -> tuple[Operation, ...]:
        """Return the write requests of a target with these *settings*; each declared field belongs to exactly one."""
        ...

    def dialect(self, settings: Any) -> Dialect:
        """Return the manifest words of a target with these *settings*, an instance of `settings`."""
        ...

    def codec(self, settings: Any, secrets: Mapping[str, str]) -> Codec:
        """Return the codec of a target; *secrets* holds the resolved value of each secret setting by its key.

        Raises CredentialsError when a secret has a form that cannot be right, without showing it.
        """
        ...


def rules_of(providers: Iterable[Provider]) -> Mapping[str, Rule]:
    """Return every rule by its id, those of *providers* included."""
    own = (rule for provider in providers for rule in provider.rules)
    return by_id((*CORE_RULES, *GUARD_RULES, *LINT_RULES, *own))
