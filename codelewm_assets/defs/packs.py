"""Stage `packs`: the execution pack."""

from collections import Counter
from collections.abc import Mapping

from codelewm_assets.core.records import PackRow
from codelewm_assets.core.tables import in_groups, write_groups
from codelewm_assets.defs.artifact_asset import AssetRun, Plan, artifact_asset
from codelewm_assets.defs.checks import checks_on
from codelewm_assets.defs.freshness import OF_DATA
from codelewm_assets.defs.plumbing import Made

ENOUGH_OF_A_CLASS = 3  # completions that pass, and that fail, for a problem's pools to have a choice


@artifact_asset(
    "packs", deps=["benchmark_problems", "labelled_completions"], kinds={"python", "parquet"}, code_version="3",
    table=PackRow, freshness=OF_DATA,
)  # fmt: skip
def execution_pack(run: AssetRun) -> Plan:
    """One row per problem, completion and input of every benchmark, under the published field names."""
    inputs = run.inputs

    def make() -> Made:
        from codelewm_assets.dataset.pack import build_pack

        rows = build_pack(inputs.labelled(), {problem.problem_id: problem for problem in inputs.problems()})
        labels: dict[str, str] = {p.benchmark_id: p.benchmark_label for p in inputs.problems()}
        write_groups(run.folder / "pack.parquet", in_groups(rows), PackRow)
        return Made({"pack.parquet": run.folder / "pack.parquet"}, pack_summary(rows, labels))

    return Plan(make)


def pack_summary(rows: list[PackRow], labels: Mapping[str, str]) -> dict[str, object]:
    """Counts that the manifest carries."""
    outcomes = Counter(f"{labels[row.source_dataset]}: {row.execution_status}" for row in rows)
    verdicts = {
        row.source_submission_id: (row.source_problem_id, row.completion_passed)
        for row in rows
        if row.completion_kind != "reference"
    }
    by_problem = Counter(verdicts.values())
    both = sum(
        by_problem[name, True] >= ENOUGH_OF_A_CLASS and by_problem[name, False] >= ENOUGH_OF_A_CLASS
        for name in {name for name, _ in by_problem}
    )
    return {
        "benchmark_labels": dict(labels),
        "row_count": len(rows),
        "problem_count": len({row.source_problem_id for row in rows}),
        f"problems_with_{ENOUGH_OF_A_CLASS}_passing_and_{ENOUGH_OF_A_CLASS}_failing": both,
        "completion_count": len({row.source_submission_id for row in rows}),
        "by_benchmark_and_outcome": dict(sorted(outcomes.items())),
    }


ASSETS = [execution_pack]
CHECKS = checks_on("execution_pack")
