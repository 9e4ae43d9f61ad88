"""Names of benchmarks, seeds and records, and how ids are put together."""

from typing import Literal, get_args

BenchmarkId = Literal["humaneval", "mbpp_plus"]
BENCHMARKS: tuple[BenchmarkId, ...] = get_args(BenchmarkId)
SEEDS: tuple[int, ...] = (42, 1729)
FOLDS: tuple[int, ...] = (0, 1, 2, 3, 4)


def record_id(problem_id: str, completion_id: str, input_id: str) -> str:
    """`problem_id::completion_id::input_id`."""
    return f"{problem_id}::{completion_id}::{input_id}"


def split_of(fold: int, *, model_fold: int) -> Literal["train", "val", "test"]:
    """Part that problems of `fold` play for the model of `model_fold`: test = k, val = k+1 mod 5, train = rest."""
    if fold == model_fold:
        return "test"
    if fold == (model_fold + 1) % len(FOLDS):
        return "val"
    return "train"
