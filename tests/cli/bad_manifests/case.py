"""One bad manifest, and how the pieces of bad manifests are written."""

import json
from typing import Any, NamedTuple

__all__ = (
    "FAKE_KEY",
    "FAKE_PAT",
    "HEAD",
    "VOLC",
    "Case",
    "compact",
    "csv_case",
    "json_case",
    "line_case",
    "with_caption",
    "with_id",
    "with_meta",
    "with_rule",
    "yaml_case",
)

HEAD = 'kbsync: 1\ntarget: coze-cn\ndataset: "744632974166804001"\n'
VOLC = "kbsync: 1\ntarget: volc-bj\ncollection: test_collection_name\n"
FAKE_PAT = "pat_" + "S3cretS3cret" * 4
FAKE_KEY = "AKLT" + "S3cretS3cret" * 4


class Case(NamedTuple):
    """A bad manifest: the text of one file, and everything that is said of it, as `line:column rule`.

    *options* go to the command, *settings* behind the configuration of the target volc-bj.
    """

    name: str
    ending: str
    content: str | bytes
    expected: tuple[str, ...]
    options: tuple[str, ...] = ()
    settings: str = ""

    @property
    def data(self) -> bytes:
        """What is in the file."""
        return self.content if isinstance(self.content, bytes) else self.content.encode("utf-8", "surrogatepass")


def with_id(text: str) -> str:
    """Return a YAML manifest whose only id, at 5:9, is written as *text*."""
    return f"{HEAD}images:\n  - id: {text}\n    caption: x\n"


def with_caption(text: str, more: str = "") -> str:
    """Return a YAML manifest whose only caption, at 6:14, is written as *text*."""
    return f'{HEAD}images:\n  - id: "1"\n    caption: {text}\n{more}'


def with_rule(text: str) -> str:
    """Return a YAML manifest whose only update rule, at 6:18, is written as *text*."""
    return f'{HEAD}documents:\n  - id: "1"\n    update_rule: {text}\n'


def with_meta(text: str) -> str:
    """Return a YAML manifest whose only meta, at 6:11, is written as *text*."""
    return f"{VOLC}documents:\n  - id: doc_1\n    meta: {text}\n"


def compact(value: Any) -> str:
    """Return *value* as JSON on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def yaml_case(
    name: str, content: str | bytes, *expected: str, options: tuple[str, ...] = (), settings: str = ""
) -> Case:
    """Return a case of YAML."""
    return Case(name, "yaml", content, expected, options, settings)


def json_case(
    name: str, content: str | bytes, *expected: str, options: tuple[str, ...] = (), settings: str = ""
) -> Case:
    """Return a case of JSON."""
    return Case(name, "json", content, expected, options, settings)


def line_case(
    name: str, content: str | bytes, *expected: str, options: tuple[str, ...] = (), settings: str = ""
) -> Case:
    """Return a case of JSON Lines."""
    return Case(name, "jsonl", content, expected, options, settings)


def csv_case(
    name: str, content: str | bytes, *expected: str, options: tuple[str, ...] = (), settings: str = ""
) -> Case:
    """Return a case of CSV."""
    return Case(name, "csv", content, expected, options, settings)
