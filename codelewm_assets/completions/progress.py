"""Progress of a long step, as an event stream and in a log."""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path

EVENT_INTERVAL_S = 0.5
LOG_INTERVAL_S = 300.0  # a run that is silent for long is taken for dead


class Progress:
    """Number of finished items: in an event stream at most twice a second, in the run's log at most each five minutes."""

    def __init__(
        self,
        path: Path,
        total: int,
        *,
        log: Callable[[str], None],
        items: str = "completions",
        verb: str = "labelled",
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open the stream on entry.

        Args:
            path: the event stream.
            total: number of items.
            log: writes to the run's log.
            items: what they are called there.
            verb: what is done with them.
            clock_s: seconds since any fixed moment.
        """
        self._path, self._total, self._log, self._clock_s = path, total, log, clock_s
        self._said = f"{items} {verb}"
        self._done, self._written_s, self._logged_s = 0, -math.inf, clock_s()

    def __enter__(self) -> "Progress":
        self._stream = self._path.open("w", encoding="utf-8", buffering=1)
        return self

    def add(self, count: int) -> None:
        """Add to the number of finished items."""
        self._done += count
        now_s = self._clock_s()
        if now_s - self._logged_s >= LOG_INTERVAL_S:
            self._logged_s = now_s
            self._log(f"{self._done} of {self._total} {self._said}")
        if self._done == self._total or now_s - self._written_s > EVENT_INTERVAL_S:
            self._written_s = now_s
            event = {"event": "items", "step": self._done, "steps": self._total}
            self._stream.write(json.dumps(event, sort_keys=True) + "\n")

    def __exit__(self, *_: object) -> None:
        self._stream.close()
