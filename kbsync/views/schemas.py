"""JSON Schemas of the documents that kbsync writes: plans, reports, what came of a match, and what drifted.

Readers of a plan refuse unknown keys. The others may gain keys within their version, so their schemas allow them.
"""

from collections.abc import Mapping
from typing import Any, Final

from kbsync.core.exits import Exit
from kbsync.core.fields import META_TYPES, REMOVED
from kbsync.core.findings import FINDINGS
from kbsync.core.plan import PLAN_FORMAT
from kbsync.core.report import OUTCOMES, REPORT_FORMAT
from kbsync.views.drift import DRIFT_FORMAT
from kbsync.views.match_json import MATCH_FORMAT

__all__ = ("DRIFT_SCHEMA", "MATCH_SCHEMA", "PLAN_SCHEMA", "REPORT_LINE_SCHEMA", "REPORT_SCHEMA")

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TEXT: Final[Mapping[str, Any]] = {"type": "string"}
_FLAG: Final[Mapping[str, Any]] = {"type": "boolean"}
_COUNT: Final[Mapping[str, Any]] = {"type": "integer", "minimum": 0}
_SECONDS: Final[Mapping[str, Any]] = {"type": "number", "minimum": 0}
_TEXTS: Final[Mapping[str, Any]] = {"type": "array", "items": {"type": "string"}}
_TIME: Final[Mapping[str, Any]] = {"type": "string", "format": "date-time"}


def _object(properties: Mapping[str, Any], *, optional: tuple[str, ...] = (), closed: bool = True) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in optional],
    }
    return {**schema, "additionalProperties": False} if closed else schema


def _list(element: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": element}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


def _map(value: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": value}


_CHANGE: Final[Mapping[str, Any]] = {
    "item": _ref("item"),
    "operation": {**_TEXT, "description": "The request that is sent; one change is one write request."},
    "reason": {"enum": ["new", "changed", "in_doubt", "drifted", "conflict"]},
    "fields": {**_list(_ref("field")), "minItems": 1},
    "source": _ref("source"),
}
_DEFS: Final[Mapping[str, Any]] = {
    "item": _object({"target": _TEXT, "container": _TEXT, "kind": _TEXT, "id": _TEXT}),
    "source": _object({"file": _TEXT, "line": _COUNT, "column": _COUNT}),
    "guard": _object({"guard": _TEXT, "message": _TEXT, "lifted": _FLAG}),
}
_VALUES: Final[Mapping[str, Any]] = {
    "value": {
        "oneOf": [
            {"type": "string", "description": "A caption or a name."},
            {**_object({"update_type": {"type": "integer"}, "update_interval": {"type": ["integer", "null"]}})}
            | {"required": ["update_type"]},
            {
                **_object({"type": {"const": REMOVED.type}, "value": {"type": "null"}}),
                "description": "A meta field that is not to be set, or is not.",
            },
            _object(
                {
                    "type": {"enum": list(META_TYPES)},
                    "value": {
                        "anyOf": [
                            {"type": ["string", "boolean", "number"]},
                            _list({"type": "string"}),
                            _list({"type": "integer"}),
                        ]
                    },
                }
            ),
        ]
    },
    "field": _object(
        {
            "field": {"type": "string", "pattern": r"^(caption|name|update_rule|meta\.[\s\S]+)$"},
            "known": {**_ref("value"), "description": "Left out when the field was never known."},
            "live": {
                "anyOf": [_ref("value"), {"type": "null"}],
                "description": "What was read: null when it is not set, left out when nobody asked or was told.",
            },
            "desired": _ref("value"),
        },
        optional=("known", "live"),
    ),
    "change": _object(_CHANGE),
    "skipped": _object(
        {
            **_CHANGE,
            "why": {
                **_TEXT,
                "description": "protected, conflict, drifted, drift_kept, theirs, item_in_conflict, absent or pending.",
            },
        }
    ),
    "recognised": _object({"item": _ref("item"), "fields": {**_list(_ref("field")), "minItems": 1}, "doubts": _TEXTS}),
    "read": _object(
        {
            "target": _TEXT,
            "container": _TEXT,
            "kind": _TEXT,
            "items": {**_COUNT, "description": "How many were there."},
            "at_s": {"type": "number"},
            "asked": {**_COUNT, "description": "How many were asked for; left out when it is the whole list."},
        },
        optional=("asked",),
    ),
}

PLAN_SCHEMA: Final[Mapping[str, Any]] = {
    "$schema": _DIALECT,
    "title": "A plan of kbsync: what apply will do",
    **_object(
        {
            "format": {"const": PLAN_FORMAT},
            "plan_id": {
                "type": "string",
                "pattern": "^[0-9a-f]{64}$",
                "description": "SHA-256 of the canonical JSON of all other members.",
            },
            "summary": _object(
                dict.fromkeys(("items", "in_sync", "changes", "released", "conflicts", "skipped"), _COUNT)
            ),
            "changes": _list(_ref("change")),
            "conflicts": {**_list(_ref("skipped")), "description": "Not sent: why is conflict, or drifted."},
            "released": _list(_ref("item")),
            "skipped": _list(_ref("skipped")),
            "unmanaged": _list(_object({"item": _ref("item"), "fields": _list(_TEXT)})),
            "guards": _list(_ref("guard")),
            "forecast": _object({"requests": _COUNT, "seconds": _SECONDS}),
            "base": _object(
                {
                    "lineage": _TEXT,
                    "serial": _COUNT,
                    "kbsync": _TEXT,
                    "targets": _map(_TEXT),
                    "read": {**_list(_ref("read")), "description": "What was read for a refreshed plan."},
                },
                optional=("read",),
            ),
            "whole": _FLAG,
            "recognised": {
                **_list(_ref("recognised")),
                "description": "Live as desired, and known otherwise: apply makes it known and sends nothing.",
            },
        },
        optional=("recognised",),
    ),
    "$defs": {**_DEFS, **_VALUES},
}


_DEVIATION: Final = _object(
    {
        "field": _TEXT,
        "known": _ref("value"),
        "live": {"anyOf": [_ref("value"), {"type": "null"}], "description": "null when it is not set."},
    }
)
_DEVIANTS: Final = _list(_object({"item": _ref("item"), "fields": {**_list(_DEVIATION), "minItems": 1}}))
DRIFT_SCHEMA: Final[Mapping[str, Any]] = {
    "$schema": _DIALECT,
    "title": "What kbsync drift found: what is live otherwise than it was last confirmed",
    **_object(
        {
            "format": {"const": DRIFT_FORMAT},
            "summary": _object(
                dict.fromkeys(("known", "drifted", "vanished", "appeared", "in_doubt", "pending"), _COUNT),
                closed=False,
            ),
            "read": {**_list(_ref("read")), "description": "The lists that were read."},
            "drifted": _DEVIANTS,
            "vanished": {**_list(_ref("item")), "description": "Known, and not there any more."},
            "appeared": {**_list(_ref("item")), "description": "There, and not known."},
            "in_doubt": {**_DEVIANTS, "description": "An attempt without an answer may be why they differ."},
            "pending": {**_DEVIANTS, "description": "The provider still processes them."},
        },
        closed=False,
    ),
    "$defs": {**_DEFS, "value": _VALUES["value"], "read": _VALUES["read"]},
}

_SOMETIMES: Final = ("verification", "flapping")
_ROW: Final = _object(
    {
        "item": _ref("item"),
        "operation": _TEXT,
        "cause": {
            **_TEXT,
            "description": "Why it was planned: new, changed, drifted, conflict, or in_doubt after an earlier run.",
        },
        "outcome": {"enum": list(OUTCOMES)},
        "reason": {**_TEXT, "description": "A stable word that says why the outcome is what it is."},
        "attempts": _COUNT,
        "http_status": {"type": ["integer", "null"]},
        "code": {"type": ["integer", "string", "null"], "description": "The provider's own code."},
        "message": _TEXT,
        "log_id": _TEXT,
        "duration_ms": _SECONDS,
        "source": _ref("source"),
        "verification": {**_ref("finding"), "description": "Left out when the change was not to be read back."},
        "flapping": {
            **_object({"times": _COUNT, "since": _TIME}, closed=False),
            "description": "How often the last runs made this change; left out unless again and again.",
        },
    },
    optional=_SOMETIMES,
    closed=False,
)
_FINDING: Final[Mapping[str, Any]] = {
    "finding": {"enum": list(FINDINGS)},
    "reason": {**_TEXT, "description": "A stable word that says why it is unread, or what was found."},
    "at": _TIME,
    "differences": {
        **_list(
            _object(
                {
                    "field": _TEXT,
                    "sent": _ref("value"),
                    "live": {**_ref("value"), "description": "What the manifest should say; left out when not set."},
                    "how": _TEXT,
                },
                optional=("live",),
                closed=False,
            )
        ),
        "description": "The fields that are not live as they were sent.",
    },
}
_VERIFICATION: Final = _object(
    {
        "mode": {"enum": ["none", "sample", "all"]},
        "seed": {**_TEXT, "description": "What the sample was drawn with."},
        "wait_s": _SECONDS,
        "updated": {**_COUNT, "description": "How many changes the run updated."},
        "read_back": {**_COUNT, "description": "How many of them were to be read back."},
        "totals": _object(dict.fromkeys(FINDINGS, _COUNT), closed=False),
        "complete": {**_FLAG, "description": "Whether it is proved of each what is live."},
        "wrong": _COUNT,
        "most_wrong": {**_COUNT, "description": "How many of the updated may be wrong, at 95 % confidence."},
        "under_percent": {"type": "number", "description": "The same in percent, not reached; for a sample alone."},
        "earlier": _list(
            _object({"item": _ref("item"), "operation": _TEXT, "source": _ref("source"), **_FINDING}, closed=False)
        ),
    },
    optional=("under_percent",),
    closed=False,
)
_RUN: Final[Mapping[str, Any]] = {
    "format": {"const": REPORT_FORMAT},
    "run_id": _TEXT,
    "plan_id": _TEXT,
    "kbsync": {**_TEXT, "description": "The version that ran."},
    "exit": _object(
        {"code": {"enum": [code.value for code in Exit]}, "name": {"enum": [code.name.lower() for code in Exit]}}
    ),
    "started_at": _TIME,
    "finished_at": {"type": ["string", "null"], "format": "date-time", "description": "null when the run was killed"},
    "totals": _object(dict.fromkeys(("planned", *OUTCOMES, "in_sync"), _COUNT), closed=False),
    "balanced": {**_FLAG, "description": "Whether planned is the sum of the outcomes."},
    "reads": _COUNT,
    "stopped": {**_map(_TEXT), "description": "Each target that was stopped, and why."},
    "guards": _list(_ref("guard")),
    "allow_reason": _TEXT,
    "released": _list(_ref("item")),
    "verification": {**_VERIFICATION, "description": "Left out when nothing was to be read back."},
    "flapping": {**_COUNT, "description": "How many changes the last runs made again and again; left out without any."},
}
_REPORT_DEFS: Final = {**_DEFS, "value": _VALUES["value"], "finding": _object(_FINDING, closed=False), "row": _ROW}

REPORT_SCHEMA: Final[Mapping[str, Any]] = {
    "$schema": _DIALECT,
    "title": "A report of kbsync: every outcome of one run",
    **_object({**_RUN, "items": _list(_ref("row"))}, optional=_SOMETIMES, closed=False),
    "$defs": _REPORT_DEFS,
}
REPORT_LINE_SCHEMA: Final[Mapping[str, Any]] = {
    "$schema": _DIALECT,
    "title": "A line of a report in JSON Lines: the run first, then one line for each change",
    "oneOf": [_object(_RUN, optional=_SOMETIMES, closed=False), _ref("row")],
    "$defs": _REPORT_DEFS,
}

_END: Final = _object({"target": _TEXT, "container": _TEXT})
_CANDIDATE: Final[Mapping[str, Any]] = {
    "item": _ref("item"),
    "name": {"type": ["string", "null"], "description": "null when it is not known."},
    "source": {"anyOf": [_ref("source"), {"type": "null"}]},
}
_ITEMS: Final[Mapping[str, Any]] = {"from": _ref("item"), "to": _ref("item")}

MATCH_SCHEMA: Final[Mapping[str, Any]] = {
    "$schema": _DIALECT,
    "title": "What came of a match of kbsync: every item of a container, and its counterpart in another",
    **_object(
        {
            "format": {"const": MATCH_FORMAT},
            "from": _END,
            "to": _END,
            "exit": _RUN["exit"],
            "summary": _object(
                dict.fromkeys(
                    (
                        *("items", "paired", "ambiguous", "missing", "left_over"),
                        *("declared", "not_carried", "refused"),
                    ),
                    _COUNT,
                ),
                closed=False,
            ),
            "pairs": _list(_object({**_ITEMS, "by": _TEXT, "name": _CANDIDATE["name"]}, closed=False)),
            "ambiguous": _list(
                _object({"by": _TEXT, "from": _list(_ref("candidate")), "to": _list(_ref("candidate"))}, closed=False)
            ),
            "missing": _list(
                _object({**_CANDIDATE, "why": {"enum": ["absent", "nameless", "taken", "told"]}}, closed=False)
            ),
            "left_over": _list(_ref("candidate")),
            "not_carried": _list(
                _object(
                    {
                        **_ITEMS,
                        "field": {**_TEXT, "description": "Empty when the item there cannot be declared at all."},
                        "reason": {"enum": ["no_place", "refused", "doubtful", "untold", "empty"]},
                        "rule": _TEXT,
                        "message": _TEXT,
                    },
                    closed=False,
                )
            ),
        },
        closed=False,
    ),
    "$defs": {**_DEFS, "candidate": _object(_CANDIDATE, closed=False)},
}
