"""Figures: PNG, and the same bytes when drawn twice."""

from collections.abc import Callable

import numpy as np
import pytest

from codelewm_assets.evaluation.calibration import calibration_bins
from codelewm_assets.release import plots
from codelewm_assets_tests.claims.evidence import rerank

BINS = calibration_bins(np.array([0.1, 0.4, 0.9]), np.array([False, True, True]))
STEPS = [
    {
        "event": "progress",
        "fold": fold,
        "step": step,
        "metrics": {"train_loss": 2.0 / step, "val_loss": None if step == 1 else 1.0},
    }
    for fold in (0, 1)
    for step in (1, 2, 3)
]
DRAWN: dict[str, Callable[[], bytes]] = {
    "reliability_curve": lambda: plots.reliability_curve({42: BINS, 1729: BINS}),
    "roc_curves": lambda: plots.roc_curves({"p_pass, seed 42": ([0.0, 0.5, 1.0], [0.0, 0.8, 1.0])}),
    "lifts": lambda: plots.lifts({"humaneval 42": rerank("humaneval").benchmarks["humaneval"]}),
    "training_curve": lambda: plots.training_curve({42: [{"event": "started"}, *STEPS], 1729: STEPS}),
}
EMPTY: dict[str, Callable[[], bytes]] = {
    "reliability_curve": lambda: plots.reliability_curve({}),
    "roc_curves": lambda: plots.roc_curves({}),
    "lifts": lambda: plots.lifts({}),
    "training_curve": lambda: plots.training_curve({42: [{"event": "started"}]}),
}


@pytest.mark.parametrize("name", sorted(DRAWN))
def test_a_figure_is_a_png_and_byte_identical_when_drawn_twice(name: str) -> None:
    first = DRAWN[name]()
    assert first.startswith(b"\x89PNG\r\n\x1a\n")
    assert DRAWN[name]() == first


@pytest.mark.filterwarnings("ignore:No artists with labels")
@pytest.mark.parametrize("name", sorted(EMPTY))
def test_a_figure_without_anything_to_draw_is_still_a_figure(name: str) -> None:
    assert EMPTY[name]().startswith(b"\x89PNG")


def test_other_numbers_give_another_figure() -> None:
    other = plots.lifts({"humaneval 42": rerank("humaneval", points=8.0).benchmarks["humaneval"]})
    assert other != DRAWN["lifts"]()
