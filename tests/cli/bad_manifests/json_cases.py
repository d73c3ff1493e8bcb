"""Bad JSON. Numbers in names are the classes of bad input that kbsync was built against."""

from typing import Any

from tests.cli.bad_manifests.case import FAKE_KEY, FAKE_PAT, compact
from tests.cli.bad_manifests.case import json_case as case

__all__ = ("JSON",)


def coze(*images: Any, **keys: Any) -> str:
    """Return a manifest of Coze with these *images*, of which the first begins at 1:74, unless *keys* say otherwise."""
    head = {"kbsync": 1, "target": "coze-cn", "dataset": "744632974166804001"}
    return compact({**head, **keys, **({"images": images} if images else {})})


def volc(meta: Any = None, **keys: Any) -> str:
    """Return a manifest of Volcengine with one document, whose *meta*, when there is any, begins at 1:84."""
    head = {"kbsync": 1, "target": "volc-bj", "collection": "c"}
    return compact({**head, **({"documents": [{"id": "d", "meta": meta}]} if meta is not None else {}), **keys})


def image(**keys: Any) -> dict[str, Any]:
    """Return an image, with a few things changed; what is None leaves."""
    return {key: value for key, value in {"id": "1", "caption": "x", **keys}.items() if value is not ...}


JSON = [
    # What is no JSON
    case("1-empty", "", "1:1 missing-key"),
    case("1-nothing-but-space", " \n\t\n", "1:1 missing-key"),
    case("4-a-list-at-the-top", "[]", "1:1 wrong-type"),
    case("4-null", "null", "1:1 wrong-type"),
    case("4-a-text", '"kbsync"', "1:1 wrong-type"),
    case("7-utf-16", "{}".encode("utf-16"), "1:1 not-utf8"),
    case("7-gb18030", coze(image(caption="鸟类名录")).encode("gb18030"), "1:94 not-utf8"),
    case("7-latin-1", coze(image(caption="caf\xe9")).encode("latin-1"), "1:97 not-utf8"),
    case("65-trailing-garbage", '{"kbsync":1,"target":"coze-cn","dataset":"1"}\nx', "2:1 syntax"),
    case("65-a-second-object", coze() + "\n" + coze(), "2:1 syntax"),
    case("65-trailing-comma", '{"kbsync":1,}', "1:13 syntax"),
    case("65-trailing-comma-in-a-list", coze(image()).replace("}]", "},]"), "1:98 syntax"),
    case("65-two-commas", '{"kbsync":1,,"target":"coze-cn"}', "1:13 syntax"),
    case("65-no-comma", '{"kbsync":1 "target":"coze-cn"}', "1:13 syntax"),
    case("65-no-colon", '{"kbsync" 1}', "1:11 syntax"),
    case("65-half-a-file", '{"kbsync":1,\n"target":"coze', "2:10 syntax"),
    case("65-half-an-entry", coze(image())[:-12], "1:83 syntax"),
    case("65-a-comment", '{"kbsync":1, // one\n"target":"coze-cn"}', "1:14 syntax"),
    case("65-single-quotes", "{'kbsync':1}", "1:2 syntax"),
    case("65-a-key-without-quotes", "{kbsync:1}", "1:2 syntax"),
    case("65-python", '{"kbsync":True}', "1:11 syntax"),
    case("65-a-leading-zero", '{"kbsync":01}', "1:12 syntax"),
    case("65-a-plus", '{"kbsync":+1}', "1:11 syntax"),
    case("65-a-bare-point", '{"kbsync":1.}', "1:12 syntax"),
    case("65-hexadecimal", '{"kbsync":0x1}', "1:12 syntax"),
    case("65-an-escape-that-is-none", coze(image(caption="Q")).replace("Q", "\\q"), "1:94 syntax"),
    case("65-a-short-escape", coze(image(caption="Q")).replace("Q", "\\u12"), "1:94 syntax"),
    case("65-a-line-break-in-a-text", coze(image(caption="Q")).replace("Q", "a\nb"), "1:95 control-character"),
    case("65-a-tab-in-a-text", coze(image(caption="Q")).replace("Q", "a\tb"), "1:95 control-character"),
    case("65-deep-nesting", '{"kbsync":' + "[" * 100_000, "1:43 too-deep"),
    case(
        "65-deep-entries",
        coze(image(), more=None).replace('"more":null', '"more":' + "[" * 100 + "]" * 100),
        "1:102 too-deep",
    ),
    # What a decoder would change
    case("65-nan", volc({"a": 0}).replace(":0}", ":NaN}"), "1:84 bad-value"),
    case("65-infinity", volc({"a": 0}).replace(":0}", ":-Infinity}"), "1:84 bad-value"),
    case("65-overflow", volc({"a": 0}).replace(":0}", ":1e400}"), "1:84 bad-value"),
    case("65-digits", '{"kbsync":' + "1" * 5000 + "}", "1:1 missing-key", "1:11 bad-value"),
    case("65-duplicate-key", '{"kbsync":1,\n"kbsync":1}', "1:1 missing-key", "2:1 duplicate-key"),
    case(
        "65-duplicate-key-in-an-entry", coze(image()).replace('"caption"', '"id":"2","caption"'), "1:83 duplicate-key"
    ),
    case(
        "65-duplicate-key-by-an-escape",
        coze(image()).replace('"caption"', '"\\u0069d":"2","caption"'),
        "1:83 duplicate-key",
    ),
    case("65-duplicate-key-in-meta", volc({"a": 1}).replace('"a":1', '"a":1,"a":2'), "1:86 duplicate-key"),
    case("65-duplicate-list", coze(image(), more=0).replace('"more":0', '"images":[]'), "1:75 duplicate-key"),
    case("65-a-lone-surrogate", coze(image(caption="Q")).replace("Q", "\\ud800"), "1:93 control-character"),
    case("65-a-control-character", coze(image(caption="\x07")), "1:93 control-character"),
    case("65-nul-in-a-key", coze(image(**{"cap\0tion": "x"})), "1:97 control-character"),
    # Heads
    case("no-format", '{"target":"coze-cn","dataset":"1"}', "1:1 format-version"),
    case("a-format-as-text", coze(kbsync="1"), "1:11 format-version"),
    case("a-format-as-a-float", coze(kbsync=1.0), "1:11 format-version"),
    case("no-target", '{"kbsync":1,"dataset":"1"}', "1:1 missing-key"),
    case("a-null-target", coze(target=None), "1:22 null-value"),
    case("a-target-as-a-number", coze(target=1), "1:22 wrong-type"),
    case("an-unknown-target", coze(target="coze"), "1:22 unknown-target"),
    case("no-container", '{"kbsync":1,"target":"coze-cn"}', "1:1 missing-key"),
    case("a-dataset-as-a-float", coze(dataset=7.4e17), "1:42 bad-id"),
    case("a-null-dataset", coze(dataset=None), "1:42 null-value"),
    case("the-other-provider", volc(dataset="1"), "1:49 wrong-provider"),
    case("two-names-for-one-container", volc(resource_id="kb-1"), "1:1 bad-value"),
    case("a-bad-project", volc(project=""), "1:59 bad-value"),
    case("an-unknown-key", coze(Images=[]), "1:63 unknown-key"),
    case("a-list-as-an-object", coze(images={}), "1:72 wrong-type"),
    case("a-list-that-is-null", coze(images=None), "1:72 null-value"),
    case("images-at-volcengine", volc(images=[]), "1:49 wrong-provider"),
    case("defaults-as-a-list", coze(defaults=[]), "1:74 wrong-type"),
    case("defaults-of-no-list", coze(defaults={"image": {}}), "1:75 unknown-key"),
    case("defaults-with-an-id", coze(defaults={"images": {"id": "1"}}), "1:85 unknown-key"),
    case("a-default-of-a-wrong-type", coze(image(), defaults={"images": {"protect": 1}}), "1:95 wrong-type"),
    case("a-secret", coze(token="x"), "1:63 secret-in-manifest"),
    # Entries
    case("an-entry-as-a-text", coze("x"), "1:73 wrong-type"),
    case("an-entry-that-is-null", coze(None), "1:73 wrong-type"),
    case("an-entry-without-an-id", coze(image(id=...)), "1:73 missing-key"),
    case("an-entry-that-declares-nothing", coze(image(caption=...)), "1:73 empty-entry"),
    case("an-id-of-zero", coze(image(id="0")), "1:79 bad-id"),
    case("an-id-below-zero", coze(image(id=-1)), "1:79 bad-id"),
    case("an-id-as-a-float", coze(image(id=1.5)), "1:79 bad-id"),
    case("an-id-of-twenty-one-digits", coze(image(id=2)).replace(":2,", ":" + "2" * 21 + ","), "1:79 bad-id"),
    case("an-id-as-a-list", coze(image(id=["1"])), "1:79 bad-id"),
    case("an-id-that-is-null", coze(image(id=None)), "1:79 null-value"),
    case("the-same-id-twice", coze(image(), image(id=1)), "1:98 duplicate-item"),
    case("a-caption-as-a-number", coze(image(caption=7)), "1:93 wrong-type"),
    case("a-caption-that-is-null", coze(image(caption=None)), "1:93 null-value"),
    case("an-empty-caption", coze(image(caption="")), "1:93 empty-value"),
    case("a-key-of-documents-in-an-image", coze(image(name="x")), "1:97 unknown-key"),
    case("protect-as-text", coze(image(protect="true")), "1:107 wrong-type"),
    case("ignore-as-text", coze(image(ignore="caption")), "1:106 wrong-type"),
    case("ignore-of-a-number", coze(image(ignore=[1])), "1:107 wrong-type"),
    case("ignore-of-what-is-not-declared", coze(image(ignore=["name"])), "1:107 bad-value"),
    case(
        "an-interval-of-one",
        coze(documents=[{"id": "1", "update_rule": {"update_type": 1, "update_interval": 1}}]),
        "1:135 update-interval",
    ),
    case(
        "an-interval-of-nothing", coze(documents=[{"id": "1", "update_rule": {"update_type": 1}}]), "1:100 missing-key"
    ),
    case(
        "an-interval-as-text",
        coze(documents=[{"id": "1", "update_rule": {"update_type": 1, "update_interval": "24"}}]),
        "1:135 wrong-type",
    ),
    case(
        "an-interval-as-a-float",
        coze(documents=[{"id": "1", "update_rule": {"update_type": 1, "update_interval": 24.0}}]),
        "1:135 wrong-type",
    ),
    case("a-type-of-two", coze(documents=[{"id": "1", "update_rule": {"update_type": 2}}]), "1:115 bad-value"),
    case(
        "a-type-that-is-true",
        coze(documents=[{"id": "1", "update_rule": {"update_type": True, "update_interval": 24}}]),
        "1:115 wrong-type",
    ),
    case("a-rule-that-is-null", coze(documents=[{"id": "1", "update_rule": None}]), "1:100 null-value"),
    case("meta-as-a-list", volc([]), "1:79 wrong-type"),
    case("meta-that-is-null", volc(documents=[{"id": "d", "meta": None}]), "1:79 null-value"),
    case("meta-of-null", volc({"a": [None]}), "1:84 meta-type"),
    case("meta-of-an-empty-list", volc({"a": []}), "1:84 meta-type"),
    case("meta-of-a-mixed-list", volc({"a": ["x", 1]}), "1:84 meta-type"),
    case("meta-of-a-mapping", volc({"a": {"b": 1}}), "1:85 unknown-key"),
    case("meta-of-no-type", volc({"a": {"type": "text", "value": "x"}}), "1:92 bad-value"),
    case("meta-of-another-type", volc({"a": {"type": "bool", "value": "true"}}), "1:107 wrong-type"),
    case("meta-of-a-huge-integer", volc({"a": 2**63}), "1:84 bad-value"),
    case("meta-of-a-reserved-name", volc({"doc_id": "x"}), "1:80 meta-field-name"),
    case("meta-of-an-empty-name", volc({"": "x"}), "1:80 meta-field-name"),
    case("meta-of-a-long-name", volc({"n" * 129: "x"}), "1:80 meta-field-name"),
    case("meta-of-a-name-that-rings", volc({"a\x07": "x"}), "1:80 control-character"),
    case("meta-of-a-long-text", volc({"a": "x" * 257}), "1:84 meta-value-length"),
    case("meta-of-a-long-list", volc({"a": ["x"] * 33}), "1:84 meta-list-length"),
    case("a-document-id-as-a-number", volc(documents=[{"id": 123, "name": "x"}]), "1:68 bad-id"),
    case("a-document-id-with-a-slash", volc(documents=[{"id": "a/b", "name": "x"}]), "1:68 bad-id"),
    case("a-name-that-is-too-long", volc(documents=[{"id": "d", "name": "n" * 257}]), "1:79 document-name-length"),
    case("strict-names", volc({"行业": "x"}), "1:80 strict-field-name", settings="strict_field_names = true\n"),
    case("a-pasted-token", coze(image(caption=FAKE_PAT)), "1:94 secret-in-manifest"),
    case("a-pasted-access-key", volc({"a": FAKE_KEY}), "1:85 secret-in-manifest"),
    case(
        "a-placeholder",
        coze(image(caption="TODO")),
        "1:93 placeholder-caption",
        options=("--error", "placeholder-caption"),
    ),
]
