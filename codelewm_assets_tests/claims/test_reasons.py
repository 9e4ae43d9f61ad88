"""Reasons are true: over generated evidence the condition of each code holds of its figure, threshold and interval."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from codelewm_assets.claims.figure_checks import format_against
from codelewm_assets.claims.gates import evaluate_gates
from codelewm_assets.claims.register import SCORERS, SURPRISE_AUC
from codelewm_assets.claims.scorer_gates import rerank_gate
from codelewm_assets.claims.verdicts import REASONS, ClaimGates, Gate, Reason
from codelewm_assets.core.ids import ABLATIONS, BENCHMARKS, CONTROLS, SEEDS
from codelewm_assets.evaluation.reports import IntegrityEvidence, Lift, RetrievalReport, SeedEvidence
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.claims.evidence import (
    LABELS,
    STAND_IN,
    calibration,
    category,
    collapse,
    difference,
    equivalent,
    gates_of,
    probe,
    record_calibration,
    rerank,
    retrieval,
    scorer_evidence,
    surprise,
    target,
    together,
    transfer,
)

CONDITIONS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(
        ("evidence_missing", "evidence_does_not_verify", "benchmark_is_a_stand_in", "contamination_unknown"),
        lambda r: (r.figure, r.threshold, r.interval) == (None, None, None),
    ),
    **dict.fromkeys(
        ("too_few_pairs", "too_few_problems", "too_few_targets", "collapsed", "below_no_action_margin", "auc_below_threshold",
         "below_surface_lr_margin", "below_lexical_margin", "lift_below_threshold", "too_few_families"),
        lambda r: r.figure < r.threshold,
    ),
    **dict.fromkeys(
        ("below_controls_margin", "not_above_control", "no_better_than_untrained"), lambda r: r.figure <= r.threshold
    ),
    **dict.fromkeys(
        ("weights_not_finite", "miscalibrated", "benchmark_saturated", "manifest_mismatch", "secret_found",
         "scored_problem_trained_on", "prefers_the_unedited"),
        lambda r: r.figure > r.threshold,
    ),
    "interval_includes_zero": lambda r: r.threshold == 0 and r.figure == r.interval[0] <= 0 <= r.interval[1],
    "significantly_worse": lambda r: r.threshold == 0 and r.interval[0] <= r.figure == r.interval[1] < 0,
}  # fmt: skip
"""Written anew here, not read from the code under test."""

SMALL = st.floats(-0.5, 1.0) | st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.6, 0.65, 0.7])
POINTS = st.floats(-60, 60) | st.sampled_from([0.0, 3.0])
COUNTS = st.sampled_from([0, 1, 29, 30, 99, 100])
AREAS = st.floats(0, 1) | st.sampled_from([0.55])
DIFFERENCES = st.builds(
    lambda size, bounds: difference(size, *bounds), SMALL, st.tuples(SMALL, SMALL).map(lambda pair: sorted(pair))
)
BOUNDS = st.tuples(POINTS, POINTS).map(sorted)


def _maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


@st.composite
def reranked(draw: Any, benchmark: str) -> Any:
    """A rerank report of one benchmark; its lift need not lie in its interval."""
    low, high = draw(BOUNDS)
    changes: dict[str, Any] = {"problem_count": draw(COUNTS), "saturated": draw(_maybe(st.booleans()))}
    if draw(st.booleans()):
        changes["complete_pool_count"] = {name: draw(st.sampled_from([99, 100])) for name in ("p_pass", *CONTROLS)}
    if draw(st.booleans()):
        changes["benchmark_label"] = STAND_IN[benchmark]
    if draw(st.booleans()):
        changes[draw(st.sampled_from(["best_control", "lift_over_best_control"]))] = None
    return rerank(benchmark, points=draw(POINTS), lower=low, upper=high, **changes)


@st.composite
def evidence(draw: Any) -> SeedEvidence:
    """Reports of one seed, each of them good, bad or absent."""
    low, high = sorted((draw(SMALL), draw(SMALL)))
    targets = [target(draw(_maybe(SMALL)), draw(_maybe(st.floats(-0.5, 0.2)))) for _ in range(5)]
    probed = probe().model_copy(update={"targets": {f"t{place}": one for place, one in enumerate(targets)}})
    fields = {
        "collapse": collapse(
            effective_rank_ratio=draw(_maybe(SMALL)), median_variance=draw(_maybe(st.floats(0, 2e-8))),
            neighbour_entropy=draw(_maybe(SMALL)), nonfinite_tensors=draw(st.sampled_from([[], ["fold 0 x"]])),
            r2=draw(_maybe(SMALL)), r2_ci95=(low, high), over_untrained=draw(_maybe(DIFFERENCES)),
        ),
        "retrieval": draw(
            st.builds(retrieval, recall=SMALL, mrr=SMALL)
            | st.just(RetrievalReport(seed=42, query_count=0, candidates_per_query=0, scores=None))
        ),
        "surprise": surprise(
            **{
                name: category(
                    draw(_maybe(SMALL)), pairs=draw(COUNTS), problems=draw(COUNTS),
                    over_no_action=draw(_maybe(DIFFERENCES)), over_frequency=draw(_maybe(DIFFERENCES)),
                )
                for name in SURPRISE_AUC
            }
        ),
        "probe": probed,
        "calibration": calibration(
            draw(_maybe(SMALL)), low, draw(_maybe(SMALL)), draw(st.sampled_from(["ok", "single_class"])), upper=high,
            static=draw(_maybe(DIFFERENCES)), **draw(st.dictionaries(st.sampled_from(ABLATIONS), DIFFERENCES)),
        ),
        "record_calibration": record_calibration(draw(DIFFERENCES)),
        "scorers": {
            scorer.name: scorer_evidence(
                scorer.score,
                transfer=draw(_maybe(st.just(
                    transfer(mean_lift=Lift(points=draw(POINTS), ci95=draw(BOUNDS)), equivalent=equivalent(draw(AREAS)))
                ))),
            )
            for scorer in draw(st.sampled_from([(), SCORERS]))
        },
        "rerank": together(draw(reranked(name)) for name in BENCHMARKS),
    }  # fmt: skip
    return SeedEvidence(**{name: value for name, value in fields.items() if draw(st.integers(0, 5))})


ROWS = _maybe(st.sampled_from([[], ["one"], ["one", "two"]]))
INTEGRITY = st.builds(
    IntegrityEvidence, manifests_verified=st.integers(0, 2), manifest_mismatches=ROWS, secret_findings=ROWS,
    scored_problems_trained_on=ROWS,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(SEEDS), evidence()), INTEGRITY, st.sampled_from([LABELS, STAND_IN]))
def test_each_reason_is_true_and_each_state_follows_from_its_reasons(
    seeds: dict[int, SeedEvidence], checked: IntegrityEvidence, labels: dict[str, str]
) -> None:
    gates = evaluate_gates(seeds, checked, profile="tiny", benchmark_labels=labels)
    assert ClaimGates.model_validate_json(gates.model_dump_json()) == gates
    for gate in gates.gates:
        for row in gate.seeds:
            for reason in row.reasons:
                assert CONDITIONS[reason.code](reason), reason
                _agrees_with_its_sentence(reason)
                assert (reason.gate, reason.seed) == (gate.gate, row.seed)
                if reason.name in row.figures and reason.figure is not None:
                    assert reason.figure == row.figures[reason.name]
                if reason.name in row.needs and reason.figure is not None:
                    assert reason.threshold == row.needs[reason.name].threshold
                    assert not row.needs[reason.name].is_met(reason.figure)
            fails = {REASONS[reason.code].fails for reason in row.reasons}
            assert row.state == ("HOLDS" if not fails else "FAILS" if True in fails else "UNDECIDED")
            if row.state == "HOLDS" and gate.gate != "probe":  # one target of the probe is enough
                assert all(row.needs[name].is_met(row.figures[name]) for name in row.needs)
        assert [reason.code for reason in gate.reasons] == [r.code for row in gate.seeds for r in row.reasons]
    for claim in gates.claims:
        assert all(CONDITIONS[reason.code](reason) for reason in claim.reasons)
        assert (claim.status == "CLOSED") == bool(claim.reasons)


def _agrees_with_its_sentence(reason: Reason) -> None:
    """The sentence ends, and figure and threshold in it tell what they are: unequal numbers read unequal."""
    assert reason.detail.endswith(".")
    if found := re.search(r" is (\S+); (at least|above|at most) (\S+) is needed\.$", reason.detail):
        value, threshold = float(found[1]), float(found[3])
        assert threshold == reason.threshold
        assert not {"at least": value >= threshold, "above": value > threshold, "at most": value <= threshold}[found[2]]
    if found := re.search(r"interval of .*, (\S+) to (\S+?)( points)?, (includes 0|lies below 0)", reason.detail):
        low, high = float(found[1]), float(found[2])
        assert low <= 0 <= high if found[4] == "includes 0" else high < 0


@given(BOUNDS, POINTS)
def test_of_an_interval_one_thing_is_said(bounds: list[float], points: float) -> None:
    low, high = bounds
    found = rerank_gate(SeedEvidence(rerank=rerank("humaneval", points=points, lower=low, upper=high)), "humaneval")
    said = {reason.code for reason in found.reasons} - {"lift_below_threshold"}
    assert said == (set() if low > 0 else {"significantly_worse"} if high < 0 else {"interval_includes_zero"})
    assert all(CONDITIONS[reason.code](reason) for reason in found.reasons)


def test_every_code_has_a_condition_and_a_meaning() -> None:
    assert set(CONDITIONS) == set(REASONS)
    assert all(kind.meaning.endswith(".") and kind.condition for kind in REASONS.values())


def test_an_interval_below_zero_is_significantly_worse_and_does_not_include_zero() -> None:
    """The issue's case: −26.6 points, 95% −41.94 to −13.71."""
    found = rerank("humaneval", points=-26.6, lower=-41.94, upper=-13.71)
    both = together([found, rerank("mbpp_plus")])
    gate = next(g for g in gates_of({42: {"rerank": both}}).gates if g.gate == "rerank:humaneval")
    assert [(r.code, r.figure, r.threshold) for r in gate.reasons] == [
        ("lift_below_threshold", -26.6, 3.0), ("significantly_worse", -13.71, 0.0),
    ]  # fmt: skip
    assert gate.reasons[0].detail == (
        "seed 42: Pass@1 of p_pass minus that of consensus, the best control, in points, is -26.6; at least 3 is needed."
    )
    assert gate.reasons[1].detail == (
        "seed 42: The 95% interval of pass@1 of p_pass minus that of each resample's best control, -41.9 to -13.7 points, lies "
        "below 0: significantly worse than the best control."
    )


@each_case(
    ("code", "fields"),
    [
        ("interval_includes_zero", {"figure": -41.94, "threshold": 0.0, "interval": (-41.94, -13.71)}),
        ("significantly_worse", {"figure": 1.0, "threshold": 0.0, "interval": (-1.0, 1.0)}),
        ("collapsed", {"figure": 0.3, "threshold": 0.2}),
        ("collapsed", {"figure": 0.1}),
        ("miscalibrated", {"figure": 0.1, "threshold": 0.1}),
        ("evidence_missing", {"figure": 0.1, "threshold": 0.1}),
        ("invented", {"figure": 0.1, "threshold": 0.2}),
    ],
)
def test_a_reason_that_is_not_true_cannot_be_made(code: str, fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=f"{code} has figure"):
        Reason(code=code, detail="A sentence.", **fields)


def test_gates_of_before_are_still_read() -> None:
    """Their reasons have a code and a detail alone, one of them a code that is no longer given."""
    old = {"gate": "probe", "state": "FAILS", "reasons": [{"code": "no_target_beats_controls", "detail": "d"}], "seeds": [
        {"gate": "probe", "seed": 42, "state": "FAILS", "reasons": [], "figures": {"passed": 0.01}}]}  # fmt: skip
    found = Gate.model_validate(old)
    assert (found.reasons[0].figure, found.seeds[0].needs) == (None, {})


@given(st.floats(-1, 1) | st.floats(-1e-3, 1e-3), st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.65]))
def test_a_shown_figure_is_on_the_same_side_of_its_threshold(distance: float, threshold: float) -> None:
    value = threshold + distance
    text = float(format_against(value, threshold))
    assert (text < threshold, text > threshold) == (value < threshold, value > threshold)
