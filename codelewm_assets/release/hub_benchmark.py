"""The pools as a benchmark of the Hub: `eval.yaml` of the dataset, and `.eval_results/*.yaml` of a model.

A result has a task and a value and no name of a metric, so each benchmark and metric is a task. Results of controls are in the
benchmark's own table, on the dataset's card.
Source: https://huggingface.co/docs/hub/eval-results, "Eval.yaml specification".
"""

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from codelewm_assets.core.ids import BENCHMARKS
from codelewm_assets.release.hub_layout import DATASET, NAMESPACE, RUN, SPLIT
from codelewm_assets.release.lookup import Records

EVAL_FILE, RESULTS_FOLDER = "eval.yaml", ".eval_results"
FRAMEWORK = "codelewm-assets"  # the Hub lists the frameworks that it accepts
SCORERS = {"p_pass": "", "critic": "scorers.critic."}  # score → where its reports are below a seed
DESCRIPTION = (
    "Put a passing program first without running any: pools of right programs and of the same programs with an injected bug. "
    "pass_at_1 is the share of pools whose first program passes, ties shared; mrr the mean reciprocal rank of the first passing "
    "one; roc_auc separates passing from failing held-out programs."
)


@dataclass(frozen=True, slots=True)
class Task:
    """A task: one metric on one benchmark."""

    benchmark: str
    metric: str
    config: str  # of the dataset
    path: str  # of the figure below a scorer's reports, with a place for the score's name

    @property
    def task_id(self) -> str:
        """Its id in `eval.yaml`."""
        return f"{self.benchmark}_{self.metric}"


def tasks() -> tuple[Task, ...]:
    """Every task, by benchmark."""
    return tuple(
        task
        for name in BENCHMARKS
        for task in (
            Task(name, "pass_at_1", "solution_sets", f"{{rerank}}{name}.pass_at_1.{{score}}"),
            Task(name, "mrr", "solution_sets", f"{{rerank}}{name}.mrr.{{score}}"),
            Task(name, "roc_auc", "default", f"calibration.slices.benchmark.{name}.{{score}}.roc_auc"),
        )
    )


def eval_yaml() -> bytes:
    """`eval.yaml` at the root of the dataset."""
    rows = [{"id": task.task_id, "config": task.config, "split": SPLIT} for task in tasks()]
    content = {
        "name": "CodeLeWM twin pools",
        "description": DESCRIPTION,
        "evaluation_framework": FRAMEWORK,
        "tasks": rows,
    }
    return yaml.safe_dump(content, sort_keys=False, width=120).encode()


def eval_results(records: Records, seed: int) -> Iterator[tuple[str, bytes]]:
    """Path in the model's repository and content of each scorer's results. Args: records: with the reports of this seed."""
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    for score, base in SCORERS.items():
        rerank = (
            "rerank." if score == "p_pass" else "rerank.benchmarks."
        )  # `report_records` keys the model's by benchmark
        entries = []
        for task in tasks():
            value = records.get(f"seed.{seed}.{base}{task.path.format(rerank=rerank, score=score)}")
            if value is not None:
                entries.append(
                    EvalResultEntry(
                        dataset_id=f"{NAMESPACE}/{DATASET}",
                        task_id=task.task_id,
                        value=value,
                        source_url=f"https://huggingface.co/datasets/{NAMESPACE}/{RUN}",
                        source_name="results_report",
                        notes=f"{task.metric} of {score}, seed {seed}, on {records.labels.get(task.benchmark, task.benchmark)}",
                    )
                )
        if entries:
            text = yaml.safe_dump(eval_result_entries_to_yaml(entries), sort_keys=False, width=120)
            yield f"{RESULTS_FOLDER}/{score}.yaml", text.encode()
