"""Parts of the isolation: what each kernel gives, and what a pool does without one."""

import pytest

from codelewm_assets.core.errors import SandboxError
from codelewm_assets.sandbox import landlock
from codelewm_assets.sandbox.answers import output_digest
from codelewm_assets.sandbox.codec import encode
from codelewm_assets.sandbox.isolation import REMEDIES, STRICT_LAYERS, remedy
from codelewm_assets.sandbox.limits import Limits
from codelewm_assets.sandbox.outcome import InputRun, KnownOutput, Program
from codelewm_assets.sandbox.pool import SECOND_RUN_CPU_S, SandboxPool
from codelewm_assets.sandbox.server import Server
from codelewm_assets_tests.cases import each_case


@each_case(
    ("version", "layers"),
    [
        (0, ()),
        (2, ()),
        (3, ("landlock_files",)),
        (4, ("landlock_files", "landlock_network")),
        (5, ("landlock_files", "landlock_network")),
        (6, ("landlock_files", "landlock_network", "landlock_signals")),
        (7, ("landlock_files", "landlock_network", "landlock_signals")),
    ],
)
def test_each_part_of_landlock_is_there_by_what_the_kernel_has(version: int, layers: tuple[str, ...]) -> None:
    assert landlock.layers(version) == layers


def test_every_layer_that_can_be_missing_has_a_remedy() -> None:
    for layer in set(STRICT_LAYERS) & set(REMEDIES):
        assert remedy((layer,)) == REMEDIES[layer]
    assert (
        remedy(("landlock_signals", "seccomp")) == "install libseccomp (Debian: libseccomp2); use Linux 6.12 or later"
    )


def test_where_namespaces_cannot_be_made_the_pool_does_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Server.__init__

    def start(self: Server, box: object, *, disabled: set[str], **options: object) -> None:
        if "namespaces" not in disabled:
            raise SandboxError("The sandbox's server did not start (PermissionError).")
        real(self, box, disabled=disabled, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Server, "__init__", start)
    with SandboxPool(1, disabled=("bubblewrap",)) as pool:
        assert "mount_namespace" in pool.isolation.missing_for_strict
        assert pool.run(Program("def f(a): return a", "f", ("[1]",))).inputs[0].output == "1"


def test_an_output_that_is_known_is_recognized_and_another_is_decoded() -> None:
    known = KnownOutput(output_digest(encode([1, 2])), "the very object")
    with SandboxPool(1) as pool:
        program = Program("def f(a): return a", "f", ("[[1, 2]]", "[[1, 3]]"))
        first, second = pool.run_twice(program, known=(known, known))
        for run in (first, second):
            same, other = run.inputs
            assert same.output is known.output and same.value is None and same.output_type == "list"
            assert other.output == "[1, 3]" and other.value == [1, 3]


def test_an_output_longer_than_is_kept_is_not_a_literal() -> None:
    with SandboxPool(1) as pool:
        program = Program("def f(n): return 'x' * n", "f", ("[10]", "[3000]", "[10]"))
        first, _ = pool.run_twice(program, kept_bytes=(1000, 1000, 1000))
        assert [call.output for call in first.inputs] == [repr("x" * 10), None, repr("x" * 10)]
        assert {call.outcome for call in first.inputs} == {"finished"}


SPIN = "import time\ndef f(n):\n    s = time.process_time()\n    while time.process_time() - s < n: pass\n    return n"
SHORT_AFTER_A_FAILURE = Limits(
    input_cpu_s=2.0, cpu_s=20.0, wall_s=20.0, max_timeouts=9, failed_input_cpu_s=0.2, failed_cpu_s=0.5
)


@pytest.mark.slow
def test_calls_after_the_first_that_failed_have_little_time() -> None:
    def has_failed(index: int, call: InputRun) -> bool:
        return call.output != "0.6"

    with SandboxPool(1) as pool:
        right = Program(SPIN, "f", ("[0.6]", "[0.6]"))
        first, _ = pool.run_twice(right, SHORT_AFTER_A_FAILURE, has_failed=has_failed)
        assert [call.outcome for call in first.inputs] == ["finished", "finished"]
        wrong = Program(SPIN, "f", ("[0.6]", "[0.01]", *["[0.6]"] * 6))
        first, second = pool.run_twice(wrong, SHORT_AFTER_A_FAILURE, has_failed=has_failed)
        assert [call.outcome for call in first.inputs] == ["finished", "finished", *["timeout"] * 6]
        # one in the child in which the failure came, then 0.5 s for all the others: 0.2 + 0.2 + 0.1
        assert [call.was_called for call in first.inputs] == [True] * 6 + [False] * 2
        assert second.inputs[2:] == first.inputs[2:]  # not run again
        assert first.cpu_ms < 2000


def test_a_program_is_ended_at_its_first_failure_where_its_verdict_suffices() -> None:
    def has_failed(index: int, call: InputRun) -> bool:
        return call.output != str(index)

    codes = ["return n if n < 2 else -1", "return n if n < 2 else 1 / 0", "if n < 2: return n\n    while True: pass",
             "if n < 2: return n\n    import os; os._exit(0)"]  # fmt: skip
    inputs = ("[0]", "[1]", "[2]", "[3]")
    with SandboxPool(1) as pool:
        for code, outcome in zip(codes, ["finished", "exception", "timeout", "killed"], strict=True):
            program = Program(f"def f(n):\n    {code}", "f", inputs)
            first, second = pool.run_twice(
                program, Limits(input_cpu_s=0.2), has_failed=has_failed, ends_at_failure=True
            )
            assert [call.outcome for call in first.inputs] == ["finished", "finished", outcome, "killed"]
            assert not first.inputs[3].was_called and len(second.inputs) == 4
        kept = Program("def f(n): return n", "f", inputs)
        first, _ = pool.run_twice(kept, has_failed=has_failed, ends_at_failure=True)
        assert [call.output for call in first.inputs] == ["0", "1", "2", "3"]


@pytest.mark.slow
def test_a_second_run_ends_after_its_own_time_and_says_nothing_of_what_it_did_not_reach() -> None:
    limits = Limits(input_cpu_s=2.0, cpu_s=20.0, wall_s=20.0)
    with SandboxPool(1) as pool:
        first, second = pool.run_twice(Program(SPIN, "f", (f"[{0.4 * SECOND_RUN_CPU_S}]",) * 5), limits)
        assert second.inputs == first.inputs
        assert 900 * SECOND_RUN_CPU_S < second.cpu_ms < 1000 * SECOND_RUN_CPU_S + 250  # in the third call
        unsure = "import time\ndef f(n):\n    return hash('text')"
        first, second = pool.run_twice(Program(unsure, "f", ("[1]",)), limits)
        assert second.inputs != first.inputs


def test_a_frame_of_a_call_that_has_returned_gives_time_once_only() -> None:
    """A program that finds the token and says again and again that its call has returned is ended all the same."""
    code = """
import os, struct, sys
def f(n):
    frame = sys._getframe(1)
    while 'token' not in frame.f_locals: frame = frame.f_back
    data = struct.pack(">I8sBIQ", 2, frame.f_locals['token'], 1, 0, 0) + b'\\0\\0'
    while True:
        os.write(3, data)
        for _ in range(10 ** 6): pass
"""
    with SandboxPool(1) as pool:
        found = pool.run(Program(code, "f", ("[1]",)), Limits(input_cpu_s=0.3, cpu_s=20.0, wall_s=20.0))
        assert found.inputs[0].outcome in ("killed", "timeout")
        assert found.cpu_ms < 1500
