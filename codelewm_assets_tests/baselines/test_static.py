"""The controls that are fitted on counts, surprisal and pools."""

import random
from dataclasses import replace

import pytest

from codelewm_assets.baselines.ngram_lm import NgramModel
from codelewm_assets.baselines.pool_model import Pool, lm_pair_scores, pool_model_scores
from codelewm_assets.baselines.static import boosted, counts_and_surprisal
from codelewm_assets.baselines.structure import FITTED, reach

RIGHT = "def f(xs):\n    total = 0\n    for x in xs:\n        total += x\n    return total\n"
WRONG = "def f(xs):\n    total = 0\n    for x in xs:\n        total -= total\n    return xs\n"
MODEL = NgramModel.fit([RIGHT], min_count=1)


def variant(code: str, number: int) -> str:
    """The same program after `number` statements that do nothing."""
    return code.replace("    return", "    print(xs)\n" * number + "    return")


def pools(*, seed: int | None = None) -> dict[str, Pool]:
    """Thirty pools of two right and two wrong programs over five folds; with a seed, labels drawn at random."""
    rng = random.Random(seed)
    found = dict[str, Pool]()
    for number in range(30):
        labels = [True, True, False, False]
        codes = [
            variant(RIGHT, number % 5),
            variant(RIGHT, 1 + number % 7),
            variant(WRONG, number % 5),
            variant(WRONG, 1 + number % 7),
        ]
        if seed is not None:
            rng.shuffle(labels)
        orders: dict[str, list[float | None]] = {name: [0.0] * 4 for name in FITTED}
        found[f"p{number}::pool0"] = Pool(codes, labels, "the sum", number % 5, orders)
    return found


def top(scores: dict[str, list[float]], labels: dict[str, Pool]) -> float:
    result = reach([(scores[name], labels[name].passed) for name in scores])
    assert result is not None
    return result.top


def static_scores(train: list[str], passed: list[bool], codes: list[str]) -> list[float | None]:
    """The control `static`, fitted on some programs and asked about others."""
    return boosted(counts_and_surprisal(MODEL, train), passed, counts_and_surprisal(MODEL, codes))


def test_static_learns_what_counts_and_surprisal_show() -> None:
    codes = [variant(code, number) for number in range(30) for code in (RIGHT, WRONG)]
    right, wrong = static_scores(codes, [True, False] * 30, [variant(RIGHT, 3), variant(WRONG, 3)])
    assert right is not None and wrong is not None and right > 0.9 > 0.1 > wrong


def test_static_is_absent_when_train_has_one_class() -> None:
    assert static_scores([RIGHT, WRONG], [True, True], [RIGHT]) == [None]


def test_the_pool_model_finds_the_right_members_of_held_out_pools() -> None:
    assert top(pool_model_scores(MODEL, pools()), pools()) == 1.0


def test_the_pool_model_finds_nothing_in_labels_drawn_at_random() -> None:
    drawn = pools(seed=3)
    assert 0.2 < top(pool_model_scores(MODEL, drawn), drawn) < 0.8


def test_the_pool_model_scores_no_pool_that_it_cannot_be_fitted_for() -> None:
    assert pool_model_scores(MODEL, {}) == {}
    assert pool_model_scores(MODEL, {"p0::pool0": pools()["p0::pool0"]}) == {}


def test_the_pool_model_does_not_read_the_labels_of_the_fold_that_it_scores() -> None:
    true = pools()
    turned = {
        name: replace(pool, passed=[label != (pool.fold == 2) for label in pool.passed]) for name, pool in true.items()
    }
    before, after = pool_model_scores(MODEL, true), pool_model_scores(MODEL, turned)
    assert all(before[name] == after[name] for name, pool in true.items() if pool.fold == 2)


def test_lm_pair_is_the_difference_to_the_nearest_mate() -> None:
    far = "print('a')\n"
    right, wrong, _ = lm_pair_scores(MODEL, [RIGHT, WRONG, far])
    a, b = (float(one.sum()) for one in MODEL.surprisals([RIGHT, WRONG]))
    assert (right, wrong) == (pytest.approx(b - a), pytest.approx(a - b))
    assert lm_pair_scores(MODEL, [RIGHT]) == [None]
