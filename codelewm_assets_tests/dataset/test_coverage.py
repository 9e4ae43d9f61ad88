"""Cells of folds, counted by hand."""

from codelewm_assets.core.records import CellCount
from codelewm_assets.dataset.coverage import VALUES, cell_counts
from codelewm_assets_tests.factories import FLOORS, World, make_world


def test_every_cell_is_counted_with_its_floor() -> None:
    """5 folds × 2 benchmarks × (2 values of passed + 6 magnitudes) = 80 cells.

    Fold 0 has 8 problems of each benchmark with 3 passing and 3 failing completions of 5 inputs: 120 rows that pass and 120
    that do not. A passing completion has one output of each magnitude but not_a_number.
    """
    world: World = make_world()
    cells = cell_counts(world.rows, {s.problem_id: s.fold for s in world.splits}, FLOORS)
    assert len(cells) == 5 * 2 * len(VALUES) == 80
    found = {cell.cell: cell for cell in cells}
    assert len(found) == 80 and all(cell.is_met for cell in cells)
    assert found["fold 0 humaneval passed"] == CellCount(cell="fold 0 humaneval passed", count=120, floor=5)
    assert found["fold 4 mbpp_plus failed"].count == 120
    assert found["fold 2 humaneval magnitude not_a_number"].count == 0
    assert sum(cell.count for cell in cells) == 2 * len(world.rows)


def test_rows_of_problems_without_a_fold_are_in_no_cell() -> None:
    world = make_world(5)
    assert sum(cell.count for cell in cell_counts(world.rows, {}, FLOORS)) == 0


def test_a_cell_counts_from_its_floor_on() -> None:
    assert CellCount(cell="c", count=5, floor=5).is_met
    assert not CellCount(cell="c", count=4, floor=5).is_met
