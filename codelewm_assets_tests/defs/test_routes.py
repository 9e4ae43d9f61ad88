"""Each way to start training: refused while a check is red, missing or older than its data, allowed when all are green.

"Allowed" is that the worker is reached: `started` in conftest.py stands in for it, and trains nothing. The route of the
command line runs the worker itself. The worker started by hand is in `training/test_worker.py`, automation in
`test_automation.py`; docs/guard.md lists every route with its test.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from codelewm_assets.core.ids import SEEDS
from codelewm_assets.core.tables import write_table
from codelewm_assets.defs import checks, dataset, guards, training
from codelewm_assets.defs.guards import blocking_statuses
from codelewm_assets.defs.inputs import AssetOutput, Inputs
from codelewm_assets_tests.defs.deployment import Deployment, deployed
from codelewm_assets_tests.defs.stored_world import TINY, StoredWorld
from codelewm_assets_tests.factories import World

FROM_THE_PACK_ON = (
    "execution_pack",
    "problem_splits",
    "semantic_decoys",
    "rerank_pools",
    "control_scores",
    "preflight_report",
    "tokenized_pack",
)
BOTH_SEEDS = [str(seed) for seed in SEEDS]
RAN = r"ran \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC on [0-9a-f]{12}; latest is [0-9a-f]{12}; \S.*"
NEVER = r"ran: never; latest is [0-9a-f]{12}; \S.*"
SPLIT_CHECKS = {f"problem_splits:{name}" for asset, name in guards.BLOCKING_CHECKS if asset == "problem_splits"}


@dataclass(frozen=True)
class Fault:
    """What is wrong with the evidence: how it comes about, and the checks that are not green then."""

    name: str
    start: str
    make: Callable[[Deployment, World], None]
    states: dict[str, str]
    remedy: Callable[[Deployment, World], None]


def _unknown_licence(made: Deployment, world: World) -> None:
    rows = (world.rows[0].model_copy(update={"license": "Proprietary"}), *world.rows[1:])
    _put_pack(made.stored, world.changed(rows=rows))
    made.stored.run_checks("execution_pack")


def _put_pack(stored: StoredWorld, world: World) -> None:
    labels = {p.benchmark_id: p.benchmark_label for p in world.problems}
    parents = ("benchmark_problems", "labelled_completions")
    stored.put(
        "execution_pack", {"pack.parquet": write_table(world.rows)}, {"benchmark_labels": labels}, parents=parents
    )


def _right_pack(made: Deployment, world: World) -> None:
    _put_pack(made.stored, world)
    made.stored.run_checks("execution_pack")


def _splits_again(made: Deployment, world: World) -> None:
    made.stored.report(made.stored.latest["problem_splits"])


FAULTS = (
    Fault("red", "green", _unknown_licence, {"execution_pack:licences_are_known": "RED"}, _right_pack),
    Fault("missing", "unchecked", lambda made, world: None, {"tokenized_pack:tokens_join_the_pack": "MISSING"},
          lambda made, world: made.stored.run_checks("tokenized_pack") and None),
    Fault("older than the data", "green", _splits_again, dict.fromkeys(SPLIT_CHECKS, "STALE"),
          lambda made, world: made.stored.run_checks("problem_splits") and None),
)  # fmt: skip


@pytest.fixture(params=FAULTS, ids=lambda fault: fault.name)
def faulty(
    request: pytest.FixtureRequest, worlds: dict[str, Path], tmp_path: Path, world: World, started: list[str]
) -> Iterator[tuple[Deployment, Fault]]:
    """A deployment with one fault, once per kind of fault."""
    fault: Fault = request.param
    with deployed(Path(shutil.copytree(worlds[fault.start], tmp_path / "faulty"))) as found:
        fault.make(found, world)
        yield found, fault


def states_named(text: str) -> dict[str, str]:
    """Check → state of a refusal, each of whose lines must say when the check ran, on what, and what is the latest."""
    first, *lines, last = text.splitlines()
    assert first == f"Training is refused: {len(lines)} of its checks are not green."
    assert last.startswith("Materialize these assets with their checks, then start again.")
    found = {}
    for line in lines:
        match = re.fullmatch(rf"  (\S+) ([A-Z_]+); (?:{RAN}|{NEVER})", line)
        assert match, line
        found[match[1]] = match[2]
    return found


def is_refused(made: Deployment, run_id: str, states: dict[str, str], started: list[str]) -> None:
    """The run failed with exactly these checks in its error; no worker was started and no checkpoint stored."""
    assert not made.succeeded(run_id)
    assert states_named(made.failures(run_id)["checkpoint"]) == states
    assert not started and made.knows_no_checkpoint()


# 1. The same run


def test_in_the_run_that_makes_the_data_a_red_check_keeps_training_from_starting(
    green: Deployment, world: World, started: list[str]
) -> None:
    """Dagster itself holds back the later steps of a run, and the error names the check. The guard is not reached."""
    problems = [
        p.model_copy(update={"license": "Proprietary"}) for p in world.problems if p.benchmark_id == "humaneval"
    ]
    made = green.stored.latest["benchmark_problems"]
    files = {file.path: made.path(file.path).read_bytes() for file in made.manifest.files}
    green.stored.put("benchmark_problems", files | {"humaneval/problems.parquet": write_table(problems)}, {})
    run = green.launch([*FROM_THE_PACK_ON, "checkpoint"], "42")
    assert not green.succeeded(run)
    failures = green.failures(run)
    assert "checkpoint" not in failures  # it was not started
    assert "execution_pack: licences_are_known" in failures["execution_pack_licences_are_known"]
    red = guards.check_status(green.instance, "execution_pack", "licences_are_known")
    assert red.state == "RED" and red.judged == red.latest and red.ran_at_s is not None
    assert not started and green.knows_no_checkpoint()


def test_the_run_that_makes_the_data_trains_when_all_its_checks_are_green(
    green: Deployment, started: list[str]
) -> None:
    run = green.launch([*FROM_THE_PACK_ON, "checkpoint"], "42")
    assert green.succeeded(run), green.failures(run)
    assert started == ["42"] and green.seeds_stored() == {"42"}


# 2. Alone, from the UI


def test_alone_in_a_run_training_is_refused(faulty: tuple[Deployment, Fault], started: list[str]) -> None:
    made, fault = faulty
    is_refused(made, made.launch(["checkpoint"], "42"), fault.states, started)


def test_alone_in_a_run_training_starts_when_all_is_green(green: Deployment, started: list[str]) -> None:
    assert green.succeeded(green.launch(["checkpoint"], "42"))
    assert started == ["42"] and green.seeds_stored() == {"42"}


# 3. A backfill over both seeds


def test_a_backfill_is_refused_for_each_seed(faulty: tuple[Deployment, Fault], started: list[str]) -> None:
    """The UI's mutation stores a `PartitionBackfill`, and the daemon's own iteration makes a run of each seed of it."""
    made, fault = faulty
    runs = made.backfill(["checkpoint"], BOTH_SEEDS)
    assert sorted(runs) == sorted(BOTH_SEEDS)
    for run in runs.values():
        is_refused(made, run, fault.states, started)


def test_a_backfill_trains_each_seed_when_all_is_green(green: Deployment, started: list[str]) -> None:
    runs = green.backfill(["checkpoint"], BOTH_SEEDS)
    assert all(green.succeeded(run) for run in runs.values())
    assert sorted(started) == sorted(BOTH_SEEDS) and green.seeds_stored() == set(BOTH_SEEDS)


# 4. A schedule


def test_a_schedule_is_refused_for_each_seed(faulty: tuple[Deployment, Fault], started: list[str]) -> None:
    """The product has none that only trains; the code location of this test adds one, and the daemon's own function ticks it."""
    made, fault = faulty
    runs = made.pass_a_day()
    assert sorted(runs) == sorted(BOTH_SEEDS)
    for run in runs.values():
        is_refused(made, run, fault.states, started)


def test_a_schedule_trains_each_seed_when_all_is_green(green: Deployment, started: list[str]) -> None:
    runs = green.pass_a_day()
    assert all(green.succeeded(run) for run in runs.values())
    assert sorted(started) == sorted(BOTH_SEEDS) and green.seeds_stored() == set(BOTH_SEEDS)


# 6. The command line (5, automation, is in test_automation.py)


def _command_line(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dagster", "asset", "materialize", "--select", "checkpoint", "--partition", "42",
               "-m", "codelewm_assets.definitions"]  # fmt: skip
    environment = {
        "DAGSTER_HOME": str(folder / "home"),
        "CODELEWM_ARTIFACTS": str(folder / "artifacts"),
        "CODELEWM_PROFILE": TINY,
    }
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300, cwd=folder, env=os.environ | environment
    )


def _with_home(folder: Path) -> Path:
    (folder / "home").mkdir()
    return folder


def _is_refused_without_evidence(found: subprocess.CompletedProcess[str], folder: Path) -> None:
    assert found.returncode != 0
    assert f"Training is refused: {len(guards.BLOCKING_CHECKS)} of its checks are not green." in found.stderr
    line = (
        "execution_pack:licences_are_known MISSING; ran: never; latest is nothing; the asset has not been materialized"
    )
    assert line in found.stderr
    assert not (folder / "artifacts" / "checkpoint").exists()


@pytest.mark.slow
def test_from_the_command_line_on_an_empty_instance_training_is_refused(tmp_path: Path) -> None:
    _is_refused_without_evidence(_command_line(_with_home(tmp_path)), tmp_path)


def test_from_the_command_line_on_a_fresh_instance_training_is_refused_though_the_store_is_full(
    worlds: dict[str, Path], tmp_path: Path
) -> None:
    """Artifacts that somebody copied here bring no checks with them."""
    shutil.copytree(worlds["green"] / "artifacts", _with_home(tmp_path) / "artifacts")
    _is_refused_without_evidence(_command_line(tmp_path), tmp_path)


def test_from_the_command_line_training_runs_and_is_stored_when_all_is_green(
    worlds: dict[str, Path], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(worlds["green"], tmp_path / "green"))
    found = _command_line(folder)
    assert found.returncode == 0, found.stderr[-3000:]
    (weights,) = (folder / "artifacts" / "checkpoint" / "42").glob("*/fold0/model.safetensors")
    assert weights.stat().st_size > 0


# 8. A re-execution from failure


def test_a_run_that_was_refused_is_refused_again_from_its_failure_until_the_fault_is_gone(
    faulty: tuple[Deployment, Fault], world: World, started: list[str]
) -> None:
    made, fault = faulty
    first = made.launch(["checkpoint"], "42")
    is_refused(made, first, fault.states, started)
    is_refused(made, made.reexecute_from_failure(first), fault.states, started)
    fault.remedy(made, world)
    assert made.succeeded(made.reexecute_from_failure(first)), made.failures(first)
    assert started == ["42"] and made.seeds_stored() == {"42"}


# 9. Data rebuilt after the checks


def test_each_asset_that_is_rebuilt_after_its_checks_refuses_training_until_they_run_again(
    green: Deployment, started: list[str]
) -> None:
    """Even a rebuild that gives the same bytes: the checks ran on an earlier materialization."""
    stale: dict[str, str] = {}
    for asset in dict.fromkeys(asset for asset, _ in guards.BLOCKING_CHECKS):
        green.stored.report(green.stored.latest[asset])
        stale |= {f"{asset}:{check}": "STALE" for gated, check in guards.BLOCKING_CHECKS if gated == asset}
        is_refused(green, green.launch(["checkpoint"], "42"), stale, started)
    assert len(stale) == len(guards.BLOCKING_CHECKS)
    green.stored.run_all_gating_checks()
    assert green.succeeded(green.launch(["checkpoint"], "42"))
    assert started == ["42"]


def test_data_that_is_rebuilt_while_training_runs_discards_what_was_trained(
    green: Deployment, monkeypatch: pytest.MonkeyPatch, started: list[str]
) -> None:
    train = training._train

    def slow(context: dg.AssetExecutionContext, inputs: Inputs, store: Any, seed: int) -> AssetOutput:
        made = train(context, inputs, store, seed)
        green.stored.report(green.stored.latest["problem_splits"])
        return made

    monkeypatch.setattr(training, "_train", slow)
    run = green.launch(["checkpoint"], "42")
    assert started == ["42"]
    assert states_named(green.failures(run)["checkpoint"]) == dict.fromkeys(SPLIT_CHECKS, "STALE")
    assert green.seeds_stored() == set()


# 10. A check deleted from the code


def _without(monkeypatch: pytest.MonkeyPatch, rule: str) -> None:
    """The code as it is when the rule is deleted: no rule, no gate."""
    monkeypatch.setattr(checks, "DATA_RULES", tuple(found for found in checks.DATA_RULES if found.name != rule))
    monkeypatch.setattr(guards, "BLOCKING_CHECKS", tuple(gate for gate in guards.BLOCKING_CHECKS if gate[1] != rule))


def test_a_rule_that_is_deleted_from_the_code_refuses_training_until_it_is_back(
    green: Deployment, monkeypatch: pytest.MonkeyPatch, started: list[str]
) -> None:
    with monkeypatch.context() as patch:
        _without(patch, "controls_leave_headroom")
        run = green.launch(["checkpoint"], "42")
        assert not green.succeeded(run)
        lines = green.failures(run)["checkpoint"].splitlines()
        assert lines[0] == "Training is refused: 1 of its checks are not green."
        assert lines[1].startswith("  preflight_report:controls_leave_headroom UNDEFINED; ran: never; ")
        assert not started and green.knows_no_checkpoint()
    assert green.succeeded(green.launch(["checkpoint"], "42"))
    assert started == ["42"]


def test_a_report_that_was_made_while_a_rule_was_deleted_refuses_training_until_it_is_made_again(
    green: Deployment, monkeypatch: pytest.MonkeyPatch, started: list[str]
) -> None:
    """All checks are green and the report is clear, but it was not judged by every rule."""
    with monkeypatch.context() as patch:
        _without(patch, "no_secrets")
        green.stored.put_preflight()
    green.stored.run_checks("preflight_report")
    assert {status.state for status in blocking_statuses(green.instance)} == {"GREEN"}
    text = green.failures(green.launch(["checkpoint"], "42"))["checkpoint"]
    assert text.startswith("Training is refused: no finding of rule no_secrets. ")
    assert not started and green.knows_no_checkpoint()
    green.stored.put_preflight()
    green.stored.run_checks("preflight_report")
    assert green.succeeded(green.launch(["checkpoint"], "42"))
    assert started == ["42"]


def test_a_check_that_is_deleted_though_its_rule_stays_refuses_training_on_the_next_data(
    green: Deployment, monkeypatch: pytest.MonkeyPatch, started: list[str]
) -> None:
    checks = [
        c
        for c in dataset.CHECKS
        if dg.AssetCheckKey(dg.AssetKey("execution_pack"), "licences_are_known") not in c.check_keys
    ]
    assert len(checks) == len(dataset.CHECKS) - 1
    with monkeypatch.context() as patch:
        patch.setattr(dataset, "CHECKS", checks)
        green.stored.run_checks("execution_pack")
    is_refused(green, green.launch(["checkpoint"], "42"), {"execution_pack:licences_are_known": "STALE"}, started)
    green.stored.run_checks("execution_pack")
    assert green.succeeded(green.launch(["checkpoint"], "42"))
    assert started == ["42"]


# 11. An artifact edited on disk after it was judged


def test_one_byte_of_the_pack_that_is_changed_after_all_checks_refuses_training_until_it_is_put_back(
    green: Deployment, started: list[str]
) -> None:
    pack = green.stored.latest["execution_pack"]
    path = pack.path("pack.parquet")
    judged = path.read_bytes()
    path.write_bytes(judged[:1000] + bytes([judged[1000] ^ 1]) + judged[1001:])
    assert {status.state for status in blocking_statuses(green.instance)} == {"GREEN"}
    text = green.failures(green.launch(["checkpoint"], "42"))["checkpoint"]
    assert text.startswith(f"Training is refused: execution_pack {pack.digest[:12]} pack.parquet is damaged. ")
    assert not started and green.knows_no_checkpoint()
    path.write_bytes(judged)
    assert green.succeeded(green.launch(["checkpoint"], "42"))
    assert started == ["42"]
