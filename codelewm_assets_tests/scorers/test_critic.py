"""The critic on small programs whose bugs it can read."""

import pickle
import random

import pytest

from codelewm_assets.core.errors import ModelFileError, ScorerError
from codelewm_assets.scorers.array_files import dump_arrays, load_arrays, text_array
from codelewm_assets.scorers.critic import Critic
from codelewm_assets.scorers.examples import Example
from codelewm_assets.scorers.program_features import ProgramFeatures

SUM = "def f(xs):\n    total = 0\n    for x in xs:\n        total += x\n    return total\n"
BIGGEST = (
    "def f(xs):\n    best = xs[0]\n    for x in xs:\n        if x > best:\n            best = x\n    return best\n"
)
COUNT = "def f(xs, y):\n    n = 0\n    for x in xs:\n        if x == y:\n            n += 1\n    return n\n"
LIBRARY = [SUM, BIGGEST, COUNT]
BUGS = {"arithmetic": ("+=", "-="), "relational": (">", "<"), "operand": ("return total", "return xs")}


def examples(problems: range, *, library: bool = False) -> list[Example]:
    """Four twin pairs of each problem: a program with statements that do nothing, and the same with a bug."""
    made = list[Example]()
    for problem in problems:
        for place in range(4):
            base = LIBRARY[(problem + place) % 3]
            right = base.replace("    return", "    print(xs)\n" * (place + problem % 3) + "    return")
            family = next(name for name, (old, _) in sorted(BUGS.items()) if old in right)
            group, twin, prompt = f"p{problem}", f"b0p{place}", "the total of a list"
            made.append(Example(right, prompt, True, group, twin, "", library))
            made.append(Example(right.replace(*BUGS[family]), prompt, False, group, twin, family, library))
    return made


@pytest.fixture(scope="module")
def features() -> ProgramFeatures:
    return ProgramFeatures.fit(LIBRARY)


@pytest.fixture(scope="module")
def critic(features: ProgramFeatures) -> Critic:
    return Critic.fit(features, examples(range(12)), examples(range(20, 26)), seed=42)


def scores(critic: Critic, rows: list[Example]) -> list[float]:
    return critic.score([row.code for row in rows], [row.prompt for row in rows]).tolist()


def test_right_programs_of_other_problems_score_higher(critic: Critic) -> None:
    rows = examples(range(30, 33))
    result = scores(critic, rows)
    right, wrong = ([s for s, row in zip(result, rows, strict=True) if row.passed is label] for label in (True, False))
    assert min(right) > max(wrong)
    assert all(0.0 <= score <= 1.0 for score in result)


def test_a_score_depends_on_its_program_and_prompt_alone(critic: Critic) -> None:
    rows = examples(range(30, 33))
    shuffled = rows.copy()
    random.Random(0).shuffle(shuffled)
    together = dict(zip([row.code for row in shuffled], scores(critic, shuffled), strict=True))
    for row in rows:
        assert scores(critic, [row]) == [pytest.approx(together[row.code], rel=1e-12)]


def test_names_leave_the_score_alone(critic: Critic) -> None:
    one, other = critic.score([SUM, SUM.replace("total", "s").replace("xs", "values")], ["", ""])
    assert one == other


def test_the_same_seed_fits_the_same_critic_and_another_seed_another(features: ProgramFeatures, critic: Critic) -> None:
    again = Critic.fit(ProgramFeatures.fit(LIBRARY), examples(range(12)), examples(range(20, 26)), seed=42)
    assert again.dumps() == critic.dumps()
    assert again.features.dumps() == critic.features.dumps()
    other = Critic.fit(features, examples(range(12)), examples(range(20, 26)), seed=1729)
    assert scores(other, examples(range(30, 31))) != scores(critic, examples(range(30, 31)))


def test_a_saved_critic_scores_the_same(critic: Critic) -> None:
    rows = examples(range(30, 33))
    features = ProgramFeatures.loads(critic.features.dumps())
    assert scores(Critic.loads(critic.dumps(), features), rows) == scores(critic, rows)


def test_a_program_that_does_not_parse_and_an_empty_call_have_scores(critic: Critic) -> None:
    assert 0.0 <= critic.score(["def f(:"], [""])[0] <= 1.0
    assert critic.score([], []).shape == (0,)


@pytest.mark.parametrize("data", [b"", b"no file", pickle.dumps({"order": 1})])
def test_bytes_that_hold_more_or_less_than_arrays_are_refused(features: ProgramFeatures, data: bytes) -> None:
    with pytest.raises(ModelFileError, match="expected safetensors"):
        Critic.loads(data, features)
    with pytest.raises(ModelFileError, match="expected safetensors"):
        ProgramFeatures.loads(data)


def test_a_missing_array_is_refused(features: ProgramFeatures, critic: Critic) -> None:
    stored = load_arrays(critic.dumps())
    del stored["tree_value"]
    with pytest.raises(ModelFileError, match="tree_value"):
        Critic.loads(dump_arrays(stored), features)
    with pytest.raises(ModelFileError, match="n-gram model"):
        ProgramFeatures.loads(critic.dumps())


def test_a_critic_of_other_columns_is_refused(features: ProgramFeatures, critic: Critic) -> None:
    stored = load_arrays(critic.dumps()) | {"columns": text_array(["surprisal"])}
    with pytest.raises(ModelFileError, match="1 columns other than"):
        Critic.loads(dump_arrays(stored), features)


def test_one_class_in_train_is_refused(features: ProgramFeatures) -> None:
    train = [row for row in examples(range(6)) if row.passed]
    with pytest.raises(ScorerError, match="train has no pair of a passing and a failing program"):
        Critic.fit(features, train, examples(range(20, 26)), seed=42)


def test_library_variants_alone_are_refused(features: ProgramFeatures) -> None:
    with pytest.raises(ScorerError, match="one class only"):
        Critic.fit(features, examples(range(6), library=True), examples(range(20, 26)), seed=42)


def test_too_small_a_validation_part_is_refused(features: ProgramFeatures) -> None:
    with pytest.raises(ScorerError, match="validation has 4 passing and 4 failing scored"):
        Critic.fit(features, examples(range(6)), examples(range(20, 21)), seed=42)


def test_a_problem_in_both_parts_is_refused(features: ProgramFeatures) -> None:
    with pytest.raises(ScorerError, match="share p5"):
        Critic.fit(features, examples(range(6)), examples(range(5, 9)), seed=42)
