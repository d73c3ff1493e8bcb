"""What a rebuilt state knows: what is live of declared fields, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from kbsync.core.fields import Fields, MetaValue, UpdateRule
from kbsync.core.listing import Complete
from kbsync.core.manifest import Desired
from kbsync.core.rebuilding import Rebuilt, rebuild
from kbsync.core.wire import Live
from tests.core.worlds import HERE, document, image, record, wish


def of(desired: Desired, live: Live | None) -> Rebuilt:
    items = {} if live is None else {desired.item.id: live}
    return rebuild([desired], {desired.item[:3]: Complete({**items, "another": Live({"caption": "x"})})})


def test_what_is_live_is_known_whether_it_is_as_declared_or_not() -> None:
    same, other = (
        of(wish(image(1), caption="cat"), Live({"caption": "cat"})),
        of(wish(image(1), caption="cat"), Live({"caption": "dog"})),
    )

    assert (same.known, same.same) == ([(image(1), {"caption": "cat"})], 1)
    assert (other.known, other.same) == ([(image(1), {"caption": "dog"})], 0)


def test_a_field_that_is_not_declared_is_not_known() -> None:
    fields: Fields = {"name": "a", "update_rule": UpdateRule(1, 24)}

    assert of(wish(document(1), name="a"), Live(fields)).known == [(document(1), {"name": "a"})]
    assert of(Desired(document(1), {}, HERE, ignored=frozenset({"name"})), Live(fields)).known == []


def test_a_field_that_is_not_set_is_neither_known_nor_untold() -> None:
    wanted = Desired(record(1), {"name": "a", "meta.a": MetaValue("string", "x")}, HERE)
    rebuilt = of(wanted, Live({"name": "a"}))

    assert (rebuilt.known, rebuilt.untold, rebuilt.same) == ([(record(1), {"name": "a"})], [], 0)


def test_a_field_that_the_list_leaves_out_is_told() -> None:
    wanted = Desired(record(1), {"name": "a", "meta.a": MetaValue("string", "x")}, HERE)

    assert of(wanted, Live({"name": "a"}, frozenset({"meta"}))).untold == [wanted]
    assert of(wanted, Live({"name": "a"}, frozenset({"meta.a"}))).untold == [wanted]
    assert of(wanted, Live({"name": "a"}, frozenset({"meta.b"}))).untold == []


def test_an_item_that_is_not_listed_is_missing() -> None:
    wanted = wish(image(1), caption="cat")
    rebuilt = of(wanted, None)

    assert (rebuilt.missing, rebuilt.known, rebuilt.same) == ([wanted], [], 0)


@given(st.dictionaries(st.integers(1, 9), st.text(max_size=2)), st.dictionaries(st.integers(1, 9), st.text(max_size=2)))
def test_every_declared_item_is_known_or_missing(declared: dict[int, str], live: dict[int, str]) -> None:
    wanted = [wish(image(number), caption=caption) for number, caption in declared.items()]
    listed = Complete({image(number).id: Live({"caption": caption}) for number, caption in live.items()})

    rebuilt = rebuild(wanted, {image(1)[:3]: listed})

    assert dict(rebuilt.known) == {image(number): {"caption": live[number]} for number in declared if number in live}
    assert {one.item for one in rebuilt.missing} == {image(number) for number in declared if number not in live}
    assert rebuilt.same == sum(live.get(number) == caption for number, caption in declared.items())
