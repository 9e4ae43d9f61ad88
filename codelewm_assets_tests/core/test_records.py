"""Records: closed, frozen, and their buckets at the boundaries."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from codelewm_assets.core.ids import BENCHMARKS, FOLDS, record_id, split_of
from codelewm_assets.core.records import length_bucket, magnitude_bucket
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.factories import make_problem


@each_case(
    ("value", "bucket"),
    [
        (-1, "negative"),
        (-1e-300, "negative"),
        (-math.inf, "negative"),
        (0, "zero"),
        (0.0, "zero"),
        (-0.0, "zero"),
        (1e-300, "small"),
        (1, "small"),
        (10, "small"),
        (10.0, "small"),
        (10.000001, "medium"),
        (11, "medium"),
        (1000, "medium"),
        (1000.5, "large"),
        (1001, "large"),
        (10**400, "large"),
        (math.inf, "large"),
        (math.nan, "not_a_number"),
        (True, "not_a_number"),
        (False, "not_a_number"),
        ("5", "not_a_number"),
        (None, "not_a_number"),
        ([5], "not_a_number"),
        (5j, "not_a_number"),
    ],
)
def test_magnitudes_change_at_zero_ten_and_a_thousand(value: Any, bucket: str) -> None:
    assert magnitude_bucket(value) == bucket


@each_case(
    ("length", "bucket"),
    [
        (0, "empty"),
        (1, "short"),
        (5, "short"),
        (6, "medium"),
        (50, "medium"),
        (51, "long"),
        (1000, "long"),
        (1001, "huge"),
    ],
)
def test_lengths_change_after_zero_five_fifty_and_a_thousand(length: int, bucket: str) -> None:
    assert length_bucket("x" * length) == bucket


@given(st.integers() | st.floats(allow_nan=False))
def test_every_number_has_a_bucket_of_its_sign(value: float) -> None:
    bucket = magnitude_bucket(value)
    assert (bucket == "negative") == (value < 0)
    assert (bucket == "zero") == (value == 0)
    assert bucket != "not_a_number"


def test_a_record_takes_no_unknown_field() -> None:
    with pytest.raises(ValidationError, match="difficulty"):
        make_problem(difficulty="hard")


def test_a_record_cannot_be_changed() -> None:
    problem = make_problem()
    with pytest.raises(ValidationError, match="frozen"):
        problem.atol = 1.0


def test_a_benchmark_that_is_not_one_of_ours_is_refused() -> None:
    with pytest.raises(ValidationError, match="benchmark_id"):
        make_problem(benchmark="apps")
    assert tuple(BENCHMARKS) == ("humaneval", "mbpp_plus")


def test_a_record_id_names_problem_completion_and_input() -> None:
    assert record_id("HumanEval/0", "HumanEval/0/c001", "i2") == "HumanEval/0::HumanEval/0/c001::i2"


def test_a_models_test_fold_is_its_own_and_its_val_fold_the_next() -> None:
    # model of fold 4: test = 4, val = (4 + 1) mod 5 = 0, train = 1, 2, 3
    assert [split_of(fold, model_fold=4) for fold in FOLDS] == ["val", "train", "train", "train", "test"]


@each_case("model_fold", FOLDS)
def test_every_model_has_one_test_fold_one_val_fold_and_three_train_folds(model_fold: int) -> None:
    parts = [split_of(fold, model_fold=model_fold) for fold in FOLDS]
    assert sorted(parts) == ["test", "train", "train", "train", "val"]
