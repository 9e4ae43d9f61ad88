"""The published reports follow from their rows, to the byte."""

from pathlib import Path

import pytest

from codelewm_assets.core.digests import pretty_json
from codelewm_assets.published.calibration_recompute import calibration_document, probability
from codelewm_assets.published.forms import PublishedCalibration, PublishedRerank, PublishedScoreRow
from codelewm_assets.published.rerank_recompute import RerankSettings, published_interval, rerank_document
from codelewm_assets_tests.published.rows import pools_of, row


def test_rerank_reports_follow_from_their_rows_to_the_byte(published_folder: Path) -> None:
    reports = [path for path in published_folder.rglob("execution_rerank_report.json") if "v0_9" in str(path)]
    assert len(reports) == 4
    for path in reports:
        data = path.read_bytes()
        report = PublishedRerank.model_validate_json(data)
        rows = _rows(path.with_name("completion_scores.jsonl"))
        summary = report.scoring_summary.model_dump(mode="json")
        document = rerank_document(
            pools_of(rows), RerankSettings(), benchmark=report.benchmark, scoring_summary=summary
        )
        assert pretty_json(document) == data


def test_calibration_reports_follow_from_their_rows_to_the_byte(published_folder: Path) -> None:
    reports = list(published_folder.rglob("p_pass_calibration_report.json"))
    assert len(reports) == 2
    for path in reports:
        report = PublishedCalibration.model_validate_json(path.read_bytes())
        rows = [row for name in report.score_paths for row in _rows(published_folder / name)]
        assert pretty_json(calibration_document(rows, report)) == path.read_bytes()


def _rows(path: Path) -> list[PublishedScoreRow]:
    return [PublishedScoreRow.model_validate_json(line) for line in path.read_bytes().splitlines()]


def test_ties_go_to_the_lowest_id_and_the_gate_asks_two_controls() -> None:
    """Two pools of two; `::0` passes. A constant score puts `::0` first, so codelewm (constant) has 1.0.

    no_action puts the failing member first in both: lift 100 points, and each resample has the same, so the interval is
    (100, 100). llm_order is constant too: lift 0, so the gate is closed for it alone.
    """
    rows = [
        row(f"P/{n}::{member}", passed=member == 0, codelewm=1.0, no_action=float(member), llm_order=0.0)
        for n in range(2)
        for member in range(2)
    ]
    document = rerank_document(pools_of(rows), RerankSettings(), benchmark="humaneval", scoring_summary={})
    by_name = {entry["baseline"]: entry for entry in document["baselines"]}
    assert (by_name["codelewm"]["pass_at_1"], by_name["no_action"]["pass_at_1"]) == (1.0, 0.0)
    assert by_name["no_action"]["mrr"] == 0.5
    assert document["bootstrap_lift_over_no_action_ci"] == [100.0, 100.0]
    assert document["claim_reason"] == "llm_order_lift=0.00pts ci=(0.00,0.00); requires lift>=3.0 and ci_lo>0"
    assert not document["claim_allowed"]


def test_a_pool_without_a_pass_counts_as_zero() -> None:
    rows = [row("P/0::0", passed=False), row("P/1::0", passed=True)]
    document = rerank_document(pools_of(rows), RerankSettings(), benchmark="humaneval", scoring_summary={})
    assert {entry["mrr"] for entry in document["baselines"]} == {0.5}


def test_an_interval_of_equal_figures_has_no_width() -> None:
    figures = {"a": 1.0, "b": 0.0}
    assert published_interval(figures, figures, RerankSettings()) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("score", "expected"), [(0.9, 0.9), (1.1, 0.7502601055951177), (0.2, 0.2), (-0.1, 0.47502081252106)]
)
def test_the_published_transform_is_not_monotone(score: float, expected: float) -> None:
    """1 / (1 + exp(-1.1)) = 0.7503 < 0.9, and 1 / (1 + exp(0.1)) = 0.4750 > 0.2."""
    assert probability(score) == pytest.approx(expected, abs=1e-15)
