"""Volcengine's collection/info and collection/list. These say `name` where all others say `collection_name`."""

from kbsync.emulator.api import Call, Outcome, Site, Subject
from kbsync.emulator.messages import JsonObject
from kbsync.emulator.volcengine.envelope import succeeded
from kbsync.emulator.volcengine.lookup import container_name, fields_of, named_collection, text_of
from kbsync.emulator.world import Collection, SchemaField

__all__ = ("Collections",)

_DEFAULTS: dict[str, object] = {
    "int64": 0,
    "float32": 0.0,
    "string": "default",
    "bool": False,
    "list<string>": ["default"],
    "list<int64>": [0],
}
_SYSTEM_FIELDS = (
    SchemaField("_sys_auto_id", "string"),
    SchemaField("_sys_auto_doc_id", "string"),
    SchemaField("_sys_auto_chunk_id", "string"),
    SchemaField("_sys_auto_doc_type", "string"),
    SchemaField("_sys_auto_add_type", "string"),
    SchemaField("_sys_auto_sub_index", "int64"),
    SchemaField("doc_id", "string"),
)
_BUILT = 1
_ULTIMATE_EDITION = 4


class Collections:
    """Answers reads of collections."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def subject(self, call: Call) -> Subject:
        """Say which collection is meant."""
        container = container_name(call, "name")
        return Subject(container, container)

    def list_subject(self, call: Call) -> Subject:
        """Say which project is meant."""
        return Subject("", str((call.fields or {}).get("project") or "*"))

    def info(self, call: Call) -> Outcome:
        """Show a collection with its schema."""
        collection = named_collection(self._site.world, fields_of(call), "name")
        return Outcome(succeeded(call.log_id, _shown(collection)))

    def every(self, call: Call) -> Outcome:
        """List the collections of a project, or of all when none is named."""
        project = text_of(fields_of(call), "project")
        collections = [
            _shown(collection)
            for collection in self._site.world.collections.values()
            if project in {"", collection.project}
        ]
        return Outcome(succeeded(call.log_id, {"collection_list": collections, "total_num": len(collections)}))


def _shown(collection: Collection) -> JsonObject:
    count = len(collection.order)
    fields = [
        {"field_name": entry.name, "field_type": entry.type, "default_val": _DEFAULTS.get(entry.type)}
        for entry in (*_SYSTEM_FIELDS, *collection.fields)
    ]
    index_config = {
        "vector_field": "_sys_auto_vector",
        "sparse_vector_field": "",
        "cpu_quota": 1,
        "distance": "ip",
        "quant": "int8",
        "embedding_model": "doubao-embedding",
        "embedding_dimension": 2048,
        "need_instruction": True,
        "fields": fields,
        "field_enumerated_list": "{}",
    }
    index = {"index_type": "hnsw_hybrid", "primary_key": "_sys_auto_id", "status": _BUILT, "index_config": index_config}
    pipeline = {
        "pipeline_type": "default",
        "pipeline_stat": {
            "doc_num": count,
            "finish_doc_num": count,
            "point_num": sum(doc.point_num for doc in collection.order),
            "success_doc_num": count,
        },
        "index_list": [index],
        "preprocessing_list": [],
        "table_config_list": [],
        "data_type": "unstructured_data",
    }
    return {
        "collection_name": collection.name,
        "version": _ULTIMATE_EDITION,
        "description": collection.description,
        "doc_num": count,
        "create_time": collection.create_time_s,
        "update_time": collection.update_time_s,
        "creator": "emulator",
        "pipeline_list": [pipeline],
        "resource_id": collection.resource_id,
        "project": collection.project,
        "type": "knowledge_base",
    }
