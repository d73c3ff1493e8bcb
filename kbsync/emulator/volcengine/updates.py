"""Volcengine's two update calls."""

from kbsync.emulator.api import Call, Outcome, Site, Subject
from kbsync.emulator.behaviour import normalised
from kbsync.emulator.volcengine.envelope import succeeded
from kbsync.emulator.volcengine.lookup import container_name, doc_of, fields_of, invalid, text_of
from kbsync.emulator.volcengine.meta import MetaField, merged_meta, meta_text, read_meta
from kbsync.emulator.world import Doc

__all__ = ("Updates",)

NAME_MAX = 256


class Updates:
    """Answers updates of meta and names. A bad call is refused whole."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def subject(self, call: Call) -> Subject:
        """Say which document is meant."""
        doc_id = (call.fields or {}).get("doc_id")
        return Subject(container_name(call, "collection_name"), doc_id if isinstance(doc_id, str) and doc_id else "?")

    def meta(self, call: Call) -> Outcome:
        """Set the meta of a document: all of it or the fields named, as the mode says. No meta changes nothing."""
        fields = fields_of(call)
        collection, doc = doc_of(self._site.world, fields)
        given = fields.get("meta")
        strict = self._site.behaviour.strict_field_names
        wanted = None if given is None else read_meta(given, collection, strict_names=strict)
        return Outcome(succeeded(call.log_id), lambda: self._set_meta(doc, wanted))

    def name(self, call: Call) -> Outcome:
        """Rename a document."""
        fields = fields_of(call)
        name = text_of(fields, "doc_name")
        if not 1 <= len(name) <= NAME_MAX:
            raise invalid(f"doc_name must have 1 to {NAME_MAX} characters")
        _, doc = doc_of(self._site.world, fields)
        answer = succeeded(call.log_id, {"doc_id": doc.id, "doc_name": name})
        return Outcome(answer, lambda: self._set_name(doc, name))

    def _set_meta(self, doc: Doc, wanted: list[MetaField] | None) -> None:
        behaviour = self._site.behaviour
        if wanted is not None and "meta" not in behaviour.ignored_fields:
            whole = merged_meta(doc.meta, wanted) if behaviour.meta_mode == "merge" else wanted
            doc.meta = meta_text(whole, behaviour.normalise)
        self._touch(doc)

    def _set_name(self, doc: Doc, name: str) -> None:
        behaviour = self._site.behaviour
        if "name" not in behaviour.ignored_fields:
            doc.name = normalised(name, behaviour.normalise)
        self._touch(doc)

    def _touch(self, doc: Doc) -> None:
        doc.update_time_s = int(self._site.now_s())
        doc.busy_until_s = self._site.busy_until_s()
