"""Pictures of findings: PNG, the same for the same numbers, another when a number moves."""

import pytest

from codelewm_assets.core.records import CellCount
from codelewm_assets.plots.findings import cells_png, controls_png, lifts_png

CELLS = [CellCount(cell=f"fold {fold} humaneval passed", count=10 + fold, floor=10 * (fold != 4)) for fold in range(5)]
FIGURES = {"humaneval.chance": 0.5, "humaneval.lexical": 0.6, "mbpp_plus.chance": 0.5, "mbpp_plus.lexical": 0.4}


def test_the_same_cells_give_the_same_picture_and_others_another() -> None:
    first = cells_png(CELLS)
    assert first[:8] == b"\x89PNG\r\n\x1a\n" and len(first) < 60_000
    assert cells_png(CELLS) == first
    assert cells_png([CELLS[0].model_copy(update={"count": 3}), *CELLS[1:]]) != first


LIFTS = {
    "gate_lift_points": 3.0,
    "target_lift_points": 12.0,
    "humaneval.fold 0.pools": 8,
    "humaneval.fold 0.minimum_detectable_lift_points": 9.5,
    "humaneval.this profile.minimum_detectable_lift_points": 9.5,
    "mbpp_plus.this profile.pools": 0,
}


@pytest.mark.parametrize("figures", [FIGURES, {}])
def test_controls_are_drawn_with_and_without_figures(figures: dict[str, float | int | str | bool]) -> None:
    limits = {"ceiling": 0.85, "chance_margin": 0.1}
    plain = controls_png(figures, **limits)
    assert plain[:4] == b"\x89PNG" and controls_png(figures, **limits) == plain
    assert controls_png(figures | {"humaneval.lexical": 0.9}, **limits) != plain


def test_consensus_far_from_chance_is_drawn_at_fault() -> None:
    figures = FIGURES | {"humaneval.consensus": 0.61}
    assert controls_png(figures, ceiling=0.85, chance_margin=0.1) != controls_png(
        figures, ceiling=0.85, chance_margin=0.12
    )


def test_lifts_are_drawn_also_where_none_could_be_shown() -> None:
    first = lifts_png(LIFTS)
    assert first[:4] == b"\x89PNG" and len(first) < 60_000
    assert lifts_png(LIFTS) == first
    assert lifts_png(LIFTS | {"target_lift_points": 9.0}) != first
