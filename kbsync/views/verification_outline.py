"""What every view says of a verification, and of what changes again and again; how it looks is the views' own."""

import json
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final, NamedTuple

from kbsync.core.fields import MetaValue, to_plain
from kbsync.core.findings import FINDINGS, Difference, Finding, How
from kbsync.core.plan import Change
from kbsync.core.report import Flap, Report
from kbsync.core.sampling import under_percent
from kbsync.core.verification import Verification
from kbsync.views.wording import count, moment, pair_text, value_text

__all__ = ("Shown", "difference_words", "findings", "flapping", "proposal", "summary", "times_words")

_HOW: Final[dict[How, str]] = {
    "ignored": "what was there stayed",
    "trimmed": "white space at its ends is gone",
    "cut": "it was cut short",
    "normalised": "look-alike characters were exchanged",
    "escaped": "it was escaped for HTML",
    "retyped": "its type is another one",
    "other": "",
}


class Shown(NamedTuple):
    """One change that is not verified, with its finding."""

    change: Change
    finding: Finding


def summary(verification: Verification) -> Iterator[str]:
    """Yield sentences: what was read back, what that proves, and what is still to be done."""
    told, counts = verification, verification.counts
    read = len(told.findings) + len(told.earlier)
    if not read:
        yield "Verification: nothing was updated, nothing is to be read back."
        return

    of = f"{len(told.findings):,} of {count(told.updated, 'updated change')}"
    drawn = _chosen(told)
    earlier = f" and {count(len(told.earlier), 'change')} of earlier runs" if told.earlier else ""
    found = ", ".join(f"{counts[word]:,} {word}" for word in FINDINGS if counts[word])
    yield f"Verification: {of}{drawn}{earlier}: {found}."
    if told.sampled:
        yield _proof(told)
    left = counts["pending"] + counts["unread"]
    if left:
        yield (
            f"The verification is not complete: of {count(left, 'change')} it is not proved what is live. The next "
            "apply with --verify reads them back."
        )


def findings(report: Report, limit: int) -> Iterator[tuple[str, int, Sequence[Shown]]]:
    """Yield each finding but `verified`, with how many changes have it and the first *limit* of them."""
    verification = report.facts.verification
    if verification is None:
        return
    counts = verification.counts
    shown: dict[str, list[Shown]] = {word: [] for word in FINDINGS[1:] if counts[word]}
    mine = (Shown(report.rows[seq].change, finding) for seq, finding in verification.findings.items())
    for one in chain(mine, (Shown(*pair) for pair in verification.earlier)):
        listed = shown.get(one.finding.word)
        if listed is not None and len(listed) < limit:
            listed.append(one)
    for word in FINDINGS[1:]:
        if counts[word]:
            yield word, counts[word], shown[word]


def difference_words(difference: Difference, width: int) -> str:
    """Return the value that was sent and the live one, and what may have happened."""
    sent, live = difference.sent, difference.live
    how = _HOW[difference.how]
    if live is None:
        return f"sent {value_text(sent, width)}, live: not set"
    first, second = pair_text(sent, live, width)
    return f"sent {first}, live {second}{f': {how}' if how else ''}"


def proposal(difference: Difference) -> str:
    """Return what the manifest should say, so that nothing is left to send."""
    if difference.live is None:
        return f"leave {difference.field} out of the manifest, or let the item ignore it"
    live = difference.live
    plain = live.value if isinstance(live, MetaValue) and live.type == "string" else to_plain(live)
    allowing = " and allow_empty: true" if plain == "" else ""
    # JSON is YAML too.
    return f"let the manifest say {difference.field}: {json.dumps(plain, ensure_ascii=False)}{allowing}"


def flapping(report: Report) -> str:
    """Return a sentence about changes that are made again and again; empty when there are none."""
    flaps = report.facts.flapping
    if not flaps:
        return ""
    most = max(flap.times for flap in flaps.values())
    return (
        f"{count(len(flaps), 'change')} had to be made again to the same values, up to {most} times in the last runs: "
        "who else writes there?"
    )


def times_words(flap: Flap) -> str:
    """Return how often and since when a change was made again."""
    return f"{flap.times} times since {moment(flap.since_s)}"


def _chosen(told: Verification) -> str:
    if told.mode == "none":
        return ", those that remove a field"
    return f" at random (seed {told.seed})" if told.sampled else ""


def _proof(told: Verification) -> str:
    sample, wrong, left = len(told.findings), told.wrong, told.left_open
    counted = f", {left:,} not proved and counted as wrong" if left else ""
    percent = under_percent(told.updated, told.most_wrong)
    bound = f"under {percent:g} % wrong at 95 %" if percent < 100 else "no bound at 95 %"
    return f"{wrong:,} of {sample:,} wrong{counted}: {bound}."
