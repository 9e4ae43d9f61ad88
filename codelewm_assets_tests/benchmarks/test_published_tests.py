"""Tests that are published as code: what is read from the text, what is recorded, what is refused."""

import pytest

from codelewm_assets.benchmarks.published_tests import Runner, TestCase, recover_tests
from codelewm_assets.core.errors import SourceFormatError

IDENTITY = "def f(x):\n    return x\n"


def never(code: str, entry_point: str, inputs: tuple[str, ...]) -> list[str | None]:
    """A runner for tests that must be read without running anything."""
    raise AssertionError("these tests can be read from their text; nothing may run")


def checked(*lines: str) -> str:
    """A `check` function with these statements."""
    return "def check(candidate):\n" + "".join(f"    {line}\n" for line in lines)


def test_plain_asserts_are_read_without_running_anything() -> None:
    tests = checked(
        '"""Examples."""', "assert True", "assert candidate(1) == 1, 'one'", "assert [2, 3] == candidate([2, 3])"
    )
    found = recover_tests(IDENTITY, tests, "f", never)
    assert found.method == "parsed"
    assert found.cases == (TestCase("[1]", "1"), TestCase("[[2, 3]]", "[2, 3]"))
    assert found.atol == 0.0


def test_asserts_without_a_function_around_them_are_read() -> None:
    found = recover_tests(IDENTITY, "import math\nassert f((1, 2)) == (1, 2)\n", "f", never)
    assert found.cases == (TestCase("[(1, 2)]", "(1, 2)"),)


def test_an_identity_check_counts_as_equality() -> None:
    found = recover_tests(IDENTITY, checked("assert candidate(True) is True"), "f", never)
    assert found.cases == (TestCase("[True]", "True"),)


@pytest.mark.parametrize("statement", ["assert candidate('ab')", "assert not candidate('ab')"])
def test_an_assert_of_the_bare_call_leaves_the_output_to_the_reference(statement: str) -> None:
    assert recover_tests(IDENTITY, checked(statement), "f", never).cases == (TestCase("['ab']", None),)


def test_an_absolute_difference_gives_output_and_tolerance() -> None:
    tests = checked("assert candidate(3.5) == 0.5", "assert abs(candidate(1.33) - 0.33) < 1e-6")
    found = recover_tests(IDENTITY, tests, "f", never)
    assert found.cases == (TestCase("[3.5]", "0.5"), TestCase("[1.33]", "0.33"))
    assert found.atol == 1e-6


def test_the_same_call_twice_is_one_case() -> None:
    tests = checked("assert candidate(1) == 1", "assert candidate(2) == 2", "assert candidate(1) == 1")
    assert [c.arguments for c in recover_tests(IDENTITY, tests, "f", never).cases] == ["[1]", "[2]"]


def test_tables_of_inputs_and_results_are_read_without_running_anything() -> None:
    tests = checked(
        "inputs = [[1, 'a'], [(2, 3), None]]",
        "results = [(1, 'a'), -5]",
        "for inp, exp in zip(inputs, results):",
        "    assertion(candidate(*inp), exp, 0)",
    )
    found = recover_tests(IDENTITY, tests, "f", never)
    assert found.method == "parsed"
    assert found.cases == (TestCase("[1, 'a']", "(1, 'a')"), TestCase("[(2, 3), None]", "-5"))
    assert found.atol == 0.0


def test_the_tolerance_that_a_table_is_compared_with_is_kept() -> None:
    """EvalPlus writes it as the third argument: `assertion(candidate(*inp), exp, <atol>)`."""
    tests = checked(
        "inputs = [[1.5]]",
        "results = [2.25]",
        "for i, (inp, exp) in enumerate(zip(inputs, results)):",
        "    assertion(candidate(*inp), exp, 0.0001)",
    )
    assert recover_tests(IDENTITY, tests, "f", never).atol == 0.0001


def test_inputs_without_results_leave_the_output_to_the_reference() -> None:
    tests = "inputs = [[1], [2]]\nfor inp in inputs:\n    assertion(f(*inp), ref_func(*inp), 0)\n"
    assert recover_tests(IDENTITY, tests, "f", never).cases == (TestCase("[1]", None), TestCase("[2]", None))


def test_loops_are_recorded_by_running_them(run: Runner) -> None:
    tests = checked("for i in range(3):", "    assert candidate(i) == i")
    found = recover_tests(IDENTITY, tests, "f", run)
    assert found.method == "recorded"
    assert found.cases == tuple(TestCase(f"[{i}]", None) for i in range(3))


def test_recording_keeps_the_outputs_and_tolerance_that_could_be_read(run: Runner) -> None:
    tests = checked("assert abs(candidate(7.5) - 7.5) < 0.01", "for i in (7.5, 8):", "    assert candidate(i) == i")
    found = recover_tests(IDENTITY, tests, "f", run)
    assert found.cases == (TestCase("[7.5]", "7.5"), TestCase("[8]", None))
    assert (found.method, found.atol) == ("recorded", 0.01)


def test_arguments_are_recorded_as_they_were_before_the_call(run: Runner) -> None:
    reference = "def f(x):\n    x.append(0)\n    return x\n"
    tests = checked("for i in range(2):", "    assert candidate([i]) == [i, 0]")
    assert [c.arguments for c in recover_tests(reference, tests, "f", run).cases] == ["[[0]]", "[[1]]"]


def test_random_tests_are_recorded_the_same_twice(run: Runner) -> None:
    tests = "import random\n" + checked("for i in range(3):", "    n = random.random()", "    assert candidate(n) == n")
    first, second = (recover_tests(IDENTITY, tests, "f", run) for _ in range(2))
    assert first == second and len(first.cases) == 3


def test_tests_that_do_not_parse_are_refused() -> None:
    with pytest.raises(SourceFormatError, match="do not parse"):
        recover_tests(IDENTITY, "def check(candidate:\n", "f", never)


def test_a_reference_that_fails_its_own_tests_is_refused(run: Runner) -> None:
    with pytest.raises(SourceFormatError, match="fails its own published tests"):
        recover_tests(IDENTITY, checked("for i in range(3):", "    assert candidate(i) == i + 1"), "f", run)


def test_tests_that_never_call_give_no_case(run: Runner) -> None:
    assert recover_tests(IDENTITY, checked("assert True"), "f", run).cases == ()
