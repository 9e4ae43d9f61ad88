"""Retrieval of the real output by the predicted latent: perfect, blind, and tied."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from codelewm_assets.evaluation.reports import RetrievalReport
from codelewm_assets.evaluation.retrieval import retrieval_report
from codelewm_assets.evaluation.rows import HeldoutRecord
from codelewm_assets_tests.evaluation.rows import heldout_record, pack_row

Latents = dict[str, NDArray[np.float32]]


def report_of(records: Sequence[HeldoutRecord], latents: Latents, **texts: tuple[str, str]) -> RetrievalReport:
    """The report; texts: record id → (program, output), for the lexical control."""
    found = {r.record_id: texts.get(r.record_id, ("", "")) for r in records}
    rows = {name: pack_row(name, code=code, output=output) for name, (code, output) in found.items()}
    return retrieval_report(records, latents, rows, seed=42, resamples=200)


def _unit(count: int, seed: int) -> NDArray[np.float32]:
    made = np.random.default_rng(seed).normal(size=(count, 32)).astype(np.float32)
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), dtype=np.float32)


def _latents(z_out: NDArray[np.float32], z_pred: NDArray[np.float32], **others: NDArray[np.float32]) -> Latents:
    blind = np.ones_like(z_out)
    return {"z_pred": z_pred, "z_out": z_out, "z_pred_no_action": blind, "z_pred_shuffled_action": blind} | others


def test_a_prediction_that_is_the_outputs_latent_is_always_first() -> None:
    z_out = _unit(100, 0)
    report = report_of([heldout_record(i) for i in range(100)], _latents(z_out, z_out.copy()))
    assert (report.query_count, report.candidates_per_query) == (100, 64)
    assert report.scores is not None
    assert report.scores["model"].recall_at_1 == 1.0
    assert report.scores["model"].mrr == 1.0


def test_a_random_prediction_finds_one_in_64() -> None:
    """Recall 1/64 and MRR H(64)/64 = 4.744/64 = 0.0741; with 1000 queries within four standard errors."""
    z_out = _unit(1000, 0)
    report = report_of([heldout_record(i) for i in range(1000)], _latents(z_out, _unit(1000, 1)))
    assert report.scores is not None
    assert report.scores["model"].recall_at_1 == pytest.approx(1 / 64, abs=4 * (1 / 64 / 1000) ** 0.5)
    assert report.scores["model"].mrr == pytest.approx(0.0741, abs=4 * 0.13 / 1000**0.5)


def test_a_prediction_that_cannot_distinguish_outputs_shares_the_ties() -> None:
    """All four outputs have the same latent: recall 1/4, MRR (1 + 1/2 + 1/3 + 1/4) / 4."""
    z_out = np.tile(np.eye(1, 4, dtype=np.float32), (4, 1))
    report = report_of([heldout_record(i) for i in range(4)], _latents(z_out, z_out.copy()))
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
    report = report_of([heldout_record(i) for i in range(3)], latents)
    assert report.scores is not None
    assert report.scores["model"].recall_at_1 == pytest.approx(2 / 3)
    assert report.scores["model"].mrr == pytest.approx((1 + 1 / 2 + 1) / 3)
    assert report.scores["no_action"].recall_at_1 == pytest.approx(1 / 3)
    assert report.scores["no_action"].mrr == pytest.approx((1 + 2 * 5 / 12) / 3)


def test_equal_outputs_are_one_candidate() -> None:
    """Three records give the same output and one another: two candidates, whoever asks."""
    records = [heldout_record(i, output="same" if i < 3 else "other") for i in range(4)]
    z_out = np.array([[1, 0], [1, 0], [1, 0], [0, 1]], dtype=np.float32)
    report = report_of(records, _latents(z_out, z_out.copy()))
    assert report.candidates_per_query == 2
    assert report.scores is not None
    assert report.scores["model"].recall_at_1 == 1.0


def test_candidates_come_from_the_querys_own_fold() -> None:
    """Each fold's model has latents of its own: fold 1's latents are fold 0's turned, and both are distinct within."""
    records = [heldout_record(i, fold=i // 2) for i in range(4)]
    z_out = np.array([[1, 0], [0, 1], [0, 1], [1, 0]], dtype=np.float32)
    report = report_of(records, _latents(z_out, z_out.copy()))
    assert report.candidates_per_query == 2
    assert report.scores is not None
    assert report.scores["model"].recall_at_1 == 1.0


def test_only_programs_that_returned_are_asked_for() -> None:
    statuses = ["pass", "wrong_output", "exception", "timeout"]
    records = [heldout_record(i, execution_status=status) for i, status in enumerate(statuses)]
    z_out = np.eye(4, dtype=np.float32)
    report = report_of(records, _latents(z_out, z_out.copy()))
    assert (report.query_count, report.candidates_per_query) == (2, 2)


@pytest.mark.parametrize("count", [0, 1])
def test_without_two_outputs_the_scores_are_absent(count: int) -> None:
    z_out = np.eye(count, 3, dtype=np.float32)
    report = report_of([heldout_record(i) for i in range(count)], _latents(z_out, z_out.copy()))
    assert (report.query_count, report.scores) == (0, None)


def test_recall_at_5_and_10_of_a_tie_are_the_expected_ones() -> None:
    """20 candidates alike: the real one stands within the first 5 in 5 of 20 orders, within the first 10 in 10 of 20."""
    z_out = np.tile(np.eye(1, 4, dtype=np.float32), (20, 1))
    report = report_of([heldout_record(i) for i in range(20)], _latents(z_out, z_out.copy()))
    assert report.scores is not None
    for name in ("model", "random"):
        found = report.scores[name]
        assert (found.recall_at_1, found.recall_at_5, found.recall_at_10) == pytest.approx((0.05, 0.25, 0.5))


def test_recall_at_5_by_hand_when_some_stand_above() -> None:
    """The prediction is e0 for every query; e0 is found first, any other ties with 5 more behind it: places 2 to 7.

    Of five others 4 of the 6 places are within 5: for them recall@5 is 4/6, and recall@10 is 1."""
    z_out = np.eye(7, dtype=np.float32)
    report = report_of([heldout_record(i) for i in range(7)], _latents(z_out, np.tile(z_out[0], (7, 1))))
    assert report.scores is not None
    assert report.scores["model"].recall_at_5 == pytest.approx((1 + 6 * 4 / 6) / 7)
    assert report.scores["model"].recall_at_10 == 1.0


def test_the_lexical_control_orders_by_shared_words_of_program_and_output() -> None:
    """Each program names its own output: the control finds every one, though its latents say nothing."""
    z_out = np.tile(np.eye(1, 4, dtype=np.float32), (5, 1))
    texts = {f"r{i:04d}": (f"return word{i}", f"word{i}") for i in range(5)}
    report = report_of([heldout_record(i) for i in range(5)], _latents(z_out, z_out.copy()), **texts)
    assert report.scores is not None
    assert (report.scores["lexical"].recall_at_1, report.scores["model"].recall_at_1) == (1.0, pytest.approx(0.2))


def test_lifts_are_differences_of_the_figures_in_points_with_intervals_over_problems() -> None:
    """A perfect prediction against one that cannot tell 4 outputs apart: 100 · (1 - 1/4), the same for each problem."""
    z_out = np.eye(4, dtype=np.float32)
    report = report_of([heldout_record(i) for i in range(4)], _latents(z_out, z_out.copy()))
    assert set(report.lift) == {"no_action", "shuffled_action", "lexical", "random"}
    assert report.lift["no_action"]["recall_at_1"].points == pytest.approx(75.0)
    share = 1 - 0.025**0.25  # of all problems, at most, that are unlike these four
    expected = (75 - share * 175, 75 + share * 25)
    assert report.lift["random"]["recall_at_1"].ci95 == pytest.approx(expected)
    assert report.lift["random"]["mrr"].points == pytest.approx(100 * (1 - (1 + 1 / 2 + 1 / 3 + 1 / 4) / 4))


def test_an_interval_of_a_lift_draws_problems_whole() -> None:
    """Two problems: the three queries of one are all found, the one of the other is not: 3/4, from 0 to 1."""
    records = [heldout_record(i, problem_id="a" if i < 3 else "b") for i in range(4)]
    z_out = np.eye(4, dtype=np.float32)
    z_pred = z_out.copy()
    z_pred[3] = z_out[0]
    report = report_of(records, _latents(z_out, z_pred, z_pred_no_action=-z_out))
    assert report.lift["no_action"]["recall_at_1"].points == pytest.approx(75.0)
    assert report.lift["no_action"]["recall_at_1"].ci95 == pytest.approx((0.0, 100.0))
