"""Reading `kbsync.toml`: where it is, what it says, and where in it a mistake stands."""

import os
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar, cast

from pydantic import ValidationError

from kbsync.adapters.config_text import places_in, read_text, shown, syntax_problem
from kbsync.adapters.secrets import resolve
from kbsync.core.endpoint import EndpointError, parse_endpoint
from kbsync.core.fields import META_PREFIX, family
from kbsync.core.items import Source
from kbsync.core.lint import refusal
from kbsync.core.provider import Provider, rules_of
from kbsync.core.rules import Problem
from kbsync.core.settings import (
    ApplySettings,
    GuardSettings,
    LintSettings,
    ManifestSettings,
    RetrySettings,
    Settings,
    StateSettings,
    TargetSettings,
)
from kbsync.core.wire import Codec
from kbsync.errors import InputError

__all__ = ("CONFIG_NAME", "Access", "Config", "Target", "find_config", "read_config")

CONFIG_NAME: Final = "kbsync.toml"
# Words for credentials say nothing about them, and nothing in another process.
_CREDENTIALS: Final = os.urandom(32)
_TARGET_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_TABLES: Final[dict[str, type[Settings]]] = {
    "manifests": ManifestSettings,
    "state": StateSettings,
    "guards": GuardSettings,
    "lint": LintSettings,
    "retry": RetrySettings,
    "apply": ApplySettings,
}
_Table = TypeVar("_Table", bound=Settings)


class Access(NamedTuple):
    """How to speak to a target. *credential* is the same word, in this process alone, for equal secrets."""

    codec: Codec
    credential: str


@dataclass(frozen=True, slots=True)
class Target:
    """One configured account: a provider and its settings. Secrets are references until `access` is asked for."""

    name: str
    provider: Provider
    settings: TargetSettings
    origin: str

    def access(self, environ: Mapping[str, str], folder: Path) -> Access:
        """Return the codec, with its secrets resolved, and whose they are. Raises CredentialsError."""
        references = {
            key: value
            for key, value in self.settings.model_dump(exclude_none=True).items()
            if key in self.settings.secret_keys()
        }
        secrets = {
            key: resolve(reference, setting=f"targets.{self.name}.{key}", environ=environ, folder=folder)
            for key, reference in references.items()
        }
        told = "\0".join((self.provider.name, *(secrets[key] for key in sorted(secrets))))
        credential = blake2b(told.encode(errors="surrogatepass"), key=_CREDENTIALS, digest_size=16).hexdigest()
        return Access(self.provider.codec(self.settings, secrets), credential)


@dataclass(frozen=True, slots=True)
class Config:
    """A valid configuration. Relative paths in it are relative to *folder*, where its file stands."""

    file: Path
    manifests: ManifestSettings
    state: StateSettings
    guards: GuardSettings
    lint: LintSettings
    retry: RetrySettings
    apply: ApplySettings
    targets: Mapping[str, Target]

    @property
    def folder(self) -> Path:
        """The folder of the configuration file."""
        return self.file.parent

    @property
    def state_path(self) -> Path:
        """Where the SQLite state is."""
        return self.folder / self.state.url.removeprefix("sqlite:")

    @property
    def cache_folder(self) -> Path:
        """Where disposable things are kept."""
        return self.folder / ".kbsync" / "cache"


def find_config(start: Path) -> Path:
    """Return the nearest `kbsync.toml` in *start* or a parent of it.

    Raises InputError when there is none, or when it belongs to somebody else: whoever may write to a parent, as
    everybody may to /tmp, could name an address of his own beside a reference to your token.
    """
    for folder in (start, *start.parents):
        file = folder / CONFIG_NAME
        if file.is_file():
            if file.stat().st_uid not in {0, os.geteuid()}:
                raise InputError(
                    [f"{shown(file)}:1:1: it belongs to another user; --config names it if it is meant [config]"]
                )
            return file

    raise InputError([f"{CONFIG_NAME}:1:1: there is none in {start} or a parent; `kbsync init` writes one [config]"])


def read_config(file: Path, providers: Mapping[str, Provider], allowed: Collection[str] = ()) -> Config:
    """Return the configuration in *file*. Raises InputError with every mistake and its place."""
    text = read_text(file)
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError([syntax_problem(file, error)]) from None

    reader = _Reader(file, text, providers, allowed)
    config = reader.read(document)
    if reader.problems:
        raise InputError([str(problem) for problem in sorted(reader.problems, key=lambda found: found.source)])
    return config


class _Reader:
    """Turns a TOML document into settings, collecting every problem with its place."""

    def __init__(self, file: Path, text: str, providers: Mapping[str, Provider], allowed: Collection[str]) -> None:
        self._file = file
        self._places = places_in(text)
        self._providers = providers
        self._allowed = allowed
        self.problems: list[Problem] = []

    def read(self, document: dict[str, Any]) -> Config:
        for key in document.keys() - _TABLES.keys() - {"targets"}:
            self._add((key,), "config", f"unknown table {key!r}{_nearest(key, [*_TABLES, 'targets'])}")

        targets = self._targets(document.get("targets"))
        return Config(
            file=self._file,
            manifests=self._table(("manifests",), ManifestSettings, document.get("manifests", {})),
            state=self._table(("state",), StateSettings, document.get("state", {})),
            guards=self._table(("guards",), GuardSettings, document.get("guards", {})),
            lint=self._lint(document.get("lint", {})),
            retry=self._table(("retry",), RetrySettings, document.get("retry", {})),
            apply=self._table(("apply",), ApplySettings, document.get("apply", {})),
            targets=targets,
        )

    def _lint(self, table: Any) -> LintSettings:
        settings = self._table(("lint",), LintSettings, table)
        rules = rules_of(self._providers.values())
        for name in cast("dict[str, Any]", table) if isinstance(table, dict) else ():
            why = refusal(name, rules)
            if why is not None:
                self._add(("lint", name), "config", f"{name!r}: {why}")
        return settings

    def _targets(self, tables: Any) -> dict[str, Target]:
        if not isinstance(tables, dict) or not tables:
            self._add(("targets",), "config", "there is no target; write a [targets.NAME] table")
            return {}

        found = {name: self._target(name, table) for name, table in cast("dict[str, Any]", tables).items()}
        return {name: target for name, target in found.items() if target is not None}

    def _target(self, name: str, table: Any) -> Target | None:
        path = ("targets", name)
        if not _TARGET_NAME.fullmatch(name):
            self._add(path, "config", "a target's name is letters, digits, `.`, `_` and `-`, at most 64")
        word: object = cast("dict[str, Any]", table).get("provider") if isinstance(table, dict) else None
        provider = self._providers.get(word) if isinstance(word, str) else None
        if provider is None:
            nearest = _nearest(str(word)[:40], list(self._providers))
            self._add((*path, "provider"), "config", f"a target names its provider{nearest}")
            return None

        count = len(self.problems)
        settings = self._table(path, provider.settings, table)
        if len(self.problems) > count:
            return None
        try:
            any_host = "foreign-endpoint" in self._allowed
            origin = parse_endpoint(settings.base_url, provider.hosts, any_host=any_host)
        except EndpointError as error:
            self._add((*path, "base_url"), error.rule, str(error))
            return None
        self._check_rates(path, provider, settings)
        self._check_policies(path, provider, settings)
        return Target(name, provider, settings, str(origin))

    def _check_rates(self, path: tuple[str, ...], provider: Provider, settings: TargetSettings) -> None:
        names = [operation.name for operation in provider.operations(settings)]
        for name, rate_per_s in settings.rates.items():
            if name not in names:
                self._add((*path, "rates", name), "config", f"unknown operation {name!r}{_nearest(name, names)}")
            elif rate_per_s > settings.rate:
                self._add((*path, "rates", name), "config", f"{name} cannot be faster than its credential's rate")

    def _check_policies(self, path: tuple[str, ...], provider: Provider, settings: TargetSettings) -> None:
        operations = provider.operations(settings)
        families = sorted({name for operation in operations for name in operation.families})
        words = ["meta.*" if name == family(META_PREFIX) else name for name in families]
        for name in settings.policies:
            if family(name) not in families or name in ("meta", META_PREFIX):
                self._add((*path, "policies", name), "config", f"unknown field {name!r}{_nearest(name, words)}")

    def _table(self, path: tuple[str, ...], model: type[_Table], table: Any) -> _Table:
        """Return *table* validated; when it has problems, something of its type that nobody looks at."""
        try:
            return model.model_validate(table)
        except ValidationError as error:
            for fault in error.errors(include_url=False, include_input=False):
                self._fault(path, model, fault["loc"], fault["type"], fault["msg"])

        return model.__new__(model)

    def _fault(
        self, path: tuple[str, ...], model: type[Settings], where: tuple[int | str, ...], kind: str, message: str
    ) -> None:
        place = (*path, *(str(part) for part in where))
        dotted = ".".join(str(part) for part in where)
        match kind:
            case "extra_forbidden":
                names = list(model.model_fields)
                self._add(place, "config", f"unknown key {dotted!r}{_nearest(dotted, names)}")
            case "missing":
                self._add(path, "config", f"{dotted} is missing")
            case "inline-secret":
                self._add(place, kind, message)
            case _:
                self._add(place, "config", f"{dotted}: {message}" if dotted else message)

    def _add(self, path: tuple[str, ...], rule: str, message: str) -> None:
        while path and path not in self._places:
            path = path[:-1]
        line, column = self._places.get(path, (1, 1))
        self.problems.append(Problem(Source(shown(self._file), line, column), rule, message))


def _nearest(word: str, known: list[str]) -> str:
    near = get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}"
