"""Every rule that can find fault with a manifest, a configuration or a plan: one namespace of ids.

A rule of severity `error` refuses the run. `--allow ID` lifts a liftable one, guards included; a lint has whatever
severity the user gives it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

from kbsync.core.items import Source

__all__ = ("CORE_RULES", "GUARD_RULES", "Finding", "Level", "Problem", "Rule", "Severity", "by_id", "lint_rule")

Severity: TypeAlias = Literal["error", "warning"]
Level: TypeAlias = Severity | Literal["off"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule by its stable *id*; *summary* is one sentence for `kbsync validate --rules`.

    A *lint* is about what is allowed and still hardly meant: `[lint]`, `--warn`, `--error` and `--off` switch it. One
    *of_key* is broken by a key, whatever its value.
    """

    id: str
    summary: str
    severity: Level = "error"
    liftable: bool = False
    lint: bool = False
    of_key: bool = False


def lint_rule(id_: str, summary: str, severity: Level = "warning", *, of_key: bool = False) -> Rule:
    """Return a rule that is a lint."""
    return Rule(id_, summary, severity, lint=True, of_key=of_key)


class Finding(NamedTuple):
    """A rule broken at *path* inside one manifest entry: keys and list positions, outermost first."""

    path: tuple[str | int, ...]
    rule: str
    message: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A rule broken at a place in a file."""

    source: Source
    rule: str
    message: str
    severity: Severity = "error"

    def __str__(self) -> str:
        warning = "warning: " if self.severity == "warning" else ""
        return f"{self.source}: {warning}{self.message} [{self.rule}]"


CORE_RULES: Final = (
    Rule("unreadable-file", "A manifest cannot be opened, or is not a regular file."),
    Rule("not-utf8", "A manifest is not UTF-8 text."),
    Rule("gb18030", "A CSV manifest is GB18030 text; where this is allowed, it is read as that.", liftable=True),
    Rule("too-large", "A YAML or JSON manifest is over 64 MiB; JSON Lines and CSV have no limit."),
    Rule("syntax", "The text is not well-formed YAML, JSON or CSV."),
    Rule("too-deep", "Values are nested more than 32 levels deep."),
    Rule("yaml-alias", "Anchors, aliases and merge keys are not used in manifests."),
    Rule("yaml-tag", "YAML tags are not used in manifests."),
    Rule("ambiguous-scalar", "An unquoted YAML value that YAML 1.1 and 1.2 read differently."),
    Rule("control-character", "Text holds NUL, another control character or half of a surrogate pair."),
    Rule("duplicate-key", "A key stands twice in one mapping, or a column twice in one CSV header."),
    Rule("duplicate-item", "An item is declared twice."),
    Rule("unknown-key", "A key that manifests do not have.", of_key=True),
    Rule("missing-key", "A key that must be there is not."),
    Rule("wrong-type", "A value has another type than its key takes."),
    Rule("null-value", "A value is null; leave the key out, or write an empty text with `allow_empty: true`."),
    Rule("bad-value", "A value is not one of those its key takes."),
    Rule("empty-value", "A caption or name is empty without `allow_empty: true`."),
    Rule("empty-entry", "An entry declares no field."),
    Rule("bad-id", "An id does not have the provider's form."),
    Rule("rounded-id", "Ids of a CSV manifest have zeros after 15 digits, as spreadsheets leave them.", liftable=True),
    Rule("spreadsheet-error", "A CSV cell is an error of a spreadsheet, such as #NAME?.", liftable=True),
    Rule("format-version", "The manifest's `kbsync:` version is not 1."),
    Rule("unknown-target", "The manifest names a target that the configuration does not have."),
    Rule("wrong-provider", "The manifest speaks of a container or kind that its target's provider does not have."),
    Rule("secret-in-manifest", "A key or value looks like a credential."),
    Rule("not-in-csv", "A manifest to be converted says what CSV cannot say."),
    Rule("too-many-problems", "A file has over 1,000 errors, and the rest of it was not read."),
    Rule("no-manifest", "A path or glob names no manifest."),
    Rule("config", "The configuration is wrong."),
    Rule("inline-secret", "A secret stands in the configuration; write a reference to it."),
    Rule("insecure-url", "A base URL is not https, and its host is not loopback."),
    Rule("foreign-endpoint", "A base URL is not one of the provider's hosts.", liftable=True),
    Rule("bad-plan", "A saved plan is damaged, changed, of another format, or made for something else."),
    Rule("bad-recovery", "A recovery file is damaged, or was left by a run on another state."),
)

GUARD_RULES: Final = (
    Rule("change-percent", "Too large a part of the known items changes.", liftable=True),
    Rule("empty-percent", "Too large a part of the known items is emptied.", liftable=True),
    Rule("shrink", "The manifest holds under half of the items it held at the last apply.", liftable=True),
    Rule("empty-manifest", "The manifest holds no item.", liftable=True),
    Rule("max-changes", "More changes than `--max-changes` allows.", liftable=True),
)


def by_id(rules: Iterable[Rule]) -> Mapping[str, Rule]:
    """Return *rules* by id; ids must be unique among them."""
    table: dict[str, Rule] = {}
    for rule in rules:
        assert rule.id not in table, rule.id
        table[rule.id] = rule
    return table
