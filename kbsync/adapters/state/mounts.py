"""Where a state must not lie: on file systems that are shared over a network, or served by another program.

Locks that several machines see differently, and memory that they do not share, are how SQLite's WAL loses data.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from kbsync.errors import StateError

__all__ = ("Mount", "check_local", "mount_of", "mounts_of_linux", "mounts_of_macos")

_MOUNTINFO: Final = Path("/proc/self/mountinfo")
_PATIENCE_S: Final = 5
# `fuse.` and what follows is served by a program, sshfs or s3fs for example; `fuseblk` is a local disk, and
# fuse-overlayfs, on which containers run that nobody started as root, puts folders of one over each other.
_SHARED: Final = re.compile(
    r"nfs\d*|cifs|smb\w*|afpfs|webdav|davfs|9p|virtiofs|fuse|fuse\.(?!fuse-overlayfs$).*|macfuse|osxfuse|afs|ncpfs|coda|"
    r"ceph|lustre|gpfs|beegfs|glusterfs|orangefs|pvfs2|ocfs2|gfs2?|vboxsf|prl_fs|vmhgfs"
)
_MACOS_LINE: Final = re.compile(r".* on (?P<point>/.*) \((?P<kind>[^,)]+)[^()]*\)")
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    """A file system of the type *kind* that is mounted at *point*."""

    point: str
    kind: str


def check_local(state: Path) -> None:
    """Raise StateError with advice when *state* lies, or would lie, on no local file system. Creates nothing."""
    mount = mount_of(state.parent, list(_mounts()))
    if mount is not None and _SHARED.fullmatch(mount.kind):
        raise StateError(
            f"The state {state} would lie on a file system of type {mount.kind}, mounted at {mount.point}, where "
            "neither locks nor SQLite's WAL can be relied on.\nNothing was created. Name a file on a local disk in "
            "[state] url of kbsync.toml."
        )


def mount_of(folder: Path, mounts: list[Mount]) -> Mount | None:
    """Return which of *mounts* holds *folder*, which need not exist: the innermost, and of several there the last."""
    real = os.path.realpath(folder)
    around = [mount for mount in mounts if real == mount.point or real.startswith(mount.point.rstrip("/") + "/")]
    return max(reversed(around), key=lambda mount: len(mount.point), default=None)


def mounts_of_linux(mountinfo: str) -> Iterator[Mount]:
    """Yield the mounts in the text of `/proc/self/mountinfo`, in its order."""
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(" "), after.split(" ")[0]
        if len(fields) > 4 and kind:
            yield Mount(_ESCAPED.sub(lambda escape: chr(int(escape[1], 8)), fields[4]), kind)


def mounts_of_macos(told: str) -> Iterator[Mount]:
    """Yield the mounts in what `mount` prints, in its order."""
    for line in told.splitlines():
        found = _MACOS_LINE.fullmatch(line)
        if found is not None:
            yield Mount(found["point"], found["kind"])


def _mounts() -> Iterator[Mount]:
    """Yield what is mounted; nothing where nobody can tell."""
    if sys.platform == "darwin":
        try:
            told = subprocess.run(
                ["/sbin/mount"], stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE_S, check=False
            )
        except (OSError, subprocess.SubprocessError):
            return
        yield from mounts_of_macos(os.fsdecode(told.stdout))
        return
    try:
        yield from mounts_of_linux(os.fsdecode(_MOUNTINFO.read_bytes()))
    except OSError:
        return
