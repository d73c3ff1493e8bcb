"""The manifest that puts back what a run replaced: `kbsync report RUN --undo`."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from kbsync.adapters.manifests import Declarer, Spool, Writer
from kbsync.cli.options import Console
from kbsync.cli.outputs import ENDINGS, Output, print_output, write_output
from kbsync.cli.sources import reader_of
from kbsync.cli.workspace import Workspace, refuse
from kbsync.core.undo import LeftOut, Undo, undo_of
from kbsync.errors import KbsyncError, UsageError
from kbsync.providers import ALL_RULES
from kbsync.views.undo_text import undo_comment, undo_left_out
from kbsync.views.wording import count

__all__ = ("write_undo",)

# So many fields that are left out for one reason are named: on stderr, and in the manifest.
_MOST_SAID: Final = 10
_MOST_WRITTEN: Final = 100
_FORMS: Final = {"human": "yaml", **{form: form for form in ENDINGS}}
_OWNER_ONLY: Final = 0o600
_BY_ENDING: Final = {ending: form for form, ending in ENDINGS.items()}


def write_undo(run_id: str, form: str, out: Sequence[Path], workspace: Workspace, console: Console) -> None:
    """Write the undo manifest of a run to each of *out*, or else to stdout in *form*, where `human` is YAML.

    What is left out is told on stderr. Raises KbsyncError when nothing is left to put back, UsageError for a format
    that is none of manifests, or when the run is not known.
    """
    forms = {path: _form(f"-o {path}", _BY_ENDING.get(path.suffix)) for path in out}
    to_print = _form(f"--format {form}", _FORMS.get(form))
    for path in out:
        workspace.check_output("-o", path, ())
    with workspace.store() as store:
        # Known values first: what a run that goes on writes in between is then seen among its writes.
        known = store.known()
        run = store.written_by(run_id)
        undo = undo_of(run.writes, known)

    with Spool() as spool:
        broken = _declare(undo, spool, workspace)
        for line in undo_left_out(undo, most=_MOST_SAID):
            console.say(f"kbsync: {line}")
        if not spool.containers:
            raise KbsyncError(f"there is nothing to put back of the run {run.run_id}")
        containers = list(spool.containers.values())
        comment = list(undo_comment(run, undo, broken, most=_MOST_WRITTEN))
        writer = Writer(workspace.dialects(), spool, comment)
        for one in forms.values() if out else (to_print,):
            if one == "json" and len(containers) != 1:
                raise UsageError(f"a JSON manifest has one container, and there are {len(containers)}: write YAML")
            refuse(list(writer.problems(one, containers)))
        for path, one in forms.items():
            output = Output(path, containers)
            write_output(output, one, writer, reader_of(workspace), _OWNER_ONLY)
            console.say(f"kbsync: {count(output.items, 'item')} written to {path}")
        if not out:
            print_output(containers, to_print, writer, reader_of(workspace), console.out)


def _form(said: str, form: str | None) -> str:
    if form is None:
        raise UsageError(f"{said}: with --undo it is a manifest: {', '.join(_BY_ENDING)}")
    return form


def _declare(undo: Undo, spool: Spool, workspace: Workspace) -> Collection[str]:
    """Put the entries of *undo* into *spool*, and what cannot be declared to what is left out.

    Return the rules that an apply of them has to lift.
    """
    declarer = Declarer(workspace.dialects(), ALL_RULES)
    for item, (fields, source) in undo.items.items():
        declared, undeclarable = declarer.declare(item, fields, source)
        undo.left += (LeftOut(item, name, "undeclarable") for name in undeclarable)
        if declared is not None:
            spool.add(declared)
    return declarer.broken
