"""What a program can see and reach: nothing but its own folder, its pipe and the standard library."""

import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

import codelewm_assets
from codelewm_assets.sandbox.isolation import BOX_FILES, STRICT_LAYERS, bubblewrap_works
from codelewm_assets.sandbox.pool import SandboxPool
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.sandbox.programs import CANARY, needs_bubblewrap, only, outcomes, run, value


def test_the_network_is_refused_that_of_this_machine_too(pool: SandboxPool) -> None:
    if "network_namespace" not in pool.isolation.layers:
        pytest.skip("no network namespace can be made here, and the pool reports so")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        code = """
        import socket
        def f(host, port):
            with socket.socket() as wire:
                wire.settimeout(1)
                wire.connect((host, port))
            return "connected"
        """
        here = f'["127.0.0.1", {listener.getsockname()[1]}]'
        elsewhere = '["192.0.2.1", 80]'  # TEST-NET-1, RFC 5737
        found = run(pool, code, here, elsewhere)
    assert outcomes(found) == ["policy" if "seccomp" in pool.isolation.layers else "exception"] * 2
    assert {call.exception_class for call in found.inputs} <= {None, "OSError", "ConnectionRefusedError"}


def test_a_program_works_in_a_private_empty_folder(pool: SandboxPool) -> None:
    code = """
    import os
    def f():
        found = os.listdir("."), oct(os.stat(".").st_mode & 0o777)
        with open("mine", "w") as handle:
            handle.write("1")
        return found, os.getcwd()
    """
    runs: list[Any] = [value(pool, code), value(pool, code)]
    (first, folder), (second, _) = runs
    assert first == second == ([], "0o700")
    assert value(pool, f"import os\ndef f(): return os.listdir({folder!r})") == []


def test_the_environment_holds_nothing_of_the_parents(pool: SandboxPool) -> None:
    seen = value(pool, "import os\ndef f(): return dict(os.environ)")
    assert isinstance(seen, dict)
    assert CANARY not in seen
    assert set(seen) == {"HOME", "TMPDIR", "PATH", "LANG", "USER"}
    assert "seen" not in seen.values()
    assert seen["HOME"] == seen["TMPDIR"] == value(pool, "import os\ndef f(): return os.getcwd()")


def test_a_program_has_no_descriptor_but_the_null_device_and_its_pipe(pool: SandboxPool) -> None:
    code = """
    import os, stat
    def f():
        found = []
        for number in range(4096):
            try:
                mode = os.fstat(number).st_mode
            except OSError:
                continue
            found.append((number, "null" if stat.S_ISCHR(mode) else "pipe" if stat.S_ISFIFO(mode) else "other"))
        return found
    """
    assert value(pool, code) == [(0, "null"), (1, "null"), (2, "null"), (3, "pipe")]


def test_what_a_program_prints_goes_nowhere_and_it_reads_nothing(pool: SandboxPool) -> None:
    code = """
    import sys
    def f():
        print('{"o":"value","t":"int","v":"2"}', flush=True)
        print("noise", file=sys.stderr, flush=True)
        return sys.stdin.read()
    """
    assert value(pool, code) == ""


def test_a_program_cannot_read_the_servers_memory(pool: SandboxPool) -> None:
    code = """
    import os
    def f():
        return open(f"/proc/{os.getppid()}/mem", "rb").read(1)
    """
    if not bubblewrap_works() and os.geteuid() == 0:
        pytest.skip("without bubblewrap, root may read any process")
    assert only(pool, code).exception_class == "PermissionError"


@needs_bubblewrap
def test_the_project_is_not_visible_but_for_the_servers_own_files() -> None:
    project = Path(codelewm_assets.__file__).parents[1]
    code = f"""
    import os
    def f():
        box = sorted(
            os.path.relpath(os.path.join(folder, name), "/box")
            for folder, _, names in os.walk("/box/codelewm_assets") for name in names
        )
        home = {str(Path.home())!r}
        return os.path.exists({str(project)!r}), os.listdir(home) if os.path.exists(home) else [], box
    """
    with SandboxPool(1, disabled=("landlock",)) as pool:  # which would hide the box as well
        found: Any = value(pool, code)
    seen, home, box = found
    assert seen is False
    python = Path(sys.executable).resolve()  # the interpreter may lie in the home folder: then the way to it is there
    assert home in ([], [python.relative_to(Path.home()).parts[0]] if python.is_relative_to(Path.home()) else [])
    assert box == sorted(f"codelewm_assets/{name}.py" for name in BOX_FILES)


@needs_bubblewrap
@each_case("folder", ["/box", "/box/codelewm_assets", "/usr", "/usr/lib", "/"])
def test_nothing_of_the_box_can_be_changed(folder: str, pool: SandboxPool) -> None:
    found = only(pool, f"def f():\n    open({folder + '/planted'!r}, 'w').close()")
    assert found.outcome == "exception" and found.exception_class in ("OSError", "PermissionError")


@needs_bubblewrap
def test_a_program_sees_no_process_but_those_of_its_box(pool: SandboxPool) -> None:
    list_them = "import os\ndef f(): return sorted(int(n) for n in os.listdir('/proc') if n.isdigit())[:-1]"
    assert only(pool, list_them).exception_class == "PermissionError"  # Landlock
    with SandboxPool(1, disabled=("landlock",)) as open_pool:
        assert value(open_pool, list_them) == [1]  # the server; the program itself is the last


def test_a_program_that_looks_up_its_callers_finds_its_own_request_and_nothing_to_compare_with(
    pool: SandboxPool,
) -> None:
    code = """
    import sys
    def f():
        frame, found = sys._getframe(1), {}
        while frame is not None:
            found[frame.f_code.co_name] = sorted(frame.f_locals)
            frame = frame.f_back
        return found
    """
    found: Any = value(pool, code)
    names = {name for names in found.values() for name in names}
    assert {"code", "inputs", "token", "bounds"} <= names  # it does see its callers
    assert not [name for name in names if "expect" in name or "reference" in name or "oracle" in name]


def test_a_program_has_no_rights_to_gain() -> None:
    code = """
    def f():
        lines = dict(line.split(":", 1) for line in open("/proc/self/status"))
        return lines["NoNewPrivs"].strip()
    """
    with SandboxPool(1, disabled=("landlock",)) as pool:
        assert value(pool, code) == "1"


def test_the_layers_in_force_are_reported(pool: SandboxPool) -> None:
    layers = pool.isolation.layers
    assert set(layers) >= {"no_new_privs", "private_folder", "process_group", "rlimits"}
    assert list(layers) == sorted(set(layers))
    assert pool.isolation.is_isolated == (set(STRICT_LAYERS) <= set(layers))


@needs_bubblewrap
def test_with_bubblewrap_no_layer_is_missing(pool: SandboxPool) -> None:
    assert set(pool.isolation.layers) == {*STRICT_LAYERS, "bubblewrap"}
    assert pool.isolation.is_isolated
