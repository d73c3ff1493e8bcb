"""What git remembers: the files of a commit, and who wrote a line. The only place that runs git.

It runs without a shell, asks nobody, fetches nothing, and is told to look at objects alone: neither at the index nor at
the working tree. So nothing that a stranger's repository may have configured, a filter, monitor, hook, pager or other
difference, has any part in it.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryFile
from typing import IO, Final

from kbsync.core.why import Commit

__all__ = ("NoHistoryError", "Repository", "find_repository")

_PATIENCE_S: Final = 120
_SETTINGS: Final = (
    "--no-pager",
    "--no-optional-locks",
    "--literal-pathspecs",
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "safe.bareRepository=explicit"),
)
_ENVIRONMENT: Final = {
    "LC_ALL": "C",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_TERMINAL_PROMPT": "0",
}
_REGULAR: Final = frozenset({b"100644", b"100755"})
_REASON_CHARACTERS: Final = 400
_PIECE_BYTES: Final = 1 << 20
# From where one branch left another, as git says it.
_FORK: Final = "..."


class NoHistoryError(Exception):
    """Raised when git cannot say what it is asked; `str` of it says why, and what can be done."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository with its working tree at *top*, a path without links, as the git at *program* sees it."""

    top: Path
    program: str

    def commit(self, revision: str) -> str:
        """Return the id of the commit that *revision* names; `REV...` is where the work of today left REV.

        Raises NoHistoryError.
        """
        if revision.endswith(_FORK):
            theirs, ours = self.commit(revision.removesuffix(_FORK)), self.commit("HEAD")
            found = self._ask("merge-base", theirs, ours)
            what = "has no commit in common with what is checked out"
        else:
            found = self._ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
            what = "names no commit here"
        if found is None:
            hint = (
                "; this clone is shallow: fetch more of its history (`git fetch --unshallow`, or `fetch-depth: 0` "
                "where actions/checkout makes it)"
                if self.is_shallow()
                else ""
            )
            raise NoHistoryError(f"{revision!r} {what}{hint}")
        return found.decode().strip()

    def is_shallow(self) -> bool:
        """Tell whether older commits were left out when this clone was made."""
        return self._tell("rev-parse", "--is-shallow-repository").strip() == b"true"

    def files(self, commit: str, beneath: Sequence[PurePosixPath]) -> dict[PurePosixPath, str]:
        """Return the regular files of *commit* with the ids of their contents, by path from the top.

        Only those at or *beneath* these paths, which are no globs. Raises NoHistoryError.
        """
        wanted = [] if PurePosixPath() in beneath else [str(path) for path in beneath]
        listed = self._tell("ls-tree", "-r", "-z", "--full-tree", commit, "--", *wanted)
        return dict(_entries(listed))

    def ids(self, files: Sequence[Path]) -> dict[Path, str]:
        """Return the ids that the contents of *files*, whole paths, would have.

        What is no regular file, cannot be read, or has a line break in its name is left out. Raises NoHistoryError.
        """
        asked = [file for file in files if file.is_file() and os.access(file, os.R_OK) and "\n" not in str(file)]
        with TemporaryFile() as paths:
            paths.write(b"".join(os.fsencode(file) + b"\n" for file in asked))
            paths.seek(0)
            found = self._tell("hash-object", "--no-filters", "--stdin-paths", stdin=paths).decode().split()
        return dict(zip(asked, found, strict=True))

    def content(self, id_: str) -> bytes:
        """Return the content with this id. Raises NoHistoryError."""
        return self._tell("cat-file", "blob", id_)

    def unpack(self, wanted: Mapping[Path, str]) -> None:
        """Write the content of each id to its path, in folders that are made. Raises NoHistoryError and OSError."""
        with TemporaryFile() as asked, TemporaryFile() as answer:
            asked.write("".join(f"{id_}\n" for id_ in wanted.values()).encode())
            asked.seek(0)
            self._tell("cat-file", "--batch", stdin=asked, stdout=answer)
            answer.seek(0)
            for path in wanted:
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("wb") as file:
                    _copy_one(answer, file)

    def blame(self, commit: str, path: PurePosixPath, first: int, last: int) -> tuple[Commit, ...]:
        """Return the commits that the lines *first* to *last* (1-based) of a file of *commit* come from, newest first.

        Raises NoHistoryError.
        """
        words = ("blame", "--porcelain", "--no-textconv", "--encoding=UTF-8", f"-L{first},{last}", commit, "--")
        commits = _blamed(self._tell(*words, str(path)), is_shallow=self.is_shallow())
        return tuple(sorted(commits, key=lambda commit: commit.at_s, reverse=True))

    def _tell(self, *words: str, stdin: IO[bytes] | None = None, stdout: IO[bytes] | None = None) -> bytes:
        """Return what git answers, if that does not go to *stdout*. Raises NoHistoryError with its reason."""
        done = _git(self.program, self.top, words, stdin, stdout)
        if done.returncode != 0:
            raise NoHistoryError(_reason(done.stderr))
        return done.stdout

    def _ask(self, *words: str) -> bytes | None:
        """Return what git answers, None when it says no."""
        done = _git(self.program, self.top, words)
        return done.stdout if done.returncode == 0 else None


def find_repository(folder: Path) -> Repository:
    """Return the repository that *folder* is in the working tree of. Raises NoHistoryError."""
    # A git in the folder that one happens to be in is not the git that was installed.
    places = os.pathsep.join(place for place in os.get_exec_path() if Path(place).is_absolute())
    program = shutil.which("git", path=places)
    if program is None:
        raise NoHistoryError("there is no git on the PATH")
    done = _git(program, folder, ["rev-parse", "--show-toplevel"])
    if done.returncode != 0:
        raise NoHistoryError(_reason(done.stderr))
    return Repository(Path(os.fsdecode(done.stdout.removesuffix(b"\n"))).resolve(), program)


def _git(
    program: str,
    folder: Path,
    words: Sequence[str],
    stdin: IO[bytes] | None = None,
    stdout: IO[bytes] | None = None,
) -> "subprocess.CompletedProcess[bytes]":
    # What a hook or a person has set for another git must not lead this one elsewhere; configuration may stay.
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith("GIT_CONFIG")
    }
    try:
        return subprocess.run(  # noqa: S603  # no shell, and no word is taken for an option
            [program, *_SETTINGS, "-C", str(folder), *words],
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=subprocess.PIPE if stdout is None else stdout,
            stderr=subprocess.PIPE,
            env={**kept, **_ENVIRONMENT},
            timeout=_PATIENCE_S,
            check=False,
        )
    except OSError as error:
        raise NoHistoryError(f"git cannot be run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise NoHistoryError(f"git did not answer within {_PATIENCE_S} seconds") from None


def _reason(stderr: bytes) -> str:
    """Return what git complains of, in one line."""
    told = " ".join(stderr.decode(errors="replace").split()).removeprefix("fatal: ")
    return f"git says: {told[:_REASON_CHARACTERS]}" if told else "git fails without a word"


def _entries(listed: bytes) -> Iterator[tuple[PurePosixPath, str]]:
    for entry in listed.split(b"\0"):
        facts, _, name = entry.partition(b"\t")
        path = PurePosixPath(os.fsdecode(name))
        # A tree that somebody made by hand may name anything; git itself never does.
        if facts[:6] in _REGULAR and not path.is_absolute() and ".." not in path.parts:
            yield path, facts.split()[2].decode()


def _copy_one(answer: IO[bytes], file: IO[bytes]) -> None:
    """Copy the next content of *answer* to *file*."""
    head = answer.readline().split()
    if len(head) != 3:
        raise NoHistoryError("this clone lacks a part of that commit: it was made with a filter; fetch the rest")
    left = int(head[2])
    while left:
        piece = answer.read(min(left, _PIECE_BYTES))
        if not piece:
            raise NoHistoryError("git stopped in the middle of an answer")
        file.write(piece)
        left -= len(piece)
    answer.read(1)


def _blamed(told: bytes, *, is_shallow: bool) -> Iterator[Commit]:
    """Yield each commit in what `git blame --porcelain` *told*, once: its facts stand where it comes first."""
    commit, facts = "", dict[str, str]()
    for line in told.decode(errors="replace").split("\n"):
        word, _, rest = line.partition(" ")
        if line.startswith("\t"):
            if "author" in facts:
                oldest = is_shallow and "boundary" in facts
                yield Commit(commit, facts["author"], float(facts["author-time"]), facts.get("summary", ""), oldest)
            commit, facts = "", {}
        elif not commit:
            commit = word
        else:
            facts[word] = rest
