"""Everything that has to hold whatever happens, looked at while it happens."""

from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from math import ceil

from kbsync.core.fields import Fields
from kbsync.core.items import Item
from kbsync.core.plan import Change, Plan
from kbsync.core.settings import RetrySettings
from kbsync.core.state import Intent, OutcomeName, Settlement
from kbsync.core.wire import Accepted, Lost, ReadResult
from kbsync.simulator.journal import Entry, ReadIntent
from kbsync.simulator.known import ModelState
from kbsync.simulator.provider import Reply
from kbsync.simulator.transport import Came, Left
from kbsync.simulator.wire import Ask, Write
from tests.simulator.circuit import Circuit
from tests.simulator.scene import Account, Manifest

__all__ = ("Audit", "RunAudit")

Key = tuple[Item, str]
# The wall clock of the model counts in less than this.
_TICK_S = 1e-6


@dataclass
class Audit:
    """What one seed may not do, over all its runs. What is wrong is kept: the engine would catch what is raised."""

    accounts: Mapping[str, Account]
    retry: RetrySettings
    runs: list["RunAudit"] = field(default_factory=list)
    sends: int = 0
    wrong: list[str] = field(default_factory=list)
    applied: Counter[tuple[int, Key]] = field(default_factory=Counter)
    writes: dict[Write, tuple[int, Key]] = field(default_factory=dict)
    _recent: dict[str, deque[float]] = field(default_factory=dict)

    def check(self) -> None:
        """Raise the first thing that did not hold."""
        assert not self.wrong, f"{self.wrong[0]} (and {len(self.wrong) - 1} more)"

    def begin(self, plan: Plan) -> "RunAudit":
        run = RunAudit(self, len(self.runs), plan)
        self.runs.append(run)
        return run

    def send(self, ask: Ask, at_s: float, targets: Collection[str]) -> None:
        """No window of a second holds more sends than the rate allows, across kills and restarts too.

        Of the targets that share a credential, the slowest of *targets* says what that is.
        """
        account = self.accounts[ask.target]
        sharing = [
            one for one in self.accounts.values() if one.name in targets and one.credential == account.credential
        ]
        rate_per_s, burst = min(one.rate_per_s for one in sharing), min(one.burst for one in sharing)
        self._count(account.credential, at_s, ceil(rate_per_s) + burst - 1)
        if isinstance(ask, Write) and ask.operation.name in account.rates:
            self._count(f"{ask.target} {ask.operation.name}", at_s, ceil(account.rates[ask.operation.name]))
        self.sends += 1

    def _count(self, whose: str, at_s: float, most: int) -> None:
        recent = self._recent.setdefault(whose, deque())
        recent.append(at_s)
        while recent[0] <= at_s - 1.0 + _TICK_S:
            recent.popleft()
        if len(recent) > most:
            self.wrong.append(f"{len(recent)} sends of {whose} in the second before {at_s}, not {most}")

    def apply(self, write: Write, at_s: float) -> None:
        self.applied[self.writes[write]] += 1

    def end(self, manifest: Manifest, first: Manifest, live: Callable[[Item], Fields]) -> None:
        """What is live is what was wanted last, and nobody's field is lost; what failed was never applied."""
        for item, fields in manifest.items():
            self._compare(item, fields, live(item), "was wanted last")
        for item, fields in first.items():
            if live(item).get("meta.foreign") != fields.get("meta.foreign"):
                self.wrong.append(f"{item} lost a field of somebody else")
        for run in self.runs:
            for key, outcome in run.outcomes.items():
                if outcome == "failed" and self.applied[run.number, key]:
                    self.wrong.append(f"{key} failed in run {run.number}, and was applied")

    def known(self, state: ModelState, live: Callable[[Item], Fields]) -> None:
        """What is known and not in doubt is what is live."""
        doubts = state.doubts()
        for item in state.items():
            if item not in doubts:
                self._compare(item, state.fields(item), live(item), "is known")

    def _compare(self, item: Item, fields: Fields, live: Fields, what: str) -> None:
        other = {name: live.get(name) for name, value in fields.items() if live.get(name) != value}
        if other:
            self.wrong.append(f"{item} is {other}; {dict(fields)} {what}")


@dataclass
class RunAudit:
    """What one run may not do."""

    audit: Audit
    number: int
    plan: Plan
    outcomes: dict[Key, OutcomeName] = field(default_factory=dict)
    sent: Counter[Key] = field(default_factory=Counter)
    _intents: Counter[Key] = field(default_factory=Counter)
    _unsent: Counter[Key] = field(default_factory=Counter)
    _acknowledged: set[Key] = field(default_factory=set)
    _open: set[Item] = field(default_factory=set)
    _reads: Counter[str] = field(default_factory=Counter)
    _read_intents: Counter[str] = field(default_factory=Counter)
    _excused: Counter[Key] = field(default_factory=Counter)
    _live: dict[Item, Fields] = field(default_factory=dict)
    _circuits: dict[str, Circuit] = field(default_factory=dict)
    _targets: Collection[str] = ()

    def __post_init__(self) -> None:
        self._targets = {change.item.target for change in self.plan.changes}

    def wrong(self, what: str) -> None:
        self.audit.wrong.append(f"run {self.number}: {what}")

    def watch(self, passage: Left | Came) -> None:
        ask = passage.ask
        if isinstance(passage, Left):
            self.audit.send(ask, passage.at_s, self._targets)
            self._circuit(ask).left(passage.at_s)
            if not self._open.isdisjoint(ask.items):
                self.wrong(f"two requests at once for one of {ask.items}")
            self._open.update(ask.items)
            if isinstance(ask, Write):
                self._left(ask)
            else:
                self._reads[ask.target] += 1
                if self._reads[ask.target] > self._read_intents[ask.target]:
                    self.wrong(f"a read of {ask.target} left before its intent")
        else:
            self._open.difference_update(ask.items)
            self._circuit(ask).came(passage.reply, passage.at_s)
            if isinstance(ask, Write):
                self._came(ask, passage.reply)
            elif isinstance(passage.reply, ReadResult):
                self._live.update(passage.reply.fields)

    def durable(self, entry: Entry) -> None:
        match entry:
            case Intent():
                change = self.plan.changes[entry.seq]
                self._intents[change.item, change.operation] += 1
            case Settlement():
                self._settled(entry)
            case ReadIntent():
                self._read_intents[entry.target] += 1
            case _:
                pass

    def ended(self, left: Mapping[str, str]) -> None:
        """Every change of a run that was not cut off has exactly one outcome."""
        for change in self.plan.changes:
            if (change.item, change.operation) not in self.outcomes and change.item.target not in left:
                self.wrong(f"{change.item} has no outcome")

    def _left(self, write: Write) -> None:
        key = _key(write)
        self.audit.writes[write] = self.number, key
        self.sent[key] += 1
        number, retry = self.sent[key], self.audit.retry
        if key in self._acknowledged:
            self.wrong(f"{key} is sent again after a success")
        if key in self.outcomes:
            self.wrong(f"{key} is sent after its end")
        if number > self._intents[key]:
            self.wrong(f"{key} left before its intent")
        if number > retry.attempts + retry.throttled_attempts - 1 + self._excused[key]:
            self.wrong(f"{key} is sent for the {number}th time")

    def _came(self, write: Write, reply: Reply) -> None:
        key = _key(write)
        if isinstance(reply, Accepted):
            self._acknowledged.add(key)
        elif isinstance(reply, Lost) and not reply.sent:
            self._unsent[key] += 1
        # What an outage meets is not the item's.
        self._excused[key] += self._circuit(write).is_open

    def _circuit(self, ask: Ask) -> Circuit:
        credential = self.audit.accounts[ask.target].credential
        if credential not in self._circuits:
            self._circuits[credential] = Circuit(self.audit.retry.quota, self.wrong)
        return self._circuits[credential]

    def _settled(self, settlement: Settlement) -> None:
        change = self.plan.changes[settlement.seq]
        key = change.item, change.operation
        tried = self.sent[key] + self._unsent[key]
        if key in self.outcomes:
            self.wrong(f"{key} has two outcomes")
        if settlement.attempts != tried:
            self.wrong(f"{key} had {tried} attempts, not {settlement.attempts}")
        confirmed = key in self._acknowledged or (settlement.reason == "already_live" and self._was_read(change))
        if (settlement.outcome == "updated") != confirmed:
            self.wrong(f"{key} is {settlement.outcome}, and confirmed: {confirmed}")
        if settlement.outcome == "not_attempted" and self.sent[key]:
            self.wrong(f"{key} is not attempted, and was")
        self.outcomes[key] = settlement.outcome

    def _was_read(self, change: Change) -> bool:
        live = self._live.get(change.item, {})
        return all(live.get(field) == value for field, value in change.desired.items())


def _key(write: Write) -> Key:
    return write.item, write.operation.name
