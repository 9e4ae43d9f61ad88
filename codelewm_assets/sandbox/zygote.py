"""The fork server: a warm interpreter inside the box that forks one child per program and enforces its time limits.

Standard library only: this file is copied into the box. Per run it receives limits and two descriptors: the program with its
inputs, which only the child reads, and the pipe for the child's answers, which only the parent reads. So no data of a run is in
the memory that the next child inherits. It never receives expected outputs.
"""

import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from codelewm_assets.core.cleanup import empty_folder, remove_tree
from codelewm_assets.sandbox import landlock, namespaces
from codelewm_assets.sandbox.child import CHILD_LIMITS, Filter, run_child, warm

PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 4, 36, 38
POLL_MS = 10
TIMES = struct.Struct("=ddd")  # CPU seconds of one call and of all, seconds of wall time; sent after the fork
ANSWER = struct.Struct("=dd")  # CPU milliseconds, idle seconds; then the reason of the child's end
MIN_CHECKED_IDLE_S = 0.005  # below this the time in the run queue is not read
OTHER_PACKAGES = ("site-packages", "dist-packages")  # may contain the benchmarks' answers
# Not here: `random` (its hook after each fork costs a tenth of a fork, and `statistics` and `tempfile` import it),
# `dataclasses` and `hashlib` (many pages to copy). A program that wants those pays for its own import.
WARM = (
    *("array", "bisect", "cmath", "collections", "collections.abc", "copy", "datetime", "decimal", "enum", "fractions"),
    *("functools", "heapq", "itertools", "math", "operator", "re", "string", "typing", "unicodedata"),
)


class Server:
    """State of the server, which children inherit; it holds no data of earlier children."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.layers: set[str] = set(config["layers"])
        self.temporary = config["temporary"]
        self._enter(config)
        self.folder = os.path.join(self.temporary, f"run-{os.getpid()}")
        self.is_first_process = "pid_namespace" in self.layers and os.getpid() == 1
        self._import(config)
        remove_tree(self.folder)  # of a server that had this process id before
        os.mkdir(self.folder, 0o700)
        self.ruleset = self._restrict(config) if config["landlock"] else None
        self.filter = self._filter(config["filters"]) if config["filters"] else None
        self.next_pid: int | None = None

    def _enter(self, config: dict[str, Any]) -> None:
        """Enter namespaces, change the user, drop privileges."""
        libc, uid = ctypes.CDLL(None), config["uid"]
        if config["namespaces"]:
            self.layers |= set(
                namespaces.enter(config["readable"], config["hidden"], self.temporary, config["size_bytes"], uid)
            )
        if uid is not None:
            if not self._has_mounts:
                os.chown(self.temporary, uid, uid)
            namespaces.lower(uid)
        if os.getuid() != 0:  # before a user namespace, in which root would appear as another user
            self.layers.add("unprivileged_user")
        if "network_namespace" not in self.layers and libc.unshare(namespaces.NEWUSER | namespaces.NEWNET) == 0:
            self.layers.add("network_namespace")
        namespaces.drop_capabilities()
        namespaces.end_with_parent()
        if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
            self.layers.add("no_new_privs")
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
        self.layers |= {"rlimits", "process_group", "private_folder"}

    @property
    def _has_mounts(self) -> bool:
        return "mount_namespace" in self.layers

    def _import(self, config: dict[str, Any]) -> None:
        """Preload modules, then remove everything that a program should not inherit."""
        sys.path[:0] = config["module_folders"]
        for name in [*WARM, *config["modules"]]:
            __import__(name)
        sys.path[:] = [part for part in sys.path if part != config["box"]]
        os.environ.clear()
        os.environ.update(HOME=self.folder, TMPDIR=self.folder, LANG="C.UTF-8", PATH="/usr/bin:/bin", USER="nobody")
        sys.argv[:] = [""]
        for name in [name for name in sys.modules if name.startswith("codelewm_assets")]:
            del sys.modules[name]
        exec(compile("def f(x):\n    return [y + 1 for y in x]\nf([1.0])\n", "<warm>", "exec"), {})
        warm()

    def _restrict(self, config: dict[str, Any]) -> landlock.Ruleset | None:
        """Restrict this process. Returns: the ruleset of each child."""
        version = landlock.abi()
        if version < 1:
            return None
        # Each child copies every rule: few rules on whole folders, where mounts hide the rest.
        paths = (
            [(path, True) for path in config["readable"]] if self._has_mounts else list(_readable(config["readable"]))
        )
        read = [path for path, is_recursive in paths if is_recursive]
        listed = [path for path, is_recursive in paths if not is_recursive]
        devices = ["/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"]
        child = landlock.Ruleset(read=[*read, *devices[2:]], listed=listed, write=[self.folder, *devices[:2]])
        landlock.Ruleset(
            read=[*read, *devices[2:], "/proc"], listed=listed, write=[self.temporary, *devices[:2]]
        ).restrict()
        self.layers |= set(landlock.layers(version))
        return child

    def _filter(self, codes: dict[str, str]) -> Filter:
        """Load the server's filter. Returns: that of each child."""
        Filter(bytes.fromhex(codes["server"])).load()
        self.layers.add("seccomp")
        return Filter(bytes.fromhex(codes["child" if self._has_mounts else "child_in_host_files"]))

    def serve(self, channel: socket.socket) -> None:
        """Serve programs until the parent closes the channel or the server cannot be cleaned up."""
        while True:
            message, descriptors, _, _ = socket.recv_fds(channel, 4096, 2)
            if not message:
                empty_folder(self.folder)
                return
            if len(descriptors) != 2:  # a late message about a child that has exited
                continue
            bounds = CHILD_LIMITS.unpack(message)
            pid = os.fork()
            if pid == 0:
                run_child(descriptors[0], descriptors[1], self.folder, bounds, self.filter, self.ruleset, self.next_pid)
            for descriptor in descriptors:
                os.close(descriptor)
            has_moved = self.next_pid not in (None, pid)
            end = _watch(pid, channel)
            with contextlib.suppress(OSError):  # before the clean-up, so that the parent can continue
                channel.send(ANSWER.pack(end.cpu_ms, end.idle_s) + (b"moved" if has_moved else end.stopped.encode()))
            _reap_descendants(self.is_first_process)
            if has_moved or not self._clean():
                return
            self.next_pid = pid + 1 if self.is_first_process else None

    def _clean(self) -> bool:
        """Empty the private folder, and inside a box the whole temporary folder.

        Returns: False if something could not be removed; the server must not serve again then.
        """
        if self._is_clean():
            return True
        empty_folder(self.folder)
        with contextlib.suppress(OSError):
            for name in set(os.listdir(self.temporary)) - {os.path.basename(self.folder)} if self._has_mounts else ():
                remove_tree(os.path.join(self.temporary, name))
        return self._is_clean()

    def _is_clean(self) -> bool:
        try:
            is_empty = not os.listdir(self.folder) and os.stat(self.folder).st_mode & 0o777 == 0o700
            return is_empty and (not self._has_mounts or len(os.listdir(self.temporary)) == 1)
        except OSError:
            return False


def main() -> None:
    """Serve until the parent closes the channel. argv: the configuration from `isolation.server_command`, as JSON."""
    channel = socket.socket(fileno=0)
    try:
        server = Server(json.loads(sys.argv[1]))
    except Exception as error:
        channel.send(f"!{type(error).__name__}: {error}".encode()[:1000])
        return
    gc.collect()
    gc.freeze()
    gc.disable()
    channel.send(",".join(sorted(server.layers)).encode())
    server.serve(channel)


def _readable(paths: list[str]) -> Iterator[tuple[str, bool]]:
    """Readable paths of a program: (path, True for recursive access or False for listing only).

    Package folders besides the standard library are excluded, unless named explicitly.
    """
    for path in paths:
        if not os.path.isdir(path):
            yield path, True
            continue
        yield path, False
        for name in os.listdir(path):
            if name.startswith("python") and os.path.isdir(os.path.join(path, name)):
                yield from _readable([os.path.join(path, name)])
            elif name not in OTHER_PACKAGES:
                yield os.path.join(path, name), True


@dataclass(frozen=True, slots=True)
class _ChildExit:
    """End of a child.

    Attributes:
        stopped: the reason: empty (it exited), `cpu`, `wall`, `parent` or `policy`.
        idle_s: time in which it neither ran nor waited for a core.
    """

    stopped: str
    cpu_ms: float
    idle_s: float


def _watch(pid: int, channel: socket.socket) -> _ChildExit:
    """Wait for the child's exit, or kill it: over a limit of CPU or wall time, or by order of the parent."""
    clock = ((~pid) << 3) | 2  # Linux: the CPU clock of a process, as clock_getcpuclockid makes it
    started, stopped, call_started = time.monotonic(), "", 0.0
    times = TIMES.unpack(channel.recv(TIMES.size))
    ended = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    poll.register(channel, select.POLLIN)
    while not stopped:
        ready = [descriptor for descriptor, _ in poll.poll(POLL_MS)]
        if ended in ready:
            break
        if ready:
            word = channel.recv(64)
            with contextlib.suppress(OSError):
                if word == b"seen" or len(word) == TIMES.size:  # an answer was read: the clock of the call restarts
                    call_started = time.clock_gettime(clock)
                if len(word) == TIMES.size:  # new limits
                    input_cpu_s, cpu_s, wall_s = TIMES.unpack(word)
                    times = (input_cpu_s, min(times[1], call_started + cpu_s), wall_s)
            if word in (b"enough", b""):  # b"": the parent's end
                stopped = "parent"
        else:
            stopped = _exceeded_limit(pid, clock, call_started, started, times)
    os.close(ended)
    if stopped:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    idle_s, waited_s = time.monotonic() - started, 0.0
    if idle_s > MIN_CHECKED_IDLE_S:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        waited_s = _waited_s(pid)
    _, status, usage = os.wait4(pid, 0)
    cpu_s = usage.ru_utime + usage.ru_stime
    killed_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if not stopped:
        stopped = "cpu" if killed_by == signal.SIGXCPU else "policy" if killed_by == signal.SIGSYS else ""
    return _ChildExit(stopped, 1000 * cpu_s, max(0.0, idle_s - cpu_s - waited_s))


def _exceeded_limit(pid: int, clock: int, call_started: float, started: float, times: tuple[float, ...]) -> str:
    """The exceeded limit, or empty. Wall time in which the child ran or waited for a core is not counted."""
    try:
        cpu_s = time.clock_gettime(clock)
    except OSError:
        return ""
    input_cpu_s, all_cpu_s, wall_s = times
    if cpu_s > all_cpu_s or cpu_s - call_started > input_cpu_s:
        return "cpu"
    idle_s = time.monotonic() - started - cpu_s
    return "wall" if idle_s > wall_s and idle_s - _waited_s(pid) > wall_s else ""


def _waited_s(pid: int) -> float:
    """Seconds that the process spent in the run queue; 0 if the kernel does not report it."""
    try:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as handle:
            return int(handle.read().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


def _reap_descendants(is_first_process: bool) -> None:
    """Kill and reap the program's remaining processes, whose parent is this process (first or subreaper)."""
    for _ in range(1000):
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if is_first_process:  # all others of this namespace, and nobody outside it
                    os.kill(-1, signal.SIGKILL)
                for child in [] if is_first_process else _children():
                    os.kill(child, signal.SIGKILL)
            time.sleep(0.001)


def _children() -> list[int]:
    children = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with (
                contextlib.suppress(OSError, IndexError, ValueError),
                open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as handle,
            ):
                if int(handle.read().rsplit(")", 1)[1].split()[1]) == os.getpid():
                    children.append(int(name))
    return children
