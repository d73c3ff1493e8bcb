"""`kbsync pull`: what is live becomes a manifest."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import click

from kbsync.adapters.manifests import format_of
from kbsync.adapters.state import StateStore
from kbsync.cli.options import allow_option, config_option, console_of, paths_argument
from kbsync.cli.outputs import ENDINGS
from kbsync.cli.pull_in_place import InPlace
from kbsync.cli.pull_new import New, NewFiles
from kbsync.cli.pull_places import declared_places, named_places, of_kinds
from kbsync.cli.pull_telling import Findings, Showing
from kbsync.cli.reading import Reading, accesses_to, not_before_s
from kbsync.cli.running import WINDOW_S
from kbsync.cli.workspace import Workspace, open_workspace
from kbsync.core.exits import Exit, most_telling
from kbsync.errors import UsageError

__all__ = ("pull",)

_DEFAULT_FORM: Final = "yaml"


@click.command()
@paths_argument
@config_option
@allow_option
@click.option("--in-place", is_flag=True, help="Change the values that differ in the manifests, and nothing else.")
@click.option("--out", metavar="FILE_OR_FOLDER/", help="Write new manifests: one, or one for each container.")
@click.option(
    "--format",
    "form",
    type=click.Choice(list(ENDINGS)),
    help="The format of new manifests; without it, what the ending of FILE says, or YAML.",
)
@click.option("--force", is_flag=True, help="Let new manifests replace what is there.")
@click.option("--target", "targets", multiple=True, metavar="TARGET", help="Only containers of this target.")
@click.option(
    "--container",
    "containers",
    multiple=True,
    metavar="CONTAINER",
    help="A dataset, PROJECT/COLLECTION or resource id; without it, those that the manifests name.",
)
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Only items of this kind, such as image.")
@click.option(
    "--without-caption",
    "todo",
    type=click.Path(path_type=Path),
    metavar="FILE.csv",
    help="List the images that have no caption there, to be filled in.",
)
@click.option("--check", is_flag=True, help="Write nothing; list the files that would change, and exit 2 if there are.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
@click.pass_context
def pull(
    context: click.Context,
    *,
    paths: Sequence[str],
    config_file: Path | None,
    allowed: Sequence[str],
    in_place: bool,
    out: str | None,
    form: str | None,
    force: bool,
    targets: Sequence[str],
    containers: Sequence[str],
    kinds: Sequence[str],
    todo: Path | None,
    check: bool,
    diff: bool,
) -> int:
    """Write what is live into manifests: into new ones, or with --in-place into those that are there.

    Lists every container that the manifests name, or those that --container does. What was read is known from then on:
    a plan of these manifests is empty. Nothing changes at a provider, and nothing is written when a list cannot be read
    whole. What a manifest cannot hold as it is, is left out and named, exit 3.
    """
    console = console_of(context)
    if in_place == bool(out):
        raise UsageError("either --out FILE_OR_FOLDER/ for new manifests, or --in-place for those that are there")
    if in_place and (form or force or todo):
        raise UsageError("--format, --force and --without-caption are for new manifests, and go with --out")
    workspace = open_workspace(config_file, allowed)
    found = Findings(console)
    showing = Showing(console, check=check, diff=diff)
    with workspace.store() as store:
        store.lock("pull")
        if out and containers:
            places = named_places(workspace, targets, containers)
        else:
            places = declared_places(workspace, paths, targets, containers)
        places = of_kinds(places, kinds)
        job: NewFiles | InPlace
        if out:
            form = form or format_of(out) or _DEFAULT_FORM
            job = NewFiles(workspace, places, New(out, form, force=force, todo=todo), found, showing)
        else:
            job = InPlace(workspace, paths, places, found, showing)
        return _run(job, workspace, store, found, showing)


def _run(job: NewFiles | InPlace, workspace: Workspace, store: StateStore, found: Findings, showing: Showing) -> Exit:
    console = showing.console
    targets = {target for target, _, _ in job.places}
    accesses = accesses_to(targets, workspace.config)
    with ExitStack() as quiet:
        # Whoever sends next does not know when we did, unless the state does.
        quiet.callback(time.sleep, WINDOW_S)
        reading = Reading(workspace.config, job.places, console, not_before_s(store))
        read = job.take(reading.read_whole(accesses, "nothing was written"))
        if not showing.dry:
            found.in_doubt(store.recognise(read, targets))
            quiet.pop_all()
            _tell_lints(workspace, job.written, found)
    return most_telling({*found.tell(), *showing.exits()})


def _tell_lints(workspace: Workspace, paths: Sequence[str], found: Findings) -> None:
    """Say what in the manifests at *paths* a plan would refuse for a lint: some look at all items together."""
    if paths and any(rule.lint and rule.severity == "error" for rule in workspace.rules.values()):
        for problem in workspace.survey(paths).problems:
            if problem.severity == "error":
                found.add(problem.source, f"{problem.message} [{problem.rule}]", "a plan will refuse it")
