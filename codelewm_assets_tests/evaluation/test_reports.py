"""Reports hold no number that is not finite, and no unknown key."""

import math
from collections.abc import Callable

import pytest
from pydantic import BaseModel, ValidationError

from codelewm_assets.evaluation import reports
from codelewm_assets.evaluation.reports import (
    CalibrationBin,
    CollapseReport,
    Difference,
    Lift,
    ProbeTarget,
    Report,
    RetrievalScores,
    ScoreMetrics,
    SurpriseCategory,
)
from codelewm_assets.evaluation.rows import ScoreRow
from codelewm_assets_tests.cases import each_case

BAD = (math.nan, math.inf, -math.inf)
MAKERS: dict[str, Callable[[float], BaseModel]] = {
    "lift": lambda x: Lift(points=x, ci95=(0.0, 1.0)),
    "interval": lambda x: Lift(points=1.0, ci95=(0.0, x)),
    "auc_difference": lambda x: Difference(difference=x, ci95=(0.0, 1.0)),
    "bin": lambda x: CalibrationBin(lower=0, upper=0.1, count=1, mean_score=x, pass_rate=None),
    "metrics": lambda x: ScoreMetrics(
        status="ok", brier_score=x, positive_count=1, negative_count=1, missing_count=0, nonfinite_count=0
    ),
    "retrieval": lambda x: RetrievalScores(recall_at_1=x, mrr=0.0),
    "surprise": lambda x: SurpriseCategory(
        pair_count=1, problem_count=1, auc=x, auc_ci95=None, no_action_auc=None, mean_real_energy=None,
        mean_decoy_energy=None,
    ),
    "probe": lambda x: ProbeTarget(
        status="ok", class_count=2, fit_count=1, test_count=1, model=0.5, controls={"majority": x}, best_control=None,
        lift_over_best_control=None, lift_ci99=None,
    ),
    "collapse": lambda x: CollapseReport(
        seed=1, latent_count=16, effective_rank_ratio=x, median_variance=0.0, neighbour_entropy=0.0, tensor_count=1,
        parameter_count=1,
    ),
}  # fmt: skip


@each_case("value", BAD)
@each_case("name", sorted(MAKERS))
def test_a_report_refuses_a_number_that_is_not_finite(name: str, value: float) -> None:
    with pytest.raises(ValidationError, match="Input should be a finite number"):
        MAKERS[name](value)
    assert MAKERS[name](0.5)


def test_every_report_refuses_unknown_keys_and_changes() -> None:
    found = [kind for kind in vars(reports).values() if isinstance(kind, type) and issubclass(kind, Report)]
    assert len(found) > 10
    for kind in found:
        assert kind.model_config["extra"] == "forbid"
        assert kind.model_config["frozen"] is True
        assert kind.model_config["allow_inf_nan"] is False


def test_p_pass_is_a_required_key_of_every_score_row() -> None:
    with pytest.raises(ValidationError, match="scores has no p_pass; wanted the key, with null where there is none"):
        ScoreRow(completion_id="c", problem_id="p", benchmark_id="humaneval", passed=True, scores={"lexical": 1.0})


def test_a_score_row_distinguishes_missing_and_non_finite_from_a_number() -> None:
    row = ScoreRow(
        completion_id="c", problem_id="p", benchmark_id="b", passed=True,
        scores={"p_pass": 0.0, "lexical": None, "length": math.nan},
    )  # fmt: skip
    assert [row.finite(name) for name in ("p_pass", "lexical", "length", "consensus")] == [0.0, None, None, None]
