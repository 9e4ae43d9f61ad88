"""What one run of the command line gave."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Ran:
    """What one command gave."""

    status: int
    out: str
    err: str

    def is_one_line_error(self, *parts: str, status: int = 1) -> None:
        """Exactly one line on standard error that holds all parts, no traceback anywhere."""
        assert self.status == status
        assert len(self.err.splitlines()) == 1, self.err
        assert "Traceback" not in self.out + self.err
        for part in parts:
            assert part in self.err


Run = Callable[..., Ran]
