"""Plans and reports to look at: fixed ones for the golden texts, random ones, and hostile ones."""

import re
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from markdown_it import MarkdownIt

from kbsync.core.exits import Exit
from kbsync.core.fields import MetaValue, UpdateRule
from kbsync.core.findings import FINDINGS, Finding
from kbsync.core.items import Item, Source
from kbsync.core.plan import (
    UNSET,
    Base,
    Change,
    FieldChange,
    Forecast,
    GuardResult,
    Plan,
    ReadPlace,
    Recognised,
    Skipped,
    Summary,
    Unmanaged,
)
from kbsync.core.plan_document import seal
from kbsync.core.report import OUTCOMES, Flap, Report, ReportRow, RunFacts
from kbsync.core.state import Settlement
from kbsync.core.verification import Verification
from kbsync.core.wire import Answer

HOSTILE = (
    "\x1b]0;owned\x07\x1b[2J\x9b31m\x7f\x00\r\n::set-output name=x::y\t\u202e\u2066\u200b\u2028\u2029\ufeff"
    "[link](javascript:x) ![p](https://evil.example/p.png) <img src=x> <!-- gone --> @everyone #1 `code` ``` | $x$ "
    "[red]markup[/red] *bold* _it_ www.evil.example =cmd|' /C calc'!A0 \ud800"
)
FORBIDDEN = {
    chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
} | {*"\u200b\u200c\u200d\u200e\u200f\u2028\u2029\ufeff\u061c\u2060"}


# Below the page that it stands on, whatever the file is called.
_LINE_LINK = re.compile(r"[A-Za-z0-9._~%-][A-Za-z0-9._~%/-]*(\?plain=1)?#L[0-9]+")


def harmless(text: str, *, ends: str = "\n") -> bool:
    """Tell whether *text* holds nothing that a terminal obeys, that hides, or that ends a line, but line *ends*."""
    return not FORBIDDEN & set(text.replace(ends, ""))


def inert_markdown(markdown: str, marker: str) -> bool:
    """Tell whether *markdown* holds no HTML but its *marker*, no image, no link but to lines, and mentions nobody."""
    blocks = MarkdownIt("gfm-like", {"linkify": False, "html": True}).parse(markdown)
    html = [block.content.strip() for block in blocks if block.type == "html_block"]
    inline = [token for block in blocks for token in block.children or ()]
    kinds = {token.type for token in inline} | {block.type for block in blocks}
    links = [str(token.attrs["href"]) for token in inline if token.type == "link_open"]
    told = "".join(token.content for token in inline if token.type != "code_inline")
    return (
        html == [marker]
        and not kinds & {"html_inline", "image", "em_open", "fence", "table_open"}
        and all(map(_LINE_LINK.fullmatch, links))
        and not ({"@", "#"} & set(told))
    )


def a_plan(changes: tuple[Change, ...], **others: Any) -> Plan:
    plan = Plan(
        plan_id="",
        changes=tuple(sorted(changes, key=lambda change: (change.item, change.operation))),
        skipped=(),
        released=(),
        unmanaged=(),
        guards=(),
        summary=Summary(len(changes) + 1, 1, len(changes), 0, 0, 0),
        forecast=Forecast(len(changes), len(changes) / 5),
        base=Base("5d0c7a34f5d64b0e", 41, "0.1.0", {"coze-cn": "https://api.coze.cn"}),
        whole=True,
    )
    plan = replace(plan, **others)
    counts = {
        "released": len(plan.released),
        "skipped": len(plan.skipped),
        "changes": len(plan.changes),
        "conflicts": len(plan.conflicts),
    }
    return seal(replace(plan, summary=replace(plan.summary, **counts)))


def caption(number: int, known: str | None = "猫", desired: str = "小猫") -> Change:
    return Change(
        Item("coze-cn", "744632974166804001", "image", f"{744667080521909001 + number}"),
        "coze.image.caption",
        "new" if known is None else "changed",
        (FieldChange("caption", known, desired),),
        Source("manifests/pets.yaml", 9 + 2 * number, 5),
    )


RENAMED = Change(
    Item("coze-cn", "744632974166804001", "document", "738694205603010001"),
    "coze.document.update",
    "in_doubt",
    (
        FieldChange("name", "cozeoverview", "coze overview"),
        FieldChange("update_rule", UpdateRule(1, 24), UpdateRule(1, 24)),
    ),
    Source("manifests/pets.yaml", 14, 5),
)
TAGGED = Change(
    Item("volc-bj", "default/reports", "document", "test123"),
    "volcengine.document.meta",
    "changed",
    (
        FieldChange("meta.score", MetaValue("float32", 0.25), MetaValue("float32", 0.5)),
        FieldChange("meta.是否公开", None, MetaValue("bool", value=True)),
        FieldChange("meta.标签", MetaValue("list<string>", ()), MetaValue("list<string>", ("a", "b"))),
        FieldChange("meta.行业", MetaValue("string", "金融"), MetaValue("string", "企业服务")),
    ),
    Source("manifests/reports.yaml", 7, 5),
)
PROTECTED = caption(7, "狗", "小狗")
EXAMPLE = a_plan(
    (caption(0), caption(1, None, "一只狗"), RENAMED, TAGGED),
    skipped=(Skipped(PROTECTED, "protected"),),
    released=(Item("coze-cn", "744632974166804001", "image", "744667080521909999"),),
    unmanaged=(Unmanaged(Item("volc-bj", "default/reports", "document", "test124"), ("meta.alt", "name")),),
    guards=(
        GuardResult("change-percent", "4 of 12 known items of all containers change (33.3 %, limit 30 %)"),
        GuardResult("shrink", "the manifest holds 12 items; at the last apply it held 30", lifted=True),
    ),
    summary=Summary(12, 7, 4, 1, 0, 1),
    forecast=Forecast(8412, 2640.0),
    base=Base("5d0c7a34f5d64b0e", 41, "0.1.0", {"coze-cn": "https://api.coze.cn"}),
)


REFRESHED = a_plan(
    (
        replace(caption(0), reason="drifted", fields=(FieldChange("caption", "小猫", "小猫", "小狗"),)),
        replace(caption(1), reason="conflict", fields=(FieldChange("caption", "猫", "小猫", "老猫"),)),
        replace(caption(2, None), fields=(FieldChange("caption", None, "小猫", "cat.jpg"),)),
        replace(TAGGED, fields=(FieldChange("meta.是否公开", None, MetaValue("bool", value=True), UNSET),)),
    ),
    conflicts=(
        Skipped(replace(caption(3), reason="conflict", fields=(FieldChange("caption", "a", "x", "b"),)), "conflict"),
        Skipped(replace(caption(4), reason="drifted", fields=(FieldChange("caption", "a", "a", "b"),)), "drifted"),
    ),
    skipped=tuple(
        Skipped(caption(5 + place), why)
        for place, why in enumerate(("absent", "drift_kept", "item_in_conflict", "pending", "theirs"))
    ),
    recognised=(
        Recognised(caption(20).item, (FieldChange("caption", None, "小猫"),)),
        Recognised(caption(21).item, (FieldChange("caption", "猫", "小猫"),), ("coze.image.caption",)),
    ),
    base=Base(
        "5d0c7a34f5d64b0e",
        41,
        "0.1.0",
        {"coze-cn": "https://api.coze.cn"},
        (
            ReadPlace("coze-cn", "744632974166804001", "image", 22, 1767323051.5),
            ReadPlace("volc-bj", "default/reports", "document", 3, 1767323052.0),
        ),
    ),
)


def department(number: int, known: str = "HR", desired: str = "People") -> Change:
    return Change(
        Item("volc-bj", "default/reports", "document", f"doc_{number:07}"),
        "volcengine.document.meta",
        "changed",
        (
            FieldChange("meta.department", MetaValue("string", known), MetaValue("string", desired)),
            FieldChange("meta.year", MetaValue("int64", 2026), MetaValue("int64", 2026)),
        ),
        Source(f"manifests/reports-{number // 5000:02}.jsonl", number % 5000 + 1, 1),
    )


def one_of_five(number: int) -> Change:
    """Return a change of one of five kinds, or, rarely, one that is unlike all others."""
    match number % 20:
        case _ if number == 777:
            return department(number, desired="Poeple")
        case _ if number == 50_001:
            return department(number, desired="")
        case _ if number == 70_008:
            return caption(number, "A long description, written with much care by a person", "TBD")
        case 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7:
            return department(number)
        case 8 | 9 | 10:
            return caption(
                number,
                f"图片{number}：一只小猫坐在草地上，旁边有一只小狗",
                f"图片{number}：一只小猫坐在沙发上，旁边有一只小狗",
            )
        case 11 | 12:
            return caption(number, None, f"A cat, number {number}, on a mat")
        case 13 | 14 | 15:
            return department(number, "Sales", "Customers")
        case _:
            return replace(
                RENAMED, reason="changed", item=RENAMED.item._replace(id=f"{738694205603010001 + number}"),
                fields=(FieldChange("update_rule", UpdateRule(1, 24), UpdateRule(1, 48)),),
            )  # fmt: skip


LARGE = a_plan(
    (*map(one_of_five, (*range(60), 777, 50_001, 70_008)), RENAMED),
    released=tuple(Item("coze-cn", "744632974166804001", "image", f"{744667080521909000 + n}") for n in range(5)),
)
_ENGLISH = (
    "This picture shows a small cat that sits on a green lawn in front of an old stone house; behind it there is a "
    "fence, and a dog looks over it. The sky is blue with a few clouds."
)
_CHINESE = (
    "这张图片展示了一只小猫坐在绿色的草坪上，背后是一座古老的石头房子；房子后面有一道篱笆，一只小狗从上面看过来。"
)
TEXTS = a_plan(
    tuple(
        caption(number, known, desired)
        for number, (known, desired) in enumerate(
            (
                (_ENGLISH, _ENGLISH.replace("small", "large").replace("old ", "").replace("a few", "many")),
                (_ENGLISH, f"{_ENGLISH} Somebody took it in spring."),
                (_ENGLISH, _CHINESE),
                (_CHINESE, _CHINESE.replace("小猫", "大猫").replace("绿", "黄")),
                (_CHINESE, "一只猫"),
                ("p\u0430ypal invoice", "paypal invoice"),
                ("u\u0308ber", "\u00fcber"),
                ("report\u200b.pdf", "report.pdf"),
                ("a list of [-marks-] and of more words", "a list of [-marks-] and of many more words"),
                ("line one\nline two, which has a tail", "line one\nline 2, which has a tail"),
            )
        )
    )
)
EMPTY = a_plan((), summary=Summary(3, 3, 0, 0, 0, 0))


def a_report(rows: list[ReportRow], **facts: Any) -> Report:
    plain = RunFacts(
        run_id="20260102-030405-7f3a",
        plan_id=EXAMPLE.plan_id,
        kbsync="0.1.0",
        started_at_s=1767323045.25,
        finished_at_s=1767323051.5,
        in_sync=7,
        reads=2,
        released=(),
        stopped={},
        guards=(),
        allow_reason="",
        exits=(),
        planned=len(rows),
    )
    return Report(replace(plain, **facts), rows)


OK = Answer(200, 0, "", "20260102030405A1")
REPORT = a_report(
    [
        ReportRow(RENAMED, Settlement(0, "unknown", "no_answer", 5, Answer(), 180000.0)),
        ReportRow(caption(0), Settlement(1, "updated", "accepted", 1, OK, 41.0)),
        ReportRow(
            caption(1),
            Settlement(
                2, "failed", "not_found", 3, Answer(200, 4200, "=the image @does not exist", "20260102A2"), 97.25
            ),
        ),
        ReportRow(TAGGED, Settlement(3, "not_attempted", "unauthorised", 0, Answer(), 0.0)),
        ReportRow(PROTECTED, Settlement(4, "skipped", "protected", 0, Answer(), 0.0)),
    ],
    released=EXAMPLE.released,
    stopped={"volc-bj": "unauthorised"},
    guards=EXAMPLE.guards[1:],
    allow_reason="the archive moved",
    exits=(Exit.CREDENTIALS,),
)
READ_BACK = a_report(
    [
        ReportRow(caption(0), Settlement(0, "updated", "accepted", 1, OK, 41.0)),
        ReportRow(caption(1, None, "一只狗 "), Settlement(1, "updated", "accepted", 1, OK, 41.0)),
        ReportRow(TAGGED, Settlement(2, "updated", "accepted", 1, OK, 41.0)),
        ReportRow(RENAMED, Settlement(3, "updated", "accepted", 1, OK, 41.0)),
        ReportRow(caption(5), Settlement(4, "updated", "accepted", 1, OK, 41.0)),
    ],
    exits=(Exit.PARTIAL, Exit.UNFINISHED),
    verification=Verification(
        "sample",
        "20260102-030405-7f3a",
        60.0,
        12_000,
        {
            0: Finding("verified", "as_sent", {}, 1767323050.0),
            1: Finding("differs", "not_as_sent", {"caption": "一只狗"}, 1767323050.0),
            2: Finding(
                "differs",
                "not_as_sent",
                {"meta.是否公开": None, "meta.score": MetaValue("float32", 0.25)},
                1767323050.0,
            ),
            3: Finding("pending", "processing", {"name": "cozeoverview"}, 1767323050.0),
            4: Finding("absent", "not_found", {}, 1767323050.0),
        },
        ((caption(6), Finding("unread", "missing", {}, 1767323050.0)),),
    ),
    flapping={0: Flap(4, 1767063845.0)},
)
WELL = a_report([ReportRow(caption(0), Settlement(0, "updated", "accepted", 1, OK, 41.0))])


# -------------------------------------------------------------------------------------------------------- random

text = st.text(max_size=12)
nasty = st.text(st.one_of(st.characters(), st.sampled_from(HOSTILE)), max_size=40)
word = st.text("ab/ 中\n|`", min_size=1, max_size=4)
items = st.builds(Item, st.sampled_from(("a", "b|")), word, st.sampled_from(("image", "document")), word)
sources = st.builds(Source, text, st.integers(0, 10**6), st.integers(0, 200))
_int64 = st.integers(-(2**63), 2**63 - 1)
metas = st.one_of(
    st.builds(MetaValue, st.sampled_from(("string", "date_time", "geo_point")), text),
    st.builds(MetaValue, st.just("bool"), st.booleans()),
    st.builds(MetaValue, st.just("int64"), _int64),
    st.builds(MetaValue, st.just("float32"), st.floats(width=32, allow_nan=False, allow_infinity=False)),
    st.builds(MetaValue, st.just("list<string>"), st.lists(text, max_size=3).map(tuple)),
    st.builds(MetaValue, st.just("list<int64>"), st.lists(_int64, max_size=3).map(tuple)),
)
rules = st.builds(UpdateRule, st.integers(0, 3), st.none() | st.integers(24, 1000))


@st.composite
def field_changes(draw: st.DrawFn) -> tuple[FieldChange, ...]:
    names = draw(
        st.lists(st.sampled_from(("caption", "name", "update_rule", "meta.x", "meta.行|业")), unique=True, min_size=1)
    )
    changes = []
    for name in sorted(names):
        values: Any = {"caption": text, "name": text, "update_rule": rules}.get(name, metas)
        live = draw(st.none() | st.just(UNSET) | values)
        changes.append(FieldChange(name, draw(st.none() | values), draw(values), live))
    return tuple(changes)


changes = st.builds(
    Change,
    items,
    st.sampled_from(("one.write", "two.write")),
    st.sampled_from(("new", "changed", "in_doubt", "drifted", "conflict")),
    field_changes(),
    sources,
)
conflicts = st.builds(Skipped, changes, st.sampled_from(("conflict", "drifted")))
recognised = st.builds(Recognised, items, field_changes(), st.lists(text, max_size=2).map(tuple))
_counts = st.integers(0, 10**6)
read_places = st.builds(ReadPlace, text, text, text, _counts, st.floats(0, 4e9), st.none() | _counts)
guards = st.builds(GuardResult, text, text, st.booleans())


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    drawn = draw(st.lists(changes, max_size=5, unique_by=lambda change: (change.item, change.operation)))
    return a_plan(
        tuple(drawn),
        skipped=tuple(draw(st.lists(st.builds(Skipped, changes, text), max_size=2))),
        released=tuple(draw(st.lists(items, max_size=2))),
        unmanaged=tuple(draw(st.lists(st.builds(Unmanaged, items, st.lists(text, max_size=2).map(tuple)), max_size=2))),
        guards=tuple(draw(st.lists(guards, max_size=2))),
        forecast=draw(st.builds(Forecast, st.integers(0, 10**9), st.floats(0, 1e9))),
        base=draw(
            st.builds(
                Base,
                text,
                st.integers(0, 10**6),
                text,
                st.dictionaries(text, text, max_size=2),
                st.lists(read_places, max_size=2).map(tuple),
            )
        ),
        whole=draw(st.booleans()),
        conflicts=tuple(draw(st.lists(conflicts, max_size=2))),
        recognised=tuple(draw(st.lists(recognised, max_size=2))),
    )


answers = st.builds(Answer, st.none() | st.integers(100, 599), st.none() | st.integers() | nasty, nasty, nasty)


@st.composite
def findings_of(draw: st.DrawFn, change: Change) -> Finding:
    live: dict[str, Any] = {}
    for one in change.fields:
        values: Any = {"caption": text, "name": text, "update_rule": rules}.get(one.field, metas)
        if draw(st.booleans()):
            live[one.field] = draw(st.none() | values)
    return Finding(draw(st.sampled_from(FINDINGS)), draw(nasty), live, 1767323050.0)


@st.composite
def verifications(draw: st.DrawFn, rows: list[ReportRow]) -> Verification:
    found = {seq: draw(findings_of(row.change)) for seq, row in enumerate(rows) if draw(st.booleans())}
    earlier = [(change, draw(findings_of(change))) for change in draw(st.lists(changes, max_size=2))]
    mode, updated = draw(st.sampled_from(("sample", "all"))), len(found) + draw(st.integers(0, 9))
    return Verification(mode, draw(text), 60.0, updated, found, earlier)  # type: ignore[arg-type]


flaps = st.builds(Flap, st.integers(3, 10), st.floats(0, 2e9))


@st.composite
def reports(draw: st.DrawFn) -> Report:
    drawn = draw(
        st.lists(st.tuples(changes, st.sampled_from(OUTCOMES), nasty, st.integers(0, 30), answers), max_size=8)
    )
    rows = [
        ReportRow(change, Settlement(seq, outcome, reason, attempts, answer, 1.5))
        for seq, (change, outcome, reason, attempts, answer) in enumerate(drawn)
    ]
    return a_report(
        rows,
        stopped=draw(st.dictionaries(text, text, max_size=2)),
        guards=tuple(draw(st.lists(guards, max_size=2))),
        allow_reason=draw(text),
        finished_at_s=draw(st.none() | st.just(1767323051.5)),
        exits=draw(st.lists(st.sampled_from(Exit), max_size=1).map(tuple)),
        verification=draw(st.none() | verifications(rows)),
        flapping={seq: draw(flaps) for seq in range(len(rows)) if draw(st.booleans())},
    )


def hostile_change(number: int) -> Change:
    return Change(
        Item(HOSTILE, HOSTILE, HOSTILE, f"{HOSTILE}{number:05}"),
        HOSTILE,
        "changed",
        (
            FieldChange("caption", HOSTILE, HOSTILE + "x", HOSTILE + "y"),
            FieldChange(f"meta.{HOSTILE}", None, MetaValue("string", HOSTILE)),
        ),
        Source(HOSTILE, 1, 1),
    )


def hostile_plan(size: int = 1) -> Plan:
    """Return a plan, not sealed, in which every text is hostile."""
    changes_ = tuple(map(hostile_change, range(size)))
    return Plan(
        plan_id=HOSTILE,
        changes=changes_,
        skipped=(Skipped(changes_[0], HOSTILE),),
        released=(changes_[0].item,),
        unmanaged=(Unmanaged(changes_[0].item, (HOSTILE,)),),
        guards=(GuardResult(HOSTILE, HOSTILE), GuardResult(HOSTILE, HOSTILE, lifted=True)),
        summary=Summary(size, 0, size, 1, 1, 1),
        forecast=Forecast(size, size / 5),
        base=Base(HOSTILE, 1, HOSTILE, {HOSTILE: HOSTILE}, (ReadPlace(HOSTILE, HOSTILE, HOSTILE, 1, 1e9),)),
        whole=False,
        conflicts=(Skipped(changes_[0], HOSTILE),),
        recognised=(Recognised(changes_[0].item, changes_[0].fields, (HOSTILE,)),),
    )


def hostile_report(size: int = 1) -> Report:
    """Return a report in which every text is hostile."""
    answer = Answer(200, HOSTILE, HOSTILE, HOSTILE)
    plan = hostile_plan(size)
    rows = [
        ReportRow(change, Settlement(seq, OUTCOMES[seq % len(OUTCOMES)], HOSTILE, 2, answer, 1.0))
        for seq, change in enumerate(plan.changes)
    ]
    found = Finding("differs", HOSTILE, {"caption": HOSTILE, f"meta.{HOSTILE}": None}, 1767323050.0)
    unread = Finding("unread", HOSTILE, {}, 1767323050.0)
    return a_report(
        rows,
        run_id=HOSTILE,
        plan_id=HOSTILE,
        stopped={HOSTILE: HOSTILE},
        guards=plan.guards,
        allow_reason=HOSTILE,
        verification=Verification(
            "all", HOSTILE, 60.0, 2 * size, dict.fromkeys(range(size), found), [(plan.changes[0], unread)]
        ),
        flapping={0: Flap(3, 1767323050.0)},
    )
