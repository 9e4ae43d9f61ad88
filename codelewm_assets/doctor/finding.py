"""One finding of the doctor."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "fail"]
"""warn: something may not work, or not everywhere; fail: what the profile asks for cannot work."""


@dataclass(frozen=True, slots=True)
class HealthFinding:
    """Result of one check, and its remedy.

    Raises: ValueError: a finding that is not ok without a remedy.
    """

    name: str
    state: State
    found: str
    wanted: str
    remedy: str = ""

    def __post_init__(self) -> None:
        if (self.state == "ok") == bool(self.remedy):
            raise ValueError(f"{self.name} is {self.state} with remedy {self.remedy!r}; a remedy is for warn and fail")

    def row(self) -> Mapping[str, str]:
        """Its fields by name."""
        return {
            "name": self.name,
            "state": self.state,
            "found": self.found,
            "wanted": self.wanted,
            "remedy": self.remedy,
        }


def health_finding(name: str, is_ok: bool, otherwise: State, *, found: str, wanted: str, remedy: str) -> HealthFinding:
    """`ok`, or `otherwise` with the remedy."""
    return HealthFinding(name, "ok" if is_ok else otherwise, found, wanted, "" if is_ok else remedy)
