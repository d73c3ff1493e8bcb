"""`kbsync state`: who holds it, and what to do when something happened to it."""

from pathlib import Path

import click

from kbsync.adapters.state import advice_on
from kbsync.cli.options import Console, config_option, console_of
from kbsync.cli.workspace import open_workspace
from kbsync.core.exits import Exit
from kbsync.views.wording import count

__all__ = ("accept", "break_lock", "init", "lock", "recover")

_YES = click.option("-y", "--yes", is_flag=True, help="Do not ask.")


@click.command()
@config_option
@click.pass_context
def lock(context: click.Context, *, config_file: Path | None) -> int:
    """Tell which run holds the state.

    With exit 6 when one does: then also whether its process looks alive, and what can be done.
    """
    console = console_of(context)
    holder = open_workspace(config_file).store().holder()
    if holder is None:
        console.tell("nobody holds the state")
        return Exit.OK
    if not holder.id:
        console.tell("somebody holds the state, and has not said who it is")
    else:
        console.tell(f"held by {holder} (lock {holder.id})")
        console.tell(advice_on(holder))
    return Exit.LOCKED


@click.command(name="break-lock")
@click.argument("lock_id", metavar="ID")
@config_option
@_YES
@click.pass_context
def break_lock(context: click.Context, *, lock_id: str, config_file: Path | None, yes: bool) -> int:
    """Take the state away from a frozen run.

    ID is that of its lock, as `state lock` shows it. For a process that is frozen, and cannot be ended: it can write
    nothing any more when it wakes up, and ends with exit 6. A request that it had begun may still be sent then. The
    lock of a process that has ended needs no breaking.
    """
    console = console_of(context)
    store = open_workspace(config_file).store()
    holder = store.holder()
    if holder is not None and holder.id == lock_id:
        console.say(f"kbsync: held by {holder}")
        console.say(f"kbsync: {advice_on(holder)}")
        if not _agreed(yes, "Take the state away from it?", console):
            return Exit.OK
    broken = store.break_lock(lock_id)
    console.tell(f"took the state away from {broken}")
    return Exit.OK


@click.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@config_option
@click.pass_context
def recover(context: click.Context, *, file: Path, config_file: Path | None) -> int:
    """Record what a run could not.

    FILE is what it left, as it said when it ended with exit 8. Nothing is sent. A second time changes nothing. FILE
    stays, and can be removed afterwards.
    """
    console = console_of(context)
    with open_workspace(config_file).store() as store:
        store.lock("state recover")
        done = store.recover(file)
    news = f"{count(done.attempts, 'attempt')} and {count(done.outcomes, 'outcome')} that were not known"
    console.tell(f"recovered of run {done.run_id}: {news}")
    if done.torn:
        console.say(f"kbsync: the last line of {file} was not written to its end, and was left out")
    return Exit.OK


@click.command()
@config_option
@_YES
@click.pass_context
def accept(context: click.Context, *, config_file: Path | None, yes: bool) -> int:
    """Take a state that was restored or copied.

    What was sent since that copy was made is not known to it: such an item is sent again when the manifest says
    something else than the copy knows, and is left as it is when it does not.
    """
    console = console_of(context)
    with open_workspace(config_file).store() as store:
        store.lock("state accept")
        if not _agreed(yes, f"Take {store.path} as it is, whatever was sent since it was copied?", console):
            return Exit.OK
        now = store.accept()
    last = f", the last of them {now.run_id}" if now.run_id else ""
    console.tell(f"accepted the state {now.lineage}: {count(now.serial, 'run')} wrote to it{last}")
    return Exit.OK


@click.command()
@config_option
@_YES
@click.pass_context
def init(context: click.Context, *, config_file: Path | None, yes: bool) -> int:
    """Begin without known values.

    What is there is kept under another name. The next apply sends every field that the manifest declares, once.
    """
    console = console_of(context)
    workspace = open_workspace(config_file)
    with workspace.store() as store:
        store.lock("state init")
        if not _agreed(yes, "Begin a new state, in which nothing is known, whatever is there now?", console):
            return Exit.OK
        old = store.rebuild((), workspace.config.targets)
    console.tell("began a new state" if old is None else f"began a new state; what was there is {old}")
    return Exit.OK


def _agreed(yes: bool, question: str, console: Console) -> bool:  # noqa: FBT001  # it is what the option says
    if yes or click.confirm(question, err=True):
        return True
    console.say("kbsync: nothing was changed")
    return False
