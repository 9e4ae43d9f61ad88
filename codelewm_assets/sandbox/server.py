"""One fork server as the parent sees it: a process, a channel, and one run at a time."""

import fcntl
import os
import select
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path

from codelewm_assets.core.errors import SandboxError
from codelewm_assets.sandbox.child import LIMITS
from codelewm_assets.sandbox.frames import TOKEN_BYTES, Frame, FrameError, FrameReader
from codelewm_assets.sandbox.isolation import server_command
from codelewm_assets.sandbox.limits import Limits

START_S = 60.0
LOOK_MS = 5
PIPE_BYTES = 1 << 20  # what a user may ask for (/proc/sys/fs/pipe-max-size), so that large outputs come in few turns
FLOWING_BYTES = 1 << 14  # after a look that found as much, the next one comes as soon as there is more
ANSWER = struct.Struct(">d?")
ANSWER_SLACK_S = 15.0  # beyond a multiple of a program's own limits, before the server is taken for lost


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
        poll, found, seen, is_flowing, has_told = select.poll(), _Found(reader, stream), 0, False, False
        poll.register(self._channel, select.POLLIN)
        deadline = time.monotonic() + 3 * limits.wall_s + 10 * limits.cpu_s + ANSWER_SLACK_S
        # The pipe is looked into now and then, not at each frame: waking up for each costs more than most programs do.
        while time.monotonic() < deadline:
            ready = poll.poll(LOOK_MS)
            if any(descriptor == self._channel.fileno() for descriptor, _ in ready):
                break
            has_more = found.look() >= FLOWING_BYTES
            if has_more and not is_flowing:
                _widen(reader)
                poll.register(reader, select.POLLIN)
            elif is_flowing and not has_more:
                poll.unregister(reader)
            is_flowing = has_more
            if not has_told and (found.is_over or (stop is not None and any(map(stop, found.frames[seen:])))):
                self._channel.send(b"enough")
                has_told = True
            seen = len(found.frames)
        else:
            return Ran(tuple(found.frames), found.is_whole, "lost", 0.0)
        answer = self._answer()
        if answer is None:
            return Ran(tuple(found.frames), found.is_whole, "lost", 0.0)
        found.look()
        ended, cpu_ms, self.serves_on = answer
        stopped = "output" if stream.is_over else None if ended in ("", "told") else ended
        return Ran(tuple(found.frames), found.is_whole, stopped, cpu_ms)

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


def _widen(pipe: int) -> None:
    with suppress(OSError):  # a user's pipes may hold too much already; the usual size works too
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


class _Found:
    """What one child has sent so far."""

    def __init__(self, reader: int, stream: FrameReader) -> None:
        self._reader, self._stream = reader, stream
        self.frames: list[Frame] = []
        self.is_whole = True

    @property
    def is_over(self) -> bool:
        """Whether nothing more of it is wanted: too much was sent, or something that is no frame."""
        return self._stream.is_over or not self.is_whole

    def look(self) -> int:
        """Take what is in the pipe now. Returns: bytes taken."""
        taken = 0
        while not self.is_over:
            try:
                data = os.read(self._reader, PIPE_BYTES)
                self.frames.extend(self._stream.feed(data))
            except BlockingIOError:
                break
            except FrameError:
                self.is_whole = False
                break
            if not data:
                break
            taken += len(data)
        return taken


def _plain(limits: Limits) -> bytes:
    return LIMITS.pack(*(getattr(limits, field.name) for field in fields(Limits)))
