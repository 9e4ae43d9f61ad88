"""Rates of models' samples: the estimator by hand, suites, duplicates, and what is not counted."""

from typing import Any

import pytest

from codelewm_assets.core.records import LabelledCompletion, Problem
from codelewm_assets.core.sample_records import ImportedSample
from codelewm_assets.evaluation.model_rates import ModelRate, model_rates, pass_at_k
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.factories import make_completion, make_labelled, make_problem

PROBLEMS = {p.problem_id: p for p in (make_problem(n, base_input_count=2) for n in range(4))}
FIRST, SECOND, THIRD, FOURTH = PROBLEMS.values()


@each_case(
    ("n", "c", "k", "value"),
    [
        (4, 1, 1, 1 / 4),  # 1 - 3/4
        (4, 1, 2, 1 / 2),  # 1 - C(3, 2) / C(4, 2) = 1 - 3/6
        (5, 2, 3, 9 / 10),  # 1 - C(3, 3) / C(5, 3) = 1 - 1/10
        (3, 0, 3, 0.0),
        (3, 3, 1, 1.0),
        (3, 1, 3, 1.0),  # any three of three hold the one that passes
        (200, 1, 100, 1 / 2),
    ],
)
def test_pass_at_k_is_one_minus_the_share_of_draws_without_a_passing_sample(
    n: int, c: int, k: int, value: float
) -> None:
    assert pass_at_k(n, c, k) == pytest.approx(value)


@each_case(("n", "c", "k"), [(2, 1, 3), (2, 3, 1), (2, 1, 0), (2, -1, 1)])
def test_pass_at_k_is_undefined_beyond_its_range(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match="expected 1 ≤ k ≤ n and 0 ≤ c ≤ n"):
        pass_at_k(n, c, k)


def label(problem: Problem, number: int, *, passed: bool, base: bool | None = None) -> LabelledCompletion:
    """A labelled program. Args: base: passes on the first two inputs; None: as on all."""
    row = make_labelled(make_completion(problem, number, "model"), passed=passed)
    if base is None:
        return row
    inputs = tuple(i.model_copy(update={"passed": base}) if n < 2 else i for n, i in enumerate(row.inputs))
    return row.model_copy(update={"inputs": inputs})


def sample(problem: Problem, row: LabelledCompletion | None, number: int = 0, **changes: Any) -> ImportedSample:
    """A sample whose program has this label."""
    fields: dict[str, Any] = {
        "sample_id": f"{problem.problem_id}/mine:gpt/m{number:03d}", "problem_id": problem.problem_id, "benchmark_id": "humaneval",
        "source": "mine", "llm": "gpt", "status": "kept" if row else "no_program",
        "completion_id": row.completion.completion_id if row else None, "published_base": None, "published_plus": None,
    }  # fmt: skip
    return ImportedSample(**fields | changes)


def rate(samples: list[ImportedSample], labels: list[LabelledCompletion]) -> ModelRate:
    """The rate of the one model."""
    [result] = model_rates(samples, labels, PROBLEMS, resamples=200).models
    return result


def test_each_sample_counts_as_often_as_it_was_written() -> None:
    """Of the first problem 3 of 5 samples pass, four of them of two programs; of the second 0 of 2: (3/5 + 0) / 2 = 0.3.

    Pass@5 rests on the first problem alone, where all five hold a passing one.
    """
    right, wrong, other = label(FIRST, 1, passed=True), label(FIRST, 2, passed=False), label(SECOND, 1, passed=False)
    samples = [
        *(sample(FIRST, right, n, status="equals_another" if n else "kept") for n in range(3)),
        sample(FIRST, wrong, 3), sample(FIRST, None, 4), sample(SECOND, other), sample(SECOND, other, 1, source="second"),
    ]  # fmt: skip
    result = rate(samples, [right, wrong, other])
    assert (result.model, result.sources, result.sample_count, result.program_count) == (
        "gpt",
        ("mine", "second"),
        7,
        3,
    )
    assert (result.problem_count, result.never_passed_count, result.unlabelled_count) == (2, 1, 0)
    assert result.outcomes == {"pass": 3, "no_program": 1, "wrong_output": 3}
    at_1, at_5 = result.plus
    assert (at_1.k, at_1.value, at_1.problem_count) == (1, pytest.approx(0.3), 2)
    assert at_1.ci95 == (0.0, pytest.approx(0.6))  # a resample of two problems has 0, 0.3 or 0.6
    assert (at_5.k, at_5.value, at_5.problem_count, at_5.ci95) == (5, 1.0, 1, None)


def test_base_inputs_are_the_benchmarks_own() -> None:
    """One of two programs passes the base inputs alone, and none passes all."""
    labels = [label(FIRST, 1, passed=False, base=True), label(FIRST, 2, passed=False)]
    result = rate([sample(FIRST, row, n) for n, row in enumerate(labels)], labels)
    assert [(row.k, row.value) for row in result.base] == [(1, 0.5)]
    assert [(row.k, row.value) for row in result.plus] == [(1, 0.0)]


def test_a_suite_that_is_not_known_or_not_there_has_no_figure() -> None:
    row = label(FIRST, 1, passed=True)

    def suites(count: int | None) -> tuple[int, int]:
        problems = {FIRST.problem_id: FIRST.model_copy(update={"base_input_count": count})}
        [result] = model_rates([sample(FIRST, row)], [row], problems, resamples=100).models
        return len(result.base), len(result.plus)

    assert [suites(2), suites(None), suites(5)] == [(1, 1), (0, 1), (1, 0)]


def test_a_problem_whose_inputs_are_all_base_stands_in_both_suites() -> None:
    problems = PROBLEMS | {SECOND.problem_id: SECOND.model_copy(update={"base_input_count": 5})}
    labels = [label(FIRST, 1, passed=False), label(SECOND, 1, passed=True)]
    samples = [sample(FIRST, labels[0]), sample(SECOND, labels[1])]
    [result] = model_rates(samples, labels, problems, resamples=100).models
    assert [(row.value, row.problem_count) for row in result.plus] == [(0.5, 2)]


def test_what_was_not_labelled_is_in_no_rate_and_is_counted() -> None:
    """A program over the cap, one of an excluded problem, and an answer without a program for that problem."""
    row = label(FIRST, 1, passed=True)
    samples = [
        sample(FIRST, row), sample(FIRST, None, 1, status="over_the_cap"), sample(SECOND, label(SECOND, 1, passed=True)),
        sample(SECOND, None, 1),
    ]  # fmt: skip
    result = rate(samples, [row])
    assert (result.sample_count, result.unlabelled_count, result.problem_count) == (1, 3, 1)
    assert result.plus[0].value == 1.0


def test_a_duplicate_of_a_generated_program_has_its_label() -> None:
    reference = make_labelled(make_completion(FIRST, 0, "reference"), passed=True)
    result = rate([sample(FIRST, reference, status="equals_another")], [reference])
    assert result.plus[0].value == 1.0


def test_models_are_in_order_by_benchmark_and_rate_and_samples_of_no_model_bear_their_sources_name() -> None:
    labels = [label(FIRST, n, passed=n == 1) for n in range(3)]
    samples = [sample(FIRST, row, llm=name) for row, name in zip(labels, ("worse", "better", None), strict=True)]
    report = model_rates(samples, labels, PROBLEMS, resamples=100)
    assert [row.model for row in report.models] == ["better", "(mine)", "worse"]


def test_without_samples_there_are_no_rates() -> None:
    assert model_rates([], [label(FIRST, 0, passed=True)], PROBLEMS, resamples=100).models == ()
