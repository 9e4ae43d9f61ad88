"""Gates are seen as checks, and nothing waits for them, fails by them or counts them as red."""

import io

import dagster as dg
from rich.console import Console

from codelewm_assets.claims.gates import GATES
from codelewm_assets.claims.verdicts import ClaimGates
from codelewm_assets.commands.status import counted
from codelewm_assets.defs import guards
from codelewm_assets.defs.assemble import build_defs, listing
from codelewm_assets.defs.claims import CHECKS, EVIDENCE_CHECKS
from codelewm_assets.defs.status import GATE_CHECKS, GATE_OF_CHECK, check_statuses, gate_statuses
from codelewm_assets.display import BuildDisplay
from codelewm_assets.instance.build import BuildResult, Progress, _Follower
from codelewm_assets_tests.claims.evidence import collapse, gates_of, named, nothing_known, with_named
from codelewm_assets_tests.defs.stored_world import QUIET, StoredWorld


def _run(stored: StoredWorld, gates: ClaimGates) -> tuple[dg.ExecuteInProcessResult, list[str]]:
    """Materialize the gates with all their checks and an asset that is made from them; which assets were made."""
    stored.put_json("claim_gates", "claim_gates.json", gates.model_dump(mode="json"))
    digest = stored.latest["claim_gates"].digest

    @dg.asset(name="claim_gates")
    def stand_in() -> dg.MaterializeResult:
        return dg.MaterializeResult(data_version=dg.DataVersion(digest))

    @dg.asset(deps=[stand_in])
    def follower() -> None: ...

    checks = [check for check in CHECKS for key in check.check_keys if key.asset_key == dg.AssetKey("claim_gates")]
    result = dg.materialize(
        [stand_in, follower, *checks], instance=stored.instance, run_config=QUIET, raise_on_error=False,
        resources=stored.resources,
    )  # fmt: skip
    made = [event.asset_key.to_user_string() for event in result.get_asset_materialization_events() if event.asset_key]
    return result, made


def test_every_gate_has_a_check_that_blocks_nothing() -> None:
    graph = build_defs().resolve_asset_graph()
    shown = {key.name: graph.get(key) for key in graph.asset_check_keys if key.name in GATE_OF_CHECK}
    assert (
        list(GATE_OF_CHECK.values()) == list(GATES) and len(GATE_CHECKS) == len(GATES) + 1
    )  # and that of named scorers
    assert set(shown) == set(GATE_OF_CHECK)
    assert not any(node.blocking for node in shown.values())


def test_no_registry_of_guards_or_of_evidence_holds_a_gate() -> None:
    assert not {check for _, check in (*guards.BLOCKING_CHECKS, *EVIDENCE_CHECKS)} & set(GATE_OF_CHECK)


def test_gates_of_a_scorer_that_the_profile_names_show_in_one_check_and_in_the_status(stored: StoredWorld) -> None:
    """A ranker of which nothing is stated: its contamination is UNDECIDED, and every other gate of it holds."""
    gates = with_named(named("ranker", statement="unknown"))
    result, _ = _run(stored, gates)
    (found,) = (row for row in result.get_asset_check_evaluations() if row.check_name == "gates_of_named_scorers")
    assert (found.passed, found.description) == (False, "ranker:contamination UNDECIDED")
    states = {row.gate: row.state for row in gate_statuses(stored.instance, gates)}
    assert (states["ranker:contamination"], states["ranker:rerank:humaneval"]) == ("UNDECIDED", "HOLDS")
    sound, _ = _run(stored, with_named(named("ranker")))
    assert all(row.passed for row in sound.get_asset_check_evaluations() if row.check_name == "gates_of_named_scorers")


def test_a_run_in_which_no_gate_holds_succeeds_and_what_follows_is_made(stored: StoredWorld) -> None:
    result, made = _run(stored, nothing_known())
    assert result.success
    assert set(made) == {"claim_gates", "follower"}
    warned = [found for found in result.get_asset_check_evaluations() if not found.passed]
    assert {found.check_name for found in warned} == set(GATE_OF_CHECK)


def test_a_build_calls_no_gate_red_and_does_not_fail_by_one(stored: StoredWorld) -> None:
    result, _ = _run(stored, nothing_known())
    built = BuildResult()
    seen = list[Progress]()
    follower = _Follower({"claim_gates"}, None, built, seen.append)
    for entry in stored.instance.all_logs(result.run_id):
        follower(entry)
    assert built.is_success
    assert sum(progress.kind == "gate" for progress in seen) == len(GATES)
    assert not [progress for progress in seen if progress.kind in ("check_failed", "failed")]
    output = io.StringIO()
    display = BuildDisplay(Console(file=output), stored.store.root, total=2)
    for progress in seen:
        display(progress)
    assert [line.split("] ")[1].split(" ")[4] for line in output.getvalue().splitlines()] == ["made"] * 2
    display(Progress("check_failed", "claim_gates:open_claims_follow_from_gates", None, "x"))
    assert "RED" in output.getvalue()  # a check of the gates is one


def test_status_counts_gates_apart_from_checks(stored: StoredWorld) -> None:
    _run(stored, gates_of({42: {"collapse": collapse(effective_rank_ratio=0.1), "probe": None}}))
    rows = [row for row in check_statuses(stored.instance, listing()) if row.asset == "claim_gates"]
    assert [(row.check, row.state) for row in rows] == [("open_claims_follow_from_gates", "GREEN")]
    states = {row.gate: row.state for row in gate_statuses(stored.instance)}
    assert states == dict.fromkeys(GATES, "HOLDS") | {"collapse": "FAILS", "probe": "UNDECIDED"}
    assert counted("gates", states.values()) == f"{len(GATES)} gates: 1 FAILS, {len(GATES) - 2} HOLDS, 1 UNDECIDED"


def test_a_gate_that_was_shown_of_earlier_gates_is_stale_and_not_what_it_was(stored: StoredWorld) -> None:
    _run(stored, gates_of())
    stored.put_json("claim_gates", "claim_gates.json", nothing_known().model_dump(mode="json"))
    assert {row.state for row in gate_statuses(stored.instance)} == {"STALE"}
