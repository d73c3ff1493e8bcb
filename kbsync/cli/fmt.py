"""`kbsync fmt`: manifests in one form, and nothing changed in what they say."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from kbsync.adapters.files import mode_of, write_whole
from kbsync.adapters.manifests import Formatter, ManifestFile, UnreadableError, comments_of, fingerprint
from kbsync.cli.differences import difference
from kbsync.cli.options import allow_option, config_option, console_of, paths_argument
from kbsync.cli.sources import find_sources, leads_out, reader_of
from kbsync.cli.workspace import Workspace, open_workspace
from kbsync.core.exits import Exit, most_telling
from kbsync.core.items import Source
from kbsync.core.rules import Problem
from kbsync.errors import KbsyncError
from kbsync.views.problems import problem_lines
from kbsync.views.wording import count

__all__ = ("FormFile", "fmt")


@click.command()
@paths_argument
@config_option
@allow_option
@click.option("--sort", is_flag=True, help="Also put the entries of each list in the order of their ids.")
@click.option("--check", is_flag=True, help="Write nothing; list the files that would change, and exit 2 if there are.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
@click.pass_context
def fmt(
    context: click.Context,
    *,
    paths: Sequence[str],
    config_file: Path | None,
    allowed: Sequence[str],
    sort: bool,
    check: bool,
    diff: bool,
) -> int:
    """Rewrite manifests in one form: order of keys, quoting, layout. Comments stay, and so does what is said.

    Lists the files that change. A file with a mistake is told as `validate` does, exit 65, and stays as it is.
    """
    console = console_of(context)
    workspace = open_workspace(config_file, allowed)
    formatter = Formatter(workspace.dialects(), sort=sort, allow=workspace.allowed)
    files, problems = find_sources(workspace, paths)
    changed = 0
    for file in files:
        manifest = FormFile(file, workspace, formatter)
        found = manifest.problems()
        problems += found
        try:
            if found or manifest.is_in_form():
                continue
            changed += 1
            if diff:
                console.out.lines(manifest.difference())
            else:
                console.tell(file.name)
            if not (check or diff):
                manifest.rewrite()
        except (OSError, UnreadableError) as error:
            raise KbsyncError(f"{file.name} cannot be read any more: {error}") from None

    console.err.lines(problem_lines(problems))
    would = "would be " if check or diff else ""
    console.say(f"kbsync: {count(changed, 'file')} {would}reformatted, {len(files) - changed} left as they are")
    exits = {Exit.INPUT} if problems else {Exit.OK}
    return most_telling(exits | ({Exit.CHANGES} if check and changed else set()))


@dataclass(frozen=True, slots=True)
class FormFile:
    """One file to be put into form."""

    file: ManifestFile
    workspace: Workspace
    formatter: Formatter

    def problems(self) -> list[Problem]:
        """Return what is wrong with the file."""
        if leads_out(self.file):
            return [Problem(Source(self.file.name, 1, 1), "unreadable-file", "the link leads out of its folder")]
        reader = reader_of(self.workspace)
        for _ in reader.read(self.file):
            pass
        return reader.problems

    def is_in_form(self) -> bool:
        """Tell whether nothing is to be done."""
        with self.file.path.open("rb") as file:
            return all(
                file.read(len(piece)) == piece for piece in self.formatter.formatted(self.file)
            ) and not file.read(1)

    def difference(self) -> Iterator[str]:
        """Yield what would change, line by line."""
        name = self.file.name
        return difference(name, f"{name} (in form)", self.file.path, self.formatter.formatted(self.file))

    def rewrite(self) -> None:
        """Put the file into form. Raises KbsyncError, and leaves it as it is, unless it says the same afterwards."""
        path = self.file.path.resolve()
        before = path.stat()

        def check(written: Path) -> None:
            same = self._says_the_same(replace(self.file, path=written))
            now = path.stat()
            if (now.st_ino, now.st_size, now.st_mtime_ns) != (before.st_ino, before.st_size, before.st_mtime_ns):
                raise KbsyncError(f"{self.file.name} changed while it was read, and stays as it is: try again")
            if not same:
                raise KbsyncError(f"{self.file.name} would not say the same; it stays as it is: please report this")

        write_whole(path, self.formatter.formatted(self.file), mode=mode_of(path), check=check)

    def _says_the_same(self, written: ManifestFile) -> bool:
        reader = reader_of(self.workspace)
        same = fingerprint(reader.read(written)) == fingerprint(reader_of(self.workspace).read(self.file))
        return same and not reader.problems and comments_of(written) == comments_of(self.file)
