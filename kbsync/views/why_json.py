"""All there is about one item, as JSON."""

from typing import Any

from kbsync.core.fields import fields_to_plain, to_plain
from kbsync.core.inert_json import dumps
from kbsync.core.plan_document import change_to_plain, item_to_plain, source_to_plain
from kbsync.core.report import Fate, ItemStory
from kbsync.core.why import Commit, Origin, Why
from kbsync.views.history import attempt_to_plain
from kbsync.views.wording import timestamp

__all__ = ("why_json",)


def why_json(told: Why) -> bytes:
    """Return *told* as one JSON object; `declared` and `git` are null when no manifest declares the item."""
    held = told.held_until_s or {}
    plain = {
        "item": item_to_plain(told.item),
        "declared": _declared(told),
        "git": None if told.origin is None else _origin(told.origin),
        "known": {field: _known(told.story, field) for field in sorted(told.story.fields)},
        "in_doubt": list(told.story.doubts),
        "changes": [
            {
                **change_to_plain(change),
                "held_until": timestamp(held[change.operation]) if change.operation in held else None,
            }
            for change in told.changes
        ],
        "skipped": [{**change_to_plain(skip.change), "why": skip.why} for skip in told.skipped],
        "unmanaged": list(told.unmanaged),
        "history": [_fate(fate) for fate in told.story.fates],
        "attempts": [attempt_to_plain(attempt) for attempt in told.story.attempts],
    }
    return dumps(plain) + b"\n"


def _declared(told: Why) -> dict[str, Any] | None:
    if told.desired is None:
        return None
    return {
        "source": source_to_plain(told.desired.source),
        "fields": fields_to_plain(told.desired.fields),
        "protect": told.desired.protect,
        "ignore": sorted(told.desired.ignored),
    }


def _origin(origin: Origin) -> dict[str, Any]:
    return {"commits": [_commit(commit) for commit in origin.commits], "remark": origin.remark or None}


def _commit(commit: Commit) -> dict[str, Any]:
    return {
        "id": commit.id,
        "author": commit.author,
        "at": timestamp(commit.at_s),
        "subject": commit.subject,
        "may_be_older": commit.is_oldest,
    }


def _known(story: ItemStory, field: str) -> dict[str, Any]:
    fate = story.confirmed(field)
    confirmed = None if fate is None else {"at": timestamp(fate.at_s), "run_id": fate.run_id}
    return {"value": to_plain(story.fields[field]), "confirmed": confirmed}


def _fate(fate: Fate) -> dict[str, Any]:
    return {
        "run_id": fate.run_id,
        "operation": fate.operation,
        "at": timestamp(fate.at_s),
        "reason": fate.reason,
        "desired": fields_to_plain({field.field: field.desired for field in fate.fields}),
        "outcome": fate.outcome,
        "outcome_reason": fate.why,
        "http_status": fate.answer.http_status,
        "code": fate.answer.code,
        "message": fate.answer.message,
        "log_id": fate.answer.log_id,
    }
