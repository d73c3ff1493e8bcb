"""Bad CSV. Numbers in names are the classes of bad input that kbsync was built against."""

from tests.cli.bad_manifests.case import FAKE_KEY, FAKE_PAT
from tests.cli.bad_manifests.case import csv_case as case

__all__ = ("CELLS", "COLUMNS", "CSV")

COLUMNS = "target,dataset,kind,id,caption,allow_empty"
CELLS = "coze-cn,744632974166804001,image,1"
PAGES = "target,dataset,kind,id,name,update_rule.update_type,update_rule.update_interval"
RECORDS = "target,collection,kind,id,name"


def images(*rows: str, head: str = COLUMNS) -> str:
    """Return a file with these *rows*."""
    return "\n".join([head, *rows]) + "\n"


def caption(text: str) -> str:
    """Return a file with one caption, at 2:36."""
    return images(f"{CELLS},{text},")


def id_(text: str) -> str:
    """Return a file with one id, at 2:34."""
    return images(f"{CELLS[:-1]}{text},x,")


def page(cells: str) -> str:
    """Return a file with one document, whose name begins at 2:39."""
    return images(f"coze-cn,744632974166804001,document,1,{cells}", head=PAGES)


def record(column: str, cell: str, name: str = "x") -> str:
    """Return a file with one Volcengine document, whose last *cell*, of *column*, is behind its name at 2:22."""
    return images(f"volc-bj,c,document,d,{name},{cell}", head=f"{RECORDS},{column}")


CSV = [
    # What is no CSV
    case("1-empty", "", "1:1 missing-key"),
    case("1-a-line-end", "\n", "1:1 missing-key"),
    case("1-nothing-but-delimiters", ",,,\n", "1:1 missing-key"),
    case("1-nothing-but-a-separator", "sep=;\r\n", "1:1 missing-key"),
    case("64-open-quote", f'{COLUMNS}\n{CELLS},"x,\n', "2:1 syntax"),
    case("64-open-quote-before-others", images(f'{CELLS},"x,', f"{CELLS[:-1]}2,y,"), "2:1 syntax"),
    case("64-bare-quote", f'{COLUMNS}\n{CELLS},"x"y,\n', "2:1 syntax"),
    case("64-quote-inside", caption('5" disk,"'), "2:1 syntax"),
    case("64-cr-only", f"{COLUMNS}\r{CELLS},x,\r", "1:1 syntax"),
    case("64-cr-inside", caption("a\rb"), "2:1 syntax"),
    case("64-cr-inside-quotes", caption('"a\rb"'), "2:36 control-character"),
    case("64-nul", caption("a\0b"), "2:36 control-character"),
    case("64-escape", caption("a\x1b[2Jb"), "2:36 control-character"),
    case("64-c1", caption("a\x9bb"), "2:36 control-character"),
    case("64-delete-in-an-id", id_("1\x7f"), "2:34 control-character"),
    case("64-a-separator-that-is-none", "sep=:\n" + images(f"{CELLS},x,"), "1:1 syntax"),
    case(
        "64-two-delimiters",
        COLUMNS + "\n" + f"{CELLS},x,".replace(",", ";") + "\n",
        "2:1 unknown-target",
        "2:1 missing-key",
    ),
    case(
        "64-html",
        "<html><body>Sign in</body></html>\n",
        "1:1 unknown-key",
        "1:1 missing-key",
        "1:1 missing-key",
        "1:1 missing-key",
    ),
    case(
        "64-json", '{"target":"coze-cn"}\n', "1:1 unknown-key", "1:1 missing-key", "1:1 missing-key", "1:1 missing-key"
    ),
    # Encodings
    case("64-utf-16", f"{COLUMNS}\n".encode("utf-16"), "1:1 not-utf8"),
    case("64-utf-16-without-a-mark", f"{COLUMNS}\n".encode("utf-16-be"), "1:1 not-utf8"),
    case("64-latin-1", f"{COLUMNS}\n{CELLS},caf\xe9,\n".encode("latin-1"), "2:39 not-utf8"),
    case("64-latin-1-in-the-header", f"{COLUMNS},meta.\xe9\n".encode("latin-1"), "1:49 not-utf8"),
    case("64-gb18030", caption("鸟类名录").encode("gb18030"), "2:36 gb18030"),
    case("64-gb18030-of-two-words", caption("小猫").encode("gb18030"), "2:36 gb18030"),
    case("64-gb18030-with-semicolons", caption("鸟类名录").replace(",", ";").encode("gb18030"), "2:36 gb18030"),
    case("64-big5", caption("鳥類名錄").encode("big5"), "2:36 not-utf8"),
    case("64-half-a-character", caption("鸟").encode()[:-4], "2:36 not-utf8"),
    # Columns
    case("64-column-twice", f"{COLUMNS},caption\n", "1:44 duplicate-key"),
    case("64-unknown-column", f"{COLUMNS},captoin\n", "1:44 unknown-key"),
    case("64-unknown-column-with-semicolons", f"{COLUMNS},captoin\n".replace(",", ";"), "1:44 unknown-key"),
    case("64-missing-column", "target,dataset,id,caption\n", "1:1 missing-key"),
    case("64-missing-columns", "sep=,\nid,caption\n", "2:1 missing-key", "2:1 missing-key"),
    case("64-no-container", images("coze-cn,image,1,x", head="target,kind,id,caption"), "2:1 missing-key"),
    case("64-a-column-in-capitals", f"{COLUMNS},Name\n", "1:44 unknown-key"),
    case("64-a-column-with-a-space", f"{COLUMNS}, name\n", "1:44 unknown-key"),
    case("64-a-column-that-is-too-wide", f"{COLUMNS},update_rule\n", "1:44 unknown-key"),
    case("64-a-list-that-is-none", images(f"{CELLS},x,,caption", head=f"{COLUMNS},ignore"), "2:39 wrong-type"),
    case("64-a-column-of-no-type", f"{RECORDS},meta.score:float\n", "1:32 bad-value"),
    case("64-a-column-of-an-unknown-part", f"{PAGES},update_rule.interval\n", "1:81 unknown-key"),
    case("64-a-column-of-a-secret", f"{COLUMNS},token\n", "1:44 secret-in-manifest"),
    case("64-a-column-in-chinese", f"{COLUMNS},标题\n", "1:44 unknown-key"),
    case("64-a-meta-column-that-is-reserved", record("meta.doc_id", "x"), "2:24 meta-field-name"),
    case("64-a-meta-column-without-a-name", record("meta.", "x"), "2:24 meta-field-name"),
    case("64-a-meta-column-that-is-too-long", record(f"meta.{'n' * 129}", "x"), "2:24 meta-field-name"),
    case("64-meta-columns-of-one-name", f"{RECORDS},meta.a,meta.a:int64\n", "1:39 duplicate-key"),
    # Rows
    case("64-ragged-short", f"{COLUMNS}\n{CELLS}\n", "2:1 empty-entry"),
    case("64-ragged-end", f"{COLUMNS}\n{CELLS}", "2:1 syntax"),
    case("64-ragged-end-inside-a-caption", images(f"{CELLS},one,")[:-3], "2:1 syntax"),
    case("64-ragged-long", f"{COLUMNS}\n{CELLS},x,,,y\n", "2:40 syntax"),
    case("64-a-comma-that-is-not-quoted", caption("one, two"), "2:40 wrong-type"),
    case("64-a-cell-beneath-no-name", f"{COLUMNS},\n{CELLS},x,,y\n", "2:39 syntax"),
    case("64-header-twice", f"{COLUMNS}\n{COLUMNS}\n", "2:1 unknown-target", "2:32 wrong-type"),
    case("64-item-twice", images(f"{CELLS},x,", f"{CELLS},x,"), "3:1 duplicate-item"),
    case("64-no-target", images(f"{CELLS[7:]},x,"), "2:1 missing-key"),
    case("64-no-kind", images(CELLS.replace("image", "") + ",x,"), "2:1 missing-key"),
    case("64-no-id", id_(""), "2:34 missing-key"),
    case("64-no-dataset", images(CELLS.replace("744632974166804001", "") + ",x,"), "2:1 missing-key"),
    case("64-unknown-target", images(f"{CELLS},x,".replace("coze-cn", "coze")), "2:1 unknown-target"),
    case("64-unknown-kind", images(f"{CELLS},x,".replace("image", "photo")), "2:28 bad-value"),
    case("64-a-kind-of-the-other-provider", images("volc-bj,c,image,d,x", head=RECORDS), "2:11 wrong-provider"),
    case(
        "64-a-container-of-the-other-provider",
        images("coze-cn,c,document,1,x", head=RECORDS),
        "2:1 missing-key",
        "2:9 wrong-provider",
    ),
    case("64-a-field-of-another-kind", images(f"{CELLS},x,24,1", head=PAGES), "2:36 unknown-key", "2:38 unknown-key"),
    case("64-nothing-declared", caption(""), "2:1 empty-entry"),
    case("64-empty-without-a-word", images(f'{CELLS},"",FALSE'), "2:1 empty-entry"),
    # Cells
    case("64-id-as-a-spreadsheet-writes-it", id_("7.44667E+17"), "2:34 bad-id"),
    case("64-id-as-a-german-one-writes-it", id_('"7,44667E+17"'), "2:34 bad-id"),
    case(
        "64-ids-that-were-rounded",
        images(*(f"{CELLS}44667080521{n}0000,x," for n in range(101, 105))),
        "2:34 rounded-id",
    ),
    case(
        "64-dataset-as-a-spreadsheet-writes-it",
        images(CELLS.replace("744632974166804001", "7.44633E+17") + ",x,"),
        "2:9 bad-id",
    ),
    case("64-id-in-a-formula", id_('"=""744667080521909001"""'), "2:34 bad-id"),
    case("64-id-behind-an-apostrophe", id_("'744667080521909001"), "2:34 bad-id"),
    case("64-id-with-thousands", id_('"744,667"'), "2:34 bad-id"),
    case("64-id-with-a-point", id_("744667080521909001.0"), "2:34 bad-id"),
    case("64-id-with-a-zero", id_("007"), "2:34 bad-id"),
    case("64-id-with-a-space", id_("1 "), "2:34 bad-id"),
    case("64-id-with-a-path", id_("../1"), "2:34 bad-id"),
    case("64-a-formula-that-failed", caption("#NAME?"), "2:36 spreadsheet-error"),
    case("64-a-reference-that-failed", record("meta.行业", "#REF!"), "2:24 spreadsheet-error"),
    case("64-no-truth-value", images(f"{CELLS},x,yes"), "2:38 wrong-type"),
    case("64-a-truth-value-in-german", images(f"{CELLS},x,WAHR"), "2:38 wrong-type"),
    case("64-a-number-for-a-truth-value", images(f"{CELLS},x,1"), "2:38 wrong-type"),
    case("64-interval-of-one", page("x,1,1"), "2:43 update-interval"),
    case("64-interval-as-a-float", page("x,1,24.0"), "2:43 wrong-type"),
    case("64-interval-missing", page("x,1,"), "2:41 missing-key"),
    case("64-type-of-two", page("x,2,24"), "2:41 bad-value"),
    case("64-type-missing", page("x,,24"), "2:41 missing-key"),
    case("64-type-as-text", page("x,daily,24"), "2:41 wrong-type"),
    case("64-meta-not-of-its-type", record("meta.score:float32", "high"), "2:24 wrong-type"),
    case("64-meta-with-a-decimal-comma", record("meta.score:float32", '"0,5"'), "2:24 wrong-type"),
    case("64-meta-out-of-float32", record("meta.score:float32", "1e39"), "2:24 bad-value"),
    case("64-meta-of-no-integer", record("meta.n:int64", "1.5"), "2:24 wrong-type"),
    case("64-meta-of-a-huge-integer", record("meta.n:int64", "9223372036854775808"), "2:24 bad-value"),
    case("64-meta-of-no-truth", record("meta.b:bool", "ja"), "2:24 wrong-type"),
    case("64-meta-of-no-list", record("meta.l:list<string>", "a;b"), "2:24 wrong-type"),
    case("64-meta-of-a-list-of-others", record("meta.l:list<string>", '"[1]"'), "2:24 wrong-type"),
    case(
        "64-meta-of-a-long-list",
        record("meta.l:list<string>", '"[' + '""x"",' * 32 + '""x""]"'),
        "2:24 meta-list-length",
    ),
    case("64-meta-of-no-date", record("meta.d:date_time", "2024/1/1"), "2:24 bad-value"),
    case("64-meta-of-no-place", record("meta.g:geo_point", '"0,91"'), "2:24 bad-value"),
    case("64-meta-of-a-long-text", record("meta.a", "x" * 257), "2:24 meta-value-length"),
    case("64-a-name-that-is-too-long", record("meta.a", "x", "n" * 257), "2:22 document-name-length"),
    case("64-strict-names", record("meta.行业", "x"), "2:24 strict-field-name", settings="strict_field_names = true\n"),
    case("64-token", caption(f"see {FAKE_PAT}"), "2:40 secret-in-manifest"),
    case("64-access-key-in-a-header", f"{COLUMNS},{FAKE_KEY}\n", "1:44 secret-in-manifest", "1:44 unknown-key"),
    case("64-spaces-around", caption("x "), "2:36 surrounding-space", options=("--error", "surrounding-space")),
    case(
        "64-a-field-name-in-chinese",
        record("meta.行业", "x"),
        "2:24 non-ascii-field-name",
        options=("--error", "non-ascii-field-name"),
    ),
    case(
        "64-a-rule-for-a-file",
        page("a.docx,1,24"),
        "2:46 update-rule-of-file",
        options=("--error", "update-rule-of-file"),
    ),
]
