"""The faults that kbsync has to live with, and what it promises for each; F1 to F50, without a gap."""

from collections.abc import Mapping
from typing import Final, NamedTuple

__all__ = ("CATALOGUE", "LATER", "Row")


class Row(NamedTuple):
    """A fault and the promise, each in a few words."""

    fault: str
    expected: str


CATALOGUE: Final[Mapping[str, Row]] = {
    "F1": Row("SIGKILL before an intent is durable", "Nothing was sent. The next run sends the change"),
    "F2": Row("SIGKILL between an intent and its request", "In doubt. The next run sends it, once"),
    "F3": Row("SIGKILL between a request and its answer", "In doubt, never lost. Sent again"),
    "F4": Row("SIGKILL between an answer and its record", "As F3: at most one request too many for each in flight"),
    "F5": Row(
        "SIGKILL within a commit, a checkpoint or a migration", "The state opens, is sound, and holds all or nothing"
    ),
    "F6": Row("SIGKILL while a report or a plan is written", "The old file stays whole until the new one is"),
    "F7": Row("Power loss: what was not synced is gone", "As F1 to F5"),
    "F8": Row("The disk is full under the state", "Sending stops, a recovery file is left, exit 8, nothing is claimed"),
    "F9": Row(
        "The disk is full under a report alone", "The state and the other reports are fine, the result is shown, exit 1"
    ),
    "F10": Row(
        "The state is deleted or replaced under a run", "Noticed at the next commit: exit 8, and missed by later runs"
    ),
    "F11": Row("A second kbsync on the same state", "Exit 6, names who and since when. `--lock-timeout` waits"),
    "F12": Row("The connection to a PostgreSQL state breaks", "Stops within ten seconds"),
    "F13": Row("A PostgreSQL state fails over and loses a commit", "Noticed, and recovered by reading"),
    "F14": Row(
        "Frozen by SIGSTOP, and woken",
        "Keeps its lock; others exit 6 and say that it is stopped. Goes on when woken, unless its lock was broken",
    ),
    "F15": Row(
        "The clock jumps an hour, or the machine sleeps",
        "Neither the rate nor a wait changes; requests are signed anew",
    ),
    "F16": Row(
        "No connection: refused, unknown host, no answer",
        "Not sent for certain. Tried again, then left for the next run",
    ),
    "F17": Row(
        "The connection ends before or after a request", "Unknown, never failed. One request is one row of the journal"
    ),
    "F18": Row("A kept connection is gone when a PUT goes out", "Not sent a second time unseen"),
    "F19": Row("No answer at all", "Given up after the timeout: unknown"),
    "F20": Row("An answer of a byte now and then", "Given up after the total time: unknown"),
    "F21": Row("An answer cut short, by its length, its chunks or its gzip", "Unknown"),
    "F22": Row("Garbage for a status line, a 70 kB header, 10,000 headers", "Unknown, and not taken for HTTP 400"),
    "F23": Row(
        "HTTP 200 with a login page, with nothing, or 204", "Unknown. Nothing else for a minute stops the target"
    ),
    "F24": Row("HTTP 200 with a `code` of any other kind than the integer 0", "Never a success"),
    "F25": Row("Accepted, but not done", "`--verify` tells"),
    "F26": Row("A gzip bomb, a huge body, one without an end", "Cut at the limit"),
    "F27": Row(
        "Retry-After of all kinds", "Read strictly, waited for by everybody who shares the credential, never shortened"
    ),
    "F28": Row("Throttled for five minutes", "Slows down to one request in two seconds; no change fails"),
    "F29": Row(
        "A third of the answers are 500, 502, 503 or 504", "Everything gets done, with at most 1.6 times the requests"
    ),
    "F30": Row("A full outage", "35 retries, then probes only. Left for the next run after `--max-outage`: exit 7"),
    "F31": Row("401, from the start or in the middle", "The target stops, exit 77, the others go on"),
    "F32": Row("403 for one dataset only", "Its items fail, the others go on"),
    "F33": Row("An item was deleted at the provider", "It fails as not found, alone"),
    "F34": Row("409 or 412", "Unknown, because somebody else writes: the next run sends it again"),
    "F35": Row("A redirect to another host", "Not followed, no secret goes there, exit 77"),
    "F36": Row(
        "A certificate that is nobody's, of another name, or out of date; an old TLS",
        "Fatal at once, no storm of attempts",
    ),
    "F37": Row("Proxies", "None is used, whatever the environment says"),
    "F38": Row("The clock is twenty minutes off", "Corrected once by the server's, and signed again; else exit 77"),
    "F39": Row(
        "A write arrives after its time is up, and another value is wanted by then", "The newest value is the last one"
    ),
    "F40": Row("Answers out of order, over several connections", "Each belongs to its own request"),
    "F41": Row("Lists that repeat, skip, or never end", "Believed whole only when they prove it"),
    "F42": Row("An item is declared twice", "Exit 65, both places are named"),
    "F43": Row(
        "SIGINT, SIGTERM, SIGHUP, once to three times; SIGPIPE",
        "Drains, cancels, leaves at once; the exit code is that of the first",
    ),
    "F44": Row("A signal in any wait", "Nothing is sent 200 ms later"),
    "F45": Row("A defect of kbsync's in one worker", "Costs one change; the others are done; exit 1"),
    "F46": Row(
        "No more descriptors, too deep a text, no memory", "Bounded: what cannot be done fails, and nothing else"
    ),
    "F47": Row("A state that is empty, foreign, damaged or newer", "Refused, left alone, with advice"),
    "F48": Row(
        "A plan that was edited, belongs elsewhere, or is old",
        "Refused whole; what moved since is stale, change by change",
    ),
    "F49": Row("Nobody reads what kbsync says, or it cannot be said", "The work is the same, and so is the exit code"),
    "F50": Row("Two providers, one is down", "The other one is finished"),
}

# What cannot be shown yet, and why.
LATER: Final[Mapping[str, str]] = {
    "F12": "states in PostgreSQL come later",
    "F13": "states in PostgreSQL come later",
}
