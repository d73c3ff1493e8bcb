"""How Coze's lists show datasets, images and documents."""

import time

from kbsync.emulator.messages import JsonObject
from kbsync.emulator.world import Dataset, Document, Image

__all__ = ("PROCESSING", "dataset_info", "document_info", "photo_info", "progress_info")

PROCESSING = 0

_CREATOR = "847077809337655"


def photo_info(image: Image) -> JsonObject:
    """Show an image. The URL is another one each second, as signed ones are."""
    return {
        "document_id": image.id,
        "name": image.name,
        "caption": image.caption,
        "status": _status(image),
        "type": image.type,
        "size": image.size_bytes,
        "source_type": image.source_type,
        "creator_id": _CREATOR,
        "create_time": image.create_time_s,
        "update_time": image.update_time_s,
        "url": f"https://images.invalid/{image.id}.{image.type}?x-expires={int(time.time()) + 3600}",
    }


def document_info(document: Document, *, ids_as_text: bool) -> JsonObject:
    """Show a document, with its id as a string or as a number."""
    return {
        "document_id": document.id if ids_as_text else int(document.id),
        "name": document.name,
        "status": _status(document),
        "type": document.type,
        "format_type": document.format_type,
        "source_type": document.source_type,
        "size": document.size_bytes,
        "char_count": document.char_count,
        "slice_count": document.slice_count,
        "hit_count": document.hit_count,
        "update_type": document.update_type,
        "update_interval": document.update_interval_h,
        "create_time": document.create_time_s,
        "update_time": document.update_time_s,
        "chunk_strategy": {
            "chunk_type": 0,
            "separator": "",
            "max_tokens": 0,
            "remove_extra_spaces": False,
            "remove_urls_emails": False,
            "caption_type": 1,
        },
        "tos_uri": f"FileBizType.BIZ_BOT_DATASET/{document.id}.{document.type}",
    }


def progress_info(item: Image | Document) -> JsonObject:
    """Show how far the processing of an image or document is."""
    status = _status(item)
    left_s = max(0, round(item.busy_until_s - time.monotonic()))
    return {
        "document_id": item.id,
        "document_name": item.name,
        "status": status,
        "progress": 50 if status == PROCESSING else 100,
        "remaining_time": left_s,
        "status_descript": "",
        "size": item.size_bytes,
        "type": item.type,
        "url": "",
        "update_type": item.update_type if isinstance(item, Document) else 0,
        "update_interval": item.update_interval_h if isinstance(item, Document) else 0,
    }


def dataset_info(dataset: Dataset) -> JsonObject:
    """Show a dataset."""
    busy = [item.id for item in dataset.documents.values() if _status(item) == PROCESSING]
    return {
        "dataset_id": dataset.id,
        "name": dataset.name,
        "description": dataset.description,
        "space_id": dataset.space_id,
        "status": 1,
        "format_type": dataset.format_type,
        "can_edit": True,
        "doc_count": len(dataset.documents) + len(dataset.images),
        "slice_count": len(dataset.documents) + len(dataset.images),
        "hit_count": 0,
        "bot_used_count": 0,
        "all_file_size": str(sum(item.size_bytes for item in dataset.documents.values())),
        "file_list": [],
        "failed_file_list": [],
        "processing_file_list": [],
        "processing_file_id_list": busy,
        "icon_url": "",
        "avatar_url": "",
        "creator_id": _CREATOR,
        "creator_name": "emulator",
        "create_time": dataset.create_time_s,
        "update_time": dataset.update_time_s,
    }


def _status(item: Image | Document) -> int:
    return PROCESSING if item.busy_until_s > time.monotonic() else item.status
