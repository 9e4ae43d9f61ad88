"""The limits on time, memory, output and files: one test for each promise of `Limits`."""

import os
import time

import pytest

from codelewm_assets.sandbox.isolation import bubblewrap_works
from codelewm_assets.sandbox.limits import MEBIBYTE, Limits
from codelewm_assets.sandbox.pool import SandboxPool
from codelewm_assets_tests.sandbox.programs import only, outcomes, run, value


def test_a_program_over_its_cpu_time_is_a_timeout(pool: SandboxPool) -> None:
    started = time.monotonic()
    found = run(pool, "def f(n):\n    while n: pass\n    return n", "[0]", "[1]", "[0]")
    assert outcomes(found) == ["finished", "timeout", "timeout"]
    assert 300 <= found.cpu_ms < 1500
    assert time.monotonic() - started < 5.0


def test_cpu_time_is_counted_over_all_inputs_together(pool: SandboxPool) -> None:
    code = """
    import time
    def f():
        start = time.process_time()
        while time.process_time() - start < 0.05: pass
        return 0
    """
    # 0.05 s a call, 0.3 s in all: three calls (0.15 s) are within it, forty (2 s) are not
    found = outcomes(run(pool, code, *["[]"] * 40))
    assert found[:3] == ["finished"] * 3
    assert found[-1] == "timeout"


def test_a_program_that_sleeps_is_a_timeout_by_the_wall_clock(pool: SandboxPool) -> None:
    started = time.monotonic()
    found = run(
        pool, "import time\ndef f():\n    time.sleep(60)", "[]", limits=Limits(input_cpu_s=0.3, cpu_s=0.3, wall_s=0.4)
    )
    assert outcomes(found) == ["timeout"]
    assert 0.4 <= time.monotonic() - started < 4.0
    assert found.cpu_ms < 300


def test_a_program_that_does_not_end_while_it_loads_is_a_timeout(pool: SandboxPool) -> None:
    assert outcomes(run(pool, "while True: pass\ndef f(): return 1", "[]", "[]")) == ["timeout", "timeout"]


def test_a_thread_that_is_left_over_does_not_delay_the_verdict(pool: SandboxPool) -> None:
    started = time.monotonic()
    code = """
    import threading, time
    def f():
        threading.Thread(target=time.sleep, args=(60,)).start()
        return 1
    """
    assert only(pool, code).output == "1"
    assert time.monotonic() - started < 3.0


def test_a_pool_of_threads_works(pool: SandboxPool) -> None:
    code = """
    from concurrent.futures import ThreadPoolExecutor
    def f():
        with ThreadPoolExecutor() as threads:
            return list(threads.map(abs, [-1, -2, -3]))
    """
    assert value(pool, code) == [1, 2, 3]


def test_a_program_over_its_memory_is_memory(pool: SandboxPool) -> None:
    limits = Limits(cpu_s=2.0, wall_s=5.0, memory_bytes=256 * MEBIBYTE)
    found = run(pool, "def f(n):\n    return len(bytearray(n))", "[10]", f"[{512 * MEBIBYTE}]", "[20]", limits=limits)
    assert outcomes(found) == ["finished", "memory", "finished"]


def test_memory_that_runs_out_while_it_loads_is_memory_for_every_input(pool: SandboxPool) -> None:
    limits = Limits(cpu_s=2.0, wall_s=5.0, memory_bytes=256 * MEBIBYTE)
    code = f"data = bytearray({512 * MEBIBYTE})\ndef f(): return 1"
    assert outcomes(run(pool, code, "[]", "[]", limits=limits)) == ["memory", "memory"]


def test_an_output_over_the_cap_has_no_literal_and_the_others_count(pool: SandboxPool) -> None:
    limits = Limits(cpu_s=0.3, wall_s=5.0, output_bytes=10_000)
    found = run(pool, "def f(n):\n    return 'x' * n", "[10]", "[20000]", "[10]", limits=limits)
    assert outcomes(found) == ["finished"] * 3
    assert [call.output for call in found.inputs] == [repr("x" * 10), None, repr("x" * 10)]


def test_all_outputs_of_a_child_count_together_against_a_cap_of_their_own(
    pool: SandboxPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codelewm_assets.sandbox.server.MAX_SENT_BYTES", 10_000)
    found = outcomes(run(pool, "def f():\n    return 'x' * 9000", *["[]"] * 30))  # more than a pipe holds
    assert found[0] == "finished" and found[-1] == "killed"


def test_a_child_gets_the_same_limits_whatever_the_row(pool: SandboxPool) -> None:
    code = """
    import resource, sys
    def f():
        frame, seen = sys._getframe(1), []
        while frame is not None:
            seen += [list(v) for v in frame.f_locals.values() if type(v) is tuple and all(type(i) is int for i in v)]
            frame = frame.f_back
        return seen, [resource.getrlimit(kind) for kind in range(16)]
    """
    seen = [
        value(pool, code, limits=Limits(input_cpu_s=cpu, cpu_s=2 * cpu, wall_s=wall)) for cpu, wall in ((1, 5), (3, 9))
    ]
    assert seen[0] == seen[1]


def test_the_clock_of_a_call_starts_when_the_answer_before_it_came(pool: SandboxPool) -> None:
    """Ten calls of 0.1 s are each within 0.3 s; all of them in one would not be."""
    code = """
    import time
    def f(n):
        start = time.process_time()
        while time.process_time() - start < n: pass
        return n
    """
    limits = Limits(input_cpu_s=0.3, cpu_s=10.0, wall_s=5.0)
    assert outcomes(run(pool, code, *["[0.1]"] * 10, limits=limits)) == ["finished"] * 10
    assert outcomes(run(pool, code, "[0.1]", "[1.5]", limits=limits)) == ["finished", "timeout"]


def test_writing_a_long_output_down_has_the_calls_time_again(pool: SandboxPool) -> None:
    limits = Limits(input_cpu_s=0.3, cpu_s=10.0, wall_s=5.0)
    code = """
    import time
    def f(n):
        start, data = time.process_time(), list(range(n))
        while time.process_time() - start < 0.25: pass
        return data
    """
    (found,) = run(pool, code, "[300000]", limits=limits).inputs  # some 0.2 s to encode
    assert found.outcome == "finished" and found.output is not None


def test_wall_time_is_over_all_inputs_and_all_tries(pool: SandboxPool) -> None:
    """Each call sleeps within the limit and ends its child: without one clock for all, four would take 2.4 s."""
    code = "import os, time\ndef f():\n    time.sleep(0.6)\n    os._exit(0)"
    found = run(pool, code, *["[]"] * 4, limits=Limits(wall_s=1.0))
    assert outcomes(found) == ["killed", "timeout", "timeout", "timeout"]
    assert 1.0 <= found.idle_s < 2.0


def test_a_file_over_the_cap_cannot_be_written(pool: SandboxPool) -> None:
    code = """
    import os
    def f():
        with open("big", "wb", buffering=0) as handle:
            wrote = handle.write(b"x" * 100_000)
            try:
                handle.write(b"x")
            except OSError as error:
                return wrote, os.strerror(error.errno), os.path.getsize("big")
    """
    limits = Limits(cpu_s=0.3, wall_s=5.0, file_bytes=50_000)
    assert value(pool, code, limits=limits) == (50_000, "File too large", 50_000)


def test_only_so_many_files_can_be_open(pool: SandboxPool) -> None:
    code = """
    import os
    def f():
        opened = []
        try:
            while True:
                opened.append(os.open("/dev/null", os.O_RDONLY))
        except OSError as error:
            return len(opened), os.strerror(error.errno)
    """
    # 12 descriptors allowed, 4 taken: the null device as 0, 1, 2 and the pipe
    assert value(pool, code, limits=Limits(cpu_s=0.3, wall_s=5.0, open_files=12)) == (8, "Too many open files")


def test_no_core_is_dumped(pool: SandboxPool) -> None:
    code = "import resource\ndef f(): return resource.getrlimit(resource.RLIMIT_CORE)"
    assert value(pool, code) == (0, 0)


def test_a_limit_cannot_be_raised_again(pool: SandboxPool) -> None:
    code = """
    import resource
    def f():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 40, 1 << 40))
    """
    if not bubblewrap_works() and os.geteuid() == 0:
        pytest.skip("without bubblewrap, root keeps the right to raise limits")
    assert only(pool, code).outcome == "exception"
