"""Score rows as columns: what metrics of a million rows are computed from. Shapes: N rows."""

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray

from codelewm_assets.evaluation.intervals import Clusters
from codelewm_assets.evaluation.rows import ScoreRow

Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Labels:
    """A text column as codes into its sorted distinct values; -1 where a row has none."""

    names: tuple[str, ...]
    codes: Codes

    def where(self, name: str) -> NDArray[np.bool_]:
        """(N,) which rows have this value; none when no row has it."""
        return np.asarray(self.codes == (self.names.index(name) if name in self.names else -2))


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """Columns of score rows in the order of benchmark, problem, pool and completion, whatever the order they came in.

    Attributes:
        passed: (N,) bool.
        share: (N,) share of inputs passed; 1 or 0 by `passed` if the row has none.
        problem, pool: (N,) codes; distinct for problems of different benchmarks and pools of different problems.
        scores: name → (N,) float64, NaN if not finite.
        missing: name → (N,) bool, where the row has no such score or null.
        level: name → (N,) rank of the score among the distinct ones, lowest first; meaningless where the score is NaN.
        clusters: of the rows by problem.
    """

    passed: NDArray[np.bool_]
    share: NDArray[np.float64]
    problem: Codes
    pool: Codes
    benchmark: Labels
    completion_kind: Labels
    operator_family: Labels
    scores: Mapping[str, NDArray[np.float64]]
    missing: Mapping[str, NDArray[np.bool_]]
    level: Mapping[str, Codes]
    clusters: Clusters

    def __len__(self) -> int:
        return len(self.passed)

    @property
    def problem_count(self) -> int:
        """Distinct problems."""
        return self.clusters.count

    @classmethod
    def of(cls, rows: Iterable[ScoreRow]) -> "ScoreTable":
        """Columns of rows; rows are read once and not kept."""
        builder = _Builder()
        for row in rows:
            builder.add(row)
        return builder.table()

    def take(self, chosen: NDArray[np.bool_]) -> "ScoreTable":
        """The rows where `chosen` (N,) is true."""

        def cut(labels: Labels) -> Labels:
            return Labels(labels.names, labels.codes[chosen])

        return ScoreTable(
            self.passed[chosen],
            self.share[chosen],
            self.problem[chosen],
            self.pool[chosen],
            cut(self.benchmark),
            cut(self.completion_kind),
            cut(self.operator_family),
            {name: values[chosen] for name, values in self.scores.items()},
            {name: values[chosen] for name, values in self.missing.items()},
            {name: values[chosen] for name, values in self.level.items()},
            Clusters.of(self.problem[chosen]),
        )


class _Column:
    """Codes of texts in the order in which they first came; `None` is -1."""

    def __init__(self) -> None:
        self._known: dict[str | tuple[str, ...], int] = {}
        self._codes = array("q")

    def add(self, value: str | tuple[str, ...] | None) -> None:
        self._codes.append(-1 if value is None else self._known.setdefault(value, len(self._known)))

    def sorted(self) -> tuple[list[str | tuple[str, ...]], Codes]:
        """(distinct values in order, codes into them)."""
        names = sorted(self._known, key=lambda name: (name,) if isinstance(name, str) else name)
        rank = np.empty(len(names) + 1, dtype=np.int64)
        rank[-1] = -1
        rank[[self._known[name] for name in names]] = np.arange(len(names))
        return names, rank[np.frombuffer(self._codes, dtype=np.int64)] if self._codes else np.zeros(0, dtype=np.int64)


class _Builder:
    def __init__(self) -> None:
        self._passed, self._share = array("b"), array("d")
        self._columns = {name: _Column() for name in ("completion", "problem", "pool", "benchmark", "kind", "family")}
        self._scores: dict[str, array[float]] = {}
        self._missing: dict[str, array[int]] = {}  # rows without the score

    def add(self, row: ScoreRow) -> None:
        row_count, columns, row_scores = len(self._passed), self._columns, row.scores
        self._passed.append(row.passed)
        self._share.append(row.share)
        columns["completion"].add(row.completion_id)
        columns["problem"].add((row.benchmark_id, row.problem_id))
        columns["pool"].add((row.benchmark_id, row.problem_id, row.pool_id or ""))
        columns["benchmark"].add(row.benchmark_id)
        columns["kind"].add(row.completion_kind)
        columns["family"].add(row.operator_family)
        if row_scores.keys() - self._scores.keys():
            for name in row_scores.keys() - self._scores.keys():
                self._scores[name], self._missing[name] = array("d", [nan] * row_count), array("q", range(row_count))
        for name, scores in self._scores.items():
            value = row_scores.get(name)
            if value is None:
                self._missing[name].append(row_count)
                value = nan
            scores.append(value)

    def table(self) -> ScoreTable:
        columns = {name: column.sorted() for name, column in self._columns.items()}
        order = np.lexsort([columns[name][1] for name in ("completion", "pool", "problem", "benchmark")])

        def labels(name: str) -> Labels:
            names, codes = columns[name]
            return Labels(tuple(str(part) for part in names), codes[order])

        scores = {name: _finite(np.array(self._scores[name])[order]) for name in sorted(self._scores)}
        problem = columns["problem"][1][order]
        return ScoreTable(
            np.array(self._passed, dtype=bool)[order],
            np.array(self._share, dtype=np.float64)[order],
            problem,
            columns["pool"][1][order],
            labels("benchmark"),
            labels("kind"),
            labels("family"),
            scores,
            {name: self._is_missing(name)[order] for name in scores},
            {name: np.unique(column, return_inverse=True)[1].astype(np.int64) for name, column in scores.items()},
            Clusters.of(problem),
        )

    def _is_missing(self, name: str) -> NDArray[np.bool_]:
        missing = np.zeros(len(self._passed), dtype=bool)
        missing[np.array(self._missing[name], dtype=np.int64)] = True
        return missing


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isfinite(values), values, np.nan)
