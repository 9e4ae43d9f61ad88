"""Gain in naturalness of a program with one token exchanged: log-odds under the n-gram model, by kind of exchange.

Mean surprisal says how unusual a program is; a gain says that one small edit of it would be usual. No label is read.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from codelewm_assets.baselines.ngram_lm import END, START, NgramModel, token_stream

Floats = NDArray[np.float64]

KINDS = (
    "comparison",
    "arithmetic",
    "connective",
    "truth",
    "number",
    "text",
    "call",
    "method",
    "name",
    "jump",
    "negation",
    "order",
)
NAMES = (
    *(f"{kind}_{statistic}" for kind in KINDS for statistic in ("places", "largest", "positive")),
    "largest", "second", "positive", "log_mean_odds", "share_positive",
)  # fmt: skip
"""Columns of `edit_gains`."""
EXCHANGES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "comparison": {
        "<": ("<=", ">"), "<=": ("<", ">="), ">": (">=", "<"), ">=": (">", "<="), "==": ("!=",), "!=": ("==",), "in": ("not in",),
        "is": ("is not",),
    },
    "arithmetic": {
        "+": ("-", "*"), "-": ("+",), "*": ("+", "**"), "/": ("//", "*"), "//": ("%", "/"), "%": ("//", "/"), "**": ("*",),
        "+=": ("-=", "*="), "-=": ("+=",), "*=": ("+=",), "//=": ("%=", "/="), "/=": ("//=",), "%=": ("//=",),
    },
    "connective": {"and": ("or",), "or": ("and",)},
    "truth": {"True": ("False",), "False": ("True",)},
    "text": {"''": ("' '",), "' '": ("''",)},
    "call": {
        "min": ("max",), "max": ("min", "sum"), "any": ("all",), "all": ("any",), "sum": ("max",), "set": ("list",),
        "list": ("set", "sorted"), "sorted": ("list",),
    },
    "method": {
        "lower": ("upper",), "upper": ("lower",), "islower": ("isupper",), "isupper": ("islower",), "keys": ("values",),
        "values": ("keys",), "startswith": ("endswith",), "endswith": ("startswith",), "isdigit": ("isalpha",),
        "isalpha": ("isalnum", "isdigit"), "isalnum": ("isalpha",), "find": ("rfind",), "rfind": ("find",),
    },
    "jump": {"break": ("continue",), "continue": ("break",)},
    "negation": {"not": ("",), "if": ("if not",), "while": ("while not",)},
}  # fmt: skip
USED_NAMES = tuple(f"v{rank}" for rank in range(10))
OTHER_NAMES = USED_NAMES[:4]  # what a name is exchanged for
ORDERED = frozenset({"-", "/", "//", "%", "**", ","})


def _exchanges(tokens: Sequence[str]) -> Iterator[tuple[int, int, int, tuple[str, ...]]]:
    """(kind, place, number of tokens replaced, replacement) of each exchange."""
    for place, token in enumerate(tokens):
        for kind, table in EXCHANGES.items():
            for other in table.get(token, ()):
                yield KINDS.index(kind), place, 1, tuple(other.split())
        if token in USED_NAMES:
            for other in OTHER_NAMES:
                if other != token:
                    yield KINDS.index("name"), place, 1, (other,)
        elif token.isdecimal():
            for number in (int(token) - 1, int(token) + 1):
                if number >= 0:
                    yield KINDS.index("number"), place, 1, (str(number),)
        elif (
            token in ORDERED
            and 0 < place < len(tokens) - 1
            and _is_operand(tokens[place - 1])
            and _is_operand(tokens[place + 1])
        ):
            yield KINDS.index("order"), place - 1, 3, (tokens[place + 1], token, tokens[place - 1])


def _is_operand(token: str) -> bool:
    return token in USED_NAMES or token.isdecimal()


def edit_gains(model: NgramModel, codes: Sequence[str]) -> Floats:
    """(N, len(NAMES)) float64: statistics of the gains, in nats, of a program's exchanges; 0 where it has none.

    A gain is the surprisal of the tokens that an exchange touches, and of those whose context it is in, less that after it.
    Ranks of names that follow an exchanged name are left as they were.
    """
    streams = [(START, *token_stream(code), END) for code in codes]
    windows: dict[tuple[tuple[str, ...], int], int] = {}  # (tokens, number of context tokens) → index
    rows = [list[tuple[int, int, int]]() for _ in streams]
    reach = model.order - 1
    for row, stream in zip(rows, streams, strict=True):
        for kind, place, taken, others in _exchanges(stream):
            left, right = stream[max(0, place - reach) : place], stream[place + taken : place + taken + reach]
            before = (left + stream[place : place + taken] + right, len(left))
            after = (left + others + right, len(left))
            row.append((kind, windows.setdefault(before, len(windows)), windows.setdefault(after, len(windows))))
    costs = model.window_surprisals(list(windows))
    return np.array([_statistics(row, costs) for row in rows], dtype=np.float64).reshape(len(rows), len(NAMES))


def _statistics(row: Sequence[tuple[int, int, int]], costs: Floats) -> list[float]:
    if not row:
        return [0.0] * len(NAMES)
    kinds, before, after = np.array(row).T
    gains = costs[before] - costs[after]
    result = list[float]()
    for kind in range(len(KINDS)):
        own = gains[kinds == kind]
        result += [float(len(own)), float(own.max()) if len(own) else 0.0, float(np.maximum(own, 0).sum())]
    ordered = np.sort(gains)[::-1]
    odds = float(np.logaddexp.reduce(gains) - np.log(len(gains)))
    return [
        *result,
        float(ordered[0]),
        float(ordered[min(1, len(ordered) - 1)]),
        float(np.maximum(gains, 0).sum()),
        odds,
        float((gains > 0).mean()),
    ]
