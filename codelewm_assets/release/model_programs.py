"""Table of pools of programs that models wrote: the controls first, then each scorer, with problems and with models held out."""

from collections.abc import Iterator, Sequence

from codelewm_assets.release.lookup import Records
from codelewm_assets.release.markdown import Cell, table, with_interval

SUMMARY = ("random", "consensus", "problem_consensus", "model_prior", "parses", "llm_order")
"""Controls of the short table: chance, and those that are strong on programs that models wrote."""
HELD_OUT = {"model_": "problems", "unseen_model_": "problems and models"}
"""Prefix of a scorer's reports → held out of its training."""


def model_program_table(records: Records, controls: Sequence[str]) -> str:
    """A row per benchmark and score: its order on pools, its ROC-AUC, and the lift of each scorer over the best control.

    Returns: "" without programs that models wrote.
    """
    rows = [
        row
        for benchmark in _benchmarks(records)
        for row in (*_controls(records, benchmark, controls), *_scorers(records, benchmark))
    ]
    if not rows:
        return ""
    header = ["benchmark", "score", "seed", "held out", "problems", "pools", "pass@1", "MRR", "ROC-AUC", "within a pool",
              "over the best control, points", "in hundredths of MRR"]  # fmt: skip
    return table(header, rows)


def _reports(records: Records) -> Iterator[tuple[str, str, str, str, str]]:
    """(seed, scorer, prefix, path of the rerank report, path of the calibration report) of what there is."""
    for seed in records.keys("seed"):
        for scorer in records.keys(f"seed.{seed}.scorers"):
            base = f"seed.{seed}.scorers.{scorer}"
            for prefix in HELD_OUT:
                rerank, calibration = f"{base}.{prefix}rerank", f"{base}.{prefix}calibration"
                if records.get(rerank) and records.get(calibration):
                    yield seed, scorer, prefix, rerank, calibration


def _benchmarks(records: Records) -> list[str]:
    return list(
        dict.fromkeys(name for *_, rerank, _ in _reports(records) for name in records.keys(f"{rerank}.benchmarks"))
    )


def _row(records: Records, benchmark: str, score: str, rerank: str, calibration: str) -> list[Cell]:
    own, area = f"{rerank}.benchmarks.{benchmark}", f"{calibration}.slices.benchmark.{benchmark}.{score}"
    areas = [
        with_interval(records.get(f"{area}.{figure}"), records.get(f"{area}.{figure}_ci95"))
        for figure in ("roc_auc", "within_pool_auc")
    ]
    counts: list[Cell] = [records.at(f"{own}.{name}") for name in ("problem_count", "pool_count")]
    return [*counts, records.get(f"{own}.pass_at_1.{score}"), records.get(f"{own}.mrr.{score}"), *areas]


def _controls(records: Records, benchmark: str, controls: Sequence[str]) -> Iterator[list[Cell]]:
    """Rows of the controls, from the scorer with the most pools: the controls are the same for all and for both seeds."""
    of_pools = {
        (rerank, calibration): records.get(f"{rerank}.benchmarks.{benchmark}.pool_count") or 0
        for *_, rerank, calibration in _reports(records)
    }
    rerank, calibration = max(of_pools, key=lambda paths: of_pools[paths])
    for control in controls:
        if records.get(f"{rerank}.benchmarks.{benchmark}.pass_at_1.{control}") is not None:
            figures = _row(records, benchmark, control, rerank, calibration)
            yield [records.labels.get(benchmark, benchmark), control, None, None, *figures, None, None]


def _scorers(records: Records, benchmark: str) -> Iterator[list[Cell]]:
    for seed, scorer, prefix, rerank, calibration in _reports(records):
        own = f"{rerank}.benchmarks.{benchmark}"
        if not records.get(own):
            continue
        score = "p_pass" if scorer == "codelewm" else scorer
        lifts = [
            with_interval(records.get(f"{own}.{name}.points"), records.get(f"{own}.{name}.ci95"), 2)
            for name in ("lift_over_best_control", "mrr_lift_over_best_control")
        ]
        figures = _row(records, benchmark, score, rerank, calibration)
        yield [records.labels.get(benchmark, benchmark), score, seed, HELD_OUT[prefix], *figures, *lifts]
