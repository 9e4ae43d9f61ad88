"""An n-gram language model of code tokens that renaming leaves alone: interpolated Kneser–Ney, in sorted arrays.

Surprisal under library code is the control `lm`: natural programs rank first. Nothing here has seen a label.
"""

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from sys import intern

import numpy as np
from numpy.typing import NDArray

from codelewm_assets.completions.syntax import PARSE_ERRORS, parse_program
from codelewm_assets.completions.variants import strip_bare_strings
from codelewm_assets.core.errors import ModelFileError
from codelewm_assets.dataset.shingles import FIXED_NAMES

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SURPRISALS = (
    "mean",
    "sum",
    "largest",
    "mean_of_3_largest",
    "mean_of_8_largest",
    "deviation",
    "share_above_4",
    "median",
)
"""Columns of `NgramModel.statistics`, in nats."""
ORDER = 6  # tokens of the longest n-gram
MIN_COUNT = 2  # rarer tokens are <unk>
START, END, UNKNOWN, NEWLINE, INDENT, DEDENT, NEW_NAME = "<s>", "</s>", "<unk>", "<nl>", "<in>", "<out>", "v*"
MAX_RANK = 9  # names used longer ago share this rank
MAX_LITERAL = 5  # characters of a number or string that stands for itself
TOKEN = re.compile(
    r"""[bfruBFRU]{0,2}(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|[^\W\d]\w*|\d[\w.]*"""
    r"""|\*\*=|//=|>>=|<<=|\.\.\.|->|:=|[=!<>+\-*/%&|^@]=|\*\*|//|<<|>>|[^\w\s]"""
)


def code_lines(code: str) -> list[str]:
    """Lines of a program in the layout of `ast.unparse`, without bare strings; of a text that does not parse, its own."""
    try:
        tree = parse_program(code)
        strip_bare_strings(tree)
        return ast.unparse(tree).splitlines()
    except PARSE_ERRORS:
        return [line for line in code.splitlines() if line.strip() and not line.lstrip().startswith("#")]


@lru_cache(maxsize=30_000)
def token_stream(code: str) -> tuple[str, ...]:
    """Tokens of a program, with newlines and indentation, invariant under renaming its own names.

    A name that is no keyword, builtin, attribute, keyword argument or import is `v*` at its first use and afterwards `v` with the
    number of distinct names used since its last use, at most `MAX_RANK`. Long numbers and strings are `<num>` and `<str>`.
    """
    lines = code_lines(code)
    imported = {name for line in lines if re.match(r"\s*(import|from)\s", line) for name in re.findall(r"\w+", line)}
    tokens, recent, depth = list[str](), list[str](), 0
    for line in lines:
        level = (len(line) - len(line.lstrip(" "))) // 4
        tokens += [INDENT] * (level - depth) + [DEDENT] * (depth - level)
        depth = level
        previous = ""
        for token in TOKEN.findall(line):
            tokens.append(intern(_canonical(token, previous, imported, recent)))
            previous = token
        tokens.append(NEWLINE)
    return tuple(tokens)


def _canonical(token: str, previous: str, imported: set[str], recent: list[str]) -> str:
    if token[0].isdigit():
        return token if len(token) <= MAX_LITERAL else "<num>"
    if token[-1] in "\"'" and len(token) > 1:
        return token if len(token) <= MAX_LITERAL else "<str>"
    if not token.isidentifier() or token in FIXED_NAMES or previous == "." or token in imported:
        return token
    if token in recent:
        rank = recent.index(token)
        recent.insert(0, recent.pop(rank))
        return f"v{min(rank, MAX_RANK)}"
    recent.insert(0, token)
    return NEW_NAME


@dataclass(frozen=True, slots=True)
class _Level:
    """N-grams of one length. `keys` (G,) sorted: context's index × vocabulary + token. Index: place in `keys`.

    Attributes:
        weights: (G,) count, or below the highest order the number of distinct tokens that precede the n-gram.
        discount: subtracted from each weight.
        totals, types: (contexts,) sum of the weights and number of the n-grams that continue a context.
    """

    keys: Ints
    weights: Floats
    discount: float
    totals: Floats
    types: Floats


class NgramModel:
    """Interpolated Kneser–Ney. Source: Chen & Goodman 1999, "An empirical study of smoothing techniques for language modeling"."""

    def __init__(self, order: int, vocabulary: Sequence[str], keys: Sequence[Ints], weights: Sequence[Floats]) -> None:
        """`keys` and `weights` of the n-grams of each length from 1 to `order`."""
        self.order, self.vocabulary = order, tuple(vocabulary)
        self._code = {token: number for number, token in enumerate(self.vocabulary)}
        self._levels = list[_Level]()
        contexts = 1
        for key, weight in zip(keys, weights, strict=True):
            parent = key // len(self.vocabulary)
            counted = weight > 0
            self._levels.append(
                _Level(
                    key,
                    weight,
                    _discount(weight[counted]),
                    np.asarray(np.bincount(parent, weights=weight, minlength=contexts), dtype=np.float64),
                    np.bincount(parent[counted], minlength=contexts).astype(np.float64),
                )
            )
            contexts = len(key)

    @classmethod
    def fit(cls, codes: Sequence[str], *, order: int = ORDER, min_count: int = MIN_COUNT) -> "NgramModel":
        """Fit on programs. Raises: ValueError: no program, or an order below 1."""
        return cls.fit_tokens([token_stream(code) for code in codes], order=order, min_count=min_count)

    @classmethod
    def fit_tokens(
        cls, streams: Sequence[Sequence[str]], *, order: int = ORDER, min_count: int = MIN_COUNT
    ) -> "NgramModel":
        """Fit on token streams. Raises: ValueError: no stream, or an order below 1."""
        if not streams or order < 1:
            raise ValueError(f"{len(streams)} streams, order {order}; expected at least one of each.")
        names, counts = np.unique(np.array(list(chain.from_iterable(streams)), dtype=object), return_counts=True)
        kept = [str(name) for name, count in zip(names, counts, strict=True) if count >= min_count]
        vocabulary = (START, END, UNKNOWN, *(name for name in kept if name not in (START, END, UNKNOWN)))
        code = {token: number for number, token in enumerate(vocabulary)}
        tokens, place = _encode(streams, code)
        keys, weights = list[Ints](), list[Floats]()
        context = np.zeros(len(tokens), dtype=np.int64)  # index of the n-gram before each token; -1: none
        previous: Ints | None = None  # index of the shorter n-gram that ends at each token
        for length in range(1, order + 1):
            is_whole = (place >= length - 1) & (context >= 0)
            gram = np.where(is_whole, context * len(vocabulary) + tokens, -1)
            found, index, count = np.unique(gram[is_whole], return_inverse=True, return_counts=True)
            ends_here = np.full(len(tokens), -1, dtype=np.int64)
            ends_here[is_whole] = index
            if previous is not None:
                shorter = previous[is_whole][np.unique(index, return_index=True)[1]]  # the suffix of each n-gram
                preceding = np.bincount(shorter, minlength=len(weights[-1])).astype(np.float64)
                weights[-1] = np.where(preceding > 0, preceding, weights[-1])  # nothing precedes a start
            keys.append(found)
            weights.append(count.astype(np.float64))
            previous = ends_here
            context = np.concatenate([[-1], ends_here[:-1]])
        weights[0][keys[0] == 0] = 0.0  # a start is given, never predicted
        return cls(order, vocabulary, keys, weights)

    def surprisals(self, codes: Sequence[str]) -> list[Floats]:
        """Surprisal in nats of each token of each program, its end among them."""
        return self.surprisals_of_tokens([token_stream(code) for code in codes])

    def surprisals_of_tokens(self, streams: Sequence[Sequence[str]]) -> list[Floats]:
        """Surprisal in nats of each token of each stream, its end among them."""
        if not streams:
            return []
        tokens, place = _encode(streams, self._code)
        surprisal = self._surprisal(tokens, place)
        return [part[1:] for part in np.split(surprisal, np.flatnonzero(place == 0)[1:])]

    def mean_surprisals(self, codes: Sequence[str]) -> list[float]:
        """Mean surprisal of a program's tokens, nats a token; minus it is the control `lm`."""
        return [float(one.mean()) for one in self.surprisals(codes)]

    def statistics(self, codes: Sequence[str]) -> Floats:
        """(N, len(SURPRISALS)) statistics of the surprisals of each program's tokens."""
        rows = [_statistics(one) for one in self.surprisals(codes)]
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(SURPRISALS))

    def window_surprisals(self, windows: Sequence[tuple[Sequence[str], int]]) -> Floats:
        """(W,) summed surprisal in nats of parts of texts. Args: windows: tokens, and how many of them are context only."""
        if not windows:
            return np.zeros(0)
        unknown = self._code[UNKNOWN]
        lengths = np.array([len(tokens) for tokens, _ in windows])
        given = np.array([count for _, count in windows])
        tokens = np.fromiter(
            (self._code.get(token, unknown) for window, _ in windows for token in window), dtype=np.int64
        )
        place = np.arange(len(tokens)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        surprisal = np.where(place >= np.repeat(given, lengths), self._surprisal(tokens, place), 0.0)
        owner = np.repeat(np.arange(len(windows)), lengths)
        return np.asarray(np.bincount(owner, weights=surprisal, minlength=len(windows)), dtype=np.float64)

    def _surprisal(self, tokens: Ints, place: Ints) -> Floats:
        """(T,) surprisal of each token; of starts it means nothing. Args: place: (T,) number of tokens before it in its text."""
        size = len(self.vocabulary)
        probability = np.full(len(tokens), 1.0 / (size - 1))
        context = np.zeros(len(tokens), dtype=np.int64)
        for length, level in enumerate(self._levels, start=1):
            is_known = (place >= length - 1) & (context >= 0)
            index = np.full(len(tokens), -1, dtype=np.int64)
            index[is_known] = _find(level.keys, context[is_known] * size + tokens[is_known])
            total = np.where(is_known, level.totals[context], 0.0)
            weight = np.where(index >= 0, level.weights[index], 0.0)
            left = level.discount * level.types[context]
            seen = total > 0
            probability[seen] = (
                np.maximum(weight[seen] - level.discount, 0.0) + left[seen] * probability[seen]
            ) / total[seen]
            context = np.concatenate([[-1], index[:-1]])
        return np.asarray(-np.log(probability))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The model as plain arrays; `from_arrays` reads them."""
        stored: dict[str, NDArray[np.generic]] = {"vocabulary": np.array(self.vocabulary, dtype=np.str_)}
        for length, level in enumerate(self._levels, start=1):
            stored |= {f"keys_{length}": level.keys, f"weights_{length}": level.weights}
        return stored

    @classmethod
    def from_arrays(cls, stored: Mapping[str, NDArray[np.generic]]) -> "NgramModel":
        """Raises: ModelFileError: an array is missing or has another type."""
        order = sum(name.startswith("keys_") for name in stored)
        expected = {"vocabulary": "U"} | {f"keys_{n}": "i" for n in range(1, order + 1)}
        expected |= {f"weights_{n}": "f" for n in range(1, order + 1)}
        faults = [name for name, kind in expected.items() if name not in stored or stored[name].dtype.kind != kind]
        if faults or not order:
            raise ModelFileError(
                f"Arrays of an n-gram model missing or of another type: {', '.join(faults) or 'keys_1'}. Fit the model again."
            )
        lengths = range(1, order + 1)
        return cls(
            order,
            [str(token) for token in stored["vocabulary"]],
            [stored[f"keys_{length}"].astype(np.int64) for length in lengths],
            [stored[f"weights_{length}"].astype(np.float64) for length in lengths],
        )


def _statistics(surprisal: Floats) -> list[float]:
    ordered = np.sort(surprisal)[::-1]
    return [
        float(value)
        for value in (
            ordered.mean(), ordered.sum(), ordered[0], ordered[:3].mean(), ordered[:8].mean(), ordered.std(), (ordered > 4).mean(),
            np.median(ordered),
        )
    ]  # fmt: skip


def _encode(streams: Sequence[Sequence[str]], code: Mapping[str, int]) -> tuple[Ints, Ints]:
    """(tokens, place in its text) of all streams in one row, each between `START` and `END`."""
    unknown = code[UNKNOWN]
    lengths = [len(stream) + 2 for stream in streams]
    tokens = np.fromiter(
        chain.from_iterable((code[START], *(code.get(t, unknown) for t in stream), code[END]) for stream in streams),
        dtype=np.int64,
        count=sum(lengths),
    )
    return tokens, np.concatenate([np.arange(length) for length in lengths])


def _find(keys: Ints, wanted: Ints) -> Ints:
    """Index of each in sorted `keys`; -1 where it is not there."""
    index = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[index] == wanted, index, -1)


def _discount(weights: Floats) -> float:
    """n1 / (n1 + 2 n2) of the numbers of n-grams with weight 1 and 2, kept within [0.1, 0.9]. Source: Ney et al. 1994."""
    ones, twos = int((weights == 1).sum()), int((weights == 2).sum())
    return min(0.9, max(0.1, ones / (ones + 2 * twos))) if ones else 0.1
