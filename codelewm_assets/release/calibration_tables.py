"""Tables of whether p_pass tells passing from failing, and whether it means what it says: by record path."""

from codelewm_assets.release.lookup import Records
from codelewm_assets.release.markdown import ABSENT, Cell, table, with_interval
from codelewm_assets.release.metrics import seeds_with

RANKING = ("roc_auc", "within_pool_auc", "average_precision")
PROBABILITY = ("brier_score", "log_loss", "expected_calibration_error")
COUNTS = ("positive_count", "negative_count", "missing_count", "nonfinite_count")


def _scores(records: Records, path: str) -> list[str]:
    """p_pass first, then the controls by name."""
    return sorted(records.keys(path), key=lambda name: (name not in ("p_pass", "p_pass_raw"), name))


def _with_interval(records: Records, path: str, figure: str) -> str:
    return with_interval(records.get(f"{path}.{figure}"), records.get(f"{path}.{figure}_ci95"))


def _parts(records: Records, report: str) -> list[tuple[str, str, str, str]]:
    """(part, seed, score, path) over all rows and over those of each benchmark, p_pass before the controls."""
    labels, found = records.at("benchmark_labels"), []
    for seed in seeds_with(records, report):
        base = f"seed.{seed}.{report}"
        parts = {"all": f"{base}.overall"}
        parts |= {labels.get(b, b): f"{base}.slices.benchmark.{b}" for b in records.keys(f"{base}.slices.benchmark")}
        found += [(part, seed, name, f"{at}.{name}") for part, at in parts.items() for name in _scores(records, at)]
    return found


def ranking_table(records: Records, report: str) -> str:
    """A row per part, seed and score: how well it ranks. Args: report: `calibration` or `record_calibration`."""
    rows: list[list[Cell]] = []
    for part, seed, name, path in _parts(records, report):
        counts = [records.at(f"{path}.{count}") for count in COUNTS]
        figures = [_with_interval(records, path, figure) for figure in RANKING]
        ours = f"seed.{seed}.{report}.difference.{name}" if part == "all" else ""
        over = with_interval(records.get(f"{ours}.difference"), records.get(f"{ours}.ci95"))
        has_pools = records.get(f"{path}.within_pool_auc") is not None
        pools = records.get(f"{path}.within_pool_count") if has_pools else None  # its 0 would mean "not looked at"
        rows.append([part, seed, name, records.at(f"{path}.status"), *figures, pools, over, *counts])
    header = ["rows", "seed", "score", "status", "ROC-AUC", "within a pool", "average precision", "pools with both classes",
              "ROC-AUC of p_pass minus it", "pass", "fail", "missing", "not finite"]  # fmt: skip
    return table(header, rows)


def probability_table(records: Records, report: str) -> str:
    """A row per part, seed and score in [0, 1]: how far it is from what it says."""
    rows: list[list[Cell]] = []
    for part, seed, name, path in _parts(records, report):
        figures = [_with_interval(records, path, figure) for figure in PROBABILITY]
        equal_mass = records.get(f"{path}.expected_calibration_error_equal_mass")
        if any(figure != ABSENT for figure in figures):
            rows.append([part, seed, name, *figures, equal_mass])
    header = ["rows", "seed", "score", "Brier score", "log loss", "calibration error", "the same, equal-mass bins"]
    return table(header, rows)


def slice_table(records: Records, kind: str) -> str:
    """ROC-AUC of every score on each part of the completions. Args: kind: a field of `Slices`."""
    base = f"calibration.slices.{kind}"
    found = [(seed, part, f"seed.{seed}.{base}.{part}") for seed in seeds_with(records, base)
             for part in records.keys(f"seed.{seed}.{base}")]  # fmt: skip
    names = sorted({name for _, _, path in found for name in records.keys(path)} - {"p_pass"})
    labels = records.at("benchmark_labels")
    rows: list[list[Cell]] = []
    for seed, part, path in found:
        counts = [records.get(f"{path}.p_pass.{count}") for count in COUNTS[:2]]
        figures = [records.get(f"{path}.{name}.roc_auc") for name in names]
        error = records.get(f"{path}.p_pass.expected_calibration_error")
        ours = _with_interval(records, f"{path}.p_pass", "roc_auc")
        rows.append([labels.get(part, part), seed, *counts, ours, *figures, error])
    return table(["part", "seed", "pass", "fail", "p_pass", *names, "calibration error of p_pass"], rows)


def threshold_table(records: Records) -> str:
    """A row per seed and threshold at which p_pass is read as "passes"."""
    rows: list[list[Cell]] = []
    figures = ("threshold", "predicted_positive_count", "true_positive", "false_positive", "true_negative",
               "false_negative", "precision", "recall", "f1", "accuracy")  # fmt: skip
    for seed in seeds_with(records, "calibration"):
        path = f"seed.{seed}.calibration.overall.p_pass"
        many = [f"{path}.threshold_table.{place}" for place in records.keys(f"{path}.threshold_table")]
        one = [f"{path}.thresholded"] if records.keys(f"{path}.thresholded") else []
        rows += [[seed, *(records.get(f"{at}.{figure}") for figure in figures)] for at in many or one]
    header = ["seed", "threshold", "said to pass", "right", "wrong", "rightly said to fail", "wrongly", "precision", "recall",
              "F1", "accuracy"]  # fmt: skip
    return table(header, rows)


def bin_table(records: Records, bins: str) -> str:
    """A row per seed and bin of p_pass that holds a completion. Args: bins: `calibration_bins` or `equal_mass_bins`."""
    rows: list[list[Cell]] = []
    for seed in seeds_with(records, "calibration"):
        path = f"seed.{seed}.calibration.overall.p_pass.{bins}"
        for place in records.keys(path):
            figures = ("lower", "upper", "count", "mean_score", "pass_rate")
            rows.append([seed, *(records.at(f"{path}.{place}.{figure}") for figure in figures)])
    return table(["seed", "from", "to", "completions", "mean p_pass", "share that passed"], rows)


def has_records(records: Records) -> bool:
    """Whether any seed has the report of execution records."""
    return bool(seeds_with(records, "record_calibration"))
