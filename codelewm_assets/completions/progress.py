"""Progress of labelling, as an event stream and in a log."""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path

PROGRESS_EVERY_S = 0.5
SAY_EVERY_S = 300.0  # to the run's log: a run that is silent for long is taken for dead


class Progress:
    """How many completions are labelled: in an event stream twice a second, in the run's log each five minutes, at most."""

    def __init__(
        self, path: Path, total: int, *, say: Callable[[str], None], clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        """Args: say: writes to the run's log. clock_s: seconds since any fixed moment."""
        self._path, self._total, self._say, self._clock_s = path, total, say, clock_s
        self._done, self._written_s, self._said_s = 0, -math.inf, clock_s()

    def __enter__(self) -> "Progress":
        self._stream = self._path.open("w", encoding="utf-8", buffering=1)
        return self

    def add(self, count: int) -> None:
        """Count completions that are labelled now."""
        self._done += count
        now_s = self._clock_s()
        if now_s - self._said_s >= SAY_EVERY_S:
            self._said_s = now_s
            self._say(f"{self._done} of {self._total} completions labelled")
        if self._done == self._total or now_s - self._written_s > PROGRESS_EVERY_S:
            self._written_s = now_s
            event = {"event": "labelled", "step": self._done, "steps": self._total}
            self._stream.write(json.dumps(event, sort_keys=True) + "\n")

    def __exit__(self, *_: object) -> None:
        self._stream.close()
