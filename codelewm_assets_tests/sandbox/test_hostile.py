"""Programs that want a verdict that they have not earned, or to do harm. None gets a right answer that it does not return.

The task is f(x) = 2x + 1 on inputs that the programs do not answer; each must end without the right outputs, in time, and
the honest program right after it must pass.
"""

import os
import textwrap
import time
from pathlib import Path

import pytest

from codelewm_assets.core.literals import read_value
from codelewm_assets.sandbox.limits import Limits
from codelewm_assets.sandbox.outcome import Program, ProgramRun
from codelewm_assets.sandbox.pool import SandboxPool
from codelewm_assets_tests.sandbox.programs import needs_bubblewrap, needs_seccomp

INPUTS = ("[11]", "[12]", "[13]")
RIGHT = [23, 25, 27]
HONEST = "def f(x):\n    return 2 * x + 1"
LIMITS = Limits(input_cpu_s=0.2, cpu_s=0.4, wall_s=2.0, memory_bytes=512 << 20)
SLACK_S = 1.0

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
    started = time.monotonic()
    found = call(pool, HOSTILE[name])
    took_s = time.monotonic() - started
    assert not set(map(repr, answers(found))) & set(map(repr, RIGHT)), found
    assert took_s < LIMITS.wall_s + SLACK_S
    assert answers(call(pool, HONEST)) == RIGHT
    assert call(pool, "import os\ndef f(x): return os.listdir('.')").inputs[0].output == "[]"


@needs_bubblewrap
def test_after_all_of_them_no_process_and_no_file_is_left(pool: SandboxPool) -> None:
    code = """
    import os
    def f(x):
        known = 1, os.getpid(), os.getppid()
        return [n for n in os.listdir('/proc') if n.isdigit() and int(n) not in known], os.listdir('/tmp')
    """
    processes, files = answers(call(pool, code))[0]  # type: ignore[misc]
    assert processes == []
    assert len(files) == 1  # the private folder
    assert not Path("/tmp/owned").exists()


@needs_seccomp
@pytest.mark.parametrize(
    "name", ["a bounded fork bomb", "sockets", "a listener", "signals to everybody", "signals to the server",
             "another program", "exec", "ptrace of the server", "a new namespace"],
)  # fmt: skip
def test_what_the_filter_forbids_is_policy(name: str, pool: SandboxPool) -> None:
    assert {run.outcome for run in call(pool, HOSTILE[name]).inputs} == {"policy"}


def test_a_crash_of_its_own_is_killed_and_not_policy(pool: SandboxPool) -> None:
    assert [run.outcome for run in call(pool, "import os\ndef f(x):\n    os.abort()").inputs] == ["killed"] * 3


@pytest.mark.skipif(os.geteuid() != 0, reason="a program of another user cannot signal the server at all")
@pytest.mark.parametrize(
    "name", ["signals to everybody", "signals to the server", "a bounded fork bomb", "another program"]
)
def test_without_the_filter_harm_still_forges_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codelewm_assets.sandbox.isolation.filters", lambda: None)
    monkeypatch.setattr("codelewm_assets.sandbox.server.ANSWER_SLACK_S", 0.5)
    quick = Limits(input_cpu_s=0.2, cpu_s=0.4, wall_s=0.5)
    with SandboxPool(1) as pool:
        found = pool.run(Program(textwrap.dedent(HOSTILE[name]), "f", INPUTS), quick)
        assert not set(map(repr, answers(found))) & set(map(repr, RIGHT))
        assert answers(call(pool, HONEST)) == RIGHT
