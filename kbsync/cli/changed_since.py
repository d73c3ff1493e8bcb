"""`--changed-since REV`: the items whose declaration is another one than in a commit."""

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Final, TypeVar

from kbsync.adapters.git import NoHistoryError, Repository, find_repository
from kbsync.adapters.manifests import ManifestFile, find_files, is_manifest
from kbsync.cli.complaints import note
from kbsync.cli.workspace import Workspace
from kbsync.core.manifest import Desired
from kbsync.core.touched import Touched
from kbsync.errors import UsageError
from kbsync.views.wording import count

__all__ = ("touched_since",)

_WILD: Final = "*?["
_Path = TypeVar("_Path", Path, PurePosixPath)


def touched_since(workspace: Workspace, paths: Sequence[str], revision: str) -> Touched:
    """Return what tells whether an item was touched since *revision*, of those that *paths* name.

    Everything counts that differs between the commit and the working tree, committed or not. Items that the commit
    declares with a mistake count as touched. Raises UsageError when git does not know.
    """
    root = Path.cwd() if paths else workspace.config.folder
    given = paths or workspace.config.manifests.paths
    try:
        return _Since(workspace, find_repository(root), revision).touched(given, root)
    except NoHistoryError as error:
        raise UsageError(f"--changed-since: {error}") from None
    except OSError as error:
        raise UsageError(f"--changed-since: what the commit holds cannot be unpacked: {error.strerror}") from None


class _Since:
    """The manifests of one commit."""

    def __init__(self, workspace: Workspace, repository: Repository, revision: str) -> None:
        self._workspace = workspace
        self._repository = repository
        self._revision = revision
        self._commit = repository.commit(revision)

    def touched(self, given: Sequence[str], root: Path) -> Touched:
        wanted = [self._inside(root / path) for path in given]
        found = self._repository.files(self._commit, [_fixed(path) for path in wanted])
        then = {path: id_ for path, id_ in found.items() if is_manifest(path.name)}
        now = {file.path.resolve(): file for file in find_files(given, root)[0]}
        same = set(self._unchanged(now, then))
        unchanged = {file.name for file in same}
        changed = {path: id_ for path, id_ in then.items() if now.get(self._repository.top / path) not in same}
        with TemporaryDirectory(prefix="kbsync-since-") as folder:
            place = Path(folder).resolve()
            self._repository.unpack({place / path: id_ for path, id_ in changed.items()})
            return Touched(self._read([str(place / path) for path in wanted], place), unchanged)

    def _inside(self, path: Path) -> PurePosixPath:
        """Return *path*, which may be a glob, as seen from the top of the repository."""
        fixed = _fixed(path)
        real = fixed.resolve() / path.relative_to(fixed)
        if not real.is_relative_to(self._repository.top):
            raise NoHistoryError(f"{path} is not in the repository {self._repository.top}")
        return PurePosixPath(real.relative_to(self._repository.top))

    def _unchanged(self, now: dict[Path, ManifestFile], then: dict[PurePosixPath, str]) -> Iterator[ManifestFile]:
        """Yield the files of *now* that are to the byte what the commit holds at the same place."""
        top = self._repository.top
        for path, id_ in self._repository.ids([path for path in now if path.is_relative_to(top)]).items():
            if then.get(PurePosixPath(path.relative_to(top))) == id_:
                yield now[path]

    def _read(self, paths: Sequence[str], root: Path) -> Iterator[Desired]:
        """Yield the items at *paths* as the commit declares them."""
        stream = self._workspace.read(paths, lint=False, root=root)
        yield from stream
        # A path that names nothing was made since.
        wrong = sum(problem.severity == "error" and problem.rule != "no-manifest" for problem in stream.problems)
        if wrong:
            said = f"{count(wrong, 'mistake')} in the manifests of {self._revision}"
            note(f"--changed-since: {said}; the items that have one there count as changed")


def _fixed(path: _Path) -> _Path:
    """Return *path* up to its first part that is a glob."""
    for position, part in enumerate(path.parts):
        if any(character in part for character in _WILD):
            return type(path)(*path.parts[:position])
    return path
