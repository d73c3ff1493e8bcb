"""Coze's two update calls."""

import re
from typing import NamedTuple, cast

from kbsync.emulator.api import Call, Outcome, Site, Subject
from kbsync.emulator.behaviour import normalised
from kbsync.emulator.coze.envelope import BAD_PARAMETER, NOT_FOUND, failed, succeeded
from kbsync.emulator.coze.items import document_info
from kbsync.emulator.messages import JsonObject
from kbsync.emulator.world import Dataset, Document, Image

__all__ = ("MIN_INTERVAL_H", "Updates", "id_text")

MIN_INTERVAL_H = 24

_ID = re.compile(r"[1-9][0-9]{0,19}", re.ASCII)


class _Rule(NamedTuple):
    update_type: int | None
    update_interval_h: int | None


def id_text(value: object) -> str:
    """Read an id given as a string of digits or as an integer; empty when it is neither."""
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    return text if _ID.fullmatch(text) else ""


class Updates:
    """Answers updates of captions, names and rules. A bad call is refused whole."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def image_subject(self, call: Call) -> Subject:
        """Say which image is meant."""
        return Subject(call.ids[0], call.ids[1])

    def document_subject(self, call: Call) -> Subject:
        """Say which document is meant."""
        document_id = id_text((call.fields or {}).get("document_id"))
        home = self._site.world.document_homes.get(document_id)
        return Subject("" if home is None else home.id, document_id or "?")

    def caption(self, call: Call) -> Outcome:
        """Set the caption of an image."""
        dataset_id, image_id = call.ids
        caption = None if call.fields is None else call.fields.get("caption")
        if not isinstance(caption, str):
            return self._refusal(400, BAD_PARAMETER, "caption is required and must be a string", call)
        if not (id_text(dataset_id) and id_text(image_id)):
            return self._refusal(400, BAD_PARAMETER, "dataset_id and document_id must be numbers", call)
        dataset = self._site.world.image_homes.get(image_id)
        if dataset is None or not (dataset.id == dataset_id or self._site.behaviour.ignore_path_dataset):
            return self._refusal(404, NOT_FOUND, "the requested image does not exist", call)
        image = dataset.images[image_id]
        return Outcome(succeeded(call.log_id), lambda: self._set_caption(dataset, image, caption))

    def document(self, call: Call) -> Outcome:
        """Set the name, the update rule or both of a document."""
        body = call.fields
        if body is None:
            return self._refusal(400, BAD_PARAMETER, "the request body is not a JSON object", call)
        problem = self._document_problem(call, body)
        if problem:
            return self._refusal(400, BAD_PARAMETER, problem, call)
        document_id = id_text(body.get("document_id"))
        dataset = self._site.world.document_homes.get(document_id)
        if dataset is None:
            return self._refusal(404, NOT_FOUND, "the requested document does not exist", call)
        document = dataset.documents[document_id]
        name = cast("str | None", body.get("document_name"))
        rule = _rule(body.get("update_rule"))
        payload: JsonObject | None = None
        if self._site.behaviour.document_info:
            payload = {"document_info": document_info(document, ids_as_text=_ids_as_text(call))}
        return Outcome(succeeded(call.log_id, payload), lambda: self._set_document(dataset, document, name, rule))

    def _document_problem(self, call: Call, body: JsonObject) -> str:
        if self._site.behaviour.require_agw_js_conv and not _ids_as_text(call):
            return "the header Agw-Js-Conv is required"
        if not id_text(body.get("document_id")):
            return "document_id is required and must be a number"
        if not isinstance(body.get("document_name"), (str, type(None))):
            return "document_name must be a string"
        return self._rule_problem(body.get("update_rule"))

    def _rule_problem(self, value: object) -> str:
        if value is None:
            return ""
        if not isinstance(value, dict):
            return "update_rule must be an object"
        update_type, interval_h = _rule_members(cast("JsonObject", value))
        if update_type is not None and (not _is_int(update_type) or update_type not in {0, 1}):
            return "update_type must be 0 or 1"
        if interval_h is not None and not _is_int(interval_h):
            return "update_interval must be an integer"
        if isinstance(interval_h, int) and interval_h < MIN_INTERVAL_H and not self._site.behaviour.lenient_interval:
            return f"update_interval must be at least {MIN_INTERVAL_H}"
        return ""

    def _set_caption(self, dataset: Dataset, image: Image, caption: str) -> None:
        behaviour = self._site.behaviour
        if "caption" not in behaviour.ignored_fields:
            image.caption = normalised(caption, behaviour.normalise)
        image.update_time_s = int(self._site.now_s())
        image.busy_until_s = self._site.busy_until_s()
        if image.id in dataset.images:
            dataset.raise_image(image)

    def _set_document(self, dataset: Dataset, document: Document, name: str | None, rule: _Rule | None) -> None:
        behaviour = self._site.behaviour
        if name is not None and "name" not in behaviour.ignored_fields:
            document.name = normalised(name, behaviour.normalise)
        if rule is None and behaviour.rename_resets_rule:
            rule = _Rule(0, MIN_INTERVAL_H)
        if rule is not None and "update_rule" not in behaviour.ignored_fields:
            if rule.update_type is not None:
                document.update_type = rule.update_type
            if rule.update_interval_h is not None:
                document.update_interval_h = rule.update_interval_h
        document.update_time_s = int(self._site.now_s())
        document.busy_until_s = self._site.busy_until_s()
        if document.id in dataset.documents:
            dataset.raise_document(document)

    def _refusal(self, status: int, code: int, message: str, call: Call) -> Outcome:
        return Outcome(failed(200 if self._site.behaviour.errors_in_200 else status, code, message, call.log_id))


def _ids_as_text(call: Call) -> bool:
    return call.request.headers.get("agw-js-conv") == "str"


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _rule_members(value: JsonObject) -> tuple[object, object]:
    return value.get("update_type"), value.get("update_interval")


def _rule(value: object) -> _Rule | None:
    """Read an update rule that has been checked."""
    if not isinstance(value, dict):
        return None
    return _Rule(*cast("tuple[int | None, int | None]", _rule_members(cast("JsonObject", value))))
