"""The results report as Markdown. Every number in it is rendered from a record."""

from collections.abc import Mapping, Sequence

from codelewm_assets.claims.gates import ClaimGates
from codelewm_assets.core.records import Finding
from codelewm_assets.evaluation.records import BenchmarkRerank, ScoreMetrics, SeedEvidence

MOST_REASONS = 4
Cell = float | int | str | bool | None


def cell(value: Cell, digits: int = 3) -> str:
    """A table cell: `–` for what is absent, never 0 for it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.{digits}f}" if isinstance(value, float) else str(value).replace("|", "\\|").replace("\n", " ")


def table(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """A Markdown table; "(none)" without rows."""
    if not rows:
        return "(none)\n"
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(cell(value) for value in row) + " |" for row in rows]) + "\n"


def reasons_text(reasons: Sequence[object]) -> str:
    """The first reasons as `code (detail)`."""
    shown = [f"{r.code} ({r.detail})" for r in reasons[:MOST_REASONS]]  # type: ignore[attr-defined]
    more = f"; {len(reasons) - MOST_REASONS} more" if len(reasons) > MOST_REASONS else ""
    return "; ".join(shown) + more if reasons else ""


def claims_table(gates: ClaimGates) -> str:
    """One row per claim: its status and wording in one cell, so that no wording stands without its status."""
    return table(
        ["claim", "why"],
        [[f"{c.status}: {c.sentence}", reasons_text(c.reasons) or "all gates hold"] for c in gates.claims],
    )


def gates_table(gates: ClaimGates) -> str:
    """One row per gate and seed."""
    rows = [
        [gate.gate, "–" if row.seed is None else row.seed, row.state, _figures(row.figures), reasons_text(row.reasons)]
        for gate in gates.gates
        for row in gate.seeds
    ]
    return table(["gate", "seed", "state", "figures", "reasons"], rows)


def _figures(figures: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in figures.items())


def results_markdown(
    gates: ClaimGates, evidence: Mapping[int, SeedEvidence], findings: Sequence[Finding], *, figures: Sequence[str]
) -> str:
    """The whole report. Args: figures: file names of the PNGs beside it, in the order they are shown."""
    labels = ", ".join(f"`{found}`" for found in gates.benchmark_labels.values())
    parts = [
        "# Results\n",
        f"Profile `{gates.profile}`. Benchmarks: {labels}. Seeds: {', '.join(map(str, sorted(evidence)))}.\n",
    ]
    if any("stand-in" in label for label in gates.benchmark_labels.values()):
        parts.append(
            "`mbpp_plus (stand-in)` is a set of problems written for this project in the schema of MBPP-Plus. Its figures "
            "say nothing of MBPP-Plus, and no benchmark claim can open on it.\n"
        )
    parts += ["## Claims\n", claims_table(gates), "## Gates\n", gates_table(gates)]
    parts += ["## Reranking\n", *(_rerank(evidence))]
    parts += ["## Does p_pass tell passing from failing?\n", _calibration(evidence)]
    parts += ["## Retrieval, surprise, probes, collapse\n", _other(evidence)]
    parts += ["## Before training\n", _preflight(findings)]
    parts += ["## Figures\n", *(f"![{name.removesuffix('.png').replace('_', ' ')}]({name})\n" for name in figures)]
    return "\n".join(parts)


def _rerank(evidence: Mapping[int, SeedEvidence]) -> list[str]:
    rows, lifts = list[list[Cell]](), list[list[Cell]]()
    for seed, found in sorted(evidence.items()):
        for report in found.rerank.values():
            for benchmark in report.benchmarks.values():
                rows += _pass_rows(benchmark, seed)
                lifts += [
                    [
                        benchmark.benchmark_label,
                        seed,
                        name,
                        lift.points,
                        lift.ci95[0],
                        lift.ci95[1],
                        name == benchmark.best_control,
                    ]
                    for name, lift in sorted(benchmark.lift.items())
                ]
    return [
        table(["benchmark", "seed", "score", "pass@1", "MRR", "pools", "problems", "saturated"], rows),
        "Lift of p_pass in pass@1, in points; the gate looks at the best control alone.\n",
        table(["benchmark", "seed", "over", "points", "95% low", "95% high", "best control"], lifts),
    ]


def _pass_rows(found: BenchmarkRerank, seed: int) -> list[list[Cell]]:
    return [
        [
            found.benchmark_label,
            seed,
            name,
            value,
            found.mrr[name],
            found.pool_count,
            found.problem_count,
            found.saturated,
        ]
        for name, value in sorted(found.pass_at_1.items())
    ]


def _calibration(evidence: Mapping[int, SeedEvidence]) -> str:
    rows: list[list[Cell]] = []
    for seed, found in sorted(evidence.items()):
        if found.calibration is None:
            continue
        parts: dict[str, Mapping[str, ScoreMetrics]] = {"all": found.calibration.overall}
        parts |= found.calibration.slices.benchmark
        for part, scores in parts.items():
            for name, m in sorted(scores.items()):
                low, high = m.roc_auc_ci95 or (None, None)
                figures: list[Cell] = [m.average_precision, m.brier_score, m.expected_calibration_error]
                rows.append([part, seed, name, m.status, m.roc_auc, low, high, *figures])
    header = ["rows", "seed", "score", "status", "ROC-AUC", "95% low", "95% high", "AP", "Brier", "ECE"]
    return table(header, rows)


def _other(evidence: Mapping[int, SeedEvidence]) -> str:
    rows: list[list[Cell]] = []
    for seed, found in sorted(evidence.items()):
        if found.retrieval and found.retrieval.scores:
            for action, score in found.retrieval.scores.items():
                rows += [
                    [f"retrieval recall@1, {action}", seed, score.recall_at_1, found.retrieval.query_count],
                    [f"retrieval MRR, {action}", seed, score.mrr, found.retrieval.query_count],
                ]
        for name, category in (found.surprise.categories if found.surprise else {}).items():
            rows.append([f"surprise AUC, {name}", seed, category.auc, category.pair_count])
            rows.append([f"surprise AUC of no_action, {name}", seed, category.no_action_auc, category.pair_count])
        for name, target in (found.probe.targets if found.probe else {}).items():
            rows.append(
                [f"probe lift over best control, {name}", seed, target.lift_over_best_control, target.test_count]
            )
        if found.collapse:
            rows += [
                ["effective rank ratio", seed, found.collapse.effective_rank_ratio, found.collapse.latent_count],
                ["median variance", seed, found.collapse.median_variance, found.collapse.latent_count],
                ["neighbour entropy", seed, found.collapse.neighbour_entropy, found.collapse.latent_count],
            ]
    return table(["figure", "seed", "value", "rows"], rows)


def _preflight(findings: Sequence[Finding]) -> str:
    rows = [
        [f.rule, "green" if f.passed else "red", ", ".join(f"{k} {cell(v)}" for k, v in f.figures.items())]
        for f in findings
    ]
    return table(["rule", "state", "figures"], rows)
