"""Codecs and listings against the emulator: every container is read whole, or refused, and never read wrongly."""

import json
from collections.abc import Mapping
from itertools import count as count_up
from random import Random
from typing import Any, NamedTuple

import pytest

from kbsync.core.fields import Fields, MetaValue, UpdateRule
from kbsync.core.listing import Complete, Incomplete, Listed
from kbsync.core.wire import Hints, Live, Refused, Unauthorised, Verdict
from kbsync.emulator import World, sample_world
from kbsync.emulator.credentials import Credentials
from kbsync.emulator.editing import edit_items
from kbsync.emulator.rules import read_rules
from kbsync.emulator.sample import SAMPLE_COLLECTION, SAMPLE_DATASET, SAMPLE_RESOURCE_ID, sample_document_id
from tests.providers.reader import Reader, reading


class Place(NamedTuple):
    """One kind of items in one container of the sample world, and how many of them a page holds."""

    provider: str
    kind: str
    container: str
    size: int

    def __str__(self) -> str:
        return f"{self.provider}-{self.kind}"

    def world(self, count: int) -> World:
        return sample_world(
            images=count * (self == IMAGES), documents=count * (self == DOCUMENTS), docs=count * (self == DOCS)
        )

    def items(self, world: World) -> Mapping[str, Any]:
        dataset = world.datasets[SAMPLE_DATASET]
        if self == DOCS:
            return world.collections["default", SAMPLE_COLLECTION].docs
        return dataset.images if self == IMAGES else dataset.documents

    def truth(self, world: World) -> dict[str, Live]:
        """Return what a list has to tell."""
        return {
            id_: Live(_fields(self, item), hints=Hints(item.name, item.size_bytes or None, item.type))
            for id_, item in self.items(world).items()
        }

    def edit(self, reader: Reader, id_: str, **change: object) -> None:
        where = {"collection": SAMPLE_COLLECTION} if self == DOCS else {"dataset": SAMPLE_DATASET}
        edit_items(reader.emulator.site, {"provider": self.provider, "kind": self.kind, "id": id_, **where, **change})


def _fields(place: Place, item: Any) -> Fields:
    if place == IMAGES:
        return {"caption": item.caption}
    if place == DOCUMENTS:
        rule = UpdateRule(1, item.update_interval_h) if item.update_type else UpdateRule(0)
        return {"name": item.name, "update_rule": rule}
    meta = {
        f"meta.{one['field_name']}": MetaValue(one["field_type"], one["field_value"]) for one in json.loads(item.meta)
    }
    return {"name": item.name, **meta}


IMAGES = Place("coze", "image", SAMPLE_DATASET, 299)
DOCUMENTS = Place("coze", "document", SAMPLE_DATASET, 100)
DOCS = Place("volcengine", "document", f"default/{SAMPLE_COLLECTION}", 100)
every_place = pytest.mark.parametrize("place", [IMAGES, DOCUMENTS, DOCS], ids=str)
either_base = pytest.mark.parametrize("base", [0, 1])


def read(reader: Reader, place: Place, **more: Any) -> Listed:
    listed = reader.listed(place.kind, place.container, **more)
    assert isinstance(listed, Complete | Incomplete), listed
    return listed


def refused(reader: Reader, place: Place) -> str:
    """Return why the list is refused."""
    listed = read(reader, place)
    assert isinstance(listed, Incomplete)
    return listed.reason


# -------------------------------------------------------------------------------------------------------------- whole
@either_base
@every_place
def test_a_thousand_items_are_found_with_their_values(place: Place, base: int) -> None:
    with reading(place.provider, place.world(1000), page_base=base) as reader:
        assert read(reader, place) == Complete(place.truth(reader.emulator.world))
        # A full last page has one behind it that is empty, and a first page may come twice.
        extra = (1000 % place.size == 0) + (place == DOCUMENTS and base == 1)
        assert reader.requests == -(-1000 // place.size) + extra


@either_base
@every_place
@pytest.mark.parametrize("beside", [-1, 0, 1])
@pytest.mark.parametrize("pages", [0, 1, 2])
def test_no_size_of_a_container_is_a_special_one(place: Place, base: int, pages: int, beside: int) -> None:
    count = max(0, pages * place.size + beside)
    with reading(place.provider, place.world(count), page_base=base, omit_empty_doc_list=True) as reader:
        assert read(reader, place) == Complete(place.truth(reader.emulator.world))
        assert reader.requests <= count // place.size + 2 + base


def test_a_container_is_found_by_its_resource_id_too() -> None:
    with reading("volcengine", DOCS.world(150)) as reader:
        assert read(reader, DOCS._replace(container=SAMPLE_RESOURCE_ID)) == Complete(DOCS.truth(reader.emulator.world))


def test_a_list_without_meta_proves_names_only() -> None:
    with reading("volcengine", DOCS.world(5), list_meta=False) as reader:
        items = read(reader, DOCS).items

        assert {live.untold for live in items.values()} == {frozenset({"meta"})}
        assert {live.fields["name"] for live in items.values()} == {
            doc.name for doc in DOCS.items(reader.emulator.world).values()
        }


def test_a_strict_server_gets_the_header_that_it_insists_on() -> None:
    with reading("coze", DOCUMENTS.world(5), require_agw_js_conv=True) as reader:
        assert isinstance(read(reader, DOCUMENTS), Complete)


@every_place
def test_items_that_were_just_written_are_told_to_be_processed(place: Place) -> None:
    with reading(place.provider, place.world(3), processing_s=60.0) as reader:
        first = next(iter(place.items(reader.emulator.world).values()))
        first.busy_until_s = float("inf")

        items = read(reader, place).items

    assert [id_ for id_, live in items.items() if live.pending] == [first.id]


# ----------------------------------------------------------------------------------------------------------- refused
@every_place
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("page_empty", "missing"),
        ("page_doubled_item", "flawed"),
        ("page_nameless_item", "flawed"),
        ("total_negative", "bad_total"),
    ],
)
@pytest.mark.parametrize("page", [1, 2, 3])
def test_one_page_that_lies_has_the_whole_list_refused(place: Place, kind: str, reason: str, page: int) -> None:
    with reading(place.provider, place.world(place.size * 3)) as reader:
        reader.emulator.set_rules(read_rules([{"kind": kind, "page": page}]))

        assert refused(reader, place) == reason


@every_place
@pytest.mark.parametrize("pages", [{"page": 1}, {"page": 2}, {"page": 3}, {}])
def test_what_a_short_page_lacks_is_found_on_another_or_the_list_is_refused(
    place: Place, pages: dict[str, int]
) -> None:
    with reading(place.provider, place.world(place.size * 2 + 20)) as reader:
        reader.emulator.set_rules(read_rules([{"kind": "page_short", **pages}]))

        listed = read(reader, place)

        if isinstance(listed, Complete):
            assert listed == Complete(place.truth(reader.emulator.world))
        else:
            assert listed.reason == "missing"


@every_place
@pytest.mark.parametrize(("kind", "reasons"), [("total_more", {"missing"}), ("total_fewer", {"surplus"})])
@pytest.mark.parametrize("count", [1, 299, 300, 301, 500])
def test_a_total_that_is_wrong_on_every_page_is_not_believed(
    place: Place, kind: str, reasons: set[str], count: int
) -> None:
    with reading(place.provider, place.world(count)) as reader:
        reader.emulator.set_rules(read_rules([{"kind": kind}]))

        assert refused(reader, place) in reasons


@every_place
@pytest.mark.parametrize("kind", ["total_more", "total_fewer"])
def test_a_total_that_changes_from_page_to_page_is_not_believed(place: Place, kind: str) -> None:
    with reading(place.provider, place.world(place.size * 2 + 10)) as reader:
        reader.emulator.set_rules(read_rules([{"kind": kind, "page": 2}]))

        assert refused(reader, place) == "changed"


@either_base
@every_place
def test_pages_that_do_not_turn_are_left_after_the_third(place: Place, base: int) -> None:
    with reading(place.provider, place.world(place.size * 5), page_base=base) as reader:
        reader.emulator.set_rules(read_rules([{"kind": "page_stuck"}]))

        assert refused(reader, place) == "repeated"
        assert reader.requests == 3


@every_place
def test_a_page_that_is_refused_is_the_end_of_the_list(place: Place) -> None:
    with reading(place.provider, place.world(place.size * 3)) as reader:
        reader.emulator.set_rules(read_rules([{"kind": "refused_403", "page": 2}]))

        verdict = reader.listed(place.kind, place.container)

    assert isinstance(verdict, Refused)
    assert (verdict.scope, verdict.reason) == ("container", "forbidden")


@every_place
def test_a_container_that_does_not_exist_is_no_empty_one(place: Place) -> None:
    elsewhere = {"coze": "744632974166809999", "volcengine": "default/nothing_here"}[place.provider]
    with reading(place.provider, place.world(3)) as reader:
        verdict: Listed | Verdict = reader.listed(place.kind, elsewhere)

    assert isinstance(verdict, Refused)
    assert (verdict.scope, verdict.reason) == ("container", "not_found")


@every_place
def test_a_credential_that_is_refused_says_so(place: Place) -> None:
    with reading(place.provider, place.world(3)) as reader:
        reader.emulator.world.credentials = Credentials()

        assert isinstance(reader.listed(place.kind, place.container), Unauthorised)


# --------------------------------------------------------------------------------------------- while others are at work
@either_base
@pytest.mark.parametrize("churn", [1, 7, 50, 100, 150, 299, 400])
@pytest.mark.parametrize("place", [IMAGES, DOCUMENTS], ids=str)
def test_items_that_move_between_pages_are_all_found_or_the_list_is_refused(
    place: Place, churn: int, base: int
) -> None:
    world = place.world(place.size * 3 + 17)
    with reading("coze", world, list_churn=churn, page_base=base) as reader:
        for _ in range(3):
            listed = read(reader, place)

            if isinstance(listed, Complete):
                assert listed == Complete(place.truth(world))
            else:
                assert listed.reason in {"missing", "repeated"}


class Crowd:
    """Others who add, remove and change items; what was there all the time is *always*, what was to be told *told*."""

    def __init__(self, reader: Reader, place: Place, seed: int) -> None:
        self._reader, self._place, self._rng = reader, place, Random(seed)
        self._world = reader.emulator.world
        self._numbers = count_up(10**18)
        self.always = set(place.items(self._world))
        self.told = {id_: [live] for id_, live in place.truth(self._world).items()}

    def disturb(self, _: int) -> None:
        for _ in range(self._rng.choice((0, 0, 1, 2))):
            change = self._rng.choice(("come and go", "come", "go", "set"))
            some, another = self._rng.choice(sorted(self._place.items(self._world))), str(next(self._numbers))
            if "come" in change:
                self._place.edit(self._reader, another, add={"name": another})
            if "go" in change:
                self._place.edit(self._reader, some, remove=True)
            if change == "set":
                self._place.edit(self._reader, some, set={"caption" if self._place == IMAGES else "name": another})
        self.always.intersection_update(self._place.items(self._world))
        for id_, live in self._place.truth(self._world).items():
            self.told.setdefault(id_, []).append(live)


@pytest.mark.parametrize("recent_first", [True, False])
@either_base
@every_place
def test_what_comes_goes_and_changes_meanwhile_is_never_read_wrongly(
    place: Place, base: int, recent_first: object
) -> None:
    outcomes: set[type[Listed]] = set()
    for seed in range(20):
        world = place.world(place.size * 2 + 50)
        with reading(place.provider, world, page_base=base, recent_first=recent_first) as reader:
            crowd = Crowd(reader, place, seed)

            listed = read(reader, place, wanted=sorted(crowd.always), between=crowd.disturb)

        outcomes.add(type(listed))
        assert all(live in crowd.told[id_] for id_, live in listed.items.items())
        if isinstance(listed, Complete):
            assert listed.items.keys() >= crowd.always

    assert outcomes == {Complete, Incomplete}


def test_an_item_that_slips_through_between_two_pages_is_not_missing() -> None:
    with reading("coze", DOCUMENTS.world(150), recent_first=False, page_base=0) as reader:
        wanted = sorted(DOCUMENTS.items(reader.emulator.world))

        def disturb(pages: int) -> None:
            if pages == 1:
                DOCUMENTS.edit(reader, sample_document_id(3), remove=True)
                DOCUMENTS.edit(reader, "9" * 19, add={"name": "new"})

        unasked = read(reader, DOCUMENTS, between=disturb)
        listed = read(reader, DOCUMENTS, wanted=wanted)

    assert isinstance(unasked, Complete)
    assert sample_document_id(100) not in unasked.items
    assert isinstance(listed, Complete)
    assert sample_document_id(100) in listed.items
