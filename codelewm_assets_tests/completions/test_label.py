"""Labels, made by running: each outcome, and the problems and inputs that cannot judge."""

from collections.abc import Iterator
from typing import Any

import pytest

from codelewm_assets.completions.label import (
    CPU_MULTIPLE,
    GRAPH_MULTIPLE,
    GRAPH_STEP,
    MAX_OUTPUT_CHARACTERS,
    LabelShard,
    OutputComparator,
    ReferenceRun,
    agreed_calls,
    by_problem,
    cpu_limit_s,
    label_problem,
    outcome_of,
    run_reference,
    same_output,
)
from codelewm_assets.completions.oracles import INPUT_EXCEPTIONS
from codelewm_assets.core.literals import read_value
from codelewm_assets.core.records import Completion, LabelledCompletion, Problem
from codelewm_assets.sandbox.limits import MAX_CPU_S
from codelewm_assets.sandbox.outcome import InputRun, ProgramRun
from codelewm_assets.sandbox.pool import SandboxPool
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.factories import make_completion, make_problem
from codelewm_assets_tests.tiers import slow

DOUBLE = "def solve(x):\n    return x * 2"


@pytest.fixture(scope="module")
@slow
def pool() -> Iterator[SandboxPool]:
    """A pool of one worker."""
    with SandboxPool(1) as found:
        yield found


def problem(number: int = 0, **changes: Any) -> Problem:
    """A problem whose reference doubles its argument, with inputs 1, 2 and 3."""
    inputs = changes.pop("inputs", ("[1]", "[2]", "[3]"))
    fields = {"reference": DOUBLE, "inputs": inputs, "expected": (None,) * len(inputs)}
    return make_problem(number, **fields | changes)


def label(pool: SandboxPool, problems: list[Problem], completions: list[Completion]) -> LabelShard:
    """Label the completions with a CPU floor of 0.3 s; all problems' shards in one."""
    known = {p.problem_id: p for p in problems}
    shards = [label_problem(known[name], group, pool, cpu_floor_s=0.3) for name, group in by_problem(completions)]
    return LabelShard(
        labelled=tuple(row for shard in shards for row in shard.labelled),
        excluded=tuple(row for shard in shards for row in shard.excluded),
        excluded_input_count=sum(shard.excluded_input_count for shard in shards),
        cpu_ms=sum(shard.cpu_ms for shard in shards),
    )


def labelled(pool: SandboxPool, code: str, **changes: Any) -> LabelledCompletion:
    """The label of one program for the doubling problem."""
    asked = problem(**changes)
    (found,) = label(pool, [asked], [make_completion(asked, code=code)]).labelled
    return found


def outcomes(found: LabelledCompletion) -> list[str]:
    """The outcome on each input."""
    return [row.outcome for row in found.inputs]


def test_a_program_that_does_as_the_reference_passes(pool: SandboxPool) -> None:
    found = labelled(pool, "def solve(x):\n    return x + x")
    assert found.passed and found.outcome == "pass" and found.is_deterministic
    assert [(r.input_id, r.output, r.output_type, r.passed) for r in found.inputs] == [
        ("i0", "2", "int", True),
        ("i1", "4", "int", True),
        ("i2", "6", "int", True),
    ]


def test_a_program_that_is_wrong_on_one_input_does_not_pass(pool: SandboxPool) -> None:
    found = labelled(pool, "def solve(x):\n    return x ** 2 if x != 1 else 2")
    assert outcomes(found) == ["pass", "pass", "wrong_output"]
    assert (found.outcome, found.passed) == ("wrong_output", False)
    assert [row.passed for row in found.inputs] == [True, True, False]


def test_an_exception_is_named(pool: SandboxPool) -> None:
    found = labelled(pool, "def solve(x):\n    return {1: 2, 3: 6}[x]")
    assert outcomes(found) == ["pass", "exception", "pass"]
    assert (found.outcome, found.inputs[1].exception_class, found.inputs[1].output) == ("exception", "KeyError", None)


def test_a_program_that_does_not_end_is_a_timeout(pool: SandboxPool) -> None:
    found = labelled(pool, "def solve(x):\n    while x == 2: pass\n    return x * 2")
    assert outcomes(found) == ["pass", "timeout", "pass"]
    assert (found.outcome, found.is_deterministic) == ("timeout", True)


def test_a_program_that_leaves_is_killed(pool: SandboxPool) -> None:
    found = labelled(pool, "import os\ndef solve(x):\n    return x * 2 if x == 1 else os._exit(0)")
    assert outcomes(found) == ["pass", "killed", "killed"]
    assert not found.passed


def test_the_overall_outcome_is_that_of_the_first_input_that_fails(pool: SandboxPool) -> None:
    found = labelled(pool, "def solve(x):\n    return {1: 2, 2: 5}[x]")
    assert outcomes(found) == ["pass", "wrong_output", "exception"]
    assert found.outcome == "wrong_output"


@each_case(
    "value",
    ["id(object())", "hash('text')", "list({'a', 'b', 'c', 'd', 'e', 'f', 'g'})", "__import__('random').random()",
     "__import__('os').urandom(8)", "__import__('time').time_ns()"],
)  # fmt: skip
def test_a_program_that_answers_otherwise_the_second_time_is_nondeterministic(value: str, pool: SandboxPool) -> None:
    found = labelled(pool, f"def solve(x):\n    return x * 2 if x < 3 else {value}")
    assert outcomes(found) == ["nondeterministic"] * 3
    assert (found.outcome, found.passed, found.is_deterministic) == ("nondeterministic", False, False)


def test_a_set_in_another_order_is_the_same_output(pool: SandboxPool) -> None:
    reference = "def solve(x):\n    return {'a', 'b', 'c', str(x)}"
    found = labelled(pool, "def solve(x):\n    return set(['c', 'b', str(x), 'a'])", reference=reference)
    assert (found.outcome, found.is_deterministic) == ("pass", True)


@each_case(
    ("code", "outcome"),
    [
        ("class Yes(int):\n    def __eq__(self, other): return True\ndef solve(x):\n    return Yes(7)", "wrong_output"),
        ("import builtins\nbuiltins.isinstance = lambda *a: True\ndef solve(x):\n    return 7", "wrong_output"),
        ("import math\nmath.isclose = lambda *a, **k: True\ndef solve(x):\n    return 7", "wrong_output"),
        ("def solve(x):\n    print('pass')\n    return None", "wrong_output"),
        ("raise SystemExit(0)\ndef solve(x): return x", "exception"),
    ],
)
def test_a_program_cannot_talk_itself_right(code: str, outcome: str, pool: SandboxPool) -> None:
    found = labelled(pool, code)
    assert (found.outcome, found.passed) == (outcome, False)


def test_floats_are_compared_with_the_problems_tolerance(pool: SandboxPool) -> None:
    code, reference = "def solve(x):\n    return x * 2 + 0.05", "def solve(x):\n    return x * 2.0"
    assert labelled(pool, code, atol=0.1, reference=reference).passed
    assert not labelled(pool, code, reference=reference).passed
    assert not labelled(pool, code, atol=0.1).passed  # an expected integer is met exactly


def test_a_problem_of_the_table_has_its_own_oracle(pool: SandboxPool) -> None:
    asked = problem(
        problem_id="HumanEval/32",
        entry_point="find_zero",
        reference="def find_zero(c): return 1.0",
        inputs=("[[-6, 11, -6, 1]]",),  # (x - 1)(x - 2)(x - 3)
    )
    rows = [make_completion(asked, n, code=f"def find_zero(c): return {n}.0") for n in (2, 3, 4)]
    assert [found.passed for found in label(pool, [asked], rows).labelled] == [True, True, False]


def test_where_only_a_match_or_none_is_asked_for_an_object_without_a_literal_is_a_match(pool: SandboxPool) -> None:
    asked = make_problem(
        0, "mbpp_plus", problem_id="Mbpp/737", entry_point="check_str", inputs=("['a']", "['b']"), expected=(None, None),
        reference="import re\ndef check_str(s): return re.match('a', s)",
    )  # fmt: skip
    codes = ("return s.startswith('a')", "return 'match' if s == 'a' else None", "return 'found'", "return None")
    rows = [make_completion(asked, n, code=f"def check_str(s): {code}") for n, code in enumerate(codes)]
    found = label(pool, [asked], rows).labelled
    assert [row.passed for row in found] == [True, True, False, False]
    assert [call.output for call in found[0].inputs] == ["True", "False"]


def test_where_order_does_not_count_a_sets_order_is_no_difference_between_two_runs(pool: SandboxPool) -> None:
    asked = make_problem(
        0, "mbpp_plus", problem_id="Mbpp/769", entry_point="Diff", inputs=("[['a', 'b', 'c', 'd'], ['x']]",), expected=(None,),
        reference="def Diff(a, b): return list(set(a) ^ set(b))",
    )  # fmt: skip
    (found,) = label(pool, [asked], [make_completion(asked, code="def Diff(a, b): return a + b")]).labelled
    assert (found.outcome, found.is_deterministic) == ("pass", True)


def test_a_problem_whose_every_answer_is_let_pass_is_excluded(pool: SandboxPool) -> None:
    code = "def are_equivalent(a, b): return 1"
    asked = make_problem(0, "mbpp_plus", problem_id="Mbpp/164", entry_point="are_equivalent", reference=code)
    result = label(pool, [asked], [make_completion(asked, code="def are_equivalent(a, b): return 2")])
    assert [row.reason for row in result.excluded] == ["EvalPlus lets every answer pass: it cannot judge"]


def test_a_result_that_no_float_holds_stops_nothing(pool: SandboxPool) -> None:
    code = "def find_zero(c): return -1.0"
    asked = problem(problem_id="HumanEval/32", entry_point="find_zero", reference=code, inputs=("[[1, 0, 0, 1]]",))
    rows = [
        make_completion(asked, n, code=f"def find_zero(c): return {text}") for n, text in enumerate(("1e200", "-1"))
    ]
    assert [found.outcome for found in label(pool, [asked], rows).labelled] == ["wrong_output", "pass"]


# references


def test_a_reference_that_fails_its_published_output_leaves_the_problem_out(pool: SandboxPool) -> None:
    good, bad = problem(0), problem(1, expected=("2", "5", None))
    result = label(pool, [good, bad], [make_completion(p, code=DOUBLE) for p in (bad, good)])
    assert [row.completion.problem_id for row in result.labelled] == ["humaneval/000"]
    (excluded,) = result.excluded
    assert excluded.problem_id == "humaneval/001"
    assert excluded.reason == "its reference fails its own tests: input 1 gives 4, published 5"


def test_a_reference_that_meets_its_published_output_is_used(pool: SandboxPool) -> None:
    asked = problem(expected=("2", "4.0", "6"))
    assert label(pool, [asked], [make_completion(asked, code=DOUBLE)]).excluded == ()


@each_case(
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
def test_a_problem_without_a_usable_input_is_excluded_with_the_reasons(
    reference: str, reason: str, pool: SandboxPool
) -> None:
    asked = problem(reference=reference)
    result = label(pool, [asked], [make_completion(asked, code=DOUBLE)])
    assert result.labelled == ()
    assert [(row.problem_id, row.reason) for row in result.excluded] == [("humaneval/000", reason)]


def test_an_input_that_the_reference_cannot_label_is_excluded_alone(pool: SandboxPool) -> None:
    asked = problem(reference="def solve(x):\n    return 2 * x if x != 2 else object()")
    result = label(pool, [asked], [make_completion(asked, code=DOUBLE)])
    assert [row.input_id for row in result.labelled[0].inputs] == ["i0", "i2"]
    assert result.labelled[0].passed
    assert result.excluded_input_count == 1


def test_an_input_whose_output_is_too_long_for_the_pack_is_dropped_and_says_so(pool: SandboxPool) -> None:
    asked = problem(reference=f"def solve(x):\n    return 'a' * ({MAX_OUTPUT_CHARACTERS} if x == 2 else x)")
    found = run_reference(asked, pool, cpu_floor_s=0.3)
    assert isinstance(found, ReferenceRun) and sorted(found.outputs) == [0, 2]
    assert found.excluded_inputs == {1: f"the reference's output is longer than {MAX_OUTPUT_CHARACTERS} characters"}


def test_an_excepted_input_is_not_run_and_its_reason_is_the_tables(pool: SandboxPool) -> None:
    row = INPUT_EXCEPTIONS[0]
    code = "def colors(names, count):\n    while count == 77: pass\n    return count"
    asked = make_problem(
        0, "mbpp_plus", problem_id=row.problem_id, entry_point="colors", reference=code,
        inputs=("[[], 1]", row.arguments), expected=(None, None),
    )  # fmt: skip
    found = run_reference(asked, pool, cpu_floor_s=0.3)
    assert isinstance(found, ReferenceRun)
    assert (found.outputs, found.excluded_inputs) == ({0: "1"}, {1: row.reason})
    completion = make_completion(asked, code=code, entry_point="colors")
    (labelled_one,) = label(pool, [asked], [completion]).labelled
    assert [call.input_id for call in labelled_one.inputs] == ["i0"]


def test_equal_literals_are_right_without_being_read_and_unequal_ones_are_compared() -> None:
    assert OutputComparator("equal", "not a literal", "[1, nan]", 0.0)(finished("[1, nan]", "list"))
    assert OutputComparator("equal", "[1]", "[1, 2.0]", 0.0)(finished("[1, 2.0000001]", "list"))
    assert not OutputComparator("equal", "[1]", "[1, 2]", 0.0)(finished("[1, 3]", "list"))
    # any root is right, and only a root: that the reference said the same is no proof
    assert not OutputComparator("root_of_polynomial", "[[-4.0, 2.0]]", "7.0", 0.0)(finished("7.0", "float"))
    assert OutputComparator("root_of_polynomial", "[[-4.0, 2.0]]", "7.0", 0.0)(finished("2.0", "float"))


def test_the_time_limit_is_the_floor_or_a_multiple_of_the_references_time(pool: SandboxPool) -> None:
    slow = "import time\ndef solve(x):\n    s = time.process_time()\n    while time.process_time() - s < 0.05: pass"
    quick, long = (run_reference(p, pool, cpu_floor_s=0.3) for p in (problem(0), problem(1, reference=slow)))
    assert isinstance(quick, ReferenceRun) and isinstance(long, ReferenceRun)
    assert quick.limits.input_cpu_s == 0.3
    assert long.limits.input_cpu_s >= CPU_MULTIPLE * 0.05
    assert quick.limits.cpu_s == long.limits.cpu_s == MAX_CPU_S  # over all calls it is the same for every program


@each_case(
    ("reference_ms", "limit_s"),
    [(0.0, 0.1), (3.1, 0.1), (3.2, 0.8), (24.9, 0.8), (25.1, 6.4), (36.0, 6.4), (60.0, 6.4)],
)
def test_the_limit_of_a_slow_reference_is_the_same_on_a_busy_machine(reference_ms: float, limit_s: float) -> None:
    """32 times the reference, up to 0.1 s times a power of eight: 36 and 60 ms, the same program, ask for 6.4 s both."""
    assert cpu_limit_s(reference_ms, 0.1, GRAPH_STEP, GRAPH_MULTIPLE) == pytest.approx(limit_s)


# the whole


def test_calls_that_the_time_in_all_left_no_room_for_are_not_called_and_say_so(pool: SandboxPool) -> None:
    found = labelled(pool, "def solve(x):\n    while True: pass")
    # two calls over their limit, and the program is given up
    assert [(row.outcome, row.was_called) for row in found.inputs] == [
        ("timeout", True),
        ("timeout", True),
        ("timeout", False),
    ]


def test_nothing_to_label_is_an_empty_result(pool: SandboxPool) -> None:
    result = label(pool, [problem()], [])
    assert result == LabelShard(labelled=())


# one call


def finished(output: str, kind: str) -> InputRun:
    """A call that returned the value of this literal."""
    return InputRun("finished", output, kind, value=read_value(output))


@each_case(
    ("run", "outcome"),
    [
        (InputRun("finished", "5", "int", value=5), "pass"),
        (InputRun("finished", "6", "int", value=6), "wrong_output"),
        (InputRun("finished", None, "object"), "wrong_output"),
        (InputRun("exception", exception_class="KeyError"), "exception"),
        (InputRun("timeout"), "timeout"),
        (InputRun("memory"), "memory"),
        (InputRun("killed"), "killed"),
        (InputRun("policy"), "policy"),
    ],
)
def test_only_a_finished_call_with_the_right_value_is_a_pass(run: InputRun, outcome: str) -> None:
    assert outcome_of(run, lambda call: call.value == 5) == outcome


@each_case(
    ("one", "two", "is_same"),
    [
        (finished("5", "int"), finished("5", "int"), True),
        (finished("5", "int"), finished("5.0", "float"), False),
        (finished("nan", "float"), finished("nan", "float"), True),
        (finished("{'a': 1, 'b': 2}", "dict"), finished("{'b': 2, 'a': 1}", "dict"), True),
        (finished("[1]", "list"), finished("[2]", "list"), False),
        (InputRun("finished", None, "A"), InputRun("finished", None, "A"), True),
        (InputRun("finished", None, "list"), finished("[1]", "list"), False),
        (InputRun("exception", exception_class="A"), InputRun("exception", exception_class="B"), False),
        (InputRun("timeout"), InputRun("killed"), False),
        (InputRun("timeout"), InputRun("timeout"), True),
    ],
)
def test_two_runs_are_the_same_in_outcome_type_exception_and_value(one: InputRun, two: InputRun, is_same: bool) -> None:
    assert same_output(one, two) is is_same


def runs(*calls: InputRun) -> ProgramRun:
    """A program that made these calls."""
    return ProgramRun(calls, cpu_ms=1.0)


@each_case(
    ("first", "second", "agreed"),
    [
        (InputRun("timeout"), finished("5", "int"), InputRun("timeout")),
        (finished("5", "int"), InputRun("timeout"), InputRun("timeout")),
        (InputRun("timeout"), InputRun("exception", exception_class="A"), InputRun("timeout")),
        (InputRun("timeout"), InputRun("timeout", was_called=False), InputRun("timeout", was_called=False)),
        (finished("5", "int"), InputRun("timeout", was_called=False), InputRun("timeout", was_called=False)),
    ],
)
def test_a_call_over_its_time_in_either_run_is_over_its_time(
    first: InputRun, second: InputRun, agreed: InputRun
) -> None:
    assert agreed_calls("equal", runs(first), runs(second)) == ((agreed,), True)


def test_runs_that_differ_beside_a_call_over_its_time_still_disagree() -> None:
    one, two = runs(finished("5", "int"), InputRun("timeout")), runs(finished("6", "int"), finished("1", "int"))
    assert agreed_calls("equal", one, two) == ((finished("5", "int"), InputRun("timeout")), False)
