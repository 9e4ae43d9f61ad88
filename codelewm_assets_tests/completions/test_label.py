"""Labels, made by running: each outcome, and the problems and inputs that cannot judge."""

from collections.abc import Iterator
from typing import Any

import pytest

from codelewm_assets.completions.label import (
    CPU_MULTIPLE,
    LabelResult,
    judge_references,
    label_completions,
    outcome_of,
    same_output,
)
from codelewm_assets.core.records import Completion, LabelledCompletion, Problem
from codelewm_assets.sandbox.outcome import InputRun
from codelewm_assets.sandbox.pool import SandboxPool
from codelewm_assets_tests.factories import make_completion, make_problem

Pools = tuple[SandboxPool, SandboxPool]
DOUBLE = "def solve(x):\n    return x * 2"


@pytest.fixture(scope="module")
def pools() -> Iterator[Pools]:
    """Two pools that differ in their hash seed."""
    with SandboxPool(1, hash_seed=0) as first, SandboxPool(1, hash_seed=1) as second:
        yield first, second


def problem(number: int = 0, **changes: Any) -> Problem:
    """A problem whose reference doubles its argument, with inputs 1, 2 and 3."""
    inputs = changes.pop("inputs", ("[1]", "[2]", "[3]"))
    fields = {"reference": DOUBLE, "inputs": inputs, "expected": (None,) * len(inputs)}
    return make_problem(number, **fields | changes)


def label(pools: Pools, problems: list[Problem], completions: list[Completion]) -> LabelResult:
    """Label the completions with a CPU floor of 0.3 s."""
    return label_completions(completions, {p.problem_id: p for p in problems}, pools=pools, cpu_floor_s=0.3)


def labelled(pools: Pools, code: str, **changes: Any) -> LabelledCompletion:
    """The label of one program for the doubling problem."""
    asked = problem(**changes)
    (found,) = label(pools, [asked], [make_completion(asked, code=code)]).labelled
    return found


def outcomes(found: LabelledCompletion) -> list[str]:
    """The outcome on each input."""
    return [row.outcome for row in found.inputs]


def test_a_program_that_does_as_the_reference_passes(pools: Pools) -> None:
    found = labelled(pools, "def solve(x):\n    return x + x")
    assert found.passed and found.outcome == "pass" and found.is_deterministic
    assert [(r.input_id, r.output, r.output_type, r.passed) for r in found.inputs] == [
        ("i0", "2", "int", True),
        ("i1", "4", "int", True),
        ("i2", "6", "int", True),
    ]


def test_a_program_that_is_wrong_on_one_input_does_not_pass(pools: Pools) -> None:
    found = labelled(pools, "def solve(x):\n    return x ** 2 if x != 1 else 2")
    assert outcomes(found) == ["pass", "pass", "wrong_output"]
    assert (found.outcome, found.passed) == ("wrong_output", False)
    assert [row.passed for row in found.inputs] == [True, True, False]


def test_an_exception_is_named(pools: Pools) -> None:
    found = labelled(pools, "def solve(x):\n    return {1: 2, 3: 6}[x]")
    assert outcomes(found) == ["pass", "exception", "pass"]
    assert (found.outcome, found.inputs[1].exception_class, found.inputs[1].output) == ("exception", "KeyError", None)


def test_a_program_that_does_not_end_is_a_timeout(pools: Pools) -> None:
    found = labelled(pools, "def solve(x):\n    while x == 2: pass\n    return x * 2")
    assert outcomes(found) == ["pass", "timeout", "timeout"]
    assert (found.outcome, found.is_deterministic) == ("timeout", True)


def test_a_program_that_leaves_is_killed(pools: Pools) -> None:
    found = labelled(pools, "import os\ndef solve(x):\n    return x * 2 if x == 1 else os._exit(0)")
    assert outcomes(found) == ["pass", "killed", "killed"]
    assert not found.passed


def test_the_overall_outcome_is_that_of_the_first_input_that_fails(pools: Pools) -> None:
    found = labelled(pools, "def solve(x):\n    return {1: 2, 2: 5}[x]")
    assert outcomes(found) == ["pass", "wrong_output", "exception"]
    assert found.outcome == "wrong_output"


@pytest.mark.parametrize(
    "value",
    ["id(object())", "hash('text')", "list({'a', 'b', 'c', 'd', 'e', 'f', 'g'})", "__import__('random').random()",
     "__import__('os').urandom(8)", "__import__('time').time_ns()"],
)  # fmt: skip
def test_a_program_that_answers_otherwise_the_second_time_is_nondeterministic(value: str, pools: Pools) -> None:
    found = labelled(pools, f"def solve(x):\n    return x * 2 if x < 3 else {value}")
    assert outcomes(found) == ["nondeterministic"] * 3
    assert (found.outcome, found.passed, found.is_deterministic) == ("nondeterministic", False, False)


def test_a_set_in_another_order_is_the_same_output(pools: Pools) -> None:
    reference = "def solve(x):\n    return {'a', 'b', 'c', str(x)}"
    found = labelled(pools, "def solve(x):\n    return set(['c', 'b', str(x), 'a'])", reference=reference)
    assert (found.outcome, found.is_deterministic) == ("pass", True)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("class Yes(int):\n    def __eq__(self, other): return True\ndef solve(x):\n    return Yes(7)", "wrong_output"),
        ("import builtins\nbuiltins.isinstance = lambda *a: True\ndef solve(x):\n    return 7", "killed"),
        ("import math\nmath.isclose = lambda *a, **k: True\ndef solve(x):\n    return 7", "wrong_output"),
        ("def solve(x):\n    print('pass')\n    return None", "wrong_output"),
        ("raise SystemExit(0)\ndef solve(x): return x", "exception"),
    ],
)
def test_a_program_cannot_talk_itself_right(code: str, outcome: str, pools: Pools) -> None:
    found = labelled(pools, code)
    assert (found.outcome, found.passed) == (outcome, False)


def test_floats_are_compared_with_the_problems_tolerance(pools: Pools) -> None:
    code = "def solve(x):\n    return x * 2 + 0.05"
    assert labelled(pools, code, atol=0.1).passed
    assert not labelled(pools, code).passed


def test_an_entry_point_of_the_table_has_its_own_oracle(pools: Pools) -> None:
    asked = problem(
        entry_point="find_zero",
        reference="def find_zero(c): return 1.0",
        inputs=("[[-6, 11, -6, 1]]",),  # (x - 1)(x - 2)(x - 3)
    )
    rows = [make_completion(asked, n, code=f"def find_zero(c): return {n}.0") for n in (2, 3, 4)]
    assert [found.passed for found in label(pools, [asked], rows).labelled] == [True, True, False]


def test_a_result_that_no_float_holds_stops_nothing(pools: Pools) -> None:
    asked = problem(entry_point="find_zero", reference="def find_zero(c): return -1.0", inputs=("[[1, 0, 0, 1]]",))
    rows = [
        make_completion(asked, n, code=f"def find_zero(c): return {text}") for n, text in enumerate(("1e200", "-1"))
    ]
    assert [found.outcome for found in label(pools, [asked], rows).labelled] == ["wrong_output", "pass"]


# references


def test_a_reference_that_fails_its_published_output_leaves_the_problem_out(pools: Pools) -> None:
    good, bad = problem(0), problem(1, expected=("2", "5", None))
    result = label(pools, [good, bad], [make_completion(p, code=DOUBLE) for p in (bad, good)])
    assert [row.completion.problem_id for row in result.labelled] == ["humaneval/000"]
    (left_out,) = result.left_out
    assert left_out.problem_id == "humaneval/001"
    assert left_out.reason == "its reference fails its own tests: input 1 gives 4, published 5"


def test_a_reference_that_meets_its_published_output_is_used(pools: Pools) -> None:
    asked = problem(expected=("2", "4.0000001", "6"))
    assert label(pools, [asked], [make_completion(asked, code=DOUBLE)]).left_out == ()


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("def solve(x): raise ValueError", "no usable input: the reference ends in ValueError"),
        ("def solve(x", "no usable input: the reference ends in SyntaxError"),
        ("import os\ndef solve(x): os._exit(0)", "no usable input: the reference ends in killed"),
        ("def solve(x): return object()", "no usable input: the reference returns a object, which has no literal"),
        ("def solve(x): return hash('text')", "no usable input: the reference is not deterministic"),
        (
            "def solve(x):\n    if x == 1: raise KeyError\n    return hash('text')",
            "no usable input: the reference ends in KeyError, the reference is not deterministic",
        ),
    ],
)
def test_a_problem_without_a_usable_input_is_left_out_with_the_reasons(
    reference: str, reason: str, pools: Pools
) -> None:
    asked = problem(reference=reference)
    result = label(pools, [asked], [make_completion(asked, code=DOUBLE)])
    assert result.labelled == ()
    assert [(row.problem_id, row.reason) for row in result.left_out] == [("humaneval/000", reason)]


def test_an_input_that_the_reference_cannot_judge_is_dropped_alone(pools: Pools) -> None:
    asked = problem(reference="def solve(x):\n    return 2 * x if x != 2 else object()")
    result = label(pools, [asked], [make_completion(asked, code=DOUBLE)])
    assert [row.input_id for row in result.labelled[0].inputs] == ["i0", "i2"]
    assert result.labelled[0].passed
    assert result.dropped_input_count == 1


def test_the_time_limit_is_the_floor_or_a_multiple_of_the_references_time(pools: Pools) -> None:
    slow = "import time\ndef solve(x):\n    s = time.process_time()\n    while time.process_time() - s < 0.05: pass"
    judged, left_out = judge_references([problem(0), problem(1, reference=slow)], pools, cpu_floor_s=0.3)
    assert left_out == []
    assert judged[0].limits.cpu_s == 0.3
    assert judged[0].limits.wall_s == 10 * 0.3 + 10
    assert judged[1].limits.cpu_s >= CPU_MULTIPLE * 3 * 0.05  # three inputs of 0.05 s


# the whole


def test_labels_come_in_the_order_given_and_progress_counts_them(pools: Pools) -> None:
    problems = [problem(n) for n in range(2)]
    asked = [make_completion(problems[n % 2], n, code=f"def solve(x):\n    return x * {n}") for n in (3, 2, 1, 0)]
    seen: list[tuple[int, int]] = []
    result = label_completions(
        asked,
        {p.problem_id: p for p in problems},
        pools=pools,
        cpu_floor_s=0.3,
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert [row.completion for row in result.labelled] == asked
    assert [row.passed for row in result.labelled] == [False, True, False, False]
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert set(result.cpu_ms) == {c.completion_id for c in asked}
    assert all(time_ms > 0 for time_ms in result.cpu_ms.values())


def test_nothing_to_label_is_an_empty_result(pools: Pools) -> None:
    result = label(pools, [problem()], [])
    assert (result.labelled, result.left_out, result.dropped_input_count, result.cpu_ms) == ((), (), 0, {})


# one call


@pytest.mark.parametrize(
    ("run", "outcome"),
    [
        (InputRun("finished", "5", "int"), "pass"),
        (InputRun("finished", "6", "int"), "wrong_output"),
        (InputRun("finished", None, "object"), "wrong_output"),
        (InputRun("exception", exception_class="KeyError"), "exception"),
        (InputRun("timeout"), "timeout"),
        (InputRun("memory"), "memory"),
        (InputRun("killed"), "killed"),
        (InputRun("policy"), "policy"),
    ],
)
def test_only_a_finished_call_with_the_right_value_is_a_pass(run: InputRun, outcome: str) -> None:
    assert outcome_of(run, lambda value: value == 5) == outcome


@pytest.mark.parametrize(
    ("one", "two", "is_same"),
    [
        (InputRun("finished", "5", "int"), InputRun("finished", "5", "int"), True),
        (InputRun("finished", "5", "int"), InputRun("finished", "5.0", "float"), False),
        (InputRun("finished", "nan", "float"), InputRun("finished", "nan", "float"), True),
        (InputRun("finished", "{'a': 1, 'b': 2}", "dict"), InputRun("finished", "{'b': 2, 'a': 1}", "dict"), True),
        (InputRun("finished", "[1]", "list"), InputRun("finished", "[2]", "list"), False),
        (InputRun("finished", None, "A"), InputRun("finished", None, "A"), True),
        (InputRun("finished", None, "list"), InputRun("finished", "[1]", "list"), False),
        (InputRun("exception", exception_class="A"), InputRun("exception", exception_class="B"), False),
        (InputRun("timeout"), InputRun("killed"), False),
        (InputRun("timeout"), InputRun("timeout"), True),
    ],
)
def test_two_runs_are_the_same_in_outcome_type_exception_and_value(one: InputRun, two: InputRun, is_same: bool) -> None:
    assert same_output(one, two) is is_same
