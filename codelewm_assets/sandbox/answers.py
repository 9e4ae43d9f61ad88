"""Answers of one child, read frame by frame: outcomes of calls, outputs decoded or recognized."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from codelewm_assets.core.errors import LiteralError
from codelewm_assets.core.literals import write_value
from codelewm_assets.sandbox.codec import CodecError, decode
from codelewm_assets.sandbox.frames import (
    END,
    EXCEPTION,
    LOADED,
    MEMORY,
    NO_LITERAL,
    NOT_LOADED,
    REFUSED,
    RETURNED,
    VALUE,
    Frame,
)
from codelewm_assets.sandbox.limits import Limits
from codelewm_assets.sandbox.outcome import InputRun, KnownOutput, RunOutcome
from codelewm_assets.sandbox.server import ChildRun

SHORT_VALUE, LONG_VALUE = 1 << 10, 1 << 20  # bytes of one output
NOT_CALLED, NO_TIME_LEFT = InputRun("killed", was_called=False), InputRun("timeout", was_called=False)
OUTCOME_OF_STOP: dict[str | None, RunOutcome] = {"cpu": "timeout", "wall": "timeout", "policy": "policy"}


@dataclass(slots=True)
class ChildAnswers:
    """Answers of one child, read as they come; frames are not kept.

    Attributes:
        start: index of its first input.
        count: number of all inputs of the program.
        has_failed: predicate of a failed call.
        failed: True once a call has failed.
        runs: the calls so far.
    """

    start: int
    count: int
    limits: Limits
    stop_when: Callable[[int, InputRun], bool] | None
    known: Sequence[KnownOutput | None] | None = None
    has_failed: Callable[[int, InputRun], bool] | None = None
    failed: bool = False
    runs: list[InputRun] = field(default_factory=list)
    is_loaded: bool = False
    has_ended: bool = False
    is_forged: bool = False
    is_stopped: bool = False
    not_loaded: InputRun | None = None
    returned: int = -1

    def restart(self) -> None:
        """Reset for another run of the program."""
        self.__init__(self.start, self.count, self.limits, self.stop_when, self.known, self.has_failed)  # type: ignore[misc]

    def on_frame(self, frame: Frame) -> bool:
        """Process a frame. Returns: True if the child can be stopped."""
        if not self.is_loaded:
            return self._on_first(frame)
        index = self.start + len(self.runs)
        if frame.kind == RETURNED and frame.index == index != self.returned:
            self.returned = index  # once a call: the server restarts its clock
            return False
        if frame.kind == END and index == self.count and not self.has_ended:
            self.has_ended = True
            return False
        is_call = frame.kind in (VALUE, NO_LITERAL, EXCEPTION, REFUSED, MEMORY)
        if frame.index != index or index >= self.count or not is_call:
            self.is_forged = True
            return True
        run = _called(frame, self.limits, self.known[index] if self.known else None)
        self.runs.append(run)
        self.failed = self.failed or (self.has_failed is not None and self.has_failed(index, run))
        self.is_stopped = self.stop_when is not None and self.stop_when(index, run)
        return self.is_stopped

    def _on_first(self, frame: Frame) -> bool:
        self.is_loaded = frame.kind == LOADED
        if frame.kind == NOT_LOADED:
            self.not_loaded = InputRun("exception", exception_class=frame.name)
        elif frame.kind == REFUSED:
            self.not_loaded = InputRun("policy")
        elif frame.kind == MEMORY:
            self.not_loaded = InputRun("memory")
        self.is_forged = not self.is_loaded and self.not_loaded is None
        return not self.is_loaded

    def finish(self, child_run: ChildRun) -> list[InputRun]:
        """The calls of this child; fewer than remain when another child has to continue after them."""
        rest = self.count - self.start - len(self.runs)
        if child_run.stopped == "lost":  # its answers do not count: it killed its watcher
            return [InputRun("killed"), *[NOT_CALLED] * (self.count - self.start - 1)]
        if not self.is_loaded:
            ended = (
                self.not_loaded
                if self.not_loaded and child_run.has_only_frames and child_run.stopped in (None, "parent")
                else None
            )
            return [ended or InputRun(OUTCOME_OF_STOP.get(child_run.stopped, "killed"))] * rest
        if self.is_stopped or (self.has_ended and not self.is_forged):
            return self.runs
        if not rest:
            self.runs.pop()  # the harness did not send END: the last call is untrusted
            rest = 1
        if self.is_forged or not child_run.has_only_frames or child_run.stopped == "output":
            return [*self.runs, InputRun("killed"), *[NOT_CALLED] * (rest - 1)]
        return [*self.runs, InputRun(OUTCOME_OF_STOP.get(child_run.stopped, "killed"))]


def _called(frame: Frame, limits: Limits, known: KnownOutput | None) -> InputRun:
    if frame.cpu_us > 1e6 * limits.input_cpu_s:
        return InputRun("timeout")
    if frame.kind == MEMORY:
        return InputRun("memory")
    if frame.kind == REFUSED:
        return InputRun("policy")
    if frame.kind == EXCEPTION:
        return InputRun("exception", exception_class=frame.name)
    if frame.kind == NO_LITERAL or frame.value is None:
        return InputRun("finished", output_type=frame.name)
    digest, cpu_ms = output_digest(frame.value), frame.cpu_us / 1000
    if known is not None and digest == known.digest:
        return InputRun("finished", output=known.output, output_type=frame.name, digest=digest, cpu_ms=cpu_ms)
    try:
        output, value = _reader_of(len(frame.value))(frame.value)
    except CodecError:  # no valid encoding
        output = None
    if output is None:
        return InputRun("finished", output_type=frame.name)
    return InputRun("finished", output, frame.name, cpu_ms=cpu_ms, value=value, digest=digest)


def output_digest(encoded: bytes) -> bytes:
    """Digest of an output's encoding."""
    return hashlib.blake2b(encoded, digest_size=16).digest()


def _read(data: bytes) -> tuple[str | None, Any]:
    """Literal and value of an encoded value; no literal for an integer of more digits than Python writes."""
    value = decode(data)
    try:
        return write_value(value), value
    except (LiteralError, ValueError, RecursionError):
        return None, None


# Most outputs of a problem's programs are the same bytes: each is decoded once. The longest are not cached, to bound memory to
# a few hundred MiB.
_read_short = lru_cache(maxsize=4096)(_read)
_read_long = lru_cache(maxsize=16)(_read)


def _reader_of(size: int) -> Callable[[bytes], tuple[str | None, Any]]:
    return _read_short if size <= SHORT_VALUE else _read_long if size <= LONG_VALUE else _read
