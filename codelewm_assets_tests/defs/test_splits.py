"""The folds' asset: pairs and the search beside the folds, the cells in the check, refusals without a traceback."""

from pathlib import Path

import dagster as dg

from codelewm_assets.core.tables import read_table
from codelewm_assets.dataset.folds import ProblemSplit
from codelewm_assets.dataset.near_duplicates import NearDuplicate
from codelewm_assets.defs.dataset import problem_splits
from codelewm_assets_tests.defs.stored_world import QUIET, StoredWorld
from codelewm_assets_tests.factories import World


def materialize(stored: StoredWorld) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [problem_splits], instance=stored.instance, resources=stored.resources, run_config=QUIET, raise_on_error=False
    )


def with_copy(world: World) -> World:
    """The world in which the second problem's reference is the first one's, renamed."""
    copy = world.problems[0].reference.replace("solve", "answer").replace("x", "value")
    second = world.problems[1].model_copy(update={"reference": copy, "entry_point": "answer"})
    return world.changed(problems=(world.problems[0], second, *world.problems[2:]))


def test_near_duplicates_are_stored_beside_the_folds_with_their_reasons(stored: StoredWorld, world: World) -> None:
    stored.put_data(with_copy(world))
    (made,) = materialize(stored).asset_materializations_for_node("problem_splits")
    folder = Path(str(made.metadata["folder"].value))
    pairs = read_table(folder / "near_duplicates.parquet", NearDuplicate)
    assert [(p.first_problem_id, p.second_problem_id, p.reason, p.similarity) for p in pairs] == [
        ("humaneval/000", "humaneval/001", "same_ast", 1.0),
        ("humaneval/000", "humaneval/001", "similar_code", 1.0),
    ]
    split = {s.problem_id: s for s in read_table(folder / "splits.parquet", ProblemSplit)}
    assert split["humaneval/000"].fold == split["humaneval/001"].fold
    shown = {name: value.value for name, value in made.metadata.items()}
    assert (shown["near_duplicate_pairs"], shown["largest_cluster"], shown["cluster_count"]) == (1, 2, 79)
    assert (shown["seed"], shown["seeds_tried"], shown["rows_below_floors"]) == (0, 1, 0)


def test_no_near_duplicates_are_an_empty_table(stored: StoredWorld, world: World) -> None:
    stored.put_data(world)
    (made,) = materialize(stored).asset_materializations_for_node("problem_splits")
    folder = Path(str(made.metadata["folder"].value))
    assert read_table(folder / "near_duplicates.parquet", NearDuplicate) == []


def test_the_same_pack_gives_the_same_folds(stored: StoredWorld, world: World) -> None:
    digests = []
    for problems in (world.problems, world.problems[::-1]):
        stored.put_data(world.changed(problems=problems))
        (made,) = materialize(stored).asset_materializations_for_node("problem_splits")
        folder = Path(str(made.metadata["folder"].value))
        digests.append((folder / "splits.parquet").read_bytes())
    assert digests[0] == digests[1]


def test_the_check_shows_every_cell_and_those_below_their_floor_first(stored: StoredWorld, world: World) -> None:
    held = {s.problem_id for s in world.splits if s.fold == 3 and s.benchmark_id == "humaneval"}
    rows = tuple(
        r.model_copy(update={"output_magnitude_bucket": "small"})
        if r.source_problem_id in held and r.output_magnitude_bucket == "zero"
        else r
        for r in world.rows
    )
    stored.put_data(world.changed(rows=rows))
    found = stored.run_check("problem_splits", "folds_cover_every_cell")
    assert not found.passed and found.metadata["blocker"].value == "coverage_below_floor"
    assert found.description == "coverage_below_floor: fold 3 humaneval magnitude zero: 0 rows, floor 5"
    records = found.metadata["table"].records
    assert len(records) == found.metadata["cells"].value == 80
    assert dict(records[0].data) == {"cell": "fold 3 humaneval magnitude zero", "count": 0, "floor": 5, "ok": False}
    assert all(record.data["ok"] for record in records[1:])


def test_a_reference_pasted_into_a_prompt_makes_only_the_near_duplicate_check_red(
    stored: StoredWorld, world: World
) -> None:
    fold = {s.problem_id: s.fold for s in world.splits}
    first = world.problems[0]
    other = next(p for p in world.problems if fold[p.problem_id] == (fold[first.problem_id] + 1) % 5)
    pasted = other.model_copy(update={"prompt": f"{other.prompt}\n{first.reference}"})
    stored.put_data(world.changed(problems=tuple(pasted if p is other else p for p in world.problems)))
    names = ("no_problem_crosses_folds", "no_near_duplicate_crosses_folds", "folds_cover_every_cell")
    found = {name: stored.run_check("problem_splits", name) for name in names}
    assert [name for name in names if not found[name].passed] == ["no_near_duplicate_crosses_folds"]
    assert found["no_near_duplicate_crosses_folds"].metadata["blocker"].value == "near_duplicate_crosses_folds"
    assert "reference_in_prompt 1.00" in found["no_near_duplicate_crosses_folds"].description


def test_too_few_problems_for_five_folds_are_refused_in_a_sentence(stored: StoredWorld, world: World) -> None:
    few = {p.problem_id for p in world.problems[:4]}
    stored.put_data(world.changed(rows=tuple(r for r in world.rows if r.source_problem_id in few)))
    (failed,) = materialize(stored).filter_events(lambda event: event.is_step_failure)
    assert "4 clusters of problems; expected at least 5" in failed.event_specific_data.error.to_string()
