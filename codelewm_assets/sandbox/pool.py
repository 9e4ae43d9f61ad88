"""A pool of fork servers: programs in, what they did out, in the order given."""

import contextlib
import os
import queue
import shutil
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from struct import pack
from types import TracebackType
from typing import Any, TypeVar

from codelewm_assets.core.errors import LiteralError, SandboxError
from codelewm_assets.core.literals import read_arguments, write_value
from codelewm_assets.sandbox.codec import CodecError, decode, encode
from codelewm_assets.sandbox.frames import END, EXCEPTION, LOADED, MEMORY, NO_LITERAL, NOT_LOADED, VALUE, Frame
from codelewm_assets.sandbox.isolation import Isolation, bubblewrap_works, copy_box_files
from codelewm_assets.sandbox.limits import MOST_TIMEOUTS, Limits
from codelewm_assets.sandbox.outcome import InputRun, Program, ProgramRun, RunOutcome
from codelewm_assets.sandbox.server import Ran, Server

BOX = "codelewm-box-"
WAITING_PER_WORKER = 8
MOST_INPUT_BYTES = 64 << 20
SHORT_VALUE, LONG_VALUE = 1 << 10, 1 << 20  # bytes of one output
NOT_CALLED = InputRun("killed", was_called=False)
ENDED: dict[str | None, RunOutcome] = {"cpu": "timeout", "wall": "timeout", "policy": "policy"}
T = TypeVar("T")
R = TypeVar("R")


class SandboxPool:
    """Context manager over `workers` pairs of fork servers; the two of a pair have different hash seeds.

    Args:
        hash_seed: of the first server of each pair; the second has the next.
        use_bubblewrap: None takes it where it works.
        modules: packages that programs may import besides the standard library, imported once in each server.

    Raises: SandboxError: a server does not start, or a module is not installed.
    """

    def __init__(
        self,
        workers: int = 2,
        *,
        hash_seed: int = 0,
        use_bubblewrap: bool | None = None,
        modules: Sequence[str] = (),
    ) -> None:
        self._workers, self._hash_seeds, self._modules = workers, (hash_seed, hash_seed + 1), tuple(modules)
        self._use_bubblewrap = bubblewrap_works() if use_bubblewrap is None else use_bubblewrap
        self._idle: tuple[queue.SimpleQueue[Server], ...] = (queue.SimpleQueue(), queue.SimpleQueue())
        self._started = [0, 0]
        self._lock = threading.Lock()
        self._servers: list[Server] = []
        self._isolation: Isolation | None = None

    def __enter__(self) -> "SandboxPool":
        _sweep_boxes()
        self._box = Path(tempfile.mkdtemp(prefix=f"{BOX}{os.getpid()}-"))
        copy_box_files(self._box)
        self._threads = ThreadPoolExecutor(self._workers)
        try:
            self._idle[0].put(self._start(0))
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
        shutil.rmtree(self._box, ignore_errors=True)

    @property
    def isolation(self) -> Isolation:
        """Layers in force. Raises: SandboxError: the pool was not entered."""
        if self._isolation is None:
            raise SandboxError("The pool has no servers; use it as `with SandboxPool(…) as pool`.")
        return self._isolation

    def run(
        self, program: Program, limits: Limits | None = None, *, enough: Callable[[int, InputRun], bool] | None = None
    ) -> ProgramRun:
        """Run one program on all its inputs. A program that ends its server is `killed`; the server is replaced.

        Args: enough: given the index of an input and what its call showed, whether to end the program there; the calls
            after it are `killed` and were not called. For a verdict on the whole program it is the first wrong output.
        Raises: SandboxError: an input is deeper or longer than the sandbox takes.
        """
        return self._run(program, limits or Limits(), 0, enough)

    def run_twice(self, program: Program, limits: Limits | None = None) -> tuple[ProgramRun, ProgramRun]:
        """Run one program in two children under different hash seeds."""
        return self._run(program, limits or Limits(), 0), self._run(program, limits or Limits(), 1)

    def map(self, jobs: Iterable[tuple[Program, Limits]]) -> Iterator[ProgramRun]:
        """Run many programs, as many at a time as there are workers; results in the order given."""
        return self.each(lambda job: self.run(*job), jobs)

    def each(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """`function` of each item on the pool's threads, results in the order given; `items` is read as it is needed."""
        waiting: deque[Future[R]] = deque()
        for item in items:
            waiting.append(self._threads.submit(function, item))
            if len(waiting) >= WAITING_PER_WORKER * self._workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _run(
        self, program: Program, limits: Limits, seed: int, enough: Callable[[int, InputRun], bool] | None = None
    ) -> ProgramRun:
        inputs, count = _encoded_inputs(program.inputs), len(program.inputs)
        runs, cpu_ms = list[InputRun](), 0.0
        while len(runs) < count:
            left_s = limits.cpu_s - cpu_ms / 1000
            if left_s <= 0:
                return ProgramRun((*runs, *[InputRun("timeout", was_called=False)] * (count - len(runs))), cpu_ms)
            head = _sized(str(len(runs)), program.entry_point, program.code)
            stop = None if enough is None else partial(_is_enough, enough, limits)
            ran = self._in_server(head, inputs, replace(limits, cpu_s=left_s) if runs else limits, seed, stop)
            cpu_ms += ran.cpu_ms
            start = len(runs)
            runs += _input_runs(ran, start, count, limits)
            if sum(run.outcome == "timeout" for run in runs) >= MOST_TIMEOUTS:
                runs += [InputRun("timeout", was_called=False)] * (count - len(runs))
            last = next((i for i in range(start, len(runs)) if enough and enough(i, runs[i])), None)
            if last is not None:
                return ProgramRun((*runs[: last + 1], *[NOT_CALLED] * (count - last - 1)), cpu_ms)
        return ProgramRun(tuple(runs), cpu_ms)

    def _in_server(
        self, head: bytes, inputs: bytes, limits: Limits, seed: int, stop: Callable[[Frame], bool] | None
    ) -> Ran:
        server = self._take(seed)
        has_served = server.served > 0
        try:
            ran = server.run(head, inputs, limits, stop)
        except BaseException:
            self._drop(server)
            raise
        if ran.stopped == "lost" or not server.serves_on:
            self._drop(server)
        else:
            self._idle[seed].put(server)
        if ran.stopped == "lost" and has_served:  # an earlier program may have ended it: this one gets a new server
            return self._in_server(head, inputs, limits, seed, stop)
        return ran

    def _take(self, seed: int) -> Server:
        try:
            return self._idle[seed].get_nowait()
        except queue.Empty:
            return self._start(seed)

    def _drop(self, server: Server) -> None:
        server.close()
        with self._lock:
            self._servers.remove(server)

    def _start(self, seed: int) -> Server:
        server = Server(
            self._box,
            hash_seed=self._hash_seeds[seed],
            use_bubblewrap=self._use_bubblewrap,
            modules=self._modules,
        )
        with self._lock:
            self._servers.append(server)
        return server


def _sweep_boxes() -> None:
    """Remove the boxes of runs that were killed."""
    for left in Path(tempfile.gettempdir()).glob(f"{BOX}*-*"):
        with contextlib.suppress(OSError, ValueError):
            if not Path(f"/proc/{int(left.name.removeprefix(BOX).split('-')[0])}").exists():
                shutil.rmtree(left, ignore_errors=True)


def _sized(*texts: str) -> bytes:
    parts = [text.encode("utf-8", "surrogatepass") for text in texts]
    return b"".join(pack(">I", len(part)) + part for part in parts)


@lru_cache(maxsize=64)
def _encoded_inputs(inputs: tuple[str, ...]) -> bytes:
    """Each input's arguments, encoded, with the length before it."""
    try:
        parts = [encode(read_arguments(text), MOST_INPUT_BYTES) for text in inputs]
    except (CodecError, LiteralError) as error:
        raise SandboxError(f"An input cannot be given to a program: {error}. Shorten or correct the input.") from error
    return b"".join(pack(">I", len(part)) + part for part in parts)


def _input_runs(ran: Ran, start: int, count: int, limits: Limits) -> list[InputRun]:
    """What one child showed of the inputs from `start` on; fewer than all when the next child goes on after it."""
    if ran.stopped == "lost":  # whatever it answered: it ended what watched it
        return [InputRun("killed"), *[NOT_CALLED] * (count - start - 1)]
    frames = list(ran.frames)
    if not frames or frames[0].kind != LOADED:
        return [_not_loaded(frames, ran)] * (count - start)
    runs = list[InputRun]()
    for frame in frames[1:]:
        if frame.kind == END and start + len(runs) == count:
            return runs
        if frame.index != start + len(runs) or frame.kind not in (VALUE, NO_LITERAL, EXCEPTION, MEMORY):
            return runs + [InputRun("killed")] * (count - start - len(runs))
        runs.append(_called(frame, limits))
        if start + len(runs) == count and frames[-1].kind != END:
            runs.pop()  # all were answered, but the harness did not end as it does: the last call is not believed
            break
    rest = count - start - len(runs)
    if not ran.is_whole or ran.stopped == "output":
        return runs + [InputRun("killed"), *[NOT_CALLED] * (rest - 1)][:rest]
    if ran.stopped == "wall":
        return runs + [InputRun("timeout"), *[InputRun("timeout", was_called=False)] * (rest - 1)][:rest]
    return runs + [InputRun(ENDED.get(ran.stopped, "killed"))] * min(rest, 1)


def _not_loaded(frames: list[Frame], ran: Ran) -> InputRun:
    if ran.is_whole and len(frames) == 1 and ran.stopped is None:
        if frames[0].kind == NOT_LOADED:
            return InputRun("exception", exception_class=frames[0].name)
        if frames[0].kind == MEMORY:
            return InputRun("memory")
    return InputRun(ENDED.get(ran.stopped, "killed"))


def _is_enough(enough: Callable[[int, InputRun], bool], limits: Limits, frame: Frame) -> bool:
    is_call = frame.kind in (VALUE, NO_LITERAL, EXCEPTION, MEMORY)
    return is_call and enough(frame.index, _called(frame, limits))


def _called(frame: Frame, limits: Limits) -> InputRun:
    if frame.cpu_us > 1e6 * limits.input_cpu_s:
        return InputRun("timeout")
    if frame.kind == MEMORY:
        return InputRun("memory")
    if frame.kind == EXCEPTION:
        return InputRun("exception", exception_class=frame.name)
    if frame.kind == NO_LITERAL:
        return InputRun("finished", output_type=frame.name)
    try:
        output, value = _reader_of(len(frame.value))(frame.value)
    except CodecError:
        return InputRun("killed")
    if output is None:
        return InputRun("finished", output_type=frame.name)
    return InputRun("finished", output=output, output_type=frame.name, value=value, cpu_ms=frame.cpu_us / 1000)


def _read(data: bytes) -> tuple[str | None, Any]:
    """Literal and value of an encoded value; no literal for an integer of more digits than Python writes."""
    value = decode(data)
    try:
        return write_value(value), value
    except (LiteralError, ValueError, RecursionError):
        return None, None


# Most outputs of a problem's programs are the same bytes, its two runs' nearly always: each is read once. Not the longest,
# so that what is kept stays under a few hundred MiB.
_read_short = lru_cache(maxsize=4096)(_read)
_read_long = lru_cache(maxsize=16)(_read)


def _reader_of(size: int) -> Callable[[bytes], tuple[str | None, Any]]:
    return _read_short if size <= SHORT_VALUE else _read_long if size <= LONG_VALUE else _read
