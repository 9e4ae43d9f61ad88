"""What the command line prints: a live table on a terminal, plain lines elsewhere, and the tables at the end."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from codelewm_assets.core.ids import artifact_id
from codelewm_assets.instance.build import Progress, last_event, now

SHOWN_ROWS = 14


class BuildDisplay:
    """Follows a build. Context manager; call it with each `Progress`."""

    def __init__(self, console: Console, progress_folder: Path) -> None:
        self._console, self._folder = console, progress_folder
        self._started = now()
        self._current: tuple[str, str | None, float] | None = None
        self._done: list[tuple[str, str, str, str]] = []
        self._live = (
            Live(console=console, get_renderable=self._table, refresh_per_second=4) if console.is_terminal else None
        )

    def __enter__(self) -> "BuildDisplay":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def __call__(self, progress: Progress) -> None:
        """Take in one event; on a plain output print its line. Gates have their table when the build has ended."""
        name = artifact_id(progress.name, progress.partition)
        if progress.kind == "started":
            self._current = (progress.name, progress.partition, now())
        elif progress.kind == "finished":
            state = "reused" if progress.is_reused else "made"
            self._row(name, state, f"{progress.elapsed_s or 0:.1f} s", progress.text)
        elif progress.kind == "check_failed":
            self._row(name, "RED", "", progress.text)
        elif progress.kind == "failed":
            self._row(name, "FAILED", "", progress.text)

    def _row(self, name: str, state: str, elapsed: str, text: str) -> None:
        self._done.append((name, state, elapsed, text))
        if self._live is None:
            clock = f"[{now() - self._started:6.1f} s]"
            print(f"{clock} {name}: {state} {elapsed} {text}".rstrip(), flush=True)

    def _table(self) -> Table:
        table = Table(title=f"build, {now() - self._started:.0f} s", expand=True, title_justify="left")
        for heading in ("asset", "state", "elapsed", "last figures"):
            table.add_column(heading, overflow="fold")
        for row in self._done[-SHOWN_ROWS:]:
            table.add_row(*row)
        if self._current is not None:
            name, partition, started = self._current
            shown = artifact_id(name, partition)
            table.add_row(shown, "running", f"{now() - started:.1f} s", self._metric(name, partition))
        return table

    def _metric(self, name: str, partition: str | None) -> str:
        event = last_event(self._folder / f"{name}-{partition}.jsonl")
        if not event or "steps" not in event:
            return ""
        metrics = event.get("metrics", {})
        losses = [f"{key} {metrics[key]}" for key in ("train_loss", "val_loss") if metrics.get(key) is not None]
        return ", ".join([f"step {event['step']}/{event['steps']}", *losses])


def print_table(console: Console, title: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table; on a plain output the same cells, tab-separated, one row a line."""
    if not console.is_terminal:
        print(f"{title}\n" + "\t".join(header))
        for row in rows:
            print("\t".join("–" if value is None else str(value) for value in row))
        return
    table = Table(title=title, title_justify="left")
    for heading in header:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*("–" if value is None else str(value) for value in row))
    console.print(table)
