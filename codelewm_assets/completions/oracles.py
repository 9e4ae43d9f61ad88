"""When two outputs are equal. EvalPlus' rules, and the few problems that need another oracle, as a table.

Source: evalplus 0.3.1, `evalplus/eval/__init__.py` and `eval/_special_oracle.py`; the reasons stand beside each row.
Where EvalPlus compares two lists by `numpy.allclose`, here each number inside is compared; NaN equals NaN.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal, assert_never

OracleName = Literal[
    "equal", "same_set", "root_of_polynomial", "is_none_or_not", "any_value", "equal_or_zero", "pyramid_surface",
    "digit_distance",
]  # fmt: skip
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
        OracleException(name, "mbpp_plus", "same_set", "the task asks for a collection in no order")
        for name in (
            "similar_elements",
            "find_char_long",
            "common_in_nested_lists",
            "extract_singly",
            "larg_nnum",
            "intersection_array",
            "find_dissimilar",
            "Diff",
        )
    ),
    *(
        OracleException(name, "mbpp_plus", "is_none_or_not", "the task asks for a match or none, in any wording")
        for name in ("check_str", "text_match_three", "text_starta_endb")
    ),
    OracleException(
        "are_equivalent", "mbpp_plus", "any_value", "the published reference is wrong: every answer is let pass"
    ),
    OracleException("sum_div", "mbpp_plus", "equal_or_zero", "the sum of proper divisors of 1 is told in two ways"),
    OracleException("surface_Area", "mbpp_plus", "pyramid_surface", "the height may be that of the apex"),
    OracleException("digit_distance_nums", "mbpp_plus", "digit_distance", "numbers of unequal length may be padded"),
)


LONG = "writing it down takes longer than a call may"


@dataclass(frozen=True, slots=True)
class InputException:
    """A published input, by the literal of its arguments, on which no program is judged, and why."""

    entry_point: str
    benchmark_id: str
    arguments: str
    reason: str


INPUT_EXCEPTIONS: tuple[InputException, ...] = (
    InputException(
        "combinations_colors",
        "mbpp_plus",
        "[['Dog', 'Cat', 'CatBird', 'Bird', 'Fish'], 77]",
        "its one output is 1.05 GB of text, more than a sandboxed program may hold",
    ),
    *(
        InputException(
            "combinations_colors", "mbpp_plus", arguments, f"its one output is {size} MB of text, and {LONG}"
        )
        for size, arguments in (
            (120, "[[57.22322518606262, 96.2114299656439, 7.2887651994648195, 56.50649563542532], 77]"),
            (48, "[['Dog', 'Cat', 'Bird', 'Fish'], 77]"),
            (45, "[['Dog', 'Cat', 'Bird', 'Fish'], 76]"),
            (26, "[[2, True, 7, -44], 76]"),
        )
    ),
)
_INPUTS = {(row.benchmark_id, row.entry_point, row.arguments): row.reason for row in INPUT_EXCEPTIONS}
_BY_KEY = {(row.benchmark_id, row.entry_point): row.oracle for row in ORACLE_EXCEPTIONS}


def oracle_of(benchmark_id: str, entry_point: str) -> OracleName:
    """The oracle of a problem: equality unless the table says otherwise."""
    return _BY_KEY.get((benchmark_id, entry_point), "equal")


def why_not_judged(benchmark_id: str, entry_point: str, arguments: str) -> str | None:
    """Why no program is judged on this input; None where one is. Args: arguments: canonical literal."""
    return _INPUTS.get((benchmark_id, entry_point, arguments))


def judge(oracle: OracleName, arguments: list[Any], found: Any, expected: Any, atol: float) -> bool:
    """Whether `found` is right for these arguments."""
    if oracle == "equal":
        return outputs_equal(found, expected, atol)
    if oracle == "same_set":
        return _same_set(found, expected)
    if oracle == "root_of_polynomial":
        return _is_root(arguments, found, atol)
    if oracle == "is_none_or_not":
        return (found is None or found is False) == (expected is None or expected is False)
    if oracle == "any_value":
        return True
    if oracle == "equal_or_zero":
        return outputs_equal(found, expected, atol) or outputs_equal(found, 0, 0.0)
    if oracle == "pyramid_surface" or oracle == "digit_distance":
        other = _pyramid_surface if oracle == "pyramid_surface" else _digit_distance
        if outputs_equal(found, expected, atol):
            return True
        try:
            return outputs_equal(found, other(*arguments), atol)
        except (TypeError, ValueError, OverflowError):  # not the arguments that the other reading is of
            return False
    assert_never(oracle)


def outputs_equal(found: Any, expected: Any, atol: float) -> bool:
    """Equality; `atol` (1e-6 when it is 0 and a float is involved) on numbers inside nested lists, tuples and maps.

    NaN equals NaN. A tolerance is of this one comparison only. A list does not equal a tuple.
    """
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
    if math.isinf(a) or math.isinf(b):
        return a == b
    return abs(a - b) <= (atol or DEFAULT_ATOL) + 1e-7 * abs(b)  # as numpy.allclose


def _same_set(found: Any, expected: Any) -> bool:
    try:
        return set(found) == set(expected)
    except TypeError:  # no collection, or one of things that no set holds
        return False


def _pyramid_surface(base: Any, height: Any) -> Any:
    """Surface of a square pyramid whose height is that of its apex over the base."""
    return round(base**2 + 2 * base * math.hypot(base / 2, height))


def _digit_distance(one: Any, two: Any) -> Any:
    """Sum of the digits' differences, the shorter number padded with zeros."""
    width = max(len(str(one)), len(str(two)))
    return sum(abs(int(a) - int(b)) for a, b in zip(str(one).zfill(width), str(two).zfill(width), strict=True))


def _is_root(arguments: list[Any], found: Any, atol: float) -> bool:
    if not isinstance(found, int | float) or isinstance(found, bool):
        return False
    try:
        value = sum(coefficient * float(found) ** power for power, coefficient in enumerate(arguments[0]))
    except OverflowError:
        return False
    return bool(abs(value) <= max(atol, 1e-4))
