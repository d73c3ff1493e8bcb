"""A kbsync.toml that fits a running emulator."""

import os
from pathlib import Path

from kbsync.emulator.credentials import Credentials
from kbsync.emulator.sample import sample_credentials

__all__ = ("DEFAULT_RATE", "sample_config")

DEFAULT_RATE = "100/s"


def sample_config(
    base_url: str, folder: Path, *, rate: str = DEFAULT_RATE, credentials: Credentials | None = None
) -> str:
    """Write the secrets into *folder*, one file each, and give the text of a kbsync.toml that refers to them.

    The first token and the first key pair of *credentials* are used; a provider without one has no target.
    """
    credentials = sample_credentials() if credentials is None else credentials
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["[manifests]", 'paths = ["manifests"]', "", "[state]", 'url = "sqlite:.kbsync/state.db"']
    for token in credentials.tokens[:1]:
        lines += ["", "[targets.coze-cn]", 'provider = "coze"', f'base_url = "{base_url}"']
        lines += [_secret(folder, "token", token.token), f'rate = "{rate}"', "concurrency = 16"]
    for key in credentials.access_keys[:1]:
        lines += ["", "[targets.volc-bj]", 'provider = "volcengine"', f'base_url = "{base_url}"']
        lines += ['region = "cn-beijing"', _secret(folder, "access_key_id", key.access_key_id)]
        lines += [_secret(folder, "secret_access_key", key.secret_access_key)]
        if key.session_token:
            lines += [_secret(folder, "session_token", key.session_token)]
        lines += [f'rate = "{rate}"', "concurrency = 16"]
    return "\n".join((*lines, ""))


def _secret(folder: Path, name: str, value: str) -> str:
    """Keep a secret in a file for the owner only, and give the setting that refers to it."""
    path = folder / name
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(value)
    path.chmod(0o600)
    return f'{name} = "file:{_escaped(str(path))}"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
