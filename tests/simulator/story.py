"""One seed from its first run to the last: faults, kills, edits and all, until there is nothing left to do."""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

import anyio

from kbsync.core.diff import Comparison
from kbsync.core.fields import Fields
from kbsync.core.items import Item
from kbsync.core.plan import Base, Plan
from kbsync.core.planning import Pace, draw_up
from kbsync.core.settings import GuardSettings
from kbsync.engine.dispatch import Engine
from kbsync.engine.target import Policy, Target
from kbsync.errors import StateWriteError
from kbsync.simulator.clock import EPOCH_S, run_virtually, virtual_clock
from kbsync.simulator.journal import Entry, ModelJournal
from kbsync.simulator.known import ModelState
from kbsync.simulator.provider import ModelProvider
from kbsync.simulator.transport import ModelTransport
from kbsync.simulator.wire import ModelCodec
from tests.simulator.audit import Audit
from tests.simulator.scene import Account, Ending, Manifest, Scene, desired, draw, edited, first_live, first_manifest

__all__ = ("Figures", "play", "play_all")

# After so many runs, and so much virtual time of one, something goes round in circles.
_MOST_RUNS = 40
_LONGEST_RUN_S = 1e6
_WINDOW_S = 1.0


@dataclass
class Figures:
    """What was done, summed up."""

    seeds: int = 0
    runs: int = 0
    kills: int = 0
    sends: int = 0
    virtual_s: float = 0.0
    real_s: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.seeds:,} seeds, {self.runs:,} runs, {self.kills:,} of them killed, {self.sends:,} requests; "
            f"{self.virtual_s / 3600:,.0f} h in {self.real_s:,.0f} s: {self.virtual_s / self.real_s:,.0f} times as fast"
        )


def play_all(seeds: Iterable[int], items: int, *, late: bool) -> Figures:
    """Play each of *seeds*, or the one that the environment names; what fails says how to see it again."""
    figures = Figures()
    named = os.environ.get("SEED")
    began_s = time.perf_counter()
    for seed in seeds if named is None else [int(named)]:
        try:
            play(seed, items, figures, late=late)
        except BaseException as error:
            error.add_note(f"again: SEED={seed} {os.environ.get('PYTEST_CURRENT_TEST', '')}")
            raise
    figures.real_s = time.perf_counter() - began_s
    return figures


def play(seed: int, items: int, figures: Figures, *, late: bool) -> None:
    story = _Story(draw(seed, items, late=late), figures)
    run_virtually(story.play)


class _Story:
    def __init__(self, scene: Scene, figures: Figures) -> None:
        self._scene = scene
        self._figures = figures
        self._random = Random(f"{scene.seed}/story")
        self._state = ModelState()
        self._everything = first_manifest(scene)
        self._manifest: Manifest = self._everything
        self._first_live = first_live(self._everything, scene.seed)
        self._audit = Audit({account.name: account for account in scene.accounts}, scene.retry)
        self._providers = {account.name: self._provider(account) for account in scene.accounts}
        for item, fields in self._first_live.items():
            self._providers[item.target].put(item, fields)
        self._edits = scene.edits

    async def play(self) -> None:
        scene = self._scene
        for number in range(_MOST_RUNS):
            plan = self._plan()
            calm = anyio.current_time() > scene.calm_s
            if number >= len(scene.endings) and calm and not self._edits and not self._is_anything(plan):
                break
            early = number < len(scene.endings)
            await self._run(
                plan, scene.policies[number] if early else Policy(), scene.endings[number] if early else None
            )
            await self._between(number)
        else:
            raise AssertionError(f"after {_MOST_RUNS} runs there is still something to do")

        self._audit.end(self._manifest, self._first_live, self._live)
        self._audit.check()
        self._figures.seeds += 1
        self._figures.sends += self._audit.sends
        self._figures.virtual_s += anyio.current_time()

    async def _between(self, number: int) -> None:
        """Let time go by, and let somebody work on the manifest."""
        await anyio.sleep(self._random.choice((0.0, 0.5, self._random.uniform(0, 30))))
        if self._edits and self._random.random() < 0.6:
            self._edits -= 1
            self._manifest = edited(self._manifest, self._everything, self._random)
        left_s = self._scene.calm_s - anyio.current_time()
        more = number - len(self._scene.endings)
        if left_s > 0 and more >= 0 and (more > _MOST_RUNS / 2 or self._random.random() < 0.3):
            await anyio.sleep(left_s)

    def _plan(self) -> Plan:
        operations = {account.name: account.operations for account in self._scene.accounts}
        comparison = Comparison(self._state, operations)
        for one in desired(self._manifest):
            comparison.add(one)
        return draw_up(
            comparison,
            self._state,
            base=Base(self._state.lineage, self._state.serial, "0", {}),
            paces={
                account.name: Pace(account.rate_per_s, {one.name: one for one in account.operations})
                for account in self._scene.accounts
            },
            guards=GuardSettings(),
            allowed=(),
            whole=True,
        )

    @staticmethod
    def _is_anything(plan: Plan) -> bool:
        return bool(plan.changes or plan.released or plan.unmanaged)

    async def _run(self, plan: Plan, policy: Policy, ending: Ending | None) -> None:
        now_s = anyio.current_time()
        not_before_s = {
            account.name: self._state.last_send_s(account.name, EPOCH_S + now_s) for account in self._scene.accounts
        }
        self._state.begin(plan, EPOCH_S + now_s)
        audit = self._audit.begin(plan)

        def durable(entry: Entry) -> None:
            self._state.record(entry)
            audit.durable(entry)

        breaks_at_s = now_s + ending.at_s if ending is not None and ending.how == "disk" else None
        journal = ModelJournal(durable, self._scene.commit_s, breaks_at_s)
        transports = {
            account.name: ModelTransport(self._providers[account.name], account.timeout_s, audit.watch)
            for account in self._scene.accounts
        }
        engine = Engine(
            [
                self._target(account, transports[account.name], not_before_s[account.name])
                for account in self._scene.accounts
            ],
            journal,
            lambda _event: None,
            self._scene.retry,
            policy,
            virtual_clock(),
            self._random.random,
        )
        killed = broken = False
        with anyio.fail_after(_LONGEST_RUN_S), anyio.CancelScope() as scope:

            async def end(ending: Ending) -> None:
                await anyio.sleep(ending.at_s)
                match ending.how:
                    case "kill":
                        nonlocal killed
                        killed = True
                        journal.die()
                        for transport in transports.values():
                            transport.die()
                        scope.cancel()
                    case "stop":
                        engine.request_stop("signal")
                    case "cancel":
                        engine.cancel("signal")
                    case "disk":
                        pass

            async with anyio.create_task_group() as tasks:
                if ending is not None:
                    tasks.start_soon(end, ending)
                try:
                    await engine.apply(plan)
                except StateWriteError:
                    broken = True
                tasks.cancel_scope.cancel()

        assert not broken or breaks_at_s is not None, "nothing was wrong with the disk"
        if not killed and not broken:
            audit.ended(journal.left)
        self._audit.check()
        if not self._scene.late:
            audit.known(self._state, self._live)
            self._audit.check()
        self._figures.runs += 1
        self._figures.kills += killed

    def _target(self, account: Account, transport: ModelTransport, last_send_s: float | None) -> Target:
        return Target(
            name=account.name,
            codec=ModelCodec(account.operations),
            transport=transport,
            rate_per_s=account.rate_per_s,
            burst=account.burst,
            concurrency=account.concurrency,
            not_before_s=0.0 if last_send_s is None else last_send_s + _WINDOW_S,
        )

    def _provider(self, account: Account) -> ModelProvider:
        return ModelProvider(account.model, f"{self._scene.seed}/{account.name}", self._audit.apply)

    def _live(self, item: Item) -> Fields:
        return self._providers[item.target].live(item, anyio.current_time())
