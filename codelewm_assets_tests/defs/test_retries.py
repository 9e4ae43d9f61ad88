"""Runs are retried when the infrastructure failed, and never for a failed step or a red check; limits are tags of the profile."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from codelewm_assets.core.errors import TrainingKilledError
from codelewm_assets.defs import training
from codelewm_assets.defs.assemble import STAGE_MODULES, listing, operating
from codelewm_assets.defs.jobs import BUILD_ORDER
from codelewm_assets.defs.resources import default_resources
from codelewm_assets.profiles.operations import OperationsSection, RunLimits
from codelewm_assets_tests.defs.deployment import Deployment, deployed, instance_settings
from codelewm_assets_tests.defs.stub_graph import CODE, set_faults
from codelewm_assets_tests.tiers import slow


@pytest.fixture
@slow
def made(tmp_path: Path) -> Iterator[Deployment]:
    with deployed(tmp_path, CODE) as found:
        yield found


def _lose_all(made: Deployment) -> list[str]:
    """Every worker that would start now dies before its first event. Returns: ids of those runs."""
    runs = made.queued()
    for run in runs:
        made.instance.report_run_failed(run, "the worker is gone")
    return [run.run_id for run in runs]


@pytest.mark.parametrize("fault", ["fails", "red"])
def test_a_failed_step_or_a_red_check_is_not_retried(made: Deployment, fault: str) -> None:
    set_faults(made.folder, execution_pack=fault)
    run = made.launch_job("refresh_data")
    made.drain()
    assert not made.succeeded(run)
    made.retry()
    assert made.queued() == []


@pytest.mark.parametrize("fault", ["fails", "red"])
def test_nor_is_one_that_somebody_started_from_the_graph(made: Deployment, fault: str) -> None:
    """Such a run carries no tags: the instance's own settings hold."""
    set_faults(made.folder, checkpoint=fault)
    run = made.launch(["checkpoint"], "42")
    assert not made.succeeded(run)
    made.retry()
    assert made.queued() == []


def test_a_run_whose_worker_died_is_retried_once_and_not_again(made: Deployment) -> None:
    made.launch_job("refresh_data")
    assert len(_lose_all(made)) == 1
    made.retry()
    assert len(_lose_all(made)) == 1
    made.retry()
    assert made.queued() == []


def test_a_profile_says_how_often(tmp_path: Path) -> None:
    tags = _job(OperationsSection(infrastructure_retries=3), "judge_and_publish").tags
    assert tags["dagster/max_retries"] == "3" and tags["dagster/retry_on_asset_or_op_failure"] == "false"


def test_a_red_check_after_a_retry_is_not_retried_either(made: Deployment) -> None:
    made.launch_job("refresh_data")
    _lose_all(made)
    set_faults(made.folder, execution_pack="red")
    made.retry()
    made.drain()
    made.retry()
    assert made.queued() == []


class _Killed:
    """Training whose process is killed so many times, and trains nothing else than the stub it is put before."""

    def __init__(self, stub: Callable[..., Any], kills: int) -> None:
        self._stub, self._kills, self.starts = stub, kills, 0

    def __call__(self, *args: Any) -> Any:
        self.starts += 1
        if self.starts <= self._kills:
            raise TrainingKilledError("Training of seed 42 was ended by SIGKILL from outside.")
        return self._stub(*args)


def _kill(monkeypatch: pytest.MonkeyPatch, kills: int) -> _Killed:
    found = _Killed(training._train, kills)
    monkeypatch.setattr(training, "_train", found)
    return found


def test_training_whose_process_was_killed_is_tried_again_in_the_same_run(
    green: Deployment, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = _kill(monkeypatch, 1)
    assert green.succeeded(green.launch(["checkpoint"], "42"))
    assert (killed.starts, started, green.seeds_stored()) == (2, ["42"], {"42"})


def test_training_that_is_killed_again_and_again_is_a_failed_step(
    green: Deployment, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = _kill(monkeypatch, 9)
    run = green.launch(["checkpoint"], "42")
    assert not green.succeeded(run) and killed.starts == 1 + OperationsSection().infrastructure_retries
    assert "ended by SIGKILL from outside" in green.failures(run)["checkpoint"]
    green.retry()
    assert green.queued() == [] and green.knows_no_checkpoint()


def test_training_that_was_killed_is_not_tried_again_on_data_that_came_meanwhile_and_is_not_judged(
    green: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = []

    def die(*args: Any) -> Any:
        starts.append(args)
        green.stored.report(green.stored.latest["problem_splits"])
        raise TrainingKilledError("Training of seed 42 was ended by SIGKILL from outside.")

    monkeypatch.setattr(training, "_train", die)
    run = green.launch(["checkpoint"], "42")
    assert not green.succeeded(run) and green.knows_no_checkpoint() and len(starts) == 1
    assert "problem_splits" in green.failures(run)["checkpoint"]


def _job(operations: OperationsSection, name: str) -> dg.JobDefinition:
    assets = [asset for module in STAGE_MODULES for asset in module.ASSETS]
    graph = dg.Definitions(assets=assets, resources=default_resources() | {"listing": listing()})
    return dg.Definitions.merge(graph, operating(operations)).resolve_job_def(name)


def test_every_job_has_a_time_limit_and_a_step_has_that_of_the_profile() -> None:
    limits = RunLimits(refresh_data=61)
    jobs = [step.job for step in BUILD_ORDER]
    assert list(RunLimits.model_fields) == jobs
    for name in jobs:
        found = _job(OperationsSection(run_limits_s=limits), name).tags["dagster/max_runtime"]
        assert found == str(getattr(limits, name))
    assert all("dagster/max_runtime" in _job(OperationsSection(), step.job).tags for step in BUILD_ORDER)


def test_the_instance_retries_no_failed_step_and_ends_runs_that_carry_no_limit() -> None:
    settings = instance_settings("run_retries", "run_monitoring", "concurrency")
    assert settings["run_retries"] == {"enabled": True, "max_retries": 1, "retry_on_asset_or_op_failure": False}
    assert settings["run_monitoring"]["enabled"]
    assert settings["run_monitoring"]["max_runtime_seconds"] >= max(RunLimits().model_dump().values())
    assert settings["concurrency"]["pools"] == {"granularity": "run", "default_limit": 1}


def test_the_pools_are_those_of_the_machine_the_sandbox_and_the_hub() -> None:
    pools = {a.key.to_user_string(): a.op.pool for m in STAGE_MODULES for a in m.ASSETS if a.op.pool is not None}
    assert pools == {
        "benchmark_problems": "hub",
        "labelled_completions": "sandbox",
        "library_variants": "sandbox",
        "checkpoint": "gpu",
        "hub_release": "hub",
    }
