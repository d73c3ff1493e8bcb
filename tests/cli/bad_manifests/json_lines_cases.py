"""Bad JSON Lines. Numbers in names are the classes of bad input that kbsync was built against."""

from typing import Any

from tests.cli.bad_manifests.case import FAKE_KEY, FAKE_PAT, compact
from tests.cli.bad_manifests.case import line_case as case

__all__ = ("JSON_LINES", "ROW")

ROW = '{"target":"coze-cn","dataset":"744632974166804001","kind":"image","id":"1","caption":"x"}'


def row(**keys: Any) -> str:
    """Return the line of an image, with a few things changed; what is `...` leaves. Its id is at 1:72."""
    head = {"target": "coze-cn", "dataset": "744632974166804001", "kind": "image", "id": "1", "caption": "x"}
    return compact({key: value for key, value in {**head, **keys}.items() if value is not ...}) + "\n"


def page(rule: Any, **keys: Any) -> str:
    """Return the line of a document whose update rule is *rule*, at 1:90."""
    return row(kind="document", caption=..., update_rule=rule, **keys)


def record(meta: Any = ..., **keys: Any) -> str:
    """Return the line of a Volcengine document, with *meta* at 1:71."""
    head = {"target": "volc-bj", "collection": "c", "kind": "document", "id": "d", "meta": meta}
    return compact({key: value for key, value in {**head, **keys}.items() if value is not ...}) + "\n"


JSON_LINES = [
    # What is no JSON
    case("65-half-a-line", ROW + "\n" + ROW[:40], "2:31 syntax"),
    case("65-half-a-line-before-others", ROW[:40] + "\n" + row(id="2"), "1:31 syntax"),
    case("65-two-on-a-line", ROW + ROW, "1:90 syntax"),
    case("65-two-on-a-line-with-a-comma", ROW + "," + ROW, "1:90 syntax"),
    case("65-an-array-of-lines", "[" + ROW + ",\n" + ROW + "]\n", "1:92 syntax", "2:90 syntax"),
    case("65-an-object-over-two-lines", '{"target":"coze-cn",\n"kind":"image"}\n', "1:21 syntax", "2:7 syntax"),
    case("65-a-list-a-line", "[1]\n", "1:1 wrong-type"),
    case("65-a-number-a-line", "\n7\n", "2:1 wrong-type"),
    case("65-null-a-line", "null\n", "1:1 wrong-type"),
    case("65-text-a-line", "hello\n", "1:1 syntax"),
    case("65-a-comment", "# rows\n" + ROW, "1:1 syntax"),
    case("65-line-utf-16", ROW.encode("utf-16"), "1:1 not-utf8"),
    case("65-line-not-utf8", ROW.encode().replace(b"x", b"\xff"), "1:87 not-utf8"),
    case("65-line-gb18030", row(caption="鸟类名录").encode("gb18030"), "1:87 not-utf8"),
    case("65-line-surrogate", row(caption="Q").replace("Q", "\\ud800"), "1:86 control-character"),
    case("65-line-surrogate-raw", row(caption="\ud800"), "1:87 not-utf8"),
    case("65-line-nul", row(caption="a\0b"), "1:86 control-character"),
    case("65-line-nul-raw", row(caption="Q").replace("Q", "a\0b"), "1:88 control-character"),
    case("65-line-delete-raw", row(caption="a\x7fb"), "1:86 control-character"),
    case("65-line-c1-raw", row(caption="a\x9bb"), "1:86 control-character"),
    case("65-line-escape-that-is-none", row(caption="Q").replace("Q", "\\x41"), "1:87 syntax"),
    case("65-line-separator-inside", row(caption="Q").replace("Q", "a\nb"), "1:86 syntax", "2:1 syntax"),
    case("65-line-deep", row(caption=0).replace(":0}", ":" + "[" * 100_000), "1:117 too-deep"),
    case("65-line-deep-and-closed", row(caption=0).replace(":0}", ":" + "[" * 40 + "]" * 40 + "}"), "1:117 too-deep"),
    # What a decoder would change
    case("65-line-nan", row(meta=0).replace("0}", "NaN}"), "1:90 unknown-key", "1:97 bad-value"),
    case("65-line-infinity", record({"a": 0}).replace("0}", "Infinity}"), "1:77 bad-value"),
    case("65-line-overflow", record({"a": 0}).replace("0}", "1e999}"), "1:77 bad-value"),
    case("65-line-digits", row(id=0).replace(":0,", ":" + "1" * 5000 + ","), "1:72 bad-value"),
    case("65-line-duplicate-key", ROW.replace("{", '{"id":"2",', 1), "1:76 duplicate-key"),
    case("65-line-duplicate-key-by-an-escape", ROW.replace("{", '{"\\u0069d":"2",', 1), "1:81 duplicate-key"),
    case("65-line-duplicate-meta", record({"a": 1}).replace('"a":1', '"a":1,"a":2'), "1:79 duplicate-key"),
    case(
        "65-line-duplicate-target",
        ROW.replace("{", '{"target":"volc-bj",', 1),
        "1:1 missing-key",
        "1:21 duplicate-key",
        "1:40 wrong-provider",
        "1:78 wrong-provider",
    ),
    # Heads
    case("65-line-without-kind", row(kind=...), "1:1 missing-key"),
    case("65-line-without-target", row(target=...), "1:1 missing-key"),
    case("65-line-without-container", row(dataset=...), "1:1 missing-key"),
    case("65-line-unknown-kind", row(kind="video"), "1:59 bad-value"),
    case("65-line-kind-of-the-other-provider", record(kind="image"), "1:45 wrong-provider"),
    case("65-line-kind-as-a-list", row(kind=["image"]), "1:59 wrong-type"),
    case("65-line-null-kind", row(kind=None), "1:59 null-value"),
    case("65-line-unknown-target", row(target="coze-com"), "1:11 unknown-target"),
    case("65-line-target-as-a-number", row(target=5), "1:11 wrong-type"),
    case("65-line-null-target", row(target=None), "1:11 null-value"),
    case("65-line-dataset-as-a-float", row(dataset=7.4e17), "1:31 bad-id"),
    case("65-line-dataset-with-a-path", row(dataset="../x"), "1:31 bad-id"),
    case("65-line-two-containers", record({"a": 1}, resource_id="kb-1"), "1:1 bad-value"),
    case("65-line-container-of-the-other-provider", row(collection="c"), "1:90 wrong-provider"),
    case("65-line-collection-with-a-dash", record({"a": 1}, collection="a-b"), "1:34 bad-value"),
    case("65-line-of-a-container", '{"kbsync":1,"target":"coze-cn","dataset":"1","images":[]}\n', "1:1 missing-key"),
    # Entries
    case("65-line-float-id", row(id=7.43e18), "1:72 bad-id"),
    case("65-line-rounded-id", row(id=0).replace(":0,", ":744667080521909001.0,"), "1:72 bad-id"),
    case("65-line-bool-id", row(id=True), "1:72 bad-id"),
    case("65-line-null-id", row(id=None), "1:72 null-value"),
    case("65-line-without-id", row(id=...), "1:1 missing-key"),
    case("65-line-id-in-spaces", row(id=" 1"), "1:72 bad-id"),
    case("65-line-id-with-a-query", row(id="1?a=b"), "1:72 bad-id"),
    case("65-line-id-twice", row() + "\n" + row(id=1, caption="y"), "3:1 duplicate-item"),
    case("65-line-null", row(caption=None), "1:86 null-value"),
    case("65-line-empty-caption", row(caption=""), "1:86 empty-value"),
    case("65-line-caption-as-a-number", row(caption=5), "1:86 wrong-type"),
    case("65-line-caption-as-a-list", row(caption=["x"]), "1:86 wrong-type"),
    case("65-line-nothing-declared", row(caption=...), "1:1 empty-entry"),
    case("65-line-unknown-key", row(captoin="x"), "1:90 unknown-key"),
    case("65-line-dotted-key", row(**{"update_rule.update_type": 0}), "1:90 unknown-key"),
    case("65-line-key-of-the-other-provider", row(meta={"a": 1}), "1:90 unknown-key"),
    case("65-line-protect-as-text", row(protect="yes"), "1:100 wrong-type"),
    case("65-line-ignore-of-an-unknown-field", row(ignore=["captoin"]), "1:100 bad-value"),
    case("65-line-interval", page({"update_type": 1, "update_interval": 12}), "1:128 update-interval"),
    case("65-line-interval-below-zero", page({"update_type": 1, "update_interval": -1}), "1:128 bad-value"),
    case("65-line-interval-missing", page({"update_type": 1}), "1:93 missing-key"),
    case("65-line-rule-as-a-list", page([1, 24]), "1:93 wrong-type"),
    case("65-line-rule-with-another-key", page({"update_type": 0, "interval": 1}), "1:110 unknown-key"),
    case("65-line-meta-as-text", record("x"), "1:72 wrong-type"),
    case("65-line-meta-of-null", record({"a": [None]}), "1:77 meta-type"),
    case("65-line-meta-of-floats", record({"a": [0.5]}), "1:77 meta-type"),
    case("65-line-meta-of-a-reserved-name", record({"doc_id": "x"}), "1:73 meta-field-name"),
    case("65-line-meta-of-a-long-text", record({"a": "字" * 86}), "1:77 meta-value-length"),
    case("65-line-meta-of-a-long-list", record({"a": [1] * 33}), "1:77 unusual-meta-type", "1:77 meta-list-length"),
    case("65-line-meta-of-no-integer", record({"a": {"type": "int64", "value": 0.5}}), "1:101 wrong-type"),
    case("65-line-meta-of-no-list", record({"a": {"type": "list<string>", "value": "x"}}), "1:108 wrong-type"),
    case(
        "65-line-meta-with-a-bad-member", record({"a": {"type": "list<int64>", "value": [1, "x"]}}), "1:110 wrong-type"
    ),
    case("65-line-meta-out-of-float32", record({"a": 1e39}), "1:77 bad-value"),
    case("65-line-name-that-is-too-long", record(name="n" * 257), "1:72 document-name-length"),
    case("65-line-document-id", record({"a": 1}, id="a b"), "1:61 bad-id"),
    case("65-line-token", row(caption=FAKE_PAT), "1:87 secret-in-manifest"),
    case("65-line-access-key-in-a-key", row(**{FAKE_KEY: "x"}), "1:90 unknown-key", "1:91 secret-in-manifest"),
    case("65-line-secret-key", row(secret="x"), "1:90 secret-in-manifest"),
    case("65-line-strict-names", record({"a-b": 1}), "1:73 strict-field-name", settings="strict_field_names = true\n"),
    case("65-line-long-caption", row(caption="x" * 2001), "1:86 long-caption", options=("--error", "long-caption")),
    case(
        "65-line-unusual-type",
        record({"a": {"type": "geo_point", "value": "1,1"}}),
        "1:77 unusual-meta-type",
        options=("--error", "unusual-meta-type"),
    ),
]
