"""Which problems are near-duplicates of each other: word 3-gram Jaccard of alpha-normalised references."""

import io
import keyword
import tokenize
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray


def normalised_tokens(source: str) -> list[str]:
    """Tokens of a program with names replaced by their order of first use; comments and layout dropped."""
    names: dict[str, str] = {}
    tokens: list[str] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.NAME and not keyword.iskeyword(token.string):
                tokens.append(names.setdefault(token.string, f"v{len(names)}"))
            elif token.type in (tokenize.NAME, tokenize.OP, tokenize.NUMBER, tokenize.STRING):
                tokens.append(token.string)
    except (tokenize.TokenError, IndentationError):
        return source.split()
    return tokens


def shingles(source: str, size: int = 3) -> set[str]:
    """The distinct token `size`-grams of a program; a shorter program is one shingle."""
    tokens = normalised_tokens(source)
    return {" ".join(tokens[i : i + size]) for i in range(max(1, len(tokens) - size + 1))}


def jaccard_matrix(sources: Sequence[str]) -> NDArray[np.float64]:
    """Pairwise Jaccard of shingle sets.

    Args: sources: N programs.
    Returns: (N, N) float64 in [0, 1], symmetric, diagonal 1.
    """
    sets = [shingles(source) for source in sources]
    vocabulary = {gram: i for i, gram in enumerate(sorted(set().union(*sets)))} if sets else {}
    from scipy.sparse import csr_matrix

    rows = [i for i, grams in enumerate(sets) for _ in grams]
    columns = [vocabulary[gram] for grams in sets for gram in sorted(grams)]
    matrix = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(sets), max(1, len(vocabulary))))
    shared = np.asarray((matrix @ matrix.T).todense(), dtype=np.float64)  # (N, N)
    sizes = np.array([len(grams) for grams in sets], dtype=np.float64)  # (N,)
    return np.asarray(shared / np.maximum(1.0, sizes[:, None] + sizes[None, :] - shared))


def near_duplicate_pairs(references: Mapping[str, str], threshold: float) -> list[tuple[str, str]]:
    """Pairs of problem ids whose references' Jaccard is at least `threshold`, sorted."""
    ids = sorted(references)
    matrix = jaccard_matrix([references[i] for i in ids])
    return [(ids[a], ids[b]) for a, b in np.argwhere(np.triu(matrix, 1) >= threshold).tolist()]


def clusters(ids: Sequence[str], pairs: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Connected components: problem id → cluster number, numbered by first id."""
    root = {name: name for name in sorted(ids)}

    def find(name: str) -> str:
        while root[name] != name:
            name = root[name]
        return name

    for a, b in pairs:
        first, second = sorted((find(a), find(b)))
        root[second] = first
    numbers: dict[str, int] = {}
    return {name: numbers.setdefault(find(name), len(numbers)) for name in sorted(ids)}
