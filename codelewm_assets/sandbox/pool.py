"""A pool of fork servers: runs of programs, in order."""

import contextlib
import fcntl
import os
import queue
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from struct import pack
from types import TracebackType
from typing import TypeVar

from codelewm_assets.core.cleanup import remove_tree
from codelewm_assets.core.errors import LiteralError, SandboxError
from codelewm_assets.core.literals import read_arguments
from codelewm_assets.sandbox.answers import NO_TIME_LEFT, NOT_CALLED, ChildAnswers
from codelewm_assets.sandbox.codec import CodecError, pack_arguments
from codelewm_assets.sandbox.isolation import Isolation, bubblewrap_works, copy_box_files, module_folders
from codelewm_assets.sandbox.limits import Limits
from codelewm_assets.sandbox.outcome import InputRun, KnownOutput, Program, ProgramRun
from codelewm_assets.sandbox.server import ChildRun, Server

BOX = "codelewm-box-"
MAX_PENDING_PER_WORKER = 8
MAX_INPUT_BYTES = 64 << 20
SECOND_RUN_CPU_S = 0.25  # of a second run; calls beyond it are not compared
T = TypeVar("T")
R = TypeVar("R")


class SandboxPool:
    """Context manager over `workers` pairs of fork servers; the two of a pair have different hash seeds.

    Args:
        hash_seed: of the first server of each pair; the second has the next.
        disabled: the unused ones of `isolation.PARTS`; the others are used where they work.
        modules: packages that programs may import besides the standard library, imported once in each server.

    Raises: SandboxError: a server does not start, or a module is not installed.
    """

    def __init__(
        self,
        workers: int = 2,
        *,
        hash_seed: int = 0,
        disabled: Collection[str] = (),
        modules: Sequence[str] = (),
    ) -> None:
        self._workers, self._hash_seeds, self._modules = workers, (hash_seed, hash_seed + 1), tuple(modules)
        self._disabled = {*disabled} | (set() if bubblewrap_works() else {"bubblewrap"})
        self._idle: tuple[queue.SimpleQueue[Server], ...] = (queue.SimpleQueue(), queue.SimpleQueue())
        self._lock = threading.Lock()
        self._servers: list[Server] = []
        self._isolation: Isolation | None = None

    def __enter__(self) -> "SandboxPool":
        module_folders(self._modules)
        _sweep_boxes()
        self._box, self._box_lock = _new_box()
        self._threads = ThreadPoolExecutor(self._workers)
        try:
            self._idle[0].put(self._start_first())
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self._isolation = Isolation(self._servers[0].layers)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
        for server in self._servers:
            server.close()
        remove_tree(str(self._box))
        os.close(self._box_lock)

    @property
    def isolation(self) -> Isolation:
        """Layers in force. Raises: SandboxError: the pool was not entered."""
        if self._isolation is None:
            raise SandboxError("The pool has no servers; use it as `with SandboxPool(…) as pool`.")
        return self._isolation

    def run(
        self,
        program: Program,
        limits: Limits | None = None,
        *,
        stop_when: Callable[[int, InputRun], bool] | None = None,
    ) -> ProgramRun:
        """Run one program on all its inputs. A program that kills its server is `killed`; the server is replaced.

        Args:
            stop_when: (input index, call) → True to stop the program there, such as at the first failure; the calls after it are
                `killed` and were not called.

        Raises: SandboxError: an input is deeper or longer than the sandbox allows.
        """
        return self._run(program, limits or Limits(), 0, stop_when)

    def run_twice(
        self,
        program: Program,
        limits: Limits | None = None,
        *,
        kept_bytes: Sequence[int] | None = None,
        known: Sequence[KnownOutput | None] | None = None,
        has_failed: Callable[[int, InputRun], bool] | None = None,
        ends_at_failure: bool = False,
    ) -> tuple[ProgramRun, ProgramRun]:
        """Run one program in two children under different hash seeds.

        The time limits apply to both together, and `SECOND_RUN_CPU_S` to the second. The second run stops where the first
        timed out or where its time is used up; later calls are copied from the first.

        Args:
            kept_bytes: bytes of each output that are read; a longer one has no literal.
            known: an output of each input that is recognized and not decoded; such a call has no `value`.
            has_failed: (input index, call) → True if the program is wrong: the calls after it have the limits of a failed
                program, and are not run again.
            ends_at_failure: stop the program at the first failure instead, as `run` with `stop_when`.
        """
        limits = limits or Limits()
        stop_when = has_failed if ends_at_failure else None
        first = self._run(program, limits, 0, stop_when, kept_bytes=kept_bytes, known=known, has_failed=has_failed)
        calls = enumerate(first.inputs)
        if has_failed is None:
            count = next((i for i, call in calls if call.outcome == "timeout"), len(first.inputs))
        else:
            count = next(
                (i + (call.outcome != "timeout") for i, call in calls if has_failed(i, call)), len(first.inputs)
            )
        left_s = min(SECOND_RUN_CPU_S, limits.cpu_s - first.cpu_ms / 1000)
        left = replace(limits, cpu_s=left_s, wall_s=limits.wall_s - first.idle_s)
        if not count or left.cpu_s <= 0 or left.wall_s <= 0:
            return first, first
        second = self._run(program, left, 1, kept_bytes=kept_bytes, known=known, count=count)
        # Its last call may have been ended by what was left for all of them, and not by its own limit.
        was_ended = second.cpu_ms >= 1000 * left_s or second.idle_s >= left.wall_s
        checked = [
            b if b.was_called and not (was_ended and b.outcome == "timeout") else a
            for a, b in zip(first.inputs, second.inputs, strict=False)
        ]
        return first, replace(second, inputs=(*checked, *first.inputs[count:]))

    def map(self, jobs: Iterable[tuple[Program, Limits]]) -> Iterator[ProgramRun]:
        """Run many programs, one at a time per worker; results in order."""
        return self.imap(lambda job: self.run(*job), jobs)

    def imap(
        self, function: Callable[[T], R], items: Iterable[T], *, max_ahead: int = MAX_PENDING_PER_WORKER
    ) -> Iterator[R]:
        """`function` of each item on the pool's threads, results in order; `items` is read lazily.

        Args:
            max_ahead: maximum number of items per worker that may be ahead of the first unfinished one.
        """
        waiting: deque[Future[R]] = deque()
        for item in items:
            waiting.append(self._threads.submit(function, item))
            if len(waiting) >= max_ahead * self._workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _run(
        self,
        program: Program,
        limits: Limits,
        seed: int,
        stop_when: Callable[[int, InputRun], bool] | None = None,
        kept_bytes: Sequence[int] | None = None,
        known: Sequence[KnownOutput | None] | None = None,
        has_failed: Callable[[int, InputRun], bool] | None = None,
        count: int | None = None,
    ) -> ProgramRun:
        """Run a program on its first `count` inputs (default: all)."""
        count = len(program.inputs) if count is None else count
        inputs = encode_inputs(program.inputs) if program.encoded_inputs is None else program.encoded_inputs
        runs, cpu_ms, idle_s, failed_ms = list[InputRun](), 0.0, 0.0, None
        kept = (lambda index: kept_bytes[index] if index < count else 0) if kept_bytes is not None else None
        while len(runs) < count:
            left = replace(limits, cpu_s=limits.cpu_s - cpu_ms / 1000, wall_s=limits.wall_s - idle_s)
            if failed_ms is not None:
                left_s = min(left.cpu_s, limits.failed_cpu_s - (cpu_ms - failed_ms) / 1000)
                left = replace(left, input_cpu_s=limits.failed_input_cpu_s, cpu_s=left_s)
            if left.cpu_s <= 0 or left.wall_s <= 0:
                break
            head = _length_prefixed(str(len(runs)), str(count), program.entry_point, program.code)
            child = ChildAnswers(len(runs), count, limits, stop_when, known, has_failed, failed_ms is not None)
            child_run = self._in_server(head, inputs, left, seed, child, kept)
            cpu_ms, idle_s = cpu_ms + child_run.cpu_ms, idle_s + child_run.idle_s
            runs += child.finish(child_run)
            if failed_ms is None and has_failed and any(has_failed(i, runs[i]) for i in range(child.start, len(runs))):
                failed_ms = cpu_ms
            if child.is_stopped or (stop_when is not None and stop_when(len(runs) - 1, runs[-1])):
                return ProgramRun((*runs, *[NOT_CALLED] * (count - len(runs))), cpu_ms, idle_s)
            if sum(run.outcome == "timeout" for run in runs) >= limits.max_timeouts:
                break
        return ProgramRun((*runs, *[NO_TIME_LEFT] * (count - len(runs))), cpu_ms, idle_s)

    def _in_server(
        self,
        head: bytes,
        inputs: bytes,
        limits: Limits,
        seed: int,
        child: "ChildAnswers",
        kept_bytes: Callable[[int], int] | None,
    ) -> ChildRun:
        server = self._acquire(seed)
        has_served = server.served > 0
        try:
            child_run = server.run(head, inputs, limits, child.on_frame, kept_bytes, lambda: child.failed)
        except BaseException:
            self._discard(server)
            raise
        if child_run.stopped in ("lost", "moved"):
            self._discard(server)
        else:
            self._idle[seed].put(server)
        # An earlier program may have killed the server or left traces in files or process ids: retry on a new server.
        if has_served and child_run.stopped in ("lost", "moved"):
            child.restart()
            return self._in_server(head, inputs, limits, seed, child, kept_bytes)
        return child_run

    def _acquire(self, seed: int) -> Server:
        try:
            return self._idle[seed].get_nowait()
        except queue.Empty:
            return self._start(seed)

    def _discard(self, server: Server) -> None:
        server.close()
        with self._lock:
            self._servers.remove(server)

    def _start_first(self) -> Server:
        """The first server; namespaces are disabled if it cannot create them without bubblewrap."""
        if "bubblewrap" in self._disabled and "namespaces" not in self._disabled:
            with contextlib.suppress(SandboxError):
                return self._start(0)
            self._disabled.add("namespaces")
        return self._start(0)

    def _start(self, seed: int) -> Server:
        server = Server(self._box, hash_seed=self._hash_seeds[seed], disabled=self._disabled, modules=self._modules)
        with self._lock:
            self._servers.append(server)
        return server


def _new_box() -> tuple[Path, int]:
    """A folder for the servers' files, and the descriptor that holds its lock.

    It is renamed to the pattern of `_sweep_boxes` once locked.
    """
    folder = Path(tempfile.mkdtemp(prefix=f".{BOX}"))
    copy_box_files(folder)
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return folder.rename(folder.with_name(folder.name[1:])), lock


def _sweep_boxes() -> None:
    """Remove the boxes of killed runs: those that no process has locked, in any namespace or container."""
    for box in Path(tempfile.gettempdir()).glob(f"{BOX}*"):
        with contextlib.suppress(OSError):
            lock = os.open(box, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_tree(str(box))
            finally:
                os.close(lock)


def _length_prefixed(*texts: str) -> bytes:
    parts = [text.encode("utf-8", "surrogatepass") for text in texts]
    return b"".join(pack(">I", len(part)) + part for part in parts)


@lru_cache(maxsize=128)
def encode_inputs(inputs: tuple[str, ...]) -> bytes:
    """Each input's arguments, encoded and length-prefixed; cached for all programs with the same inputs.

    Raises: SandboxError: one is no literal of a list, or deeper or longer than the sandbox allows.
    """
    try:
        parts = [pack_arguments(read_arguments(text), MAX_INPUT_BYTES) for text in inputs]
    except LiteralError as error:
        raise SandboxError(str(error)) from error
    except CodecError as error:
        raise SandboxError(f"An input cannot be given to a program: {error}. Shorten or correct the input.") from error
    return b"".join(pack(">I", len(part)) + part for part in parts)
