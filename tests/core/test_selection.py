import re
from collections.abc import Iterable

import pytest

from kbsync.core.fields import Fields
from kbsync.core.items import Item, Source
from kbsync.core.manifest import Desired
from kbsync.core.selection import KEYS, Selection, parse_selector


def desired(id_: str = "7", fields: Fields | None = None, **parts: str) -> Desired:
    item = Item(parts.get("target", "coze-cn"), parts.get("container", "744"), parts.get("kind", "image"), id_)
    return Desired(item, {"caption": "猫"} if fields is None else fields, Source(parts.get("file", "a.yaml"), 1, 1))


PET = desired("7446", file="manifests/pets.yaml")
REPORT = desired(
    "doc_1",
    {"name": "2024 年报, final.pdf"},
    target="volc-bj",
    container="default/reports",
    kind="document",
    file="manifests/reports.jsonl",
)


def chosen(*items: Desired, only: Iterable[str] = (), excluded: Iterable[str] = ()) -> list[str]:
    selection = Selection(list(map(parse_selector, only)), list(map(parse_selector, excluded)))
    return [item.item.id for item in items if selection.chooses(item)]


@pytest.mark.parametrize(
    "text",
    [
        "target=volc-bj",
        "target=volc-*",
        "container=default/reports",
        "container=*reports",
        "container=default*",
        "kind=document",
        "id=doc_1",
        "id=doc_?",
        "id=doc_[0-9]",
        "name=*.pdf",
        r"name=2024 年报\, final.pdf",
        "file=manifests/*.jsonl",
        "file=*/reports.*",
    ],
)
def test_a_selector_chooses_by_any_key(text: str) -> None:
    assert chosen(PET, REPORT, only=[text]) == ["doc_1"]


@pytest.mark.parametrize("text", ["kind=Document", "id=doc_", "id=oc_1", "id=doc_11", "id=doc_[!0-9]", "target=volc"])
def test_a_glob_matches_a_whole_text_and_its_case(text: str) -> None:
    assert chosen(PET, REPORT, only=[text]) == []


def test_ids_are_text() -> None:
    assert chosen(desired("007"), desired("7"), only=["id=7"]) == ["7"]


def test_all_keys_of_a_selector_have_to_match_and_one_of_several_selectors() -> None:
    items = [desired("1"), desired("2"), desired("2", kind="document"), desired("3", kind="document")]

    assert chosen(*items, only=["kind=document,id=2"]) == ["2"]
    assert chosen(*items, only=["id=1", "id=3"]) == ["1", "3"]


def test_what_is_excluded_is_so_whatever_else_is_said() -> None:
    assert chosen(desired("1"), desired("2"), only=["id=*"], excluded=["id=2"]) == ["1"]
    assert chosen(desired("1"), desired("2"), excluded=["id=2"]) == ["1"]


def test_without_selectors_everything_is_chosen() -> None:
    assert not Selection()
    assert chosen(PET, REPORT) == ["7446", "doc_1"]


def test_an_item_without_a_name_is_not_chosen_by_one_nor_excluded() -> None:
    assert chosen(PET, REPORT, only=["name=*"]) == ["doc_1"]
    assert chosen(PET, REPORT, excluded=["name=*"]) == ["7446"]


@pytest.mark.parametrize("character", list(r"*?[],\!="))
def test_a_character_behind_a_backslash_stands_for_itself(character: str) -> None:
    items = [desired("1", {"name": f"a{character}b"}), desired("2", {"name": "axb"}), desired("3", {"name": "ab"})]

    assert chosen(*items, only=[rf"name=a\{character}b"]) == ["1"]
    assert chosen(*items, only=[rf"name=*\{character}b"]) == ["1"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "'' is no KEY=GLOB"),
        ("image", "'image' is no KEY=GLOB with a KEY of target, container, kind, id, name, file"),
        ("knd=image", "did you mean kind?"),
        ("Kind=image", "did you mean kind?"),
        ("kind=image,", "'' is no KEY=GLOB"),
        ("kind=image;id=3,x", "'x' is no KEY=GLOB"),
        ("container=", "container= names nothing"),
        ("id=1,id=2", "id stands twice"),
    ],
)
def test_what_is_no_selector_is_refused_with_what_it_should_be(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        parse_selector(text)


def idle(text: str, *items: Desired) -> list[str]:
    selection = Selection([parse_selector(text)], [parse_selector(text)])
    for item in items:
        selection.chooses(item)
    reasons = [why for _, why in selection.idle_only()]
    assert reasons == [why for _, why in selection.idle_excluded()]
    return reasons


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("kind=imgae", "no item has the kind imgae; did you mean image?"),
        ("id=doc_2", "no item has the id doc_2; did you mean doc_1?"),
        ("file=manifests/pets.yml", "no item has the file manifests/pets.yml; did you mean manifests/pets.yaml?"),
        ("target=prod", "no item has the target prod; there is coze-cn, volc-bj"),
        ("target=coze-cn,kind=docment", "no item has the kind docment; did you mean document?"),
        ("target=coze-cn,kind=document", "no item has all of it"),
        ("name=x", "no item has the name x; there is 2024 年报, final.pdf"),
    ],
)
def test_a_selector_that_matched_nothing_knows_what_it_missed(text: str, why: str) -> None:
    assert idle(text, PET, REPORT) == [why]


def test_a_selector_that_ever_matched_is_not_idle() -> None:
    assert idle("kind=image", REPORT, PET, REPORT) == []


def test_a_selector_over_nothing_at_all_has_no_hint() -> None:
    assert idle("kind=image") == ["no item has the kind image"]


def test_no_more_than_some_values_are_remembered_for_a_hint() -> None:
    items = [desired(str(number)) for number in range(10_000)]

    assert idle("id=100000x", *items, desired("100000y")) == ["no item has the id 100000x; did you mean 1000?"]


def test_every_key_is_told_where_one_is_wrong() -> None:
    with pytest.raises(ValueError, match=", ".join(KEYS)):
        parse_selector("colour=red")
