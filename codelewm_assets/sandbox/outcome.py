"""What running a program showed, as data. Whether that is right or wrong is not judged here."""

from dataclasses import dataclass, field
from typing import Any, Literal

RunOutcome = Literal["finished", "exception", "timeout", "memory", "killed", "policy"]


@dataclass(frozen=True, slots=True)
class Program:
    """A program to run.

    Attributes:
        code: source text.
        entry_point: name of the function that is called.
        inputs: each the literal of the list of positional arguments; decoded afresh for each call.
        encoded_inputs: the same as `pool.encode_inputs` gives them, where they are there already.
    """

    code: str
    entry_point: str
    inputs: tuple[str, ...]
    encoded_inputs: bytes | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class InputRun:
    """One call.

    Attributes:
        outcome: `finished` when the call returned.
        output: canonical literal of what it returned; None when it did not return, or returned something that has no
            literal (then `output_type` still says what it was).
        output_type: name of the returned value's type.
        exception_class: name of the class of what it raised.
        was_called: False when the program was ended before this call: its time was used up, or what came before was enough.
        cpu_ms: CPU time of the call in milliseconds, as reported by the child process (untrusted).
        value: what `output` is the literal of; to be read, not changed. None as well where the output was recognized by its
            digest and not decoded.
        digest: of the output's encoding.
    """

    outcome: RunOutcome
    output: str | None = None
    output_type: str | None = None
    exception_class: str | None = None
    was_called: bool = True
    cpu_ms: float = field(default=0.0, compare=False)
    value: Any = field(default=None, compare=False, repr=False)
    digest: bytes | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class KnownOutput:
    """An output that many programs return: recognized by the digest of its encoding, so that it is not decoded each time."""

    digest: bytes
    output: str


@dataclass(frozen=True, slots=True)
class ProgramRun:
    """All calls of one program, one entry per input.

    Attributes:
        cpu_ms: CPU time used, in milliseconds.
        idle_s: time in which it neither ran nor waited for a core, in seconds.
    """

    inputs: tuple[InputRun, ...]
    cpu_ms: float
    idle_s: float = 0.0
