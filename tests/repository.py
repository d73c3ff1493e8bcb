"""A git repository to look into: a real one, that no configuration of the machine reaches."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ("Repo",)

_ALONE = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
}


@dataclass(frozen=True, slots=True)
class Repo:
    """The repository in *folder*."""

    folder: Path

    @classmethod
    def at(cls, folder: Path) -> "Repo":
        """Make one in *folder*, on the branch `main`."""
        folder.mkdir(parents=True, exist_ok=True)
        repo = cls(folder)
        repo.git("init", "--quiet", "--initial-branch=main")
        return repo

    def git(self, *words: str, environment: dict[str, str] | None = None) -> str:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        done = subprocess.run(
            ["git", "-C", str(self.folder), *words],
            env={**kept, **_ALONE, **(environment or {})},
            capture_output=True,
            check=False,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def commit(self, subject: str = "change", *, day: int = 1, author: str = "Ada") -> str:
        """Commit everything that is there, and return the id."""
        when = f"2026-01-{day:02}T12:00:00+0000"
        dated = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when, "GIT_AUTHOR_NAME": author}
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", subject, environment=dated)
        return self.git("rev-parse", "HEAD")
