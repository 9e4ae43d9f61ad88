"""Generated completions and samples of models joined: duplicates, the cap, and a record of every sample."""

import pytest

from codelewm_assets.completions.candidates import join_samples, make_completions
from codelewm_assets.completions.samples.read import Sample
from codelewm_assets.core.records import Completion
from codelewm_assets.core.sample_records import ImportedSample
from codelewm_assets_tests.factories import make_problem

PROBLEM = make_problem(0, prompt="def solve(x):\n", reference="def solve(x):\n    return x + 1")
CODE = "def solve(y):\n    return y * 2\n"


@pytest.fixture(scope="module")
def generated() -> list[Completion]:
    return make_completions([PROBLEM], bugs=2, pairs_per_bug=2, seed=0)


def test_a_problem_that_asks_for_outputs_has_its_program_alone() -> None:
    problem = make_problem(0, "cruxeval_o", reference="def solve(x):\n    return   x + 1")
    (alone,) = make_completions([problem], bugs=2, pairs_per_bug=2, seed=0)
    assert (alone.completion_kind, alone.code, alone.twin) == ("reference", "def solve(x):\n    return x + 1", None)


def sample(number: int, code: str | None, llm: str = "gpt") -> Sample:
    """A sample of a model; None: of no program."""
    name = f"{PROBLEM.problem_id}/mine:{llm}/m{number:03d}"
    program = None
    if code is not None:
        program = Completion(
            completion_id=name, problem_id=PROBLEM.problem_id, benchmark_id=PROBLEM.benchmark_id, completion_kind="model",
            operator_family="model", operators=(), code=code, entry_point="solve", source="mine", llm=llm,
        )  # fmt: skip
    return Sample(name, PROBLEM, "mine", llm, program, published_base=True, published_plus=None)


def test_samples_of_one_program_share_a_completion_and_each_keeps_its_record(generated: list[Completion]) -> None:
    """The reference under another name, a new program twice by two models, and an answer without code."""
    renamed = "def solve(other):\n    # the reference under another name\n    return other + 1"
    samples = [sample(0, renamed), sample(1, CODE), sample(0, CODE.replace("y", "z"), llm="other"), sample(2, None)]
    joined = join_samples(generated, samples, most_per_problem=100)
    assert joined.completions == [*generated, samples[1].program]
    first, kept, equal, empty = joined.samples
    new = f"{PROBLEM.problem_id}/mine:gpt/m001"
    assert (first.status, first.completion_id) == ("equals_another", generated[0].completion_id)
    assert (kept.status, kept.completion_id) == ("kept", new)
    assert equal == ImportedSample(
        sample_id=f"{PROBLEM.problem_id}/mine:other/m000", problem_id=PROBLEM.problem_id, benchmark_id="humaneval", source="mine",
        llm="other", status="equals_another", completion_id=new, published_base=True, published_plus=None,
    )  # fmt: skip
    assert (empty.status, empty.completion_id) == ("no_program", None)
    assert joined.excluded == {"humaneval": {"equals_another": 2, "no_program": 1}, "mbpp_plus": {}}


def test_over_the_cap_generated_ones_stay_and_the_order_of_samples_does_not_decide(generated: list[Completion]) -> None:
    """Of forty programs two find room beside the generated ones; a duplicate of one that does not is not run either."""
    limit = len(generated) + 2
    samples = [sample(n, f"def solve(x):\n    return x * {n}") for n in range(2, 42)]
    joined = join_samples(generated, samples, most_per_problem=limit)
    assert joined.completions[:-2] == generated
    assert [c.completion_kind for c in joined.completions[-2:]] == ["model", "model"]
    assert joined.excluded["humaneval"] == {"over_the_cap": 38}
    assert sum(row.completion_id is None for row in joined.samples) == 38
    again = join_samples(generated, samples[::-1], most_per_problem=limit)
    assert {c.code for c in again.completions} == {c.code for c in joined.completions}
    twice = join_samples(generated, [sample(0, CODE), sample(1, CODE)], most_per_problem=1)
    assert [row.status for row in twice.samples] == ["over_the_cap", "over_the_cap"]


def test_without_samples_there_are_no_records_of_them(generated: list[Completion]) -> None:
    joined = join_samples(generated, [], most_per_problem=1)
    assert (joined.completions, joined.samples) == (generated, [])
    assert joined.excluded == {"humaneval": {}, "mbpp_plus": {}}
