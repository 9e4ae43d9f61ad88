"""A report is evidence only while it and all it was made from are the latest, stored, and green."""

import shutil

import pytest

from codelewm_assets.core.digests import pretty_json
from codelewm_assets.core.records import Problem
from codelewm_assets.defs.claims import integrity_of, present_reports
from codelewm_assets_tests.defs.stored_world import StoredWorld
from codelewm_assets_tests.defs.test_checks import _score_lines
from codelewm_assets_tests.factories import World

REPORT = "retrieval_report[42]"


@pytest.fixture
def scored(stored: StoredWorld, world: World) -> StoredWorld:
    """A retrieval report of seed 42 with everything below it, all checks green."""
    stored.put_data(world)
    stored.put_preflight()
    stored.put_tokens(world)
    stored.run_all_gating_checks()
    _put_checkpoint_and_report(stored, world)
    return stored


def _put_checkpoint_and_report(stored: StoredWorld, world: World) -> None:
    stored.put_checkpoint()
    stored.run_checks("checkpoint", "42")
    lines = _score_lines(world)
    files = {"score_rows.jsonl": lines, "completion_scores.jsonl": lines}
    stored.put(
        "heldout_scores", files, {}, partition="42", parents=("checkpoint[42]", "execution_pack", "tokenized_pack")
    )
    stored.run_checks("heldout_scores", "42")
    report = {"retrieval_report.json": pretty_json({"seed": 42})}
    stored.put("retrieval_report", report, {}, partition="42", parents=("heldout_scores[42]",))


def test_a_report_whose_lineage_is_current_and_green_counts(scored: StoredWorld) -> None:
    assert set(present_reports(scored.inputs())) == {REPORT}


def test_a_report_does_not_count_once_a_benchmark_was_rebuilt_under_another_label(
    scored: StoredWorld, world: World
) -> None:
    relabelled = tuple(
        Problem.model_validate(p.model_dump() | {"source_revision": "another"}) if p.benchmark_id == "mbpp_plus" else p
        for p in world.problems
    )
    before = dict(scored.latest)
    scored.put_data(world.changed(problems=relabelled))
    for name in before:
        if not name.startswith("benchmark_problems"):
            scored.report(before[name])
    assert present_reports(scored.inputs()) == {}


def test_a_report_of_an_earlier_checkpoint_does_not_count(scored: StoredWorld) -> None:
    scored.put_checkpoint(revision="another")
    scored.run_checks("checkpoint", "42")
    assert present_reports(scored.inputs()) == {}


def test_a_report_on_a_red_check_does_not_count(scored: StoredWorld, world: World) -> None:
    lines = _score_lines(world, fold=3)
    files = {"score_rows.jsonl": lines, "completion_scores.jsonl": lines}
    scored.put("heldout_scores", files, {}, partition="42", parents=("checkpoint[42]", "execution_pack"))
    assert not scored.run_checks("heldout_scores", "42")["only_held_out_rows_were_scored"].passed
    report = {"retrieval_report.json": pretty_json({"seed": 42})}
    scored.put("retrieval_report", report, {}, partition="42", parents=("heldout_scores[42]",))
    assert present_reports(scored.inputs()) == {}


def test_a_report_whose_parent_is_gone_does_not_count(scored: StoredWorld) -> None:
    shutil.rmtree(scored.latest["tokenized_pack"].folder)
    assert present_reports(scored.inputs()) == {}


@pytest.mark.parametrize("broken", ["score_rows.jsonl", "completion_scores.jsonl"])
def test_integrity_names_problems_that_were_trained_on_in_either_score_file(
    stored: StoredWorld, world: World, broken: str
) -> None:
    stored.put_data(world)
    files = dict.fromkeys(("score_rows.jsonl", "completion_scores.jsonl"), _score_lines(world))
    stored.put("heldout_scores", files | {broken: _score_lines(world, fold=3)}, {}, partition="42")
    found = integrity_of(stored.inputs(), {REPORT: stored.latest["heldout_scores[42]"]})
    assert found.scored_problems_trained_on == sorted(split.problem_id for split in world.splits if split.fold == 0)


def test_integrity_names_a_secret_in_a_report_of_the_lineage(stored: StoredWorld) -> None:
    """A secret stands in the JSON of an ancestor; what a tokenizer learnt from programs is not scanned."""
    text = b'{"key": "AKIA' + b'Q3EGRNXL5XOTB7YD"}'
    stored.put("execution_pack", {"summary.json": text, "fold0_tokenizer.json": text}, {})
    stored.put("retrieval_report", {"retrieval_report.json": b"{}"}, {}, partition="42", parents=("execution_pack",))
    found = integrity_of(stored.inputs(), {REPORT: stored.latest[REPORT]})
    assert found.secret_findings == ["summary.json:1 AWS Access Key"]


def test_integrity_names_damaged_bytes(scored: StoredWorld) -> None:
    inputs = scored.inputs()
    clean = integrity_of(inputs, present_reports(inputs))
    assert (clean.manifest_mismatches, clean.secret_findings, clean.scored_problems_trained_on) == ([], [], [])
    path = scored.latest["execution_pack"].path("pack.parquet")
    path.write_bytes(path.read_bytes() + b"x")
    damaged = integrity_of(inputs, present_reports(inputs))
    assert damaged.manifest_mismatches is not None and "pack.parquet" in damaged.manifest_mismatches[0]


def test_without_reports_nothing_was_verified(stored: StoredWorld, world: World) -> None:
    stored.put_data(world)
    found = integrity_of(stored.inputs(), {})
    assert (found.manifests_verified, found.scored_problems_trained_on) == (0, None)
