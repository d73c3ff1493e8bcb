"""Manifests as the commands find them that rewrite manifests, and send nothing."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from kbsync.adapters.manifests import DeclaredReader, ManifestFile, find_files
from kbsync.cli.workspace import Workspace
from kbsync.core.items import Source
from kbsync.core.lint import switched
from kbsync.core.rules import Level, Problem
from kbsync.errors import UsageError
from kbsync.providers import ALL_RULES

__all__ = ("find_sources", "leads_out", "reader_of")

_ALL_OFF: Final[Mapping[str, Level]] = {rule.id: "off" for rule in ALL_RULES.values() if rule.lint}
# What is read as something else where it is allowed is not allowed by itself.
_LIFTED: Final = frozenset(rule.id for rule in ALL_RULES.values() if rule.liftable) - {"gb18030"}


def find_sources(workspace: Workspace, paths: Sequence[str]) -> tuple[list[ManifestFile], list[Problem]]:
    """Return the manifests at *paths*, or those that the configuration names, and the paths that name none.

    Raises UsageError for an empty path, which is a variable that nobody has set, and would be the whole folder.
    """
    if "" in paths:
        raise UsageError("a PATH is empty; `.` is this folder")
    root = Path.cwd() if paths else workspace.config.folder
    files, absent = find_files(paths or workspace.config.manifests.paths, root)
    return files, [Problem(Source(nothing.name, 1, 1), nothing.rule, nothing.message) for nothing in absent]


def reader_of(workspace: Workspace) -> DeclaredReader:
    """Return what reads manifests for what they say: nothing is sent, so no lint looks, and what can be lifted is."""
    return DeclaredReader(workspace.dialects(), switched(ALL_RULES, _ALL_OFF), _LIFTED | workspace.allowed)


def leads_out(file: ManifestFile) -> bool:
    """Tell whether *file* is a link out of its folder and ours: what it leads to is not rewritten."""
    if not file.path.is_symlink():
        return False
    real = file.path.resolve()
    return not any(real.is_relative_to(folder.resolve()) for folder in (Path.cwd(), file.path.parent))
