import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kbsync.adapters.secrets import resolve
from kbsync.errors import CredentialsError


def get(reference: str, folder: Path, **environ: str) -> str:
    return resolve(reference, setting="targets.x.token", environ=environ, folder=folder)


def refusal(reference: str, folder: Path, **environ: str) -> str:
    with pytest.raises(CredentialsError) as refused:
        get(reference, folder, **environ)
    return str(refused.value)


def private(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    path.chmod(0o600)
    return path


def test_a_secret_comes_from_the_environment(tmp_path: Path) -> None:
    assert get("env:TOKEN", tmp_path, TOKEN="pat_x") == "pat_x"


def test_a_secret_comes_from_a_private_file(tmp_path: Path) -> None:
    private(tmp_path / "token", b"pat_x\n")

    assert get("file:token", tmp_path) == "pat_x"


def test_only_one_line_end_is_not_part_of_the_secret(tmp_path: Path) -> None:
    private(tmp_path / "token", b" pat_x \r\n")

    assert get("file:token", tmp_path) == " pat_x "


def test_a_missing_variable_is_named(tmp_path: Path) -> None:
    assert refusal("env:TOKEN", tmp_path) == "targets.x.token: the environment variable TOKEN is not set"


def test_an_empty_secret_is_refused(tmp_path: Path) -> None:
    assert "is empty" in refusal("env:TOKEN", tmp_path, TOKEN="")


def test_a_file_that_others_can_read_is_refused_with_the_cure(tmp_path: Path) -> None:
    private(tmp_path / "token", b"canary").chmod(0o640)

    message = refusal("file:token", tmp_path)

    assert "chmod 600" in message
    assert "canary" not in message


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "No such file" in refusal("file:token", tmp_path)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert "directory" in refusal("file:.", tmp_path)


def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "token", 0o600)

    assert "not a regular file" in refusal("file:token", tmp_path)


def test_a_huge_file_is_no_secret(tmp_path: Path) -> None:
    private(tmp_path / "token", b"x" * 70_000)

    assert "over 64 KiB" in refusal("file:token", tmp_path)


def test_bytes_that_are_no_text_are_refused_without_being_shown(tmp_path: Path) -> None:
    private(tmp_path / "token", b"\xffcanary")

    assert "canary" not in refusal("file:token", tmp_path)


KEYRING = """\
def get_password(service, user):
    if service == "broken":
        raise RuntimeError(f"no {user} here: canary")
    return {("kbsync", "me"): "pat_x", ("kbsync", "a/b"): "pat_y"}.get((service, user))
"""


@pytest.fixture
def _keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "keyring.py").write_text(KEYRING, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("keyring", None)
    yield
    sys.modules.pop("keyring", None)


@pytest.mark.usefixtures("_keyring")
def test_a_secret_comes_from_the_keyring(tmp_path: Path) -> None:
    assert get("keyring:kbsync/me", tmp_path) == "pat_x"
    assert get("keyring:kbsync/a/b", tmp_path) == "pat_y"


@pytest.mark.usefixtures("_keyring")
def test_what_the_keyring_does_not_have_is_named(tmp_path: Path) -> None:
    assert refusal("keyring:kbsync/you", tmp_path) == "targets.x.token: the keyring has no entry for kbsync/you"


@pytest.mark.usefixtures("_keyring")
def test_a_keyring_that_fails_shows_nothing_of_its_error(tmp_path: Path) -> None:
    assert refusal("keyring:broken/me", tmp_path) == "targets.x.token: the keyring cannot be asked: RuntimeError"
