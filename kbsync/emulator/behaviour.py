"""The switches where the API pages leave room, or where servers are known to differ."""

import html
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Literal, get_args

from kbsync.emulator.messages import MalformedError

__all__ = ("Behaviour", "Field", "MetaMode", "Normalisation", "changed_behaviour", "normalised")

MetaMode = Literal["replace", "merge"]
Normalisation = Literal["none", "trim", "nfc", "html", "truncate"]
Field = Literal["caption", "name", "update_rule", "meta"]

TRUNCATED_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the servers behave where it is open or variable. The defaults follow the API pages."""

    page_base: int = 1
    """Coze document/list: number of the first page, 1 for the cloud, 0 for coze-studio."""
    lenient_interval: bool = False
    """Coze: accept an update_interval below 24 hours."""
    ignore_path_dataset: bool = False
    """Coze: update an image whatever dataset the path names."""
    errors_in_200: bool = False
    """Coze: answer 4000, 4101 and 4200 with HTTP 200 instead of 400, 403 and 404."""
    require_agw_js_conv: bool = False
    """Coze: refuse document calls without `Agw-Js-Conv: str` instead of answering with numeric ids."""
    rename_resets_rule: bool = False
    """Coze: a document update without a rule switches automatic updates off."""
    document_info: bool = False
    """Coze: answer a document update with the deprecated `document_info`."""
    recent_first: bool = True
    """Coze: list the most recently updated item first, so that writes shift pages; else the oldest id first."""
    list_churn: int = 0
    """Coze: so many items of a dataset are touched by somebody else after each page of a list."""
    meta_mode: MetaMode = "replace"
    """Volcengine: whether update_meta sets the whole list or only the fields it names."""
    strict_field_names: bool = False
    """Volcengine: refuse field names that are not ASCII letters, digits and underscore."""
    list_meta: bool = True
    """Volcengine: lists carry `meta`."""
    omit_empty_doc_list: bool = False
    """Volcengine: a list of nothing has no `doc_list` key."""
    api_key_data_only: bool = False
    """Volcengine: an API key may not call collection/*."""
    processing_s: float = 0.0
    """Both: so many seconds after a write an item shows as being processed."""
    normalise: Normalisation = "none"
    """Both: what happens to texts before they are stored."""
    ignored_fields: frozenset[str] = frozenset()
    """Both: fields that are accepted with code 0 and not stored (caption, name, update_rule, meta)."""


def changed_behaviour(behaviour: Behaviour, changes: Mapping[str, object]) -> Behaviour:
    """Give *behaviour* with *changes* by name. An unknown name or a wrong type is a ValueError."""
    known = {entry.name: getattr(behaviour, entry.name) for entry in fields(behaviour)}
    checked: dict[str, object] = {}
    for name, value in changes.items():
        if name not in known:
            raise MalformedError(f"unknown behaviour {name!r}; known: {', '.join(sorted(known))}")
        checked[name] = _checked(name, value, known[name])
    return replace(behaviour, **checked)  # type: ignore[arg-type]


def normalised(text: str, how: Normalisation) -> str:
    """Give *text* as a server that normalises would store it."""
    return _NORMALISATIONS[how](text)


_CHOICES: dict[str, tuple[str, ...]] = {"meta_mode": get_args(MetaMode), "normalise": get_args(Normalisation)}

_NORMALISATIONS: dict[str, Callable[[str], str]] = {
    "none": str,
    "trim": str.strip,
    "nfc": lambda text: unicodedata.normalize("NFC", text),
    "html": html.escape,
    "truncate": lambda text: text[:TRUNCATED_CHARACTERS],
}


def _checked(name: str, value: object, current: object) -> object:
    if name in _CHOICES:
        if value not in _CHOICES[name]:
            raise MalformedError(f"{name} must be one of {', '.join(_CHOICES[name])}")
        return value
    if isinstance(current, frozenset):
        if isinstance(value, (list, tuple, set, frozenset)):
            names = frozenset(map(str, value))  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]
            if names <= set(get_args(Field)):
                return names
        raise MalformedError(f"{name} must be a list of {', '.join(get_args(Field))}")
    if isinstance(current, bool):
        if isinstance(value, bool):
            return value
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
        return type(current)(value)  # type: ignore[call-arg]
    raise MalformedError(f"{name} must be of type {type(current).__name__}")
