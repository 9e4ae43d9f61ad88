"""Whether the predicted latent finds the output that the program really gave among other held-out outputs."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from codelewm_assets.core.digests import unit_interval
from codelewm_assets.evaluation.heldout import HeldoutRecord
from codelewm_assets.evaluation.records import RetrieverName, RetrievalReport, RetrievalScores

MOST_QUERIES = 1000
CANDIDATES = 64


def retrieval_report(
    records: Sequence[HeldoutRecord], latents: Mapping[str, NDArray[np.float32]], *, seed: int
) -> RetrievalReport:
    """Recall@1 and MRR among 64 distinct outputs, the real one and others of the same fold drawn by hash.

    Queries are up to 1000 records whose program returned. Ties share: the expected figure over random orders.
    Args: latents: `z_pred`, `z_pred_no_action`, `z_pred_shuffled_action`, `z_out`, each (N, D), rows as `records`.
    """
    at = {record.record_id: place for place, record in enumerate(records)}
    returned = [r for r in records if r.execution_status in ("pass", "wrong_output")]
    queries = sorted(returned, key=lambda r: unit_interval("retrieval", r.record_id))[:MOST_QUERIES]
    candidates = {fold: _distinct([r for r in returned if r.fold == fold], at) for fold in {r.fold for r in returned}}
    if not queries or min(len(found) for found in candidates.values()) < 2:
        return RetrievalReport(seed=seed, query_count=0, candidates_per_query=0, scores=None)
    names: dict[RetrieverName, str] = {
        "model": "z_pred",
        "no_action": "z_pred_no_action",
        "shuffled_action": "z_pred_shuffled_action",
    }
    ranks: dict[RetrieverName, list[tuple[float, float]]] = {name: [] for name in names}
    sizes = []
    for query in queries:
        own = candidates[query.fold]
        others = sorted((o for o in own if o != query.output), key=lambda o: unit_interval(query.record_id, o))
        rows = [own[query.output], *(own[o] for o in others[: CANDIDATES - 1])]
        sizes.append(len(rows))
        targets = latents["z_out"][rows]  # (C, D), the real one first
        for name, array in names.items():
            similarity = targets @ latents[array][at[query.record_id]]  # (C,)
            ranks[name].append(_shares(similarity))
    scores: dict[RetrieverName, RetrievalScores] = {
        name: RetrievalScores(
            recall_at_1=float(np.mean([r for r, _ in found])), mrr=float(np.mean([m for _, m in found]))
        )
        for name, found in ranks.items()
    }
    return RetrievalReport(seed=seed, query_count=len(queries), candidates_per_query=max(sizes), scores=scores)


def _distinct(records: Sequence[HeldoutRecord], at: Mapping[str, int]) -> dict[str, int]:
    """Output checksum → the row of one record that gave it."""
    return {record.output: at[record.record_id] for record in sorted(records, key=lambda r: r.record_id, reverse=True)}


def _shares(similarity: NDArray[np.float32]) -> tuple[float, float]:
    """(recall@1, reciprocal rank) of the first entry, ties shared."""
    above = int((similarity > similarity[0]).sum())
    tied = int((similarity == similarity[0]).sum())
    recall = 1 / tied if above == 0 else 0.0
    return recall, float(np.mean([1 / (above + place) for place in range(1, tied + 1)]))
