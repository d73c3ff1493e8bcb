"""The short way for documents that are like nearly all: a name that can be seen, and meta of simple values."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from kbsync.core.fields import META_PREFIX
from kbsync.core.lint import is_quiet
from kbsync.core.manifest import Plain
from kbsync.providers.volcengine.entries import is_document_id
from kbsync.providers.volcengine.values import USUAL_INTEGER, is_field_name

__all__ = ("PlainDocuments",)

# The constructors of named tuples cost as much as what is checked here.
_new: Final[Callable[[type[Plain], tuple[dict[str, Any], int]], Plain]] = tuple[Any, ...].__new__
_BOOLS: Final = {value: {"type": "bool", "value": value} for value in (False, True)}
_MOST_REMEMBERED: Final = 4096


class PlainDocuments:
    """`KindDialect.plain` of documents. *is_usual_name* and *is_usual_text* say which names and texts find no fault.

    Field names, and the texts that some documents share, are looked at once.
    """

    def __init__(
        self,
        is_usual_name: Callable[[str], bool],
        is_usual_field: Callable[[str], bool],
        is_usual_text: Callable[[str], bool],
    ) -> None:
        self._is_usual_name = is_usual_name
        self._is_usual_field = is_usual_field
        self._is_usual_text = is_usual_text
        self._fields: dict[str, str] = {}
        self._texts: dict[str, dict[str, str]] = {}

    def __call__(self, written: Mapping[str, Any]) -> Plain | None:
        """Return what *written* declares, or None when it has to be looked at more closely."""
        item_id, name, meta = written.get("id"), written.get("name"), written.get("meta")
        if type(item_id) is not str or not is_document_id(item_id):
            return None
        plain: dict[str, Any] = {}
        texts, keys = 2, 1
        if name is not None:
            if type(name) is not str or not self._is_usual_name(name) or not name.isprintable() or not is_quiet(name):
                return None
            plain["name"] = name
            texts, keys = 4, 2
        if meta is not None:
            inside = self._put_meta(meta, plain) if type(meta) is dict else None
            if inside is None:
                return None
            texts += 1 + inside
            keys += 1
        return _new(Plain, (plain, texts)) if plain and len(written) == keys else None

    def _put_meta(self, meta: Mapping[str, Any], plain: dict[str, Any]) -> int | None:
        """Put *meta* into *plain*; return how many keys and texts it has, or None when it is not so plain."""
        texts = len(meta)
        for key, value in meta.items():
            field = self._fields.get(key) or self._field(key)
            kind = value.__class__
            typed: dict[str, Any] | None = None
            if kind is str:
                typed = self._texts.get(value) or self._text(value)
                texts += 1
            elif kind is bool:
                typed = _BOOLS[value]
            elif kind is int and -USUAL_INTEGER < value < USUAL_INTEGER:
                typed = {"type": "int64", "value": value}
            if field is None or typed is None:
                return None
            plain[field] = typed
        return texts

    def _field(self, name: str) -> str | None:
        if not is_field_name(name) or not is_quiet(name) or not self._is_usual_field(name):
            return None
        field = META_PREFIX + name
        if len(self._fields) < _MOST_REMEMBERED:
            self._fields[name] = field
        return field

    def _text(self, text: str) -> dict[str, str] | None:
        if not text.isprintable() or not self._is_usual_text(text) or (text and not is_quiet(text)):
            return None
        typed = {"type": "string", "value": text}
        if len(self._texts) < _MOST_REMEMBERED:
            self._texts[text] = typed
        return typed
