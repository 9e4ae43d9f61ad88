"""One sentence a gate: figure, threshold, direction, of the seed that decides."""

from codelewm_assets.claims.verdicts import Gate, Reason, SeedGate, State
from codelewm_assets.commands.gate_sentences import WORDS, gate_sentence
from codelewm_assets_tests.claims.evidence import gates_of

NEEDS = {gate.gate: gate.seeds[0].needs for gate in gates_of().gates}


def row(gate: str, state: State, seed: int | None = 42, *reasons: tuple[str, str], **figures: float) -> SeedGate:
    given = tuple(Reason(code=code, detail=detail) for code, detail in reasons)
    asked = {} if any(code == "benchmark_is_a_stand_in" for code, _ in reasons) else NEEDS[gate]
    return SeedGate(gate=gate, seed=seed, state=state, reasons=given, figures=figures, needs=asked)


def said(*rows: SeedGate, state: State = "FAILS") -> str:
    return gate_sentence(Gate(gate=rows[0].gate, state=state, reasons=(), seeds=rows))


def test_a_lift_has_its_control_interval_threshold_and_direction() -> None:
    reason = (
        "lift_below_threshold",
        "Pass@1 of p_pass minus that of surface_lr, the best control, in points, is -26.6",
    )
    below = row("rerank:humaneval", "FAILS", 42, reason, lift_points=-26.61, ci95_lower=-41.94, ci95_upper=-13.71)
    assert said(below) == "26.6 points worse than surface_lr, 95% −41.9 to −13.7; +3 needed (seed 42)"
    unsure = row("rerank:humaneval", "FAILS", 42, lift_points=4.0, ci95_lower=-1.0, ci95_upper=9.0)
    assert said(unsure) == (
        "4.0 points better than the best control, 95% −1.0 to 9.0; +3 and an interval above 0 needed (seed 42)"
    )


def test_the_worst_seed_decides_whatever_its_place() -> None:
    better = row("rerank:humaneval", "FAILS", 42, lift_points=-1.0, ci95_lower=-2.0, ci95_upper=-0.5)
    worse = row("rerank:humaneval", "FAILS", 1729, lift_points=-9.0, ci95_lower=-12.0, ci95_upper=-6.0)
    assert said(better, worse) == said(worse, better) and said(worse, better).startswith("9.0 points worse")
    holds = row("rerank:humaneval", "HOLDS", 1729, lift_points=-30.0, ci95_lower=-40.0, ci95_upper=-20.0)
    assert said(holds, better).endswith("(seed 42)")  # the state comes before the figure


def test_only_figures_that_are_not_met_are_named_and_all_where_the_gate_holds() -> None:
    fails = row("collapse", "FAILS", 42, effective_rank_ratio=0.1, median_variance=0.01, neighbour_entropy=0.9)
    assert said(fails) == "effective-rank ratio 0.100, at least 0.2 needed (seed 42)"
    holds = row("collapse", "HOLDS", 42, effective_rank_ratio=0.4, median_variance=1e-4, neighbour_entropy=0.9)
    assert said(holds, state="HOLDS") == (
        "effective-rank ratio 0.400, at least 0.2 needed; median variance 1.0e-04, at least 1e-08 needed; "
        "neighbour entropy 0.900, at least 0.1 needed (seed 42)"
    )


def test_calibration_names_its_difference_its_interval_and_its_error() -> None:
    both = row("calibration", "FAILS", 42, roc_auc_over_surface_lr=-0.0709, ci95_lower=-0.1108,
               expected_calibration_error=0.2)  # fmt: skip
    assert said(both) == (
        "ROC-AUC 0.071 worse than surface_lr, 95% from −0.111, +0.05 needed; calibration error 0.200, at most 0.1 "
        "allowed (seed 42)"
    )
    interval = row("calibration", "FAILS", 42, roc_auc_over_surface_lr=0.06, ci95_lower=-0.01,
                   expected_calibration_error=0.05)  # fmt: skip
    assert said(interval).startswith("the lower bound −0.010 of the 95% interval is not above 0; ROC-AUC 0.060 better")


def test_the_probe_names_its_best_target() -> None:
    found = row("probe", "FAILS", 42, passed=-0.2, other2=0.0148)
    assert said(found).startswith("best target other2: 0.015 better than its best control; more than +0.05")


def test_missing_evidence_is_no_verdict_with_its_reason_and_what_is_known() -> None:
    missing = row("retrieval", "UNDECIDED", 1729, ("evidence_missing", "retrieval_report"))
    assert said(missing, state="UNDECIDED") == "no verdict: evidence_missing: retrieval_report (seed 1729)"
    stand_in = row("rerank:mbpp_plus", "UNDECIDED", 42, ("benchmark_is_a_stand_in", "mbpp_plus (stand-in)"),
                   lift_points=-2.0, ci95_lower=-3.0, ci95_upper=-1.0)  # fmt: skip
    assert said(stand_in, state="UNDECIDED").startswith(
        "no verdict: benchmark_is_a_stand_in: mbpp_plus (stand-in); 2.0 points worse than the best control"
    )


def test_evidence_that_does_not_verify_shows_the_first_reasons_and_how_many_more() -> None:
    reasons = tuple(Reason(code="evidence_does_not_verify", detail=str(number)) for number in range(6))
    text = gate_sentence(Gate(gate="probe", state="UNDECIDED", reasons=reasons, seeds=()))
    assert text.endswith("evidence_does_not_verify: 3; 2 more")


def test_every_figure_that_a_gate_asks_for_has_words() -> None:
    asked = {name for gate, needs in NEEDS.items() if gate != "probe" and "rerank:" not in gate for name in needs}
    assert {name for name in asked if not name.endswith("ci95_lower")} == set(WORDS)


def test_gates_of_artifacts_that_do_not_say_what_was_asked_give_their_reasons() -> None:
    old = SeedGate(gate="collapse", seed=42, state="FAILS", figures={"median_variance": 0.0},
                   reasons=(Reason(code="collapsed", detail="median variance 0"),))  # fmt: skip
    assert said(old) == "collapsed: median variance 0 (seed 42)"
