"""Manifests that are wrong: told by place and rule, all at once, and nothing is sent."""

import os
from typing import Any

import orjson
import pytest

from tests.cli.desk import Desk
from tests.cli.refusals import problems, refused

HEAD = 'kbsync: 1\ntarget: coze-cn\ndataset: "744632974166804001"\n'
VOLC = "kbsync: 1\ntarget: volc-bj\ncollection: test_collection_name\n"
ROW = '{"target":"coze-cn","dataset":"744632974166804001","kind":"image","id":"1","caption":"x"}'
COLUMNS = "target,dataset,kind,id,caption,allow_empty"
CELLS = "coze-cn,744632974166804001,image,1"
FAKE_PAT = "pat_" + "S3cretS3cret" * 4
FAKE_KEY = "AKLT" + "S3cretS3cret" * 4


def with_id(text: str) -> str:
    """Return a manifest whose only id, at 5:9, is written as *text*."""
    return f"{HEAD}images:\n  - id: {text}\n    caption: x\n"


def with_caption(text: str, more: str = "") -> str:
    """Return a manifest whose only caption, at 6:14, is written as *text*."""
    return f'{HEAD}images:\n  - id: "1"\n    caption: {text}\n{more}'


def with_rule(text: str) -> str:
    """Return a manifest whose only update rule, at 6:18, is written as *text*."""
    return f'{HEAD}documents:\n  - id: "1"\n    update_rule: {text}\n'


def with_meta(text: str) -> str:
    """Return a manifest whose only meta, at 6:11, is written as *text*."""
    return f"{VOLC}documents:\n  - id: doc_1\n    meta: {text}\n"


def row(**changes: Any) -> str:
    """Return a line of JSON Lines with a few things changed."""
    return orjson.dumps({**orjson.loads(ROW), **changes}).decode() + "\n"


def case(name: str, content: str | bytes, *expected: str, ending: str = "yaml") -> Any:
    return pytest.param(f"bad.{ending}", content, expected, id=name)


# Numbers in names are the classes of bad input that kbsync was built against.
YAML = [
    case("1-empty-file", "", "1:1 missing-key"),
    case("2-only-comments", "# nothing\n# here\n", "1:1 missing-key"),
    case("3-null", "null\n", "1:1 missing-key"),
    case("4-a-list-at-the-top", "- kbsync: 1\n", "1:1 wrong-type"),
    case("4-a-text-at-the-top", "kbsync\n", "1:1 wrong-type"),
    case("5-second-document-wrong", with_caption("x") + "---\nkbsync: 1\ntarget: coze-cn\n", "8:1 missing-key"),
    case("7-utf-16", with_caption("x").encode("utf-16"), "1:1 not-utf8"),
    case("8-latin-1", with_caption("caf\xe9").encode("latin-1"), "6:17 not-utf8"),
    case("10-tab-for-indentation", HEAD + "images:\n\t- id: 1\n", "5:1 syntax"),
    case("11-octal-id", with_id("0123"), "5:9 bad-id"),
    case("12-octal-id-1.2", with_id("0o17"), "5:9 bad-id"),
    case("14-exponent-id", with_id("7.43e18"), "5:9 bad-id"),
    case("14-float-id", with_id("7.0"), "5:9 bad-id"),
    case("15-underscored-id", with_id("1_000"), "5:9 bad-id"),
    case("16-negative-id", with_id("-1"), "5:9 bad-id"),
    case("17-empty-id", with_id('""'), "5:9 bad-id"),
    case("17-null-id", with_id("~"), "5:9 null-value"),
    case("18-id-in-spaces", with_id('" 12 "'), "5:9 bad-id"),
    case("19-fullwidth-id", with_id("１２３"), "5:9 bad-id"),
    case("20-id-with-a-path", with_id("../../open_api/knowledge/document/delete"), "5:9 bad-id"),
    case("21-id-with-a-query", with_id('"1?x=1"'), "5:9 bad-id"),
    case("22-id-with-a-fragment", with_id('"1#f"'), "5:9 bad-id"),
    case("23-id-with-an-escape", with_id('"1%2f2"'), "5:9 bad-id"),
    case("24-id-of-dots", with_id('".."'), "5:9 bad-id"),
    case("25-id-with-a-header", with_id('"1\\r\\nX: y"'), "5:9 control-character"),
    case("26-id-with-nul", with_id('"1\\0"'), "5:9 control-character"),
    case("26-id-with-a-line-end", with_id('"1\\n"'), "5:9 bad-id"),
    case("26-id-too-long", with_id("123456789012345678901"), "5:9 bad-id"),
    case("26-id-as-a-list", with_id("[1]"), "5:9 bad-id"),
    case("27-caption-tilde", with_caption("~"), "6:14 null-value"),
    case("27-caption-left-out", with_caption(""), "6:13 null-value"),
    case("28-caption-empty", with_caption('""'), "6:14 empty-value"),
    case("31-lone-surrogate-escaped", with_caption('"\\uD800"'), "6:17 control-character"),
    case("31-lone-surrogate-raw", with_caption("\ud800"), "6:14 not-utf8"),
    case("32-nul-escaped", with_caption('"a\\0b"'), "6:14 control-character"),
    case("32-nul-raw", with_caption("a\0b"), "6:15 control-character"),
    case("37-osc-52", with_caption('"\\x1b]52;c;aGk=\\a"'), "6:14 control-character"),
    case("37-c1", with_caption('"\\x9b2J"'), "6:14 control-character"),
    case("42-duplicate-key", with_caption("x", "    caption: y\n"), "7:5 duplicate-key"),
    case("42-duplicate-head-key", HEAD + "target: volc-bj\n", "4:1 duplicate-key"),
    case("43-duplicate-item", with_caption("x", '  - id: "1"\n    caption: x\n'), "7:5 duplicate-item"),
    case("45-unknown-key", with_caption("x", "    captoin: y\n"), "7:5 unknown-key"),
    case("45-unknown-head-key", "kbsync: 1\ntarget: coze-cn\ndatasat: 1\n", "3:1 unknown-key"),
    case("46-list-for-text", with_caption("[a]"), "6:14 wrong-type"),
    case("46-mapping-for-text", with_caption("{a: b}"), "6:14 wrong-type"),
    case("46-text-for-a-list", HEAD + "images: none\n", "4:9 wrong-type"),
    case("46-null-for-a-list", HEAD + "images:\n", "4:8 null-value"),
    case("46-text-for-an-entry", HEAD + "images:\n  - x\n", "5:5 wrong-type"),
    case("46-bool-for-int", with_rule("{update_type: true}"), "6:32 wrong-type"),
    case("46-text-for-int", with_rule('{update_type: "1", update_interval: 24}'), "6:32 wrong-type"),
    case("46-text-for-bool", with_caption("x", '    protect: "true"\n'), "7:14 wrong-type"),
    case("46-yes-for-bool", with_caption("x", "    protect: yes\n"), "7:14 ambiguous-scalar"),
    case("47-alias-bomb", HEAD + "defaults: &a [x, x]\nimages: [*a, *a]\n", "5:10 yaml-alias"),
    case("48-self-alias", HEAD + "images: &x [*x]\n", "4:9 yaml-alias"),
    case("49-undefined-alias", with_caption("*nobody"), "6:14 yaml-alias"),
    case("50-merge-key", HEAD + 'images:\n  - <<: {caption: x}\n    id: "1"\n', "5:5 yaml-alias"),
    case("51-python-tag", with_caption('!!python/object/apply:os.system ["touch pwned"]'), "6:14 yaml-tag"),
    case("51-tag", with_caption("!!str x"), "6:14 yaml-tag"),
    case("52-deep-nesting", with_caption("[" * 100_000), "6:43 too-deep"),
    case("52-deep-mappings", HEAD + "images: " + "{a: " * 100 + "}" * 100, "4:9 wrong-type", "4:137 too-deep"),
    case("54-a-key-of-a-megabyte", f'{HEAD}? "{"k" * 1_000_000}"\n: x\n', "4:3 unknown-key"),
    case("55-tuple-key", HEAD + "? [1, 2]\n: x\n", "4:3 wrong-type"),
    case("56-other-yaml", "%YAML 2.0\n---\n" + with_caption("x"), "1:1 syntax"),
    case("58-pasted-token", with_caption(FAKE_PAT), "6:14 secret-in-manifest"),
    case("58-pasted-token-in-a-comment", with_caption("x", f"# {FAKE_PAT}\n"), "7:3 secret-in-manifest"),
    case("58-pasted-access-key", with_caption(f'"key {FAKE_KEY}"'), "6:19 secret-in-manifest"),
    case("58-token-key", HEAD + f"token: {FAKE_PAT}\n", "4:1 secret-in-manifest", "4:8 secret-in-manifest"),
    case("59-base-url", HEAD + "base_url: https://api.coze.com\n", "4:1 unknown-key"),
    case("61-meta-reserved-name", with_meta('{doc_id: "x"}'), "6:20 meta-field-name"),
    case("61-meta-empty-name", with_meta('{"": x}'), "6:16 meta-field-name"),
    case("61-meta-long-name", with_meta("{" + "n" * 129 + ": x}"), "6:143 meta-field-name"),
    case("61-meta-name-twice", with_meta("{a: x, a: z}"), "6:18 duplicate-key"),
    case("61-meta-int-too-large", with_meta("{a: 9223372036854775808}"), "6:15 bad-value"),
    case("61-meta-overflow", with_meta("{a: 1e400}"), "6:15 ambiguous-scalar"),
    case("61-meta-float32-overflow", with_meta("{a: 1.0e+300}"), "6:15 bad-value"),
    case("61-meta-nan", with_meta("{a: .nan}"), "6:15 ambiguous-scalar"),
    case("61-meta-no", with_meta("{a: no}"), "6:15 ambiguous-scalar"),
    case("61-meta-date", with_meta("{a: 2024-01-01}"), "6:15 ambiguous-scalar"),
    case("61-meta-sexagesimal", with_meta("{a: 1:30}"), "6:15 ambiguous-scalar"),
    case("61-meta-null", with_meta("{a: ~}"), "6:15 null-value"),
    case("61-meta-empty-list", with_meta("{a: []}"), "6:15 meta-type"),
    case("61-meta-unknown-type", with_meta("{a: {type: double, value: 1}}"), "6:22 bad-value"),
    case("61-meta-text-too-long", with_meta("{a: " + "字" * 86 + "}"), "6:15 meta-value-length"),
    case("62-interval-zero", with_rule("{update_type: 1, update_interval: 0}"), "6:52 update-interval"),
    case("62-interval-23", with_rule("{update_type: 1, update_interval: 23}"), "6:52 update-interval"),
    case("62-interval-negative", with_rule("{update_type: 1, update_interval: -24}"), "6:52 bad-value"),
    case("62-interval-float", with_rule("{update_type: 1, update_interval: 24.5}"), "6:52 wrong-type"),
    case("62-interval-text", with_rule("{update_type: 1, update_interval: 24h}"), "6:52 wrong-type"),
    case("62-interval-huge", with_rule("{update_type: 1, update_interval: 99999999999}"), "6:52 bad-value"),
    case("62-interval-missing", with_rule("{update_type: 1}"), "6:18 missing-key"),
    case("62-type-2", with_rule("{update_type: 2, update_interval: 24}"), "6:32 bad-value"),
    case("an-entry-that-declares-nothing", HEAD + 'images:\n  - id: "1"\n', "5:5 empty-entry"),
    case("an-entry-without-an-id", HEAD + "images:\n  - caption: x\n", "5:5 missing-key"),
    case("an-unknown-target", HEAD.replace("coze-cn", "coze-com"), "2:9 unknown-target"),
    case("a-container-of-the-other-provider", HEAD.replace("coze-cn", "volc-bj"), "3:1 wrong-provider"),
    case("images-at-volcengine", VOLC + 'images:\n  - id: "1"\n    caption: x\n', "4:1 wrong-provider"),
    case("another-format", HEAD.replace("kbsync: 1", "kbsync: 2"), "1:9 format-version"),
    case("a-format-as-text", HEAD.replace("kbsync: 1", 'kbsync: "1"'), "1:9 format-version"),
    case("no-format", HEAD.replace("kbsync: 1\n", ""), "1:1 format-version"),
    case("an-unclosed-quotation", with_caption('"x'), "6:14 syntax"),
    case("a-dataset-with-a-path", HEAD.replace('"744632974166804001"', "../../x"), "3:10 bad-id"),
    case("a-project-with-a-slash", VOLC + "project: a/b\n", "4:10 bad-value"),
    case("two-names-for-one-container", VOLC + "resource_id: kb-1\n", "1:1 bad-value"),
]
JSON = [
    case("1-empty", "", "1:1 missing-key", ending="json"),
    case("4-a-list-at-the-top", "[]", "1:1 wrong-type", ending="json"),
    case("7-utf-16", "{}".encode("utf-16"), "1:1 not-utf8", ending="json"),
    case(
        "65-nan",
        '{"kbsync":1,"target":"volc-bj","collection":"c","documents":[{"id":"d","meta":{"a":NaN}}]}',
        "1:84 bad-value",
        ending="json",
    ),
    case("65-duplicate-key", '{"kbsync":1,\n"kbsync":1}', "2:1 duplicate-key", ending="json"),
    case("65-trailing-garbage", '{"kbsync":1,"target":"coze-cn","dataset":"1"}\nx', "2:1 syntax", ending="json"),
    case("65-trailing-comma", '{"kbsync":1,}', "1:13 syntax", ending="json"),
    case("65-half-a-file", '{"kbsync":1,\n"target":"coze', "2:10 syntax", ending="json"),
    case("65-deep-nesting", '{"kbsync":' + "[" * 100_000, "1:43 too-deep", ending="json"),
    case("65-digits", '{"kbsync":' + "1" * 5000 + "}", "1:11 bad-value", ending="json"),
    case("65-line-nan", row(meta=0).replace("0}", "NaN}"), "1:97 bad-value", ending="jsonl"),
    case("65-line-duplicate-key", ROW.replace("{", '{"id":"2",', 1), "1:76 duplicate-key", ending="jsonl"),
    case("65-line-digits", row(id=0).replace(":0,", ":" + "1" * 5000 + ","), "1:72 bad-value", ending="jsonl"),
    case("65-line-float-id", row(id=7.43e18), "1:72 bad-id", ending="jsonl"),
    case("65-line-deep", row(caption=0).replace(":0}", ":" + "[" * 100_000), "1:117 too-deep", ending="jsonl"),
    case("65-half-a-line", ROW + "\n" + ROW[:40], "2:31 syntax", ending="jsonl"),
    case("65-a-list-a-line", "[1]\n", "1:1 wrong-type", ending="jsonl"),
    case("65-line-surrogate", row(caption="Q").replace("Q", "\\ud800"), "1:86 control-character", ending="jsonl"),
    case("65-line-nul", row(caption="a\0b"), "1:86 control-character", ending="jsonl"),
    case("65-line-null", row(caption=None), "1:86 null-value", ending="jsonl"),
    case("65-line-unknown-key", row(captoin="x"), "1:90 unknown-key", ending="jsonl"),
    case("65-line-unknown-kind", row(kind="video"), "1:59 bad-value", ending="jsonl"),
    case("65-line-without-kind", ROW.replace('"kind":"image",', ""), "1:1 missing-key", ending="jsonl"),
    case("65-line-not-utf8", ROW.encode().replace(b"x", b"\xff"), "1:87 not-utf8", ending="jsonl"),
]
CSV = [
    case("1-empty", "", "1:1 missing-key", ending="csv"),
    case("64-ragged-short", f"{COLUMNS}\n{CELLS}\n", "2:1 syntax", ending="csv"),
    case("64-ragged-long", f"{COLUMNS}\n{CELLS},x,,,\n", "2:1 syntax", ending="csv"),
    case("64-bare-quote", f'{COLUMNS}\n{CELLS},"x"y,\n', "2:1 syntax", ending="csv"),
    case("64-open-quote", f'{COLUMNS}\n{CELLS},"x,\n', "2:1 syntax", ending="csv"),
    case("64-nul", f"{COLUMNS}\n{CELLS},a\0b,\n", "2:36 control-character", ending="csv"),
    case("64-semicolons", COLUMNS.replace(",", ";") + "\n", "1:1 syntax", ending="csv"),
    case("64-header-twice", f"{COLUMNS}\n{COLUMNS}\n", "2:1 unknown-target", ending="csv"),
    case("64-column-twice", f"{COLUMNS},caption\n", "1:44 duplicate-key", ending="csv"),
    case("64-unknown-column", f"{COLUMNS},captoin\n", "1:44 unknown-key", ending="csv"),
    case("64-missing-column", "target,dataset,id,caption\n", "1:1 missing-key", ending="csv"),
    case("64-id-as-a-spreadsheet-writes-it", f"{COLUMNS}\n{CELLS[:-1]}7.44667E+18,x,\n", "2:34 bad-id", ending="csv"),
    case("64-utf-16", f"{COLUMNS}\n".encode("utf-16"), "1:1 not-utf8", ending="csv"),
    case("64-latin-1", f"{COLUMNS}\n{CELLS},caf\xe9,\n".encode("latin-1"), "2:39 not-utf8", ending="csv"),
    case("64-no-truth-value", f"{COLUMNS}\n{CELLS},x,yes\n", "2:38 wrong-type", ending="csv"),
    case("64-cr-only", f"{COLUMNS}\r{CELLS},x,\r", "1:1 syntax", ending="csv"),
    case(
        "64-meta-not-of-its-type",
        "target,collection,kind,id,meta.score:float32\nvolc-bj,c,document,d,high\n",
        "2:22 wrong-type",
        ending="csv",
    ),
]


@pytest.mark.parametrize(("name", "content", "expected"), [*YAML, *JSON, *CSV])
def test_a_bad_manifest_is_refused_by_place_and_rule(
    desk: Desk, name: str, content: str | bytes, expected: tuple[str, ...]
) -> None:
    desk.write(f"manifests/{name}", content)

    told = refused(desk, 65, "apply", "--yes", secrets=(FAKE_PAT, FAKE_KEY))

    found = [f"{place} {rule}" for file, place, rule in problems(told) if file == f"manifests/{name}"]
    assert set(expected) <= set(found), told.err
    assert len(told.err) < 10_000
    assert not (desk.folder / "pwned").exists()


@pytest.mark.parametrize(("name", "content", "expected"), [*YAML[::7], *JSON[::5], *CSV[::5]])
def test_every_command_that_reads_manifests_refuses_alike(
    desk: Desk, name: str, content: str | bytes, expected: tuple[str, ...]
) -> None:
    desk.write(f"manifests/{name}", content)

    validated, planned, applied = (refused(desk, 65, *words) for words in (["validate"], ["plan"], ["apply", "-y"]))

    assert [place for _, place, _ in problems(validated)] == [place for _, place, _ in problems(planned)]
    assert planned.err == applied.err


def test_a_pipe_a_folder_a_device_and_a_loop_are_refused_without_waiting(desk: Desk) -> None:
    folder = desk.folder / "manifests"
    os.mkfifo(folder / "pipe.yaml")
    (folder / "folder.yaml").mkdir()
    (folder / "zero.jsonl").symlink_to("/dev/zero")
    (folder / "one.csv").symlink_to("two.csv")
    (folder / "two.csv").symlink_to("one.csv")

    told = refused(desk, 65, "apply", "--yes")

    found = {(file.removeprefix("manifests/"), place, rule) for file, place, rule in problems(told)}
    names = ("pipe.yaml", "folder.yaml", "zero.jsonl", "one.csv", "two.csv")
    assert found == {(name, "1:1", "unreadable-file") for name in names}


def test_a_link_out_of_the_folder_is_not_followed(desk: Desk) -> None:
    outside = desk.write("../outside.yaml", with_caption("secret"))
    (desk.folder / "manifests" / "inside.yaml").symlink_to(outside)

    told = refused(desk, 65, "apply", "--yes")

    assert problems(told) == [("manifests/inside.yaml", "1:1", "unreadable-file")]


def test_a_file_that_is_too_large_is_refused_unread(desk: Desk) -> None:
    with (desk.folder / "manifests" / "huge.yaml").open("wb") as file:
        file.truncate(64 * 1024 * 1024 + 1)

    told = refused(desk, 65, "apply", "--yes")

    assert problems(told) == [("manifests/huge.yaml", "1:1", "too-large")]


@pytest.mark.parametrize("name", ["huge.jsonl", "huge.csv"])
def test_a_line_that_is_too_large_is_refused(desk: Desk, name: str) -> None:
    head = b"target,dataset,kind,id,caption\ncoze-cn,1,image,1," if name.endswith("csv") else b'{"target":"'
    desk.write(f"manifests/{name}", head + b"x" * (17 << 20))

    told = refused(desk, 65, "apply", "--yes")

    assert [(file, rule) for file, _, rule in problems(told)] == [(f"manifests/{name}", "too-large")]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_others_keep_to_themselves_is_refused(desk: Desk) -> None:
    desk.write("manifests/closed.yaml", with_caption("x")).chmod(0)

    assert problems(refused(desk, 65, "apply", "--yes")) == [("manifests/closed.yaml", "1:1", "unreadable-file")]


@pytest.mark.parametrize(
    "path",
    ["nowhere.yaml", "nowhere/", "manifests/*.csv", "manifests/[", "kbsync.toml", "a\0b.yaml", "-", "\ud800.yaml"],
)
def test_a_path_that_names_no_manifest_is_refused(desk: Desk, path: str) -> None:
    told = refused(desk, 65, "apply", "--yes", "--", path)

    ((_, place, rule),) = problems(told)
    assert (place, rule in {"no-manifest", "unreadable-file"}) == ("1:1", True)


@pytest.mark.fault("F42", seen="exit 65 with both places, nothing sent")
def test_an_item_in_two_files_is_told_with_both_places(desk: Desk) -> None:
    desk.write("manifests/again.csv", f"{COLUMNS}\n{CELLS[:-1]}7446670805219090001,other,\n")

    told = refused(desk, 65, "apply", "--yes")

    assert problems(told) == [("manifests/pets.yaml", "5:5", "duplicate-item")]
    assert "manifests/again.csv:2:1" in told.err


def test_every_mistake_in_every_file_is_told_at_once(desk: Desk) -> None:
    desk.write("manifests/a.yaml", with_caption("~") + "extra: 1\n")
    desk.write("manifests/b.jsonl", row(id="2", captoin="x") + row(id="0"))
    desk.write("manifests/c.csv", "target\n")

    told = refused(desk, 65, "apply", "--yes")

    assert [(file[-6:], place, rule) for file, place, rule in problems(told)] == [
        ("a.yaml", "6:14", "null-value"),
        ("a.yaml", "7:1", "unknown-key"),
        (".jsonl", "1:90", "unknown-key"),
        (".jsonl", "2:72", "bad-id"),
        *[("/c.csv", "1:1", "missing-key")] * 2,
    ]


def test_ten_thousand_mistakes_are_cut_short(desk: Desk) -> None:
    desk.write("manifests/bad.jsonl", "[]\n" * 10_000)

    told = refused(desk, 65, "apply", "--yes")

    assert len(told.err.splitlines()) == 1_001
    assert ("manifests/bad.jsonl", "1:1", "too-many-problems") in problems(told)


def test_a_lifted_rule_finds_nothing(desk: Desk) -> None:
    desk.write("manifests/bad.yaml", with_rule("{update_type: 1, update_interval: 12}"))

    assert desk.run("validate").code == 65
    assert desk.run("validate", "--allow", "update-interval").code == 0


def test_warnings_refuse_nothing_and_stay_off_stdout(desk: Desk) -> None:
    desk.write("manifests/long.yaml", with_caption("x" * 2001))

    told = desk.run("plan", "--format", "json")

    assert told.code == 0
    assert told.json()["summary"]["changes"] == 3
    assert problems(told) == [("manifests/long.yaml", "6:14", "long-caption")]


def test_mistakes_are_told_as_json_on_request(desk: Desk) -> None:
    desk.write("manifests/bad.yaml", with_id("0123"))

    told = desk.run("validate", "--format", "json")

    assert told.code == 65
    assert not told.err
    assert '"bad-id"' in told.out
