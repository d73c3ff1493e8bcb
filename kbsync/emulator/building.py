"""From options to an emulator. Every mistake is a UsageError or InputError that names the flag or the file."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar, cast

import orjson

from kbsync.emulator.archive import load_world
from kbsync.emulator.behaviour import Behaviour, changed_behaviour
from kbsync.emulator.coze.jwt import public_key
from kbsync.emulator.credentials import OAuthApp
from kbsync.emulator.emulator import Emulator, Latency
from kbsync.emulator.faults import PRESETS, read_mix
from kbsync.emulator.messages import MalformedError
from kbsync.emulator.options import Options
from kbsync.emulator.rates import Rate, WindowKind, read_rate
from kbsync.emulator.rules import Rule, read_rules, rule_of_mix
from kbsync.emulator.sample import sample_world
from kbsync.emulator.world import World
from kbsync.errors import InputError, UsageError

__all__ = ("built_emulator", "read_latency")

_Read = TypeVar("_Read")


def built_emulator(options: Options) -> Emulator:
    """Make the emulator that *options* describe, with its content loaded or made up."""
    return Emulator(
        _world(options),
        _behaviour(options),
        rules=_rules(options),
        rates=_rates(options),
        latency=_told("latency", read_latency, options.latency),
        seed=options.seed,
        clock_offset_s=options.clock_offset,
    )


def read_latency(text: str) -> Latency:
    """Read `20` or `20-80`, in milliseconds; nothing is no latency."""
    if not text:
        return Latency()
    low, _, high = text.partition("-")
    least_s, most_s = float(low) / 1000, float(high or low) / 1000
    if not 0 <= least_s <= most_s < float("inf"):
        raise MalformedError("must be a time like 20 or 20-80")
    return Latency(least_s, most_s)


def _told(flag: str, read: Callable[[str], _Read], text: str) -> _Read:
    try:
        return read(text)
    except ValueError as error:
        raise UsageError(f"--{flag.replace('_', '-')} {text}: {error}") from error


def _world(options: Options) -> World:
    if options.data is not None and options.data.exists():
        world = load_world(options.data)
    else:
        world = sample_world(options.images, options.documents, options.docs)
    if options.oauth_app:
        apps = tuple(_told("oauth_app", _app, text) for text in options.oauth_app)
        world.credentials = replace(world.credentials, apps=world.credentials.apps + apps)
    return world


def _app(text: str) -> OAuthApp:
    client_id, _, rest = text.partition(",")
    key_id, _, path = rest.partition(",")
    if not (client_id and key_id and path):
        raise MalformedError("must be ID,KEY_ID,FILE")
    try:
        return OAuthApp(f"app-{client_id}", client_id, key_id, public_key(Path(path).read_text(encoding="utf-8")))
    except OSError as error:
        raise MalformedError(f"{path}: {error.strerror}") from error


def _behaviour(options: Options) -> Behaviour:
    behaviour = _told("meta_mode", lambda mode: changed_behaviour(Behaviour(), {"meta_mode": mode}), options.meta_mode)
    for text in options.behave:
        behaviour = _told("behave", partial(_with_setting, behaviour), text)
    return behaviour


def _with_setting(behaviour: Behaviour, text: str) -> Behaviour:
    return changed_behaviour(behaviour, _setting(text))


def _setting(text: str) -> Mapping[str, object]:
    """Read `name=value`, where the value is JSON, or a bare word, or words with commas."""
    name, equals, value = text.partition("=")
    if not equals:
        raise MalformedError("must be NAME=VALUE")
    try:
        return {name: cast("object", orjson.loads(value))}
    except orjson.JSONDecodeError:
        return {name: value.split(",") if name == "ignored_fields" else value}


def _rates(options: Options) -> Mapping[str, Rate]:
    if options.rate_window not in {"sliding", "fixed"}:
        raise UsageError(f"--rate-window {options.rate_window}: must be sliding or fixed")
    window = cast("WindowKind", options.rate_window)
    if options.throttle:
        _told("throttle", read_mix, options.throttle)
    rates: dict[str, Rate] = {}
    for text in options.rate:
        whose, equals, rate = text.rpartition("=")
        rates[whose if equals else "*"] = _told("rate", lambda text: read_rate(text, window, options.throttle), rate)
    return rates


def _rules(options: Options) -> tuple[Rule, ...]:
    rules: list[Rule] = []
    for text in options.outage:
        from_s, until_s = _told("outage", _span, text)
        rules.append(replace(rule_of_mix(PRESETS["outage"], 1.0, None), from_s=from_s, until_s=until_s))
    if options.rules is not None:
        rules.extend(_rules_file(options.rules))
    if not 0 <= options.fault <= 1:
        raise UsageError(f"--fault {options.fault}: must be between 0 and 1")
    mix = _told("faults", read_mix, options.faults)
    if options.fault:
        rules.append(rule_of_mix(mix, options.fault, options.max_faults_in_row or None))
    return tuple(rules)


def _span(text: str) -> tuple[float, float]:
    low, dash, high = text.partition("-")
    if not dash or not float(low) < float(high):
        raise MalformedError("must be FROM-UNTIL in seconds")
    return float(low), float(high)


def _rules_file(path: Path) -> tuple[Rule, ...]:
    try:
        return read_rules(orjson.loads(path.read_bytes()))
    except OSError as error:
        raise InputError([f"{path}: {error.strerror}"]) from error
    except ValueError as error:
        raise InputError([f"{path}: {error}"]) from error
