"""Edits behind kbsync's back: somebody else changes, adds or removes an item.

    {"provider": "coze", "kind": "image", "id": "744…", "set": {"caption": "小狗"}}
    {"provider": "coze", "kind": "document", "id": "738…", "remove": true}
    {"provider": "coze", "kind": "image", "dataset": "744…", "id": "744…", "add": {"name": "a.jpg"}}
    {"provider": "volcengine", "collection": "name", "id": "doc1", "set": {"meta": {"行业": "教育"}}}

`meta` of a `set` or `add` may be an object of plain values, which replaces the whole list, or its JSON text.
"""

from collections.abc import Iterable
from typing import TypeVar, cast

from kbsync.emulator.api import Site
from kbsync.emulator.archive import make_item
from kbsync.emulator.messages import JsonObject, MalformedError
from kbsync.emulator.volcengine.envelope import RefusedError
from kbsync.emulator.volcengine.meta import meta_text, read_meta
from kbsync.emulator.world import Collection, Dataset, Doc, Document, Image, World

__all__ = ("edit_items",)

_Item = TypeVar("_Item", Image, Document, Doc)


def edit_items(site: Site, value: object) -> int:
    """Do one edit or a list of them, and give how many. Raises ValueError at the first bad one."""
    edits = cast("list[object]", value) if isinstance(value, list) else [value]
    for edit in edits:
        if not isinstance(edit, dict):
            raise MalformedError("an edit must be an object")
        _edit(site, cast("JsonObject", edit))
    return len(edits)


def _edit(site: Site, edit: JsonObject) -> None:
    if len({"set", "add", "remove"} & set(edit)) != 1:
        raise MalformedError("an edit needs one of set, add and remove")
    match edit.get("provider"), edit.get("kind", "document"):
        case "coze", "image":
            _edit_image(site, edit)
        case "coze", "document":
            _edit_document(site, edit)
        case "volcengine", "document":
            _edit_doc(site, edit)
        case provider, kind:
            raise MalformedError(f"no such kind of item: {provider} {kind}")


def _edit_image(site: Site, edit: JsonObject) -> None:
    world, image_id = site.world, _text(edit, "id")
    if "remove" in edit:
        world.drop_image(image_id)
        return
    home = _dataset(world, edit) if "add" in edit else world.image_homes.get(image_id)
    if home is None:
        raise MalformedError(f"no image {image_id}")
    image = home.images.get(image_id) or Image(image_id, create_time_s=int(site.now_s()))
    world.put_image(home, _changed(image, edit, site))


def _edit_document(site: Site, edit: JsonObject) -> None:
    world, document_id = site.world, _text(edit, "id")
    if "remove" in edit:
        world.drop_document(document_id)
        return
    home = _dataset(world, edit) if "add" in edit else world.document_homes.get(document_id)
    if home is None:
        raise MalformedError(f"no document {document_id}")
    document = home.documents.get(document_id) or Document(document_id, create_time_s=int(site.now_s()))
    world.put_document(home, _changed(document, edit, site))


def _edit_doc(site: Site, edit: JsonObject) -> None:
    collection, doc_id = _collection(site.world, edit), _text(edit, "id")
    if "remove" in edit:
        collection.remove(doc_id)
        return
    doc = collection.docs.get(doc_id)
    if "add" in edit:
        collection.add(_changed(Doc(doc_id, create_time_s=int(site.now_s())), edit, site, collection))
    elif doc is None:
        raise MalformedError(f"no document {doc_id}")
    else:
        _changed(doc, edit, site, collection)


def _changed(item: _Item, edit: JsonObject, site: Site, collection: Collection | None = None) -> _Item:
    value = edit.get("set", edit.get("add"))
    if not isinstance(value, dict):
        raise MalformedError("set and add take an object")
    members = dict(cast("JsonObject", value))
    meta = members.get("meta")
    if isinstance(meta, dict) and collection is not None:
        members["meta"] = _meta(cast("JsonObject", meta), collection)
    # Made only to be checked: the item itself is changed in place, because indices hold it.
    make_item(type(item), {"id": item.id, **members})
    for name, member in members.items():
        setattr(item, name, member)
    if "update_time_s" not in members:
        item.update_time_s = int(site.now_s())
    return item


def _meta(values: JsonObject, collection: Collection) -> str:
    entries: Iterable[JsonObject] = ({"field_name": name, "field_value": value} for name, value in values.items())
    try:
        return meta_text(read_meta(list(entries), collection, strict_names=False))
    except RefusedError as refused:
        raise MalformedError(refused.message) from refused


def _text(edit: JsonObject, name: str) -> str:
    value = edit.get(name)
    if not isinstance(value, str) or not value:
        raise MalformedError(f"{name} of an edit must be a text")
    return value


def _dataset(world: World, edit: JsonObject) -> Dataset:
    dataset = world.datasets.get(_text(edit, "dataset"))
    if dataset is None:
        raise MalformedError(f"no dataset {edit['dataset']}")
    return dataset


def _collection(world: World, edit: JsonObject) -> Collection:
    if "resource_id" in edit:
        found = world.resources.get(_text(edit, "resource_id"))
    else:
        found = world.collections.get((str(edit.get("project") or "default"), _text(edit, "collection")))
    if found is None:
        raise MalformedError("no such collection")
    return found
