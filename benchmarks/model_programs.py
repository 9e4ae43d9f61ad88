"""Tables of docs/model-programs.md from a build of the profile `models`: pass rates of models, and published against own verdicts.

    python benchmarks/model_programs.py STORE

STORE is an artifact store with one build of each of `benchmark_problems`, `candidate_completions`, `labelled_completions` and
`model_rates`.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from sections import rewrite

from codelewm_assets.core.records import LabelledCompletion, Problem
from codelewm_assets.core.sample_records import ImportedSample
from codelewm_assets.core.tables import read_table
from codelewm_assets.evaluation.model_rates import ModelRatesReport, PassAtK

PAGE = Path(__file__).resolve().parents[1] / "docs" / "model-programs.md"


def files(store: Path, kind: str, name: str) -> list[Path]:
    """Files of the one build of an asset that the store has."""
    builds = sorted((store / kind).glob("*/*/manifest.json"))
    if len(builds) != 1:
        sys.exit(
            f"{store / kind} has {len(builds)} builds; expected one. Build the profile models, or prune the store."
        )
    return sorted(builds[0].parent.rglob(name))


def rate(rows: tuple[PassAtK, ...]) -> str:
    """Pass@1 with its interval."""
    first = next((row for row in rows if row.k == 1), None)
    if first is None:
        return "–"
    interval = "" if first.ci95 is None else f" [{first.ci95[0]:.3f}, {first.ci95[1]:.3f}]"
    return f"{first.value:.3f}{interval}"


def rate_table(store: Path) -> Iterator[str]:
    """A row per model and benchmark, best first."""
    (path,) = files(store, "model_rates", "model_rates.json")
    report = ModelRatesReport.model_validate(json.loads(path.read_bytes()))
    header = (
        "benchmark",
        "model, as published",
        "samples",
        "distinct",
        "problems",
        "pass@1 on base inputs",
        "pass@1 on all inputs",
    )
    yield f"| {' | '.join(header)} |"
    yield "|---" * len(header) + "|"
    for row in report.models:
        counts = f"{row.sample_count} | {row.program_count} | {row.problem_count}"
        yield f"| {row.benchmark_id} | {row.model} | {counts} | {rate(row.base)} | {rate(row.plus)} |"


def cause(sample: ImportedSample, label: LabelledCompletion, problem: Problem, *, suite: str) -> str | None:
    """Why a published verdict and this build's differ; None where they agree."""
    published = sample.published_base if suite == "base" else sample.published_plus
    count = problem.base_input_count or len(problem.inputs)
    inputs = [i for i in label.inputs if suite == "plus" or int(i.input_id.removeprefix("i")) < count]
    passed = bool(inputs) and all(i.passed for i in inputs)
    if passed is published:
        return None
    if passed:
        is_whole = suite == "base" and count < len(problem.inputs)
        return "passes here, on all base inputs" if is_whole else "passes here, on part of the inputs"
    return f"fails here: {next(i.outcome for i in inputs if not i.passed) if inputs else label.outcome}"


def verdict_table(store: Path) -> Iterator[str]:
    """A row per source, suite and cause."""
    problems = {
        p.problem_id: p for f in files(store, "benchmark_problems", "problems.parquet") for p in read_table(f, Problem)
    }
    labels = {
        row.completion.completion_id: row
        for f in files(store, "labelled_completions", "labelled.parquet")
        for row in read_table(f, LabelledCompletion)
    }
    totals, causes = Counter[tuple[str, str]](), Counter[tuple[str, str, str]]()
    for path in files(store, "candidate_completions", "samples.parquet"):
        for sample in read_table(path, ImportedSample):
            label = labels.get(sample.completion_id or "")
            for suite, verdict in (("base", sample.published_base), ("plus", sample.published_plus)):
                if label is None or verdict is None:
                    continue
                totals[sample.source, suite] += 1
                if (reason := cause(sample, label, problems[sample.problem_id], suite=suite)) is not None:
                    causes[sample.source, suite, reason] += 1
    yield "| source | published verdicts on | samples | differ | cause |"
    yield "|---|---|---|---|---|"
    for (source, suite), total in sorted(totals.items()):
        rows = sorted((reason, count) for (name, on, reason), count in causes.items() if (name, on) == (source, suite))
        for reason, count in rows or [("–", 0)]:
            yield f"| {source} | {suite} | {total} | {count} | {reason} |"


def main() -> None:
    """Write the sections of the page."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    store = Path(sys.argv[1])
    rewrite("verdicts", list(verdict_table(store)), PAGE)
    rewrite("rates", list(rate_table(store)), PAGE)


if __name__ == "__main__":
    main()
