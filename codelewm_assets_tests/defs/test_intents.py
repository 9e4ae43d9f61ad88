"""Jobs by intent, through the daemon's own functions: steps in order, nothing after a red check, one intent at a time.

The graph is that of `stub_graph`: its assets do nothing, jobs and sensors are the product's.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from codelewm_assets.defs.intents import (
    CLOSED_TAG,
    INTENT_TAG,
    INTENTS,
    MARKER_TAG,
    RETRY_GRACE_S,
    STATE_TAG,
    next_move,
)
from codelewm_assets.defs.jobs import BUILD_ORDER
from codelewm_assets_tests.defs.deployment import Deployment, deployed
from codelewm_assets_tests.defs.stub_graph import CODE, set_faults

Asked = list[tuple[str, str | None]]
STEPS: dict[str, Asked] = {step.job: [(step.job, p) for p in step.partitions] for step in BUILD_ORDER}


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Deployment]:
    with deployed(tmp_path, CODE) as found:
        yield found


def asked(made: Deployment) -> Asked:
    """Job and partition of what waits in the queue."""
    return sorted((run.job_name, run.tags.get("dagster/partition")) for run in made.queued())


def follow(made: Deployment) -> list[Asked]:
    """Tick and drain until nothing is asked for. Returns: what each tick asked for."""
    rounds = list[Asked]()
    while True:
        made.tick_sensors()
        if not made.queued():
            return rounds
        rounds.append(asked(made))
        made.drain()


def launch(made: Deployment, intent: str) -> str:
    """Launch an intent; its marker has run."""
    run = made.launch_job(intent)
    made.drain()
    return run


def state(made: Deployment, marker: str) -> str:
    run = made.instance.get_run_by_id(marker)
    assert run is not None
    return run.tags.get(STATE_TAG, "")


@pytest.mark.parametrize("intent", INTENTS, ids=lambda intent: intent.name)
def test_an_intent_asks_for_its_steps_in_order_and_is_done(made: Deployment, intent: object) -> None:
    """One step a tick, all its partitions at once; no step is asked for before the one before has ended."""
    name = intent.name  # type: ignore[attr-defined]
    marker = launch(made, name)
    assert follow(made) == [sorted(STEPS[job]) for job in intent.jobs]  # type: ignore[attr-defined]
    assert state(made, marker) == "done"


def test_the_four_intents_are_there_and_together_hold_every_step() -> None:
    assert [intent.name for intent in INTENTS] == [
        "refresh_data", "train_and_evaluate", "publish_evidence", "rebuild_everything",
    ]  # fmt: skip
    assert [job for intent in INTENTS[:3] for job in intent.jobs] == list(INTENTS[3].jobs) == list(STEPS)


def test_the_runs_of_an_intent_carry_its_name_and_the_run_that_asked_for_them(made: Deployment) -> None:
    marker = launch(made, "refresh_data")
    follow(made)
    runs = made.instance.get_runs(dg.RunsFilter(tags={MARKER_TAG: marker}))
    assert len(runs) == 3 and {run.tags[INTENT_TAG] for run in runs} == {"refresh_data"}


def test_a_step_that_has_not_ended_is_waited_for(made: Deployment) -> None:
    marker = launch(made, "refresh_data")
    made.tick_sensors()
    first = asked(made)
    made.tick_sensors()
    assert asked(made) == first == sorted(STEPS["label_benchmark"])
    assert state(made, marker) == "label_benchmark runs: 0 of 2 have ended"


@pytest.mark.parametrize("fault", ["red", "fails"])
def test_an_intent_stops_at_a_red_check_or_a_failed_step(made: Deployment, fault: str) -> None:
    """Benchmarks are labelled, their check is red: the pack is not made, though each asset did materialize."""
    set_faults(made.folder, labelled_completions=fault)
    marker = launch(made, "rebuild_everything")
    assert follow(made) == [sorted(STEPS["label_benchmark"])]
    assert state(made, marker).startswith("stopped at label_benchmark: run ")


def test_an_intent_that_stopped_can_be_asked_for_again(made: Deployment) -> None:
    set_faults(made.folder, execution_pack="red")
    launch(made, "refresh_data")
    follow(made)
    set_faults(made.folder)
    marker = launch(made, "refresh_data")
    assert len(follow(made)) == 2 and state(made, marker) == "done"


def test_intents_go_one_at_a_time_oldest_first(made: Deployment) -> None:
    first, second = launch(made, "refresh_data"), launch(made, "train_and_evaluate")
    jobs = [found[0][0] for found in follow(made)]
    assert jobs == ["label_benchmark", "make_pack", "train_and_score", "rerank", "judge_claims"]
    assert state(made, first) == state(made, second) == "done"


def test_a_run_that_a_person_cancels_stops_the_intent(made: Deployment) -> None:
    marker = launch(made, "publish_evidence")
    made.tick_sensors()
    canceled, _ = made.queued()
    made.instance.report_run_canceled(canceled)
    made.drain()
    assert follow(made) == []
    assert state(made, marker) == f"stopped at write_model_card: run {canceled.run_id[:8]} canceled"


def test_a_marker_that_is_executed_again_is_open_again_though_it_carries_the_tags_of_the_first(
    made: Deployment,
) -> None:
    first = launch(made, "publish_evidence")
    follow(made)
    tags = made.instance.get_run_by_id(first).tags  # type: ignore[union-attr]
    again = made.launch_job("publish_evidence", {name: tags[name] for name in (CLOSED_TAG, STATE_TAG)})
    made.drain()
    assert len(follow(made)) == 2 and state(made, again) == "done"


def test_a_run_whose_worker_died_is_retried_and_the_intent_goes_on_after_the_retry(made: Deployment) -> None:
    marker = launch(made, "publish_evidence")
    made.tick_sensors()
    lost, _ = made.queued()
    made.instance.report_run_failed(lost, "the worker is gone")
    made.drain()
    assert follow(made) == []
    assert state(made, marker) == "write_model_card runs: 1 of 2 have ended"
    made.retry()
    made.drain()
    assert follow(made) == [STEPS["release"]]
    assert state(made, marker) == "done"


def test_an_intent_is_not_closed_while_a_failed_run_does_not_say_yet_whether_it_is_retried(made: Deployment) -> None:
    marker = launch(made, "refresh_data")
    made.tick_sensors()
    made.drain()
    made.tick_sensors()
    (lost,) = made.queued()
    with made.sensors_between_failure_and_tag():
        made.instance.report_run_failed(lost, "the worker is gone")
    assert state(made, marker) == "make_pack runs: 0 of 1 have ended"
    made.retry()
    made.drain()
    assert follow(made) == []
    assert state(made, marker) == "done"


def test_a_failed_run_that_never_says_whether_it_is_retried_is_waited_for_a_while_only(
    made: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker_id = launch(made, "publish_evidence")
    made.tick_sensors()
    with monkeypatch.context() as patch:
        patch.setattr(dg.DagsterInstance, "add_run_tags", lambda *args: None)
        for run in made.queued():
            made.instance.report_run_failed(run, "the worker is gone")
    marker, now = made.instance.get_run_by_id(marker_id), datetime.now(UTC)
    assert marker is not None
    assert not next_move(made.instance, marker, now).is_closed
    assert next_move(made.instance, marker, now + timedelta(seconds=RETRY_GRACE_S + 1)).is_closed


def test_a_run_that_its_time_limit_ended_is_waited_for_though_it_reads_as_canceled(made: Deployment) -> None:
    """The worker's own last event comes after monitoring's. Closed then, its retry would run beside the next intent."""
    marker = launch(made, "refresh_data")
    after = launch(made, "publish_evidence")
    made.tick_sensors()
    late, _ = made.queued()
    made.instance.report_run_failed(late, "Exceeded maximum runtime of 60 seconds.")
    ended = made.instance.get_run_by_id(late.run_id)
    assert ended is not None
    made.instance.report_run_canceled(ended)
    made.drain()
    assert follow(made) == []
    assert state(made, marker) == "label_benchmark runs: 1 of 2 have ended"
    made.retry()
    assert [run.parent_run_id for run in made.queued()] == [late.run_id]
    made.drain()
    assert [found[0][0] for found in follow(made)] == ["make_pack", "write_model_card", "release"]
    assert state(made, marker) == state(made, after) == "done"


def test_a_retry_that_never_comes_is_waited_for_a_while_only(made: Deployment) -> None:
    marker_id = launch(made, "publish_evidence")
    made.tick_sensors()
    for run in made.queued():
        made.instance.report_run_failed(run, "the worker is gone")
    marker = made.instance.get_run_by_id(marker_id)
    assert marker is not None
    now = datetime.now(UTC)
    assert not next_move(made.instance, marker, now).is_closed
    later = datetime.fromtimestamp(now.timestamp() + RETRY_GRACE_S + 1, UTC)
    assert next_move(made.instance, marker, later).is_closed
