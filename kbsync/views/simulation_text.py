"""A simulation for people, as lines of text, and for programs: format `kbsync.simulation/1`."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson

from kbsync.core.report import OUTCOMES
from kbsync.core.simulation import SIMULATION_FORMAT, Assumed, Simulation, TargetSimulation
from kbsync.views.escape import one_line
from kbsync.views.paint import PLAIN, Paint
from kbsync.views.report_outline import words
from kbsync.views.wording import count, duration, share

__all__ = ("simulation_json", "simulation_text")

_REASONS_SHOWN = 5


def simulation_text(simulation: Simulation, *, paint: Paint = PLAIN) -> Iterator[str]:
    """Yield *simulation* as lines without line ends: what would come of the run, then target by target, and why."""
    totals, exit_ = simulation.totals, simulation.exit
    requests = sum(target.writes + target.reads for target in simulation.targets.values())
    colour = paint.green if exit_ == 0 else paint.red
    took = f"{duration(simulation.seconds)}, {count(requests, 'request')}" if totals["planned"] else "nothing to send"
    yield colour(paint.bold(f"Simulated {count(totals['planned'], 'change')}: {took}. {_exit(simulation)}"))
    yield paint.dim(f"Nothing was sent, and nothing is changed. --seed {simulation.seed} gives the same again.")

    for name, target in simulation.targets.items():
        yield ""
        yield f"{paint.bold(one_line(name, 80))}  {count(target.planned, 'change')} in {duration(target.seconds)}"
        yield from (f"  {paint.dim(word.ljust(9))} {text}" for word, text in _target(target))


def simulation_json(simulation: Simulation) -> Iterator[bytes]:
    """Yield *simulation* as one JSON document."""
    exit_ = simulation.exit
    document = {
        "format": SIMULATION_FORMAT,
        "exit": {"code": exit_.value, "name": exit_.name.lower()},
        "seed": simulation.seed,
        "seconds": round(simulation.seconds, 3),
        "totals": simulation.totals,
        "targets": {name: _plain(target) for name, target in simulation.targets.items()},
    }
    yield orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n"


def _exit(simulation: Simulation) -> str:
    return f"The run would exit {simulation.exit.value} ({simulation.exit.name.lower()})."


def _target(target: TargetSimulation) -> Iterator[tuple[str, str]]:
    """Yield what there is to say of *target*, each with the word before it."""
    retried = f" ({target.retries:,} {'retry' if target.retries == 1 else 'retries'})" if target.retries else ""
    reads = f", {count(target.reads, 'read')}" if target.reads else ""
    trouble = "".join(
        f", {number:,} {word}" for number, word in ((target.throttled, "throttled"), (target.lost, "lost")) if number
    )
    yield "requests", f"{count(target.writes, 'write')}{retried}{reads}{trouble}; {target.peak:,} in a second at most"
    yield "outcomes", ", ".join(_outcomes(target)) or "none"
    if target.slowest_per_s is not None:
        yield "slowed", f"to {target.slowest_per_s:.3g}/s at the least, because the provider turned requests away"
    if target.waited_s:
        yield "waited", f"{duration(target.waited_s)}, because the provider asked for it or was down"
    if target.stopped:
        yield "stopped", one_line(target.stopped, 80)
    yield "assumed", "; ".join(_assumed(target.assumed))


def _outcomes(target: TargetSimulation) -> Iterator[str]:
    reasons: dict[str, Counter[str]] = {}
    for (outcome, reason), number in target.outcomes.items():
        reasons.setdefault(outcome, Counter())[reason] += number
    for word in (word for word in OUTCOMES if word in reasons):
        why = reasons[word].most_common(_REASONS_SHOWN)
        told = ", ".join(f"{number:,} {one_line(reason, 40)}" for reason, number in why)
        yield f"{reasons[word].total():,} {words(word)}" + ("" if word == "updated" else f" ({told})")


def _assumed(assumed: Assumed) -> Iterator[str]:
    burst = f" in bursts of {assumed.burst}" if assumed.burst > 1 else ""
    yield f"{assumed.rate_per_s:g}/s{burst}, {assumed.concurrency} at once"
    true_rate = assumed.true_rate_per_s
    yield "the provider allows that" if true_rate is None else f"the provider allows {true_rate:g}/s"
    low, high = assumed.latency_ms
    yield f"{low:g} ms a request" if low == high else f"{low:g} to {high:g} ms a request"
    if assumed.fault_share:
        yield f"{assumed.faults} faults hit {share(round(assumed.fault_share * 1e6), 1_000_000)}"
    for from_s, until_s in assumed.outages:
        yield f"down from {duration(from_s)} to {duration(until_s)}"


def _plain(target: TargetSimulation) -> dict[str, Any]:
    assumed = target.assumed
    outcomes: dict[str, dict[str, int]] = {}
    for (outcome, reason), number in sorted(target.outcomes.items()):
        outcomes.setdefault(outcome, {})[reason] = number
    return {
        "changes": target.planned,
        "seconds": round(target.seconds, 3),
        "requests": {
            "writes": target.writes,
            "retries": target.retries,
            "reads": target.reads,
            "throttled": target.throttled,
            "lost": target.lost,
            "most_in_a_second": target.peak,
        },
        "slowest_rate_per_second": target.slowest_per_s,
        "waited_seconds": round(target.waited_s, 3),
        "stopped": target.stopped or None,
        "outcomes": outcomes,
        "assumed": {
            "rate_per_second": assumed.rate_per_s,
            "burst": assumed.burst,
            "concurrency": assumed.concurrency,
            "true_rate_per_second": assumed.true_rate_per_s,
            "latency_ms": assumed.latency_ms,
            "faults": assumed.faults,
            "fault_share": assumed.fault_share,
            "outages_seconds": assumed.outages,
        },
    }
