"""A run whose process was killed is ended by the next command, and pools hold builds too; what cannot be known is alive."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from codelewm_assets.instance import launcher
from codelewm_assets.instance.launcher import (
    TAGS,
    acquire_pools,
    create_pools,
    fail_dead_runs,
    is_known_dead,
    process_tags,
)
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.tiers import slow

SAY_TAGS = """
import json, sys, time
from codelewm_assets.instance.launcher import process_tags
print(json.dumps(process_tags()), flush=True)
time.sleep(600)
"""


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as found:
        yield found


@pytest.fixture
@slow
def other() -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Another process, and the tags of its runs."""
    import json

    process = subprocess.Popen([sys.executable, "-c", SAY_TAGS], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


def test_a_run_is_ended_when_its_process_was_killed_and_not_before(
    instance: dg.DagsterInstance, other: tuple[subprocess.Popen[str], dict[str, str]]
) -> None:
    process, tags = other
    run = instance.add_run(dg.DagsterRun("train_and_evaluate", status=dg.DagsterRunStatus.STARTED, tags=tags))
    assert not is_known_dead(tags) and fail_dead_runs(instance) == []
    process.kill()
    time.sleep(0.2)  # it is not reaped yet: a zombie runs nothing
    assert fail_dead_runs(instance) == [f"train_and_evaluate {run.run_id[:8]}"]
    ended = instance.get_run_by_id(run.run_id)
    assert ended is not None and ended.status == dg.DagsterRunStatus.FAILURE
    process.wait()
    assert is_known_dead(tags) and fail_dead_runs(instance) == []


@each_case(
    ("change", "is_dead"),
    [
        ({}, False),
        ({"process_started": "1"}, True),  # the number was given to another process
        ({"boot_id": "another"}, True),  # the machine was restarted
        ({"host": "another"}, False),
        ({"host": "another", "boot_id": "another"}, False),
        ({"pid_namespace": "pid:[1]"}, False),  # a container over the same instance
        ({"pid_namespace": "pid:[1]", "pid": "99999999"}, False),
        ({"pid": "99999999"}, True),
        ({"pid": "no number"}, True),
    ],
    ids=str,
)
def test_only_evidence_of_this_machine_calls_a_process_dead(change: dict[str, str], is_dead: bool) -> None:
    assert is_known_dead(process_tags() | {TAGS[name]: value for name, value in change.items()}) is is_dead


@each_case("name", TAGS)
def test_a_run_that_does_not_say_all_of_it_counts_as_living(name: str) -> None:
    tags = process_tags() | {TAGS["process_started"]: "1"}
    assert is_known_dead(tags)
    assert not is_known_dead({tag: value for tag, value in tags.items() if tag != TAGS[name]})


@dg.asset(pool="gpu")
def trained() -> None: ...


def _in_progress(instance: dg.DagsterInstance, tags: dict[str, str]) -> str:
    """A run of the asset in progress, as the queue makes one."""
    job = dg.Definitions(assets=[trained]).resolve_implicit_global_asset_job_def()
    run = instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.NOT_STARTED)
    instance.report_dagster_event(dg.DagsterEvent("PIPELINE_START", job_name=run.job_name, message=""), run.run_id)
    return run.run_id


def test_a_build_waits_for_a_run_in_its_pool_and_not_for_one_that_is_dead(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "POLL_INTERVAL_S", 0.05)
    dead = process_tags() | {TAGS["pid"]: "99999999"}
    _in_progress(instance, dead)
    with acquire_pools(instance, {"gpu"}):
        pass
    run_id, said = _in_progress(instance, process_tags()), list[str]()
    with acquire_pools(instance, {"sandbox"}, said.append):
        assert said == []

    def end() -> None:
        time.sleep(0.3)
        run = instance.get_run_by_id(run_id)
        assert run is not None
        instance.report_run_failed(run)

    threading.Thread(target=end).start()
    begun = time.monotonic()
    with acquire_pools(instance, {"gpu", "sandbox"}, said.append):
        assert time.monotonic() - begun >= 0.3
    (text,) = said
    assert run_id[:8] in text and "which is in the pool gpu" in text


def test_two_builds_are_in_a_pool_one_after_the_other(instance: dg.DagsterInstance) -> None:
    inside, most, said, one_waits = list[int](), list[int](), list[str](), threading.Event()

    def say(text: str) -> None:
        said.append(text)
        one_waits.set()

    def build() -> None:
        with acquire_pools(instance, {"gpu"}, say):
            inside.append(1)
            most.append(len(inside))
            assert one_waits.wait(60)
            inside.pop()

    assert instance.root_directory  # an ephemeral instance makes its folder when it is first asked for it
    threads = [threading.Thread(target=build) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1] and said == ["waits for another build, which is in the pool gpu"]


def test_pools_are_there_from_the_first_command_on_and_keep_a_limit_that_somebody_set(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text((Path(__file__).parents[2] / "dagster.yaml").read_text())
    here = os.getcwd()
    try:
        os.chdir(tmp_path)  # its folders are relative
        with dg.DagsterInstance.from_config(str(tmp_path)) as found:
            found.event_log_storage.set_concurrency_slots("hub", 3)
            create_pools(found, {"gpu", "hub"})
            infos = {name: found.event_log_storage.get_concurrency_info(name).slot_count for name in ("gpu", "hub")}
    finally:
        os.chdir(here)
    assert infos == {"gpu": 1, "hub": 3}
