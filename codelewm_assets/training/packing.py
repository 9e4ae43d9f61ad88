"""Documents packed end to end into rows of a fixed number of tokens. Shapes: N documents, R rows, S tokens a row."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from codelewm_assets.core.errors import TrainingError
from codelewm_assets.training.tokenize import FIELDS

KIND = {name: number for number, name in enumerate(FIELDS)}
NO_DOCUMENT = -1  # in `documents`: no document's token
Ints = NDArray[np.int64]
Document = tuple[str, NDArray[np.integer]]
"""A field of `FIELDS`, and its tokens (length,)."""


@dataclass(frozen=True, slots=True)
class Packed:
    """Rows of tokens with the document of each token.

    Attributes:
        tokens, positions, kinds: (R, S) token, position in its document from 0, and field's number; 0 for padding.
        documents: (R, S) index of the token's document, `NO_DOCUMENT` for padding.
        count: N.
    """

    tokens: Tensor
    positions: Tensor
    kinds: Tensor
    documents: Tensor
    count: int

    @property
    def token_count(self) -> int:
        """Tokens of all documents, without padding."""
        return int((self.documents != NO_DOCUMENT).sum())

    def to(self, device: str) -> "Packed":
        """The same on a device."""
        arrays = (self.tokens, self.positions, self.kinds, self.documents)
        tokens, positions, kinds, documents = (array.to(device, non_blocking=True) for array in arrays)
        return Packed(tokens, positions, kinds, documents, self.count)


def pack(documents: Sequence[Document], row_tokens: int, *, rows_multiple: int = 1) -> Packed:
    """First-fit decreasing: each document in one row, longest first, in the first row with room.

    Args:
        row_tokens: S.
        rows_multiple: empty rows are added up to a multiple of this, to limit the number of shapes.
    Raises: TrainingError: a document is longer than a row, or empty.
    """
    sizes = np.array([len(tokens) for _, tokens in documents], dtype=np.int64)
    if len(sizes) and (sizes.max() > row_tokens or sizes.min() < 1):
        raise TrainingError(
            f"A document has {sizes.max()} tokens, another {sizes.min()}; expected 1 to row_tokens = {row_tokens}. "
            "Raise row_tokens in the profile to its longest length."
        )
    row, start = _first_fit(sizes, row_tokens)
    rows = -(-max(1, int(row.max(initial=0)) + 1) // rows_multiple) * rows_multiple
    total = int(sizes.sum())
    places = np.arange(total) - np.repeat(np.cumsum(sizes) - sizes, sizes)  # (T,) place in the document
    flat_index = np.repeat(row * row_tokens + start, sizes) + places  # (T,) where each token goes
    columns = [np.zeros(rows * row_tokens, dtype=np.int64) for _ in range(3)]
    owner = np.full(rows * row_tokens, NO_DOCUMENT, dtype=np.int64)
    if total:
        columns[0][flat_index] = np.concatenate([tokens for _, tokens in documents])
        columns[1][flat_index] = places
        columns[2][flat_index] = np.repeat([KIND[field] for field, _ in documents], sizes)
        owner[flat_index] = np.repeat(np.arange(len(documents)), sizes)
    tokens, positions, kinds, owners = (torch.from_numpy(a.reshape(rows, row_tokens)) for a in (*columns, owner))
    return Packed(tokens, positions, kinds, owners, len(documents))


def _first_fit(sizes: Ints, room: int) -> tuple[Ints, Ints]:
    """(N,) row and start of each document."""
    row, start = np.zeros(len(sizes), dtype=np.int64), np.zeros(len(sizes), dtype=np.int64)
    free = np.full(len(sizes), room, dtype=np.int64)
    for index in np.argsort(-sizes, kind="stable"):
        place = int((free >= sizes[index]).argmax())
        row[index], start[index] = place, room - free[place]
        free[place] -= sizes[index]
    return row, start
