"""What a benchmark has too is found: by syntax tree, by similar code, by prompt, by name; the rest is not."""

from codelewm_assets.dataset.near_duplicates import Thresholds
from codelewm_assets.library.overlap import Overlap, find_overlaps
from codelewm_assets_tests.factories import make_problem
from codelewm_assets_tests.library.library_code import CLAMP, make_function

TELL = (
    "def tell(word, letters):\n    seen = [c for c in word if c in letters]\n    return ''.join(reversed(seen)) or None"
)
PROBLEM = make_problem(
    0, reference=TELL, entry_point="tell_letters", prompt="Letters of a word that are among others, backwards."
)
BOUND = """def bound(x: int, a: int=0, b: int=10) -> int:
    if x < a:
        return a
    if x > b:
        return b
    return x"""


def reasons(*functions: object, problem: object = PROBLEM) -> list[tuple[str, str]]:
    """(function's name, reason) of each overlap with a problem."""
    found = find_overlaps(list(functions), [problem], Thresholds())  # type: ignore[arg-type]
    return [(row.function_id.rpartition(":")[2], row.reason) for row in found]


def test_a_function_of_its_own_overlaps_with_nothing() -> None:
    assert find_overlaps([make_function()], [PROBLEM], Thresholds()) == []
    assert find_overlaps([], [PROBLEM], Thresholds()) == []


def test_the_same_function_under_other_names_and_annotations_is_found() -> None:
    problem = make_problem(1, reference=BOUND, entry_point="bound", prompt="Keep a number within bounds.")
    found = find_overlaps([make_function()], [problem], Thresholds())
    assert Overlap("small:small.core:clamp", problem.problem_id, "same_ast") in found
    assert {row.reason for row in found} == {"same_ast", "similar_code"}


def test_a_namesake_is_found_whatever_its_case_and_underscores() -> None:
    assert reasons(make_function(CLAMP.replace("clamp", "_tellLetters"), "_tellLetters")) == [
        ("_tellLetters", "namesake")
    ]


def test_a_docstring_that_is_the_prompt_is_found() -> None:
    assert reasons(make_function(prompt="Letters of a word that are among others, backwards.")) == [
        ("clamp", "similar_prompt")
    ]


def test_two_functions_that_are_alike_do_not_overlap_with_a_benchmark() -> None:
    assert reasons(make_function(), make_function(CLAMP.replace("clamp", "bound"), "bound")) == []
