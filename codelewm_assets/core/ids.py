"""Names of benchmarks, seeds and records, and how ids are put together."""

import re
from typing import Any, Literal, get_args

from codelewm_assets.core.errors import BenchmarkNameError

BenchmarkId = Literal["humaneval", "mbpp_plus"]
BENCHMARKS: tuple[BenchmarkId, ...] = get_args(BenchmarkId)
PUBLISHED_PREFIX: dict[BenchmarkId, str] = {"humaneval": "HumanEval", "mbpp_plus": "Mbpp"}
"""How problem ids of a benchmark begin as published; EvalPlus' `Mbpp/2` is MBPP's task 2."""
_SPELLINGS: dict[str, BenchmarkId] = {
    **dict.fromkeys(("humaneval", "humanevalplus", "openaihumaneval", "evalplushumanevalplus", "python"), "humaneval"),
    **dict.fromkeys(("mbpp", "mbppplus", "sanitizedmbpp", "mbppsanitized", "evalplusmbppplus"), "mbpp_plus"),
}  # fmt: skip
SEEDS: tuple[int, ...] = (42, 1729)
FOLDS: tuple[int, ...] = (0, 1, 2, 3, 4)


def benchmark_of(name: str) -> BenchmarkId:
    """The benchmark that a name means, in any spelling that peers use: `mbpp`, `MBPP+`, `humaneval_plus`, `HumanEval`.

    Raises: BenchmarkNameError: no known benchmark.
    """
    benchmark = _SPELLINGS.get(re.sub(r"[^a-z]", "", name.lower().replace("+", "plus")))
    if benchmark is None or name.lower() == "python":  # a prefix of problem ids, and no benchmark's name
        raise BenchmarkNameError(f"{name[:80]!r} is no known benchmark; known are {', '.join(BENCHMARKS)}.")
    return benchmark


def published_id(problem_id: Any, benchmark_id: BenchmarkId | None = None) -> str | None:
    """A problem's id as published, from what peers write: `humaneval_7`, `Python/7`, `mbpp_234_name`, and 7 of one benchmark.

    Args: benchmark_id: of the problem; None where the id alone must say it.
    Returns: `HumanEval/7` or `Mbpp/234`; None for what is no such id, or is one of another benchmark.
    """
    if isinstance(problem_id, int) and not isinstance(problem_id, bool):
        problem_id = str(problem_id)
    if not isinstance(problem_id, str):
        return None
    parts = re.fullmatch(r"(?:([A-Za-z][A-Za-z+_-]*)[/_-])?([0-9]{1,9})(?:_\w*)?", problem_id)
    if parts is None:
        return None
    named = _SPELLINGS.get(re.sub(r"[^a-z]", "", parts[1].lower().replace("+", "plus"))) if parts[1] else benchmark_id
    if named is None or benchmark_id not in (None, named):
        return None
    return f"{PUBLISHED_PREFIX[named]}/{int(parts[2])}"


def artifact_id(kind: str, partition: str | None) -> str:
    """`kind`, or `kind[partition]`."""
    return kind if partition is None else f"{kind}[{partition}]"


def kind_and_partition(artifact_id: str) -> tuple[str, str | None]:
    """Kind and partition of `kind` or `kind[partition]`."""
    kind, _, partition = artifact_id.removesuffix("]").partition("[")
    return kind, partition or None


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
