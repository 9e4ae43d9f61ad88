"""Pictures of findings: PNG, the same for the same numbers, another when a number moves."""

from typing import Any

import pytest

from codelewm_assets.core.records import CellCount
from codelewm_assets.plots.findings import cells_png, controls_png, lifts_png

CELLS = [CellCount(cell=f"fold {fold} humaneval passed", count=10 + fold, floor=10 * (fold != 4)) for fold in range(5)]
LABELS = {"humaneval": "humaneval", "mbpp_plus": "mbpp_plus (stand-in)"}
FIGURES = {"humaneval.chance": 0.5, "humaneval.lexical": 0.6, "mbpp_plus.chance": 0.5, "mbpp_plus.lexical": 0.4}


def test_the_same_cells_give_the_same_picture_and_others_another() -> None:
    first = cells_png(CELLS, title="Rows", labels=LABELS)
    assert first[:8] == b"\x89PNG\r\n\x1a\n" and len(first) < 60_000
    assert cells_png(CELLS, title="Rows", labels=LABELS) == first
    assert cells_png([CELLS[0].model_copy(update={"count": 3}), *CELLS[1:]], title="Rows", labels=LABELS) != first


LIFTS = {
    "gate_lift_points": 3.0,
    "target_lift_points": 12.0,
    "humaneval.codelewm.pools": 8,
    "humaneval.codelewm.minimum_detectable_lift_points": 9.5,
    "humaneval.cross-fitting.minimum_detectable_lift_points": 9.5,
    "mbpp_plus.cross-fitting.pools": 0,
}


@pytest.mark.parametrize("figures", [FIGURES, {}])
def test_controls_are_drawn_with_and_without_figures(figures: dict[str, float | int | str | bool]) -> None:
    limits: Any = {"ceiling": 0.85, "labels": LABELS}
    plain = controls_png(figures, **limits)
    assert plain[:4] == b"\x89PNG" and controls_png(figures, **limits) == plain
    assert controls_png(figures | {"humaneval.lexical": 0.9}, **limits) != plain


def test_a_control_above_the_ceiling_is_drawn_at_fault() -> None:
    figures = FIGURES | {"humaneval.consensus": 0.61}
    assert controls_png(figures, ceiling=0.85, labels=LABELS) != controls_png(figures, ceiling=0.6, labels=LABELS)


def test_lifts_are_drawn_also_where_none_could_be_shown() -> None:
    first = lifts_png(LIFTS, labels=LABELS)
    assert first[:4] == b"\x89PNG" and len(first) < 60_000
    assert lifts_png(LIFTS, labels=LABELS) == first
    assert lifts_png(LIFTS | {"target_lift_points": 9.0}, labels=LABELS) != first


def test_a_stand_in_is_named_in_every_picture() -> None:
    """The label of a benchmark is drawn in place of its id: another label gives another picture."""
    other: Any = {"labels": LABELS | {"mbpp_plus": "mbpp_plus"}}
    own: Any = {"labels": LABELS}
    cells = [one.model_copy(update={"cell": one.cell.replace("humaneval", "mbpp_plus")}) for one in CELLS]
    assert cells_png(cells, title="Rows", **own) != cells_png(cells, title="Rows", **other)
    assert cells_png(CELLS, title="Rows", **own) == cells_png(CELLS, title="Rows", **other)
    limits: Any = {"ceiling": 0.85}
    assert controls_png(FIGURES, **limits, **own) != controls_png(FIGURES, **limits, **other)
    assert lifts_png(LIFTS, **own) != lifts_png(LIFTS, **other)
