"""The critic against every control that reads code, on the twins of a store, for docs/critic.md.

    python benchmarks/critic.py STORE [--unseen 42 1729] [--page docs/critic.md]

STORE is an artifact store with `benchmark_problems`, `labelled_completions`, `execution_pack`, `problem_splits`, `rerank_pools`,
`library_functions` and `library_variants`, one build of each (or links under `latest/`). Critics of five folds and both seeds are
fitted; `--unseen` refits those of a seed for every operator family, seven times as long. Intervals: 2,000 resamples of problems.
"""

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sections import rewrite
from sklearn.metrics import roc_auc_score

from codelewm_assets.baselines.controls import surface_lr_scores
from codelewm_assets.baselines.pool_model import Pool, lm_pair_scores, pool_model_scores
from codelewm_assets.baselines.static import static_scores
from codelewm_assets.baselines.structure import structure_scores
from codelewm_assets.core.ids import BENCHMARKS, FOLDS, SEEDS
from codelewm_assets.core.records import LabelledCompletion, LibraryFunction, LibraryVariant, PoolMember, Problem
from codelewm_assets.core.tables import read_rows, read_table
from codelewm_assets.dataset.folds import ProblemSplit
from codelewm_assets.evaluation.bins import equal_width_bins, expected_calibration_error, summarise
from codelewm_assets.evaluation.bootstrap import interval_by_problem
from codelewm_assets.scorers.cross_fitting import cross_fitted_scores, equivalent_edits, unseen_operators
from codelewm_assets.scorers.examples import Example
from codelewm_assets.scorers.program_features import ProgramFeatures

PAGE = Path(__file__).resolve().parents[1] / "docs" / "critic.md"
RESAMPLES = 2000
CONTROLS = ("lm", "lm_pair", "pool_model", "static", "surface_lr")
Floats, Bools = NDArray[np.float64], NDArray[np.bool_]
Scores = Mapping[str, float]  # completion id → score; of controls that compare pools, pool members alone


@dataclass(frozen=True, slots=True)
class Data:
    """What the store holds."""

    problems: Mapping[str, Problem]
    folds: Mapping[int, list[LabelledCompletion]]
    fold_of: Mapping[str, int]
    examples: Mapping[int, list[Example]]
    members: Sequence[PoolMember]
    scored: frozenset[str]
    library: Sequence[Example]
    library_codes: Sequence[str]

    def by_id(self, scores: Mapping[int, Sequence[float]]) -> dict[str, float]:
        """Scores in the order of `folds` by completion id."""
        return {
            row.completion.completion_id: score
            for fold, rows in self.folds.items()
            for row, score in zip(rows, scores[fold], strict=True)
        }


def files(store: Path, kind: str, name: str) -> Iterator[Path]:
    """Files of the one build of an asset that the store has."""
    folder = store / "latest" / kind if (store / "latest" / kind).exists() else store / kind
    result = sorted(folder.rglob(name))
    if not result or len({path.relative_to(folder).parts[-2:] for path in result}) < len(result):
        sys.exit(f"{folder} has {len(result)} files {name}; expected those of one build. Build it, or prune the store.")
    yield from result


def load(store: Path) -> Data:
    """Read a store."""
    problems = {
        p.problem_id: p for f in files(store, "benchmark_problems", "problems.parquet") for p in read_table(f, Problem)
    }
    fold_of = {
        s.problem_id: s.fold
        for f in files(store, "problem_splits", "splits.parquet")
        for s in read_table(f, ProblemSplit)
    }
    folds: dict[int, list[LabelledCompletion]] = {fold: [] for fold in FOLDS}
    for path in files(store, "labelled_completions", "labelled.parquet"):
        for row in read_table(path, LabelledCompletion):
            if row.completion.problem_id in fold_of:
                folds[fold_of[row.completion.problem_id]].append(row)
    scored = frozenset(
        row["source_submission_id"]
        for path in files(store, "execution_pack", "pack.parquet")
        for row in read_rows(path, ["source_submission_id", "is_scored"])
        if row["is_scored"]
    )
    functions = {
        f.function_id: f
        for path in files(store, "library_functions", "functions.parquet")
        for f in read_table(path, LibraryFunction)
    }
    variants = [
        v for path in files(store, "library_variants", "variants.parquet") for v in read_table(path, LibraryVariant)
    ]
    return Data(
        problems,
        folds,
        fold_of,
        {
            fold: [
                Example(
                    row.completion.code, problems[row.completion.problem_id].prompt, row.passed, row.completion.problem_id,
                    row.completion.twin, row.completion.operator_family if row.completion.completion_kind == "mutant_1" else "",
                    is_scored=row.completion.completion_id in scored,
                )
                for row in rows
            ]
            for fold, rows in folds.items()
        },
        [m for f in files(store, "rerank_pools", "pools.parquet") for m in read_table(f, PoolMember) if m.pool_kind == "twin"],
        scored,
        [
            Example(
                v.code, functions[v.function_id].prompt, v.passed, v.function_id, v.twin, v.family if v.kind == "mutant" else "",
                is_library=True,
            )
            for v in variants
            if v.twin is not None
        ],
        [function.code for function in functions.values()],
    )  # fmt: skip


def control_scores(data: Data, features: ProgramFeatures) -> dict[str, Scores]:
    """Every control: static and surface_lr fitted on the three train folds, pool_model on the four others."""
    codes = {row.completion.completion_id: row.completion.code for rows in data.folds.values() for row in rows}
    scores: dict[str, dict[str, float]] = defaultdict(dict)
    means = features.model.mean_surprisals(list(codes.values()))
    scores["lm"] = {name: -mean for name, mean in zip(codes, means, strict=True)}
    for fold in FOLDS:
        train = [e for other in FOLDS if other not in (fold, (fold + 1) % 5) for e in data.examples[other]]
        own = [row.completion.completion_id for row in data.folds[fold] if row.completion.completion_id in data.scored]
        given = [e.code for e in train], [e.passed for e in train], [codes[name] for name in own]
        for control, values in (
            ("static", static_scores(features.model, *given)),
            ("surface_lr", surface_lr_scores(*given)),
        ):
            scores[control] |= {name: value for name, value in zip(own, values, strict=True) if value is not None}
    orders = structure_scores(data.members, codes, {})
    pools = dict[str, Pool]()
    members: dict[str, list[PoolMember]] = defaultdict(list)
    for member in data.members:
        members[member.pool_id].append(member)
    for pool_id, rows in members.items():
        problem = rows[0].problem_id
        pools[pool_id] = Pool(
            [codes[m.completion_id] for m in rows], [m.passed for m in rows], data.problems[problem].prompt, data.fold_of[problem],
            orders[pool_id],
        )  # fmt: skip
    for pool_id, values in pool_model_scores(features.model, pools).items():
        pair = lm_pair_scores(features.model, pools[pool_id].codes)
        for member, value, other in zip(members[pool_id], values, pair, strict=True):
            scores["pool_model"][member.completion_id] = value
            scores["lm_pair"][member.completion_id] = float(other or 0.0)
    return dict(scores)


def pool_figures(data: Data, scores: Scores, chosen: Callable[[str], bool]) -> dict[str, tuple[str, float, float]]:
    """Pool id → (problem, pass@1 with shared ties, within-pool AUC) of the pools of the chosen problems."""
    pools: dict[str, list[PoolMember]] = defaultdict(list)
    for member in data.members:
        if chosen(member.problem_id) and member.completion_id in scores:
            pools[member.pool_id].append(member)
    figures = dict[str, tuple[str, float, float]]()
    for pool_id, rows in pools.items():
        values, passed = np.array([scores[m.completion_id] for m in rows]), np.array([m.passed for m in rows])
        right, wrong = values[passed], values[~passed]
        auc = float(((right[:, None] > wrong) + 0.5 * (right[:, None] == wrong)).mean())
        figures[pool_id] = rows[0].problem_id, float(passed[values == values.max()].mean()), auc
    return figures


def interval(problems: Sequence[str], values: Sequence[float], *, percent: bool = False) -> str:
    """Mean of the rows and its 95% interval by problem."""
    array = np.array(values) * (100 if percent else 1)
    bounds = interval_by_problem(problems, lambda rows: float(array[rows].mean()), resamples=RESAMPLES)
    if bounds is None:
        return "-"
    shown = "{:+.1f} [{:.1f}, {:.1f}]" if percent else "{:.3f} [{:.3f}, {:.3f}]"
    return shown.format(float(array.mean()), *bounds)


def twin_table(data: Data, all_scores: Mapping[str, Scores]) -> Iterator[str]:
    """A row for each score and benchmark, then lifts."""
    yield "| benchmark | score | pass@1 | within-pool AUC | ROC-AUC | ECE |"
    yield "|---|---|---|---|---|---|"
    labels = {row.completion.completion_id: row.passed for rows in data.folds.values() for row in rows}
    for benchmark in BENCHMARKS:

        def chosen(problem: str, benchmark: str = benchmark) -> bool:
            return data.problems[problem].benchmark_id == benchmark

        for name, scores in all_scores.items():
            figures = list(pool_figures(data, scores, chosen).values())
            problems = [problem for problem, _, _ in figures]
            ids = [i for i in sorted(data.scored & scores.keys()) if chosen(i_problem(data, i))]
            values, passed = np.array([scores[i] for i in ids]), np.array([labels[i] for i in ids])
            roc = interval_by_problem(
                [i_problem(data, i) for i in ids], partial(_roc_of_rows, values, passed), resamples=500
            )
            error = "-"
            if values.min() >= 0 and values.max() <= 1:
                error = f"{expected_calibration_error(summarise(values, passed, equal_width_bins(values))):.3f}"
            shown = (
                "-"
                if name in ("pool_model", "lm_pair") or roc is None
                else f"{_roc(values, passed):.3f} [{roc[0]:.3f}, {roc[1]:.3f}]"
            )
            tops, aucs = (interval(problems, [one[place] for one in figures]) for place in (1, 2))
            yield f"| {benchmark} | `{name}` | {tops} | {aucs} | {shown} | {error} |"
    yield ""
    yield "| benchmark | lift in pass@1, points, over | " + " | ".join(f"`critic` {seed}" for seed in SEEDS) + " |"
    yield "|---|---|" + "---|" * len(SEEDS)
    for benchmark in BENCHMARKS:

        def chosen(problem: str, benchmark: str = benchmark) -> bool:
            return data.problems[problem].benchmark_id == benchmark

        for control in CONTROLS:
            against = pool_figures(data, all_scores[control], chosen)
            cells = []
            for seed in SEEDS:
                own = pool_figures(data, all_scores[f"critic {seed}"], chosen)
                shared = sorted(own.keys() & against.keys())
                cells.append(
                    interval([own[p][0] for p in shared], [own[p][1] - against[p][1] for p in shared], percent=True)
                )
            yield f"| {benchmark} | `{control}` | {' | '.join(cells)} |"


def _roc_of_rows(values: Floats, passed: Bools, rows: NDArray[np.int64]) -> float | None:
    return _roc(values[rows], passed[rows])


def _roc(values: Floats, passed: Bools) -> float | None:
    return float(roc_auc_score(passed, values)) if 0 < passed.sum() < len(passed) else None


def i_problem(data: Data, completion_id: str, known: dict[int, dict[str, str]] = {}) -> str:  # noqa: B006
    """The problem of a completion."""
    if id(data) not in known:
        known[id(data)] = {
            r.completion.completion_id: r.completion.problem_id for rows in data.folds.values() for r in rows
        }
    return known[id(data)][completion_id]


def equivalent_table(data: Data, all_scores: Mapping[str, Scores]) -> Iterator[str]:
    """AUC of the unedited over the edited side where both pass."""
    yield "| score | pairs, problems | the pair's unedited side above | any unedited above any edited |"
    yield "|---|---|---|---|"
    for name, scores in all_scores.items():
        by_fold = {f: [scores.get(r.completion.completion_id, np.nan) for r in rows] for f, rows in data.folds.items()}
        rows = [
            row
            for row in equivalent_edits(data.examples, by_fold)
            if np.isfinite(row.unedited_score + row.edited_score)
        ]
        if not rows:
            continue
        problems = [data.examples[row.fold][row.edited].group for row in rows]
        pair = [(r.unedited_score > r.edited_score) + 0.5 * (r.unedited_score == r.edited_score) for r in rows]
        values = np.array([(r.unedited_score, r.edited_score) for r in rows])

        def pooled(chosen: NDArray[np.int64], values: Floats = values) -> float:
            return float(roc_auc_score(np.repeat([1, 0], len(chosen)), values[chosen].T.ravel()))

        bounds = interval_by_problem(problems, pooled, resamples=500)
        shown = "-" if bounds is None else f"{pooled(np.arange(len(rows))):.3f} [{bounds[0]:.3f}, {bounds[1]:.3f}]"
        yield f"| `{name}` | {len(rows)}, {len(set(problems))} | {interval(problems, pair)} | {shown} |"


def unseen_table(data: Data, features: ProgramFeatures, lm: Scores, seeds: Sequence[int]) -> Iterator[str]:
    """pass@1 on twins of a family that no part of the critic saw, by seed."""
    yield "| seed | family | problems | `critic` | `lm` | difference, points |"
    yield "|---|---|---|---|---|---|"
    for seed in seeds:
        scores: dict[str, dict[str, float]] = defaultdict(dict)
        for row in unseen_operators(features, data.examples, data.library, seed=seed):
            scores[row.family][data.folds[row.fold][row.index].completion.completion_id] = row.score
        differences = dict[str, list[tuple[str, float]]]()
        for family, own in sorted(scores.items()):
            critic, control = (pool_figures(data, s, lambda _: True) for s in (own, {i: lm[i] for i in own if i in lm}))
            shared = sorted(critic.keys() & control.keys())
            if not shared:
                continue
            differences[family] = [(critic[p][0], critic[p][1] - control[p][1]) for p in shared]
            problems = [problem for problem, _ in differences[family]]
            means = [float(np.mean([figures[p][1] for p in shared])) for figures in (critic, control)]
            yield (
                f"| {seed} | {family} | {len(set(problems))} | {means[0]:.3f} | {means[1]:.3f} "
                f"| {interval(problems, [d for _, d in differences[family]], percent=True)} |"
            )
        rows = [(problem, family, value) for family, own in differences.items() for problem, value in own]
        families, values = np.array([family for _, family, _ in rows]), np.array([100 * value for _, _, value in rows])

        def mean_of_families(chosen: NDArray[np.int64], families: NDArray[np.str_] = families,
                             values: Floats = values) -> float:  # fmt: skip
            return float(
                np.mean([values[chosen][families[chosen] == f].mean() for f in set(families[chosen].tolist())])
            )

        bounds = interval_by_problem([problem for problem, _, _ in rows], mean_of_families, resamples=RESAMPLES)
        shown = "-" if bounds is None else f"[{bounds[0]:.1f}, {bounds[1]:.1f}]"
        yield f"| {seed} | **mean over families** | | | | {mean_of_families(np.arange(len(rows))):+.1f} {shown} |"


def main() -> None:
    """Fit, score and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument(
        "--unseen", nargs="*", type=int, choices=SEEDS, default=[], help="seeds to refit without each family"
    )
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args()
    started = time.perf_counter()
    data = load(options.store)
    features = ProgramFeatures.fit(data.library_codes)
    every = [e for rows in (*data.examples.values(), data.library) for e in rows]
    features.dense([e.code for e in every], [e.prompt for e in every])
    features.ngrams([e.code for e in every])
    read_s = time.perf_counter() - started
    critics = {
        f"critic {seed}": data.by_id(cross_fitted_scores(features, data.examples, data.library, seed=seed))
        for seed in SEEDS
    }
    fit_s = time.perf_counter() - started - read_s
    scores: dict[str, Scores] = {**critics, **control_scores(data, features)}
    size = f"{len(data.fold_of)} problems, {sum(map(len, data.folds.values()))} completions, {len(data.scored)} of them scored, "
    lines = [
        f"`benchmarks/critic.py STORE`: {size}{len(data.library_codes)} library functions, {len(data.library)} variants of them. "
        f"Reading programs took {read_s:.0f} s, the critics of five folds and two seeds {fit_s:.0f} s, on one busy core.", "",
        *twin_table(data, scores), "", *equivalent_table(data, scores),
    ]  # fmt: skip
    if options.unseen:
        lines += ["", *unseen_table(data, features, scores["lm"], options.unseen)]
    rewrite("critic", lines, options.page)


if __name__ == "__main__":
    main()
