"""When two outputs are equal. EvalPlus' rules, and the few problems that need another oracle, as a table.

Source: evalplus 0.3, `evalplus/evaluate.py` and `gen/util`; the reasons stand beside each row.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal, assert_never

OracleName = Literal["equal", "same_elements", "root_of_polynomial", "is_none_or_not"]
DEFAULT_ATOL = 1e-6


@dataclass(frozen=True, slots=True)
class OracleException:
    """A problem, by entry point, that does not compare by equality, and why."""

    entry_point: str
    benchmark_id: str
    oracle: OracleName
    reason: str


ORACLE_EXCEPTIONS: tuple[OracleException, ...] = (
    OracleException("find_zero", "humaneval", "root_of_polynomial", "any root counts, not the reference's own"),
    *(
        OracleException(name, "mbpp_plus", "same_elements", "the task asks for a collection in no order")
        for name in (
            "similar_elements",
            "find_char_long",
            "common_in_nested_lists",
            "extract_singly",
            "larg_nnum",
            "intersection_array",
            "k_smallest_pairs",
            "find_dissimilar",
            "Diff",
        )
    ),
    *(
        OracleException(name, "mbpp_plus", "is_none_or_not", "the task asks for a match or none, in any wording")
        for name in ("check_str", "text_match_three", "text_starta_endb")
    ),
)
_BY_KEY = {(row.benchmark_id, row.entry_point): row.oracle for row in ORACLE_EXCEPTIONS}


def oracle_of(benchmark_id: str, entry_point: str) -> OracleName:
    """The oracle of a problem: equality unless the table says otherwise."""
    return _BY_KEY.get((benchmark_id, entry_point), "equal")


def judge(oracle: OracleName, arguments: list[Any], found: Any, expected: Any, atol: float) -> bool:
    """Whether `found` is right for these arguments."""
    if oracle == "equal":
        return outputs_equal(found, expected, atol)
    if oracle == "same_elements":
        return _same_elements(found, expected, atol)
    if oracle == "root_of_polynomial":
        return _is_root(arguments, found, atol)
    if oracle == "is_none_or_not":
        return (found is None or found is False) == (expected is None or expected is False)
    assert_never(oracle)


def outputs_equal(found: Any, expected: Any, atol: float) -> bool:
    """Equality; `atol` (1e-6 when it is 0 and a float is involved) on numbers inside nested lists, tuples and maps.

    NaN equals NaN. A tolerance is of this one comparison only. A list does not equal a tuple inside a collection, but at
    the top a list may answer for a tuple and a tuple for a list, as in EvalPlus.
    """
    if isinstance(expected, list | tuple) and isinstance(found, list | tuple) and type(found) is not type(expected):
        found = type(expected)(found)
    return _equal(found, expected, atol)


def _equal(found: Any, expected: Any, atol: float) -> bool:
    if _is_number(found) and _is_number(expected):
        return _numbers_equal(found, expected, atol)
    if type(found) is not type(expected):
        return bool(found == expected)
    if isinstance(expected, list | tuple):
        return len(found) == len(expected) and all(_equal(a, b, atol) for a, b in zip(found, expected, strict=True))
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(_equal(found[k], expected[k], atol) for k in expected)
    return bool(found == expected)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | complex) and not isinstance(value, bool)


def _numbers_equal(found: Any, expected: Any, atol: float) -> bool:
    if found == expected:
        return True
    if isinstance(found, complex) or isinstance(expected, complex):
        return all(_numbers_equal(getattr(found, part), getattr(expected, part), atol) for part in ("real", "imag"))
    if isinstance(found, int) and isinstance(expected, int):
        return atol > 0 and abs(found - expected) <= atol
    try:
        a, b = float(found), float(expected)
    except OverflowError:
        return False
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return math.isclose(a, b, rel_tol=1e-7, abs_tol=atol or DEFAULT_ATOL)


def _same_elements(found: Any, expected: Any, atol: float) -> bool:
    if not isinstance(found, list | tuple | set | frozenset) or not isinstance(
        expected, list | tuple | set | frozenset
    ):
        return outputs_equal(found, expected, atol)
    if len(found) != len(expected):
        return False
    left = list(expected)
    for item in found:
        at = next((index for index, other in enumerate(left) if outputs_equal(item, other, atol)), None)
        if at is None:
            return False
        del left[at]
    return True


def _is_root(arguments: list[Any], found: Any, atol: float) -> bool:
    if not isinstance(found, int | float) or isinstance(found, bool):
        return False
    try:
        value = sum(coefficient * float(found) ** power for power, coefficient in enumerate(arguments[0]))
    except OverflowError:
        return False
    return bool(abs(value) <= max(atol, 1e-4))
