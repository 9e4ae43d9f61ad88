"""Fitted regression trees as plain arrays: what a booster predicts with, without the objects that it was fitted by."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# T trees, M nodes of the largest


@dataclass(frozen=True, slots=True)
class Trees:
    """A sum of regression trees. A leaf is its own left and right child.

    Attributes:
        baseline: (1,) added to the sum.
        column, left, right: (T, M).
        threshold: (T, M); a row goes left where its column is at most this.
        value: (T, M) of leaves.
    """

    baseline: Floats
    column: Ints
    threshold: Floats
    left: Ints
    right: Ints
    value: Floats

    @classmethod
    def of(cls, booster: Any) -> "Trees":
        """The trees of a fitted binary HistGradientBoostingClassifier without categories.

        scikit-learn gives no public access to them; a test compares `decision` with its own.
        """
        nodes = [tree.nodes for (tree,) in booster._predictors]
        size = max(map(len, nodes))

        def table(name: str) -> NDArray[Any]:
            return np.stack([np.pad(one[name], (0, size - len(one))) for one in nodes])

        leaf, own = table("is_leaf").astype(bool), np.broadcast_to(np.arange(size), (len(nodes), size))
        return cls(
            np.asarray(booster._baseline_prediction, dtype=np.float64).reshape(1),
            table("feature_idx").astype(np.int64),
            np.where(leaf, 0.0, table("num_threshold")),
            np.where(leaf, own, table("left")).astype(np.int64),
            np.where(leaf, own, table("right")).astype(np.int64),
            table("value").astype(np.float64),
        )

    def decision(self, rows: Floats) -> Floats:
        """(N,) log-odds. Args: rows: (N, D) finite."""
        total = np.full(len(rows), self.baseline[0])
        row = np.arange(len(rows))
        for tree in range(len(self.column)):
            node = np.zeros(len(rows), dtype=np.int64)
            while True:
                goes_left = rows[row, self.column[tree, node]] <= self.threshold[tree, node]
                below = np.where(goes_left, self.left[tree, node], self.right[tree, node])
                if np.array_equal(below, node):
                    break
                node = below
            total += self.value[tree, node]
        return total

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Name → array; `from_arrays` reads them."""
        return {f"tree_{name}": getattr(self, name) for name in NAMES}

    @classmethod
    def from_arrays(cls, stored: Mapping[str, NDArray[Any]]) -> "Trees":
        """Raises: KeyError: an array is missing."""
        return cls(*(stored[f"tree_{name}"] for name in NAMES))


NAMES = ("baseline", "column", "threshold", "left", "right", "value")
