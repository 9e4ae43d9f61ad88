"""Python literals as text, the format of inputs and outputs. No code is executed.

Infinity is written `1e999`; NaN has no literal and is written `nan`. `read_value` reads both names `nan` and `inf`.
"""

import ast
import math
import threading
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from codelewm_assets.core.errors import LiteralError

# CPython 3.11 keeps the depth of its AST constructor per interpreter: two threads that parse at once get a SystemError.
PARSING = threading.Lock()
"""Held by whoever parses in a thread of a pool."""
MAX_COLLISIONS = 64
DECIMAL_BITS = 14_000  # Python reads and writes at most 4300 decimal digits; longer integers are hexadecimal


def write_value(value: Any) -> str:
    """One canonical literal for a value of exact built-in types, a Fraction or a Decimal; sets are written in a fixed order.

    Raises: LiteralError: a type that has no literal.
    """
    kind = type(value)
    if kind is int and int.bit_length(value) > DECIMAL_BITS:
        return hex(value)
    if value is None or kind in (bool, int, str, bytes):
        return repr(value)
    if kind is float:
        return _write_float(value)
    if kind is complex:
        return f"complex({_write_float(value.real)}, {_write_float(value.imag)})"
    if kind is list:
        return "[" + ", ".join(write_value(item) for item in value) + "]"
    if kind is tuple:
        return "(" + ", ".join(write_value(item) for item in value) + ("," if len(value) == 1 else "") + ")"
    if kind is set:
        return "{" + ", ".join(sorted(write_value(item) for item in value)) + "}" if value else "set()"
    if kind is frozenset:
        return "frozenset({" + ", ".join(sorted(write_value(item) for item in value)) + "})"
    if kind is dict:
        return "{" + ", ".join(f"{write_value(k)}: {write_value(v)}" for k, v in value.items()) + "}"
    if kind in (Fraction, Decimal):
        return f"{kind.__name__}('{value}')"
    raise LiteralError(
        f"A {kind.__name__} has no literal; expected built-in numbers, texts, lists, tuples, sets or maps."
    )


def _write_float(value: float) -> str:
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "1e999" if value > 0 else "-1e999"
    return repr(value)


def read_value(text: str) -> Any:
    """The value of a literal as `write_value` writes it (also any text that `ast.literal_eval` takes).

    Raises: LiteralError: not a literal.
    """
    try:
        with PARSING:
            tree = ast.parse(text.strip(), mode="eval")
        return _evaluate(tree.body)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError, ArithmeticError) as error:
        raise LiteralError(
            f"Not a Python literal: {text[:80]!r} ({type(error).__name__}). Write numbers, texts, lists, "
            "tuples, sets or maps; infinity is 1e999."
        ) from error


def _evaluate(node: ast.expr) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.List | ast.Tuple):  # most of what there is; most of its items are constants
        read = [item.value if isinstance(item, ast.Constant) else _evaluate(item) for item in node.elts]
        return read if isinstance(node, ast.List) else tuple(read)
    match node:
        case ast.Name(id="nan"):
            return math.nan
        case ast.Name(id="inf"):
            return math.inf
        case ast.UnaryOp(op=ast.USub(), operand=ast.Name(id="inf")):
            return -math.inf
        case ast.Set(elts=items):
            return {_evaluate(item) for item in items}
        case ast.Dict(keys=keys, values=values) if None not in keys:
            return {_evaluate(k): _evaluate(v) for k, v in zip(keys, values, strict=True) if k is not None}
        case ast.Call(func=ast.Name(id="set"), args=[], keywords=[]):
            return set()
        case ast.Call(func=ast.Name(id="frozenset"), args=[inner], keywords=[]):
            return frozenset(_evaluate(inner))
        case ast.Call(func=ast.Name(id="Fraction"), args=[ast.Constant(value=str(text))], keywords=[]):
            return Fraction(text)
        case ast.Call(func=ast.Name(id="Decimal"), args=[ast.Constant(value=str(text))], keywords=[]) if not (
            number := Decimal(text)
        ).is_snan():  # which compares with nothing
            return number
        case ast.Call(func=ast.Name(id="complex"), args=[real, imaginary], keywords=[]):
            return complex(_evaluate(real), _evaluate(imaginary))
        case _:
            return ast.literal_eval(node)


class HashCollisionError(ValueError):
    """Too many different values have one hash: a set of them would take quadratic time."""


def set_of(values: Iterable[Any]) -> set[Any]:
    """The set of these values, in linear time.

    Raises: HashCollisionError: more than `MAX_COLLISIONS` have the hash of another. TypeError: one has no hash.
    """
    by_hash: dict[int, list[Any]] = {}
    collisions = 0
    for value in values:
        same_hash = by_hash.setdefault(hash(value), [])
        if value not in same_hash:
            same_hash.append(value)
            collisions += len(same_hash) > 1
        if collisions > MAX_COLLISIONS:
            raise HashCollisionError(f"more than {MAX_COLLISIONS} values have the hash of another")
    return {value for same_hash in by_hash.values() for value in same_hash}


def read_arguments(text: str) -> list[Any]:
    """The positional arguments of one call. Raises: LiteralError: not the literal of a list."""
    value = read_value(text)
    if not isinstance(value, list):
        raise LiteralError(
            f"Input is the literal of a {type(value).__name__}; expected a list of positional arguments."
        )
    return value
