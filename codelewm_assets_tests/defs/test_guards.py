"""Training is refused, on every route, until each check that gates it is green on exactly its data."""

import os
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from codelewm_assets.core.tables import write_table
from codelewm_assets.defs.assemble import build_defs
from codelewm_assets.defs.checks import DATA_RULES
from codelewm_assets.defs.guards import BLOCKING_CHECKS, blocking_statuses, check_status, require_clear
from codelewm_assets.defs.training import checkpoint
from codelewm_assets.preflight.clearance import REQUIRED_RULES
from codelewm_assets.profiles.profile import load_profile
from codelewm_assets.training.progress import event_line, read_events, timeless
from codelewm_assets.training.sidecar import FOLDER_FILES
from codelewm_assets_tests.defs.stored_world import QUIET, TINY, StoredWorld
from codelewm_assets_tests.factories import World

GATE_COUNT = len(BLOCKING_CHECKS)


def _train(stored: StoredWorld) -> str:
    """Start `checkpoint` alone; the text it was refused with."""
    result = dg.materialize(
        [checkpoint], instance=stored.instance, partition_key="42", resources=stored.resources, run_config=QUIET,
        raise_on_error=False,
    )  # fmt: skip
    assert not result.success
    events = result.get_step_failure_events()
    assert len(events) == 1
    failure = events[0].step_failure_data.user_failure_data
    assert failure is not None and failure.description is not None
    assert not [row for row in stored.store.artifacts() if row[0] == "checkpoint"]
    return failure.description


def _clear(stored: StoredWorld, world: World) -> None:
    stored.put_data(world)
    stored.put_preflight()
    stored.put_tokens(world)
    stored.run_all_gating_checks()


def test_the_registry_is_every_blocking_check_on_an_ancestor_of_checkpoint() -> None:
    graph = build_defs().resolve_asset_graph()
    ancestors = graph.get_ancestor_asset_keys(dg.AssetKey("checkpoint"))
    wanted = {
        (key.asset_key.to_user_string(), key.name)
        for key in graph.asset_check_keys
        if key.asset_key in ancestors and graph.get(key).blocking
    }
    assert set(BLOCKING_CHECKS) == wanted
    assert len(BLOCKING_CHECKS) == len(wanted)


def test_the_required_rules_are_the_rules_of_the_code() -> None:
    """A rule that is deleted, renamed or added needs an edit of both, and so a look at what training rests on."""
    assert sorted(rule.name for rule in DATA_RULES) == list(REQUIRED_RULES)


def test_every_gating_asset_is_a_direct_parent_of_checkpoint() -> None:
    parents = build_defs().resolve_asset_graph().get(dg.AssetKey("checkpoint")).parent_keys
    assert {dg.AssetKey(asset) for asset, _ in BLOCKING_CHECKS} <= parents


def test_in_an_empty_instance_training_is_refused_and_each_check_is_named(stored: StoredWorld) -> None:
    text = _train(stored)
    assert f"{GATE_COUNT} of its checks are not green" in text
    for status in blocking_statuses(stored.instance):
        assert f"{status.name} MISSING; ran: never; latest is nothing; the asset has not been materialized\n" in text


def test_all_green_on_the_latest_artifacts_is_clear(stored: StoredWorld, world: World) -> None:
    _clear(stored, world)
    assert {status.state for status in blocking_statuses(stored.instance)} == {"GREEN"}
    require_clear(stored.instance)


def test_a_red_check_refuses_training_and_is_the_one_named(stored: StoredWorld, world: World) -> None:
    _clear(stored, world)
    rows = [row.model_copy(update={"license": "Proprietary"}) if n == 0 else row for n, row in enumerate(world.rows)]
    stored.put_data(world.changed(rows=tuple(rows)))
    stored.put_preflight()
    stored.put_tokens(world)
    stored.run_all_gating_checks()
    red = [status.name for status in blocking_statuses(stored.instance) if status.state == "RED"]
    assert red == ["execution_pack:licences_are_known", "preflight_report:preflight_is_clear"]
    text = _train(stored)
    assert "2 of its checks are not green" in text and all(f"{name} RED" in text for name in red)


def test_a_check_that_was_never_run_refuses_training(stored: StoredWorld, world: World) -> None:
    stored.put_data(world)
    stored.put_preflight()
    stored.put_tokens(world)
    stored.run_all_gating_checks(but=("tokenized_pack",))
    status = check_status(stored.instance, "tokenized_pack", "tokens_join_the_pack")
    assert (status.state, status.detail) == ("MISSING", "the check has not been run")
    text = _train(stored)
    assert "1 of its checks are not green" in text and "tokenized_pack:tokens_join_the_pack MISSING" in text


def test_an_asset_rebuilt_after_its_check_makes_the_check_stale(stored: StoredWorld, world: World) -> None:
    _clear(stored, world)
    stored.report(stored.latest["problem_splits"])
    stale = [status.name for status in blocking_statuses(stored.instance) if status.state == "STALE"]
    assert stale == [f"problem_splits:{name}" for asset, name in BLOCKING_CHECKS if asset == "problem_splits"]
    assert "4 of its checks are not green" in _train(stored)


def test_a_refusal_says_when_a_check_ran_on_what_and_what_is_the_latest(stored: StoredWorld, world: World) -> None:
    stored.put_data(world)
    old = stored.latest["problem_splits"].digest
    stored.run_check("problem_splits", "no_problem_crosses_folds")
    ran = check_status(stored.instance, "problem_splits", "no_problem_crosses_folds")
    assert (ran.state, ran.judged, ran.latest) == ("GREEN", old, old)
    assert ran.ran_at_s is not None
    when = f"{datetime.fromtimestamp(ran.ran_at_s, UTC):%Y-%m-%d %H:%M:%S} UTC"
    stored.put("problem_splits", {"splits.parquet": write_table(world.splits[1:])}, {})
    new = stored.latest["problem_splits"].digest
    with pytest.raises(dg.Failure) as caught:
        require_clear(stored.instance)
    lines = (caught.value.description or "").splitlines()
    assert lines[0] == f"Training is refused: {GATE_COUNT} of its checks are not green."
    assert len(lines) == GATE_COUNT + 2
    name = "problem_splits:no_problem_crosses_folds"
    assert (
        f"  {name} STALE; ran {when} on {old[:12]}; latest is {new[:12]}; it judged an earlier materialization" in lines
    )
    table = caught.value.metadata["gate"]
    assert isinstance(table, dg.TableMetadataValue)
    (row,) = (record.data for record in table.records if record.data["check"] == name)
    assert row == {"check": name, "state": "STALE", "ran": when, "judged": old, "latest": new,
                   "detail": "it judged an earlier materialization"}  # fmt: skip


def test_a_green_result_about_other_data_than_the_latest_is_stale(stored: StoredWorld, world: World) -> None:
    """A check of the same name that does not say what it judged, or says another digest, vouches for nothing."""
    stored.put_data(world)
    digest = stored.latest["execution_pack"].digest

    @dg.asset(name="execution_pack")
    def stand_in() -> dg.MaterializeResult:
        return dg.MaterializeResult(data_version=dg.DataVersion(digest))

    for judged, state in ({}, "STALE"), ({"judged": "f" * 64}, "STALE"), ({"judged": digest}, "GREEN"):

        @dg.asset_check(asset="execution_pack", name="pack_has_both_classes")
        def passes(judged: dg.ResourceParam[dict[str, str]]) -> dg.AssetCheckResult:
            return dg.AssetCheckResult(passed=True, metadata=judged)

        dg.materialize([stand_in, passes], instance=stored.instance, run_config=QUIET, resources={"judged": judged})
        assert check_status(stored.instance, "execution_pack", "pack_has_both_classes").state == state


def test_one_asset_whose_checks_are_older_is_enough_to_refuse(stored: StoredWorld, world: World) -> None:
    _clear(stored, world)
    stored.report(stored.latest["labelled_completions"])
    text = _train(stored)
    assert "labelled_completions:labels_are_deterministic STALE" in text
    assert "candidate_completions" not in text


def test_a_result_reported_by_hand_does_not_count(stored: StoredWorld, world: World) -> None:
    _clear(stored, world)
    stored.report(stored.latest["execution_pack"])
    for name in ("pack_has_both_classes", "licences_are_known"):
        stored.instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=dg.AssetKey("execution_pack"), check_name=name, passed=True, metadata={}, blocking=True
            )
        )
    states = {
        check_status(stored.instance, "execution_pack", name).state
        for _, name in BLOCKING_CHECKS
        if name in ("pack_has_both_classes", "licences_are_known")
    }
    assert states == {"MANUAL"}
    assert "MANUAL" in _train(stored)


def test_a_failed_warning_is_red_for_training(stored: StoredWorld, world: World) -> None:
    stored.put_data(world)

    @dg.asset_check(asset="execution_pack", name="pack_has_both_classes", blocking=True)
    def warns() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN)

    @dg.asset(name="execution_pack")
    def stand_in() -> None: ...

    assert dg.materialize([stand_in, warns], instance=stored.instance, run_config=QUIET).success
    assert check_status(stored.instance, "execution_pack", "pack_has_both_classes").state == "RED"


def test_green_checks_on_artifacts_that_do_not_belong_together_are_refused(stored: StoredWorld, world: World) -> None:
    _clear(stored, world)
    old_decoys = stored.latest["semantic_decoys"]
    rows = tuple(row.model_copy(update={"operator_family": "other"}) for row in world.rows)
    stored.put_data(world.changed(rows=rows))
    stored.report(old_decoys)
    stored.put_preflight()
    stored.put_tokens(world.changed(rows=rows))
    stored.run_all_gating_checks()
    assert {status.state for status in blocking_statuses(stored.instance)} == {"GREEN"}
    text = _train(stored)
    assert "semantic_decoys was made from execution_pack" in text


def test_a_report_judged_under_another_profile_is_refused(stored: StoredWorld, world: World) -> None:
    _clear(stored, world)
    for section, name, value in (("preflight", "target_lift_points", 1.0), ("sandbox", "isolation", "basic")):
        settings = load_profile(TINY).preflight_settings()
        settings[section][name] = value
        stored.put_preflight(settings=settings)
        stored.run_checks("preflight_report")
        assert "are not those of profile" in _train(stored)


def test_a_pack_made_from_labels_that_were_rebuilt_since_is_refused(stored: StoredWorld, world: World) -> None:
    _clear(stored, world)
    first = world.labelled[0].model_copy(update={"outcome": "pass", "inputs": world.labelled[0].inputs[::-1]})
    labels = StoredWorld(stored.store.root, stored.instance)
    labels.latest = dict(stored.latest)
    pack = stored.latest["execution_pack"]
    labels.put_data(world.changed(labelled=(first, *world.labelled[1:])))
    for name in ("execution_pack", "problem_splits", "semantic_decoys", "rerank_pools"):
        labels.report(stored.latest[name])
    labels.put_preflight()
    labels.report(stored.latest["tokenized_pack"])
    labels.run_all_gating_checks()
    assert {status.state for status in blocking_statuses(stored.instance)} == {"GREEN"}
    text = _train(labels)
    assert "execution_pack was made from labelled_completions" in text and pack.digest


@pytest.mark.slow
def test_with_every_check_green_training_runs_and_stores_a_checkpoint(stored: StoredWorld, world: World) -> None:
    _clear(stored, world)
    result = dg.materialize(
        [checkpoint], instance=stored.instance, partition_key="42", resources=stored.resources, run_config=QUIET
    )
    assert result.success
    made = stored.store.load(
        "checkpoint",
        result.asset_materializations_for_node("checkpoint")[0].tags["dagster/data_version"],
        partition="42",
    )
    assert {file.path for file in made.manifest.files} == {
        *(f"fold0/{name}" for name in FOLDER_FILES),
        "progress.jsonl",
        "sidecar.json",
    }
    assert made.manifest.metadata["judged"]["execution_pack"] == stored.latest["execution_pack"].digest
    shown = read_events(stored.store.work / "progress" / "checkpoint-42.jsonl")[0]  # while it ran
    assert timeless(shown) == read_events(made.path("progress.jsonl"))[0]
    logged = [entry.user_message for entry in stored.instance.all_logs(result.run_id)]
    assert [event for event in shown if event_line(event).strip() not in logged] == []


@pytest.mark.slow
def test_a_crash_after_the_last_event_records_no_checkpoint(
    stored: StoredWorld, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _clear(stored, world)
    (tmp_path / "sitecustomize.py").write_text("import atexit, os; atexit.register(os._exit, 7)")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    result = dg.materialize(
        [checkpoint], instance=stored.instance, partition_key="42", resources=stored.resources, run_config=QUIET,
        raise_on_error=False,
    )  # fmt: skip
    assert not result.success and result.asset_materializations_for_node("checkpoint") == []
    shown = read_events(stored.store.work / "progress" / "checkpoint-42.jsonl")[0]
    assert shown[-1]["event"] == "complete"
    assert "ended with status 7: no message" in result.failure_data_for_node("checkpoint").user_failure_data.description


def test_a_longer_time_limit_is_the_same_training_and_resumes_from_its_states() -> None:
    config = load_profile(TINY).training_config()
    assert config.settings == config.model_copy(update={"wall_limit_s": 99_999}).settings
    assert config.settings != config.model_copy(update={"steps": 3}).settings
