"""Inspection of trained weights: the tensor table, finiteness, and collapse diagnostics of the latents.

Shapes: N latents, D dimensions.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from codelewm_assets.core.digests import unit_interval
from codelewm_assets.core.records import Record
from codelewm_assets.store.store import Artifact
from codelewm_assets.training.progress import DIAGNOSTICS
from codelewm_assets.training.sidecar import weights_path

MAX_LATENTS = 1000
MAX_HELD_OUT = 400  # records of a fold, for R²: each is predicted by two networks


class TensorRow(Record):
    """One tensor of a checkpoint."""

    fold: int
    name: str
    shape: str
    dtype: str
    parameters: int
    minimum: float | None  # None, like the next four, when the tensor holds a non-finite number
    mean: float | None
    std: float | None
    maximum: float | None
    l2_norm: float | None
    is_finite: bool


class CollapseDiagnostics(Record):
    """Spread of a set of latents. All None with fewer than 16 latents."""

    latent_count: int
    effective_rank_ratio: float | None
    median_variance: float | None
    neighbour_entropy: float | None


def tensor_table(checkpoint: Artifact, folds: tuple[int, ...]) -> list[TensorRow]:
    """Every tensor of every fold's weights."""
    rows = []
    for fold in folds:
        for name, tensor in sorted(load_file(checkpoint.path(weights_path(fold))).items()):
            is_finite, exact = bool(np.isfinite(tensor).all()), tensor.astype(np.float64)
            figures = {"minimum": exact.min, "mean": exact.mean, "std": exact.std, "maximum": exact.max,
                       "l2_norm": lambda exact=exact: np.linalg.norm(exact)}  # fmt: skip
            rows.append(
                TensorRow(
                    fold=fold,
                    name=name,
                    shape="×".join(map(str, tensor.shape)) or "scalar",
                    dtype=str(tensor.dtype),
                    parameters=int(tensor.size),
                    is_finite=is_finite,
                    **{key: float(figure()) if is_finite else None for key, figure in figures.items()},
                )
            )
    return rows


def collapse_diagnostics(latents: NDArray[np.float32]) -> CollapseDiagnostics:
    """Spread of latents.

    Args:
        latents: (N, D) float32.

    Returns:
        effective_rank_ratio: exp(entropy of the normalised singular values of the centred latents) / min(N, D), in (0, 1].
        median_variance: median over dimensions of the variance.
        neighbour_entropy: entropy of which latent is nearest to the others, over log N, in [0, 1].
    Source: Roy & Vetterli 2007, "The effective rank"; the thresholds stand in claims/register.py.
    """
    count = len(latents)
    if count < 16 or not np.isfinite(latents).all():
        return CollapseDiagnostics(
            latent_count=count, effective_rank_ratio=None, median_variance=None, neighbour_entropy=None
        )
    centred = latents.astype(np.float64) - latents.mean(axis=0, dtype=np.float64)  # (N, D)
    singular = np.linalg.svd(centred, compute_uv=False)  # (min(N, D),)
    total = float(singular.sum())
    ratio = 0.0
    if total > 1e-9:
        shares = singular[singular > 0] / total
        ratio = float(np.exp(-(shares * np.log(shares)).sum()) / min(latents.shape))
    similarity = latents.astype(np.float64) @ latents.astype(np.float64).T  # (N, N)
    squares = np.diag(similarity)
    distance = squares[:, None] + squares[None, :] - 2 * similarity
    np.fill_diagonal(distance, np.inf)
    nearest = np.bincount(distance.argmin(axis=1), minlength=count) / count  # (N,)
    used = nearest[nearest > 0]
    return CollapseDiagnostics(
        latent_count=count,
        effective_rank_ratio=ratio,
        median_variance=float(np.median(centred.var(axis=0))),
        neighbour_entropy=float(-(used * np.log(used)).sum() / np.log(count)),
    )


def _smallest(diagnostics: Sequence[CollapseDiagnostics], name: str) -> float | None:
    values = [getattr(row, name) for row in diagnostics]
    return None if not values or None in values else min(values)


class HeldOutLatents(NamedTuple):
    """Latents of held-out records, each (N, D), and the problem of each record; one fold after another."""

    problems: list[str]
    z_pred: NDArray[np.float32]
    z_out: NDArray[np.float32]


def held_out_latents(checkpoint: Artifact, tokenized_pack: Artifact) -> tuple[HeldOutLatents, HeldOutLatents]:
    """Predictions and targets of up to `MAX_HELD_OUT` records of each test part, by the trained and by the untrained network.

    Raises: TrainingError: sidecar and tokens do not match. Needs torch.
    """
    from codelewm_assets.training.data import load_fold
    from codelewm_assets.training.latents import Scorer
    from codelewm_assets.training.sidecar import require_matching

    sidecar = require_matching(checkpoint, tokenized_pack)
    parts: tuple[list[HeldOutLatents], list[HeldOutLatents]] = ([], [])
    for fold in sidecar.folds:
        data = load_fold(tokenized_pack, fold)
        records = sorted(data.part("test"), key=lambda r: unit_interval("explained", r.record_id))[:MAX_HELD_OUT]
        rows = [r.code for r in records], [r.input for r in records], [r.prompt for r in records]
        scorers = Scorer(checkpoint, sidecar, data), Scorer.untrained(sidecar, data)
        for part, scorer in zip(parts, scorers, strict=True):
            predicted, targets = scorer.transitions(*rows).z_pred, scorer.outputs([r.output for r in records])
            part.append(HeldOutLatents([r.problem_id for r in records], predicted, targets))
    trained, untrained = (
        HeldOutLatents(
            [name for one in part for name in one.problems],
            np.concatenate([one.z_pred for one in part]),
            np.concatenate([one.z_out for one in part]),
        )
        for part in parts
    )
    return trained, untrained


def inspect_checkpoint(checkpoint: Artifact, tokenized_pack: Artifact) -> tuple[list[TensorRow], dict[str, object]]:
    """The tensor table, and `checkpoint_inspection.json` with the collapse diagnostics of val records.

    The diagnostics are of z_pred, and of z_target over the records' distinct outputs; with several folds each is the minimum
    over folds. None with a non-finite tensor.

    Raises: TrainingError: sidecar and tokens do not match. Needs torch.
    """
    from codelewm_assets.training.data import load_fold
    from codelewm_assets.training.latents import Scorer
    from codelewm_assets.training.sidecar import require_matching

    sidecar = require_matching(checkpoint, tokenized_pack)
    rows = tensor_table(checkpoint, sidecar.folds)
    broken = [f"fold {row.fold} {row.name}" for row in rows if not row.is_finite]
    diagnostics, targets = list[CollapseDiagnostics](), list[CollapseDiagnostics]()
    for fold in sidecar.folds if not broken else ():
        data = load_fold(tokenized_pack, fold)
        records = sorted(data.part("val"), key=lambda r: unit_interval("collapse", r.record_id))[:MAX_LATENTS]
        scorer = Scorer(checkpoint, sidecar, data)
        transitions = scorer.transitions(
            [r.code for r in records], [r.input for r in records], [r.prompt for r in records]
        )
        diagnostics.append(collapse_diagnostics(transitions.z_pred))
        targets.append(collapse_diagnostics(scorer.outputs(sorted({r.output for r in records}))))

    report: dict[str, object] = {
        "schema_version": "codelewm.checkpoint_inspection.v1",
        "seed": sidecar.seed,
        "latent_count": min((f.latent_count for f in diagnostics), default=0),
        **{name: _smallest(diagnostics, name) for name in DIAGNOSTICS},
        **{f"z_target_{name}": _smallest(targets, name) for name in DIAGNOSTICS},
        "tensor_count": len(rows),
        "parameter_count": sidecar.parameter_count,
        "nonfinite_tensors": broken,
        "encoder_may_have_seen_benchmarks": sidecar.encoder_may_have_seen_benchmarks,
    }
    return rows, report
