"""One fork server as the parent sees it: a process, a channel, and one run at a time."""

import fcntl
import os
import select
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from codelewm_assets.core.errors import SandboxError
from codelewm_assets.sandbox.child import CHILD_LIMITS
from codelewm_assets.sandbox.frames import TOKEN_BYTES, Frame, FrameError, FrameReader
from codelewm_assets.sandbox.isolation import server_command
from codelewm_assets.sandbox.limits import MAX_CPU_S, MAX_SENT_BYTES, Limits
from codelewm_assets.sandbox.zygote import ANSWER, TIMES

START_S = 60.0
POLL_MS = 5
READ_BYTES = 1 << 16
PIPE_BYTES = 1 << 20  # the usual /proc/sys/fs/pipe-max-size, so that large outputs take few reads
FLOWING_BYTES = 1 << 14  # after a read of this size, the next one follows as soon as there is more
CREDENTIALS = struct.Struct("=iII")  # `struct ucred` of linux/socket.h: process, user, group
LIVENESS_CHECK_S = 0.5  # between two checks that the server is running
ANSWER_SLACK_S = 15.0  # beyond a multiple of the program's limits, before the server counts as lost


@dataclass(frozen=True, slots=True)
class ChildRun:
    """Outcome of one child process.

    Attributes:
        has_only_frames: it sent nothing but frames.
        stopped: None (it exited), `parent` (stopped by `on_frame`), `cpu`, `wall`, `policy`, `output`, `moved` (not run, since
            its process id was unexpected), or `lost` with its server.
        cpu_ms: CPU time in milliseconds.
        idle_s: time in seconds in which it neither ran nor waited for a core.
    """

    has_only_frames: bool
    stopped: str | None
    cpu_ms: float = 0.0
    idle_s: float = 0.0


class Server:
    """One fork server process. Raises: SandboxError: it does not start."""

    def __init__(
        self, box: Path, *, hash_seed: int, disabled: Collection[str] = (), modules: Sequence[str] = ()
    ) -> None:
        command, environment = server_command(box, hash_seed=hash_seed, disabled=disabled, modules=modules)
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        with theirs:
            self._process = subprocess.Popen(
                command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment,
                start_new_session=True, cwd="/",
            )  # fmt: skip
        self._channel.settimeout(START_S)
        self.served = 0
        self._pidfd: int | None = None
        try:
            hello, sender, _, _ = self._channel.recvmsg(65536, socket.CMSG_SPACE(CREDENTIALS.size))
            if not hello or hello.startswith(b"!"):
                raise OSError(hello[1:].decode("utf-8", "replace") or "it hung up")
            self.layers: tuple[str, ...] = tuple(hello.decode("ascii").split(","))
            self._pid: int = CREDENTIALS.unpack(sender[0][2])[0]  # in this process' namespace
            self._pidfd = os.pidfd_open(self._pid)
            self._channel.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
        except (OSError, ValueError, IndexError) as error:
            self.close()
            hint = f", and that {', '.join(modules)} can be imported" if modules else ""
            raise SandboxError(
                f"The sandbox's server did not start ({error}). Check that python and bwrap run in this container{hint}."
            ) from error

    def run(
        self,
        head: bytes,
        inputs: bytes,
        limits: Limits,
        on_frame: Callable[[Frame], bool],
        kept_bytes: Callable[[int], int] | None = None,
        has_failed: Callable[[], bool] = lambda: False,
    ) -> ChildRun:
        """Run one program in a child of its own.

        Args:
            head: index of the first input and end of the range, entry point and code, length-prefixed.
            inputs: the encoded arguments of each input, length-prefixed.
            on_frame: called with each frame; returns True to stop the child.
            kept_bytes: input index → bytes of its output that are read.
            has_failed: returns True once a call has failed; the limits of a failed program apply from then on.
        """
        self.served += 1
        token = os.urandom(TOKEN_BYTES)
        reader, writer = os.pipe()
        request = os.memfd_create("request")
        try:
            with open(request, "wb", closefd=False) as handle:
                handle.write(token + head + inputs)
            try:
                socket.send_fds(self._channel, [_child_limits(limits)], [request, writer])
                self._channel.send(TIMES.pack(limits.input_cpu_s, limits.cpu_s, limits.wall_s))
            except OSError:
                return ChildRun(True, "lost")
            finally:
                os.close(request)
                os.close(writer)
            stream = FrameReader(token, limits.output_bytes, MAX_SENT_BYTES, kept_bytes)
            return self._collect(_Incoming(reader, stream, on_frame), limits, has_failed)
        finally:
            os.close(reader)

    def _collect(self, incoming: "_Incoming", limits: Limits, has_failed: Callable[[], bool]) -> ChildRun:
        poll, is_flowing, was_stopped, is_short, seen = select.poll(), False, False, has_failed(), 0
        poll.register(self._channel, select.POLLIN)
        deadline = time.monotonic() + 3 * limits.wall_s + 10 * limits.cpu_s + ANSWER_SLACK_S
        next_check = time.monotonic() + LIVENESS_CHECK_S
        # The pipe is polled, not read at each frame: a wake-up per frame costs more than most programs.
        while (now := time.monotonic()) < deadline:
            ready = poll.poll(POLL_MS)
            if any(descriptor == self._channel.fileno() for descriptor, _ in ready):
                break
            has_more = incoming.read_available(PIPE_BYTES if is_flowing else READ_BYTES) >= FLOWING_BYTES
            if has_more and not is_flowing:
                _widen(incoming.reader)
                poll.register(incoming.reader, select.POLLIN)
            elif is_flowing and not has_more:
                poll.unregister(incoming.reader)
            is_flowing = has_more
            if not was_stopped and incoming.is_over:
                was_stopped = self._send(b"enough")
            elif not was_stopped and incoming.count > seen:
                if has_failed() and not is_short:
                    is_short = self._send(TIMES.pack(limits.failed_input_cpu_s, limits.failed_cpu_s, limits.wall_s))
                else:
                    self._send(b"seen")
            seen = incoming.count
            if now >= next_check:
                if not _is_running(self._pid):
                    return ChildRun(incoming.has_only_frames, "lost")
                next_check = now + LIVENESS_CHECK_S
        else:
            return ChildRun(incoming.has_only_frames, "lost")
        answer = self._answer()
        if answer is None:
            return ChildRun(incoming.has_only_frames, "lost")
        incoming.read_available()
        ended, cpu_ms, idle_s = answer
        return ChildRun(
            incoming.has_only_frames, "output" if incoming.has_sent_too_much else ended or None, cpu_ms, idle_s
        )

    def _send(self, word: bytes) -> bool:
        with suppress(OSError):  # it has ended; its answer or the end of the channel can be read
            self._channel.send(word)
        return True

    def _answer(self) -> tuple[str, float, float] | None:
        """(reason of the child's end, CPU milliseconds, idle seconds); None: the server is lost."""
        try:
            data = self._channel.recv(4096)
            cpu_ms, idle_s = ANSWER.unpack_from(data)
        except (OSError, struct.error):
            return None
        return data[ANSWER.size :].decode("ascii"), cpu_ms, idle_s

    def close(self) -> None:
        """Kill the server and, with it, the processes of its namespace."""
        self._channel.close()
        if self._pidfd is not None:  # the parent of the server may lack the right to kill it
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            os.close(self._pidfd)
            self._pidfd = None
        self._process.kill()
        self._process.wait()


def _is_running(pid: int) -> bool:
    """True if a process exists and is not stopped."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as handle:
            return handle.read().rsplit(")", 1)[1].split()[0] not in "TtZX"
    except OSError:
        return False


def _widen(pipe: int) -> None:
    with suppress(OSError):  # the user's pipe quota may be used up; the default size works too
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


class _Incoming:
    """The frames of one child, passed on and not kept."""

    def __init__(self, reader: int, stream: FrameReader, on_frame: Callable[[Frame], bool]) -> None:
        os.set_blocking(reader, False)
        self.reader, self._stream, self._on_frame = reader, stream, on_frame
        self.count = 0
        self.has_only_frames, self._is_stopped = True, False

    @property
    def has_sent_too_much(self) -> bool:
        """True if the child sent more than it may."""
        return self._stream.is_over

    @property
    def is_over(self) -> bool:
        """True if the child can be stopped: by `on_frame`, after too many bytes, or after an invalid frame."""
        return self._is_stopped or self._stream.is_over or not self.has_only_frames

    def read_available(self, size: int = READ_BYTES) -> int:
        """Read the pipe until it is empty, `size` bytes at a time. Returns: bytes read."""
        taken = 0
        while not self.is_over:
            try:
                data = os.read(self.reader, size)
                for frame in self._stream.feed(data):
                    self.count += 1
                    if self._on_frame(frame):
                        self._is_stopped = True
                        break
            except BlockingIOError:
                break
            except FrameError:
                self.has_only_frames = False
                break
            taken += len(data)
            if len(data) < size:
                break
        return taken


def _child_limits(limits: Limits) -> bytes:
    return CHILD_LIMITS.pack(
        MAX_CPU_S + 1, limits.memory_bytes, limits.output_bytes, limits.file_bytes, limits.open_files
    )
