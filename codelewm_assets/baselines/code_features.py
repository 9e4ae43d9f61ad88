"""Features of one program by itself: counts of its syntax tree, suspicious forms, lengths, agreement with the prompt.

None runs the program, and none reads another completion. Names that the program chose for itself leave no mark.
"""

import ast
import math
import re
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from codelewm_assets.baselines.lints import LINTS, lint_marks
from codelewm_assets.baselines.ngram_lm import token_stream
from codelewm_assets.completions.syntax import PARSE_ERRORS, called_method, called_name, parse_program

Floats = NDArray[np.float64]

NODES = (
    "If", "IfExp", "For", "While", "Return", "Assign", "AugAssign", "Call", "Attribute", "Subscript", "Slice", "Compare", "BoolOp",
    "BinOp", "UnaryOp", "ListComp", "SetComp", "DictComp", "GeneratorExp", "Lambda", "List", "Tuple", "Dict", "Set", "Constant",
    "Name", "Break", "Continue", "Raise", "Try", "FunctionDef", "Import", "ImportFrom", "Starred", "JoinedStr", "Expr", "Pass",
    "Eq", "NotEq", "Lt", "LtE", "Gt", "GtE", "In", "NotIn", "Is", "IsNot", "And", "Or", "Not", "USub", "Add", "Sub", "Mult", "Div",
    "FloorDiv", "Mod", "Pow", "BitAnd", "BitOr", "BitXor", "LShift", "RShift",
)  # fmt: skip
CALLS = (
    "len", "range", "sum", "max", "min", "any", "all", "sorted", "set", "list", "int", "str", "abs", "zip", "map", "filter",
    "enumerate", "isinstance", "append", "join", "split", "lower", "upper", "replace", "count", "get",
)  # fmt: skip
NUMBER_WORDS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "first": 1, "second": 2, "third": 3, "half": 2, "twice": 2, "double": 2, "square": 2, "squared": 2, "cube": 3, "cubes": 3,
    "even": 2, "odd": 2, "pair": 2, "hundred": 100, "digit": 10, "digits": 10, "decimal": 10, "binary": 2, "dozen": 12,
    "average": 2, "mean": 2, "percent": 100,
}  # fmt: skip
AGREEMENTS: Mapping[str, tuple[str, frozenset[str], frozenset[str]]] = {
    "largest": (r"max|larg|great|high|big|most|longest", frozenset({"max"}), frozenset({"min"})),
    "smallest": (r"min|small|least|low(?!er)|short|fewest", frozenset({"min"}), frozenset({"max"})),
    "sum": (r"sum|total|add", frozenset({"sum", "Add"}), frozenset({"Sub"})),
    "product": (r"product|multipl|factorial", frozenset({"Mult"}), frozenset({"Add"})),
    "difference": (r"differ|subtract|minus|less", frozenset({"Sub"}), frozenset({"Add"})),
    "quotient": (r"divi|quotient|average|mean|ratio|half", frozenset({"Div", "FloorDiv"}), frozenset({"Mult"})),
    "remainder": (r"even|odd|divis|remainder|modul|multiple of", frozenset({"Mod"}), frozenset({"FloorDiv", "Div"})),
    "power": (r"power|square|cube|expon", frozenset({"Pow"}), frozenset({"Mult"})),
    "all": (r"\ball|every|each", frozenset({"all"}), frozenset({"any"})),
    "any": (r"\bany\b|at least one|exist|contain|some", frozenset({"any", "In"}), frozenset({"all", "NotIn"})),
    "upper": (r"upper|capital", frozenset({"upper", "isupper"}), frozenset({"lower", "islower"})),
    "lower": (r"lower", frozenset({"lower", "islower"}), frozenset({"upper", "isupper"})),
    "sort": (r"sort|order|ascend|descend|median", frozenset({"sorted", "sort"}), frozenset()),
    "unique": (r"unique|distinct|duplicate|common|intersect", frozenset({"set"}), frozenset()),
    "greater": (r"greater|more than|larger|above|bigger|exceed|positive", frozenset({"Gt", "GtE"}), frozenset({"Lt"})),
    "smaller": (r"less than|smaller|below|fewer|negative", frozenset({"Lt", "LtE"}), frozenset({"Gt"})),
    "prefix": (r"start|prefix|begin", frozenset({"startswith"}), frozenset({"endswith"})),
    "suffix": (r"\bend|suffix", frozenset({"endswith"}), frozenset({"startswith"})),
    "equal": (r"equal|same|match|identical|palindrom", frozenset({"Eq"}), frozenset({"NotEq"})),
    "not": (
        r"\bnot\b|remove|exclud|without|except|other than|filter", frozenset({"NotEq", "NotIn", "Not"}), frozenset({"Eq", "In"}),
    ),
}  # fmt: skip
"""Operation → (pattern of words in the prompt, what does it, what does its opposite)."""
NAMES: tuple[str, ...] = (
    *(f"nodes_{name}" for name in NODES),
    *(f"calls_{name}" for name in CALLS),
    *(f"lint_{name}" for name in LINTS),
    "nodes", "depth", "tokens", "characters", "distinct_tokens", "compressed_bytes", "parses",
    "numbers_not_in_prompt", "numbers_in_prompt", "prompt_numbers_absent", "texts_not_in_prompt", "texts_in_prompt",
    "words_shared",
    *(f"agrees_{name}" for name in AGREEMENTS),
    "agreements", "disagreements",
)  # fmt: skip
"""Columns of `features`."""


def features(codes: Sequence[str], prompts: Sequence[str]) -> Floats:
    """(N, len(NAMES)) float64, finite; of a text that does not parse, all but lengths and shared words are 0.

    Args:
        codes: programs.
        prompts: the prompt of each; empty where there is none.
    """
    rows = [
        [*program.counts, *_agreement(program, _read_prompt(prompt))]
        for program, prompt in zip(map(_read_program, codes), prompts, strict=True)
    ]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(NAMES))


@dataclass(frozen=True, slots=True)
class _Program:
    counts: tuple[float, ...]  # of `OWN`
    operations: frozenset[str]  # kinds of nodes, and names of what is called
    numbers: tuple[float, ...]
    texts: tuple[str, ...]
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Prompt:
    text: str
    words: frozenset[str]
    numbers: frozenset[int]
    asked: tuple[bool, ...]  # of each of `AGREEMENTS`


@lru_cache(maxsize=20_000)
def _read_program(code: str) -> _Program:
    tokens = token_stream(code)
    try:
        tree: ast.Module | None = parse_program(code)
    except PARSE_ERRORS:
        tree = None
    nodes = list(ast.walk(tree)) if tree is not None else []
    kinds = Counter(type(node).__name__ for node in nodes)
    calls = Counter(called_name(node) or called_method(node) for node in nodes if isinstance(node, ast.Call))
    lints = Counter(lint_marks(tree)) if tree is not None else Counter[str]()
    constants = [node.value for node in nodes if isinstance(node, ast.Constant)]
    counts = (
        *(kinds[name] for name in NODES),
        *(calls[name] for name in CALLS),
        *(lints[name] for name in LINTS),
        len(nodes),
        _depth(tree) if tree is not None else 0,
        len(tokens),
        sum(map(len, tokens)),
        len(set(tokens)),
        len(zlib.compress(" ".join(tokens).encode())),
        tree is not None,
    )
    return _Program(
        tuple(map(float, counts)),
        frozenset(kinds) | frozenset(calls),
        tuple(abs(v) for v in constants if _is_finite_number(v)),
        tuple(value.lower() for value in constants if isinstance(value, str) and value),
        frozenset(part for token in tokens for part in re.findall(r"[a-z]+", token.lower())),
    )


def _is_finite_number(value: object) -> TypeGuard[int | float]:
    """An integer of any size counts: not all have a float."""
    return (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, float) and math.isfinite(value)
    )


@lru_cache(maxsize=10_000)
def _read_prompt(prompt: str) -> _Prompt:
    text = prompt.lower()
    words = frozenset(re.findall(r"[a-z]+", text))
    numbers = {int(number) for number in re.findall(r"\d+", text) if len(number) < 10}
    numbers |= {value for word, value in NUMBER_WORDS.items() if word in words}
    asked = tuple(re.search(pattern, text) is not None for pattern, _, _ in AGREEMENTS.values())
    return _Prompt(text, words, frozenset(numbers), asked)


def _agreement(program: _Program, prompt: _Prompt) -> list[float]:
    special = [number for number in program.numbers if number not in (0, 1)]
    absent = {number for number in prompt.numbers if number > 1} - set(program.numbers)
    agreements = [
        float(bool(does & program.operations))
        - float(bool(opposite & program.operations) and not does & program.operations)
        if is_asked
        else 0.0
        for is_asked, (_, does, opposite) in zip(prompt.asked, AGREEMENTS.values(), strict=True)
    ]
    return [
        float(sum(number not in prompt.numbers for number in special)),
        float(sum(number in prompt.numbers for number in special)),
        float(len(absent)),
        float(sum(text not in prompt.text for text in program.texts)),
        float(sum(text in prompt.text for text in program.texts)),
        len(prompt.words & program.words) / (len(prompt.words) or 1),
        *agreements,
        float(sum(value > 0 for value in agreements)),
        float(sum(value < 0 for value in agreements)),
    ]


def _depth(node: ast.AST) -> int:
    return 1 + max((_depth(child) for child in ast.iter_child_nodes(node)), default=0)
