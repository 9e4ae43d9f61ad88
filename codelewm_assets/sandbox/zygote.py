"""The fork server: a warm interpreter inside the box that forks one child per program and watches its time.

Standard library only: this file is copied into the box. It gets limits and two descriptors per run: the program with its
inputs, which only the child reads, and the pipe for the child's answers, which only the parent reads. So nothing of one
run is in the memory that the next one inherits. It is never given an expected output.
"""

import contextlib
import ctypes
import gc
import os
import select
import signal
import socket
import sys
import time
from mmap import mmap
from struct import pack

from codelewm_assets.sandbox.child import LIMITS, PROGRESS, Filter, run_child

PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 4, 36, 38
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
POLL_MS = 10
# Not here: `random` (its hook after each fork costs a tenth of a fork, and `statistics` and `tempfile` import it),
# `dataclasses` and `hashlib` (many pages to copy). A program that wants those pays for its own import.
WARM = (
    *("array", "bisect", "cmath", "collections", "collections.abc", "copy", "datetime", "decimal", "enum", "fractions"),
    *("functools", "heapq", "itertools", "math", "operator", "re", "string", "typing", "unicodedata"),
)


def main() -> None:
    """Serve until the parent hangs up.

    argv: layers that the launcher put in force, the filters of the server and of its children in hexadecimal, the box, the
    folder for temporary files, folders and names of further modules; lists are separated by commas.
    """
    given, server_filter, child_filter, box, temporary, folders, modules = sys.argv[1:]
    layers = sorted({*_split(given), *_harden(_split(given)), *(["seccomp"] if child_filter else [])})
    sys.path[:0] = _split(folders)
    for name in [*WARM, *_split(modules)]:
        __import__(name)
    sys.path[:] = [part for part in sys.path if part != box]
    folder = os.path.join(temporary, f"run-{os.getpid()}")
    os.mkdir(folder, 0o700)
    os.environ.clear()
    sys.argv[:] = [""]
    for name in [name for name in sys.modules if name.startswith("codelewm_assets")]:
        del sys.modules[name]
    exec(compile("def f(x):\n    return [y + 1 for y in x]\nf([1.0])\n", "<warm>", "exec"), {})
    if server_filter:
        Filter(bytes.fromhex(server_filter)).load()
    filter_ = Filter(bytes.fromhex(child_filter)) if child_filter else None
    channel, progress = socket.socket(fileno=0), mmap(-1, PROGRESS.size)
    gc.collect()
    gc.freeze()
    gc.disable()
    channel.send(",".join(layers).encode())
    _serve(
        channel,
        progress,
        filter_,
        folder,
        temporary if "mount_namespace" in layers else None,
        "pid_namespace" in layers,
    )


def _split(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


def _serve(
    channel: socket.socket, progress: mmap, filter_: Filter | None, folder: str, temporary: str | None, kills_all: bool
) -> None:
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, 4096, 2)
        if not message:
            _remove(folder)
            return
        if len(descriptors) != 2:  # an "enough" that came after its child had ended by itself
            continue
        limits = LIMITS.unpack(message)
        PROGRESS.pack_into(progress, 0, 0.0)
        pid = os.fork()
        if pid == 0:
            run_child(descriptors[0], descriptors[1], folder, progress, limits, filter_)
        for descriptor in descriptors:
            os.close(descriptor)
        stopped, cpu_ms = _watch(pid, channel, progress, limits)
        _reap_descendants(kills_all)
        is_clean = _clean(folder, temporary)
        with contextlib.suppress(OSError):
            channel.send(pack(">d?", cpu_ms, is_clean) + stopped.encode())
        if not is_clean:
            return


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


def _watch(pid: int, channel: socket.socket, progress: mmap, limits: tuple[float, ...]) -> tuple[str, float]:
    """Wait for the child's end, or end it: over a limit of CPU or wall time, or told to by the parent.

    Returns: what ended it (nothing, `cpu`, `wall`, `told` or `policy`), and its CPU time in milliseconds.
    """
    clock = ((~pid) << 3) | 2  # Linux: the CPU clock of a process, as clock_getcpuclockid makes it
    started, stopped = time.monotonic(), ""
    ended = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    poll.register(channel, select.POLLIN)
    while not stopped:
        ready = [descriptor for descriptor, _ in poll.poll(POLL_MS)]
        if ended in ready:
            break
        if ready:
            channel.recv(64)  # anything, the end included, means: enough
            stopped = "told"
        else:
            stopped = _over(pid, clock, started, progress, limits)
    os.close(ended)
    if stopped:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    _, status, usage = os.wait4(pid, 0)
    killed_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if not stopped and killed_by == signal.SIGXCPU:
        stopped = "cpu"
    if not stopped and killed_by == signal.SIGSYS:
        stopped = "policy"
    return stopped, 1000 * (usage.ru_utime + usage.ru_stime)


def _over(pid: int, clock: int, started: float, progress: mmap, limits: tuple[float, ...]) -> str:
    """Which limit the child is over. Wall time in which it ran or waited for a core is not counted."""
    try:
        cpu_s = time.clock_gettime(clock)
    except OSError:
        return ""
    input_cpu_s, all_cpu_s, most_wall_s = limits[:3]
    (call_started,) = PROGRESS.unpack_from(progress)
    if cpu_s > all_cpu_s or cpu_s - call_started > input_cpu_s:
        return "cpu"
    idle_s = time.monotonic() - started - cpu_s
    return "wall" if idle_s > most_wall_s and idle_s - _waited_s(pid) > most_wall_s else ""


def _waited_s(pid: int) -> float:
    """Seconds that the process stood in the run queue; 0 where the kernel does not say."""
    try:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as handle:
            return int(handle.read().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


def _reap_descendants(kill_all: bool) -> None:
    """Kill and collect whatever the program left behind; as subreaper this process is their parent now."""
    for _ in range(1000):
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if kill_all:  # the whole pid namespace, this process and its init excepted
                    os.kill(-1, signal.SIGKILL)
                for child in [] if kill_all else _children():
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


def _clean(folder: str, temporary: str | None) -> bool:
    """Leave the private folder, and inside the box all of the temporary folder, as a new program should find it.

    False when something could not be removed: then this server should not serve again.
    """
    top = temporary or folder
    if _is_as_new(folder, temporary):
        return True
    with contextlib.suppress(OSError):
        os.chmod(top, 0o700)
        for name in os.listdir(top):
            _remove(os.path.join(top, name))
        os.makedirs(folder, mode=0o700, exist_ok=True)
        os.chmod(folder, 0o700)
    return _is_as_new(folder, temporary)


def _is_as_new(folder: str, temporary: str | None) -> bool:
    try:
        is_empty = not os.listdir(folder) and os.stat(folder).st_mode & 0o777 == 0o700
        return is_empty and (temporary is None or os.listdir(temporary) == [os.path.basename(folder)])
    except OSError:
        return False


def _remove(path: str) -> None:
    """Remove a file, a link or a folder with all that is in it, as far as that goes."""
    with contextlib.suppress(OSError, RecursionError):
        if os.path.isdir(path) and not os.path.islink(path):
            os.chmod(path, 0o700)
            for name in os.listdir(path):
                _remove(os.path.join(path, name))
            os.rmdir(path)
        else:
            os.unlink(path)
