"""Pictures of findings: PNG, the same for the same numbers, another when a number moves."""

import pytest

from codelewm_assets.core.records import CellCount
from codelewm_assets.preflight.plots import cells_png, controls_png

CELLS = [CellCount(cell=f"fold {fold} humaneval passed", count=10 + fold, floor=10 * (fold != 4)) for fold in range(5)]
FIGURES = {"humaneval.chance": 0.5, "humaneval.lexical": 0.6, "mbpp_plus.chance": 0.5, "mbpp_plus.lexical": 0.4}


def test_the_same_cells_give_the_same_picture_and_others_another() -> None:
    first = cells_png(CELLS)
    assert first[:8] == b"\x89PNG\r\n\x1a\n" and len(first) < 60_000
    assert cells_png(CELLS) == first
    assert cells_png([CELLS[0].model_copy(update={"count": 3}), *CELLS[1:]]) != first


@pytest.mark.parametrize("figures", [FIGURES, {}])
def test_controls_are_drawn_with_and_without_figures(figures: dict[str, float | int | str | bool]) -> None:
    assert controls_png(figures, ceiling=0.85)[:4] == b"\x89PNG"
    assert controls_png(figures | {"humaneval.lexical": 0.9}, ceiling=0.85) != controls_png(figures, ceiling=0.85)
