"""A pool of fork servers: programs in, what they did out, in the order given."""

import json
import queue
import select
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from codelewm_assets.core.errors import LiteralError, SandboxError
from codelewm_assets.core.literals import read_value, write_value
from codelewm_assets.sandbox.isolation import Isolation, bubblewrap_works, copy_box_files, server_command
from codelewm_assets.sandbox.limits import Limits
from codelewm_assets.sandbox.outcome import InputRun, Program, ProgramRun
from codelewm_assets.sandbox.zygote import read_frame, write_frame

START_S = 30.0
ANSWER_SLACK_S = 15.0  # beyond a program's own wall limit, before the server is taken for lost


class _Server:
    """One fork server process."""

    def __init__(self, box: Path, hash_seed: int, use_bubblewrap: bool) -> None:
        command, environment = server_command(box, hash_seed=hash_seed, use_bubblewrap=use_bubblewrap)
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment,
            start_new_session=True, cwd="/",
        )  # fmt: skip
        hello = self._read(START_S)
        if hello is None:
            self.close()
            raise SandboxError("The sandbox's server did not start. Check that python and bwrap run in this container.")
        self.layers: tuple[str, ...] = tuple(json.loads(hello)["layers"])

    def ask(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """The server's answer, or None when the server is lost."""
        try:
            write_frame(self._stdin, json.dumps(request).encode())
        except OSError:
            return None
        frame = self._read(request["limits"]["wall_s"] + ANSWER_SLACK_S)
        return None if frame is None else dict(json.loads(frame))

    def close(self) -> None:
        """Kill the server; its namespace's processes go with it."""
        self._process.kill()
        self._process.communicate()

    @property
    def _stdin(self) -> BinaryIO:
        assert self._process.stdin is not None
        return self._process.stdin  # type: ignore[return-value]

    def _read(self, timeout_s: float) -> bytes | None:
        stream = self._process.stdout
        assert stream is not None
        if not select.select([stream], [], [], timeout_s)[0]:
            return None
        return read_frame(stream)  # type: ignore[arg-type]


class SandboxPool:
    """Context manager over `workers` fork servers that share a hash seed.

    Raises: SandboxError: a server does not start.
    """

    def __init__(self, workers: int = 2, *, hash_seed: int = 0, use_bubblewrap: bool | None = None) -> None:
        self._workers = workers
        self._hash_seed = hash_seed
        self._use_bubblewrap = bubblewrap_works() if use_bubblewrap is None else use_bubblewrap
        self._idle: queue.SimpleQueue[_Server] = queue.SimpleQueue()
        self._isolation: Isolation | None = None
        self._servers: list[_Server] = []

    def __enter__(self) -> "SandboxPool":
        self._box = Path(tempfile.mkdtemp(prefix="codelewm-box-"))
        copy_box_files(self._box)
        self._threads = ThreadPoolExecutor(self._workers)
        for _ in range(self._workers):
            server = self._start()
            self._isolation = Isolation(server.layers)
            self._idle.put(server)
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

    def run(self, program: Program, limits: Limits | None = None) -> ProgramRun:
        """Run one program on all its inputs. A lost server is replaced and the program that lost it is `killed`."""
        server = self._idle.get()
        request = {
            "code": program.code,
            "entry_point": program.entry_point,
            "inputs": list(program.inputs),
            "limits": asdict(limits or Limits()),
        }
        answer = server.ask(request)
        if answer is None:
            server.close()
            self._servers.remove(server)
            server = self._start()
        self._idle.put(server)
        return _decoded(answer or {"lines": [], "stopped": None, "cpu_ms": 0.0}, len(program.inputs))

    def map(self, jobs: Iterable[tuple[Program, Limits]]) -> Iterator[ProgramRun]:
        """Run many programs, as many at a time as there are workers; results in the order given."""
        return self._threads.map(lambda job: self.run(*job), jobs)

    def _start(self) -> _Server:
        server = _Server(self._box, self._hash_seed, self._use_bubblewrap)
        self._servers.append(server)
        return server


def _decoded(answer: dict[str, Any], count: int) -> ProgramRun:
    runs = [_input_run(line) for line in answer["lines"][:count]]
    if runs and answer["stopped"] == "output":
        runs.pop()  # the last line was cut
    rest: InputRun
    if answer["stopped"] == "timeout":
        rest = InputRun("timeout")
    elif (
        runs
        and answer["stopped"] is None
        and runs[-1].outcome in ("exception", "memory")
        and _is_of_all(answer["lines"][len(runs) - 1])
    ):
        rest = runs[-1]  # it did not load, and said why in its one line
    else:
        rest = InputRun("killed")
    return ProgramRun(tuple(runs + [rest] * (count - len(runs))), float(answer["cpu_ms"]))


def _is_of_all(line: str) -> bool:
    """Whether the child says that this one line holds for every input that is left."""
    try:
        return json.loads(line)["all"] is True
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def _input_run(line: str) -> InputRun:
    """Decode one line with limits; what is malformed did not come from our child and counts as killed."""
    try:
        raw = json.loads(line)
        if raw["o"] == "memory":
            return InputRun("memory")
        if raw["o"] == "exception":
            return InputRun("exception", exception_class=str(raw["e"])[:80])
        kind = str(raw["t"])[:80]
        if "v" not in raw:
            return InputRun("finished", output_type=kind)
        return InputRun("finished", output=write_value(read_value(raw["v"])), output_type=kind)
    except (ValueError, KeyError, TypeError, RecursionError, LiteralError, AttributeError):
        return InputRun("killed")
