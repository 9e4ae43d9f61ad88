"""Retrieval of the real output among other held-out outputs by the predicted latent."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from codelewm_assets.baselines.controls import overlap, words
from codelewm_assets.core.digests import unit_interval
from codelewm_assets.core.records import PackRow
from codelewm_assets.evaluation.bootstrap import bounded_interval, resampled_means
from codelewm_assets.evaluation.reports import Lift, RetrievalReport, RetrievalScores, RetrieverName
from codelewm_assets.evaluation.rows import HeldoutRecord

MAX_QUERIES = 1000
CANDIDATES = 64
LATENTS: dict[RetrieverName, str] = {
    "model": "z_pred",
    "no_action": "z_pred_no_action",
    "shuffled_action": "z_pred_shuffled_action",
}
FIGURES = ("recall_at_1", "recall_at_5", "recall_at_10", "mrr")


def retrieval_report(
    records: Sequence[HeldoutRecord],
    latents: Mapping[str, NDArray[np.float32]],
    rows: Mapping[str, PackRow],
    *,
    seed: int,
    resamples: int,
) -> RetrievalReport:
    """Recall at 1, 5, 10 and MRR among 64 distinct outputs, the real one and others of the same fold drawn by hash.

    Queries are up to 1000 records whose program returned. Ties share: the expected figure over random orders. `lexical` orders
    by the Jaccard of words of program and input against output; `random` ties everything. Lifts over the controls are in
    hundredths, with 95% intervals over problems.
    Args: latents: `z_pred`, `z_pred_no_action`, `z_pred_shuffled_action`, `z_out`, each (N, D), rows as `records`.
        rows: pack rows by record id.
    """
    row_of = {record.record_id: row for row, record in enumerate(records)}
    returned = [r for r in records if r.execution_status in ("pass", "wrong_output")]
    queries = sorted(returned, key=lambda r: unit_interval("retrieval", r.record_id))[:MAX_QUERIES]
    candidates = {
        fold: _distinct([r for r in returned if r.fold == fold], row_of) for fold in {r.fold for r in returned}
    }
    if not queries or min(len(values) for values in candidates.values()) < 2:
        return RetrievalReport(seed=seed, query_count=0, candidates_per_query=0, scores=None)
    shares: dict[RetrieverName, list[list[float]]] = {name: [] for name in (*LATENTS, "lexical", "random")}
    output_words = {
        p: words(rows[records[p].record_id].output_tokens) for of_fold in candidates.values() for p in of_fold.values()
    }
    sizes = []
    for query in queries:
        of_fold = candidates[query.fold]
        others = sorted((o for o in of_fold if o != query.output), key=lambda o: unit_interval(query.record_id, o))
        chosen = [of_fold[query.output], *(of_fold[o] for o in others[: CANDIDATES - 1])]
        sizes.append(len(chosen))
        targets = latents["z_out"][chosen]  # (C, D), the real one first
        for name, array in LATENTS.items():
            shares[name].append(_shares(targets @ latents[array][row_of[query.record_id]]))  # (C,)
        query_words = words(f"{rows[query.record_id].code_tokens} {rows[query.record_id].input_tokens}")
        shares["lexical"].append(
            _shares(np.array([overlap(query_words, output_words[row]) for row in chosen], dtype=np.float32))
        )
        shares["random"].append(_shares(np.zeros(len(chosen), dtype=np.float32)))
    figures = {name: np.array(values) for name, values in shares.items()}  # (Q, 4)
    problems = [query.problem_id for query in queries]
    return RetrievalReport(
        seed=seed,
        query_count=len(queries),
        candidates_per_query=max(sizes),
        scores={
            name: RetrievalScores(**dict(zip(FIGURES, values.mean(axis=0).tolist(), strict=True)))
            for name, values in figures.items()
        },
        lift={
            name: _lifts(figures["model"] - values, problems, resamples)
            for name, values in figures.items()
            if name != "model"
        },
    )


def _distinct(records: Sequence[HeldoutRecord], row_of: Mapping[str, int]) -> dict[str, int]:
    """Output checksum → the row of one record that gave it."""
    return {
        record.output: row_of[record.record_id] for record in sorted(records, key=lambda r: r.record_id, reverse=True)
    }


def _shares(similarity: NDArray[np.float32]) -> list[float]:
    """Recall at 1, 5, 10 and reciprocal rank of the first entry, ties shared. Args: similarity: (C,)."""
    above = int((similarity > similarity[0]).sum())
    tied = int((similarity == similarity[0]).sum())
    recall = [min(max(most - above, 0), tied) / tied for most in (1, 5, 10)]
    return [*recall, float(np.mean(1 / np.arange(above + 1, above + tied + 1)))]


def _lifts(difference: NDArray[np.float64], problems: Sequence[str], resamples: int) -> dict[str, Lift]:
    """Mean differences (Q, 4) of recall@1 and MRR, problems drawn whole."""
    distinct, code = np.unique(problems, return_inverse=True)
    sums = np.stack([np.bincount(code, weights=row) for row in difference.T])  # (4, P)
    drawn = resampled_means(sums.astype(np.float64), np.bincount(code).astype(np.float64), resamples=resamples)
    return {
        name: Lift(
            points=float(100 * difference[:, i].mean()),
            ci95=bounded_interval(100 * drawn[:, i], problems=len(distinct), lowest=-100, highest=100),
            problem_count=len(distinct),
        )
        for i, name in enumerate(FIGURES)
        if name in ("recall_at_1", "mrr")
    }
