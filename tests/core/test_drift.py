"""Live against known: every difference is told once, under what may be to blame for it."""

from collections.abc import Mapping

from hypothesis import given

from kbsync.core.drift import Deviant, Deviation, Drift, find_drift
from kbsync.core.fields import REMOVED, Fields, MetaValue, Value, family
from kbsync.core.items import Item
from kbsync.core.live import Place, ReadList
from kbsync.core.plan import UNSET, ReadPlace
from kbsync.core.wire import Live
from tests.core.worlds import MemoryKnown, document, image, record, worlds


def lists(live: Mapping[Item, Live], *places: Place) -> dict[Place, ReadList]:
    found: dict[Place, dict[str, Live]] = {place: {} for place in places}
    for item, told in live.items():
        found.setdefault(item[:3], {})[item.id] = told
    return {place: ReadList(items, 7.0) for place, items in found.items()}


def drift(known: Mapping[Item, Fields], live: Mapping[Item, Live], **others: frozenset[str]) -> Drift:
    doubts = {item: frozenset({"any"}) for item in known if item.id in others.get("doubts", ())}
    return find_drift(MemoryKnown(known, doubts), lists(live, *(item[:3] for item in known)))


def test_a_value_that_somebody_else_changed_has_drifted() -> None:
    found = drift({image(1): {"caption": "a"}}, {image(1): Live({"caption": "b"})})

    assert found.drifted == [Deviant(image(1), (Deviation("caption", "a", "b"),))]
    assert found.is_there


def test_a_value_that_is_not_set_any_more_has_drifted() -> None:
    meta = MetaValue("string", "x")

    found = drift({record(1): {"meta.a": meta}}, {record(1): Live({"name": "n"})})

    assert found.drifted == [Deviant(record(1), (Deviation("meta.a", meta, UNSET),))]


def test_fields_that_are_not_known_or_not_told_do_not_drift() -> None:
    known: Fields = {"name": "n", "meta.a": MetaValue("string", "x")}
    live = Live({"name": "n", "meta.b": MetaValue("bool", value=True)}, frozenset({"meta"}))

    found = drift({record(1): known}, {record(1): live})

    assert (found.drifted, found.is_there, found.known) == ([], False, 1)


def test_an_item_that_is_not_on_the_list_has_vanished() -> None:
    found = drift({image(1): {"caption": "a"}}, {})

    assert (found.vanished, found.is_there) == ([image(1)], True)


def test_an_item_that_is_not_known_has_appeared_and_is_no_drift() -> None:
    found = drift({image(1): {"caption": "a"}}, {image(1): Live({"caption": "a"}), image(2): Live({})})

    assert (found.appeared, found.is_there) == ([image(2)], False)


def test_an_item_that_a_manifest_declares_has_not_appeared() -> None:
    place = image(1)[:3]

    found = find_drift(MemoryKnown(), lists({image(1): Live({}), image(2): Live({})}), {place: {"1"}})

    assert found.appeared == [image(2)]


def test_what_an_attempt_without_an_answer_may_have_done_is_told_apart() -> None:
    found = drift({image(1): {"caption": "a"}}, {image(1): Live({"caption": "b"})}, doubts=frozenset({"1"}))

    assert [deviant.item for deviant in found.in_doubt] == [image(1)]
    assert not found.is_there


def test_what_is_being_processed_is_told_apart() -> None:
    found = drift({image(1): {"caption": "a"}}, {image(1): Live({"caption": "b"}, pending=True)})

    assert [deviant.item for deviant in found.pending] == [image(1)]
    assert not found.is_there


def test_an_item_in_doubt_that_was_never_known_has_not_appeared() -> None:
    known = MemoryKnown({}, {image(1): frozenset({"coze.image.caption"})})

    assert find_drift(known, lists({image(1): Live({})})).appeared == []


def test_what_was_read_is_told() -> None:
    found = drift({document(1): {"name": "n"}}, {document(1): Live({"name": "n"}), document(2): Live({})})

    assert found.read == (ReadPlace("coze", "1", "document", 2, 7.0),)


@given(worlds, worlds)
def test_every_difference_is_told_exactly_once(
    known: dict[Item, dict[str, Value]], live: dict[Item, dict[str, Value]]
) -> None:
    live = {item: {name: value for name, value in fields.items() if value != REMOVED} for item, fields in live.items()}

    found = drift(known, {item: Live(fields) for item, fields in live.items()})

    told = {(deviant.item, one.field): (one.known, one.live) for deviant in found.drifted for one in deviant.fields}
    assert told == {
        (item, name): (value, live[item].get(name, UNSET))
        for item, fields in known.items()
        for name, value in fields.items()
        if item in live and live[item].get(name, REMOVED if family(name) == "meta" else None) != value
    }
    assert set(found.vanished) == known.keys() - live.keys()
    assert set(found.appeared) == live.keys() - known.keys()
    assert found.known == len(known)
