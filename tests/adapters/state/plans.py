"""Plans and answers to write into a state."""

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from kbsync.adapters.state import RunJournal, StateStore
from kbsync.core.items import Item, Source
from kbsync.core.plan import Base, Change, FieldChange, Forecast, GuardResult, Plan, Skipped, Summary, Unmanaged
from kbsync.core.state import Conclusion, Intent, OutcomeName, Settlement
from kbsync.core.wire import Answer

OK = Answer(200, 0, "success", "20261121095707A0B1C2D3")
GONE = Answer(404, 4200, "not found", "20261121095707A0B1C2D4")


def image(number: int, target: str = "coze-cn", container: str = "744632974166804001") -> Item:
    return Item(target, container, "image", str(744667080521909000 + number))


def document(number: int) -> Item:
    return Item("volc-bj", "default/test_collection_name", "document", f"doc{number}")


def captioned(item: Item, desired: str, known: str | None = None, line: int = 1) -> Change:
    fields = (FieldChange("caption", known, desired),)
    return Change(item, "coze.image.caption", "changed" if known else "new", fields, Source("a.yaml", line, 5))


def plan_of(
    changes: Sequence[Change],
    *,
    skipped: Sequence[Skipped] = (),
    released: Sequence[Item] = (),
    unmanaged: Sequence[Unmanaged] = (),
    guards: Sequence[GuardResult] = (),
    items: int | None = None,
    in_sync: int = 0,
    whole: bool = True,
) -> Plan:
    count = len(changes) if items is None else items
    return Plan(
        plan_id="5f0c",
        changes=tuple(changes),
        skipped=tuple(skipped),
        released=tuple(released),
        unmanaged=tuple(unmanaged),
        guards=tuple(guards),
        summary=Summary(count, in_sync, len(changes), len(released), 0, len(skipped)),
        forecast=Forecast(len(changes), 1.0),
        base=Base("", 0, "0.1.0", {"coze-cn": "https://api.coze.cn"}),
        whole=whole,
    )


def captions(count: int, text: str = "小猫", first: int = 0) -> Plan:
    return plan_of([captioned(image(first + number), f"{text} {number}") for number in range(count)])


def began(store: StateStore, plan: Plan, on_settled: Callable[[Settlement], None] | None = None) -> RunJournal:
    store.lock("apply")
    return store.begin_run(plan, on_settled=on_settled)


def lost(seq: int, number: int = 1, sent_at_s: float | None = None) -> Conclusion:
    left_s = time.time() if sent_at_s is None else sent_at_s
    return Conclusion(seq, number, left_s, 5.0, "lost", doubt=True, answer=Answer())


def answered(seq: int, number: int = 1, verdict: str = "accepted", answer: Answer = OK) -> Conclusion:
    return Conclusion(seq, number, time.time(), 5.0, verdict, doubt=False, answer=answer)


def fate(seq: int, outcome: OutcomeName = "updated", attempts: int = 1, answer: Answer = OK) -> Settlement:
    return Settlement(seq, outcome, "" if outcome == "updated" else "told", attempts, answer, 5.0)


async def update(journal: RunJournal, seqs: Iterable[int]) -> None:
    """Send each change once, with success."""
    for seq in seqs:
        await journal.intend(Intent(seq, 1, time.time()))
        journal.conclude(answered(seq))
        journal.settle(fate(seq))
    await journal.flush()


def files_of(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}
