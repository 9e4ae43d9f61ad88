"""Surprise: energies by hand, categories apart, and what is absent."""

from typing import Literal

import numpy as np
import pytest

from codelewm_assets.core.records import Decoy
from codelewm_assets.evaluation.surprise import CATEGORIES, surprise_report
from codelewm_assets_tests.evaluation.rows import heldout_record

Category = Literal["same_problem_different_submission", "same_code_different_input", "mutation"]


def _pair(query: int, decoy: int, category: Category = "mutation", problem: str = "p") -> Decoy:
    return Decoy(
        decoy_id=f"{category}::{query}-{decoy}",
        category=category,
        source_problem_id=problem,
        query_record_id=f"r{query:04d}",
        decoy_record_id=f"r{decoy:04d}",
        input_relation="same",
        output_relation="different",
        rationale="test",
    )


RECORDS = [heldout_record(number) for number in range(3)]
LATENTS = {
    "z_pred": np.array([[1, 0], [0.6, 0.8], [0, 1]], dtype=np.float32),
    "z_pred_no_action": np.array([[0, 1], [0, 1], [0, 1]], dtype=np.float32),
    "z_out": np.array([[1, 0], [0, 1], [-1, 0]], dtype=np.float32),
}


def test_energies_by_hand() -> None:
    """Query 0: real |(1,0)-(1,0)|² = 0, decoy 1 |(1,0)-(0,1)|² = 2. Query 1: real |(0.6,0.8)-(0,1)|² = 0.36 + 0.04 = 0.4,
    decoy 0 |(0.6,0.8)-(1,0)|² = 0.16 + 0.64 = 0.8, decoy 2 |(0.6,0.8)-(-1,0)|² = 2.56 + 0.64 = 3.2. All decoys surprise.
    """
    found = surprise_report(
        RECORDS, LATENTS, [_pair(0, 1, problem="a"), _pair(1, 0, problem="b"), _pair(1, 2, problem="b")], seed=42,
        resamples=100,
    ).categories["mutation"]  # fmt: skip
    assert (found.pair_count, found.problem_count, found.auc) == (3, 2, 1.0)
    assert found.mean_real_energy == pytest.approx((0 + 0.4 + 0.4) / 3)
    assert found.mean_decoy_energy == pytest.approx((2 + 0.8 + 3.2) / 3)
    assert found.auc_ci95 == pytest.approx((0.025**0.5, 1.0))  # both problems agree


def test_auc_counts_wins_ties_and_losses() -> None:
    """Query 0: decoy 1 wins. Query 2, z_pred (0,1): real |(0,1)-(-1,0)|² = 2, decoy 0 ties at 2, decoy 1 loses with 0."""
    pairs = [_pair(0, 1), _pair(2, 0), _pair(2, 1)]
    found = surprise_report(RECORDS, LATENTS, pairs, seed=42, resamples=100).categories["mutation"]
    assert found.auc == pytest.approx((1 + 0.5 + 0) / 3)


def test_no_action_is_judged_by_its_own_prediction() -> None:
    """It always says (0, 1): for query 0 the decoy 1 has energy 0 against 2 and surprises it not at all."""
    found = surprise_report(RECORDS, LATENTS, [_pair(0, 1)], seed=42, resamples=100).categories["mutation"]
    assert (found.auc, found.no_action_auc) == (1.0, 0.0)


def test_the_order_by_frequency_takes_the_rarer_output_for_the_decoy() -> None:
    """Two records of other problems give "five", none gives "nine"; those of the pair's own problem count for nothing."""
    records = [
        heldout_record(0, problem_id="p", output="five"),
        heldout_record(1, problem_id="p", output="nine"),
        heldout_record(2, problem_id="q", output="five"),
        heldout_record(3, problem_id="r", output="five"),
        heldout_record(4, problem_id="p", output="nine"),
    ]
    latents = {name: np.zeros((5, 2), dtype=np.float32) for name in LATENTS}
    for query, decoy, wanted in ((0, 1, 1.0), (1, 0, 0.0), (1, 4, 0.5)):
        found = surprise_report(records, latents, [_pair(query, decoy)], seed=42, resamples=20).categories["mutation"]
        assert found.frequency_auc == wanted


def test_differences_to_both_controls_are_paired_by_problem() -> None:
    """In problem a model and no_action are right, in b the model alone: +0.5, between 0 and 1 over draws of two."""
    latents = LATENTS | {"z_pred_no_action": np.array([[1, 0], [0.6, 0.8], [0, 1]], dtype=np.float32)}
    latents["z_pred_no_action"][1] = [1, 0]
    pairs = [_pair(0, 1, problem="a"), _pair(1, 0, problem="b")]
    found = surprise_report(RECORDS, latents, pairs, seed=42, resamples=200).categories["mutation"]
    assert found.over_no_action is not None
    assert (found.over_no_action.difference, found.over_no_action.ci95) == (0.5, (0.0, 1.0))
    assert found.over_frequency is not None


def test_the_interval_draws_problems_whole() -> None:
    """Problem a won, problem b lost twice: drawn twice a gives 1, b gives 0."""
    pairs = [_pair(0, 1, problem="a"), _pair(2, 1, problem="b"), _pair(2, 1, problem="b")]
    found = surprise_report(RECORDS, LATENTS, pairs, seed=42, resamples=200).categories["mutation"]
    assert found.auc == pytest.approx(1 / 3)
    assert found.auc_ci95 == (0.0, 1.0)


def test_pairs_count_only_when_both_records_are_held_out() -> None:
    found = surprise_report(RECORDS, LATENTS, [_pair(0, 1), _pair(0, 7), _pair(7, 0)], seed=42, resamples=100)
    assert found.categories["mutation"].pair_count == 1


def test_each_category_is_judged_on_its_own_pairs() -> None:
    pairs = [_pair(0, 1), _pair(2, 1, "same_code_different_input")]
    found = surprise_report(RECORDS, LATENTS, pairs, seed=42, resamples=100).categories
    assert (found["mutation"].auc, found["same_code_different_input"].auc) == (1.0, 0.0)


def test_a_category_without_pairs_is_there_with_its_figures_absent() -> None:
    report = surprise_report(RECORDS, LATENTS, [], seed=42, resamples=100)
    assert set(report.categories) == set(CATEGORIES)
    for found in report.categories.values():
        assert (found.pair_count, found.problem_count) == (0, 0)
        assert (found.auc, found.auc_ci95, found.no_action_auc) == (None, None, None)
        assert (found.mean_real_energy, found.mean_decoy_energy) == (None, None)


def test_each_benchmark_has_its_own_categories_and_counts() -> None:
    records = [RECORDS[0], RECORDS[1], RECORDS[2].model_copy(update={"benchmark_id": "mbpp_plus"})]
    pairs = [_pair(0, 1), _pair(2, 1), _pair(2, 0)]
    report = surprise_report(records, LATENTS, pairs, seed=42, resamples=100)
    assert set(report.benchmarks) == {"humaneval", "mbpp_plus"}
    found = {name: categories["mutation"] for name, categories in report.benchmarks.items()}
    assert (found["humaneval"].pair_count, found["humaneval"].auc) == (1, 1.0)
    assert (found["mbpp_plus"].pair_count, found["mbpp_plus"].auc) == (2, 0.25)
    assert found["mbpp_plus"].pair_count + found["humaneval"].pair_count == report.categories["mutation"].pair_count
