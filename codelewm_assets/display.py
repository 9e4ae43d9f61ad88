"""Output of the command line: progress of a build, and tables; by Rich on a terminal, else as plain lines."""

import os
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from codelewm_assets.core.ids import artifact_id
from codelewm_assets.instance.build import Progress, last_event, now

HEARTBEAT_S = 30.0  # between two lines about one running step without a terminal
BAR_WIDTH, NAME_WIDTH = 16, 28  # the longest artifact id, checkpoint_inspection[1729], has 27 letters
STYLES = {"made": "green", "reused": "dim", "RED": "bold red", "FAILED": "bold red"}


@dataclass(slots=True)
class _Running:
    """The running asset or check, and the first position read from its event stream."""

    name: str
    partition: str | None
    started: float  # monotonic seconds
    started_at: float  # seconds since the epoch, as the times of files
    origin: tuple[int, int, float] | None = None  # fold, step, monotonic seconds


@dataclass(frozen=True, slots=True)
class Position:
    """Progress of a long step.

    Attributes:
        step, steps: done and total.
        left_s: estimated time left; None until two positions are known.
        figures: losses and the fold, if the stream has them.
    """

    step: int
    steps: int
    left_s: float | None
    figures: str

    @property
    def text(self) -> str:
        """`1843 of 4389 (41%), 1:03 left`."""
        share = f"{self.step} of {self.steps} ({100 * self.step // max(self.steps, 1)}%)"
        return share if self.left_s is None else f"{share}, {clock(self.left_s)} left"


class BuildDisplay:
    """Display of a build. Context manager; call it with each `Progress`.

    On a terminal each finished asset is one permanent line, with the running step below. Elsewhere a long step prints a line
    every `heartbeat_s`.
    """

    def __init__(
        self, console: Console, progress_folder: Path, *, total: int, heartbeat_s: float = HEARTBEAT_S
    ) -> None:
        """Nothing is shown before the first event.

        Args:
            console: output.
            progress_folder: folder of the event streams of long steps.
            total: assets that the build materializes, a partitioned one once a partition.
            heartbeat_s: seconds between two lines about one running step without a terminal.
        """
        self._console, self._folder, self._total, self._heartbeat_s = console, progress_folder, total, heartbeat_s
        self._started, self._finished = now(), 0
        self._last_heartbeat = self._started  # when the last heartbeat was printed
        self._running: _Running | None = None
        self._stopped = threading.Event()
        self._live = (
            Live(
                console=console,
                get_renderable=self.running,
                refresh_per_second=4,
                transient=True,
                redirect_stdout=False,  # belongs to the logs of steps
                redirect_stderr=sys.stderr.isatty(),  # else a warning is written into the running row
            )
            if console.is_terminal
            else None
        )

    def __enter__(self) -> "BuildDisplay":
        if self._live:
            self._live.start()
        else:
            threading.Thread(target=self._beat, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._running = None
        if self._live:
            self._live.stop()

    def __call__(self, progress: Progress) -> None:
        """Handle one event. Gates are not shown: their table follows the build."""
        label = _label(progress.name, progress.partition)
        if progress.kind in ("started", "check_started"):
            self._running = _Running(progress.name, progress.partition, now(), time.time())
            return
        self._running = None
        if progress.kind == "finished":
            self._finished += 1
            state = "reused" if progress.is_reused else "made"
            self._row(label, state, f"{progress.elapsed_s or 0:.1f} s", progress.text)
        elif progress.kind in ("check_failed", "failed"):
            self._row(label, "RED" if progress.kind == "check_failed" else "FAILED", "", progress.text)

    def _row(self, label: str, state: str, elapsed: str, text: str) -> None:
        if self._live is None:
            self._say(f"{self._clock()} {self._count()} {label}: {state} {elapsed} {text}".rstrip())
            return
        grid = self._grid()
        overflow: Any = "ellipsis" if elapsed else "fold"  # figures are cut to the line, a failure never
        grid.add_column(overflow=overflow, no_wrap=overflow == "ellipsis", ratio=1)
        grid.add_row(self._count(), Text(label), Text(state, style=STYLES[state]), elapsed, Text(text))
        self._live.console.print(grid)

    def _grid(self) -> Table:
        grid = Table.grid(padding=(0, 1), expand=True)
        grid.add_column(no_wrap=True, justify="right", width=len(f"{self._total} of {self._total}"))
        grid.add_column(overflow="fold", width=NAME_WIDTH)
        grid.add_column(no_wrap=True, width=6)
        grid.add_column(no_wrap=True, justify="right", width=8)
        return grid

    def _count(self) -> str:
        return f"{self._finished} of {self._total}"

    def _clock(self) -> str:
        return f"[{now() - self._started:6.1f} s]"

    def running(self) -> RenderableType:
        """The running step with its progress bar, and the time of the whole build."""
        summary = f"{self._count()}, {clock(now() - self._started)}"
        running = self._running
        if running is None:
            return Text(summary, style="dim")
        position = self.position()
        line = Text.assemble(
            summary, "  ", (_label(running.name, running.partition), "bold"), f"  {clock(now() - running.started)}"
        )
        line.truncate(self._console.width, overflow="ellipsis")
        if position is None:
            return line
        grid = Table.grid(padding=(0, 1))
        grid.add_column(width=BAR_WIDTH)
        grid.add_column(overflow="fold")
        bar = ProgressBar(total=position.steps, completed=position.step, width=BAR_WIDTH)
        grid.add_row(bar, Text("  ".join(part for part in (position.text, position.figures) if part)))
        both = Table.grid()
        both.add_row(line)
        both.add_row(grid)
        return both

    def running_line(self) -> str | None:
        """The running step as one plain line; None: nothing is running."""
        running = self._running
        if running is None:
            return None
        position = self.position()
        details = [position.text, position.figures] if position else []
        parts = [f"running for {clock(now() - running.started)}", *filter(None, details)]
        return f"{self._clock()} {self._count()} {_label(running.name, running.partition)}: {', '.join(parts)}"

    def position(self) -> Position | None:
        """Position of the running step, from its event stream; None: no stream, or no event yet."""
        running = self._running
        if running is None or ":" in running.name:
            return None
        name = running.name if running.partition is None else f"{running.name}-{running.partition}"
        path = self._folder / f"{name}.jsonl"
        try:
            if path.stat().st_mtime < running.started_at:  # of an earlier build
                return None
        except OSError:
            return None
        event = last_event(path)
        if event is None:
            return None
        fold, step, steps = event.get("fold", 0), event["step"], event["steps"]
        if running.origin is None or running.origin[0] != fold or running.origin[1] > step:
            running.origin = fold, step, now()
        _, first, since = running.origin
        left_s = (now() - since) * (steps - step) / (step - first) if step > first else None
        metrics = event.get("metrics", {})
        losses = [f"{key} {metrics[key]:.4g}" for key in ("train_loss", "val_loss") if metrics.get(key) is not None]
        return Position(step, steps, left_s, ", ".join([*([f"fold {fold}"] if "fold" in event else []), *losses]))

    def heartbeat(self) -> str | None:
        """The line about the running step if one is due, else None."""
        running = self._running
        self.position()  # reads the first position, from which the pace is computed later
        if running is None or now() - max(self._last_heartbeat, running.started) < self._heartbeat_s:
            return None
        self._last_heartbeat = now()
        return self.running_line()

    def _beat(self) -> None:
        while not self._stopped.wait(min(self._heartbeat_s, 1.0)):
            if line := self.heartbeat():
                self._say(line)

    def _say(self, line: str) -> None:
        print(line, file=self._console.file, flush=True)


def _label(name: str, partition: str | None) -> str:
    """`checkpoint[42]`, or `checkpoint[42]: check sidecar_matches` for the name of a check."""
    asset, _, check = name.partition(":")
    return artifact_id(asset, partition) + (f": check {check}" if check else "")


def clock(seconds: float) -> str:
    """Minutes and seconds, with hours where there are any: `1:03`, `2:00:07`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"


def duplicate_stdout() -> TextIO:
    """A duplicate of standard output; standard output itself if it is not a file.

    While a step runs, Dagster redirects descriptors 1 and 2 to the step's log; the display must bypass that.
    """
    try:
        return os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors)
    except OSError:  # io.UnsupportedOperation is one
        return sys.stdout


def print_table(console: Console, title: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table; without a terminal as tab-separated rows. Cells are never parsed as markup."""
    cells = [["–" if value is None else str(value) for value in row] for row in rows]
    if not console.is_terminal:
        print(f"{title}\n" + "\n".join("\t".join(row) for row in [list(header), *cells]))
        return
    table = Table(title=Text(title), title_justify="left")
    for heading in header:
        table.add_column(Text(heading), overflow="fold")
    for row in cells:
        table.add_row(*map(Text, row))
    console.print(table)
