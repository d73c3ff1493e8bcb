"""Finding what a request names, with the traps of its names."""

from typing import Literal

from kbsync.emulator.api import Call
from kbsync.emulator.messages import JsonObject
from kbsync.emulator.volcengine.envelope import COLLECTION_MISSING, DOC_MISSING, INVALID_REQUEST, RefusedError
from kbsync.emulator.world import Collection, Doc, World

__all__ = ("NameKey", "container_name", "doc_of", "fields_of", "invalid", "named_collection", "text_of")

NameKey = Literal["name", "collection_name"]

DEFAULT_PROJECT = "default"


def invalid(why: str) -> RefusedError:
    """Make the refusal of a bad parameter."""
    return RefusedError(400, INVALID_REQUEST, f"invalid request:{why}")


def fields_of(call: Call) -> JsonObject:
    """Give the body, which must be an object."""
    if call.fields is None:
        raise invalid("the body is not a JSON object")
    return call.fields


def text_of(fields: JsonObject, name: str) -> str:
    """Give an optional text; null and absent are empty."""
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise invalid(f"{name} must be a string")
    return value


def container_name(call: Call, name_key: NameKey) -> str:
    """Say which collection is named: its resource id, or project/name."""
    fields = call.fields or {}
    resource_id = fields.get("resource_id")
    if resource_id:
        return str(resource_id)
    return f"{fields.get('project') or DEFAULT_PROJECT}/{fields.get(name_key) or ''}"


def named_collection(world: World, fields: JsonObject, name_key: NameKey) -> Collection:
    """Find the collection by its resource id, or else by name and project ("" is the default project)."""
    resource_id, name = text_of(fields, "resource_id"), text_of(fields, name_key)
    project = text_of(fields, "project") or DEFAULT_PROJECT
    if not (resource_id or name):
        raise invalid(f"{name_key} or resource_id is required")
    found = world.resources.get(resource_id) if resource_id else world.collections.get((project, name))
    if found is None or (name and found.name != name):
        raise RefusedError(400, COLLECTION_MISSING, "collection not exist")
    return found


def doc_of(world: World, fields: JsonObject) -> tuple[Collection, Doc]:
    """Find the document that doc_id names, and its collection."""
    doc_id = text_of(fields, "doc_id")
    if not doc_id:
        raise invalid("doc_id is required")
    collection = named_collection(world, fields, "collection_name")
    doc = collection.docs.get(doc_id)
    if doc is None:
        raise RefusedError(400, DOC_MISSING, "doc not exist")
    return collection, doc
