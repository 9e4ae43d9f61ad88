"""Tables of docs/critic.md and docs/model-programs.md from the reports of a build: the critic beside every control.

    python benchmarks/critic.py STORE [--section models]

STORE is an artifact store with one build of `p_pass_calibration` and `rerank_report` for each seed (others:
`codelewm-assets prune`). Nothing is fitted here: every figure is the graph's own. Intervals are 95%, by problem.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from sections import rewrite

from codelewm_assets.core.ids import ABLATIONS, SEEDS
from codelewm_assets.evaluation.reports import CalibrationReport, Lift, RerankReport, TransferReport

PAGE = Path(__file__).resolve().parents[1] / "docs" / "critic.md"
HIDDEN = {*ABLATIONS, "p_pass", "p_pass_raw", "random"}


def report(store: Path, kind: str, seed: int, name: str) -> dict[str, object] | None:
    """A report of the critic from the one build that the store has; None where the build has none."""
    folders = sorted((store / kind / str(seed)).glob("*/manifest.json"))
    if len(folders) != 1:
        sys.exit(f"{store / kind / str(seed)} has {len(folders)} builds; expected one. Build it, or prune the store.")
    path = folders[0].parent / "scorers" / "critic" / f"{name}.json"
    return json.loads(path.read_bytes()) if path.exists() else None


def shown(value: float | None, interval: tuple[float, float] | None = None, *, sign: str = "", places: int = 3) -> str:
    """A figure with its interval."""
    if value is None:
        return "–"
    text = f"{value:{sign}.{places}f}"
    return text if interval is None else f"{text} [{interval[0]:.{places}f}, {interval[1]:.{places}f}]"


def points(lift: Lift | None) -> str:
    """A lift in points."""
    return "–" if lift is None else shown(lift.points, lift.ci95, sign="+", places=1)


def order_tables(rerank: dict[int, RerankReport], calibration: dict[int, CalibrationReport]) -> Iterator[str]:
    """Each score on each benchmark: the critic of both seeds, then the controls, with the critic's lift over them."""
    seeds = " | ".join(f"lift of `critic` {seed}, points" for seed in SEEDS)
    yield f"| benchmark | score | pass@1 | MRR | within-pool AUC | ROC-AUC | ECE | {seeds} |"
    yield "|---|---|---|---|---|---|---|" + "---|" * len(SEEDS)
    for benchmark, first in rerank[SEEDS[0]].benchmarks.items():
        names = sorted(first.pass_at_1.keys() - HIDDEN, key=lambda name: (name != "critic", name))
        for name in names:
            for seed in SEEDS if name == "critic" else SEEDS[:1]:
                own = rerank[seed].benchmarks[benchmark]
                metrics = calibration[seed].slices.benchmark.get(benchmark, {}).get(name)
                lifts = [
                    "" if name == "critic" else points(rerank[s].benchmarks[benchmark].lift.get(name)) for s in SEEDS
                ]
                figures = ["–"] * 3 if metrics is None else [
                    shown(metrics.within_pool_auc, metrics.within_pool_auc_ci95),
                    shown(metrics.roc_auc, metrics.roc_auc_ci95),
                    shown(metrics.expected_calibration_error),
                ]  # fmt: skip
                title = f"`critic` {seed}" if name == "critic" else f"`{name}`"
                cells = [own.benchmark_label, title, shown(own.pass_at_1[name]), shown(own.mrr[name]), *figures, *lifts]
                yield f"| {' | '.join(cells)} |"
        best = [rerank[seed].benchmarks[benchmark].lift_over_best_control for seed in SEEDS]
        title = f"*best control of each resample*, {first.problem_count} problems, {first.pool_count} pools"
        yield f"| {first.benchmark_label} | {title} | | | | | | {' | '.join(map(points, best))} |"


def transfer_tables(transfer: dict[int, TransferReport]) -> Iterator[str]:
    """Families held out, and edits that changed nothing."""
    yield "| seed | operator family held out | problems | `critic` | `lm` | difference, points |"
    yield "|---|---|---|---|---|---|"
    for seed, own in transfer.items():
        for family, row in own.families.items():
            yield f"| {seed} | {family} | {row.problem_count} | {row.pass_at_1:.3f} | {row.lm:.3f} | {points(row.lift)} |"
        yield f"| {seed} | **mean over families** | | | | {points(own.mean_lift)} |"
    yield ""
    for seed, own in transfer.items():
        if edits := own.equivalent:
            figure = shown(edits.auc, edits.auc_ci95)
            yield (
                f"Both sides pass, seed {seed}: AUC of the unedited over the edited one {figure}, {edits.pair_count} pairs of "
                f"{edits.problem_count} problems."
            )
            yield ""


def main() -> None:
    """Write a section of a page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("--section", choices=("critic", "models"), default="critic", help="twins, or models' programs")
    arguments = parser.parse_args()

    def reports(prefix: str) -> Iterator[str]:
        found = {
            seed: (
                report(arguments.store, "rerank_report", seed, f"{prefix}rerank_report"),
                report(arguments.store, "p_pass_calibration", seed, f"{prefix or 'p_pass_'}calibration_report"),
            )
            for seed in SEEDS
        }
        if any(None in pair for pair in found.values()):
            sys.exit(f"The store has no {prefix}rerank_report of the critic on both seeds. Build the profile models.")
        rerank = {seed: RerankReport.model_validate(pair[0]) for seed, pair in found.items()}
        yield from order_tables(rerank, {s: CalibrationReport.model_validate(pair[1]) for s, pair in found.items()})

    if arguments.section == "models":
        lines = [
            "Problems held out:", "", *reports("model_"), "",
            "Problems and families of models held out:", "", *reports("unseen_model_"),
        ]  # fmt: skip
    else:
        raw = {seed: report(arguments.store, "rerank_report", seed, "transfer_report") for seed in SEEDS}
        transfer = {seed: TransferReport.model_validate(own) for seed, own in raw.items() if own is not None}
        lines = [*reports(""), "", *transfer_tables(transfer)]
    rewrite(arguments.section, lines, PAGE if arguments.section == "critic" else PAGE.with_name("model-programs.md"))


if __name__ == "__main__":
    main()
