"""What `kbsync simulate` is told to assume, and the models that this makes of the configured targets."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any, Final, Generic, NamedTuple, TypeVar

import click
from pydantic import TypeAdapter, ValidationError

from kbsync.adapters.config import Target
from kbsync.core.settings import RatePerSecond
from kbsync.core.simulation import Assumed
from kbsync.core.wire import Operation
from kbsync.errors import UsageError
from kbsync.simulator import MIXES, OUTAGE, Model, ModelTarget, limit, spell

__all__ = (
    "Assumptions",
    "each_target",
    "every_target",
    "model_targets",
    "read_count",
    "read_latency",
    "read_outage",
    "read_rate",
)

_T = TypeVar("_T")
_NUMBER: Final = r"[0-9]{1,9}(?:\.[0-9]{1,6})?"
_RANGE: Final = re.compile(rf"({_NUMBER})-({_NUMBER})", re.ASCII)
_RATE: Final[TypeAdapter[float]] = TypeAdapter(RatePerSecond)
_MOST_CONCURRENT: Final = 1_000


class Told(NamedTuple, Generic[_T]):
    """One value of an option, for *target* or, when that is empty, for all."""

    target: str
    value: _T


def each_target(read: Callable[[str], _T]) -> Callable[[click.Context, click.Parameter, Sequence[str]], list[Told[_T]]]:
    """Return what makes the values of an option of *read*, each behind `TARGET=` or for all targets."""

    def convert(context: click.Context, parameter: click.Parameter, texts: Sequence[str]) -> list[Told[_T]]:
        parts = [text.rpartition("=") for text in texts]
        return [Told(target, _read(read, value, context, parameter)) for target, _, value in parts]

    return convert


def every_target(read: Callable[[str], _T]) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """Return what makes the value of an option, or each of its values, of *read*."""

    def convert(context: click.Context, parameter: click.Parameter, texts: Any) -> Any:
        if isinstance(texts, str):
            return _read(read, texts, context, parameter)
        return [_read(read, text, context, parameter) for text in texts]

    return convert


def _read(read: Callable[[str], _T], text: str, context: click.Context, parameter: click.Parameter) -> _T:
    try:
        return read(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r}: {error}", context, parameter) from None


def read_rate(text: str) -> float:
    """Read `5/s`. Raises ValueError, as the others here do."""
    try:
        return _RATE.validate_python(text)
    except ValidationError as error:
        raise ValueError(error.errors()[0]["msg"]) from None


def read_count(text: str) -> int:
    """Read how many requests may be under way."""
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:9]) <= _MOST_CONCURRENT:
        raise ValueError(f"write a number from 1 to {_MOST_CONCURRENT:,}")
    return int(text)


def read_latency(text: str) -> tuple[float, float]:
    """Read `50` or `20-200`, in milliseconds."""
    low, high = _pair(text if "-" in text else f"{text}-{text}", 'write milliseconds as "50" or "20-200"')
    return low, high


def read_outage(text: str) -> tuple[float, float]:
    """Read `60-180`, in seconds."""
    return _pair(text, 'write seconds as "60-180"')


def _pair(text: str, advice: str) -> tuple[float, float]:
    match = _RANGE.fullmatch(text)
    if match is None or float(match[1]) > float(match[2]):
        raise ValueError(advice)
    return float(match[1]), float(match[2])


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What the command line says. Of several values for one target the last stands; named ones stand over others."""

    faults: str
    fault: float | None
    rates: Sequence[Told[float]]
    true_rates: Sequence[Told[float]]
    latency: tuple[float, float]
    outages: Sequence[tuple[float, float]]
    concurrencies: Sequence[Told[int]]

    def check(self, targets: Iterable[str]) -> None:
        """Raise UsageError when a value is for a target that is not in *targets*."""
        for option, told in (
            ("--rate", self.rates),
            ("--true-rate", self.true_rates),
            ("--concurrency", self.concurrencies),
        ):
            for one in told:
                if one.target and one.target not in targets:
                    raise UsageError(f"{option} {one.target}: there is no such target; these are: {', '.join(targets)}")


def model_targets(
    targets: Mapping[str, Target], operations: Mapping[str, Sequence[Operation]], assumptions: Assumptions
) -> list[ModelTarget]:
    """Return the models of *targets*. Those with the same secret references are one account."""
    accounts: dict[str, list[str]] = {}
    for name, target in targets.items():
        accounts.setdefault(_credential(target), []).append(name)
    return [
        _model_target(target, tuple(operations[name]), assumptions, accounts[_credential(target)])
        for name, target in targets.items()
    ]


def _model_target(
    target: Target, operations: tuple[Operation, ...], assumptions: Assumptions, sharing: Sequence[str]
) -> ModelTarget:
    settings = target.settings
    told_rate = _chosen(assumptions.rates, target.name)
    told_concurrency = _chosen(assumptions.concurrencies, target.name)
    rate_per_s = settings.rate_per_s if told_rate is None else told_rate
    # What one of them is allowed, all are that share its credential.
    allowed = [rate for name in sharing if (rate := _chosen(assumptions.true_rates, name)) is not None]
    true_rate_per_s = min(allowed, default=None)
    spells = MIXES[assumptions.faults]
    if assumptions.fault is not None:
        spells = tuple(replace(one, share=assumptions.fault) for one in spells)
    low_ms, high_ms = assumptions.latency
    spells = (*(spell(1.0, OUTAGE, from_s, until_s) for from_s, until_s in assumptions.outages), *spells)
    model = Model(
        limits=() if true_rate_per_s is None else (limit(true_rate_per_s),),
        latency_s=(low_ms / 1000, high_ms / 1000),
        spells=spells,
    )
    assumed = Assumed(
        rate_per_s=rate_per_s,
        burst=settings.burst,
        concurrency=settings.concurrency if told_concurrency is None else told_concurrency,
        true_rate_per_s=true_rate_per_s,
        latency_ms=(low_ms, high_ms),
        faults=assumptions.faults,
        fault_share=max((one.share for one in spells if one.until_s == inf), default=0.0),
        outages=tuple((one.from_s, one.until_s) for one in spells if one.until_s < inf),
    )
    return ModelTarget(
        name=target.name,
        operations=operations,
        timeout_s=min(settings.read_timeout_s, settings.total_timeout_s),
        model=model,
        assumed=assumed,
        rates=settings.rates,
        credential=_credential(target),
    )


def _credential(target: Target) -> str:
    """Return a word that is the same for targets whose secrets are the same, as far as their references tell."""
    references = sorted(str(getattr(target.settings, key)) for key in target.settings.secret_keys())
    return " ".join((target.provider.name, *references))


def _chosen(told: Sequence[Told[_T]], target: str) -> _T | None:
    for whose in (target, ""):
        values = [one.value for one in told if one.target == whose]
        if values:
            return values[-1]
    return None
