"""Tables of reranking, calibration, retrieval, surprise, probes and collapse: each figure beside every control, by record path.

A `summary` has the seeds side by side and is in the report; the full table is in its appendix. The first column of a table over
all rows names the benchmarks and marks stand-ins.
"""

from collections.abc import Collection, Iterable, Iterator

from codelewm_assets.claims.register import COLLAPSE_FLOORS, SURPRISE_AUC
from codelewm_assets.evaluation.rows import MODEL_SCORES
from codelewm_assets.release.lookup import Records
from codelewm_assets.release.markdown import ABSENT, Cell, cell, interval, table, with_interval

RETRIEVERS = ("model", "no_action", "shuffled_action", "lexical", "random")
COUNTS = ("positive_count", "negative_count", "missing_count", "nonfinite_count")


def seeds_with(records: Records, report: str) -> list[str]:
    """Seeds that have a report."""
    return [seed for seed in records.keys("seed") if records.keys(f"seed.{seed}.{report}")]


def scope(records: Records) -> str:
    """Names of the benchmarks, for rows over all of them."""
    return " + ".join(records.labels.values())


def _columns(seeds: Iterable[str], *names: str) -> list[str]:
    """Headers of figures, once per seed."""
    return [f"{name}, seed {seed}" for name in names for seed in seeds]


def _keys(records: Records, report: str) -> Iterator[tuple[str, str, str]]:
    """(seed, key, path) of every key of a part of the reports, over the seeds that have it."""
    for seed in seeds_with(records, report):
        yield from ((seed, name, f"seed.{seed}.{report}.{name}") for name in records.keys(f"seed.{seed}.{report}"))


def _ours_first(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (name not in MODEL_SCORES, name))


def _with_interval(records: Records, path: str, figure: str) -> str:
    return with_interval(records.get(f"{path}.{figure}"), records.get(f"{path}.{figure}_ci95"))


def _lift(records: Records, path: str) -> str:
    return with_interval(records.get(f"{path}.points"), records.get(f"{path}.ci95"), 2)


def _beside(records: Records, path: str, figure: str, bounds: str) -> str:
    return with_interval(records.get(f"{path}.{figure}"), records.get(f"{path}.{bounds}"))


def _at(records: Records, path: str, *figures: str) -> list[Cell]:
    return [records.at(f"{path}.{figure}") for figure in figures]


def _get(records: Records, path: str, *figures: str) -> list[Cell]:
    return [records.get(f"{path}.{figure}") for figure in figures]


def _by_benchmark(records: Records, seed: str, report: str, overall: str, parts: str) -> dict[str, str]:
    """Name of a part of the rows → its path: all benchmarks together, then each by its label."""
    base, labels = f"seed.{seed}.{report}", records.labels
    benchmarks = {labels.get(b, b): f"{base}.{parts}.{b}" for b in records.keys(f"{base}.{parts}")}
    return {scope(records): f"{base}.{overall}"} | benchmarks


def rerank_summary(records: Records) -> str:
    """A row per benchmark and score: pass@1, and the lift of p_pass over it."""
    seeds = seeds_with(records, "rerank")
    rows: list[list[Cell]] = []
    for benchmark in dict.fromkeys(name for _, name, _ in _keys(records, "rerank")):
        paths = [f"seed.{seed}.rerank.{benchmark}" for seed in seeds]
        for name in _scores(records, *(f"{path}.pass_at_1" for path in paths)):
            is_best = any(records.get(f"{path}.best_control") == name for path in paths)
            rows.append([records.labels.get(benchmark, benchmark), f"{name} (best control)" if is_best else name,
                         *(records.get(f"{path}.pass_at_1.{name}") for path in paths),
                         *(_lift(records, f"{path}.lift.{name}") for path in paths)])  # fmt: skip
    header = ["benchmark", "score", *_columns(seeds, "pass@1", "p_pass minus it, points [95%]")]
    return table(header, rows)


def _scores(records: Records, *paths: str) -> list[str]:
    """Names under any of the paths, p_pass first; without p_pass_raw, which orders like p_pass and is in the appendix."""
    return _ours_first({name for path in paths for name in records.keys(path)} - {"p_pass_raw"})


def rerank_table(records: Records) -> str:
    """A row per benchmark, seed and score: p_pass first, then every control with the lift of p_pass over it."""
    rows: list[list[Cell]] = []
    for seed, _, base in _keys(records, "rerank"):
        for name in _ours_first(records.keys(f"{base}.pass_at_1")):
            best = records.at(f"{base}.best_control")
            rows.append([records.at(f"{base}.benchmark_label"), seed, name, records.at(f"{base}.pass_at_1.{name}"),
                         *_get(records, base, *(f"{figure}.{name}" for figure in ("mrr", "spearman", "kendall", "bottom_1",
                                                                                  "complete_pool_count"))),
                         _lift(records, f"{base}.lift.{name}"), _lift(records, f"{base}.mrr_lift.{name}"),
                         None if name == "p_pass" or best is None else name == best])  # fmt: skip
    header = ["benchmark", "seed", "score", "pass@1", "MRR", "Spearman", "Kendall", "Bottom-1", "complete pools",
              "p_pass minus it, points of pass@1",
              "p_pass minus it, hundredths of MRR", "best control"]  # fmt: skip
    return table(header, rows)


def rerank_power_table(records: Records) -> str:
    """A row per benchmark and seed: sample sizes, and the minimum detectable lift."""
    rows: list[list[Cell]] = [
        [records.at(f"{base}.benchmark_label"), seed, *_at(records, base, "problem_count", "pool_count", "best_control"),
         _lift(records, f"{base}.lift_over_best_control"),
         *_get(records, base, "power.standard_error_points", "power.minimum_detectable_effect_points"),
         *_at(records, base, "saturated", "resamples"), _by_chance(records, base)]
        for seed, _, base in _keys(records, "rerank")
    ]  # fmt: skip
    header = ["benchmark", "seed", "problems", "pools", "best control", "over the best of each resample, points",
              "standard error, points", "minimum detectable lift, points", "saturated", "resamples",
              "gate opened by chance"]  # fmt: skip
    return table(header, rows)


def scorer_table(records: Records) -> str:
    """A row per scorer besides CodeLeWM, seed and benchmark: order, lift over the best control, and calibration."""
    rows: list[list[Cell]] = []
    for seed, scorer in _scorers(records):
        base = f"seed.{seed}.scorers.{scorer}"
        for name in records.keys(f"{base}.rerank.benchmarks") if records.get(f"{base}.rerank") else ():
            own, area = f"{base}.rerank.benchmarks.{name}", f"{base}.calibration.slices.benchmark.{name}.{scorer}"
            best = records.at(f"{own}.best_control")
            rows.append([scorer, seed, *_at(records, own, "benchmark_label", "problem_count", "pool_count"),
                         records.at(f"{own}.pass_at_1.{scorer}"), best, records.get(f"{own}.pass_at_1.{best}") if best else None,
                         _lift(records, f"{own}.lift_over_best_control"), _lift(records, f"{own}.mrr_lift_over_best_control"),
                         _by_chance(records, own),
                         *_get(records, area, "roc_auc", "within_pool_auc", "expected_calibration_error")])  # fmt: skip
    header = ["scorer", "seed", "benchmark", "problems", "pools", "pass@1", "best control", "its pass@1",
              "over the best of each resample, points", "in hundredths of MRR", "by chance", "ROC-AUC", "within a pool",
              "calibration error"]  # fmt: skip
    return table(header, rows)


def transfer_table(records: Records) -> str:
    """A row per scorer, seed and operator family that it was trained without, and one for edits that change nothing."""
    rows: list[list[Cell]] = []
    for seed, scorer in _scorers(records, besides=()):
        base = f"seed.{seed}.scorers.{scorer}.transfer"
        for name in records.keys(f"{base}.families") if records.get(base) else ():
            own = f"{base}.families.{name}"
            rows.append(
                [
                    scorer,
                    seed,
                    name,
                    *_at(records, own, "problem_count", "pass_at_1", "lm"),
                    _lift(records, f"{own}.lift"),
                ]
            )
        if records.get(f"{base}.mean_lift"):
            rows.append([scorer, seed, "mean over families", None, None, None, _lift(records, f"{base}.mean_lift")])
        if edits := records.get(f"{base}.equivalent"):
            figures = [edits["problem_count"], edits["auc"], None, interval(edits["auc_ci95"])]
            rows.append([scorer, seed, "AUC of the unedited program where both pass", *figures])
    header = ["scorer", "seed", "operator family", "problems", "pass@1 or AUC", "lm", "lift in points, or interval"]
    return table(header, rows)


def _scorers(records: Records, besides: Collection[str] = ("codelewm",)) -> Iterator[tuple[str, str]]:
    """(seed, scorer) of each scorer, by default besides CodeLeWM, whose score has not the scorer's name."""
    for seed in records.keys("seed"):
        yield from ((seed, scorer) for scorer in records.keys(f"seed.{seed}.scorers") if scorer not in besides)


def _by_chance(records: Records, path: str) -> str | None:
    """Permutations of the labels that would have opened the gate, and the upper bound of their rate."""
    null = records.get(f"{path}.null")
    return f"{null['openings']} of {null['permutations']}, ≤ {null['upper_bound']:.3f}" if null else None


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
        ours = f"seed.{seed}.{report}.difference.{name}" if part == scope(records) else ""
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
    """A row per part, seed and score in [0, 1]: its calibration."""
    rows: list[list[Cell]] = []
    for part, seed, name, path in _calibration_parts(records, report):
        figures = [_with_interval(records, path, f) for f in ("brier_score", "log_loss", "expected_calibration_error")]
        equal_mass = records.get(f"{path}.expected_calibration_error_equal_mass")
        if any(figure != ABSENT for figure in figures):
            rows.append([part, seed, name, *figures, equal_mass, records.get(f"{path}.brier_skill_score")])
    header = ["rows", "seed", "score", "Brier score", "log loss", "calibration error", "the same, equal-mass bins",
              "Brier skill"]  # fmt: skip
    return table(header, rows)


def ranking_summary(records: Records) -> str:
    """A row per score over all completions: ROC-AUC, within a pool, and that of p_pass minus it."""
    seeds = seeds_with(records, "calibration")
    paths = [f"seed.{seed}.calibration" for seed in seeds]
    rows: list[list[Cell]] = [
        [name,
         *(_with_interval(records, f"{path}.overall.{name}", f) for f in ("roc_auc", "within_pool_auc") for path in paths),
         *(_beside(records, f"{path}.difference.{name}", "difference", "ci95") for path in paths)]
        for name in _scores(records, *(f"{path}.overall" for path in paths))
    ]  # fmt: skip
    header = [f"score, on {scope(records)}", *_columns(seeds, "ROC-AUC", "within a pool", "p_pass minus it")]
    return table(header, rows)


def calibration_summary(records: Records) -> str:
    """A row per seed: calibration of p_pass, and its confusion figures at threshold 0.5."""
    figures = ("true_positive", "false_positive", "true_negative", "false_negative", "precision", "recall")
    rows: list[list[Cell]] = []
    for seed in seeds_with(records, "calibration"):
        path = f"seed.{seed}.calibration.overall.p_pass"
        errors = [_with_interval(records, path, f) for f in ("expected_calibration_error", "brier_score")]
        skill = records.get(f"{path}.brier_skill_score")
        rows.append([seed, *errors, skill, *_get(records, f"{path}.thresholded", "threshold", *figures)])
    header = [f"seed, on {scope(records)}", "calibration error [95%]", "Brier score [95%]", "Brier skill", "threshold",
              "TP", "FP", "TN", "FN", "precision", "recall"]  # fmt: skip
    return table(header, rows)


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
    header = [f"seed, on {scope(records)}", "threshold", "predicted positive", "TP", "FP", "TN", "FN", "precision", "recall",
              "F1", "accuracy"]  # fmt: skip
    return table(header, rows)


def bin_table(records: Records, bins: str) -> str:
    """A row per seed and bin of p_pass that holds a completion. Args: bins: `calibration_bins` or `equal_mass_bins`."""
    rows: list[list[Cell]] = [
        [seed, *_at(records, path, "lower", "upper", "count", "mean_score", "pass_rate")]
        for seed, _, path in _keys(records, f"calibration.overall.p_pass.{bins}")
    ]
    return table([f"seed, on {scope(records)}", "from", "to", "completions", "mean p_pass", "share that passed"], rows)


def retrieval_table(records: Records) -> str:
    """A row per seed and retriever."""
    rows: list[list[Cell]] = []
    for seed in seeds_with(records, "retrieval"):
        base = f"seed.{seed}.retrieval"
        for name in (retriever for retriever in RETRIEVERS if retriever in records.keys(f"{base}.scores")):
            rows.append([seed, name, *_get(records, f"{base}.scores.{name}", *(f"recall_at_{k}" for k in (1, 5, 10))),
                         records.at(f"{base}.scores.{name}.mrr"),
                         *(_lift(records, f"{base}.lift.{name}.{figure}") for figure in ("recall_at_1", "mrr")),
                         *_at(records, base, "query_count", "candidates_per_query")])  # fmt: skip
    header = ["seed", f"retriever, on {scope(records)}", "recall@1", "recall@5", "recall@10", "MRR",
              "model minus it, points of recall@1", "model minus it, hundredths of MRR", "queries", "candidates"]  # fmt: skip
    return table(header, rows)


def surprise_summary(records: Records) -> str:
    """A row per decoy category over all pairs: its AUC beside that of no_action and the floor of the gate."""
    seeds = seeds_with(records, "surprise")
    paths = [f"seed.{seed}.surprise.categories" for seed in seeds]
    rows: list[list[Cell]] = []
    for name in dict.fromkeys(name for path in paths for name in records.keys(path)):
        category_paths = [f"{path}.{name}" for path in paths]
        floor = SURPRISE_AUC.get(name)
        rows.append([name, *(records.get(f"{path}.pair_count") for path in category_paths), None if floor is None else floor.value,
                     *(_with_interval(records, path, "auc") for path in category_paths),
                     *(records.get(f"{path}.no_action_auc") for path in category_paths)])  # fmt: skip
    columns = [*_columns(seeds, "pairs"), "floor", *_columns(seeds, "AUC [95%]", "AUC of no_action")]
    return table([f"category, on {scope(records)}", *columns], rows)


def surprise_table(records: Records) -> str:
    """A row per seed, part and decoy category, with counts."""
    rows: list[list[Cell]] = []
    for seed in seeds_with(records, "surprise"):
        for part, path in _by_benchmark(records, seed, "surprise", "categories", "benchmarks").items():
            for category in (f"{path}.{name}" for name in records.keys(path)):
                rows.append([part, seed, category.rpartition(".")[2], *_at(records, category, "pair_count", "problem_count"),
                             with_interval(records.at(f"{category}.auc"), records.at(f"{category}.auc_ci95")),
                             *_at(records, category, "no_action_auc", "mean_real_energy", "mean_decoy_energy")])  # fmt: skip
    header = ["rows", "seed", "category", "pairs", "problems", "AUC", "AUC of no_action", "mean energy, real", "decoy"]
    return table(header, rows)


def probe_summary(records: Records) -> str:
    """A row per target: balanced accuracy from z_pred beside the best control, and the lift."""
    seeds = seeds_with(records, "probe")
    rows: list[list[Cell]] = []
    for name in dict.fromkeys(name for _, name, _ in _keys(records, "probe.targets")):
        paths = [f"seed.{seed}.probe.targets.{name}" for seed in seeds]
        best = [records.get(f"{path}.best_control") for path in paths]
        beside = [records.get(f"{path}.controls.{control}") for path, control in zip(paths, best, strict=True)]
        rows.append([name, *(records.get(f"{path}.model") for path in paths),
                     *(f"{control or ABSENT} {cell(value)}" for control, value in zip(best, beside, strict=True)),
                     *(_beside(records, path, "lift_over_best_control", "lift_ci99") for path in paths)])  # fmt: skip
    return table([f"target, on {scope(records)}", *_columns(seeds, "z_pred", "best control", "lift [99%]")], rows)


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
    header = ["seed", f"target, on {scope(records)}", "status", "classes", "fitted on", "tested on", "z_pred", *controls,
              "best control", "lift", "99% interval"]  # fmt: skip
    return table(header, rows)


def collapse_table(records: Records) -> str:
    """A row per figure: its floor where a gate reads it, z_pred, and the target encoder."""
    seeds = seeds_with(records, "collapse")
    paths = [f"seed.{seed}.collapse" for seed in seeds]
    rows: list[list[Cell]] = []
    for name in COLLAPSE_FLOORS:
        of_target = [records.get(f"{path}.z_target_{name}") for path in paths]
        rows.append([name, COLLAPSE_FLOORS[name], *(records.at(f"{path}.{name}") for path in paths), *of_target])
    for name in ("latent_count", "tensor_count", "parameter_count"):
        rows.append([name, None, *(records.at(f"{path}.{name}") for path in paths), *(None for _ in paths)])
    bad = [len(records.at(f"{path}.nonfinite_tensors")) for path in paths]
    rows.append(["tensors that are not finite", None, *bad, *(None for _ in paths)])
    header = [f"figure, on {scope(records)}", "floor", *_columns(seeds, "z_pred", "target encoder")]
    return table(header, rows if seeds else [])
