"""Progress on a terminal: a display that is drawn anew a few times a second, whatever the number of items."""

from collections.abc import Callable
from types import TracebackType
from typing import IO, Final, Self, cast

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from kbsync.core.events import Event
from kbsync.views.escape import one_line
from kbsync.views.progress import Remarks, status
from kbsync.views.stream import Stream
from kbsync.views.tally import Tally, TargetTally

__all__ = ("LiveProgress",)

_REFRESH_PER_S: Final = 8
_TARGETS_SHOWN: Final = 8


class LiveProgress:
    """One line for each target with a bar, and one for all; drawn by a thread of its own.

    With *itself* false nothing is drawn but by `tick`.
    """

    def __init__(self, stream: Stream, clock: Callable[[], float], *, itself: bool = True) -> None:
        self._clock = clock
        self._tally = Tally()
        self._remarks = Remarks()
        self._console = Console(file=cast("IO[str]", stream), force_terminal=True, highlight=False, markup=False)
        self._live = Live(
            console=self._console,
            auto_refresh=itself,
            refresh_per_second=_REFRESH_PER_S,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            get_renderable=self._draw,
        )

    def observe(self, event: Event) -> None:
        """Count *event*; the display shows it when it is next drawn."""
        self._tally.fold(event, self._clock())
        for line in self._remarks.on(event, self._tally):
            self.say(line)

    def tick(self) -> None:
        """Draw now."""
        self._live.refresh()

    def say(self, line: str) -> None:
        """Print *line* above the display."""
        self._console.print(Text(one_line(line, 500)), soft_wrap=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def _draw(self) -> RenderableType:
        now_s = self._clock()
        self._tally.sample(now_s)
        if not self._tally.run_id:
            return Text("")
        bars = Table.grid(padding=(0, 1))
        for name, target in list(self._tally.targets.items())[:_TARGETS_SHOWN]:
            bar = ProgressBar(total=max(target.planned, 1), completed=target.done, width=24)
            bars.add_row(Text(one_line(name, 24)), bar, Text(_facts(target, now_s), no_wrap=True))
        return Group(bars, Text(one_line(status(self._tally, now_s), 400), overflow="ellipsis", no_wrap=True))


def _facts(target: TargetTally, now_s: float) -> str:
    parts = [f"{target.done:,}/{target.planned:,}"]
    rate_per_s = target.rate_per_s(now_s)
    if target.failures:
        parts.append(f"{target.failures:,} not well")
    if rate_per_s is not None and target.left:
        parts.append(f"{rate_per_s:.1f}/s")
    if target.stopped:
        parts.append(f"stopped: {one_line(target.stopped, 40)}")
    elif waits := target.waits(now_s):
        parts.append(waits)
    return "  ".join(parts)
