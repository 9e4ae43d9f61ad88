"""Automation: nothing is requested on data that is unchecked, red or half rebuilt; what follows is requested when it is green."""

import dagster as dg
import pytest

from codelewm_assets.core.ids import SEEDS
from codelewm_assets.core.tables import write_table
from codelewm_assets.defs.assemble import STAGE_MODULES
from codelewm_assets_tests.claims.evidence import nothing_known
from codelewm_assets_tests.defs.deployment import Deployment
from codelewm_assets_tests.defs.stored_world import QUIET, StoredWorld
from codelewm_assets_tests.factories import World

REPORTS = ("p_pass_calibration", "retrieval_report", "surprise_report", "latent_probe_report", "rerank_report")
BOTH_SEEDS = sorted(str(seed) for seed in SEEDS)
Requested = dict[str, list[str | None]]


class Daemon:
    """The product's own conditions, evaluated tick by tick as the daemon does."""

    def __init__(self, stored: StoredWorld) -> None:
        self._stored = stored
        self._cursor: dg.AutomationConditionCursor | None = None  # type: ignore[name-defined]

    def tick(self) -> Requested:
        """Asset → partitions that are requested now."""
        result = dg.evaluate_automation_conditions(self._stored.defs, self._stored.instance, cursor=self._cursor)
        self._cursor = result.cursor
        return {
            found.key.to_user_string(): sorted(
                key.partition_key for key in found.true_subset.expensively_compute_asset_partitions()
            )
            for found in result.results
            if not found.true_subset.is_empty
        }


@pytest.fixture
def daemon(green: Deployment) -> Daemon:
    """It has seen the green world once, and wants nothing of it."""
    daemon = Daemon(green.stored)
    assert daemon.tick() == {}
    return daemon


def _put(stored: StoredWorld, kind: str, world: World) -> None:
    """Store the asset as it is made of this world, and check nothing yet."""
    tables = {
        "problem_splits": ("splits.parquet", world.splits),
        "semantic_decoys": ("decoys.parquet", world.decoys),
        "rerank_pools": ("pools.parquet", world.pools),
        "control_scores": ("controls.parquet", world.controls),
    }
    if kind == "execution_pack":
        labels = {p.benchmark_id: p.benchmark_label for p in world.problems}
        files = {"pack.parquet": write_table(world.rows)}
        stored.put(kind, files, {"benchmark_labels": labels}, parents=("benchmark_problems", "labelled_completions"))
    elif kind == "preflight_report":
        stored.put_preflight()
    elif kind == "tokenized_pack":
        stored.put_tokens(world)
    else:
        name, rows = tables[kind]
        stored.put(kind, {name: write_table(rows)}, {}, parents=("execution_pack",))


def _other(world: World, **changes: str) -> World:
    return world.changed(rows=tuple(row.model_copy(update=changes) for row in world.rows))


def test_training_is_requested_once_when_all_its_data_is_rebuilt_and_green_and_in_no_state_before(
    green: Deployment, daemon: Daemon, world: World
) -> None:
    """At each step but the last some check is missing on the new data, or green on data of the old pack only."""
    new = _other(world, operator_family="other")
    order = (
        "execution_pack",
        "problem_splits",
        "semantic_decoys",
        "rerank_pools",
        "control_scores",
        "tokenized_pack",
        "preflight_report",
    )
    requested = []
    for kind in order:
        _put(green.stored, kind, new)
        assert daemon.tick() == {}, f"{kind} is not checked"
        green.stored.run_checks(kind)
        requested.append(daemon.tick())
    assert not [step for step in requested[:-1] if "checkpoint" in step]
    # they go in one run, in which blocking checks hold; training reads no scorer that the profile names
    assert requested[0] == {kind: [None] for kind in (*order[1:], "scorer_scores")}
    assert requested[-1] == {"checkpoint": BOTH_SEEDS, "critic": BOTH_SEEDS}
    assert daemon.tick() == {}


def test_nothing_is_requested_of_a_red_pack_until_it_is_green(green: Deployment, daemon: Daemon, world: World) -> None:
    _put(green.stored, "execution_pack", _other(world, license="Proprietary"))
    green.stored.run_checks("execution_pack")
    assert daemon.tick() == {}
    _put(green.stored, "execution_pack", world)
    green.stored.run_checks("execution_pack")
    assert "problem_splits" in daemon.tick()


def test_training_is_not_requested_while_one_parent_is_red_and_is_once_it_is_green(
    green: Deployment, daemon: Daemon, world: World
) -> None:
    """The other parents are green."""
    _put(green.stored, "tokenized_pack", world.changed(rows=world.rows[1:]))
    green.stored.run_checks("tokenized_pack")
    for kind in ("semantic_decoys", "preflight_report"):
        green.stored.run_checks(kind)
    assert "checkpoint" not in daemon.tick()
    _put(green.stored, "tokenized_pack", world)
    green.stored.run_checks("tokenized_pack")
    assert daemon.tick() == {"checkpoint": BOTH_SEEDS}  # the critic reads no tokens


def test_a_night_that_changes_nothing_asks_for_nothing(green: Deployment, daemon: Daemon) -> None:
    """Everything is made and checked again, in the order of the graph, and comes out the same."""
    for kind in ("benchmark_problems", "sampled_completions", "candidate_completions", "labelled_completions", "execution_pack",
                 "problem_splits", "semantic_decoys", "rerank_pools", "tokenized_pack", "preflight_report"):  # fmt: skip
        green.stored.report(green.stored.latest[kind])
        assert daemon.tick() == {}
        green.stored.run_checks(kind)
        assert daemon.tick() == {}


def _make(green: Deployment, asset: str, partition: str | None = None) -> None:
    """Materialize a stand-in of the asset, with stand-ins of its checks that are green."""
    own = next(a for module in STAGE_MODULES for a in module.ASSETS if a.key == dg.AssetKey(asset))
    keys = [key for module in STAGE_MODULES for c in module.CHECKS for key in c.check_keys if key.asset_key == own.key]

    @dg.asset(name=asset, partitions_def=own.partitions_def)
    def stand_in() -> None: ...

    def green_check(name: str) -> dg.AssetChecksDefinition:
        @dg.asset_check(name=name, asset=asset, blocking=True, partitions_def=own.partitions_def)
        def check() -> dg.AssetCheckResult:
            return dg.AssetCheckResult(passed=True)

        return check

    checks = [green_check(key.name) for key in keys]
    assert dg.materialize(
        [stand_in, *checks], instance=green.instance, partition_key=partition, run_config=QUIET
    ).success


def test_what_is_made_from_a_checkpoint_follows_when_its_parents_are_new_and_green(
    green: Deployment, daemon: Daemon, started: list[str]
) -> None:
    """Scores and reports of each seed follow its checkpoint, gates the reports of both seeds, cards the gates.

    No gate holds, and nothing waits for that.
    """
    for kind in ("scorer_scores", "model_rates"):
        _make(green, kind)
    for seed in BOTH_SEEDS:
        assert green.succeeded(green.launch(["checkpoint"], seed))
        assert daemon.tick() == {"checkpoint_inspection": [seed]}
        _make(green, "critic", seed)
        assert daemon.tick() == {"heldout_scores": [seed]}
    assert sorted(started) == BOTH_SEEDS
    for seed in BOTH_SEEDS:
        _make(green, "checkpoint_inspection", seed)
        _make(green, "heldout_scores", seed)
        assert daemon.tick() == {report: [seed] for report in REPORTS}
    for seed in BOTH_SEEDS:
        for report in REPORTS:
            assert "claim_gates" not in daemon.tick()
            _make(green, report, seed)
    assert daemon.tick() == {"claim_gates": [None]}
    gates = nothing_known().model_dump(mode="json")
    green.stored.put_json("claim_gates", "claim_gates.json", gates)
    found = green.stored.run_checks("claim_gates")
    assert [name for name, check in found.items() if check.passed] == [
        "gates_of_named_scorers",
        "open_claims_follow_from_gates",
    ]
    follow = daemon.tick()
    assert follow["model_card"] == [None] and "results_report" in follow and "checkpoint" not in follow
