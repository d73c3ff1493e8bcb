"""Secrets: references in the configuration, values only in memory."""

import os
import stat
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from kbsync.core.redaction import hexadecimal, redactor
from kbsync.errors import CredentialsError

__all__ = ("resolve", "without_secrets")

_MAX_BYTES: Final = 64 * 1024
# Whoever tells of a defect cannot know what its error holds, nor be handed what to take out of it.
_RESOLVED: Final[set[str]] = set()


def resolve(reference: str, *, setting: str, environ: Mapping[str, str], folder: Path) -> str:
    """Return the secret that *reference* (`env:NAME`, `file:PATH`, `keyring:SERVICE/USER`) stands for, as it is.

    A relative PATH is looked up in *folder*. *setting* is what messages call it. Raises CredentialsError, which never
    holds the value. One trailing line end of a file is not part of the secret.
    """
    scheme, _, name = reference.partition(":")
    match scheme:
        case "env":
            value = environ.get(name)
            if value is None:
                raise CredentialsError(f"{setting}: the environment variable {name} is not set")
        case "file":
            value = _read(folder / Path(name).expanduser(), setting)
        case _:
            value = _keyring(name, setting)

    if not value:
        raise CredentialsError(f"{setting}: {reference} is empty")
    _RESOLVED.add(value)
    return value


def without_secrets(text: str) -> str:
    """Return *text* without any secret that this process has resolved, and without signatures, in any usual form."""
    return redactor(_RESOLVED, hexadecimal(64))(text)


def _read(path: Path, setting: str) -> str:
    try:
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:  # noqa: PTH123
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode):
                raise CredentialsError(f"{setting}: {path} is not a regular file")
            if facts.st_mode & 0o077:
                raise CredentialsError(f"{setting}: others can read {path}; run: chmod 600 {path}")
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise CredentialsError(f"{setting}: {path} cannot be read: {error.strerror}") from None

    if len(data) > _MAX_BYTES:
        raise CredentialsError(f"{setting}: {path} is over 64 KiB, which no secret is")
    try:
        return data.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise CredentialsError(f"{setting}: {path} is not UTF-8 text") from None


def _keyring(name: str, setting: str) -> str:
    try:
        keyring: Any = import_module("keyring")  # an extra, and slow to import
    except ImportError:
        raise CredentialsError(f"{setting}: keyring: needs the package keyring; run: pip install keyring") from None

    service, _, user = name.partition("/")
    try:
        value: str | None = keyring.get_password(service, user)
    except Exception as error:  # noqa: BLE001  # a backend may raise anything
        raise CredentialsError(f"{setting}: the keyring cannot be asked: {type(error).__name__}") from None
    if value is None:
        raise CredentialsError(f"{setting}: the keyring has no entry for {service}/{user}")
    return value
