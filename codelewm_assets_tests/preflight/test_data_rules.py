"""Each data rule is green on the green world and red, with its blocker and offender, on data with exactly its fault."""

from collections.abc import Callable
from typing import Any

import pytest

from codelewm_assets.core.findings import finding
from codelewm_assets.core.ids import BENCHMARKS, FOLDS
from codelewm_assets.core.records import CellCount, Finding, Record
from codelewm_assets.core.sample_records import SourceReading, UnreadRows
from codelewm_assets.dataset.folds import ProblemSplit
from codelewm_assets.dataset.pack import KNOWN_LICENSES
from codelewm_assets.preflight import data_rules
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.factories import FLOORS, World, make_completion, make_problem, random_words

JUDGES: dict[str, Callable[[World], Finding]] = {
    "stand_in_is_named": lambda w: data_rules.stand_in_is_named(w.problems),
    "every_problem_is_usable": lambda w: data_rules.every_problem_is_usable(w.problems),
    "licences_are_known": lambda w: data_rules.licences_are_known(w.rows),
    "every_problem_has_completions": lambda w: data_rules.every_problem_has_completions(w.completions, w.problems),
    "imports_were_read": lambda w: data_rules.imports_were_read(w.readings),
    "labels_are_deterministic": lambda w: data_rules.labels_are_deterministic(w.labelled),
    "pack_has_both_classes": lambda w: data_rules.pack_has_both_classes(w.rows),
    "no_problem_crosses_folds": lambda w: data_rules.no_problem_crosses_folds(w.splits, w.rows),
    "no_near_duplicate_crosses_folds": lambda w: data_rules.no_near_duplicate_crosses_folds(
        w.splits, w.near_duplicates
    ),
    "folds_cover_every_cell": lambda w: data_rules.folds_cover_every_cell(w.rows, w.splits, floors=FLOORS),
    "decoys_join_the_pack": lambda w: data_rules.decoys_join_the_pack(w.decoys, w.rows),
    "decoy_coverage": lambda w: data_rules.decoy_coverage(w.decoys, w.splits, pair_floor=10, problem_floor=5),
}


def with_first(world: World, field: str, **changes: Any) -> World:
    """The world with the first record of a field changed."""
    return with_each(world, field, lambda row: row is getattr(world, field)[0], **changes)


def with_each(world: World, field: str, is_changed: Callable[[Any], bool], **changes: Any) -> World:
    """The world with those records of a field changed."""
    rows: tuple[Record, ...] = getattr(world, field)
    return world.changed(**{field: tuple(r.model_copy(update=changes) if is_changed(r) else r for r in rows)})


def without(world: World, field: str, is_dropped: Callable[[Any], bool]) -> World:
    """The world without those records of a field."""
    return world.changed(**{field: tuple(r for r in getattr(world, field) if not is_dropped(r))})


def assert_red(rule: str, world: World, blocker: str, *offenders: str) -> Finding:
    """The rule is red with exactly these offenders, and their count is in the figures."""
    found = JUDGES[rule](world)
    assert (found.passed, found.blocker) == (False, blocker)
    assert found.offenders == offenders
    assert found.figures["offender_count"] == len(offenders)
    return found


@each_case("rule", sorted(JUDGES))
def test_the_rule_is_green_on_the_green_world(rule: str, world: World) -> None:
    found = JUDGES[rule](world)
    assert (found.rule, found.passed, found.blocker, found.offenders) == (rule, True, None, ())
    assert found.figures["offender_count"] == 0 and found.message


def test_a_finding_names_twenty_offenders_and_counts_all() -> None:
    found = finding("r", [f"o{n}" for n in range(25)], blocker="b", message="m", figures={"rows": 3})
    assert found.offenders == tuple(f"o{n}" for n in range(20))
    assert found.figures == {"rows": 3, "offender_count": 25}
    assert (found.passed, found.blocker) == (False, "b")


def test_a_stand_in_under_the_published_name_is_red(world: World) -> None:
    fault = with_first(world, "problems", source_revision="codelewm stand-in 1")
    assert_red("stand_in_is_named", fault, "stand_in_not_named", "humaneval/000")


def test_a_published_problem_called_a_stand_in_is_red(world: World) -> None:
    fault = with_first(world, "problems", benchmark_label="humaneval (stand-in)")
    assert_red("stand_in_is_named", fault, "stand_in_not_named", "humaneval/000")


def test_a_stand_in_that_says_so_is_green(world: World) -> None:
    named = with_first(world, "problems", benchmark_label="humaneval (stand-in)", source_revision="codelewm stand-in 1")
    assert JUDGES["stand_in_is_named"](named).passed


def test_a_problem_without_inputs_is_red(world: World) -> None:
    fault = with_first(world, "problems", inputs=(), expected=())
    assert_red("every_problem_is_usable", fault, "problem_unusable", "humaneval/000")


def test_a_problem_that_comes_twice_is_red(world: World) -> None:
    fault = world.changed(problems=(*world.problems, world.problems[3]))
    assert_red("every_problem_is_usable", fault, "problem_unusable", "humaneval/003")


def test_no_problems_at_all_are_red(world: World) -> None:
    assert_red("every_problem_is_usable", world.changed(problems=()), "problem_unusable", "(no problems)")


@pytest.mark.parametrize("changes", [{"license": "proprietary"}, {"license": ""}, {"license_attribution_url": ""}])
def test_a_row_without_known_licence_and_attribution_is_red(world: World, changes: dict[str, str]) -> None:
    assert_red("licences_are_known", with_first(world, "rows", **changes), "licence_unknown", "humaneval/000")


def test_every_licence_of_the_pack_module_is_known(world: World) -> None:
    for name in sorted(KNOWN_LICENSES):
        assert JUDGES["licences_are_known"](with_first(world, "rows", license=name)).passed, name


def test_a_problem_without_its_reference_is_red(world: World) -> None:
    fault = without(world, "completions", lambda c: c.completion_id == "humaneval/000/c000")
    assert_red("every_problem_has_completions", fault, "completions_missing", "humaneval/000: no reference")


def test_a_problem_with_its_reference_only_is_red(world: World) -> None:
    fault = without(
        world, "completions", lambda c: c.problem_id == "humaneval/000" and c.completion_kind != "reference"
    )
    assert_red("every_problem_has_completions", fault, "completions_missing", "humaneval/000: no rewrite and no mutant")


def test_a_completion_id_that_comes_twice_is_red(world: World) -> None:
    fault = world.changed(completions=(*world.completions, world.completions[1]))
    assert_red("every_problem_has_completions", fault, "completions_missing", "humaneval/000/c001 occurs 2 times")


def test_a_label_that_changed_in_the_second_run_is_red(world: World) -> None:
    fault = with_first(world, "labelled", is_deterministic=False)
    assert_red("labels_are_deterministic", fault, "label_not_deterministic", "humaneval/000/c000")


def test_a_nondeterministic_completion_that_passed_is_red(world: World) -> None:
    fault = with_first(world, "labelled", is_deterministic=False, outcome="nondeterministic", passed=True)
    assert_red("labels_are_deterministic", fault, "label_not_deterministic", "humaneval/000/c000")


def test_a_completion_called_nondeterministic_that_did_not_pass_is_green_and_counted(world: World) -> None:
    counted = with_first(world, "labelled", is_deterministic=False, outcome="nondeterministic", passed=False)
    found = JUDGES["labels_are_deterministic"](counted)
    assert found.passed and found.figures["nondeterministic"] == 1


def test_all_layers_of_isolation_are_green() -> None:
    found = data_rules.labels_were_isolated(
        ["rlimits", "fork", "seccomp"], ["fork", "rlimits"], ["fork", "rlimits", "seccomp"]
    )
    assert (found.passed, found.blocker, found.figures["missing"]) == (True, None, "none")


def test_a_missing_layer_of_isolation_is_red() -> None:
    found = data_rules.labels_were_isolated(
        ["fork"], ["fork", "rlimits", "network"], ["fork", "rlimits", "network", "rare"]
    )
    assert found.figures["missing"] == "network, rare, rlimits"
    assert (found.passed, found.blocker, found.offenders) == (False, "isolation_missing", ("network", "rlimits"))


@pytest.mark.parametrize(("passed", "word"), [(True, "passing"), (False, "failing")])
def test_a_benchmark_with_one_class_only_is_red(world: World, passed: bool, word: str) -> None:
    fault = without(world, "rows", lambda r: r.source_dataset == "mbpp_plus" and r.completion_passed == passed)
    assert_red("pack_has_both_classes", fault, "single_class", f"mbpp_plus: no {word} completion")


def test_a_problem_in_two_folds_is_red(world: World) -> None:
    first = world.splits[0]
    fault = world.changed(splits=(*world.splits, first.model_copy(update={"fold": (first.fold + 1) % 5})))
    assert_red("no_problem_crosses_folds", fault, "problem_crosses_folds", "humaneval/000")


def test_a_problem_of_the_pack_without_a_fold_is_red(world: World) -> None:
    fault = world.changed(splits=world.splits[1:])
    assert_red("no_problem_crosses_folds", fault, "problem_crosses_folds", "humaneval/000")


def test_a_fold_that_does_not_exist_is_red(world: World) -> None:
    assert_red(
        "no_problem_crosses_folds", with_first(world, "splits", fold=5), "problem_crosses_folds", "humaneval/000"
    )


def near_pair(world: World, *, is_same_fold: bool) -> tuple[str, str]:
    """Two problems, of one fold or of two."""
    first = world.splits[0]
    other = next(s for s in world.splits[1:] if (s.fold == first.fold) == is_same_fold)
    return first.problem_id, other.problem_id


def with_near_duplicate(world: World, original: str, copy: str) -> World:
    """The world in which the reference of `copy` is that of `original` with other names."""
    renamed = world.references[original].replace("solve", "answer").replace("x", "value")
    return with_each(world, "problems", lambda p: p.problem_id == copy, reference=renamed)


def test_near_duplicates_in_two_folds_are_red_whatever_the_stored_clusters_say(world: World) -> None:
    a, b = near_pair(world, is_same_fold=False)
    found = assert_red(
        "no_near_duplicate_crosses_folds",
        with_near_duplicate(world, a, b),
        "near_duplicate_crosses_folds",
        f"{a} ~ {b} (same_ast 1.00, similar_code 1.00)",
    )
    assert found.figures["near_duplicate_pairs"] == 1


def test_near_duplicates_in_one_fold_are_green_and_counted(world: World) -> None:
    found = JUDGES["no_near_duplicate_crosses_folds"](with_near_duplicate(world, *near_pair(world, is_same_fold=True)))
    assert found.passed and found.figures["near_duplicate_pairs"] == 1


def assert_only_red(world: World, rule: str) -> None:
    """Of the rules here this one alone is red."""
    assert [name for name, judge in JUDGES.items() if not judge(world).passed] == [rule]


def test_a_problem_renamed_and_copied_into_another_fold_makes_that_rule_alone_red(world: World) -> None:
    assert_only_red(
        with_near_duplicate(world, *near_pair(world, is_same_fold=False)), "no_near_duplicate_crosses_folds"
    )


def test_a_reference_pasted_into_a_prompt_of_another_fold_is_red(world: World) -> None:
    a, b = near_pair(world, is_same_fold=False)
    prompt = f"{world.prompts[b]}\n{world.references[a].replace('solve', 'answer').replace('x', 'value')}"
    fault = with_each(world, "problems", lambda p: p.problem_id == b, prompt=prompt)
    assert_red(
        "no_near_duplicate_crosses_folds",
        fault,
        "near_duplicate_crosses_folds",
        f"{a} ~ {b} (reference_in_prompt 1.00)",
    )
    assert_only_red(fault, "no_near_duplicate_crosses_folds")


def test_a_prompt_copied_into_another_fold_is_red(world: World) -> None:
    """Task 0 and Task 1 say the same but for the number: 18 pairs of words, of which two differ: 16 / 20."""
    a, b = near_pair(world, is_same_fold=False)
    prompt = world.prompts[a].replace(random_words("humaneval 0").split()[5], "another")
    fault = with_each(world, "problems", lambda p: p.problem_id == b, prompt=prompt)
    found = JUDGES["no_near_duplicate_crosses_folds"](fault)
    assert (found.passed, found.blocker) == (False, "near_duplicate_crosses_folds")
    assert found.offenders[0].startswith(f"{a} ~ {b} (similar_prompt 0.8")
    assert_only_red(fault, "no_near_duplicate_crosses_folds")


def test_a_program_that_passes_in_two_folds_is_red(world: World) -> None:
    a, b = near_pair(world, is_same_fold=False)
    rewrite = next(r for r in world.rows if r.source_problem_id == a and r.completion_kind == "rewrite")
    fault = with_each(
        world,
        "rows",
        lambda r: r.source_problem_id == b and r.completion_kind == "rewrite",
        code_tokens=rewrite.code_tokens.replace("solve", "answer"),
    )
    found = assert_red(
        "no_near_duplicate_crosses_folds", fault, "near_duplicate_crosses_folds", f"{a} ~ {b} (same_completion 1.00)"
    )
    assert found.figures["near_duplicate_pairs"] == 1


def test_an_empty_cell_of_fold_benchmark_and_label_is_red(world: World) -> None:
    """Fold 2 has eight problems of each benchmark with three failing completions of five inputs: 120 rows go."""
    held = {s.problem_id for s in world.splits if s.fold == 2}
    fault = without(
        world,
        "rows",
        lambda r: r.source_problem_id in held and r.source_dataset == "humaneval" and not r.passed,
    )
    assert len(world.rows) - len(fault.rows) == 120
    found = assert_red(
        "folds_cover_every_cell", fault, "coverage_below_floor", "fold 2 humaneval failed: 0 rows, floor 5"
    )
    assert found.figures["smallest_margin_rows"] == -5


def test_a_magnitude_that_one_benchmark_lacks_in_one_fold_is_red(world: World) -> None:
    held = {s.problem_id for s in world.splits if s.fold == 3 and s.benchmark_id == "mbpp_plus"}
    fault = with_each(
        world,
        "rows",
        lambda r: r.source_problem_id in held and r.output_magnitude_bucket == "zero",
        output_magnitude_bucket="small",
    )
    assert_red(
        "folds_cover_every_cell", fault, "coverage_below_floor", "fold 3 mbpp_plus magnitude zero: 0 rows, floor 5"
    )
    assert_only_red(fault, "folds_cover_every_cell")


def test_the_finding_carries_every_cell_with_its_count_and_floor(world: World) -> None:
    found = JUDGES["folds_cover_every_cell"](world)
    assert (len(found.table), found.figures["cells"]) == (80, 80)
    assert CellCount(cell="fold 0 humaneval passed", count=120, floor=5) in found.table


def test_a_cell_counts_from_its_floor_on(world: World) -> None:
    """The passing rows of a fold and benchmark are 8 problems × 3 completions × 5 inputs = 120."""
    for floor, is_green in ((120, True), (121, False)):
        floors = FLOORS | {"humaneval": FLOORS["humaneval"] | {"passed": floor}}
        found = data_rules.folds_cover_every_cell(world.rows, world.splits, floors=floors)
        assert found.passed is is_green
        assert found.figures["offender_count"] == (0 if is_green else 5)


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_a_pack_without_a_benchmark_is_red_with_each_of_its_cells(world: World, benchmark: str) -> None:
    """Five folds × seven values with a floor."""
    fault = without(world, "rows", lambda r: r.source_dataset == benchmark)
    found = JUDGES["folds_cover_every_cell"](fault)
    assert (found.passed, found.blocker, found.figures["offender_count"]) == (False, "coverage_below_floor", 35)


@pytest.mark.parametrize("field", ["query_record_id", "decoy_record_id"])
def test_a_pair_with_a_record_outside_the_pack_is_red(world: World, field: str) -> None:
    fault = with_first(world, "decoys", **{field: "humaneval/000::another pack::i0"})
    assert_red("decoys_join_the_pack", fault, "decoy_does_not_join", world.decoys[0].decoy_id)


def test_a_pair_with_equal_outputs_is_red(world: World) -> None:
    first = world.decoys[0]
    fault = with_first(world, "decoys", decoy_record_id=first.query_record_id)
    assert_red("decoys_join_the_pack", fault, "decoy_does_not_join", first.decoy_id)


def test_a_pair_across_two_problems_is_red(world: World) -> None:
    first = world.decoys[0]
    query = next(r for r in world.rows if r.record_id == first.query_record_id)
    other = next(
        r.record_id
        for r in world.rows
        if r.source_problem_id != query.source_problem_id and r.output_tokens != query.output_tokens
    )
    fault = with_first(world, "decoys", decoy_record_id=other)
    assert_red("decoys_join_the_pack", fault, "decoy_does_not_join", first.decoy_id)


def test_a_pair_named_after_another_problem_is_red(world: World) -> None:
    first = world.decoys[0]
    other = next(p.problem_id for p in world.problems if p.problem_id != first.source_problem_id)
    fault = with_first(world, "decoys", source_problem_id=other)
    assert_red("decoys_join_the_pack", fault, "decoy_does_not_join", first.decoy_id)


def test_a_fold_without_pairs_of_a_category_is_red_and_named(world: World) -> None:
    held = {s.problem_id for s in world.splits if s.fold == 2 and s.benchmark_id == "humaneval"}
    fault = without(world, "decoys", lambda d: d.source_problem_id in held and d.category == "mutation")
    found = assert_red(
        "decoy_coverage",
        fault,
        "coverage_below_floor",
        "fold 2 humaneval mutation pairs: 0, floor 10",
        "fold 2 humaneval mutation problems: 0, floor 5",
    )
    assert len(found.table) == 5 * 2 * 3 * 2
    assert [(cell.count, cell.floor) for cell in found.table if not cell.is_met] == [(0, 10), (0, 5)]


def test_a_benchmark_that_asks_for_outputs_is_judged_on_the_pairs_that_its_records_can_have(world: World) -> None:
    """Five problems more, one in each fold, without a pair: 5 cells of pairs and 5 of problems, all red."""
    more = [ProblemSplit(problem_id=f"CRUXEval/{fold}", benchmark_id="cruxeval_o", cluster=1000 + fold, fold=fold)
            for fold in FOLDS]  # fmt: skip
    found = data_rules.decoy_coverage(world.decoys, [*world.splits, *more], pair_floor=10, problem_floor=5)
    assert len(found.table) == 5 * 2 * 3 * 2 + 5 * 2 and found.figures["offender_count"] == 5 * 2
    assert found.offenders[0] == "fold 0 cruxeval_o same_code_different_input pairs: 0, floor 10"


def test_a_problem_that_asks_for_outputs_needs_its_program_alone(world: World) -> None:
    problem = make_problem(0, "cruxeval_o")
    reference = make_completion(problem, kind="reference")
    assert data_rules.every_problem_has_completions([*world.completions, reference], [*world.problems, problem]).passed
    bare = world.changed(problems=(*world.problems, problem))
    assert_red("every_problem_has_completions", bare, "completions_missing", "cruxeval_o/000: no reference")


def test_enough_pairs_over_too_few_problems_are_red(world: World) -> None:
    """A fold has 8 problems of a benchmark with two pairs of each category: 16 pairs over 8."""
    assert data_rules.decoy_coverage(world.decoys, world.splits, pair_floor=16, problem_floor=8).passed
    found = data_rules.decoy_coverage(world.decoys, world.splits, pair_floor=16, problem_floor=9)
    assert (found.passed, found.figures["offender_count"]) == (False, 5 * 2 * 3)
    assert found.offenders[0] == "fold 0 humaneval same_problem_different_submission problems: 8, floor 9"


def test_pairs_of_a_problem_without_a_fold_do_not_count(world: World) -> None:
    found = data_rules.decoy_coverage(world.decoys, world.splits[1:], pair_floor=1, problem_floor=1)
    assert found.figures["pairs_of_problems_without_a_fold"] == 6


def reading(source: str, rows: int, programs: int, **unread: int) -> SourceReading:
    """Counts of a source of so many rows."""
    reasons = tuple(
        UnreadRows(reason=reason, count=count, example=f"line 3: {reason}")  # type: ignore[arg-type]
        for reason, count in unread.items()
    )
    return SourceReading(
        source=source, file="in.jsonl", form="JSON lines", row_count=rows, program_count=programs, unread=reasons
    )


def test_a_source_that_gives_less_than_half_of_its_rows_is_named_with_its_commonest_fault(world: World) -> None:
    """Half of 5 rows is 3 of them: 3 programs are enough, 2 are not; of an empty file nothing is too little."""
    readings = (
        reading("enough", 5, 3, unknown_problem=2), reading("few", 5, 2, malformed=1, other_benchmark=2), reading("none", 0, 0)
    )  # fmt: skip
    found = assert_red(
        "imports_were_read", world.changed(readings=readings), "import_not_read",
        "few (JSON lines) gives 2 programs from 5 rows; 2 other_benchmark, such as line 3: other_benchmark",
        "none (JSON lines) gives nothing from 0 rows",
    )  # fmt: skip
    assert found.table == (
        CellCount(cell="enough: programs", count=3, floor=3),
        CellCount(cell="enough: unknown_problem, such as line 3: unknown_problem", count=2, floor=0),
        CellCount(cell="few: programs", count=2, floor=3),
        CellCount(cell="few: malformed, such as line 3: malformed", count=1, floor=0),
        CellCount(cell="few: other_benchmark, such as line 3: other_benchmark", count=2, floor=0),
        CellCount(cell="none: programs", count=0, floor=1),
    )
    assert found.figures == {"sources": 3, "rows": 10, "programs": 5, "offender_count": 2}
