"""The pool: order, lost servers, hash seeds, and what an isolation lacks."""

import fcntl
import os
import threading
from pathlib import Path

import pytest

from codelewm_assets.core.errors import SandboxError
from codelewm_assets.sandbox.frames import END, LOADED, VALUE, pack_frame
from codelewm_assets.sandbox.isolation import (
    BASIC_LAYERS,
    STRICT_LAYERS,
    Isolation,
    bubblewrap_works,
    required_layers,
    server_command,
)
from codelewm_assets.sandbox.limits import MEBIBYTE, Limits
from codelewm_assets.sandbox.outcome import InputRun, Program
from codelewm_assets.sandbox.pool import SandboxPool
from codelewm_assets_tests.sandbox.programs import needs_seccomp

SHORT = Limits(input_cpu_s=0.3, cpu_s=0.3, wall_s=5.0)
RETURN_IT = "def f(a): return a"
KILL_THE_SERVER = "import os\ndef f(a):\n    os.kill(os.getppid(), 9)\n    return a"


def test_the_default_limits_are_those_that_the_documentation_names() -> None:
    assert Limits() == Limits(
        input_cpu_s=1.0,
        cpu_s=2.0,
        wall_s=10.0,
        max_timeouts=2,
        memory_bytes=1024 * MEBIBYTE,
        output_bytes=16 * MEBIBYTE,
        file_bytes=MEBIBYTE,
        open_files=32,
    )


def test_results_come_in_the_order_given_however_long_each_takes() -> None:
    code = "import time\ndef f(a):\n    time.sleep(0.05 if a % 3 == 0 else 0)\n    return a"
    with SandboxPool(2) as pool:
        jobs = [(Program(code, "f", (f"[{number}]",)), SHORT) for number in range(12)]
        assert [run.inputs[0].output for run in pool.map(jobs)] == [str(number) for number in range(12)]


def test_one_long_item_does_not_hold_up_as_many_others_as_may_go_ahead() -> None:
    others_are_done, done = threading.Event(), list[int]()

    def work(number: int) -> bool:
        if number == 0:
            return others_are_done.wait(30)
        done.append(number)
        if len(done) == 11:
            others_are_done.set()
        return True

    with SandboxPool(2) as pool:
        assert list(pool.imap(work, range(12), max_ahead=6)) == [True] * 12


@pytest.fixture
def no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine without libseccomp."""
    monkeypatch.setattr("codelewm_assets.sandbox.isolation.filters", lambda: None)


def test_without_libseccomp_its_layer_is_not_claimed(no_filter: None) -> None:
    with SandboxPool(1) as pool:
        assert "seccomp" not in pool.isolation.layers
        assert "seccomp" in pool.isolation.missing_for_strict and not pool.isolation.is_isolated


@needs_seccomp
def test_with_libseccomp_a_program_that_signals_the_server_is_policy() -> None:
    with SandboxPool(1) as pool:
        assert [r.outcome for r in pool.run(Program(KILL_THE_SERVER, "f", ("[1]", "[2]")), SHORT).inputs] == [
            "policy"
        ] * 2
        assert pool.run(Program(RETURN_IT, "f", ("[3]",)), SHORT).inputs == (InputRun("finished", "3", "int"),)


def test_hash_seeds_differ_between_pools_and_hold_within_one() -> None:
    program = Program("def f(): return hash('text')", "f", ("[]", "[]"))
    found = []
    for hash_seed in (0, 1, 0):
        with SandboxPool(1, hash_seed=hash_seed) as pool:
            found.append([run.output for run in pool.run(program, SHORT).inputs])
    assert found[0] == found[2] != found[1]
    assert found[0][0] == found[0][1]


def test_without_bubblewrap_its_layers_are_not_claimed() -> None:
    with SandboxPool(1, disabled=("bubblewrap", "namespaces")) as pool:
        layers = set(pool.isolation.layers)
        assert layers >= {"no_new_privs", "private_folder", "process_group", "rlimits"}
        assert not layers & {"mount_namespace", "pid_namespace", "ipc_namespace"}
        assert pool.run(Program(RETURN_IT, "f", ("[1]",)), SHORT).inputs[0].output == "1"


def test_a_run_is_isolated_only_when_no_required_layer_is_missing() -> None:
    assert Isolation(STRICT_LAYERS).is_isolated
    for layer in STRICT_LAYERS:
        others = Isolation(tuple(other for other in STRICT_LAYERS if other != layer))
        assert others.missing_for_strict == (layer,)
        assert not others.is_isolated


def test_labels_count_only_with_the_basic_layers_and_either_bubblewrap_or_seccomp() -> None:
    assert required_layers((), is_strict=True) == STRICT_LAYERS
    assert required_layers(("bubblewrap",), is_strict=False) == BASIC_LAYERS
    assert set(required_layers((), is_strict=False)) == {*BASIC_LAYERS, "seccomp"}


def test_a_pool_that_was_not_entered_has_no_layers() -> None:
    with pytest.raises(SandboxError, match="The pool has no servers; use it as `with SandboxPool"):
        _ = SandboxPool(1).isolation


def test_a_server_that_does_not_start_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object, **_keywords: object) -> tuple[list[str], dict[str, str]]:
        return ["/bin/false"], {}

    monkeypatch.setattr("codelewm_assets.sandbox.server.server_command", broken)
    with (
        pytest.raises(SandboxError, match=r"server did not start \(it hung up\)\. Check that python and bwrap run"),
        SandboxPool(1),
    ):
        pass


@pytest.mark.skipif(not bubblewrap_works(), reason="bubblewrap is not installed, or may not make namespaces here")
def test_the_box_is_started_with_every_namespace_and_no_capability(tmp_path: Path) -> None:
    command, environment = server_command(tmp_path, hash_seed=3)
    spaces = [f"--unshare-{name}" for name in ("pid", "net", "ipc", "uts")] if os.geteuid() == 0 else ["--unshare-all"]
    for option in (*spaces, "--die-with-parent", "--new-session", "--as-pid-1"):
        assert option in command
    assert command[command.index("--cap-drop") + 1] == "ALL"
    assert environment == {
        "PYTHONHASHSEED": "3", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "MALLOC_ARENA_MAX": "1",
    }  # fmt: skip


def test_frames_without_the_runs_token_are_no_answers(pool: SandboxPool) -> None:
    """Frames that are right but for the token, which a program that writes blindly does not know."""
    forged = pack_frame(bytes(8), LOADED) + b"".join(pack_frame(bytes(8), VALUE, i, 0, "bool", b"T") for i in range(3))
    code = f"import os\nos.write(3, {forged + pack_frame(bytes(8), END)!r})\nos._exit(0)\n"
    found = pool.run(Program(code, "f", ("[1]", "[2]", "[3]")))
    assert [run.outcome for run in found.inputs] == ["killed"] * 3


SCAN = """
import ctypes, os, re
libc = ctypes.CDLL(None)
libc.sbrk.restype = ctypes.c_void_p
reader, writer = os.pipe()
held = [bytearray(64) for _ in range(50)]
starts = [id(x) for x in held] + [id(os), id(re), libc.sbrk(0) - (4 << 20)]
pages, seen = [], set()
for start in starts:
    low = (start & ~0xFFFFF) - (8 << 20)
    for page in range(low, low + (16 << 20), 4096):
        if page > 0 and page not in seen:
            seen.add(page)
            if libc.write(writer, ctypes.c_void_p(page), ctypes.c_size_t(4096)) > 0:
                pages.append(os.read(reader, 4096))
found = b"".join(pages)
def f(): return len(found) > 4096, re.search(b"SEC" + b"RET-[0-9]{12}", found) is not None
"""


def test_no_output_of_an_earlier_program_is_in_a_later_programs_memory() -> None:
    """The scan asks the kernel to copy each page of the program's own memory; it must have read some to say anything."""
    planted = "def f(): return 'SEC' + 'RET-' + str(10 ** 11 + 1)"
    ample = Limits(input_cpu_s=20, cpu_s=20, wall_s=60)
    with SandboxPool(1) as pool:
        for _ in range(3):
            assert pool.run(Program(planted, "f", ("[]",))).inputs[0].output == "'SECRET-100000000001'"
        assert pool.run(Program(SCAN, "f", ("[]",)), ample).inputs[0].output == "(True, False)"
        own = "kept = 'SEC' + 'RET-' + str(10 ** 11 + 1)\n" + SCAN
        assert (
            pool.run(Program(own, "f", ("[]",)), ample).inputs[0].output == "(True, True)"
        )  # the scan does find what is there


def test_a_module_that_was_asked_for_can_be_imported_and_others_cannot() -> None:
    code = "import numpy as np\ndef f(n):\n    return np.linalg.matrix_rank(np.eye(n)).item(), np.arange(n).tolist()"
    ample = Limits(input_cpu_s=5, cpu_s=5, wall_s=30)
    with SandboxPool(1, modules=("numpy",)) as pool:
        assert pool.run(Program(code, "f", ("[3]",)), ample).inputs[0].output == "(3, [0, 1, 2])"
        other = Program("import pandas\ndef f(n): return n", "f", ("[3]",))
        assert pool.run(other, ample).inputs[0].exception_class in ("ModuleNotFoundError", "PermissionError")
        foreign = Program("import numpy\ndef f(n): return numpy.int64(n)", "f", ("[3]",))
        assert pool.run(foreign, ample).inputs == (InputRun("finished", "3", "int64"),)


def test_a_module_that_fails_when_it_is_imported_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_package").mkdir()
    (tmp_path / "broken_package" / "__init__.py").write_text("raise ValueError('not today')")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(SandboxError, match=r"did not start \(ValueError: not today\).*broken_package can be imported"):
        SandboxPool(1, modules=("broken_package",)).__enter__()


def test_a_module_that_is_not_installed_is_refused() -> None:
    with pytest.raises(SandboxError, match=r"'no_such_module' is not an installed package; install it or remove it"):
        SandboxPool(1, modules=("no_such_module",)).__enter__()


def test_the_box_of_a_run_that_was_killed_is_swept_and_one_in_use_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In use is what somebody holds the lock of, whatever process id its name or its process namespace says."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left, held, other = (tmp_path / name for name in ("codelewm-box-4194999-a", "codelewm-box-4194999-b", "else"))
    for folder in (left, held, other):
        folder.mkdir()
    (tmp_path / "codelewm-box-link").symlink_to(other)
    lock = os.open(held, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with SandboxPool(1, disabled=("bubblewrap", "namespaces")):
        assert not left.exists()
    assert held.exists() and other.exists()
    os.close(lock)


def test_a_program_ends_at_the_first_call_that_is_enough() -> None:
    code = "def f(n):\n    while n == 2: pass\n    return n"
    limits = Limits(input_cpu_s=5, cpu_s=10, wall_s=30)
    with SandboxPool(1) as pool:
        inputs = ("[0]", "[1]", "[2]", "[2]", "[3]")
        found = pool.run(Program(code, "f", inputs), limits, stop_when=lambda index, call: call.output == "1")
        assert [(call.outcome, call.was_called) for call in found.inputs] == [
            ("finished", True),
            ("finished", True),
            *[("killed", False)] * 3,
        ]
        assert found.cpu_ms < 1000  # the loop that came next was ended, not waited for
        quick = pool.run(Program("def f(n): return n", "f", inputs), limits, stop_when=lambda index, call: index == 0)
        assert [call.was_called for call in quick.inputs] == [True, False, False, False, False]


def test_a_word_that_comes_too_late_does_not_end_the_server_or_the_next_program() -> None:
    """The parent says `stop_when` when it has seen enough; the child may have ended by itself just then."""
    with SandboxPool(1) as pool:
        assert pool.run(Program(RETURN_IT, "f", ("[1]",)), SHORT).inputs[0].output == "1"
        (server,) = pool._servers
        for number in range(3):
            server._channel.send(b"enough")
            assert pool.run(Program(RETURN_IT, "f", (f"[{number}]",)), SHORT).inputs[0].output == str(number)
        assert pool._servers == [server]


def test_a_program_that_finds_its_server_dead_gets_a_new_one() -> None:
    with SandboxPool(1) as pool:
        assert pool.run(Program(RETURN_IT, "f", ("[1]",)), SHORT).inputs[0].output == "1"
        (server,) = pool._servers
        os.kill(server._pid, 9)  # as a program might that ends it after its own answer
        server._process.wait()
        assert pool.run(Program(RETURN_IT, "f", ("[2]",)), SHORT).inputs == (InputRun("finished", "2", "int"),)
        assert pool._servers != [server]
