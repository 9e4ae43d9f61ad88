"""The same benchmarks from the Hugging Face Hub, through `datasets`, at a pinned revision. Their tests are code."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from codelewm_assets.benchmarks.humaneval import problems_from_tests
from codelewm_assets.benchmarks.pins import EVALPLUS_FILES, HUB_DATASETS, HUMANEVAL_LICENSE, HubPin
from codelewm_assets.benchmarks.published_tests import Runner
from codelewm_assets.core.errors import SourceError, SourceFormatError, SourceMissingError
from codelewm_assets.core.records import LeftOut, Problem

REVISION = re.compile(r"[0-9a-f]{40}")


def pinned_revision(pin: HubPin, given: str | None) -> str:
    """The revision to read. Raises: SourceError: none is pinned and none was given, or it is no full commit hash."""
    revision = given or pin.revision
    if revision is None or not REVISION.fullmatch(revision):
        raise SourceError(
            f"{pin.repository}: the revision is {revision!r}; wanted a full 40-digit commit hash, so that the data cannot "
            f"change under a name. Set {EVALPLUS_FILES[pin.benchmark_id].revision_environment} or pin it in benchmarks/pins.py."
        )
    return revision


def fetch_rows(repository: str, revision: str) -> list[dict[str, Any]]:
    """All rows of the dataset's `test` split at a revision. Raises: SourceMissingError: the Hub cannot be read."""
    try:
        from datasets import load_dataset
    except ModuleNotFoundError as error:
        raise SourceMissingError("The Hub needs `datasets`: install codelewm_assets[hub].") from error
    try:
        return [dict(row) for row in load_dataset(repository, split="test", revision=revision)]
    except (OSError, ValueError, RuntimeError) as error:
        raise SourceMissingError(
            f"{repository} at {revision[:12]} could not be read from the Hub ({type(error).__name__}: {str(error)[:120]}). "
            "Check the network and the revision, or name a local file instead (docs/sources.md)."
        ) from error


def read_hub(
    repository: str, rows: Iterable[Mapping[str, Any]], revision: str, *, run: Runner, max_inputs: int | None
) -> tuple[list[Problem], list[LeftOut]]:
    """Problems of a Hub dataset's rows. Raises: SourceFormatError: columns missing or a repository not known."""
    pin = HUB_DATASETS.get(repository)
    if pin is None:
        raise SourceFormatError(f"{repository!r} is not a known dataset; wanted one of {sorted(HUB_DATASETS)}.")
    label = f"{repository}@{revision[:12]}"
    if pin.benchmark_id == "humaneval":
        file_pin = EVALPLUS_FILES["humaneval"]
        plain = repository == "openai/openai_humaneval"
        license_and_url = HUMANEVAL_LICENSE if plain else (file_pin.license, file_pin.license_attribution_url)
        return problems_from_tests(
            [dict(row) for row in rows], run=run, max_inputs=max_inputs, revision=label, license_and_url=license_and_url
        )
    file_pin = EVALPLUS_FILES["mbpp_plus"]
    shaped = [_mbpp_row(dict(row), label) for row in rows]
    problems, left_out = problems_from_tests(
        shaped,
        run=run,
        max_inputs=max_inputs,
        revision=label,
        license_and_url=(file_pin.license, file_pin.license_attribution_url),
    )
    prompts = {row["task_id"]: row["mbpp_prompt"] for row in shaped}
    named = [
        p.model_copy(
            update={"benchmark_id": "mbpp_plus", "benchmark_label": "mbpp_plus", "prompt": prompts[p.problem_id]}
        )
        for p in problems
    ]
    return named, left_out


def _mbpp_row(row: dict[str, Any], label: str) -> dict[str, Any]:
    """A row of `evalplus/mbppplus` (`task_id, code, prompt, test, test_list`) under HumanEval's column names."""
    lacking = {"task_id", "code", "prompt", "test", "test_list"} - set(row)
    if lacking:
        raise SourceFormatError(f"A row of {label} lacks {sorted(lacking)}. Fetch the pinned revision.")
    called = re.search(r"(\w+)\s*\(", re.sub(r"\b(?:assert|set\(|math\.isclose\()", "", str(row["test_list"][0])))
    if called is None:
        raise SourceFormatError(f"{label}, task {row['task_id']}: its test list names no function.")
    first = str(row["test_list"][0])
    return {
        "task_id": f"Mbpp/{row['task_id']}",
        "prompt": "",
        "canonical_solution": row["code"],
        "entry_point": called.group(1),
        "test": row["test"],
        "mbpp_prompt": f'"""\n{row["prompt"]}\n{first}\n"""\n',
    }
