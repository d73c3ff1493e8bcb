"""What was read back, in the JSON forms of a report."""

from typing import Any

from kbsync.core.fields import to_plain
from kbsync.core.findings import Difference, Finding
from kbsync.core.plan import Change
from kbsync.core.plan_document import item_to_plain, source_to_plain
from kbsync.core.report import Flap
from kbsync.core.sampling import under_percent
from kbsync.core.verification import Verification
from kbsync.views.wording import timestamp

__all__ = ("finding_to_plain", "flap_to_plain", "verification_to_plain")


def verification_to_plain(told: Verification) -> dict[str, Any]:
    """Return the JSON form of what stands in a report beside its rows."""
    counts = told.counts
    return {
        "mode": told.mode,
        "seed": told.seed,
        "wait_s": told.wait_s,
        "updated": told.updated,
        "read_back": len(told.findings),
        "totals": dict(counts),
        "complete": not (counts["pending"] or counts["unread"]),
        "wrong": told.wrong,
        "most_wrong": told.most_wrong,
        **({"under_percent": under_percent(told.updated, told.most_wrong)} if told.sampled else {}),
        "earlier": [
            {
                "item": item_to_plain(change.item),
                "operation": change.operation,
                "source": source_to_plain(change.source),
                **finding_to_plain(change, finding),
            }
            for change, finding in told.earlier
        ],
    }


def finding_to_plain(change: Change, finding: Finding) -> dict[str, Any]:
    """Return the JSON form of *finding* about *change*."""
    return {
        "finding": finding.word,
        "reason": finding.reason,
        "at": timestamp(finding.at_s),
        "differences": [_difference(one) for one in finding.differences(change)],
    }


def flap_to_plain(flap: Flap) -> dict[str, Any]:
    """Return the JSON form of *flap*."""
    return {"times": flap.times, "since": timestamp(flap.since_s)}


def _difference(one: Difference) -> dict[str, Any]:
    live = {} if one.live is None else {"live": to_plain(one.live)}
    return {"field": one.field, "sent": to_plain(one.sent), **live, "how": one.how}
