"""The same benchmarks from the Hugging Face Hub, through `datasets`, at a pinned revision. Their tests are code."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from codelewm_assets.benchmarks.humaneval import problems_from_tests
from codelewm_assets.benchmarks.pins import FilePin
from codelewm_assets.benchmarks.published_tests import Runner
from codelewm_assets.core.errors import SourceError, SourceFormatError, SourceMissingError
from codelewm_assets.core.ids import BENCHMARKS
from codelewm_assets.core.records import ExcludedProblem, Problem

REVISION = re.compile(r"[0-9a-f]{40}")


def require_full_revision(pin: FilePin, revision: str) -> None:
    """Raises: SourceError: the revision of the benchmark's dataset is no full commit hash."""
    if not REVISION.fullmatch(revision):
        raise SourceError(
            f"{pin.dataset}: the revision is {revision!r}; expected a full 40-digit commit hash, so that the data cannot "
            f"change under a name. Correct {pin.revision_environment}."
        )


def fetch_rows(repository: str, revision: str) -> list[dict[str, Any]]:
    """All rows of the dataset's `test` split at a revision. Raises: SourceMissingError: the Hub cannot be read."""
    from datasets import load_dataset

    try:
        return [dict(row) for row in load_dataset(repository, split="test", revision=revision)]
    except (OSError, ValueError, RuntimeError) as error:
        raise SourceMissingError(
            f"{repository} at {revision[:12]} could not be read from the Hub ({type(error).__name__}: {str(error)[:120]}). "
            "Check the network and the revision, or name a local file instead (docs/sources.md)."
        ) from error


def read_hub(
    pin: FilePin, rows: Iterable[Mapping[str, Any]], revision: str, *, run: Runner, max_inputs: int | None
) -> tuple[list[Problem], list[ExcludedProblem]]:
    """Problems of the rows of a benchmark's dataset. Raises: SourceFormatError: columns are missing."""
    label, benchmark = f"{pin.dataset}@{revision[:12]}", BENCHMARKS[pin.benchmark_id]
    return problems_from_tests(
        [dict(row) if benchmark.form == "humaneval" else _mbpp_row(row, label, benchmark.prefix) for row in rows],
        benchmark_id=pin.benchmark_id,
        run=run,
        max_inputs=max_inputs,
        revision=label,
        license_and_url=(pin.license, pin.license_attribution_url),
    )


def _mbpp_row(row: Mapping[str, Any], label: str, prefix: str) -> dict[str, Any]:
    """A row of `evalplus/mbppplus` (`task_id, code, prompt, test, test_list`) under HumanEval's column names."""
    missing_columns = {"task_id", "code", "prompt", "test", "test_list"} - set(row)
    if missing_columns:
        raise SourceFormatError(f"A row of {label} lacks {sorted(missing_columns)}. Fetch the pinned revision.")
    first = str(row["test_list"][0])
    called = re.search(r"(\w+)\s*\(", re.sub(r"\b(?:assert|set\(|math\.isclose\()", "", first))
    if called is None:
        raise SourceFormatError(f"{label}, task {row['task_id']}: its test list names no function.")
    return {
        "task_id": f"{prefix}/{row['task_id']}",
        "prompt": f'"""\n{row["prompt"]}\n{first}\n"""\n',
        "canonical_solution": row["code"],
        "entry_point": called.group(1),
        "test": row["test"],
    }
