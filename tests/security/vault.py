"""A workspace whose eight targets hold twelve secrets, and the server that they belong to."""

import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import orjson

from kbsync.emulator import Running, World, served_in_thread
from kbsync.emulator.credentials import AccessKey, ApiKey, Credentials, Token
from kbsync.emulator.messages import Request
from kbsync.emulator.world import Collection, Dataset, Doc, Image
from tests.cli.desk import Desk
from tests.security.canaries import ENVIRONMENT, FILES, KEYRING
from tests.security.impostor import Impostor, Speaker

__all__ = ("COZE", "SECRET_FILES", "VOLCENGINE", "Vault", "number_of", "open_vault")

DATASET: Final = "744632974166804001"
COLLECTION: Final = "canaries"
COZE: Final = {
    "coze-env": 'token = "env:CANARY_TOKEN"',
    "coze-file": 'token = "file:secrets/token"',
    "coze-keyring": 'token = "keyring:canaries/kept_token"',
}
VOLCENGINE: Final = {
    "volc-env": 'access_key_id = "env:CANARY_KEY_ID"\nsecret_access_key = "env:CANARY_SECRET"\n'
    'session_token = "env:CANARY_SESSION"',
    "volc-file": 'access_key_id = "file:secrets/key_id"\nsecret_access_key = "file:secrets/secret"\n'
    'session_token = "file:secrets/session"',
    "volc-key-env": 'api_key = "env:CANARY_API_KEY"',
    "volc-key-file": 'api_key = "file:secrets/api_key"',
    "volc-key-keyring": 'api_key = "keyring:canaries/kept_api_key"',
}
SECRET_FILES: Final = tuple(Path("secrets") / name for name in (*FILES, *KEYRING))
# What stands in for the package of this name, whose entries are files beneath the working directory.
_KEYRING: Final = """\
from pathlib import Path


def get_password(service, user):
    return Path("secrets", user).read_text(encoding="utf-8") if service == "canaries" else None
"""
_FIRST: Final = 7446670805219090000
_SETTINGS: Final = 'base_url = "{url}"\nrate = "2000/s"\nconcurrency = 8\ntotal_timeout_s = 5\n'
_RETRY: Final = (
    "[retry]\nattempts = 2\nthrottled_attempts = 1\nbase_delay_s = 0.001\nthrottle_delay_s = 0.001\n"
    "[guards]\nmax_change_percent = 100\n"
)


class Vault(Desk):
    """The working directory of such a workspace. Secrets come from the environment, from files and from a keyring."""

    @property
    def impostor(self) -> Impostor:
        assert isinstance(self.running.emulator, Impostor)
        return self.running.emulator

    def hidden(self) -> list[Path]:
        """Name the files that hold secrets because they are meant to."""
        return [self.folder / path for path in SECRET_FILES]

    def declare(self, count: int, *, targets: Iterable[str] = (*COZE, *VOLCENGINE), word: str = "new") -> None:
        """Declare *count* items in each of *targets*, numbered from 0; in some, fields that are read before."""
        rows: list[dict[str, object]] = []
        for target in targets:
            for number in range(count):
                if target in COZE:
                    row = {"target": target, "dataset": DATASET, "kind": "image", "id": str(_FIRST + number)}
                    rows.append({**row, "caption": word})
                else:
                    row = {"target": target, "collection": COLLECTION, "kind": "document"}
                    rows.append({**row, "id": f"n-{number}", "name": word})
                    if target in ("volc-env", "volc-key-file"):
                        rows.append({**row, "id": f"m-{number}", "meta": {"word": word}})
        self.write("manifests/all.jsonl", b"".join(orjson.dumps(row) + b"\n" for row in rows))


@contextmanager
def open_vault(folder: Path, speaker: Speaker = lambda _: None, items: int = 100) -> Generator[Vault]:
    """Make such a workspace in *folder*, with a server that holds *items* of each kind."""
    with served_in_thread(Impostor(_world(items), speaker)) as running:
        vault = _made(folder, running)
        sys.path.insert(0, str(folder))  # as in a process that begins there
        try:
            yield vault
        finally:
            sys.path.remove(str(folder))
            sys.modules.pop("keyring", None)


def number_of(request: Request) -> int | None:
    """Return the number of the item that *request* is about, or None when it is about several."""
    if request.path.startswith("/v1/"):
        return int(request.path.rpartition("/")[2]) - _FIRST
    name = orjson.loads(request.body).get("doc_id")
    return None if name is None else int(name.partition("-")[2])


def _made(folder: Path, running: Running) -> Vault:
    vault = Vault(folder, running)
    folder.mkdir(parents=True, exist_ok=True)
    for name, secret in FILES.items():
        vault.write(f"secrets/{name}", f"{secret}\n").chmod(0o600)
    for name, secret in KEYRING.items():
        vault.write(f"secrets/{name}", secret).chmod(0o600)
    vault.write("keyring.py", _KEYRING)
    tables = [
        f'[targets.{name}]\nprovider = "{provider}"\n{_SETTINGS}{credentials}\n'
        for provider, targets in (("coze", COZE), ("volcengine", VOLCENGINE))
        for name, credentials in targets.items()
    ]
    vault.configure("\n".join((_RETRY, *tables)).replace("{url}", running.base_url))
    return vault


def _world(items: int) -> World:
    names = [(f"{kind}-{number}") for kind in "mn" for number in range(items)]
    images = {str(_FIRST + number): Image(str(_FIRST + number)) for number in range(items)}
    docs = {name: Doc(name) for name in names}
    return World(
        Credentials(
            tokens=(
                Token("env", ENVIRONMENT["CANARY_TOKEN"]),
                Token("file", FILES["token"]),
                Token("keyring", KEYRING["kept_token"]),
            ),
            access_keys=(
                AccessKey(
                    "env", ENVIRONMENT["CANARY_KEY_ID"], ENVIRONMENT["CANARY_SECRET"], ENVIRONMENT["CANARY_SESSION"]
                ),
                AccessKey("file", FILES["key_id"], FILES["secret"], FILES["session"]),
            ),
            api_keys=(
                ApiKey("env", ENVIRONMENT["CANARY_API_KEY"]),
                ApiKey("file", FILES["api_key"]),
                ApiKey("keyring", KEYRING["kept_api_key"]),
            ),
        ),
        [Dataset(DATASET, images=images)],
        [Collection(COLLECTION, docs=docs, order=list(docs.values()))],
    )
