"""What was read for a plan serves the updates that follow soon, and nothing older does."""

from collections.abc import Mapping

import anyio
import orjson
import pytest

from kbsync.core.holds import Hold
from kbsync.core.items import Item
from kbsync.core.settings import RetrySettings
from kbsync.core.wire import FRESH_S, Request, Response
from kbsync.engine.dispatch import Engine
from kbsync.engine.recent import MOST_S, Recent
from kbsync.engine.target import Policy, Target
from tests.clock import run_virtually, virtual_clock
from tests.engine.test_apply import metas
from tests.fakes import LittleCodec, MemoryJournal, ScriptedTransport, Sent, answer, plan_of

ITEMS = 30


def refreshed(
    pause_s: float,
    holds: Mapping[int, Hold] | None = None,
    *,
    items: int = ITEMS,
    rate: float = 100.0,
    concurrency: int = 4,
) -> tuple[MemoryJournal, ScriptedTransport]:
    """Read the list, wait, and send a plan."""

    def listed(request: Request, _: int) -> Response | None:
        if not request.path.startswith("/list/"):
            return None
        values = {f"{number:06}": {"meta.live": f"{number:06}"} for number in range(items)}
        return answer(code=0, items=values, total=items, next=None)

    transport, journal, recent = ScriptedTransport(listed), MemoryJournal(), Recent()

    def engine() -> Engine:
        target = Target("t", LittleCodec(), transport, rate, 1, concurrency)
        return Engine(
            [target],
            journal,
            lambda _: None,
            RetrySettings(),
            Policy(),
            virtual_clock(),
            lambda: 0.5,
            recent=recent,
        )

    async def scenario() -> None:
        await engine().read({("t", "c", "document"): ()})
        await anyio.sleep(pause_s)
        await engine().apply(plan_of(metas(items)), (), holds)

    run_virtually(scenario)
    return journal, transport


def reads(transport: ScriptedTransport) -> list[Sent]:
    return [sent for sent in transport.sent if sent.request.path.startswith("/read/")]


def writes(transport: ScriptedTransport) -> list[Sent]:
    return [sent for sent in transport.sent if sent.request.method == "PUT"]


def test_values_that_a_list_told_are_handed_to_the_update_without_another_read() -> None:
    journal, transport = refreshed(FRESH_S / 2)

    assert [one.outcome for one in journal.settlements] == ["updated"] * ITEMS
    assert reads(transport) == []
    assert all(f'"meta.live":"{sent.id}"'.encode() in sent.request.body for sent in writes(transport))


def test_values_that_are_too_old_are_read_again_many_at_a_time() -> None:
    journal, transport = refreshed(FRESH_S + 1)

    assert [one.outcome for one in journal.settlements] == ["updated"] * ITEMS
    assert len(reads(transport)) == ITEMS / 10


def test_values_that_grow_too_old_before_their_turn_are_read_again() -> None:
    _, transport = refreshed(FRESH_S - 0.1)

    assert len(writes(transport)) == ITEMS
    assert min(sent.at_s for sent in writes(transport)) < min(sent.at_s for sent in reads(transport))


@pytest.mark.parametrize(
    ("items", "rate", "concurrency", "oldest_s"), [(200, 10, 4, 10), (60, 1, 16, 10), (20, 0.2, 16, 15)]
)
def test_nothing_is_written_over_older_values_than_without_a_refresh(
    items: int, rate: float, concurrency: int, oldest_s: float
) -> None:
    journal, transport = refreshed(1.0, items=items, rate=rate, concurrency=concurrency)

    read_at_s = dict.fromkeys((f"{number:06}" for number in range(items)), transport.sent[0].until_s)
    ages_s: list[float] = []
    for sent in transport.sent[1:]:
        if sent.request.path.startswith("/read/"):
            read_at_s |= dict.fromkeys(orjson.loads(sent.request.body), sent.until_s)
        else:
            ages_s.append(sent.at_s - read_at_s[sent.id])
    assert len(ages_s) == items
    assert max(ages_s) <= oldest_s
    assert [one.outcome for one in journal.settlements] == ["updated"] * items


def test_an_update_that_is_on_hold_is_read_for_all_the_same() -> None:
    held = Hold(0.0, None)

    _, transport = refreshed(1.0, {0: held})

    assert len(reads(transport)) == 1


def test_what_is_old_is_forgotten_when_more_is_read() -> None:
    recent = Recent()
    first, second, again = (Item("t", "c", "document", id_) for id_ in ("1", "2", "3"))

    recent.add({first: "a", again: "b"}, 0.0)
    recent.add({second: "c", again: "d"}, MOST_S)
    recent.add({}, MOST_S + 0.1)

    assert recent.of(first) is None
    assert recent.of(second) == ("c", MOST_S)
    assert recent.of(again) == ("d", MOST_S)
