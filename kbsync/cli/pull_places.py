"""Which lists a pull reads."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import TypeAlias

from pydantic import ValidationError

from kbsync.cli.reading import Place
from kbsync.cli.workspace import Workspace, refuse
from kbsync.core.lint import switched
from kbsync.core.manifest import Dialect
from kbsync.errors import UsageError
from kbsync.providers import ALL_RULES

__all__ = ("Places", "declared_places", "named_places", "of_kinds", "without_lints")

# The ids that the manifests declare, by target, container and kind.
Places: TypeAlias = dict[Place, Collection[str]]


def without_lints(workspace: Workspace) -> Workspace:
    """Return *workspace* for reading what is about to be replaced: only what is not allowed is a problem."""
    return replace(workspace, rules=switched(ALL_RULES, {rule.id: "off" for rule in ALL_RULES.values() if rule.lint}))


def declared_places(
    workspace: Workspace, paths: Sequence[str], targets: Sequence[str], containers: Sequence[str]
) -> Places:
    """Return what the manifests at *paths* declare: of *targets* and in *containers* only, if there are some.

    Raises InputError with every mistake in every file, and UsageError when nothing is left.
    """
    _check_targets(workspace, targets)
    survey = without_lints(workspace).survey(paths)
    refuse(survey.problems)
    found: Places = {
        place: ids
        for place, ids in survey.declared.items()
        if ids and place[0] in (targets or place[0]) and place[1] in (containers or place[1])
    }
    if not found:
        what = "nothing of that" if targets or containers else "no item"
        raise UsageError(f"the manifests declare {what}: --container names what to read without them")
    return found


def named_places(workspace: Workspace, targets: Sequence[str], containers: Sequence[str]) -> Places:
    """Return every list of *containers*, of which nothing is declared. Raises UsageError when one is nobody's."""
    _check_targets(workspace, targets)
    dialects = {name: dialect for name, dialect in workspace.dialects().items() if name in (targets or [name])}
    found: Places = {}
    for container in dict.fromkeys(containers):
        names = [name for name, dialect in dialects.items() if _can_name(dialect, container)]
        if not names:
            raise UsageError(
                f"--container {container}: {', '.join(dialects)} has no container of such a name; write a "
                "dataset's id, PROJECT/COLLECTION or a resource id"
            )
        if len(names) > 1:
            raise UsageError(f"--container {container}: say which target it is of: --target {' or '.join(names)}")
        found |= {(names[0], container, kind): () for kind in dialects[names[0]].kinds}
    return found


def of_kinds(places: Places, kinds: Sequence[str]) -> Places:
    """Return those of *places* that are of *kinds*, if there are some. Raises UsageError when one names nothing."""
    known = sorted({kind for _, _, kind in places})
    for kind in kinds:
        if kind not in known:
            raise UsageError(f"--kind {kind}: nothing of that kind is read; there are {', '.join(known)}")
    return {place: ids for place, ids in places.items() if place[2] in (kinds or known)}


def _can_name(dialect: Dialect, container: str) -> bool:
    try:
        name: str = dialect.header.naming(container).container()
    except ValidationError:
        return False
    return name == container


def _check_targets(workspace: Workspace, targets: Sequence[str]) -> None:
    for target in targets:
        if target not in workspace.config.targets:
            near = get_close_matches(target, workspace.config.targets, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; known: {', '.join(workspace.config.targets)}"
            raise UsageError(f"--target {target}: the configuration has no such target{hint}")
