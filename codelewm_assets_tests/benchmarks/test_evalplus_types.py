"""Types that JSON loses, row by row. Wanted values were written from EvalPlus' published list, not from our table."""

from typing import Any

import pytest

from codelewm_assets.benchmarks.evalplus_types import TYPE_CHANGES, restore_types
from codelewm_assets.core.errors import SourceFormatError
from codelewm_assets.core.literals import write_value
from codelewm_assets_tests.cases import each_case

Example = tuple[tuple[int, ...], list[Any], list[Any]]
TUPLE_EACH = (
    2,
    116,
    132,
    143,
    222,
    261,
    273,
    394,
    399,
    421,
    424,
    429,
    470,
    560,
    579,
    596,
    616,
    630,
    726,
    740,
    744,
    809,
)
LISTS_OF_TUPLES = (63, 64, 70, 94, 120, 237, 272, 299, 400, 409, 417, 438, 473, 614, 780)

EXAMPLES: tuple[Example, ...] = (
    (TUPLE_EACH, [[1, 2], [3]], [(1, 2), (3,)]),
    (LISTS_OF_TUPLES, [[["a", 1], ["b", 2]]], [[("a", 1), ("b", 2)]]),
    ((75, 413, 444, 753), [[[6, 24], [7, 9]], 6], [[(6, 24), (7, 9)], 6]),
    ((106, 750), [[5, 6], [9, 10]], [[5, 6], (9, 10)]),
    ((115,), [[[1, 2, 2], []]], [[{1, 2}, {}]]),
    ((124,), ["0", "1j"], [0.0, 1j]),
    ((250, 405, 446, 617, 720, 763, 808), [[10, 8], 8], [(10, 8), 8]),
    ((307,), [["HELLO", 5, []], 2, 50], [("HELLO", 5, []), 2, 50]),
    ((259, 401, 445), [[[1, 3], [4]], [[6, 7], [3]]], [((1, 3), (4,)), ((6, 7), (3,))]),
    ((278,), [[1, 5, [1, 2], 3]], [(1, 5, (1, 2), 3)]),
    ((722,), [{"A": [6.2, 70], "B": [5.9, 65]}, 6.0, 70], [{"A": (6.2, 70), "B": (5.9, 65)}, 6.0, 70]),
    ((252,), ["1"], [complex(1)]),
    ((580, 615, 791), [[4, [7, [6]], []]], [(4, (7, (6,)), ())]),
)
CASES = [(number, given, wanted) for numbers, given, wanted in EXAMPLES for number in numbers]


@each_case(("number", "given", "wanted"), CASES, ids=[str(case[0]) for case in CASES])
def test_each_row_of_the_table_restores_the_types_of_its_task(number: int, given: list[Any], wanted: list[Any]) -> None:
    before = write_value(given)
    assert write_value(list(restore_types(f"Mbpp/{number}", given))) == write_value(wanted)
    assert write_value(given) == before  # the argument itself is not changed


def test_every_row_of_the_table_has_an_example_and_no_task_has_two_rows() -> None:
    listed = [number for _, numbers in TYPE_CHANGES for number in numbers]
    assert len(listed) == len(set(listed))
    assert set(listed) == {case[0] for case in CASES}


def test_a_task_with_two_lists_of_tuples_has_both_restored() -> None:
    """Mbpp/473 asserts `tuple_intersection([(3, 4), (5, 6)], [(5, 4), (3, 4)])`; EvalPlus changes each argument."""
    given = [[[3, 4], [5, 6]], [[5, 4], [3, 4]]]
    assert restore_types("Mbpp/473", given) == [[(3, 4), (5, 6)], [(5, 4), (3, 4)]]


@pytest.mark.parametrize("task_id", ["Mbpp/3", "HumanEval/2", "StandIn/2"])
def test_other_tasks_keep_their_arguments(task_id: str) -> None:
    assert restore_types(task_id, [[1, 2], [[3]]]) == [[1, 2], [[3]]]


@each_case(
    ("task_id", "given"),
    [("Mbpp/124", ["x", "y"]), ("Mbpp/2", [1, 2]), ("Mbpp/106", [[1]]), ("Mbpp/722", [[1, 2]])],
)
def test_an_input_of_another_shape_is_refused(task_id: str, given: list[Any]) -> None:
    with pytest.raises(SourceFormatError, match=f"{task_id}: an input does not have the shape"):
        restore_types(task_id, given)
