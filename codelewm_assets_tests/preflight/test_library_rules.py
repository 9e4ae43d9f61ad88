"""Each rule on library code is green on sound records and red, with its blocker and offender, on exactly its fault."""

from typing import Any

from codelewm_assets.core.records import Finding, LibraryVariant
from codelewm_assets.dataset.near_duplicates import Thresholds
from codelewm_assets.preflight.library_rules import (
    library_holds_no_benchmark_problem,
    library_states_licences,
    variants_were_labelled,
)
from codelewm_assets_tests.factories import make_problem
from codelewm_assets_tests.library.library_code import CLAMP, make_function

PROBLEM = make_problem(0)


def variant(number: int = 0, **changes: Any) -> LibraryVariant:
    """A variant of `clamp`."""
    fields = {
        "variant_id": f"small:small.core:clamp/v{number:03d}", "function_id": "small:small.core:clamp", "entry_point": "clamp",
        "code": CLAMP, "kind": "rewrite", "family": "rename", "operator": "rename_locals", "twin": "b0", "passed": True,
        "labelled_by": "running",
    }  # fmt: skip
    return LibraryVariant(**(fields | changes))


SOUND = [variant(0, kind="reference", twin=None), variant(1), variant(2, kind="mutant", passed=False)]


def labelled(*variants: LibraryVariant, least: float = 0.5) -> Finding:
    """The finding on these variants."""
    return variants_were_labelled(variants, min_run_share=least)


def test_a_library_of_its_own_holds_no_benchmark_problem() -> None:
    found = library_holds_no_benchmark_problem([make_function()], [PROBLEM], thresholds=Thresholds())
    assert found.passed and found.figures["functions"] == 1 and found.figures["problems"] == 1


def test_a_planted_benchmark_problem_is_red() -> None:
    planted = make_function(PROBLEM.reference.replace(PROBLEM.entry_point, "other"), "other")
    found = library_holds_no_benchmark_problem([make_function(), planted], [PROBLEM], thresholds=Thresholds())
    assert not found.passed and found.blocker == "library_repeats_problem"
    assert f"small:small.core:other repeats {PROBLEM.problem_id} (same_ast)" in found.offenders


def test_a_planted_namesake_is_red() -> None:
    planted = make_function(CLAMP.replace("clamp", PROBLEM.entry_point), PROBLEM.entry_point)
    found = library_holds_no_benchmark_problem([planted], [PROBLEM], thresholds=Thresholds())
    assert found.offenders == (f"small:small.core:{PROBLEM.entry_point} repeats {PROBLEM.problem_id} (namesake)",)


def test_a_missing_licence_and_two_licences_of_one_package_are_red() -> None:
    good, none = make_function(), make_function(name="none", license=" ")
    assert library_states_licences([good]).passed
    assert library_states_licences([none]).offenders == ("small:small.core:none",)
    two = library_states_licences([good, make_function(name="other", license="GPL")])
    assert two.blocker == "library_licence_missing" and two.offenders == ("small 1.0 states 2 licences",)
    assert library_states_licences([]).offenders == ("(no functions)",)


def test_sound_variants_are_green_and_their_figures_counted() -> None:
    found = labelled(*SOUND, variant(3, kind="mutant"), variant(4, kind="neutral_edit", passed=False))
    assert found.passed
    assert (found.figures["variants"], found.figures["passed"], found.figures["run_share"]) == (5, 3, 1.0)
    assert (found.figures["mutants_run"], found.figures["equivalent_mutants"]) == (2, 1)
    assert (found.figures["edits_run"], found.figures["broken_edits"]) == (2, 1)


def test_one_class_alone_is_red() -> None:
    assert labelled(*SOUND[:2]).offenders == ("no variant that fails",)
    assert labelled(SOUND[2]).offenders == ("no variant that passes",)
    assert labelled().blocker == "variants_not_labelled"


def test_too_few_labels_from_running_are_red() -> None:
    by_construction = [row.model_copy(update={"labelled_by": "construction"}) for row in SOUND[1:]]
    found = labelled(SOUND[0], *by_construction)  # 1 of 3 by running
    assert found.offenders == ("0.333 of the variants were labelled by running; expected at least 0.5",)
    assert labelled(SOUND[0], *by_construction, least=0.3).passed


def test_a_repeated_id_and_a_function_that_fails_are_red() -> None:
    failing = variant(9, kind="reference", passed=False)
    found = labelled(*SOUND, SOUND[1], failing)
    assert found.offenders == (f"{SOUND[1].variant_id} occurs 2 times", f"{failing.variant_id} is a function and fails")
