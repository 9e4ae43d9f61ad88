"""Retrieval of the real output by the predicted latent: perfect, blind, and tied."""

import numpy as np
import pytest
from numpy.typing import NDArray

from codelewm_assets.evaluation.retrieval import retrieval_report
from codelewm_assets_tests.evaluation.rows import heldout_record

Latents = dict[str, NDArray[np.float32]]


def _unit(count: int, seed: int) -> NDArray[np.float32]:
    made = np.random.default_rng(seed).normal(size=(count, 32)).astype(np.float32)
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), dtype=np.float32)


def _latents(z_out: NDArray[np.float32], z_pred: NDArray[np.float32], **others: NDArray[np.float32]) -> Latents:
    blind = np.ones_like(z_out)
    return {"z_pred": z_pred, "z_out": z_out, "z_pred_no_action": blind, "z_pred_shuffled_action": blind} | others


def test_a_prediction_that_is_the_outputs_latent_is_always_first() -> None:
    z_out = _unit(100, 0)
    report = retrieval_report([heldout_record(i) for i in range(100)], _latents(z_out, z_out.copy()), seed=42)
    assert (report.query_count, report.candidates_per_query) == (100, 64)
    assert report.scores is not None
    assert report.scores["model"].recall_at_1 == 1.0
    assert report.scores["model"].mrr == 1.0


def test_a_random_prediction_finds_one_in_64() -> None:
    """Recall 1/64 and MRR H(64)/64 = 4.744/64 = 0.0741; with 1000 queries within four standard errors."""
    z_out = _unit(1000, 0)
    report = retrieval_report([heldout_record(i) for i in range(1000)], _latents(z_out, _unit(1000, 1)), seed=42)
    assert report.scores is not None
    assert report.scores["model"].recall_at_1 == pytest.approx(1 / 64, abs=4 * (1 / 64 / 1000) ** 0.5)
    assert report.scores["model"].mrr == pytest.approx(0.0741, abs=4 * 0.13 / 1000**0.5)


def test_a_prediction_that_cannot_tell_outputs_apart_shares_the_ties() -> None:
    """All four outputs have the same latent: recall 1/4, MRR (1 + 1/2 + 1/3 + 1/4) / 4."""
    z_out = np.tile(np.eye(1, 4, dtype=np.float32), (4, 1))
    report = retrieval_report([heldout_record(i) for i in range(4)], _latents(z_out, z_out.copy()), seed=42)
    assert report.scores is not None
    assert report.scores["model"].recall_at_1 == pytest.approx(0.25)
    assert report.scores["model"].mrr == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)


def test_ranks_by_hand_and_each_action_by_its_own_latents() -> None:
    """Outputs e1, e2, e3. The model sees e1 → e1 (place 1), e2 → between e1 and e2, nearer e1 (place 2), e3 → e3 (1).

    no_action always says e1: place 1 for e1, tied second and third for e2 and e3: (1/2 + 1/3) / 2 each.
    """
    z_out = np.eye(3, dtype=np.float32)
    z_pred = np.array([[1, 0, 0], [0.8, 0.6, 0], [0, 0, 1]], dtype=np.float32)
    no_action = np.tile(z_out[0], (3, 1))
    latents = _latents(z_out, z_pred, z_pred_no_action=no_action)
    report = retrieval_report([heldout_record(i) for i in range(3)], latents, seed=42)
    assert report.scores is not None
    assert report.scores["model"].recall_at_1 == pytest.approx(2 / 3)
    assert report.scores["model"].mrr == pytest.approx((1 + 1 / 2 + 1) / 3)
    assert report.scores["no_action"].recall_at_1 == pytest.approx(1 / 3)
    assert report.scores["no_action"].mrr == pytest.approx((1 + 2 * 5 / 12) / 3)


def test_equal_outputs_are_one_candidate() -> None:
    """Three records give the same output and one another: two candidates, whoever asks."""
    records = [heldout_record(i, output="same" if i < 3 else "other") for i in range(4)]
    z_out = np.array([[1, 0], [1, 0], [1, 0], [0, 1]], dtype=np.float32)
    report = retrieval_report(records, _latents(z_out, z_out.copy()), seed=42)
    assert report.candidates_per_query == 2
    assert report.scores is not None
    assert report.scores["model"].recall_at_1 == 1.0


def test_candidates_come_from_the_querys_own_fold() -> None:
    """Each fold's model has latents of its own: fold 1's latents are fold 0's turned, and both are told apart within."""
    records = [heldout_record(i, fold=i // 2) for i in range(4)]
    z_out = np.array([[1, 0], [0, 1], [0, 1], [1, 0]], dtype=np.float32)
    report = retrieval_report(records, _latents(z_out, z_out.copy()), seed=42)
    assert report.candidates_per_query == 2
    assert report.scores is not None
    assert report.scores["model"].recall_at_1 == 1.0


def test_only_programs_that_returned_are_asked_for() -> None:
    statuses = ["pass", "wrong_output", "exception", "timeout"]
    records = [heldout_record(i, execution_status=status) for i, status in enumerate(statuses)]
    z_out = np.eye(4, dtype=np.float32)
    report = retrieval_report(records, _latents(z_out, z_out.copy()), seed=42)
    assert (report.query_count, report.candidates_per_query) == (2, 2)


@pytest.mark.parametrize("count", [0, 1])
def test_without_two_outputs_the_scores_are_absent(count: int) -> None:
    z_out = np.eye(count, 3, dtype=np.float32)
    report = retrieval_report([heldout_record(i) for i in range(count)], _latents(z_out, z_out.copy()), seed=42)
    assert (report.query_count, report.scores) == (0, None)
