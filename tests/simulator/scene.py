"""What one seed stands for: targets, accounts, a manifest with its edits, and how each run ends."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Literal, NamedTuple

from kbsync.core.fields import MetaValue, Value
from kbsync.core.items import Item, Source
from kbsync.core.manifest import Desired
from kbsync.core.settings import RetrySettings
from kbsync.core.wire import Operation
from kbsync.engine.target import Policy
from kbsync.simulator.faults import FAULTS, Spell
from kbsync.simulator.provider import Limit, Model, limit

__all__ = ("Account", "Ending", "Manifest", "Scene", "draw", "edited", "first_live", "first_manifest")

CAPTION = Operation("model.caption", "image", frozenset({"caption"}), read_batch=0)
PAGE = Operation("model.page", "document", frozenset({"name", "update_rule"}))
NAME = Operation("model.name", "document", frozenset({"name"}))
PLAIN, OVERLAYING = "plain", "overlaying"
# No later than an answer can be waited for: see `RetrySettings.quarantine_s`.
LATEST_S = 60.0
# So few that a value often comes back which an earlier attempt may still carry.
VALUES = ("a", "b", "c")
SECTIONS = {(PLAIN, "image"): ("caption",), (PLAIN, "document"): ("name",), (OVERLAYING, "document"): ("name",)}
LATE = ("late_write", "late_write_hang", "late_write_504")
# What ends a target for its run, or is no weather: seldom.
HARSH = ("refused_401", "refused_container", "refused_403")

Manifest = Mapping[Item, Mapping[str, Value]]


class Account(NamedTuple):
    """One target: how it is set, with lower *rates* of single operations, and how the account behind it behaves.

    Targets of the same *credential* are one account.
    """

    name: str
    credential: str
    operations: tuple[Operation, ...]
    rate_per_s: float
    rates: Mapping[str, float]
    burst: int
    concurrency: int
    timeout_s: float
    model: Model


class Ending(NamedTuple):
    """How a run ends that would go on: *at_s* after its beginning."""

    how: Literal["kill", "stop", "cancel", "disk"]
    at_s: float


@dataclass(frozen=True)
class Scene:
    """Everything that is drawn beforehand. From *calm_s* on the providers behave."""

    seed: int
    items: int
    calm_s: float
    accounts: tuple[Account, ...]
    retry: RetrySettings
    policies: tuple[Policy, ...]
    endings: tuple[Ending | None, ...]
    edits: int
    commit_s: float


def draw(seed: int, items: int) -> Scene:
    """Return the scene of *seed*."""
    random = Random(f"{seed}/scene")
    rates = {name: random.choice((0.5, 2.5, 5.0, 20.0, 20.0, 100.0, 1_000.0)) for name in (PLAIN, OVERLAYING)}
    shared = random.random() < 0.15
    whole_s = 1.3 * items / min(rates.values())
    calm_s = random.uniform(0.2, 2.5) * whole_s + 10.0
    runs = random.randint(1, 5)
    accounts = [_account(name, rate, calm_s, random) for name, rate in rates.items()]
    if shared:
        accounts = [one._replace(credential="shared", model=accounts[0].model) for one in accounts]
    return Scene(
        seed=seed,
        items=items,
        calm_s=calm_s,
        accounts=tuple(accounts),
        retry=_retry(random),
        policies=tuple(_policy(random, items) for _ in range(runs)),
        endings=tuple(_ending(random, whole_s) for _ in range(runs)),
        edits=random.choice((0, 1, 2, 4)),
        commit_s=random.choice((0.0005, 0.002, 0.02, 0.3)),
    )


def first_manifest(scene: Scene) -> Manifest:
    """Return the manifest before its edits: the items are spread over targets, kinds and containers."""
    random = Random(f"{scene.seed}/manifest")
    plain, images = random.random(), random.random()
    manifest: dict[Item, dict[str, Value]] = {}
    for number in range(scene.items):
        target = PLAIN if random.random() < plain else OVERLAYING
        kind = "image" if target == PLAIN and random.random() < images else "document"
        item = Item(target, f"c{random.randrange(3)}", kind, f"{number:06}")
        manifest[item] = _declared(item, random)
    return manifest


def first_live(manifest: Manifest, seed: int) -> dict[Item, dict[str, Value]]:
    """Return what is live before the first run: other values, and fields that no manifest ever mentions."""
    random = Random(f"{seed}/live")
    live: dict[Item, dict[str, Value]] = {}
    for item in manifest:
        live[item] = {SECTIONS[item.target, item.kind][0]: random.choice(("", *VALUES))}
        if item.target == OVERLAYING:
            live[item]["meta.foreign"] = MetaValue("string", item.id)
            live[item]["meta.tag"] = MetaValue("string", random.choice(VALUES))
    return live


def edited(manifest: Manifest, everything: Manifest, random: Random) -> Manifest:
    """Return *manifest* after somebody worked on it: values change, items of *everything* leave and come back."""
    share = random.choice((0.02, 0.2, 0.9))
    after: dict[Item, Mapping[str, Value]] = {}
    for item in everything:
        drawn = random.random()
        if item not in manifest:
            if drawn < 0.5:
                after[item] = _declared(item, random)
        elif drawn < share:
            after[item] = _declared(item, random)
        elif drawn < 0.98:
            after[item] = manifest[item]
    return after


def desired(manifest: Manifest) -> list[Desired]:
    """Return the items of *manifest* as a reader of manifests yields them."""
    return [
        Desired(item, fields, Source("kb.yaml", line, 1)) for line, (item, fields) in enumerate(manifest.items(), 1)
    ]


def _declared(item: Item, random: Random) -> dict[str, Value]:
    section = SECTIONS[item.target, item.kind]
    fields: dict[str, Value] = {field: random.choice(VALUES) for field in section}
    if item.target == OVERLAYING:
        drawn = random.random()
        if drawn < 0.8:
            fields["meta.tag"] = MetaValue("string", random.choice(VALUES))
        if drawn < 0.2:
            fields["meta.more"] = MetaValue("string", random.choice(VALUES))
        if 0.5 < drawn < 0.8:
            del fields["name"]
    return fields


def _account(name: str, rate_per_s: float, calm_s: float, random: Random) -> Account:
    meta = Operation(
        "model.meta", "document", frozenset({"meta"}), overlays=True, read_batch=random.choice((1, 7, 100))
    )
    low_s = random.choice((0.001, 0.02, 0.1, 1.0))
    operations = (CAPTION, PAGE) if name == PLAIN else (meta, NAME)
    return Account(
        name=name,
        credential=name,
        operations=operations,
        rate_per_s=rate_per_s,
        rates={operations[0].name: rate_per_s / 2} if random.random() < 0.1 else {},
        burst=random.choice((1, 1, 1, 3)),
        concurrency=random.choice((1, 2, 4, 4, 16)),
        timeout_s=random.choice((5.0, 30.0)),
        model=Model(
            limits=_limits(rate_per_s, calm_s, random),
            tells=random.random() < 0.5,
            latency_s=(low_s, min(4.0, low_s * random.choice((1, 1, 3, 20)))),
            spells=tuple(_spell(calm_s, random) for _ in range(random.choice((0, 1, 1, 2, 3)))),
            late_s=(0.1, random.choice((2.0, 20.0, LATEST_S, LATEST_S))),
        ),
    )


def _limits(rate_per_s: float, calm_s: float, random: Random) -> tuple[Limit, ...]:
    """Return what the provider really allows, which changes; in the end it is far more than is sent."""
    if random.random() < 0.4:
        return ()
    window: Literal["sliding", "fixed"] = random.choice(("sliding", "fixed"))
    shares = [random.choice((0.3, 0.5, 0.9, 1.0, 1.1, 2.0)) for _ in range(random.randint(1, 3))]
    times = [0.0, *sorted(random.uniform(0, calm_s) for _ in shares[1:])]
    steps = [limit(share * rate_per_s, window, at_s) for share, at_s in zip(shares, times, strict=True)]
    return (*steps, limit(20 * rate_per_s + 20, window, calm_s))


def _spell(calm_s: float, random: Random) -> Spell:
    names = [name for name in FAULTS if name not in LATE and name not in HARSH]
    chosen = [*random.sample(names, random.choice((0, 1, 3, 6))), random.choice(LATE)]
    if random.random() < 0.05:
        chosen.append(random.choice(HARSH))
    from_s = random.choice((0.0, random.uniform(0, calm_s)))
    return Spell(
        faults=tuple((FAULTS[name], random.choice((1.0, 1.0, 5.0))) for name in chosen),
        share=random.choice((0.02, 0.1, 0.3, 0.6, 1.0)),
        from_s=from_s,
        until_s=min(calm_s, from_s + random.choice((5.0, 60.0, calm_s))),
        by_item=random.random() < 0.15,
    )


def _retry(random: Random) -> RetrySettings:
    if random.random() < 0.5:
        return RetrySettings()
    return RetrySettings(
        attempts=random.choice((1, 2, 5)),
        throttled_attempts=random.choice((1, 3, 20)),
        base_delay_s=random.choice((0.05, 0.25, 2.0)),
        throttle_delay_s=random.choice((0.1, 1.0)),
        max_delay_s=random.choice((1.0, 30.0)),
        deadline_s=random.choice((5.0, 180.0)),
        quota=random.choice((1, 5, 35, 1_000)),
        quarantine_s=random.choice((60.0, 120.0)),
    )


def _policy(random: Random, items: int) -> Policy:
    if random.random() < 0.7:
        return Policy()
    return Policy(
        on_error=random.choice(("continue", "continue", "drain", "abort")),
        max_errors=random.choice((None, None, 5)),
        max_error_rate=random.choice((None, None, 50.0)),
        limit=random.choice((None, 1, items // 2)),
        max_duration_s=random.choice((None, 0.1, 20.0)),
        max_outage_s=random.choice((None, 0.0, 20.0, 600.0)),
    )


def _ending(random: Random, whole_s: float) -> Ending | None:
    drawn = random.random()
    if drawn < 0.2:
        return None
    at_s = random.choice((random.uniform(0, 0.1), random.uniform(0, 1.2 * whole_s), random.expovariate(4 / whole_s)))
    if drawn < 0.8:
        return Ending("kill", at_s)
    return Ending(random.choice(("stop", "cancel", "disk")), at_s)
