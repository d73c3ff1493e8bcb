"""Network file systems are refused before anything is created."""

from pathlib import Path

import pytest

from kbsync.adapters.state import StateLock, StateStore
from kbsync.adapters.state.mounts import Mount, check_local, mount_of, mounts_of_linux, mounts_of_macos
from kbsync.errors import StateError
from tests.adapters.state.plans import began, captions

_LINUX = r"""22 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw
30 22 0:28 / /home rw,relatime shared:1 - nfs4 server:/home rw,vers=4.2
31 30 0:29 / /home/a\040b rw master:2 propagate_from:3 - tmpfs tmpfs rw
32 22 0:30 / /home/x rw - autofs systemd-1 rw
33 22 0:31 / /home/x rw - cifs //server/x rw
garbage
34 22 0:32 /
"""
_MACOS = """/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
devfs on /dev (devfs, local, nobrowse)
map auto_home on /System/Volumes/Data/home (autofs, automounted, nobrowse)
//user@server/my share on /Volumes/my share (1) (smbfs, nodev, nosuid, mounted by user)
server:/export on /Volumes/x (nfs)
garbage
"""


def test_the_innermost_mount_counts_and_of_several_at_one_place_the_last() -> None:
    mounts = list(mounts_of_linux(_LINUX))

    assert [mount_of(Path(folder), mounts) for folder in ("/srv", "/home", "/home/a b/c", "/home/x/y", "/homes")] == [
        Mount("/", "ext4"),
        Mount("/home", "nfs4"),
        Mount("/home/a b", "tmpfs"),
        Mount("/home/x", "cifs"),
        Mount("/", "ext4"),
    ]
    assert mount_of(Path("/srv"), []) is None


def test_mounts_are_read_as_macos_tells_them() -> None:
    assert list(mounts_of_macos(_MACOS)) == [
        Mount("/", "apfs"),
        Mount("/dev", "devfs"),
        Mount("/System/Volumes/Data/home", "autofs"),
        Mount("/Volumes/my share (1)", "smbfs"),
        Mount("/Volumes/x", "nfs"),
    ]


def _mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> Path:
    """Have the system say that a file system of this *kind* is mounted here; return a place for a state on it."""
    (tmp_path / "share").mkdir()
    table = tmp_path / "mountinfo"
    table.write_text(f"22 1 254:1 / / rw - ext4 /dev/vda1 rw\n30 22 0:28 / {tmp_path}/share rw - {kind} somewhere rw\n")
    monkeypatch.setattr("kbsync.adapters.state.mounts._MOUNTINFO", table)
    return tmp_path / "share" / ".kbsync" / "state.db"


@pytest.mark.parametrize(
    "kind",
    ["nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse", "fuse.sshfs", "virtiofs", "ceph", "glusterfs", "gfs2"],
)
def test_on_a_network_file_system_nothing_is_created(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path = _mounted(tmp_path, monkeypatch, kind)

    with pytest.raises(StateError, match=f"of type {kind}, mounted at {tmp_path}/share") as told:
        StateLock(path, "apply")

    assert "Nothing was created. Name a file on a local disk in [state] url" in str(told.value)
    assert list((tmp_path / "share").iterdir()) == []


@pytest.mark.parametrize(
    "kind",
    ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "fuse.fuse-overlayfs", "apfs", "fuseblk", "f2fs"],
)
def test_a_local_file_system_is_fine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    check_local(_mounted(tmp_path, monkeypatch, kind))


def test_a_state_that_lies_there_already_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "share" / ".kbsync" / "state.db"
    (tmp_path / "share").mkdir()
    with StateStore(path) as store:
        began(store, captions(1))
    (tmp_path / "share").rename(tmp_path / "moved")
    path = _mounted(tmp_path, monkeypatch, "nfs")
    (tmp_path / "share").rmdir()
    (tmp_path / "moved").rename(tmp_path / "share")

    with pytest.raises(StateError, match="of type nfs"):
        StateStore(path).known()


def test_where_nobody_can_tell_what_is_mounted_nothing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kbsync.adapters.state.mounts._MOUNTINFO", tmp_path / "nowhere")

    check_local(tmp_path / "state.db")
