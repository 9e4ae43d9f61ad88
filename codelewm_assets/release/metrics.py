"""Tables of reranking, retrieval, surprise, probes and collapse: each figure beside every control, by record path."""

from codelewm_assets.claims.register import COLLAPSE_FLOORS
from codelewm_assets.release.lookup import Records
from codelewm_assets.release.markdown import Cell, interval, table, with_interval

RETRIEVERS = ("model", "no_action", "shuffled_action", "lexical", "random")


def seeds_with(records: Records, report: str) -> list[str]:
    """Seeds that have a report."""
    return [seed for seed in records.keys("seed") if records.keys(f"seed.{seed}.{report}")]


def rerank_table(records: Records) -> str:
    """A row per benchmark, seed and score: p_pass first, then every control with the lift of p_pass over it."""
    rows: list[list[Cell]] = []
    for seed in seeds_with(records, "rerank"):
        for benchmark in records.keys(f"seed.{seed}.rerank"):
            base = f"seed.{seed}.rerank.{benchmark}"
            for name in _ours_first(records.keys(f"{base}.pass_at_1")):
                rows.append(_rerank_row(records, base, seed, name))
    header = ["benchmark", "seed", "score", "pass@1", "MRR", "whole pools", "p_pass minus it, points of pass@1",
              "hundredths of MRR", "best control"]  # fmt: skip
    return table(header, rows)


def _rerank_row(records: Records, base: str, seed: str, name: str) -> list[Cell]:
    points, mrr = f"{base}.lift.{name}", f"{base}.mrr_lift.{name}"
    best = records.at(f"{base}.best_control")
    return [
        records.at(f"{base}.benchmark_label"),
        seed,
        name,
        records.at(f"{base}.pass_at_1.{name}"),
        records.get(f"{base}.mrr.{name}"),
        records.get(f"{base}.complete_pool_count.{name}"),
        with_interval(records.get(f"{points}.points"), records.get(f"{points}.ci95"), 2),
        with_interval(records.get(f"{mrr}.points"), records.get(f"{mrr}.ci95"), 2),
        None if name == "p_pass" or best is None else name == best,
    ]


def _ours_first(names: list[str]) -> list[str]:
    return sorted(names, key=lambda name: (name not in ("p_pass", "p_pass_raw"), name))


def rerank_power_table(records: Records) -> str:
    """A row per benchmark and seed: how much there is to decide on, and the smallest lift that it would show."""
    rows: list[list[Cell]] = []
    for seed in seeds_with(records, "rerank"):
        for benchmark in records.keys(f"seed.{seed}.rerank"):
            base = f"seed.{seed}.rerank.{benchmark}"
            best = f"{base}.lift_over_best_control"
            rows.append(
                [
                    records.at(f"{base}.benchmark_label"),
                    seed,
                    records.at(f"{base}.problem_count"),
                    records.at(f"{base}.pool_count"),
                    records.at(f"{base}.best_control"),
                    with_interval(records.get(f"{best}.points"), records.get(f"{best}.ci95"), 2),
                    records.get(f"{base}.power.standard_error_points"),
                    records.get(f"{base}.power.smallest_detectable_points"),
                    records.at(f"{base}.saturated"),
                    records.at(f"{base}.resamples"),
                ]
            )
    header = ["benchmark", "seed", "problems", "pools", "best control", "over the best of each resample, points",
              "standard error, points", "smallest detectable lift, points", "saturated", "resamples"]  # fmt: skip
    return table(header, rows)


def retrieval_table(records: Records) -> str:
    """A row per seed and retriever."""
    rows: list[list[Cell]] = []
    for seed in seeds_with(records, "retrieval"):
        base = f"seed.{seed}.retrieval"
        for name in (found for found in RETRIEVERS if found in records.keys(f"{base}.scores")):
            lifts = [f"{base}.lift.{name}.{figure}" for figure in ("recall_at_1", "mrr")]
            figures = [records.get(f"{base}.scores.{name}.recall_at_{k}") for k in (1, 5, 10)]
            shown = [with_interval(records.get(f"{p}.points"), records.get(f"{p}.ci95"), 2) for p in lifts]
            counts = [records.at(f"{base}.query_count"), records.at(f"{base}.candidates_per_query")]
            rows.append([seed, name, *figures, records.at(f"{base}.scores.{name}.mrr"), *shown, *counts])
    header = ["seed", "retriever", "recall@1", "recall@5", "recall@10", "MRR", "model minus it, points of recall@1",
              "hundredths of MRR", "queries", "candidates"]  # fmt: skip
    return table(header, rows)


def surprise_table(records: Records) -> str:
    """A row per seed, part and decoy category, with counts."""
    rows: list[list[Cell]] = []
    labels = records.at("benchmark_labels")
    for seed in seeds_with(records, "surprise"):
        base = f"seed.{seed}.surprise"
        parts = {"all": f"{base}.categories"}
        parts |= {labels.get(b, b): f"{base}.benchmarks.{b}" for b in records.keys(f"{base}.benchmarks")}
        for part, path in parts.items():
            for name in records.keys(path):
                found = f"{path}.{name}"
                counts = [records.at(f"{found}.{figure}") for figure in ("pair_count", "problem_count")]
                auc = with_interval(records.at(f"{found}.auc"), records.at(f"{found}.auc_ci95"))
                figures = ("no_action_auc", "mean_real_energy", "mean_decoy_energy")
                rows.append([part, seed, name, *counts, auc, *(records.at(f"{found}.{figure}") for figure in figures)])
    header = ["rows", "seed", "category", "pairs", "problems", "AUC", "AUC of no_action", "mean energy, real", "decoy"]
    return table(header, rows)


def probe_table(records: Records) -> str:
    """A row per seed and target: z_pred beside every control."""
    seeds = seeds_with(records, "probe")
    targets = [(seed, name, f"seed.{seed}.probe.targets.{name}") for seed in seeds
               for name in records.keys(f"seed.{seed}.probe.targets")]  # fmt: skip
    controls = sorted({control for _, _, path in targets for control in records.keys(f"{path}.controls")})
    rows: list[list[Cell]] = []
    for seed, name, path in targets:
        counts = [records.at(f"{path}.{figure}") for figure in ("class_count", "fit_count", "test_count")]
        others = [records.get(f"{path}.controls.{control}") for control in controls]
        lift = f"{path}.lift_over_best_control"
        rows.append([seed, name, records.at(f"{path}.status"), *counts, records.at(f"{path}.model"), *others,
                     records.at(f"{path}.best_control"), records.at(lift), interval(records.at(f"{path}.lift_ci99"))])  # fmt: skip
    header = ["seed", "target", "status", "classes", "fitted on", "tested on", "z_pred", *controls, "best control", "lift",
              "99% interval"]  # fmt: skip
    return table(header, rows)


def collapse_table(records: Records) -> str:
    """A row per seed and figure, with its floor where a gate reads it."""
    rows: list[list[Cell]] = []
    for seed in seeds_with(records, "collapse"):
        base = f"seed.{seed}.collapse"
        for name in ("effective_rank_ratio", "median_variance", "neighbour_entropy"):
            of_target = records.get(f"{base}.z_target_{name}")
            rows.append([seed, name, records.at(f"{base}.{name}"), COLLAPSE_FLOORS.get(name), of_target])
        for name in ("latent_count", "tensor_count", "parameter_count"):
            rows.append([seed, name, records.at(f"{base}.{name}"), None, None])
        rows.append([seed, "tensors that are not finite", len(records.at(f"{base}.nonfinite_tensors")), None, None])
    return table(["seed", "figure", "z_pred", "floor", "of the target encoder"], rows)
