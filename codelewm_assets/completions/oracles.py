"""Comparison of outputs: EvalPlus' rules, and a table of the problems that need another oracle.

Source: evalplus 0.3.1, `evalplus/eval/__init__.py` and `eval/_special_oracle.py`. docs/completions.md lists the deliberate
differences from EvalPlus with their reasons and the number of real programs affected.
"""

import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, assert_never

from codelewm_assets.core.ids import BenchmarkId, published_id
from codelewm_assets.core.literals import HashCollisionError, set_of

OracleName = Literal[
    "equal", "same_set", "root_of_polynomial", "is_none_or_not", "any_value", "equal_or_zero", "pyramid_surface",
    "digit_distance",
]  # fmt: skip
DEFAULT_ATOL, RTOL = 1e-6, 1e-7
TOO_SLOW = "writing it down takes longer than a call may"


@dataclass(frozen=True, slots=True)
class OracleException:
    """A problem, by its published id, that is not compared by equality, and the reason."""

    problem_id: str
    oracle: OracleName
    reason: str


ORACLE_EXCEPTIONS: tuple[OracleException, ...] = (
    OracleException("HumanEval/32", "root_of_polynomial", "any root counts, not the reference's own"),
    *(
        OracleException(f"Mbpp/{number}", "same_set", "the task asks for a collection in no order")
        for number in (2, 7, 111, 140, 232, 249, 579, 769)
    ),
    *(
        OracleException(f"Mbpp/{number}", "is_none_or_not", "the task asks for a match or none, in any wording")
        for number in (737, 787, 794)
    ),
    OracleException("Mbpp/164", "any_value", "the published reference is wrong: every answer passes"),
    OracleException("Mbpp/295", "equal_or_zero", "the sum of proper divisors of 1 has two definitions"),
    OracleException("Mbpp/581", "pyramid_surface", "the height may be that of the apex"),
    OracleException("Mbpp/558", "digit_distance", "numbers of unequal length may be padded"),
)


@dataclass(frozen=True, slots=True)
class InputException:
    """A published input, by the literal of its arguments, that is excluded, and the reason."""

    problem_id: str
    arguments: str
    reason: str


INPUT_EXCEPTIONS: tuple[InputException, ...] = (
    InputException(
        "Mbpp/255",
        "[['Dog', 'Cat', 'CatBird', 'Bird', 'Fish'], 77]",
        "its one output is 1.05 GB of text, more than a sandboxed program may hold",
    ),
    *(
        InputException("Mbpp/255", arguments, f"its one output is {size} MB of text, and {TOO_SLOW}")
        for size, arguments in (
            (120, "[[57.22322518606262, 96.2114299656439, 7.2887651994648195, 56.50649563542532], 77]"),
            (48, "[['Dog', 'Cat', 'Bird', 'Fish'], 77]"),
            (45, "[['Dog', 'Cat', 'Bird', 'Fish'], 76]"),
            (26, "[[2, True, 7, -44], 76]"),
        )
    ),
)
_INPUTS = {(row.problem_id, row.arguments): row.reason for row in INPUT_EXCEPTIONS}
_ORACLES = {row.problem_id: row.oracle for row in ORACLE_EXCEPTIONS}


def oracle_of(benchmark_id: BenchmarkId, problem_id: str) -> OracleName:
    """The oracle of a problem by its id: equality unless the table lists it."""
    return _ORACLES.get(published_id(problem_id, benchmark_id) or "", "equal")


def has_exceptions(benchmark_id: BenchmarkId, problem_id: str) -> bool:
    """True if the problem has excluded inputs."""
    return published_id(problem_id, benchmark_id) in {row.problem_id for row in INPUT_EXCEPTIONS}


def exclusion_reason(benchmark_id: BenchmarkId, problem_id: str, arguments: str) -> str | None:
    """Reason why an input is excluded; None for a usable one.

    Args:
        arguments: canonical literal.
    """
    return _INPUTS.get((published_id(problem_id, benchmark_id) or "", arguments))


def compare_output(oracle: OracleName, arguments: list[Any], output: Any, expected: Any, atol: float) -> bool:
    """True if `output` is correct for these arguments."""
    if oracle == "equal":
        return outputs_equal(output, expected, atol)
    if oracle == "same_set":
        return _same_set(output, expected)
    if oracle == "root_of_polynomial":
        return _is_root(arguments, output, atol)
    if oracle == "is_none_or_not":
        return (output is None or output is False) == (expected is None or expected is False)
    if oracle == "any_value":
        return True
    if oracle == "equal_or_zero":
        return outputs_equal(output, expected, atol) or outputs_equal(output, 0, 0.0)
    if oracle == "pyramid_surface" or oracle == "digit_distance":
        other = _pyramid_surface if oracle == "pyramid_surface" else _digit_distance
        if outputs_equal(output, expected, atol):
            return True
        try:
            return outputs_equal(output, other(*arguments), atol)
        except (TypeError, ValueError, OverflowError):  # arguments of another type
            return False
    assert_never(oracle)


def outputs_equal(output: Any, expected: Any, atol: float) -> bool:
    """True if an output equals the expected one, as EvalPlus 0.3.1 compares them.

    `==` decides, at any depth. Besides, an expected float is matched within `atol` (1e-6 when that is 0) plus 1e-7 of its
    value, and NaN by NaN; an expected integer is matched exactly. A list does not equal a tuple.

    Args:
        output: data of built-in types, `Fraction` and `Decimal`; comparing it runs no program's code.
        expected: the same.
        atol: absolute tolerance that the problem publishes, not negative.
    """
    if isinstance(expected, float) and not isinstance(output, float):  # at the top EvalPlus requires the type
        return bool(output == expected)
    return _close(output, expected, atol)


def _close(output: Any, expected: Any, atol: float) -> bool:
    if isinstance(expected, float) and isinstance(output, int | float) and not isinstance(output, bool):
        return _floats_close(output, expected, atol or DEFAULT_ATOL)
    if isinstance(expected, complex) and isinstance(output, complex):
        return all(_floats_close(a, b, atol) for a, b in ((output.real, expected.real), (output.imag, expected.imag)))
    if type(output) is type(expected):
        if isinstance(expected, list | tuple):
            return len(output) == len(expected) and all(
                _close(a, b, atol) for a, b in zip(output, expected, strict=True)
            )
        if isinstance(expected, dict):
            return output.keys() == expected.keys() and all(_close(output[k], expected[k], atol) for k in expected)
    return bool(output == expected)


def _floats_close(output: float, expected: float, atol: float) -> bool:
    """True if two reals are within `atol` and, when that is not 0, 1e-7 of the expected one, as `numpy.allclose`."""
    if output == expected:
        return True
    try:
        a, b = float(output), float(expected)
    except OverflowError:
        return False
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return not math.isinf(a) and not math.isinf(b) and abs(a - b) <= (atol + RTOL * abs(b) if atol else 0.0)


def _same_set(output: Any, expected: Any) -> bool:
    try:
        return set_of(output) == set_of(expected)
    except (TypeError, HashCollisionError):  # no collection, unhashable items, or hash collisions
        return False


def _pyramid_surface(base: Any, height: Any) -> Any:
    """Surface of a square pyramid whose height is that of its apex over the base."""
    return round(base**2 + 2 * base * math.hypot(base / 2, height))


def _digit_distance(left: Any, right: Any) -> Any:
    """Sum of the digits' differences, the shorter number padded with zeros."""
    width = max(len(str(left)), len(str(right)))
    return sum(abs(int(a) - int(b)) for a, b in zip(str(left).zfill(width), str(right).zfill(width), strict=True))


def _is_root(arguments: list[Any], output: Any, atol: float) -> bool:
    if not isinstance(output, int | float | Fraction | Decimal):
        return False
    try:
        x, coefficients = float(output), list(arguments[0])
        return bool(
            abs(sum(coefficient * x**power for power, coefficient in enumerate(coefficients))) <= max(atol, 1e-4)
        )
    except (TypeError, ValueError, OverflowError, IndexError):  # no number, or not the arguments of the problem
        return False
