"""Sequences packed end to end into rows of tokens. Shapes: N segments, R rows, S tokens a row, T tokens in all."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from codelewm_assets.core.errors import TrainingError
from codelewm_assets.training.modeling_codelewm import NO_ANCESTOR, NO_SEGMENT, SEGMENTS, Packed

KIND = {name: number for number, name in enumerate(SEGMENTS)}
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment of a tree.

    Attributes:
        field: of `SEGMENTS`.
        tokens: (length,), at least one.
        parent: place in the tree of the segment before it; None for the first.
    """

    field: str
    tokens: NDArray[np.integer]
    parent: int | None = None


Tree = Sequence[Segment]
"""Sequences that begin alike: each of their distinct segments once, a parent before its children."""


def tree_tokens(tree: Tree) -> int:
    """Tokens of a tree."""
    return sum(len(segment.tokens) for segment in tree)


def pack(trees: Sequence[Tree], row_tokens: int, *, rows_multiple: int = 1, is_fixed: bool = False) -> Packed:
    """First-fit decreasing: each tree in one row, longest first, in the first row with room.

    Segments are numbered in the order of trees and of their segments.

    Args:
        row_tokens: most tokens of a row; rows are as long as the longest tree.
        rows_multiple: empty rows are added up to a multiple of this, to limit the number of shapes.
        is_fixed: rows have exactly `row_tokens`, for the same reason.
    Raises: TrainingError: a tree is longer than a row, or a segment is empty.
    """
    sizes = np.array([tree_tokens(tree) for tree in trees], dtype=np.int64)
    segments = [segment for tree in trees for segment in tree]
    lengths = np.array([len(segment.tokens) for segment in segments], dtype=np.int64)
    longest, shortest = int(sizes.max(initial=1)), int(lengths.min(initial=1))
    if longest > row_tokens or shortest < 1:
        raise TrainingError(
            f"A sequence has {longest} tokens with all that shares its beginning, a segment {shortest}; expected at most "
            f"row_tokens = {row_tokens}, and at least 1. Raise row_tokens in the profile."
        )
    length = row_tokens if is_fixed else longest
    row, start = _first_fit(sizes, length)
    rows = -(-max(1, int(row.max(initial=0)) + 1) // rows_multiple) * rows_multiple
    ancestors, first_position = _ancestors(trees)
    tree_of = np.repeat(np.arange(len(trees)), [len(tree) for tree in trees])  # (N,)
    before = np.cumsum(lengths) - lengths  # (N,) tokens of all segments before
    tree_start = np.cumsum(sizes) - sizes  # of the trees, in tokens
    total = int(sizes.sum())
    owner_of = np.repeat(np.arange(len(segments)), lengths)  # (T,)
    place = np.arange(total) - before[owner_of]  # (T,) in its segment
    tree_of_token = tree_of[owner_of]
    flat_index = row[tree_of_token] * length + start[tree_of_token] + np.arange(total) - tree_start[tree_of_token]
    columns = [np.zeros(rows * length, dtype=np.int64) for _ in range(3)]
    owners = np.full(rows * length, NO_SEGMENT, dtype=np.int64)
    if total:
        columns[0][flat_index] = np.concatenate([segment.tokens for segment in segments])
        columns[1][flat_index] = first_position[owner_of] + place
        columns[2][flat_index] = np.array([KIND[segment.field] for segment in segments])[owner_of]
        owners[flat_index] = owner_of
    tokens, positions, kinds, owner = (torch.from_numpy(a.reshape(rows, length)) for a in (*columns, owners))
    return Packed(tokens, positions, kinds, owner, torch.from_numpy(ancestors))


def _ancestors(trees: Sequence[Tree]) -> tuple[Ints, Ints]:
    """(N, 2) segments before each segment, and (N,) position of its first token."""
    ancestors, first_position = list[tuple[int, int]](), list[int]()
    for tree in trees:
        offset = len(ancestors)
        for segment in tree:
            if segment.parent is None:
                ancestors.append((NO_ANCESTOR, NO_ANCESTOR))
                first_position.append(0)
            else:
                parent = offset + segment.parent
                ancestors.append((parent, ancestors[parent][0]))
                first_position.append(first_position[parent] + len(tree[segment.parent].tokens))
    return np.array(ancestors, dtype=np.int64).reshape(-1, 2), np.array(first_position, dtype=np.int64)


def _first_fit(sizes: Ints, room: int) -> tuple[Ints, Ints]:
    """(trees,) row and start of each tree."""
    row, start = np.zeros(len(sizes), dtype=np.int64), np.zeros(len(sizes), dtype=np.int64)
    free = np.full(len(sizes), room, dtype=np.int64)
    for index in np.argsort(-sizes, kind="stable"):
        place = int((free >= sizes[index]).argmax())
        row[index], start[index] = place, room - free[place]
        free[place] -= sizes[index]
    return row, start
