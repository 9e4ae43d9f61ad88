"""Records of a program's run. Correctness is not decided here."""

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
        encoded_inputs: the inputs encoded by `pool.encode_inputs`, if already known.
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
        output: canonical literal of the returned value; None when the call did not return, or the value has no literal
            (`output_type` is set then).
        output_type: name of the returned value's type.
        exception_class: name of the raised exception's class.
        was_called: False when the program was stopped before this call.
        cpu_ms: CPU time of the call in milliseconds, as reported by the child process (untrusted).
        value: the value of `output`, not to be mutated; None also when the output was recognized by its digest.
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
    """A frequent output, recognized by the digest of its encoding instead of being decoded each time."""

    digest: bytes
    output: str


@dataclass(frozen=True, slots=True)
class ProgramRun:
    """All calls of one program, one entry per input.

    Attributes:
        cpu_ms: CPU time used, in milliseconds.
        idle_s: time in seconds in which it neither ran nor waited for a core.
    """

    inputs: tuple[InputRun, ...]
    cpu_ms: float
    idle_s: float = 0.0
