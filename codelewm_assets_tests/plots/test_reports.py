"""Figures: PNG, and the same bytes when drawn twice."""

from collections.abc import Callable

from codelewm_assets.core.ids import SEEDS
from codelewm_assets.evaluation.reports import CalibrationBin, SeedEvidence
from codelewm_assets.evaluation.rows import ScoreRow
from codelewm_assets.plots import reports, style
from codelewm_assets.release.figures import BEST, CAPTIONS, difference_effects, draw_figures, lift_effects, roc_of
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.claims.evidence import LABELS, STAND_IN
from codelewm_assets_tests.release.full import CELLS, CONTROLS, EVENTS, FINDING, calibration, evidence_of, numbers

BINS = [
    CalibrationBin(lower=0.0, upper=0.5, count=4, mean_score=0.2, pass_rate=0.25),
    CalibrationBin(lower=0.5, upper=1.0, count=0, mean_score=None, pass_rate=None),
]
CURVE = reports.Curve("p_pass", ([0.0, 0.5, 1.0], [0.0, 0.8, 1.0]), 0.65, (0.6, 0.7))
BARE = reports.Curve("other", ([0.0, 1.0], [0.0, 1.0]), None, None)
EFFECT = reports.Effect("humaneval", "lexical", 42, 3.0, (1.0, 5.0), True)
ROWS = [
    ScoreRow(completion_id=str(i), problem_id="p", benchmark_id="humaneval", passed=i % 2 == 0,
             scores={"p_pass": i / 10, "random": 0.5, "llm_order": None})
    for i in range(10)
]  # fmt: skip
ON = "humaneval and mbpp_plus (stand-in)"
DRAWN: dict[str, Callable[[], bytes]] = {
    "reliability_curve": lambda: reports.reliability_curve({42: BINS, 1729: BINS}, {42: 0.1, 1729: None}, on=ON),
    "roc_curves": lambda: reports.roc_curves({42: [CURVE, BARE], 1729: [CURVE]}, on=ON),
    "forest": lambda: reports.forest([EFFECT, EFFECT._replace(seed=1729)], title="t", x="points", threshold=3.0),
    "training_curve": lambda: reports.training_curve({42: [{"event": "started"}, *EVENTS], 1729: EVENTS}, on=ON),
}
EMPTY: dict[str, Callable[[], bytes]] = {
    "reliability_curve": lambda: reports.reliability_curve({}, {}, on=ON),
    "roc_curves": lambda: reports.roc_curves({}, on=ON),
    "forest": lambda: reports.forest([], title="t", x="points"),
    "training_curve": lambda: reports.training_curve({42: [{"event": "started"}]}, on=ON),
}


@each_case("name", sorted(DRAWN))
def test_a_figure_is_a_png_and_byte_identical_when_drawn_twice(name: str) -> None:
    first = DRAWN[name]()
    assert first.startswith(b"\x89PNG\r\n\x1a\n")
    assert DRAWN[name]() == first


@each_case("name", sorted(EMPTY))
def test_a_figure_without_anything_to_draw_is_still_a_figure(name: str) -> None:
    assert EMPTY[name]().startswith(b"\x89PNG")


def test_other_numbers_give_another_figure() -> None:
    assert reports.forest([EFFECT._replace(value=4.0)], title="t", x="points") != reports.forest(
        [EFFECT], title="t", x="points"
    )


def test_seeds_and_named_scores_have_hues_of_their_own() -> None:
    assert len({style.seed_hue(place) for place in range(4)}) == 4
    assert len(set(style.SCORE_HUES.values())) == len(style.SCORE_HUES)
    assert style.score_hue("anything else") == style.MUTED


def test_the_forest_has_a_row_per_benchmark_control_and_seed_with_the_best_control_marked() -> None:
    found = lift_effects({seed: evidence_of(numbers(), STAND_IN) for seed in SEEDS})
    names = [(e.group, e.name, e.seed) for e in found]
    assert len(names) == len(set(names)) == 2 * (len(CONTROLS) + 1) * len(SEEDS)
    assert {e.name for e in found if e.is_marked} == {"consensus"}
    assert [e.name for e in found if e.group == "humaneval"][-1] == BEST


def test_the_difference_that_the_gate_reads_is_marked() -> None:
    found = difference_effects({42: calibration(numbers())}, on=ON)
    assert {e.name for e in found if e.is_marked} == {"surface_lr"}
    assert {e.group for e in found} == {f"held-out completions of {ON}"}


def test_a_score_without_values_has_no_curve_and_the_largest_area_comes_first() -> None:
    report = calibration(numbers())
    found = roc_of(ROWS, report)
    assert {curve.score for curve in found} == {"p_pass", "random"}
    assert [curve.auc for curve in found] == sorted((curve.auc or 0.0 for curve in found), reverse=True)
    assert roc_of(ROWS, None)[0].auc is None


def test_a_report_has_its_figures_each_with_words_and_heat_maps_only_of_cells() -> None:
    evidence = {seed: evidence_of(numbers(), STAND_IN) for seed in SEEDS}
    made = _drawn(evidence, STAND_IN)
    assert set(CAPTIONS) - set(made) == {"decoy_coverage.png"}
    assert set(made) <= set(CAPTIONS)


def _drawn(evidence: dict[int, SeedEvidence], labels: dict[str, str]) -> dict[str, bytes]:
    cells = CELLS.model_copy(
        update={
            "table": tuple(c.model_copy(update={"cell": c.cell.replace("humaneval", "mbpp_plus")}) for c in CELLS.table)
        }
    )
    completions, events = dict.fromkeys(SEEDS, ROWS), dict.fromkeys(SEEDS, EVENTS)
    return draw_figures(evidence, [FINDING, cells], completions=completions, events=events, labels=labels)


def test_every_figure_names_a_stand_in() -> None:
    """Each of them is another picture when the benchmark is called otherwise."""
    stand_in = _drawn({42: evidence_of(numbers(), STAND_IN)}, STAND_IN)
    published = _drawn({42: evidence_of(numbers(), LABELS)}, LABELS)
    assert {name for name in stand_in if stand_in[name] == published[name]} == set()
