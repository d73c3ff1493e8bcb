"""What a command works with: the configuration, the manifests it names, and the state."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Final

from kbsync import __version__
from kbsync.adapters.config import Config, find_config, read_config
from kbsync.adapters.manifests import (
    CacheLostError,
    ManifestStream,
    PlanCache,
    Select,
    Settled,
    Survey,
    find_files,
    read_manifests,
    survey_manifests,
)
from kbsync.adapters.state import StateStore
from kbsync.cli.caching import open_cache
from kbsync.cli.complaints import note
from kbsync.cli.garbage import uncollected
from kbsync.cli.options import check_writable
from kbsync.core.diff import Comparison, settled
from kbsync.core.lint import problems_of, refusal, shrinking, switched
from kbsync.core.live import Place, Refresh
from kbsync.core.manifest import Desired, Dialect
from kbsync.core.plan import Base, Plan
from kbsync.core.plan_document import seal
from kbsync.core.planning import Pace, draw_up
from kbsync.core.rules import Level, Problem, Rule
from kbsync.core.settings import GuardSettings
from kbsync.core.state import Known
from kbsync.core.wire import Operation
from kbsync.errors import InputError, UsageError
from kbsync.providers import ALL_RULES, PROVIDERS
from kbsync.views.problems import problem_lines

__all__ = ("Workspace", "open_workspace")


_SWITCHES: Final[Mapping[Level, str]] = {"warning": "--warn", "error": "--error", "off": "--off"}
_ALL_OFF: Final[Mapping[str, Level]] = {rule.id: "off" for rule in ALL_RULES.values() if rule.lint}
_AS_CONFIGURED: Final[Mapping[str, Level]] = {}


@dataclass(frozen=True, slots=True)
class Workspace:
    """A valid configuration, the rules and guards that this command lifts, and the rules as its lints are switched.

    *now_s* tells the time, in seconds since the epoch.
    """

    config: Config
    allowed: frozenset[str]
    rules: Mapping[str, Rule]
    now_s: Callable[[], float] = time.time

    def store(self) -> StateStore:
        """Return the state, which need not exist yet."""
        return StateStore(self.config.state_path, self.now_s, say=note)

    def read(self, paths: Sequence[str], *, lint: bool = True, root: Path | None = None) -> ManifestStream:
        """Return the items of the manifests at *paths*; without any, of those that the configuration names.

        Without *lint*, only what is not allowed is a problem. *root* is where the paths begin and what they must not
        leave, if that is not the working directory.
        Raises UsageError for an empty path, which is a variable that nobody has set, and would be the whole folder.
        """
        return read_manifests(
            self._named(paths),
            targets=self.dialects(),
            rules=self.rules if lint else switched(ALL_RULES, _ALL_OFF),
            allow=self.allowed,
            root=root or self._root(paths),
        )

    def survey(
        self,
        paths: Sequence[str],
        *,
        settled: Settled | None = None,
        select: Select | None = None,
        cache: PlanCache | None = None,
    ) -> Survey:
        """Look at the manifests at *paths*, or those that the configuration names, as `survey_manifests` does.

        Raises UsageError as `read` does, and CacheLostError.
        """
        with uncollected():
            return survey_manifests(
                self._named(paths),
                targets=self.dialects(),
                rules=self.rules,
                allow=self.allowed,
                root=self._root(paths),
                settled=settled,
                select=select,
                cache=cache,
            )

    def check_output(self, option: str, path: Path, paths: Sequence[str]) -> None:
        """Raise UsageError when *path*, which *option* names, cannot be written, or is one of the manifests."""
        check_writable(option, path)
        if path.exists():
            files, _ = find_files(self._named(paths), self._root(paths))
            if any(file.path.exists() and file.path.samefile(path) for file in files):
                raise UsageError(f"{option} {path}: this is a manifest, and would be replaced")

    def plan(
        self,
        known: Known,
        paths: Sequence[str],
        *,
        guards: GuardSettings | None = None,
        chosen: Select | None = None,
        refresh: Callable[[Mapping[Place, Collection[str]]], Refresh] | None = None,
        cached: bool = False,
    ) -> tuple[Plan, list[Problem]]:
        """Compare the manifests at *paths* with *known*; return the sealed plan, and the warnings.

        With *chosen*, which is asked about every item, others are left out as if the paths did not name them. With
        *refresh*, which reads the lists of the places that it is given with the declared ids, they are compared with
        what is live too. When *cached*, a plan of all manifests without a refresh reads only those that have changed
        since the last one. Raises InputError with every mistake in every file, and what *refresh* raises.
        """
        if not cached or paths or chosen is not None or refresh is not None:
            return self._plan(known, paths, guards, chosen, refresh, None)
        with open_cache(self.config, self.rules, self.allowed, known, self.now_s) as cache:
            try:
                return self._plan(known, paths, guards, None, None, cache)
            except CacheLostError:
                cache.discard()
        return self._plan(known, paths, guards, None, None, None)

    def _plan(
        self,
        known: Known,
        paths: Sequence[str],
        guards: GuardSettings | None,
        chosen: Select | None,
        refresh: Callable[[Mapping[Place, Collection[str]]], Refresh] | None,
        cache: PlanCache | None,
    ) -> tuple[Plan, list[Problem]]:
        operations = self.operations()
        # Of what is read nothing is settled before it is seen.
        is_settled = settled(known) if refresh is None else _nothing_is_settled
        survey = self.survey(paths, settled=is_settled, select=chosen, cache=cache)
        read = None
        if refresh is not None:
            refuse(survey.problems)
            read = refresh(_by_place(survey.differing))
        comparison = Comparison(known, operations, read)
        with uncollected():
            for place, in_sync in survey.in_sync.items():
                comparison.settle(place, partial(_ids_of, survey, place), in_sync)
            comparison.add(*survey.differing)
        found = shrinking(comparison.changes)
        problems = [*survey.problems, *problems_of(self.rules["shrinking-caption"], found)]
        refuse(problems)

        paces = {
            name: Pace(target.settings.rate_per_s, {operation.name: operation for operation in operations[name]})
            for name, target in self.config.targets.items()
        }
        plan = draw_up(
            comparison,
            known,
            base=Base(known.lineage, known.serial, __version__, self.origins(), read.places() if read else ()),
            paces=paces,
            guards=guards or self.config.guards,
            allowed=self.allowed,
            whole=not paths and chosen is None,
        )
        return seal(plan), problems

    def _named(self, paths: Sequence[str]) -> Sequence[str]:
        if "" in paths:
            raise UsageError("a PATH is empty; `.` is this folder")
        return paths or self.config.manifests.paths

    def _root(self, paths: Sequence[str]) -> Path:
        return Path.cwd() if paths else self.config.folder

    def dialects(self) -> dict[str, Dialect]:
        """Return the manifest words of each target."""
        return {name: target.provider.dialect(target.settings) for name, target in self.config.targets.items()}

    def operations(self) -> dict[str, tuple[Operation, ...]]:
        """Return the write requests of each target."""
        return {name: target.provider.operations(target.settings) for name, target in self.config.targets.items()}

    def origins(self) -> dict[str, str]:
        """Return the address of each target."""
        return {name: target.origin for name, target in sorted(self.config.targets.items())}


def open_workspace(
    config_file: Path | None, allowed: Collection[str] = (), levels: Mapping[str, Level] = _AS_CONFIGURED
) -> Workspace:
    """Return the workspace of *config_file*, or of the nearest configuration.

    *levels* are severities of lints by id; they stand over those of the configuration. Raises UsageError when *allowed*
    holds an id that cannot be lifted or *levels* one that cannot be switched, InputError when the configuration is
    wrong.
    """
    for rule in allowed:
        if rule not in ALL_RULES or not ALL_RULES[rule].liftable:
            liftable = [known.id for known in ALL_RULES.values() if known.liftable]
            near = get_close_matches(rule, liftable, n=1)
            hint = f"did you mean {near[0]}?" if near else f"these can: {', '.join(liftable)}"
            what = "cannot be lifted" if rule in ALL_RULES else "is not the id of a rule or guard"
            if rule in ALL_RULES and ALL_RULES[rule].lint:
                raise UsageError(f"--allow {rule!r}: it is a lint; --off switches it off")
            raise UsageError(f"--allow {rule!r}: it {what}; {hint}")

    for lint, level in levels.items():
        why = refusal(lint, ALL_RULES)
        if why is not None:
            raise UsageError(f"{_SWITCHES[level]} {lint!r}: {why}")

    try:
        here = Path.cwd()
    except OSError as error:
        raise UsageError(f"the working directory cannot be used: {error.strerror}") from None
    file = here / config_file if config_file is not None else find_config(here)
    config = read_config(file, PROVIDERS, allowed)
    return Workspace(config, frozenset(allowed), switched(ALL_RULES, {**config.lint.levels, **levels}))


def _ids_of(survey: Survey, place: Place) -> Collection[str]:
    return survey.declared[place]


def _nothing_is_settled(_place: Place, ids: Sequence[str]) -> list[bytes | None]:
    return [None] * len(ids)


def _by_place(items: Iterable[Desired]) -> dict[Place, list[str]]:
    places: dict[Place, list[str]] = {}
    for one in items:
        places.setdefault(one.item[:3], []).append(one.item.id)
    return places


def refuse(problems: Sequence[Problem]) -> None:
    """Raise InputError with all of *problems* when one of them is an error; warnings alone refuse nothing."""
    if any(problem.severity == "error" for problem in problems):
        raise InputError(list(problem_lines(problems)))
