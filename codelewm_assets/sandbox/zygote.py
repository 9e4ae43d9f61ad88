"""The fork server: a warm interpreter inside the box that forks one child per program and watches its time.

Standard library only: this file is copied into the box. Requests and answers are length-prefixed JSON on stdin and
stdout; it is given programs, inputs and limits, never an expected output.
"""

import contextlib
import ctypes
import gc
import json
import os
import select
import shutil
import signal
import struct
import sys
import tempfile
import time
from typing import Any, BinaryIO, NoReturn

from codelewm_assets.sandbox.child import run_child

PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 4, 36, 38
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
POLL_S = 0.01
NO_MORE = 7  # exit status of a watcher that found the end of the requests
WARM = [
    "bisect",
    "cmath",
    "collections",
    "copy",
    "datetime",
    "decimal",
    "fractions",
    "functools",
    "hashlib",
    "heapq",
    "itertools",
    "math",
    "operator",
    "random",
    "re",
    "statistics",
    "string",
    "typing",
    "unicodedata",
]


def read_frame(stream: BinaryIO) -> bytes | None:
    """One length-prefixed message, None at the end of the stream."""
    head = stream.read(4)
    return stream.read(struct.unpack(">I", head)[0]) if len(head) == 4 else None


def write_frame(stream: BinaryIO, data: bytes) -> None:
    """Send one length-prefixed message."""
    stream.write(struct.pack(">I", len(data)) + data)
    stream.flush()


def main() -> None:
    """Serve until stdin ends. argv: layers that the launcher put in force, comma-separated."""
    layers = [layer for layer in sys.argv[1].split(",") if layer] + _harden(sys.argv[1].split(","))
    for name in WARM:
        __import__(name)
    gc.collect()
    gc.freeze()
    gc.disable()
    answers = sys.stdout.buffer
    write_frame(answers, json.dumps({"layers": sorted(set(layers))}).encode())
    while select.select([0], [], []):
        watcher = os.fork()
        if watcher == 0:
            _watch_one("mount_namespace" in layers)
        _, status = os.waitpid(watcher, 0)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == NO_MORE:
            return
        if status != 0:  # the program ended its watcher: it has no answer, and nothing of it stays
            _reap_descendants()
            write_frame(answers, json.dumps({"lines": [], "stopped": None, "cpu_ms": 0.0}).encode())


def _watch_one(owns_temporary: bool) -> NoReturn:
    """One request in a process of its own: reads it, runs it, answers, ends.

    The server itself never reads a request or an output, so no later program inherits a heap in which an earlier
    program, its outputs or the reference lie.
    """
    status = 1
    try:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        with os.fdopen(os.dup(0), "rb") as requests, os.fdopen(os.dup(1), "wb") as answers:
            frame = read_frame(requests)
            if frame is not None:
                write_frame(answers, json.dumps(_serve(json.loads(frame), owns_temporary)).encode())
        status = NO_MORE if frame is None else 0
    finally:
        os._exit(status)


def _harden(given: list[str]) -> list[str]:
    libc = ctypes.CDLL(None, use_errno=True)
    layers = ["rlimits", "process_group", "private_folder"]
    if "network_namespace" not in given and libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0:
        layers.append("network_namespace")
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        layers.append("no_new_privs")
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    return layers


def _serve(request: dict[str, Any], owns_temporary: bool) -> dict[str, Any]:
    folder = tempfile.mkdtemp(prefix="run-")
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        run_child(writer, request, folder)
    os.close(writer)
    try:
        return _watch(pid, reader, request["limits"])
    finally:
        os.close(reader)
        _reap_descendants()
        shutil.rmtree(folder, ignore_errors=True)
        if owns_temporary:  # inside bubblewrap /tmp is the server's own: whatever a program put there goes
            _empty(tempfile.gettempdir())


def _empty(folder: str) -> None:
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                os.unlink(entry.path)


def _watch(pid: int, reader: int, limits: dict[str, Any]) -> dict[str, Any]:
    """Collect lines until the child closes its pipe, or is over a limit; then it is killed with its group."""
    clock = ((~pid) << 3) | 2  # Linux: the CPU clock of a process, as clock_getcpuclockid makes it
    deadline = time.monotonic() + limits["wall_s"]
    received, stopped, cpu_s = bytearray(), None, 0.0
    while stopped is None:
        if select.select([reader], [], [], POLL_S)[0]:
            chunk = os.read(reader, 1 << 16)
            if not chunk:
                break
            received += chunk
            if len(received) > limits["output_bytes"]:
                stopped = "output"
        with contextlib.suppress(OSError):
            cpu_s = time.clock_gettime(clock)
        if cpu_s > limits["cpu_s"] or time.monotonic() > deadline:
            stopped = "timeout"
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    _, status, usage = os.wait4(pid, 0)
    if stopped is None and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
        stopped = "timeout"
    return {
        "lines": [line.decode("ascii", "replace") for line in bytes(received[: limits["output_bytes"]]).splitlines()],
        "stopped": stopped,
        "cpu_ms": 1000 * (usage.ru_utime + usage.ru_stime),
    }


def _reap_descendants() -> None:
    """Kill and collect whatever the program left behind; as subreaper this process is their parent now."""
    for _ in range(1000):
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            for child in _children():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            time.sleep(0.001)


def _children() -> list[int]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with (
                contextlib.suppress(OSError, IndexError, ValueError),
                open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as handle,
            ):
                if int(handle.read().rsplit(")", 1)[1].split()[1]) == os.getpid():
                    found.append(int(name))
    return found
