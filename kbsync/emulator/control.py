"""The control endpoints, under `/_emulator/`: reading what happened and changing what happens.

No credentials are asked for. Mistakes are answered with HTTP 400 and `{"error": …}`.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qsl

import orjson

from kbsync.emulator.archive import read_world, world_json
from kbsync.emulator.behaviour import changed_behaviour
from kbsync.emulator.editing import edit_items
from kbsync.emulator.faults import FAULTS, PRESETS
from kbsync.emulator.ledger import Record
from kbsync.emulator.messages import Answer, JsonObject, MalformedError, Request, json_answer
from kbsync.emulator.rates import Rate, read_rate
from kbsync.emulator.rules import read_rules, rule_of_mix

if TYPE_CHECKING:
    from kbsync.emulator.emulator import Emulator

__all__ = ("Control",)

PAGE_DEFAULT = 1000


class Control:
    """Answers control requests about one emulator."""

    def __init__(self, emulator: "Emulator") -> None:
        self._emulator = emulator
        self._work: Mapping[tuple[str, str], Callable[[Request], object]] = {
            ("GET", ""): self._index,
            ("GET", "faults"): self._faults,
            ("PUT", "faults"): self._set_faults,
            ("DELETE", "faults"): self._clear_faults,
            ("GET", "vocabulary"): self._vocabulary,
            ("GET", "rates"): self._rates,
            ("PUT", "rates"): self._set_rates,
            ("GET", "latency"): self._latency,
            ("PUT", "latency"): self._set_latency,
            ("GET", "behaviour"): self._behaviour,
            ("PATCH", "behaviour"): self._set_behaviour,
            ("GET", "clock"): self._clock,
            ("PUT", "clock"): self._set_clock,
            ("GET", "stats"): self._stats,
            ("DELETE", "stats"): self._clear,
            ("GET", "requests"): self._requests,
            ("DELETE", "requests"): self._clear,
            ("GET", "world"): self._world,
            ("PUT", "world"): self._set_world,
            ("POST", "items"): self._edit,
            ("POST", "save"): self._save,
        }

    def answer(self, request: Request, name: str) -> Answer:
        """Answer the request for the endpoint *name*."""
        work = self._work.get((request.method, name.strip("/")))
        if work is None:
            return json_answer(404, {"error": f"no such endpoint: {request.method} {name}", **self._index(request)})
        try:
            return json_answer(200, work(request))
        except ValueError as error:
            return json_answer(400, {"error": str(error)})

    def _index(self, request: Request) -> JsonObject:  # noqa: ARG002 - the signature of all of them
        return {"endpoints": [f"{method} /_emulator/{name}" for method, name in self._work]}

    def _faults(self, request: Request) -> object:  # noqa: ARG002
        fates = self._emulator.fates
        return {"seed": fates.seed, "rules": [asdict(rule) for rule in fates.rules]}

    def _set_faults(self, request: Request) -> object:
        """Take `{"rules": […]}` or `{"share": …, "mix": …, "max_in_row": …}`, each with an optional seed."""
        value = _object(request)
        seed = value.pop("seed", None)
        if not isinstance(seed, (int, type(None))):
            raise MalformedError("seed must be a number")
        rules = value.get("rules", [value] if value else [])
        self._emulator.set_rules(read_rules(rules), seed)
        return self._faults(request)

    def _clear_faults(self, request: Request) -> object:
        self._emulator.set_rules(())
        return self._faults(request)

    def _vocabulary(self, request: Request) -> object:  # noqa: ARG002
        return {
            "faults": {kind: asdict(fault) for kind, fault in FAULTS.items()},
            "presets": {name: dict(mix) for name, mix in PRESETS.items()},
            "rule": [entry.name for entry in fields(rule_of_mix({}, 0.0, None))],
        }

    def _rates(self, request: Request) -> object:  # noqa: ARG002
        return {whose: asdict(rate) for whose, rate in self._emulator.limiter.rates.items()}

    def _set_rates(self, request: Request) -> object:
        """Take `{"*": "5/s", "coze": {"rate": "5/s", "window": "fixed", "mix": "http_429=1"}}`; `{}` lifts all."""
        self._emulator.limiter.rates = {whose: _rate(value) for whose, value in _object(request).items()}
        return self._rates(request)

    def _latency(self, request: Request) -> object:  # noqa: ARG002
        return asdict(self._emulator.latency)

    def _set_latency(self, request: Request) -> object:
        """Take `{"least_s": …, "most_s": …}`."""
        value = _object(request)
        latency = replace(self._emulator.latency, least_s=0.0, most_s=0.0)
        for name, seconds in value.items():
            if name not in {"least_s", "most_s"} or not isinstance(seconds, (int, float)) or seconds < 0:
                raise MalformedError("latency takes least_s and most_s in seconds")
            latency = replace(latency, **{name: float(seconds)})
        self._emulator.latency = replace(latency, most_s=max(latency.least_s, latency.most_s))
        return self._latency(request)

    def _behaviour(self, request: Request) -> object:  # noqa: ARG002
        value = asdict(self._emulator.site.behaviour)
        return value | {"ignored_fields": sorted(value["ignored_fields"])}

    def _set_behaviour(self, request: Request) -> object:
        site = self._emulator.site
        site.behaviour = changed_behaviour(site.behaviour, _object(request))
        return self._behaviour(request)

    def _clock(self, request: Request) -> object:  # noqa: ARG002
        return {"offset_s": self._emulator.site.clock_offset_s, "now_s": self._emulator.site.now_s()}

    def _set_clock(self, request: Request) -> object:
        offset_s = _object(request).get("offset_s")
        if not isinstance(offset_s, (int, float)):
            raise MalformedError("clock takes offset_s in seconds")
        self._emulator.site.clock_offset_s = float(offset_s)
        return self._clock(request)

    def _stats(self, request: Request) -> object:  # noqa: ARG002
        emulator = self._emulator
        return emulator.ledger.totals() | {
            "uptime_s": time.monotonic() - emulator.started_s,
            "most_in_one_second": dict(emulator.peaks.most),
            "connections": len(emulator.connections),
        }

    def _clear(self, request: Request) -> object:  # noqa: ARG002
        self._emulator.clear_records()
        return {}

    def _requests(self, request: Request) -> object:
        """Give records after a number: `?after=0&limit=1000&writes=1&bodies=1`."""
        query = dict(parse_qsl(request.query))
        after, limit = int(query.get("after", 0)), int(query.get("limit", PAGE_DEFAULT))
        wanted = (
            record
            for record in self._emulator.ledger.records
            if record.number > after and (record.fate != "read" or query.get("writes") != "1")
        )
        page = [record for record, _ in zip(wanted, range(limit), strict=False)]
        next_after = page[-1].number if page else after
        return {
            "requests": [_shown(record, with_body=query.get("bodies") == "1") for record in page],
            "next_after": next_after,
            "total": len(self._emulator.ledger.records),
        }

    def _world(self, request: Request) -> object:  # noqa: ARG002
        return world_json(self._emulator.world)

    def _set_world(self, request: Request) -> object:
        self._emulator.site.world = read_world(_object(request))
        return {}

    def _edit(self, request: Request) -> object:
        """Take one edit or a list of them; see `kbsync.emulator.editing`."""
        return {"edited": edit_items(self._emulator.site, _json(request))}

    def _save(self, request: Request) -> object:  # noqa: ARG002
        if self._emulator.save is None:
            raise MalformedError("there is no file to save to: start with --data FILE")
        self._emulator.save()
        return {}


def _json(request: Request) -> object:
    try:
        value: object = orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        raise MalformedError(f"the body is not JSON: {error}") from error
    return value


def _object(request: Request) -> JsonObject:
    value = _json(request)
    if not isinstance(value, dict):
        raise MalformedError("the body must be an object")
    return dict(cast("JsonObject", value))


def _rate(value: object) -> Rate:
    if isinstance(value, str):
        return read_rate(value)
    if not isinstance(value, dict):
        raise MalformedError("a rate must be a text or an object")
    members = cast("dict[str, object]", value)
    window = members.get("window", "sliding")
    if window not in {"sliding", "fixed"}:
        raise MalformedError("window must be sliding or fixed")
    rate = read_rate(str(members.get("rate", "")), mix=str(members.get("mix") or ""))
    return replace(rate, window=window)


def _shown(record: Record, *, with_body: bool) -> JsonObject:
    value: JsonObject = record._asdict()
    body = value.pop("body")
    if with_body and isinstance(body, bytes):
        value["body"] = body.decode(errors="replace")
    return value
