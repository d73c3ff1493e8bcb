import json
from dataclasses import replace

from kbsync.core.fields import MetaValue
from kbsync.core.items import Item, Source
from kbsync.core.manifest import Desired
from kbsync.core.plan import Change, FieldChange, Skipped
from kbsync.core.report import AttemptRecord, Fate, ItemStory
from kbsync.core.why import Commit, Origin, Why
from kbsync.core.wire import Answer
from kbsync.views.why_json import why_json
from kbsync.views.why_text import why_text
from tests.views import golden
from tests.views.worlds import HOSTILE, harmless

ITEM = Item("volc-bj", "default/reports", "document", "test123")
RUN, META, NAME = "20260102-030405-7f3a", "volcengine.document.meta", "volcengine.document.name"
ANSWER = Answer(504, None, "gateway", "0217a")
DIFFERENT = (FieldChange("meta.行业", MetaValue("string", "金融"), MetaValue("string", "金融服务")),)
SOURCE = Source("manifests/reports.yaml", 12, 5)
STORY = ItemStory(
    ITEM,
    {"name": "年报.pdf", "meta.行业": MetaValue("string", "金融"), "meta.old": MetaValue("bool", value=True)},
    (META,),
    (
        AttemptRecord(RUN, META, 2, 1767323048.0, "", doubt=True, answer=Answer()),
        AttemptRecord(RUN, META, 1, 1767323047.0, "transient", doubt=False, answer=ANSWER),
    ),
    (
        Fate(RUN, META, 1767323048.0, "changed", DIFFERENT, "unknown", "unfinished", Answer()),
        Fate(
            "20260101-000000-11aa",
            NAME,
            1767236645.0,
            "new",
            (FieldChange("name", None, "年报.pdf"),),
            "updated",
            "",
            ANSWER,
        ),
    ),
)
TOLD = Why(
    item=ITEM,
    desired=Desired(
        ITEM,
        {"name": "年报.pdf", "meta.行业": MetaValue("string", "金融服务")},
        SOURCE,
        ignored=frozenset({"meta.owner"}),
    ),
    origin=Origin((Commit("9fceb02d0ae5", "王 芳", 1767200000.0, "Say what they serve", is_oldest=True),)),
    story=STORY,
    changes=(Change(ITEM, META, "in_doubt", DIFFERENT, SOURCE),),
    unmanaged=("meta.old",),
    held_until_s={META: 1767323108.0},
)
ATTEMPT = AttemptRecord(HOSTILE, HOSTILE, 1, 0.0, HOSTILE, doubt=True, answer=Answer(None, HOSTILE, HOSTILE, HOSTILE))
CHANGED = (FieldChange(f"meta.{HOSTILE}", HOSTILE, f"{HOSTILE} new"),)
HOSTILE_TOLD = Why(
    item=Item(HOSTILE, HOSTILE, HOSTILE, HOSTILE),
    desired=Desired(
        ITEM, {f"meta.{HOSTILE}": HOSTILE}, Source(HOSTILE, 1, 1), protect=True, ignored=frozenset({HOSTILE})
    ),
    origin=Origin((Commit(HOSTILE, HOSTILE, 0.0, HOSTILE, is_oldest=False),), HOSTILE),
    story=ItemStory(
        ITEM,
        {HOSTILE: HOSTILE},
        (HOSTILE,),
        (ATTEMPT,),
        (Fate(HOSTILE, HOSTILE, 0.0, "new", CHANGED, "failed", HOSTILE, Answer(None, HOSTILE, HOSTILE, HOSTILE)),),
    ),
    changes=(Change(ITEM, HOSTILE, "changed", CHANGED, SOURCE),),
    skipped=(Skipped(Change(ITEM, HOSTILE, "changed", CHANGED, SOURCE), HOSTILE),),
    unmanaged=(HOSTILE,),
    held_until_s={HOSTILE: 0.0},
)


def test_a_story_as_text() -> None:
    golden.check("why.txt", "\n".join(why_text(TOLD)) + "\n")


def test_a_story_as_json() -> None:
    told = json.loads(why_json(TOLD))

    assert told["known"]["name"] == {
        "value": "年报.pdf",
        "confirmed": {"at": "2026-01-01T03:04:05.000Z", "run_id": "20260101-000000-11aa"},
    }
    assert told["known"]["meta.old"]["confirmed"] is None
    assert told["changes"][0]["held_until"] == "2026-01-02T03:05:08.000Z"
    assert told["declared"]["ignore"] == ["meta.owner"]
    assert told["git"]["commits"][0]["may_be_older"]
    assert [fate["outcome"] for fate in told["history"]] == ["unknown", "updated"]


def test_an_item_in_doubt_that_nobody_declares_stays_managed() -> None:
    told = Why(ITEM, None, None, replace(STORY, fields={}))

    assert "stays managed" in "\n".join(why_text(told))


def test_hostile_stories_do_nothing() -> None:
    assert harmless("\n".join(why_text(HOSTILE_TOLD)))
    assert all("::set-output" not in line.lstrip()[:12] for line in why_text(HOSTILE_TOLD))
