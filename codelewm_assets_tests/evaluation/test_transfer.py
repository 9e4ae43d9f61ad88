"""Operators that a scorer was trained without, and edits that change nothing: figures by hand, and intervals by problem."""

import pytest

from codelewm_assets.core.records import PackRow
from codelewm_assets.evaluation.rows import ScoreRow
from codelewm_assets.evaluation.transfer import (
    EquivalentPair,
    equivalent_edits,
    equivalent_pairs,
    transfer_report,
    with_pool_family,
)
from codelewm_assets_tests.evaluation.rows import score_row
from codelewm_assets_tests.factories import make_world


def pool(
    problem: str, family: str, ours: tuple[float, float], lm: tuple[float, float], name: str = "0"
) -> list[ScoreRow]:
    """A passing and a failing program with their scores."""
    return [
        score_row(
            place == 0, None, completion_id=f"{problem}/{name}/{place}", problem_id=problem, pool_id=f"{problem}::{name}",
            operator_family=family, critic=ours[place], lm=lm[place],
        )
        for place in (0, 1)
    ]  # fmt: skip


RIGHT, WRONG, TIED = (0.9, 0.1), (0.1, 0.9), (0.5, 0.5)


def test_families_by_hand() -> None:
    """relational: ours right in two pools, lm in one: +50. logical: ours ties (0.5), lm right: -50. Mean over families: 0."""
    rows = [
        *pool("a", "relational", RIGHT, RIGHT),
        *pool("b", "relational", RIGHT, WRONG),
        *pool("c", "logical", TIED, RIGHT),
    ]
    report = transfer_report(rows, [], {}, subject="critic", seed=42, resamples=200)
    relational, logical = report.families["relational"], report.families["logical"]
    assert (relational.pool_count, relational.problem_count, relational.pass_at_1, relational.lm) == (2, 2, 1.0, 0.5)
    assert (relational.lift.points, relational.lift.ci95) == (50.0, (0.0, 100.0))
    assert (logical.pass_at_1, logical.lm, logical.lift.points) == (0.5, 1.0, -50.0)
    assert report.mean_lift is not None
    assert report.mean_lift.points == 0.0
    assert report.equivalent is None


def test_each_family_counts_once_however_many_pools_it_has() -> None:
    rows = [row for n in range(9) for row in pool(f"p{n}", "relational", RIGHT, WRONG)] + pool(
        "q", "logical", WRONG, RIGHT
    )
    report = transfer_report(rows, [], {}, subject="critic", seed=42, resamples=50)
    assert report.mean_lift is not None
    assert report.mean_lift.points == 0.0


def test_a_pool_without_a_score_of_both_does_not_count() -> None:
    rows = pool("a", "relational", RIGHT, WRONG)
    rows[0] = rows[0].model_copy(update={"scores": {"critic": 0.9}})
    report = transfer_report(rows, [], {}, subject="critic", seed=42, resamples=20)
    assert (report.families, report.mean_lift, report.asked_pool_count) == ({}, None, 1)


def test_problems_are_drawn_whole() -> None:
    """Both pools of problem a won, problem b lost: a mean lies between -100 and 100 in steps of its problems."""
    rows = [*pool("a", "f", RIGHT, WRONG, "0"), *pool("a", "f", RIGHT, WRONG, "1"), *pool("b", "f", WRONG, RIGHT)]
    report = transfer_report(rows, [], {}, subject="critic", seed=42, resamples=300)
    assert report.mean_lift is not None
    assert (report.mean_lift.points, report.mean_lift.ci95) == (pytest.approx(100 / 3), (-100.0, 100.0))


def test_equivalent_edits_by_hand() -> None:
    """Won, tied, lost, won: (1 + 0.5 + 0 + 1) / 4. A pair of which one side has no score is left out."""
    rows = [("a", 0.9, 0.1), ("a", 0.5, 0.5), ("b", 0.1, 0.9), ("b", 0.9, 0.1)]
    pairs = [EquivalentPair(problem, f"u{n}", f"e{n}") for n, (problem, *_) in enumerate(rows)]
    scores = {f"{side}{n}": row[place] for n, row in enumerate(rows) for place, side in ((1, "u"), (2, "e"))}
    found = equivalent_edits([*pairs, EquivalentPair("c", "u0", "absent")], scores, 300)
    assert found is not None
    assert (found.pair_count, found.problem_count, found.auc, found.auc_ci95) == (4, 2, 0.625, (0.5, 0.75))
    assert found.asked_pair_count == 5
    assert equivalent_edits([], {}, 300) is None


def test_pairs_of_a_pack_are_twins_of_which_both_sides_pass() -> None:
    """Of three twins one has an edited side that passes, one that fails, and one has no right side that passes."""
    world = make_world(6)
    first = world.rows[0]

    def side(name: str, twin: str | None, kind: str, *, passed: bool) -> PackRow:
        changes = {"source_submission_id": name, "twin": twin, "completion_kind": kind, "completion_passed": passed}
        return first.model_copy(update=changes)

    pack = [
        side("a", "b0p0", "rewrite", passed=True), side("b", "b0p0", "mutant_1", passed=True),
        side("c", "b1p0", "rewrite", passed=True), side("d", "b1p0", "mutant_1", passed=False),
        side("e", "b2p0", "rewrite", passed=False), side("f", "b2p0", "mutant_1", passed=True),
        side("g", None, "model", passed=True),
    ]  # fmt: skip
    assert equivalent_pairs(pack) == [EquivalentPair(first.source_problem_id, "a", "b")]


def test_members_of_a_pool_have_the_family_of_its_bug() -> None:
    """The right side is a renaming; a pool of two families belongs to neither."""
    right, wrong = pool("a", "relational", RIGHT, WRONG)
    rows = [
        right.model_copy(update={"completion_kind": "rewrite", "operator_family": "renaming"}),
        wrong.model_copy(update={"completion_kind": "mutant_1"}),
    ]
    mixed = [row.model_copy(update={"pool_id": "a::1"}) for row in rows]
    mixed.append(mixed[1].model_copy(update={"operator_family": "logical"}))
    families = [(row.completion_id, row.operator_family) for row in with_pool_family([*rows, *mixed])]
    assert families == [(right.completion_id, "relational"), (wrong.completion_id, "relational")]
