"""One fork server as the parent sees it: a process, a channel, and one run at a time."""

import os
import select
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from codelewm_assets.core.errors import SandboxError
from codelewm_assets.sandbox.child import LIMITS
from codelewm_assets.sandbox.frames import TOKEN_BYTES, Frame, FrameError, FrameReader
from codelewm_assets.sandbox.isolation import server_command
from codelewm_assets.sandbox.limits import Limits

START_S = 60.0
LOOK_MS = 5
ANSWER = struct.Struct(">d?")
ANSWER_SLACK_S = 15.0  # beyond three times a program's own wall limit, before the server is taken for lost


@dataclass(frozen=True, slots=True)
class Ran:
    """One child's life: its frames, whether all it sent were frames, what ended it, and the CPU time it used.

    Attributes:
        stopped: None (it ended by itself), `cpu`, `wall`, `policy`, `output`, or `lost` with its server.
    """

    frames: tuple[Frame, ...]
    is_whole: bool
    stopped: str | None
    cpu_ms: float


class Server:
    """One fork server process. Raises: SandboxError: it does not start."""

    def __init__(self, box: Path, *, hash_seed: int, use_bubblewrap: bool, modules: Sequence[str] = ()) -> None:
        command, environment = server_command(box, hash_seed=hash_seed, use_bubblewrap=use_bubblewrap, modules=modules)
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment,
                start_new_session=True, cwd="/",
            )  # fmt: skip
        self._channel.settimeout(START_S)
        self.served, self.serves_on = 0, True
        try:
            hello = self._channel.recv(65536)
            if not hello:
                raise OSError("it hung up")
            self.layers: tuple[str, ...] = tuple(hello.decode("ascii").split(","))
        except (OSError, ValueError) as error:
            self.close()
            raise SandboxError(
                "The sandbox's server did not start. Check that python and bwrap run in this container."
            ) from error

    def run(self, head: bytes, inputs: bytes, limits: Limits, stop: Callable[[Frame], bool] | None = None) -> Ran:
        """Run one program in a child of its own.

        Args:
            stop: whether a frame is the last that is wanted; the child is ended then.
            head: first input to call, entry point and code; like `inputs` each with its length before it.
            inputs: the encoded arguments of each input.
        """
        self.served += 1
        token = os.urandom(TOKEN_BYTES)
        reader, writer = os.pipe()
        request = os.memfd_create("request")
        try:
            with os.fdopen(os.dup(request), "wb") as handle:
                handle.write(token + head + inputs)
            try:
                socket.send_fds(self._channel, [_plain(limits)], [request, writer])
            except OSError:
                return Ran((), True, "lost", 0.0)
            finally:
                os.close(request)
                os.close(writer)
            return self._collect(reader, FrameReader(token, limits.output_bytes), limits, stop)
        finally:
            os.close(reader)

    def _collect(self, reader: int, stream: FrameReader, limits: Limits, stop: Callable[[Frame], bool] | None) -> Ran:
        os.set_blocking(reader, False)
        poll, frames, is_whole, stopped, seen = select.poll(), list[Frame](), True, None, 0
        poll.register(self._channel, select.POLLIN)
        deadline = time.monotonic() + 3 * limits.wall_s + ANSWER_SLACK_S
        # The pipe is looked into now and then, not at each frame: waking up for each costs more than most programs do.
        while not (ready := poll.poll(LOOK_MS)) and time.monotonic() < deadline:
            if stopped is None and is_whole:
                try:
                    while _read(reader, stream, frames) and not stream.is_over:
                        pass
                except FrameError:
                    is_whole = False
                if stream.is_over:
                    stopped = "output"
                has_enough = stop is not None and any(stop(frame) for frame in frames[seen:])
                seen = len(frames)
                if stopped or not is_whole or has_enough:
                    self._channel.send(b"enough")
                    stop = None
        answer = self._answer() if ready else None
        if answer is None:
            return Ran(tuple(frames), is_whole, "lost", 0.0)
        if stopped is None and is_whole:
            try:
                while _read(reader, stream, frames) and not stream.is_over:
                    pass
            except FrameError:
                is_whole = False
            stopped = "output" if stream.is_over else None
        ended, cpu_ms, self.serves_on = answer
        return Ran(tuple(frames), is_whole, stopped or (None if ended in ("", "told") else ended), cpu_ms)

    def _answer(self) -> tuple[str, float, bool] | None:
        """What ended the child, its CPU time in milliseconds, and whether the server goes on; None: it is lost."""
        try:
            data = self._channel.recv(4096)
            cpu_ms, serves_on = ANSWER.unpack_from(data)
        except (OSError, struct.error):
            return None
        return data[ANSWER.size :].decode("ascii"), cpu_ms, serves_on

    def close(self) -> None:
        """Kill the server; its namespace's processes go with it."""
        self._channel.close()
        self._process.kill()
        self._process.wait()


def _read(reader: int, stream: FrameReader, frames: list[Frame]) -> bool:
    """Take what is in the pipe. False: nothing more, now or ever."""
    try:
        data = os.read(reader, 1 << 16)
    except BlockingIOError:
        return False
    frames.extend(stream.feed(data))
    return bool(data)


def _plain(limits: Limits) -> bytes:
    return LIMITS.pack(*(getattr(limits, field.name) for field in fields(Limits)))
