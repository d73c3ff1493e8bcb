from collections.abc import Iterator, Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from kbsync.core.diff import Comparison
from kbsync.core.fields import Fields, Value
from kbsync.core.items import Item
from kbsync.core.manifest import Desired
from kbsync.core.plan import Change, FieldChange
from kbsync.core.undo import LeftOut, Write, undo_of
from tests.core.worlds import HERE, OPERATIONS, MemoryKnown, image, worlds

CAPTION = "coze.image.caption"


def write(desired: str, known: str | None, *, sure: bool = True, since: Mapping[str, str] = {}) -> Write:
    return Write(image(1), CAPTION, (FieldChange("caption", known, desired),), sure, since, HERE)


def knowing(caption: str | None, *, in_doubt: bool = False) -> MemoryKnown:
    known: dict[Item, Fields] = {} if caption is None else {image(1): {"caption": caption}}
    return MemoryKnown(known, {image(1): frozenset({CAPTION})} if in_doubt else {})


def test_the_value_that_a_run_replaced_is_put_back() -> None:
    undo = undo_of([write("b", "a")], knowing("b"))

    assert undo.items == {image(1): ({"caption": "a"}, HERE)}
    assert (undo.left, undo.unsure) == ([], 0)


def test_a_field_that_was_never_known_cannot_be_put_back() -> None:
    undo = undo_of([write("b", None)], knowing("b"))

    assert undo.items == {}
    assert undo.left == [LeftOut(image(1), "caption", "never_known")]


def test_a_field_that_was_sent_along_was_not_replaced() -> None:
    undo = undo_of([write("b", "b")], knowing("b"))

    assert (undo.items, undo.left) == ({}, [])


def test_a_value_of_which_nobody_knows_whether_it_was_set_is_put_back_as_long_as_it_is_in_doubt() -> None:
    undo = undo_of([write("b", "a", sure=False)], knowing("a", in_doubt=True))
    assert undo.items == {image(1): ({"caption": "a"}, HERE)}
    assert undo.unsure == 1

    # A later run sent the same value with success.
    assert undo_of([write("b", "a", sure=False)], knowing("b")).items == undo.items
    # Or the old one.
    settled = undo_of([write("b", "a", sure=False)], knowing("a"))
    assert settled.items == {}
    assert settled.left == [LeftOut(image(1), "caption", "restored")]


def test_what_is_newer_is_left_out_and_named() -> None:
    since = {"caption": "run-9"}

    assert undo_of([write("b", "a", since=since)], knowing("b")).left == [
        LeftOut(image(1), "caption", "written_since", "run-9")
    ]
    assert undo_of([write("b", "a")], knowing("c")).left == [LeftOut(image(1), "caption", "moved")]
    assert undo_of([write("b", "a")], knowing(None)).left == [LeftOut(image(1), "caption", "forgotten")]
    assert undo_of([write("b", "a")], knowing("a", in_doubt=True)).left == [LeftOut(image(1), "caption", "moved")]


# ------------------------------------------------------------------------------------------------------- properties
class Provider:
    """What is live, and what a state knows and doubts of it."""

    def __init__(self, known: Mapping[Item, Fields]) -> None:
        self.live = {item: dict(fields) for item, fields in known.items()}
        self.known = {item: dict(fields) for item, fields in known.items()}
        self.doubts: set[tuple[Item, str]] = set()
        self.sure: dict[int, bool] = {}

    def state(self) -> MemoryKnown:
        doubts = {item: frozenset(op for of, op in self.doubts if of == item) for item, _ in self.doubts}
        return MemoryKnown({item: fields for item, fields in self.known.items() if fields}, doubts)

    def plan(self, wishes: Mapping[Item, Mapping[str, Value]]) -> Sequence[Change]:
        comparison = Comparison(self.state(), OPERATIONS)
        for item, fields in wishes.items():
            comparison.add(Desired(item, fields, HERE))
        return comparison.changes

    def apply(self, changes: Sequence[Change], fates: Iterator[str]) -> list[Change]:
        """Give each of *changes* a fate, and return those that may have been applied."""
        sent: list[Change] = []
        for change, fate in zip(changes, fates, strict=False):
            about = (change.item, change.operation)
            if fate in {"updated", "unanswered"}:
                self.live.setdefault(change.item, {}).update(change.desired)
            if fate == "updated":
                self.doubts.discard(about)
                self.known.setdefault(change.item, {}).update(change.desired)
            elif fate in {"unanswered", "lost"}:
                self.doubts.add(about)
            if fate != "failed":
                sent.append(change)
                self.sure[id(change)] = fate == "updated"
        return sent


fates = st.lists(st.sampled_from(["updated", "updated", "unanswered", "lost", "failed"]), min_size=40, max_size=40)


def writes(provider: Provider, sent: Sequence[Change], later: Sequence[Change]) -> Iterator[Write]:
    wanted = {(one.item, field.field): field.desired for one in later for field in one.fields}
    for change in sent:
        newer = (one for one in change.fields if wanted.get((change.item, one.field), one.desired) != one.desired)
        since = {one.field: "later" for one in newer}
        yield Write(change.item, change.operation, change.fields, provider.sure[id(change)], since, HERE)


@given(worlds, worlds, fates)
def test_undo_after_apply_restores_all_that_was_known(
    before: Mapping[Item, Fields], wishes: Mapping[Item, Fields], ends: list[str]
) -> None:
    provider = Provider(before)
    sent = provider.apply(provider.plan(wishes), iter(ends))
    after = {item: dict(fields) for item, fields in provider.live.items()}

    undo = undo_of(writes(provider, sent, ()), provider.state())
    provider.apply(provider.plan({item: fields for item, (fields, _) in undo.items.items()}), iter(["updated"] * 99))

    for item, fields in after.items():
        assert provider.live[item] == {**fields, **before.get(item, {})}
    never_known = {(left.item, left.field) for left in undo.left if left.why == "never_known"}
    new = {(one.item, field.field) for one in sent for field in one.fields if field.known is None}
    assert never_known == new
    assert {left.why for left in undo.left} <= {"never_known"}
    again = undo_of(writes(provider, sent, ()), provider.state())
    assert again.items == {}


@given(worlds, worlds, worlds, fates, fates)
def test_undo_touches_nothing_that_a_later_run_wrote(
    before: Mapping[Item, Fields],
    wishes: Mapping[Item, Fields],
    others: Mapping[Item, Fields],
    ends: list[str],
    later_ends: list[str],
) -> None:
    provider = Provider(before)
    sent = provider.apply(provider.plan(wishes), iter(ends))
    later = provider.apply(provider.plan(others), iter(later_ends))
    after = {item: dict(fields) for item, fields in provider.live.items()}

    undo = undo_of(writes(provider, sent, later), provider.state())

    wrote = {(one.item, field.field): field.desired for one in sent for field in one.fields}
    for item, (fields, _) in undo.items.items():
        for field in fields:
            assert after[item][field] in {wrote[item, field], before[item][field]}
            for change in later:
                assert change.item != item or change.desired.get(field, wrote[item, field]) == wrote[item, field]
