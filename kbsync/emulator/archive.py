"""A world as JSON, and in a file that is replaced whole or not at all.

    {"format": "kbsync.emulator/1", "credentials": {…},
     "datasets": [{…, "images": [{…}], "documents": [{…}]}],
     "collections": [{…, "fields": [{…}], "docs": [{…}]}]}

Members carry the names of `kbsync.emulator.world`; those with a default may be left out. A world without
credentials has the sample ones.
"""

import os
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import MISSING, Field, asdict, fields
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar, cast

import orjson

from kbsync.emulator.coze.jwt import public_key
from kbsync.emulator.credentials import AccessKey, ApiKey, Credentials, OAuthApp, RsaPublicKey, Token
from kbsync.emulator.messages import JsonObject, MalformedError
from kbsync.emulator.sample import sample_credentials
from kbsync.emulator.world import Collection, Dataset, Doc, Document, Image, SchemaField, World
from kbsync.errors import InputError

__all__ = ("FORMAT", "load_world", "make_item", "read_world", "save_world", "world_json")

FORMAT = "kbsync.emulator/1"


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


_Made = TypeVar("_Made", bound=_Dataclass)

# Kept by the emulator itself, and meaningless in a file.
_TRANSIENT = frozenset({"busy_until_s", "serial"})
_TYPES: dict[object, tuple[type, ...]] = {str: (str,), int: (int,), float: (int, float)}


def load_world(path: Path) -> World:
    """Read a world from a file, or raise InputError."""
    try:
        value: object = orjson.loads(path.read_bytes())
        return read_world(value)
    except OSError as error:
        raise InputError([f"{path}: {error.strerror}"]) from error
    except ValueError as error:
        raise InputError([f"{path}: {error}"]) from error


def save_world(world: World, path: Path) -> None:
    """Write *world* to *path*, readable by the owner only because it holds the credentials."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123 - modes
            file.write(orjson.dumps(world_json(world)))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        with suppress(FileNotFoundError):
            beside.unlink()


def read_world(value: object) -> World:
    """Make a world from JSON, or raise ValueError."""
    top = _object(value, "the world")
    if top.get("format") != FORMAT:
        raise MalformedError(f"not a world: format must be {FORMAT!r}")
    return World(
        _credentials(top["credentials"]) if "credentials" in top else sample_credentials(),
        [_dataset(entry) for entry in _objects(top.get("datasets"), "datasets")],
        [_collection(entry) for entry in _objects(top.get("collections"), "collections")],
    )


def world_json(world: World) -> JsonObject:
    """Give *world* as JSON, credentials included."""
    return {
        "format": FORMAT,
        "credentials": _credentials_json(world.credentials),
        "datasets": [
            _plain(dataset)
            | {
                "images": [_plain(image) for image in dataset.images.values()],
                "documents": [_plain(document) for document in dataset.documents.values()],
            }
            for dataset in world.datasets.values()
        ],
        "collections": [
            _plain(collection)
            | {
                "fields": [asdict(entry) for entry in collection.fields],
                "docs": [_plain(doc) for doc in collection.order],
            }
            for collection in world.collections.values()
        ],
    }


def make_item(kind: type[_Made], members: JsonObject) -> _Made:
    """Make an image, a document or anything else that has only plain members, or raise ValueError."""
    known = {entry.name: entry for entry in fields(kind) if entry.name not in _TRANSIENT}
    for name, value in members.items():
        if name not in known:
            raise MalformedError(f"unknown member {name!r} of {kind.__name__}; known: {', '.join(known)}")
        kinds = _TYPES.get(known[name].type)
        if kinds is not None and (not isinstance(value, kinds) or isinstance(value, bool)):
            raise MalformedError(f"{name} of {kind.__name__} has the wrong type")
    missing = [name for name, entry in known.items() if name not in members and _is_required(entry)]
    if missing:
        raise MalformedError(f"{', '.join(missing)} of {kind.__name__} is missing")
    return kind(**members)


def _is_required(entry: Field[Any]) -> bool:
    return entry.default is MISSING and entry.default_factory is MISSING


def _plain(value: Image | Document | Doc | Dataset | Collection) -> JsonObject:
    return {
        entry.name: getattr(value, entry.name)
        for entry in fields(value)
        if entry.name not in _TRANSIENT and _TYPES.get(entry.type) is not None
    }


def _object(value: object, what: str) -> JsonObject:
    if not isinstance(value, dict):
        raise MalformedError(f"{what} must be an object")
    return cast("JsonObject", value)


def _objects(value: object, what: str) -> list[JsonObject]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise MalformedError(f"{what} must be a list")
    return [_object(entry, f"an entry of {what}") for entry in cast("Iterable[object]", value)]


def _dataset(members: JsonObject) -> Dataset:
    members = dict(members)
    images = [make_item(Image, entry) for entry in _objects(members.pop("images", None), "images")]
    documents = [make_item(Document, entry) for entry in _objects(members.pop("documents", None), "documents")]
    dataset = make_item(Dataset, members)
    dataset.images = {image.id: image for image in images}
    dataset.documents = {document.id: document for document in documents}
    return dataset


def _collection(members: JsonObject) -> Collection:
    members = dict(members)
    docs = [make_item(Doc, entry) for entry in _objects(members.pop("docs", None), "docs")]
    schema = [make_item(SchemaField, entry) for entry in _objects(members.pop("fields", None), "fields")]
    collection = make_item(Collection, members)
    collection.fields = tuple(schema)
    for doc in docs:
        collection.add(doc)
    return collection


def _credentials(value: object) -> Credentials:
    members = _object(value, "credentials")

    def entries(name: str, make: Callable[[JsonObject], _Made]) -> tuple[_Made, ...]:
        return tuple(make(entry) for entry in _objects(members.get(name), name))

    return Credentials(
        entries("tokens", lambda entry: make_item(Token, _with_set(entry, "scopes"))),
        entries("access_keys", lambda entry: make_item(AccessKey, _with_set(entry, "operations"))),
        entries("api_keys", lambda entry: make_item(ApiKey, _with_set(entry, "operations"))),
        entries("apps", _app),
    )


def _with_set(members: JsonObject, name: str) -> JsonObject:
    value = members.get(name)
    if not isinstance(value, (list, type(None))):
        raise MalformedError(f"{name} must be a list")
    return members if value is None else members | {name: frozenset(map(str, cast("Iterable[object]", value)))}


def _app(members: JsonObject) -> OAuthApp:
    key = members.get("public_key")
    text = key if isinstance(key, str) else orjson.dumps(key).decode()
    return make_item(OAuthApp, _with_set(members, "scopes") | {"public_key": public_key(text)})


def _credentials_json(credentials: Credentials) -> JsonObject:
    def shown(value: object) -> object:
        if isinstance(value, frozenset):
            return sorted(cast("frozenset[str]", value))
        return _jwk(value) if isinstance(value, RsaPublicKey) else value

    return {
        group.name: [
            {entry.name: shown(getattr(one, entry.name)) for entry in fields(one)}
            for one in cast("tuple[Token | AccessKey | ApiKey | OAuthApp, ...]", getattr(credentials, group.name))
        ]
        for group in fields(credentials)
    }


def _jwk(key: RsaPublicKey) -> JsonObject:
    return {"kty": "RSA", "n": _number_text(key.modulus), "e": _number_text(key.exponent)}


def _number_text(number: int) -> str:
    return urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8)).decode().rstrip("=")
