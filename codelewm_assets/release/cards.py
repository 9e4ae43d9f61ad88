"""Dataset card and model card: the Hub's header from huggingface_hub's own classes, the text from templates over records.

huggingface_hub is imported inside functions, so that the definitions load without it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from codelewm_assets.core.ids import FOLDS
from codelewm_assets.core.records import ExcludedProblem, PackRow
from codelewm_assets.dataset.folds import ProblemSplit
from codelewm_assets.dataset.published import PublishedRow
from codelewm_assets.release import claims_text, hub_benchmark, metrics
from codelewm_assets.release.hub_layout import CONFIGS, NAMESPACE, SPLIT
from codelewm_assets.release.lookup import Records
from codelewm_assets.release.markdown import render, table
from codelewm_assets.training.sidecar import Sidecar

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

DATASET = f"{NAMESPACE}/codelewm-dataset"
CLASSIFICATION = {"roc_auc": "ROC-AUC", "average_precision": "average precision", "brier_score": "Brier score",
                  "expected_calibration_error": "calibration error"}  # fmt: skip
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def _hub() -> Any:
    import huggingface_hub

    return huggingface_hub


def _card(kind: str, header: Any, template: str, **context: Any) -> str:
    """The card as text. Args: kind: `DatasetCard` or `ModelCard`. header: its data, in a fixed order of keys."""
    card = getattr(_hub(), kind).from_template(
        header, template_str="---\n{{ card_data }}\n---\n\n{{ text }}", text=render(template, **context)
    )
    return f"{card.content.rstrip()}\n"


def dataset_card(
    rows: Sequence[PackRow],
    splits: Sequence[ProblemSplit],
    left_out: Sequence[ExcludedProblem],
    records: Records,
    *,
    artifacts: Mapping[str, str],
) -> str:
    """Card of the execution pack. Args: records: with the reports of all seeds. artifacts: id → digest, of its inputs."""
    labels = records.labels
    fold = {split.problem_id: split.fold for split in splits}
    cells = Counter((labels[r.source_dataset], fold[r.source_problem_id], r.completion_passed) for r in rows)
    problems = Counter((labels[s.benchmark_id], s.fold) for s in splits)
    magnitudes = Counter((labels[r.source_dataset], r.output_magnitude_bucket, fold[r.source_problem_id]) for r in rows)
    kinds = Counter((labels[r.source_dataset], r.completion_kind, r.execution_status) for r in rows)
    header = _hub().DatasetCardData(
        pretty_name="CodeLeWM execution pack",
        language=["code"],
        license="other",
        license_name="per-row",
        size_categories=[_size(len(rows))],
        task_categories=["text-classification", "text-ranking"],
        tags=["code", "program-execution", "execution-labels"],
        configs=[
            {"config_name": name, "data_files": [{"split": SPLIT, "path": path}]} for name, path in CONFIGS.items()
        ],
    )
    return _card(
        "DatasetCard", header, "dataset_card.md.j2",
        records=records, claims=claims_text, metrics=metrics, tasks=table(
            ["task", "configuration", "split"], [[task.task_id, task.config, SPLIT] for task in hub_benchmark.tasks()]),
        row_count=len(rows), problem_count=len(splits),
        columns=table(["column", "type"], [[name, _type_name(f.annotation)] for name, f in PublishedRow.model_fields.items()]),
        rows=table(
            ["benchmark", "fold", "problems", "completion passed", "rows"],
            [[label, at, problems[label, at], passed, n] for (label, at, passed), n in sorted(cells.items())],
        ),
        magnitudes=table(
            ["benchmark", "magnitude of the output", *(f"fold {at}" for at in FOLDS)],
            [[label, bucket, *(magnitudes[label, bucket, at] for at in FOLDS)]
             for label, bucket in sorted({key[:2] for key in magnitudes})],
        ),
        outcomes=table(["benchmark", "completion kind", "outcome", "rows"], [[*key, n] for key, n in sorted(kinds.items())]),
        licences=table(["benchmark", "licence", "stated at"], sorted(
            {(labels[r.source_dataset], r.license, r.license_attribution_url) for r in rows})),
        left_out=table(["problem", "reason"], [[row.problem_id, row.reason] for row in left_out]),
        made_from=table(["artifact", "digest"], sorted(artifacts.items())),
    )  # fmt: skip


def _size(count: int) -> str:
    return next((name for most, name in SIZES if count < most), "1M<n<10M")


def _type_name(annotation: Any) -> str:
    return getattr(annotation, "__name__", "text") if isinstance(annotation, type) else str(annotation).split(".")[-1]


def model_card(sidecar: Sidecar, records: Records, *, artifacts: Mapping[str, str]) -> str:
    """Card of one seed's checkpoint. Args: records: with the reports of this seed. artifacts: id → digest."""
    results = list(eval_results(records, sidecar.seed))
    header = _hub().ModelCardData(
        model_name=f"codelewm-model-seed{sidecar.seed}",
        license="apache-2.0",
        library_name="transformers",
        tags=["code", "world-model", "program-execution"],
        datasets=[DATASET],
        eval_results=results or None,
    )
    digests = [(name, getattr(sidecar, name)) for name in ("execution_pack", "problem_splits", "tokenized_pack",
                                                           "preflight_report")]  # fmt: skip
    weights = [(f"weights of fold {fold} (sha256)", sha256) for fold, sha256 in sorted(sidecar.weights_sha256.items())]
    config = sorted(sidecar.config.model_dump(mode="json").items())
    return _card(
        "ModelCard", header, "model_card.md.j2",
        records=records, claims=claims_text, metrics=metrics, sidecar=sidecar,
        results=table(["figure", "on", "value"], [[r.metric_name, r.dataset_name, r.metric_value] for r in results]),
        made_from=table(["artifact", "digest"], [*digests, *weights, *sorted(artifacts.items())]),
        config=table(["key", "value"], [[name, str(value)] for name, value in config]),
        versions=table(["package", "version"], sorted(sidecar.versions.items())),
    )  # fmt: skip


def eval_results(records: Records, seed: int) -> Iterator["EvalResult"]:
    """An `EvalResult` for each available metric of a seed, with the benchmark's name in reports."""
    make, labels = _hub().EvalResult, records.labels
    for path, task, benchmark, metric, name in _metric_paths(records, seed):
        value = records.get(f"seed.{seed}.{path}")
        if value is not None:
            yield make(
                task_type=task, dataset_type=DATASET, dataset_split="held-out problems",
                dataset_name=labels[benchmark] if benchmark else " and ".join(labels.values()),
                dataset_config=benchmark or "both benchmarks",
                metric_type=metric, metric_name=name, metric_value=value,
            )  # fmt: skip


def _metric_paths(records: Records, seed: int) -> Iterator[tuple[str, str, str | None, str, str]]:
    """(path under the seed, task, benchmark, metric type, name) of each metric of a card."""
    parts: list[tuple[str | None, str]] = [(None, "calibration.overall.p_pass")]
    parts += [(b, f"calibration.slices.benchmark.{b}.p_pass") for b in records.labels]
    for benchmark, base in parts:
        for metric, name in CLASSIFICATION.items():
            yield f"{base}.{metric}", "text-classification", benchmark, metric, f"{name} of p_pass"
    for benchmark in records.labels:
        base = f"rerank.{benchmark}"
        best = records.get(f"seed.{seed}.{base}.best_control")
        yield f"{base}.pass_at_1.p_pass", "text-ranking", benchmark, "pass_at_1", "pass@1 of p_pass"
        yield f"{base}.mrr.p_pass", "text-ranking", benchmark, "mrr", "MRR of p_pass"
        if best:
            name = f"pass@1 of the best control, {best}"
            yield f"{base}.pass_at_1.{best}", "text-ranking", benchmark, "pass_at_1", name
            name = f"lift over the best control, {best}, in points"
            yield f"{base}.lift.{best}.points", "text-ranking", benchmark, "lift_points", name
    for figure, name in (("recall_at_1", "recall@1 of outputs"), ("mrr", "MRR of outputs")):
        yield f"retrieval.scores.model.{figure}", "other", None, figure, name
        yield f"retrieval.scores.no_action.{figure}", "other", None, figure, f"{name}, no_action"
    for category in records.keys(f"seed.{seed}.surprise.categories"):
        yield f"surprise.categories.{category}.auc", "other", None, "pairwise_auc", f"surprise AUC, {category}"
    for target in records.keys(f"seed.{seed}.probe.targets"):
        lift = f"probe.targets.{target}.lift_over_best_control"
        yield lift, "other", None, "balanced_accuracy_lift", f"balanced accuracy on {target}, z_pred minus best control"
    yield "collapse.effective_rank_ratio", "other", None, "effective_rank_ratio", "effective rank ratio of z_pred"
