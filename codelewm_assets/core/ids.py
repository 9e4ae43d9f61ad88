"""Benchmarks, seeds, folds, and the composition of ids."""

import re
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator
from pydantic_core import PydanticKnownError

from codelewm_assets.core.errors import BenchmarkNameError, OutputBenchmarkError

SourceName = Literal["wheel", "stand_in", "evalplus", "cruxeval"]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Properties of a benchmark besides its release file, which benchmarks/pins.py has under the same id."""

    title: str  # its name in sentences
    words: str  # regular expression of the names that a sentence may use for it, in lower case
    prefix: str  # how ids of its problems begin as published: EvalPlus' `Mbpp/2` is MBPP's task 2
    spellings: tuple[str, ...]  # the prefix and the names that peers use, in lower-case letters alone
    form: Literal["humaneval", "mbpp", "records"] = "mbpp"
    """Of its rows: in HumanEval's a reference is what follows the prompt; a record is program, input and output."""
    sources: tuple[SourceName, ...] = ("evalplus",)  # that a profile may read it from


BENCHMARKS: dict[str, Benchmark] = {
    "humaneval": Benchmark(
        "HumanEval", words="humaneval", prefix="HumanEval", form="humaneval", sources=("wheel", "evalplus"),
        spellings=("humaneval", "humanevalplus", "openaihumaneval", "evalplushumanevalplus", "python"),
    ),
    "mbpp_plus": Benchmark(
        "MBPP-Plus", words="mbpp(?:[-_ ]?plus)?", prefix="Mbpp", sources=("stand_in", "evalplus"),
        spellings=("mbpp", "mbppplus", "sanitizedmbpp", "mbppsanitized", "evalplusmbppplus"),
    ),
}  # fmt: skip
"""Benchmarks that ask for programs, by id: completions are tested, scored and reranked. Every profile has all of them."""
OUTPUT_BENCHMARKS: dict[str, Benchmark] = {
    "cruxeval_o": Benchmark(
        "CRUXEval-O", words="cruxeval(?:[-_ ]?o)?", prefix="CRUXEval", form="records", sources=("cruxeval",),
        spellings=("cruxeval", "cruxevalo", "cruxevalorgcruxeval"),
    ),
}  # fmt: skip
"""Benchmarks that ask for the outputs of programs, by id: they have records to predict, and no completions to rerank. A profile
may leave them out; nothing is trained on them."""
ALL_BENCHMARKS: Mapping[str, Benchmark] = ChainMap(OUTPUT_BENCHMARKS, BENCHMARKS)  # iterates over the last map first


def _one_of(known: Mapping[str, Benchmark]) -> BeforeValidator:
    def registered(value: Any) -> Any:
        if not isinstance(value, str) or value not in known:
            if value in list(OUTPUT_BENCHMARKS):
                raise OutputBenchmarkError(value)
            raise PydanticKnownError("literal_error", {"expected": " or ".join(map(repr, known))})
        return value

    return BeforeValidator(registered)


ASKS_FOR_PROGRAMS, IS_REGISTERED = _one_of(BENCHMARKS), _one_of(ALL_BENCHMARKS)
BenchmarkId = Annotated[str, ASKS_FOR_PROGRAMS]
"""A benchmark that asks for programs. Raises: OutputBenchmarkError: one that asks for outputs."""
AnyBenchmarkId = Annotated[str, IS_REGISTERED]
SEEDS: tuple[int, ...] = (42, 1729)
FOLDS: tuple[int, ...] = (0, 1, 2, 3, 4)
CONTROLS: tuple[str, ...] = (
    "anti_consensus", "consensus", "isolation", "length", "lexical", "lm", "lm_pair", "longest", "pool_model", "random",
    "static", "surface_lr",
)  # fmt: skip
"""Scores that a lift must beat, on every pool. Each is a column of `control_scores`."""
MODEL_CONTROLS: tuple[str, ...] = (*CONTROLS, "problem_consensus", "model_prior", "parses")
"""Scores that a lift must beat on programs that models wrote. Each is a column of `control_scores`."""
ABLATIONS: tuple[str, ...] = ("no_action", "shuffled_action")
"""Scores of CodeLeWM without a part of its input: what shows which part works, and no control."""


def benchmark_of(name: str) -> BenchmarkId:
    """The benchmark of programs that a name means, in any spelling that peers use: `mbpp`, `MBPP+`, `humaneval_plus`, `HumanEval`.

    Raises: BenchmarkNameError: no known benchmark. OutputBenchmarkError: one that asks for outputs.
    """
    benchmark = _spelled(name)
    if benchmark is not None and benchmark in OUTPUT_BENCHMARKS:
        raise OutputBenchmarkError(benchmark)
    if benchmark is None or name.lower() == "python":  # a prefix of problem ids, and no benchmark's name
        raise BenchmarkNameError(f"{name[:80]!r} is no known benchmark; known are {', '.join(BENCHMARKS)}.")
    return benchmark


def _spelled(name: str) -> BenchmarkId | None:
    letters = re.sub(r"[^a-z]", "", name.lower().replace("+", "plus"))
    return next((benchmark_id for benchmark_id, entry in ALL_BENCHMARKS.items() if letters in entry.spellings), None)


def published_id(problem_id: Any, benchmark_id: BenchmarkId | None = None) -> str | None:
    """A problem's id as published, from what peers write: `humaneval_7`, `Python/7`, `mbpp_234_name`, and 7 of one benchmark.

    Args:
        benchmark_id: of the problem; None where the id alone must say it.

    Returns: `HumanEval/7` or `Mbpp/234`; None for what is no such id, or is one of another benchmark.
    """
    if isinstance(problem_id, int) and not isinstance(problem_id, bool):
        problem_id = str(problem_id)
    if not isinstance(problem_id, str):
        return None
    parts = re.fullmatch(r"(?:([A-Za-z][A-Za-z+_-]*)[/_-])?([0-9]{1,9})(?:_\w*)?", problem_id)
    if parts is None:
        return None
    named = _spelled(parts[1]) if parts[1] else benchmark_id
    if named is None or benchmark_id not in (None, named):
        return None
    return f"{ALL_BENCHMARKS[named].prefix}/{int(parts[2])}"


def benchmark_by_prefix(problem_id: Any) -> BenchmarkId | None:
    """The benchmark whose prefix a published problem id has, as `Mbpp/2`; None for any other text."""
    if not isinstance(problem_id, str):
        return None
    prefix = problem_id.partition("/")[0]
    return next((name for name, entry in BENCHMARKS.items() if entry.prefix == prefix), None)


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
    """Split of the problems of `fold` for the model of `model_fold`: test = k, val = k+1 mod 5, train = rest."""
    if fold == model_fold:
        return "test"
    if fold == (model_fold + 1) % len(FOLDS):
        return "val"
    return "train"
