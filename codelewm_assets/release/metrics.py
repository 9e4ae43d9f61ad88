"""Tables of reranking, calibration, retrieval, surprise, probes and collapse: each figure beside every control, by record path."""

from collections.abc import Iterable, Iterator

from codelewm_assets.claims.register import COLLAPSE_FLOORS
from codelewm_assets.evaluation.reports import OURS
from codelewm_assets.release.lookup import Records
from codelewm_assets.release.markdown import ABSENT, Cell, interval, table, with_interval

RETRIEVERS = ("model", "no_action", "shuffled_action", "lexical", "random")
COUNTS = ("positive_count", "negative_count", "missing_count", "nonfinite_count")


def seeds_with(records: Records, report: str) -> list[str]:
    """Seeds that have a report."""
    return [seed for seed in records.keys("seed") if records.keys(f"seed.{seed}.{report}")]


def _keys(records: Records, report: str) -> Iterator[tuple[str, str, str]]:
    """(seed, key, path) of every key of a part of the reports, over the seeds that have it."""
    for seed in seeds_with(records, report):
        yield from ((seed, name, f"seed.{seed}.{report}.{name}") for name in records.keys(f"seed.{seed}.{report}"))


def _ours_first(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (name not in OURS, name))


def _with_interval(records: Records, path: str, figure: str) -> str:
    return with_interval(records.get(f"{path}.{figure}"), records.get(f"{path}.{figure}_ci95"))


def _lift(records: Records, path: str) -> str:
    return with_interval(records.get(f"{path}.points"), records.get(f"{path}.ci95"), 2)


def _at(records: Records, path: str, *figures: str) -> list[Cell]:
    return [records.at(f"{path}.{figure}") for figure in figures]


def _get(records: Records, path: str, *figures: str) -> list[Cell]:
    return [records.get(f"{path}.{figure}") for figure in figures]


def _by_benchmark(records: Records, seed: str, report: str, overall: str, parts: str) -> dict[str, str]:
    """Name of a part of the rows → its path: all of them, then each benchmark by its label."""
    base, labels = f"seed.{seed}.{report}", records.labels
    benchmarks = {labels.get(b, b): f"{base}.{parts}.{b}" for b in records.keys(f"{base}.{parts}")}
    return {"all": f"{base}.{overall}"} | benchmarks


def rerank_table(records: Records) -> str:
    """A row per benchmark, seed and score: p_pass first, then every control with the lift of p_pass over it."""
    rows: list[list[Cell]] = []
    for seed, _, base in _keys(records, "rerank"):
        for name in _ours_first(records.keys(f"{base}.pass_at_1")):
            best = records.at(f"{base}.best_control")
            rows.append([records.at(f"{base}.benchmark_label"), seed, name, records.at(f"{base}.pass_at_1.{name}"),
                         *_get(records, base, f"mrr.{name}", f"complete_pool_count.{name}"),
                         _lift(records, f"{base}.lift.{name}"), _lift(records, f"{base}.mrr_lift.{name}"),
                         None if name == "p_pass" or best is None else name == best])  # fmt: skip
    header = ["benchmark", "seed", "score", "pass@1", "MRR", "whole pools", "p_pass minus it, points of pass@1",
              "hundredths of MRR", "best control"]  # fmt: skip
    return table(header, rows)


def rerank_power_table(records: Records) -> str:
    """A row per benchmark and seed: how much there is to decide on, and the smallest lift that it would show."""
    rows: list[list[Cell]] = [
        [records.at(f"{base}.benchmark_label"), seed, *_at(records, base, "problem_count", "pool_count", "best_control"),
         _lift(records, f"{base}.lift_over_best_control"),
         *_get(records, base, "power.standard_error_points", "power.minimum_detectable_effect_points"),
         *_at(records, base, "saturated", "resamples")]
        for seed, _, base in _keys(records, "rerank")
    ]  # fmt: skip
    header = ["benchmark", "seed", "problems", "pools", "best control", "over the best of each resample, points",
              "standard error, points", "smallest detectable lift, points", "saturated", "resamples"]  # fmt: skip
    return table(header, rows)


def _calibration_parts(records: Records, report: str) -> Iterator[tuple[str, str, str, str]]:
    """(part, seed, score, path) over all rows and over those of each benchmark, p_pass before the controls."""
    for seed in seeds_with(records, report):
        for part, path in _by_benchmark(records, seed, report, "overall", "slices.benchmark").items():
            yield from ((part, seed, name, f"{path}.{name}") for name in _ours_first(records.keys(path)))


def ranking_table(records: Records, report: str) -> str:
    """A row per part, seed and score: how well it ranks. Args: report: `calibration` or `record_calibration`."""
    rows: list[list[Cell]] = []
    for part, seed, name, path in _calibration_parts(records, report):
        figures = [_with_interval(records, path, f) for f in ("roc_auc", "within_pool_auc", "average_precision")]
        ours = f"seed.{seed}.{report}.difference.{name}" if part == "all" else ""
        over = with_interval(records.get(f"{ours}.difference"), records.get(f"{ours}.ci95"))
        has_pools = records.get(f"{path}.within_pool_auc") is not None
        pools = records.get(f"{path}.within_pool_count") if has_pools else None  # its 0 would mean "not looked at"
        rows.append(
            [part, seed, name, records.at(f"{path}.status"), *figures, pools, over, *_at(records, path, *COUNTS)]
        )
    header = ["rows", "seed", "score", "status", "ROC-AUC", "within a pool", "average precision", "pools with both classes",
              "ROC-AUC of p_pass minus it", "pass", "fail", "missing", "not finite"]  # fmt: skip
    return table(header, rows)


def probability_table(records: Records, report: str) -> str:
    """A row per part, seed and score in [0, 1]: how far it is from what it says."""
    rows: list[list[Cell]] = []
    for part, seed, name, path in _calibration_parts(records, report):
        figures = [_with_interval(records, path, f) for f in ("brier_score", "log_loss", "expected_calibration_error")]
        equal_mass = records.get(f"{path}.expected_calibration_error_equal_mass")
        if any(figure != ABSENT for figure in figures):
            rows.append([part, seed, name, *figures, equal_mass])
    header = ["rows", "seed", "score", "Brier score", "log loss", "calibration error", "the same, equal-mass bins"]
    return table(header, rows)


def slice_table(records: Records, kind: str) -> str:
    """ROC-AUC of every score on each part of the completions. Args: kind: a field of `Slices`."""
    found = list(_keys(records, f"calibration.slices.{kind}"))
    names = sorted({name for _, _, path in found for name in records.keys(path)} - {"p_pass"})
    labels = records.labels
    rows: list[list[Cell]] = [
        [labels.get(part, part), seed, *_get(records, f"{path}.p_pass", *COUNTS[:2]),
         _with_interval(records, f"{path}.p_pass", "roc_auc"), *_get(records, path, *(f"{name}.roc_auc" for name in names)),
         records.get(f"{path}.p_pass.expected_calibration_error")]
        for seed, part, path in found
    ]  # fmt: skip
    return table(["part", "seed", "pass", "fail", "p_pass", *names, "calibration error of p_pass"], rows)


def threshold_table(records: Records) -> str:
    """A row per seed and threshold at which p_pass is read as "passes"."""
    figures = ("threshold", "predicted_positive_count", "true_positive", "false_positive", "true_negative",
               "false_negative", "precision", "recall", "f1", "accuracy")  # fmt: skip
    rows: list[list[Cell]] = []
    for seed in seeds_with(records, "calibration"):
        path = f"seed.{seed}.calibration.overall.p_pass"
        many = [f"{path}.threshold_table.{place}" for place in records.keys(f"{path}.threshold_table")]
        one = [f"{path}.thresholded"] if records.keys(f"{path}.thresholded") else []
        rows += [[seed, *_get(records, at, *figures)] for at in many or one]
    header = ["seed", "threshold", "said to pass", "right", "wrong", "rightly said to fail", "wrongly", "precision", "recall",
              "F1", "accuracy"]  # fmt: skip
    return table(header, rows)


def bin_table(records: Records, bins: str) -> str:
    """A row per seed and bin of p_pass that holds a completion. Args: bins: `calibration_bins` or `equal_mass_bins`."""
    rows: list[list[Cell]] = [
        [seed, *_at(records, path, "lower", "upper", "count", "mean_score", "pass_rate")]
        for seed, _, path in _keys(records, f"calibration.overall.p_pass.{bins}")
    ]
    return table(["seed", "from", "to", "completions", "mean p_pass", "share that passed"], rows)


def retrieval_table(records: Records) -> str:
    """A row per seed and retriever."""
    rows: list[list[Cell]] = []
    for seed in seeds_with(records, "retrieval"):
        base = f"seed.{seed}.retrieval"
        for name in (found for found in RETRIEVERS if found in records.keys(f"{base}.scores")):
            rows.append([seed, name, *_get(records, f"{base}.scores.{name}", *(f"recall_at_{k}" for k in (1, 5, 10))),
                         records.at(f"{base}.scores.{name}.mrr"),
                         *(_lift(records, f"{base}.lift.{name}.{figure}") for figure in ("recall_at_1", "mrr")),
                         *_at(records, base, "query_count", "candidates_per_query")])  # fmt: skip
    header = ["seed", "retriever", "recall@1", "recall@5", "recall@10", "MRR", "model minus it, points of recall@1",
              "hundredths of MRR", "queries", "candidates"]  # fmt: skip
    return table(header, rows)


def surprise_table(records: Records) -> str:
    """A row per seed, part and decoy category, with counts."""
    rows: list[list[Cell]] = []
    for seed in seeds_with(records, "surprise"):
        for part, path in _by_benchmark(records, seed, "surprise", "categories", "benchmarks").items():
            for found in (f"{path}.{name}" for name in records.keys(path)):
                rows.append([part, seed, found.rpartition(".")[2], *_at(records, found, "pair_count", "problem_count"),
                             with_interval(records.at(f"{found}.auc"), records.at(f"{found}.auc_ci95")),
                             *_at(records, found, "no_action_auc", "mean_real_energy", "mean_decoy_energy")])  # fmt: skip
    header = ["rows", "seed", "category", "pairs", "problems", "AUC", "AUC of no_action", "mean energy, real", "decoy"]
    return table(header, rows)


def probe_table(records: Records) -> str:
    """A row per seed and target: z_pred beside every control."""
    targets = list(_keys(records, "probe.targets"))
    controls = sorted({control for _, _, path in targets for control in records.keys(f"{path}.controls")})
    rows: list[list[Cell]] = [
        [seed, name, *_at(records, path, "status", "class_count", "fit_count", "test_count", "model"),
         *_get(records, path, *(f"controls.{control}" for control in controls)),
         *_at(records, path, "best_control", "lift_over_best_control"), interval(records.at(f"{path}.lift_ci99"))]
        for seed, name, path in targets
    ]  # fmt: skip
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
