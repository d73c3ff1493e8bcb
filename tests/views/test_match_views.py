"""What came of a match, as people and programs read it."""

import csv
import io
import json
from dataclasses import replace

import jsonschema
import pytest

from kbsync.core.carrying import Loss
from kbsync.core.handover import Handover, Lost
from kbsync.core.items import Item, Source
from kbsync.core.matching import STRATEGIES, Candidate, match
from kbsync.views.id_map_csv import id_map_csv
from kbsync.views.match_json import match_json
from kbsync.views.match_text import match_text
from kbsync.views.schemas import MATCH_SCHEMA
from tests.views import golden
from tests.views.worlds import HOSTILE, harmless

HERE, THERE = ("coze-cn", "744632974166804001"), ("volc-bj", "default/reports")
EVIL = HOSTILE.replace("\ud800", "")


def here(number: int, name: str | None) -> Candidate:
    item = Item(*HERE, "document", f"73869420560301000{number:02d}")
    return Candidate(item, "document", name, source=Source("manifests/docs.yaml", number + 3, 5))


def there(number: int, name: str) -> Candidate:
    return Candidate(Item(*THERE, "document", f"doc_{number}"), "document", name)


OURS = (
    here(1, "2024 年报.pdf"),
    here(2, "Price List.PDF"),
    here(3, "minutes.md"),
    here(4, "minutes.md"),
    here(5, "contract.pdf"),
    here(6, None),
    *(here(number, f"lost {number}.pdf") for number in range(7, 20)),
)
THEIRS = (
    there(1, "2024 年报.pdf"),
    there(2, "price\u3000list.pdf"),
    *(there(number, "minutes.md") for number in range(3, 9)),
    there(9, "соntract.pdf"),
    there(10, "else.pdf"),
)
MATCHING = match(OURS, THEIRS, [*STRATEGIES["name"], *STRATEGIES["normalised-name"]])
TOO_LONG = Loss("meta.行业", "refused", "meta-value-length", "the text is 270 bytes long; the most is 256")
HANDOVER = Handover(
    HERE,
    THERE,
    MATCHING,
    entries=2,
    lost=(
        *(Lost(pair.here, pair.there.item, Loss("update_rule", "no_place")) for pair in MATCHING.pairs),
        Lost(MATCHING.pairs[0].here, MATCHING.pairs[0].there.item, TOO_LONG),
        Lost(
            MATCHING.pairs[1].here,
            MATCHING.pairs[1].there.item,
            Loss("name", "doubtful", "long-name", "the name is 120 characters long"),
        ),
    ),
    held={"document": frozenset({"name", "meta"})},
)
EMPTY = Handover(HERE, THERE, match((), (), ()), 0, (), {})
EVIL_ITEM = Item(EVIL, EVIL, EVIL, EVIL)
EVIL_ONE = Candidate(EVIL_ITEM, EVIL, EVIL, source=Source(EVIL, 1, 1))
EVIL_LOSS = Loss(EVIL, "no_place", "rule", EVIL)


def evil() -> Handover:
    """Return one in which every text is hostile that is not of kbsync's own making."""
    pairs = match([EVIL_ONE], [EVIL_ONE._replace(name=f"{EVIL} 2", type=EVIL)], ())
    ambiguous = match([EVIL_ONE, there(1, EVIL)._replace(kind=EVIL)], [EVIL_ONE], STRATEGIES["name"])
    paired = match([EVIL_ONE], [EVIL_ONE], [replace(STRATEGIES["name"][0], name=EVIL)])
    matching = replace(paired, ambiguous=ambiguous.ambiguous, missing=pairs.missing, left_over=pairs.left_over)
    reasons = [EVIL_LOSS, EVIL_LOSS._replace(reason="refused"), EVIL_LOSS._replace(reason="doubtful")]
    lost = [Lost(EVIL_ONE, EVIL_ITEM, loss) for loss in (*reasons, EVIL_LOSS._replace(field=""))]
    return Handover((EVIL, EVIL), (EVIL, EVIL), matching, 1, lost, {EVIL: frozenset({"name"})}, 1, "name")


def test_a_match_as_text() -> None:
    golden.check("match.txt", "\n".join(match_text(HANDOVER)) + "\n")


def test_a_match_that_is_whole_as_text() -> None:
    matching = match(OURS[:1], THEIRS[:1], STRATEGIES["name"])
    whole = replace(HANDOVER, matching=matching, lost=(), entries=1)

    assert next(iter(match_text(whole))) == "Match: 1 of 1 item paired."
    assert "Missing" not in "\n".join(match_text(whole))


def test_a_match_as_json() -> None:
    told = json.loads(b"".join(match_json(HANDOVER)))

    assert told["format"] == "kbsync.match/1"
    assert told["exit"] == {"code": 3, "name": "partial"}
    assert told["summary"] == {
        "items": 19,
        "paired": 2,
        "ambiguous": 2,
        "missing": 15,
        "left_over": 2,
        "declared": 2,
        "not_carried": 3,
        "refused": 0,
    }
    assert (len(told["pairs"]), len(told["missing"]), len(told["left_over"])) == (2, 15, 2)
    assert [len(group["to"]) for group in told["ambiguous"]] == [6]
    assert told["missing"][1]["why"] == "nameless"
    assert told["not_carried"][2] == {
        "from": {"target": "coze-cn", "container": HERE[1], "kind": "document", "id": "7386942056030100001"},
        "to": {"target": "volc-bj", "container": THERE[1], "kind": "document", "id": "doc_1"},
        "field": "meta.行业",
        "reason": "refused",
        "rule": "meta-value-length",
        "message": "the text is 270 bytes long; the most is 256",
    }


@pytest.mark.parametrize("handover", [HANDOVER, EMPTY], ids=["full", "empty"])
def test_a_match_as_json_fits_its_schema(handover: Handover) -> None:
    jsonschema.validate(json.loads(b"".join(match_json(handover))), MATCH_SCHEMA)


def test_an_id_map_has_a_row_for_every_item_here() -> None:
    rows = list(csv.DictReader(io.StringIO(b"".join(id_map_csv(HANDOVER)).decode())))

    assert [row["from_id"] for row in rows[:2]] == [one.item.id for one in OURS[:2]]
    assert {row["from_id"] for row in rows} == {one.item.id for one in OURS}
    assert [row["to_id"] for row in rows if row["to_id"]] == ["doc_1", "doc_2"]
    assert rows[2]["candidates"] == "doc_3 doc_4 doc_5 doc_6 doc_7 doc_8"


def test_hostile_names_do_nothing() -> None:
    lines = list(match_text(evil()))

    assert harmless("\n".join(lines))
    assert all("::set-output" not in line.lstrip()[:12] for line in lines)
    assert harmless(b"".join(match_json(evil())).decode())


def test_hostile_names_are_no_formulas_in_an_id_map() -> None:
    bad = Candidate(Item("a", "b", "document", "1"), "document", "=cmd|' /C calc'!A0")
    matching = match([bad], [bad], STRATEGIES["name"])

    text = b"".join(id_map_csv(replace(HANDOVER, matching=matching, lost=()))).decode()

    assert next(csv.DictReader(io.StringIO(text)))["name"] == "'=cmd|' /C calc'!A0"
    assert harmless(b"".join(id_map_csv(evil())).decode())
