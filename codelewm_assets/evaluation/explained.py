"""R² of predicted latents against the real outputs' latents. Shapes: N records, D dimensions."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from codelewm_assets.evaluation.intervals import Clusters, clustered_interval
from codelewm_assets.evaluation.reports import Difference

Floats = NDArray[np.float64]


def explained_variance(predicted: NDArray[np.float32], real: NDArray[np.float32]) -> tuple[float, Floats] | None:
    """(R², influences (N,)): 1 - Σ|predicted - real|² / Σ|real - mean|². None when all real latents are the same.

    Scaling both latents changes nothing, so a small spread does not look like a good prediction.
    """
    if not len(real):
        return None
    wrong = ((predicted.astype(np.float64) - real) ** 2).sum(axis=1)  # (N,)
    spread = ((real - real.mean(axis=0, dtype=np.float64)) ** 2).sum(axis=1)  # (N,)
    total = float(spread.sum())
    if total < 1e-12:
        return None
    value = 1 - float(wrong.sum()) / total
    return value, -(wrong - (1 - value) * spread) / total


def explained_figures(
    trained: tuple[NDArray[np.float32], NDArray[np.float32]],
    untrained: tuple[NDArray[np.float32], NDArray[np.float32]],
    problems: Sequence[str],
) -> dict[str, object]:
    """The R² fields of `CollapseReport`, intervals clustered by problem; empty where R² is undefined.

    Args:
        trained, untrained: predicted and real latents of the same records, (N, D) each, by the network after and before training.
        problems: of the records.
    """
    ours, before = explained_variance(*trained), explained_variance(*untrained)
    if ours is None:
        return {}
    clusters = Clusters.of(np.unique(list(problems), return_inverse=True)[1].astype(np.int64))
    figures: dict[str, object] = {"r2": ours[0], "r2_ci95": clustered_interval(*ours, clusters)}
    if before is not None:
        interval = clustered_interval(ours[0] - before[0], ours[1] - before[1], clusters)
        over = None if interval is None else Difference(difference=ours[0] - before[0], ci95=interval)
        figures |= {"untrained_r2": before[0], "over_untrained": over.model_dump(mode="json") if over else None}
    return figures
