"""`kbsync state`: what is known of which item."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import click

from kbsync.adapters.state import StateStore
from kbsync.cli.options import config_option, console_of
from kbsync.cli.rebuild import rebuild
from kbsync.cli.state_move import mv
from kbsync.cli.state_upkeep import accept, break_lock, init, lock, recover
from kbsync.cli.workspace import open_workspace
from kbsync.core.exits import Exit
from kbsync.core.fields import Fields
from kbsync.core.items import Item
from kbsync.errors import UsageError
from kbsync.views.history import item_json, item_lines, item_text, items_jsonl
from kbsync.views.paint import Paint
from kbsync.views.wording import count

__all__ = ("state",)

_FORMAT = click.option("--format", "form", type=click.Choice(["human", "json"]), default="human", show_default=True)


@click.group()
def state() -> None:
    """Look into the state: what is known of which item, which run holds it; and mend it."""


for _command in (mv, lock, break_lock, recover, accept, init, rebuild):
    state.add_command(_command)


@state.command()
@click.argument("item")
@config_option
@_FORMAT
@click.pass_context
def show(context: click.Context, *, item: str, config_file: Path | None, form: str) -> int:
    """Show what is known of ITEM, written as TARGET/CONTAINER/KIND/ID, and its last attempts."""
    console = console_of(context)
    with open_workspace(config_file).store() as store:
        story = store.show(_item(item))
    if form == "json":
        console.out.pieces([item_json(story)])
    else:
        console.out.lines(item_text(story, paint=Paint(colour=console.colour), width=console.width))
    return Exit.OK


@state.command(name="list")
@click.argument("pattern", default="*")
@config_option
@_FORMAT
@click.pass_context
def list_items(context: click.Context, *, pattern: str, config_file: Path | None, form: str) -> int:
    """List the items that are known, with their values; PATTERN is a glob over TARGET/CONTAINER/KIND/ID."""
    console = console_of(context)
    with open_workspace(config_file).store() as store:
        found = _matching(store, pattern)
        if form == "json":
            console.out.pieces(items_jsonl(found))
        else:
            console.out.lines(item_lines(found))
    return Exit.OK


@state.command()
@click.argument("patterns", nargs=-1, required=True, metavar="PATTERN...")
@config_option
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def forget(context: click.Context, *, patterns: Sequence[str], config_file: Path | None, yes: bool) -> int:
    """Forget what is known of items, doubts included; nothing is sent, and nothing changes at the provider.

    The next apply sends what the manifest declares of them. PATTERN is a glob over TARGET/CONTAINER/KIND/ID.
    """
    console = console_of(context)
    with open_workspace(config_file).store() as store:
        store.lock("state forget")
        items = sorted({item for pattern in patterns for item, _ in _matching(store, pattern)})
        if not items:
            console.say("kbsync: nothing is known of any such item")
            return Exit.OK
        if not yes and not click.confirm(f"Forget what is known of {count(len(items), 'item')}?", err=True):
            return Exit.OK
        forgotten = store.forget(items)
    console.tell(f"forgot {count(forgotten, 'item')}")
    return Exit.OK


def _matching(store: StateStore, pattern: str) -> Iterator[tuple[Item, Fields]]:
    known = store.known()
    items = [item for item in sorted(known.items()) if fnmatchcase(str(item), pattern)]
    yield from zip(items, known.fields_of(items), strict=True)


def _item(text: str) -> Item:
    """Return the item that *text* names; a container may itself hold slashes."""
    parts = text.split("/")
    if len(parts) < 4 or not all(parts):
        raise UsageError(f"{text!r} is not an item: write TARGET/CONTAINER/KIND/ID")
    return Item(parts[0], "/".join(parts[1:-2]), parts[-2], parts[-1])
