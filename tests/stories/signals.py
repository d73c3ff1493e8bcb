"""Signals at random times, one to three of them, at whatever a run does just then."""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

import orjson

from kbsync.adapters.state import StateStore
from tests.stories.job import Job, Running, Target, checked
from tests.stories.moments import BASE_DELAY, MOMENTS, Moment
from tests.stories.stage import Stage, staged
from tests.stories.world import made_world

__all__ = ("Heard", "signal_often")

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LEAVES_AT_ONCE: Final = 3
LONGEST_GAP_S: Final = 0.4
REACTION_S: Final = 0.2
# Until main is called the interpreter is in charge, and shows tracebacks of its own.
SCRIPT: Final = "from kbsync.__main__ import main; print('up', flush=True); main()"


class Heard(NamedTuple):
    """What came of one run: how many signals it got, and how long after the first it still sent, and lived."""

    moment: str
    signals: int
    sent_on_s: float
    lived_on_s: float


def signal_often(folder: Path, moments: Sequence[str], seed: int) -> str:
    """Start a run for each of *moments*, and end it there by signals; return what came of it in figures."""
    random = Random(seed)
    targets = [Target(name, "60/s", 4) for name in ("coze-cn", "volc-bj")]
    with staged(folder, made_world(200), targets=targets, retry=BASE_DELAY) as stage:
        heard = [_end(stage, name, random) for name in moments]
        stage.calm()
        code, _ = stage.job.apply()

        assert code == 0
        assert stage.content() == stage.world.after
    slowest = max(heard, key=lambda one: one.sent_on_s)
    return (
        f"{len(heard)} runs ended by {sum(one.signals for one in heard)} signals at {len(set(moments))} moments: "
        f"no wrong exit code; the last send at most {slowest.sent_on_s * 1000:.0f} ms after the first signal, "
        f"the end at most {max(one.lived_on_s for one in heard):.1f} s after it"
    )


def _end(stage: Stage, name: str, random: Random) -> Heard:
    """Start a run without a state, end it at the moment of this *name*, and look at what it left."""
    moment = MOMENTS[name]
    shutil.rmtree(stage.job.folder / ".kbsync", ignore_errors=True)
    (stage.job.folder / "signal.json").unlink(missing_ok=True)
    stage.calm()
    stage.forget()
    stage.rules(*moment.rules)
    stage.control("PUT", "latency", {"least_s": 0.02, "most_s": 0.2})

    sent: list[signal.Signals] = []
    with moment.around(stage), _started(stage.job, *moment.arguments) as running:
        moment.when(stage, running)
        time.sleep(random.uniform(0.0, moment.span_s))
        first_s = time.time()
        for _ in range(random.randint(moment.fewest, LEAVES_AT_ONCE)):
            if running.process.poll() is None:
                sent.append(random.choice(SIGNALS))
                running.send(sent[-1])
                time.sleep(random.uniform(0.0, LONGEST_GAP_S))
        running.process.wait()
        lived_on_s = time.time() - first_s
        code = running.done().code
    _check(stage, moment, sent, code if code >= 0 else 128 - code)
    sent_on_s = max(0.0, _last_send_s(stage) - first_s)
    assert sent_on_s <= REACTION_S
    return Heard(name, len(sent), sent_on_s, lived_on_s)


def _started(job: Job, *arguments: str) -> Running:
    err = job.folder.parent / "signalled.err"
    for number in SIGNALS:
        # A shell has what it starts in the background ignore SIGINT, and that is handed down.
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    with err.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, "apply", "--yes", "--report", "signal.json", *arguments],
            cwd=job.folder,
            env=job.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            encoding="utf-8",
        )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return Running(process, err)


def _check(stage: Stage, moment: Moment, sent: Sequence[signal.Signals], code: int) -> None:
    """The exit code is that of the first signal, the account is complete, and nothing was done that it does not say."""
    assert code in {*(128 + number for number in sent[:1]), *moment.codes}, (sent, code)
    journal = stage.job.journal
    writes = [write for write in stage.writes() if write["fate"] in {"applied", "late"}]
    if not journal.path.exists():
        assert not writes
        return

    assert journal.is_sound()
    with StateStore(journal.path) as store:
        runs = store.list_runs()
        if not runs:
            assert not writes
            return
        told = store.load_report()
    outcomes = {(row.change.operation, row.change.item.id): row.settlement.outcome for row in told.rows}
    assert len(outcomes) == told.totals["planned"]
    for write in writes:
        assert outcomes[write["operation"], write["item"].rpartition("/")[2]] in {"updated", "unknown"}
    if len(sent) < LEAVES_AT_ONCE:
        assert told.facts.finished_at_s is not None, f"the run was cut off by {sent}"
        report = orjson.loads((stage.job.folder / "signal.json").read_bytes())
        assert checked(report, code)["run_id"] == told.facts.run_id


def _last_send_s(stage: Stage) -> float:
    """Give when the last request left, in seconds since the epoch; 0 when none did."""
    journal = stage.job.journal
    if not journal.path.exists():
        return 0.0
    return max((time_s for name in ("coze-cn", "volc-bj") for time_s in journal.send_times(name)), default=0.0)
