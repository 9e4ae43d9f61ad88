"""Findings of a soak, from the instance's events, the store's files and the receiver's log: none of it through the guard."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from codelewm_assets.core.errors import AssetsError
from codelewm_assets.store.store import ArtifactStore

AUTOMATED = "dagster/from_automation_condition"
SCHEDULED = "dagster/schedule_name"


@dataclass(frozen=True, slots=True)
class Training:
    """A training that started: when, in which run, and the digest of every gating artifact by its id."""

    at_s: float
    run_id: str
    seed: int
    digests: Mapping[str, str]


def read_trainings(path: Path) -> list[Training]:
    """The lines that the code location wrote."""
    return (
        [Training(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
        if path.exists()
        else []
    )


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A result of a check: when, on which artifact's digest, and whether it passed."""

    at_s: float
    asset: str
    check: str
    judged: str
    is_green: bool


def evaluations(instance: dg.DagsterInstance) -> list[Evaluation]:
    """Every result of every check that runs of this instance gave, oldest first."""
    found = []
    for run in instance.get_runs():
        for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
            assert entry.dagster_event is not None
            own = entry.dagster_event.asset_check_evaluation_data
            judged = own.metadata.get("judged")
            if judged is not None:
                found.append(
                    Evaluation(
                        entry.timestamp, own.asset_key.to_user_string(), own.check_name, str(judged.value), own.passed
                    )
                )
    return sorted(found, key=lambda one: one.at_s)


def trained_on_red(
    trainings: Sequence[Training], results: Sequence[Evaluation], gates: Sequence[tuple[str, str]]
) -> list[str]:
    """Trainings that started although a gating check had no green result, as its latest, on an artifact that was trained on."""
    found = []
    for training in trainings:
        for name, digest in training.digests.items():
            asset = name.partition("[")[0]
            for check in (check for gated, check in gates if gated == asset):
                before = [
                    one for one in results
                    if (one.asset, one.check, one.judged) == (asset, check, digest) and one.at_s <= training.at_s
                ]  # fmt: skip
                if not before or not before[-1].is_green:
                    state = "red" if before else "without a result"
                    found.append(f"run {training.run_id[:8]} seed {training.seed}: {name}:{check} was {state}")
        for asset in {asset for asset, _ in gates} - {name.partition("[")[0] for name in training.digests}:
            found.append(f"run {training.run_id[:8]} seed {training.seed}: nothing is known of {asset}")
    return found


def lost_artifacts(instance: dg.DagsterInstance, store: ArtifactStore) -> list[str]:
    """Materializations whose artifact is not in the store, whole."""
    found, seen = [], set[tuple[str, str | None, str]]()
    for run in instance.get_runs():
        for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
            assert entry.dagster_event is not None
            made = entry.dagster_event.step_materialization_data.materialization
            version = (made.tags or {}).get("dagster/data_version")
            if version is None or (made.label, made.partition, version) in seen:
                continue
            seen.add((made.label, made.partition, version))
            try:
                artifact = store.load(str(made.label), version, partition=made.partition)
            except AssetsError as error:
                found.append(str(error))
            else:
                found += [f"{fault.artifact} {fault.file}" for fault in store.verify(artifact)]
    return found


def failed_runs(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Runs that failed, those that were retried among them; not those that a person canceled."""
    return [run for run in instance.get_runs() if run.status == dg.DagsterRunStatus.FAILURE]


def notification_faults(failed: Sequence[str], delivered: Sequence[str]) -> list[str]:
    """Failures told never or more than once, and messages of no failure. Args: run ids; keys of the messages received."""
    times = Counter(delivered)
    never = [f"run {run_id[:8]} failed and nobody was told" for run_id in failed if not times[run_id]]
    often = [f"run {run_id[:8]} was told {times[run_id]} times" for run_id in failed if times[run_id] > 1]
    return never + often + [f"{key[:40]} was told and is no failed run" for key in times if key not in set(failed)]


def scheduled_runs(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Runs that nobody asked for by hand: those of the schedules, and those of automation that follow from their data."""
    return [run for run in instance.get_runs() if SCHEDULED in run.tags or AUTOMATED in run.tags]


def outcome_counts(runs: Sequence[dg.DagsterRun]) -> dict[str, Any]:
    """Runs by what became of them."""
    return dict(sorted(Counter(run.status.value.lower() for run in runs).items()))
