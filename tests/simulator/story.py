"""One seed from its first run to the last: faults, kills, edits and all, until there is nothing left to do."""

import os
import sys
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
from kbsync.engine.target import Policy
from kbsync.simulator.clock import EPOCH_S, run_virtually
from kbsync.simulator.known import ModelState
from kbsync.simulator.provider import ModelProvider
from tests.simulator.audit import Audit
from tests.simulator.process import Process
from tests.simulator.scene import Manifest, Scene, desired, draw, edited, first_live, first_manifest

__all__ = ("Figures", "play", "play_all")

# After so many runs something goes round in circles.
_MOST_RUNS = 40


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


def play_all(seeds: Iterable[int], items: int) -> Figures:
    """Play each of *seeds*, or the one that the environment names; what fails says how to see it again."""
    figures = Figures()
    named = os.environ.get("SEED")
    began_s = time.perf_counter()
    for seed in seeds if named is None else [int(named)]:
        try:
            play(seed, items, figures)
        except BaseException as error:
            error.add_note(f"Seed {seed} does it again: SEED={seed} {_command()}")
            raise
    figures.real_s = time.perf_counter() - began_s
    return figures


def play(seed: int, items: int, figures: Figures) -> None:
    """Play *seed* and add what was done to *figures*. Raises AssertionError for the first thing that did not hold."""
    run_virtually(_Story(draw(seed, items), figures).play)


def _command() -> str:
    test = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0]
    if "campaigns" in test:
        return "make campaign-sim"
    return f"{sys.executable} -m pytest -q '{test}'"


class _Story:
    def __init__(self, scene: Scene, figures: Figures) -> None:
        self._scene = scene
        self._figures = figures
        self._random = Random(f"{scene.seed}/story")
        self._state = ModelState(lambda: EPOCH_S + anyio.current_time())
        self._everything = first_manifest(scene)
        self._manifest: Manifest = self._everything
        self._first_live = first_live(self._everything, scene.seed)
        self._accounts = {account.name: account for account in scene.accounts}
        self._audit = Audit(self._accounts, scene.retry)
        self._providers = {
            account.credential: ModelProvider(account.model, f"{scene.seed}/{account.credential}", self._audit.apply)
            for account in scene.accounts
        }
        for item, fields in self._first_live.items():
            self._provider(item).put(item, fields)
        self._edits = scene.edits

    async def play(self) -> None:
        for number in range(_MOST_RUNS):
            plan = self._plan()
            if self._is_over(number, plan):
                break
            await self._run(number, plan)
            await self._between(number)
        else:
            raise AssertionError(f"after {_MOST_RUNS} runs there is still something to do")

        self._audit.end(self._manifest, self._first_live, self._live)
        self._audit.check()
        self._figures.seeds += 1
        self._figures.sends += self._audit.sends
        self._figures.virtual_s += anyio.current_time()

    def _is_over(self, number: int, plan: Plan) -> bool:
        more = number < len(self._scene.endings) or self._edits or anyio.current_time() < self._scene.calm_s
        return not (more or plan.changes or plan.released or plan.unmanaged)

    async def _run(self, number: int, plan: Plan) -> None:
        scene = self._scene
        early = number < len(scene.endings)
        audit = self._audit.begin(plan)
        process = Process(
            plan,
            scene.policies[number] if early else Policy(),
            scene,
            self._providers,
            self._state,
            audit,
            self._random.random,
            scene.endings[number] if early else None,
        )
        end = await process.run()
        self._audit.known(self._state, self._live)
        self._audit.check()
        self._figures.runs += 1
        self._figures.kills += end == "killed"

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
        accounts = self._scene.accounts
        comparison = Comparison(self._state, {account.name: account.operations for account in accounts})
        for one in desired(self._manifest):
            comparison.add(one)
        return draw_up(
            comparison,
            self._state,
            base=Base(self._state.lineage, self._state.serial, "0", {}),
            paces={
                account.name: Pace(account.rate_per_s, {one.name: one for one in account.operations})
                for account in accounts
            },
            guards=GuardSettings(),
            allowed=(),
            whole=True,
        )

    def _live(self, item: Item) -> Fields:
        return self._provider(item).live(item, anyio.current_time())

    def _provider(self, item: Item) -> ModelProvider:
        return self._providers[self._accounts[item.target].credential]
