from collections import Counter

import anyio
import pytest

from kbsync.core.fields import MetaValue
from kbsync.core.items import Item
from kbsync.core.wire import Accepted, Lost, Operation, Page, ReadResult, Response, Throttled
from kbsync.simulator.clock import run_virtually
from kbsync.simulator.faults import FAULTS, Fault, Spell, spell
from kbsync.simulator.luck import Luck
from kbsync.simulator.provider import Arrival, Limit, Model, ModelProvider, limit
from kbsync.simulator.transport import Came, Left, ModelTransport
from kbsync.simulator.wire import Ask, List, ModelCodec, Read, Write

CAPTION = Operation("model.caption", "image", frozenset({"caption"}))
META = Operation("model.meta", "document", frozenset({"meta"}), overlays=True, read_batch=10)
CAT = Item("t", "c", "image", "1")
REPORT, OTHER = Item("t", "c", "document", "1"), Item("t", "c", "document", "2")


def caption(text: str, item: Item = CAT) -> Write:
    return Write(CAPTION, item, {"caption": text})


def text(value: str) -> MetaValue:
    return MetaValue("string", value)


def sent(provider: ModelProvider, ask: Ask, at_s: float, fault: Fault | None = None) -> Arrival:
    arrival = provider.send(ask, at_s, fault)
    provider.catch_up(at_s)
    return arrival


# ------------------------------------------------------------------------------------------------------------ content


def test_a_write_is_live_from_its_arrival_on() -> None:
    provider = ModelProvider(Model(), 0)
    provider.send(caption("小猫"), 1.0, None)

    assert provider.live(CAT, 0.9) == {}
    assert provider.live(CAT, 1.0) == {"caption": "小猫"}


def test_a_write_that_overlays_replaces_its_families_and_leaves_the_others() -> None:
    provider = ModelProvider(Model(), 0)
    provider.put(REPORT, {"name": "n", "meta.a": text("1"), "meta.b": text("2")})

    sent(provider, Write(META, REPORT, {"meta.a": text("3")}), 1)

    assert provider.live(REPORT, 1) == {"name": "n", "meta.a": text("3")}


def test_what_is_read_is_written_over_and_nothing_gets_lost() -> None:
    provider, codec = ModelProvider(Model(), 0), ModelCodec("t", [META])
    provider.put(REPORT, {"meta.a": text("1"), "meta.b": text("2")})
    reply = sent(provider, Read(META, (REPORT,)), 1).reply
    assert isinstance(reply, ReadResult)

    request = codec.encode(META.name, REPORT, {"meta.a": text("3")}, reply.live[REPORT])
    sent(provider, request.ask, 2)  # type: ignore[attr-defined]

    assert provider.live(REPORT, 2) == {"meta.a": text("3"), "meta.b": text("2")}


def test_a_late_write_is_applied_after_its_answer_was_lost() -> None:
    provider = ModelProvider(Model(late_s=(10, 10)), 0)
    sent(provider, caption("old"), 1, FAULTS["late_write"])
    sent(provider, caption("new"), 5)

    assert provider.live(CAT, 10.9) == {"caption": "new"}
    assert provider.live(CAT, 11) == {"caption": "old"}


@pytest.mark.parametrize(("fault", "applied"), [("disconnect_after", True), ("disconnect_before", False)])
def test_a_lost_answer_says_nothing_of_the_write(fault: str, applied: bool) -> None:  # noqa: FBT001
    provider = ModelProvider(Model(), 0)
    reply = sent(provider, caption("小猫"), 1, FAULTS[fault]).reply

    assert isinstance(reply, Lost)
    assert bool(provider.live(CAT, 1)) == applied


def test_a_short_page_leaves_items_out() -> None:
    provider = ModelProvider(Model(), 0)
    reply = sent(provider, Read(META, (REPORT, OTHER)), 1, FAULTS["page_short"]).reply

    assert isinstance(reply, ReadResult)
    assert list(reply.fields) == [REPORT]


def test_a_list_holds_what_is_live_of_one_kind_in_one_container() -> None:
    provider, codec = ModelProvider(Model(), 0), ModelCodec("t", [META])
    for item in (CAT, REPORT, OTHER):
        provider.put(item, {"name": item.id})
    request = codec.encode_list("document", "c", "")

    reply = sent(provider, request.ask, 1).reply  # type: ignore[attr-defined]

    assert isinstance(reply, Page)
    assert {id_: live.fields for id_, live in reply.items.items()} == {"1": {"name": "1"}, "2": {"name": "2"}}
    assert (reply.total, reply.next) == (2, None)


# -------------------------------------------------------------------------------------------------------------- rates


def accepted(provider: ModelProvider, times: list[float]) -> list[float]:
    return [at_s for at_s in times if isinstance(sent(provider, caption("x"), at_s).reply, Accepted)]


def test_a_sliding_window_looks_back_from_each_request() -> None:
    provider = ModelProvider(Model(limits=(limit(2.0),)), 0)

    assert accepted(provider, [0.0, 0.6, 0.7, 1.0, 1.1, 1.6]) == [0.0, 0.6, 1.0, 1.6]


def test_a_fixed_window_ends_by_the_clock() -> None:
    provider = ModelProvider(Model(limits=(limit(2.0, "fixed"),)), 0)

    assert accepted(provider, [0.8, 0.9, 0.95, 1.0, 1.1, 1.2, 2.0]) == [0.8, 0.9, 1.0, 1.1, 2.0]


@pytest.mark.parametrize(("rate_per_s", "expected"), [(5.0, (5, 1.0)), (0.5, (1, 2.0)), (2.5, (3, 1.2))])
def test_a_limit_holds_whole_requests(rate_per_s: float, expected: tuple[int, float]) -> None:
    found = limit(rate_per_s)

    assert (found.requests, found.window_s) == pytest.approx(expected)


def test_what_is_allowed_changes_with_time() -> None:
    steps = (Limit(1, from_s=10), Limit(3, from_s=20))
    provider = ModelProvider(Model(limits=steps), 0)
    times = [base + part for base in (0.0, 10.0, 20.0) for part in (0.0, 0.1, 0.2, 0.3)]

    assert Counter(int(at_s) for at_s in accepted(provider, times)) == {0: 4, 10: 1, 20: 3}


@pytest.mark.parametrize(("tells", "after_s"), [(True, 1.0), (False, None)])
def test_who_is_turned_away_may_be_told_when_to_come_back(tells: bool, after_s: float | None) -> None:  # noqa: FBT001
    provider = ModelProvider(Model(limits=(limit(1.0),), tells=tells), 0)
    sent(provider, caption("a"), 0)
    reply = sent(provider, caption("b"), 0.5).reply

    assert isinstance(reply, Throttled)
    assert reply.retry_after_s == after_s
    assert provider.live(CAT, 1) == {"caption": "a"}


# ------------------------------------------------------------------------------------------------------------ the way


def exchanged(
    provider: ModelProvider, *asks: Ask, timeout_s: float = 30, ready: bool = True
) -> list[tuple[float, object]]:
    """Send *asks* one after the other, and return when each one ended, with what."""

    async def scenario() -> list[tuple[float, object]]:
        transport = ModelTransport(provider, timeout_s, lambda _: None)
        ends: list[tuple[float, object]] = []
        for ask in asks:
            reply = await transport.send(_request(ask), 0, _answer(ready=ready))
            ends.append((round(anyio.current_time(), 3), reply))
        return ends

    return run_virtually(scenario)


def _request(ask: Ask):  # type: ignore[no-untyped-def]  # noqa: ANN202
    from kbsync.simulator.wire import ModelRequest

    return ModelRequest("PUT", "/", {}, ask=ask)


def _answer(*, ready: bool):  # type: ignore[no-untyped-def]  # noqa: ANN202
    async def answer() -> bool:
        return ready

    return answer


def test_a_connection_is_made_once_and_kept() -> None:
    ends = exchanged(ModelProvider(Model(latency_s=(0.1, 0.1)), 0), caption("a"), caption("b"))

    assert [at_s for at_s, _ in ends] == [0.2, 0.3]


def test_what_may_not_leave_does_not_arrive() -> None:
    provider = ModelProvider(Model(), 0)
    ((_, reply),) = exchanged(provider, caption("a"), ready=False)

    assert reply == Lost("unsent", "held back", sent=False)
    assert provider.live(CAT, 100) == {}


def test_nobody_waits_longer_than_the_timeout() -> None:
    provider = ModelProvider(Model(spells=(spell(1.0, {"hang_after": 1}),)), 0)
    ((at_s, reply),) = exchanged(provider, caption("a"), timeout_s=5)

    assert at_s == pytest.approx(5.05)
    assert isinstance(reply, Lost)
    assert reply.sent
    assert provider.live(CAT, 100) == {"caption": "a"}


def test_a_refused_connection_sends_nothing() -> None:
    ((_, reply),) = exchanged(ModelProvider(Model(spells=(spell(1.0, {"connect_refused": 1}),)), 0), caption("a"))

    assert isinstance(reply, Lost)
    assert not reply.sent


def test_what_has_left_arrives_although_its_process_is_killed() -> None:
    provider = ModelProvider(Model(latency_s=(2, 2)), 0)
    seen: list[Left | Came] = []

    async def scenario() -> None:
        transport = ModelTransport(provider, 30, seen.append)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(transport.send, _request(caption("a")), 0, _answer(ready=True))
            await anyio.sleep(2.5)
            transport.die()
            tasks.cancel_scope.cancel()

    run_virtually(scenario)

    assert [type(one) for one in seen] == [Left]
    assert provider.live(CAT, 2.9) == {}
    assert provider.live(CAT, 3.1) == {"caption": "a"}


def test_an_answer_says_what_it_means() -> None:
    ((_, reply),) = exchanged(ModelProvider(Model(), 0), caption("a"))

    assert isinstance(reply, Response)
    assert isinstance(ModelCodec("t", [CAPTION]).decode(reply), Accepted)


# -------------------------------------------------------------------------------------------------------------- luck


def drawn(one: Spell, asks: list[Write], at_s: float = 0.0, seed: int = 0) -> list[Fault | None]:
    luck = Luck([one], seed)
    return [luck.fault(ask, at_s) for ask in asks]


ASKS = [caption("x", Item("t", "c", "image", str(number))) for number in range(2_000)]


def test_a_share_of_the_requests_meets_a_fault_by_its_weight() -> None:
    found = Counter(drawn(spell(0.4, {"http_500": 3, "http_503": 1}), ASKS))

    assert found[FAULTS["http_500"]] == pytest.approx(600, abs=80)
    assert found[FAULTS["http_503"]] == pytest.approx(200, abs=60)


def test_a_spell_ends() -> None:
    passing = spell(1.0, {"http_500": 1}, 10, 20)

    assert [drawn(passing, ASKS[:1], at_s) == [None] for at_s in (9.9, 10, 19.9, 20)] == [True, False, False, True]


def test_by_item_the_same_items_are_hit_each_time() -> None:
    lasting = spell(0.1, {"refused_content": 1, "refused_404": 1}, by_item=True)
    found = drawn(lasting, ASKS)

    assert found == drawn(lasting, ASKS)
    assert found != drawn(lasting, ASKS, seed=1)
    assert sum(one is not None for one in found) == pytest.approx(200, abs=60)
    assert Luck([lasting], 0).fault(List("t", "image", "c"), 0) is None
