"""What of an entry can be declared of the item that takes its place elsewhere, and what cannot."""

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple, TypeAlias, cast

from pydantic import TypeAdapter, ValidationError

from kbsync.core.entries import findings
from kbsync.core.fields import META_PREFIX, family, is_empty, to_plain
from kbsync.core.manifest import Entry, KindDialect
from kbsync.core.rules import Finding, Rule
from kbsync.core.wire import Live, Operation

__all__ = ("Carried", "Carrier", "Loss", "Reason", "held_by", "kind_there", "written_live")

Reason: TypeAlias = Literal["no_place", "refused", "doubtful", "untold", "empty"]

_OPTIONS: Final = frozenset({"protect", "ignore", "allow_empty"})
_TEXTS: Final = frozenset({"caption", "name"})


class Loss(NamedTuple):
    """Why a field is not carried over; *field* is empty when the item itself cannot be declared.

    *reason* is `no_place` when items of that kind have no such field, `refused` when the destination's *rule* refuses
    the value, `untold` when the live list does not tell it in a form that a manifest has, `empty` when a live text is
    empty, which nobody has declared. With `doubtful` the field is carried over all the same, and a rule warns of it.
    """

    field: str
    reason: Reason
    rule: str = ""
    message: str = ""


class Carried(NamedTuple):
    """The *entry* to declare, None when there is nothing to be declared; *usable* tells whether there could be one."""

    entry: Entry | None
    losses: tuple[Loss, ...]
    usable: bool = True


def held_by(operations: Iterable[Operation], kind: str) -> frozenset[str]:
    """Return the families of the fields that items of *kind* hold where these are the *operations*."""
    families = (operation.families for operation in operations if operation.kind == kind)
    return frozenset[str]().union(*families)


def kind_there(kind: str, kinds: Iterable[str]) -> str | None:
    """Return which of *kinds* takes items of *kind*: the one of that name, or else the only one."""
    known = list(kinds)
    if kind in known:
        return kind
    return known[0] if len(known) == 1 else None


class Carrier:
    """Carries entries over to items of one kind, which *dialect* declares and which hold fields of the families *held*.

    *rules* has every rule by id; those in *allow* are lifted when they can be. Entries *declared* by the same dialect
    raise no doubt there that they do not raise where they are.
    """

    def __init__(
        self,
        declared: KindDialect,
        dialect: KindDialect,
        held: frozenset[str],
        rules: Mapping[str, Rule],
        allow: frozenset[str],
    ) -> None:
        self._raises_doubts = declared.model is not dialect.model
        self._dialect = dialect
        self._held = held
        self._rules = rules
        self._allow = allow
        self._adapter: TypeAdapter[Entry] = TypeAdapter(cast("type[Entry]", dialect.model))
        self._no_place: dict[str, Loss] = {}

    def carry(self, id_: str, keys: Mapping[str, Any]) -> Carried:
        """Return what the entry with these *keys* becomes for the item *id_*.

        Options come along as far as they mean something: `ignore` for the fields that do, `allow_empty` with a text.
        """
        fields = {key: value for key, value in keys.items() if key in self._held}
        losses = [self._without_place(field) for key in keys if key not in self._held for field in _named(key, keys)]
        while True:
            entry, broken = self._validated(id_, keys, fields)
            errors = {_field_of(one): one for one in reversed(broken) if self._refuses(one.rule)}
            if not errors:
                told = broken if self._raises_doubts else ()
                doubts = (Loss(_field_of(one), "doubtful", one.rule, one.message) for one in told)
                return Carried(entry if fields else None, (*losses, *doubts))
            losses.extend(Loss(field, "refused", one.rule, one.message) for field, one in errors.items())
            if "" in errors:
                return Carried(None, tuple(loss for loss in losses if not loss.field), usable=False)
            # What is left may be refused for another reason.
            fields = _without(fields, errors)

    def _validated(
        self, id_: str, keys: Mapping[str, Any], fields: Mapping[str, Any]
    ) -> tuple[Entry | None, list[Finding]]:
        """Return the entry that *fields* make, None when they make none, and what its rules find that is not lifted."""
        written = {"id": id_, **_options(keys, fields), **fields}
        try:
            entry = self._adapter.validate_python(written)
        except ValidationError as error:
            return None, self._told(findings(error, self._dialect.model))
        # Without a field there is nothing to be declared, which is no fault here.
        return entry, self._told(self._dialect.check(entry)) if fields else []

    def _told(self, broken: Iterable[Finding]) -> list[Finding]:
        return [finding for finding in broken if not self._is_lifted(finding.rule)]

    def _is_lifted(self, id_: str) -> bool:
        rule = self._rules.get(id_)
        return rule is not None and (rule.severity == "off" or (rule.liftable and id_ in self._allow))

    def _refuses(self, id_: str) -> bool:
        return id_ not in self._rules or self._rules[id_].severity == "error"

    def _without_place(self, field: str) -> Loss:
        return self._no_place.setdefault(field, Loss(field, "no_place"))


def written_live(live: Live, held: frozenset[str]) -> tuple[dict[str, Any], list[Loss]]:
    """Return the keys of an entry that declares what is *live*, and what of the families *held* it cannot say."""
    keys: dict[str, Any] = {}
    losses = [Loss(field, "untold") for field in sorted(live.untold) if family(field) in held]
    for field, value in live.fields.items():
        if field in _TEXTS and is_empty(value):
            losses.append(Loss(field, "empty"))
        elif field.startswith(META_PREFIX):
            keys.setdefault("meta", {})[field.removeprefix(META_PREFIX)] = to_plain(value)
        else:
            keys[field] = to_plain(value)
    return keys, losses


def _named(key: str, keys: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of the fields beneath *key*; an option is none."""
    if key in _OPTIONS:
        return
    yield from (META_PREFIX + name for name in keys[key]) if key == "meta" else (key,)


def _options(keys: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options among *keys* that mean something beside *fields*."""
    options = {key: True for key in ("protect",) if keys.get(key)}
    if keys.get("allow_empty") and any(key in _TEXTS for key in fields):
        options["allow_empty"] = True
    declared = {field for key in fields for field in _named(key, fields)}
    ignored = [field for field in keys.get("ignore", ()) if field in declared]
    return {**options, "ignore": ignored} if ignored else options


def _field_of(finding: Finding) -> str:
    """Return the field that *finding* is about; nothing when it is about the item."""
    match finding.path:
        case ("meta", name, *_):
            return f"{META_PREFIX}{name}"
        case (str() as key, *_) if key != "id" and key not in _OPTIONS:
            return key
        case _:
            return ""


def _without(fields: Mapping[str, Any], names: Container[str]) -> dict[str, Any]:
    """Return *fields* without those of these *names*; meta without a field is none."""
    rest = {key: value for key, value in fields.items() if key not in names}
    if "meta" in rest:
        rest["meta"] = {name: value for name, value in rest["meta"].items() if META_PREFIX + name not in names}
    return rest if rest.get("meta", True) else {key: value for key, value in rest.items() if key != "meta"}
