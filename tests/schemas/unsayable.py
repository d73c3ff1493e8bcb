"""What no schema can say of a manifest, each with the reason. Tests hold that nothing stands here without need."""

from collections.abc import Mapping
from typing import Final

__all__ = ("CASES", "RULES")

RULES: Final[Mapping[str, str]] = {
    "ambiguous-scalar": "an editor has chosen one of the readings before the schema sees a value",
    "duplicate-item": "nothing compares the entries of a list by their ids, or two files",
    "duplicate-key": "of two equal keys a value has only one; the parsers of editors tell",
    "secret-in-manifest": "it is looked for in the bytes of a file, comments and keys of any name included",
    "strict-field-name": "it is a setting of a target, and one schema is for all targets of a provider",
    "yaml-alias": "a value has no anchor any more, and what was an alias is a value",
    "yaml-tag": "a value has no tag any more",
}

_SPELLING: Final = "a number is seen, and not how it is written"
_INTEGRAL: Final = "to a schema, 1.0 is an integer"
_UNQUOTED: Final = "in YAML this is text that stands without quotation marks, and the schema is of both formats"
_SURROGATE: Final = "the pattern for it would refuse every emoji in editors that count in UTF-16"
_BYTES: Final = "a schema counts characters, and the limit is in bytes"
_WIDE: Final = "among numbers it cannot be told apart from a float32 as large"

# By format and name in the corpus.
CASES: Final[Mapping[tuple[str, str], str]] = {
    ("yaml", "11-octal-id"): _SPELLING,
    ("yaml", "12-octal-id-1.2"): _SPELLING,
    ("yaml", "14-exponent-id"): _SPELLING,
    ("yaml", "61-meta-null"): "a null that is written and a value that was forgotten are one to an editor",
    ("yaml", "14-float-id"): _SPELLING,
    ("yaml", "an-id-in-hexadecimal"): _SPELLING,
    ("yaml", "an-id-with-a-plus"): _SPELLING,
    ("yaml", "a-rule-of-a-type-as-a-float"): _INTEGRAL,
    ("yaml", "meta-int-as-a-float"): _INTEGRAL,
    ("json", "a-format-as-a-float"): _INTEGRAL,
    ("json", "a-dataset-as-a-float"): _INTEGRAL,
    ("json", "an-interval-as-a-float"): _INTEGRAL,
    ("jsonl", "65-line-dataset-as-a-float"): _INTEGRAL,
    ("jsonl", "65-line-float-id"): _INTEGRAL,
    ("jsonl", "65-line-rounded-id"): _INTEGRAL,
    ("json", "a-caption-as-a-number"): _UNQUOTED,
    ("json", "a-document-id-as-a-number"): _UNQUOTED,
    ("yaml", "31-lone-surrogate-escaped"): _SURROGATE,
    ("json", "65-a-lone-surrogate"): _SURROGATE,
    ("jsonl", "65-line-surrogate"): _SURROGATE,
    ("yaml", "61-meta-text-too-long"): _BYTES,
    ("jsonl", "65-line-meta-of-a-long-text"): _BYTES,
    ("yaml", "61-meta-int-too-large"): _WIDE,
    ("json", "meta-of-a-huge-integer"): _WIDE,
    ("yaml", "meta-of-no-date"): "how many days a month has is beyond a pattern",
    ("yaml", "an-empty-entry-beneath-defaults"): "what defaults declare is not laid beneath an entry",
    ("yaml", "an-empty-caption-beneath-defaults"): "what defaults declare is not laid beneath an entry",
    ("yaml", "ignore-of-an-undeclared-meta-field"): "a key of the user's choice is not compared with a text",
    ("jsonl", "65-line-duplicate-target"): "of two equal keys the last is seen, and the first counts",
}
