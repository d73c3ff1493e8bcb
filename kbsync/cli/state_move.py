"""`kbsync state mv`: another name for what the state holds."""

from pathlib import Path
from typing import cast

import click
from pydantic import ValidationError

from kbsync.adapters.config import Config
from kbsync.cli.options import config_option, console_of
from kbsync.cli.workspace import open_workspace
from kbsync.core.entries import nearest
from kbsync.core.exits import Exit
from kbsync.core.manifest import Dialect, Header
from kbsync.core.moves import Place
from kbsync.errors import UsageError
from kbsync.views.wording import count

__all__ = ("mv",)


@click.command()
@click.argument("source", metavar="FROM")
@click.argument("destination", metavar="TO")
@config_option
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def mv(context: click.Context, *, source: str, destination: str, config_file: Path | None, yes: bool) -> int:
    """Give a target or a container another name in the state; nothing is sent.

    FROM and TO are both TARGET, or both TARGET/CONTAINER. For a target that has another name in kbsync.toml now, or
    items that are live in another container, with the same ids and values. What is known of them, what is in doubt, and
    the changes of earlier runs are told under the new name from then on.
    """
    old, new = _place("FROM", source), _place("TO", destination)
    console = console_of(context)
    workspace = open_workspace(config_file)
    words = _words(old, new, workspace.config)
    with workspace.store() as store:
        store.lock("state mv")
        seen = store.foresee_move(old, new)
        for container in seen.containers if new.container is None else (new.container,):
            if not _can_name(words, container):
                raise UsageError(f"{container!r} is no container that a manifest of {new.target} could name")
        question = f"Call what the state holds of {old}, {count(seen.items, 'item')}, {new} from now on?"
        if not yes and not click.confirm(question, err=True):
            console.say("kbsync: nothing was changed")
            return Exit.OK
        moved = store.move(old, new)
    doubts = f", {moved.doubts:,} of them in doubt" if moved.doubts else ""
    where = "" if old.container is not None else f" in {count(len(moved.containers), 'container')}"
    console.tell(f"moved {count(moved.items, 'item')}{where}{doubts}: {old} is {new} now")
    return Exit.OK


def _place(word: str, text: str) -> Place:
    place = Place.of(text)
    if place is None:
        raise UsageError(f"{word} {text!r}: write TARGET or TARGET/CONTAINER")
    return place


def _words(old: Place, new: Place, config: Config) -> Dialect:
    """Return the manifest words of the target of *new*.

    Raises UsageError when *old* cannot have that name, whatever the state holds.
    """
    if old == new:
        raise UsageError("FROM and TO are the same")
    if (old.container is None) != (new.container is None):
        raise UsageError("FROM and TO are both TARGET, or both TARGET/CONTAINER")
    before, after = config.targets.get(old.target), config.targets.get(new.target)
    if after is None:
        near = nearest(new.target, config.targets)
        raise UsageError(f"kbsync.toml has no target {new.target}{near}: what the state holds would be of no use")
    if before is not None and before.provider is not after.provider:
        raise UsageError(f"{old.target} and {new.target} are targets of different providers")
    return after.provider.dialect(after.settings)


def _can_name(words: Dialect, container: str) -> bool:
    try:
        named: str = cast("type[Header]", words.header).naming(container).container()
    except ValidationError:
        return False
    return named == container
