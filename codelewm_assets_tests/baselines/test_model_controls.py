"""Controls of models' programs count every sample, and read no verdict of a problem that is not in train."""

import pytest

from codelewm_assets.baselines.model_controls import model_controls
from codelewm_assets.core.records import LabelledCompletion
from codelewm_assets.core.sample_records import ImportedSample, SampleStatus
from codelewm_assets.dataset.shingles import jaccard, shingles
from codelewm_assets_tests.factories import make_completion, make_labelled, make_problem

PROBLEMS = [make_problem(number) for number in range(3)]
FOLD = {
    PROBLEMS[0].problem_id: 0,
    PROBLEMS[1].problem_id: 2,
    PROBLEMS[2].problem_id: 3,
}  # the second and third train for fold 0


def program(problem: int, number: int, *, passed: bool) -> LabelledCompletion:
    return make_labelled(make_completion(PROBLEMS[problem], number, "model", llm="a"), passed=passed)


def sample(
    number: int, llm: str, row: LabelledCompletion | None, problem: int, status: SampleStatus = "kept"
) -> ImportedSample:
    return ImportedSample(
        sample_id=f"s{number}", problem_id=PROBLEMS[problem].problem_id, benchmark_id="humaneval", source="file", llm=llm,
        status=status, completion_id=row.completion.completion_id if row else None, published_base=None, published_plus=None,
    )  # fmt: skip


TEST, TEST_2 = program(0, 0, passed=True), program(0, 1, passed=False)
TRAIN, TRAIN_2 = program(1, 0, passed=True), program(2, 0, passed=False)
LABELLED = [TEST, TEST_2, TRAIN, TRAIN_2]
SAMPLES = [
    sample(0, "a", TEST, 0), sample(1, "b", TEST, 0, "equals_another"), sample(2, "b", TEST_2, 0),
    sample(3, "a", TRAIN, 1), sample(4, "a", TRAIN, 1, "equals_another"), sample(5, "a", TRAIN_2, 2),
    sample(6, "b", TRAIN_2, 2, "equals_another"), sample(7, "b", None, 2, "no_program"), sample(8, "b", TRAIN, 1, "equals_another"),
]  # fmt: skip
ASKED = {row.completion.completion_id for row in LABELLED}


def test_the_prior_is_the_mean_over_the_writers_of_their_rate_on_train_problems() -> None:
    """In train "a" passes 2 of 3 samples and "b" 1 of 3; both wrote the first program, "b" alone the second."""
    prior = model_controls(SAMPLES, LABELLED, FOLD, ASKED).prior
    assert prior[TEST.completion.completion_id] == pytest.approx((2 / 3 + 1 / 3) / 2)
    assert prior[TEST_2.completion.completion_id] == pytest.approx(1 / 3)


def test_verdicts_of_the_problem_itself_and_of_validation_move_no_prior() -> None:
    turned = [program(0, 0, passed=False), program(0, 1, passed=True), TRAIN, TRAIN_2]
    first, second = (model_controls(SAMPLES, rows, FOLD, ASKED).prior for rows in (LABELLED, turned))
    assert first[TEST.completion.completion_id] == second[TEST.completion.completion_id]
    in_validation = model_controls(SAMPLES, LABELLED, FOLD | {PROBLEMS[1].problem_id: 1}, ASKED).prior
    assert (
        in_validation[TEST_2.completion.completion_id] == 0.0
    )  # of "b" a failed sample and one without a program are left


def test_consensus_weighs_a_program_by_its_samples() -> None:
    """The first program has two samples: the other one agrees with it fully, the third sample by their likeness."""
    like = jaccard(shingles(TEST.completion.code), shingles(TEST_2.completion.code))
    consensus = model_controls(SAMPLES, LABELLED, FOLD, ASKED).consensus
    assert consensus[TEST.completion.completion_id] == pytest.approx((1 + like) / 2)
    assert consensus[TEST_2.completion.completion_id] == pytest.approx(like)


def test_without_samples_there_are_no_scores() -> None:
    assert model_controls([], LABELLED, FOLD, ASKED) == ({}, {})
