"""Lists, read page by page with the same care as everything else: paced, retried, refused when they are not whole."""

from collections.abc import Callable, Collection, Mapping

import anyio
import pytest

from kbsync.core.listing import Complete, Incomplete, Listed
from kbsync.core.settings import RetrySettings
from kbsync.core.wire import Lost, Request, Response
from kbsync.engine.dispatch import Engine
from kbsync.engine.target import Policy, Target
from tests.clock import run_virtually, virtual_clock
from tests.engine.test_pacing import most_in_a_second
from tests.fakes import LittleCodec, MemoryJournal, ScriptedTransport, answer

Place = tuple[str, str, str]
Reply = Response | Lost | None
PAGE = 10


def pages(total: int, hiccup: Callable[[int], Reply] = lambda _: None) -> ScriptedTransport:
    """Hold *total* items in each container, ten a page; *hiccup* may answer instead, by number of request."""

    def script(request: Request, count: int) -> Reply:
        if (reply := hiccup(count)) is not None:
            return reply
        first = int(request.path.rsplit("/", 1)[1] or 0) * PAGE
        items = {f"{number:06}": {"caption": f"c{number}"} for number in range(first, min(first + PAGE, total))}
        return answer(code=0, items=items, total=total, next=str(first // PAGE + 1) if first + PAGE < total else None)

    return ScriptedTransport(script)


def read(
    places: Mapping[Place, Collection[str]],
    transport: ScriptedTransport,
    *,
    rate: float = 100.0,
    policy: Policy | None = None,
    journal: MemoryJournal | None = None,
    stop_at_s: float = 10_000.0,
) -> dict[Place, Listed]:
    async def scenario() -> dict[Place, Listed]:
        target = Target("t", LittleCodec(), transport, rate, 1, 4)
        engine = Engine(
            [target],
            journal or MemoryJournal(),
            lambda _: None,
            RetrySettings(),
            policy or Policy(),
            virtual_clock(),
            lambda: 0.5,
        )

        async def stop() -> None:
            await anyio.sleep(stop_at_s)
            engine.request_stop("signal")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stop)
            found = await engine.read(places)
            tasks.cancel_scope.cancel()
        return found

    return run_virtually(scenario)


A, B = ("t", "a", "image"), ("t", "b", "image")


def test_every_page_of_every_list_is_read() -> None:
    transport = pages(95)
    found = read({A: (), B: ()}, transport)

    assert {place: len(listed.items) for place, listed in found.items()} == {A: 95, B: 95}
    assert all(isinstance(listed, Complete) for listed in found.values())
    assert len(transport.sent) == 20


def test_pages_keep_to_the_rate_and_are_journalled() -> None:
    journal = MemoryJournal()
    transport = pages(300)
    read({A: (), B: ()}, transport, rate=5.0, journal=journal)

    assert most_in_a_second(transport.begun) <= 5
    assert len(journal.reads) == len(journal.read_ends) == len(transport.sent) == 60
    assert set(journal.reads) == {("t", "list.image", 0)}


def test_a_page_that_fails_is_asked_for_again() -> None:
    faults: list[Reply] = [answer(503), answer(429), Lost("timeout", "", sent=True), None]
    found = read({A: ()}, pages(95, lambda count: faults[count % 4]))

    assert isinstance(found[A], Complete)
    assert len(found[A].items) == 95


def test_a_page_that_is_refused_ends_its_list_alone() -> None:
    def hiccup(count: int) -> Reply:
        return answer(403) if count == 7 else None

    found = read({A: (), B: ()}, pages(95, hiccup))

    (refused,) = [listed for listed in found.values() if isinstance(listed, Incomplete)]
    assert refused.reason == "forbidden"
    assert sum(isinstance(listed, Complete) for listed in found.values()) == 1


@pytest.mark.parametrize(("reply", "reason"), [(answer(401), "unauthorised"), (answer(302), "redirected")])
def test_a_refused_target_ends_all_its_lists(reply: Reply, reason: str) -> None:
    found = read({A: (), B: ()}, pages(95, lambda count: reply if count >= 3 else None))

    assert {listed.reason for listed in found.values() if isinstance(listed, Incomplete)} == {reason}
    assert len(found) == 2


def test_a_provider_that_is_down_is_given_up() -> None:
    transport = pages(95, lambda count: answer(503) if count >= 3 else None)
    found = read({A: (), B: ()}, transport, policy=Policy(max_outage_s=60))

    assert all(isinstance(listed, Incomplete) for listed in found.values())
    assert len(transport.sent) <= 3 + 35 + 8 + 4


def test_a_stop_leaves_lists_that_prove_nothing() -> None:
    found = read({A: (), B: ()}, pages(950), rate=5.0, stop_at_s=3)

    assert {listed.reason for listed in found.values() if isinstance(listed, Incomplete)} == {"signal"}
    assert len(found) == 2


def test_a_list_without_a_wanted_item_is_read_twice() -> None:
    transport = pages(95)
    found = read({A: ("999999",)}, transport)

    assert isinstance(found[A], Complete)
    assert len(transport.sent) == 20
