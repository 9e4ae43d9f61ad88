"""What a linear probe reads off the predicted latent, against probes of what the model was given."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codelewm_assets.core.digests import unit_interval
from codelewm_assets.evaluation.bootstrap import interval_by_problem
from codelewm_assets.evaluation.heldout import HeldoutRecord
from codelewm_assets.evaluation.records import LatentProbeReport, ProbeTarget

MOST_RECORDS = 1200  # of each half, drawn by hash
PROBED = {"model": "z_pred", "no_action": "z_pred_no_action", "code": "z_code", "input": "z_input"}
TARGETS: dict[str, Callable[[HeldoutRecord], str]] = {
    "passed": lambda r: str(r.passed),
    "output_type": lambda r: r.output_type,
    "output_magnitude_bucket": lambda r: r.output_magnitude_bucket,
    "output_length_bucket": lambda r: r.output_length_bucket,
    "raises": lambda r: str(r.execution_status == "exception"),
}


def latent_probe_report(
    records: Sequence[HeldoutRecord], latents: Mapping[str, NDArray[np.float32]], *, seed: int, resamples: int
) -> LatentProbeReport:
    """Balanced accuracy of logistic probes; problems are halved by hash, so no problem is in both halves.

    Controls: `no_action` (z_pred with the empty input), `code`, `input` and `code_and_input` (latents of what the model was
    given), `majority`. With several folds a probe is fitted per fold, since models do not share axes, and predictions pooled.
    Source: Alain & Bengio 2016, "Understanding intermediate layers using linear classifier probes".
    """
    order = sorted(range(len(records)), key=lambda i: unit_interval("probe", records[i].record_id))
    halves: tuple[list[int], list[int]] = ([], [])
    for place in order:
        halves[unit_interval("probe_half", records[place].problem_id) < 0.5].append(place)
    fit, test = halves[0][:MOST_RECORDS], halves[1][:MOST_RECORDS]
    return LatentProbeReport(
        seed=seed, targets={name: _target(records, latents, fit, test, of, resamples) for name, of in TARGETS.items()}
    )


def _target(
    records: Sequence[HeldoutRecord],
    latents: Mapping[str, NDArray[np.float32]],
    fit: list[int],
    test: list[int],
    label: Callable[[HeldoutRecord], str],
    resamples: int,
) -> ProbeTarget:
    known = np.array([label(records[i]) for i in fit])
    asked = np.array([label(records[i]) for i in test])
    shared = sorted(set(known) & set(asked))
    counts: dict[str, Any] = {"class_count": len(shared), "fit_count": len(fit), "test_count": len(test)}
    if len(shared) < 2:
        return ProbeTarget(
            status="single_class",
            **counts,
            model=None,
            controls={},
            best_control=None,
            lift_over_best_control=None,
            lift_ci99=None,
        )
    arrays = {name: latents[array] for name, array in PROBED.items()}
    arrays["code_and_input"] = np.concatenate([latents["z_code"], latents["z_input"]], axis=1)  # (N, 2D)
    folds = np.array([record.fold for record in records])
    said = {name: _predicted(array, folds, fit, test, known) for name, array in arrays.items()}
    values, counted = np.unique(known, return_counts=True)
    said["majority"] = np.full(len(test), values[counted.argmax()])
    figures = {name: balanced_accuracy(found, asked) for name, found in said.items()}
    best = max(sorted(set(figures) - {"model"}), key=lambda name: figures[name])
    return ProbeTarget(
        status="ok",
        **counts,
        model=figures["model"],
        controls={name: value for name, value in figures.items() if name != "model"},
        best_control=best,
        lift_over_best_control=figures["model"] - figures[best],
        lift_ci99=interval_by_problem(
            [records[i].problem_id for i in test],
            lambda at: balanced_accuracy(said["model"][at], asked[at]) - balanced_accuracy(said[best][at], asked[at]),
            resamples=resamples,
            confidence=0.99,
        ),
    )


def balanced_accuracy(said: NDArray[np.str_], asked: NDArray[np.str_]) -> float:
    """Mean over the classes of `asked` of the share found. Args: said, asked: (N,), N ≥ 1."""
    _, at = np.unique(asked, return_inverse=True)
    hits = np.bincount(at, weights=(said == asked).astype(np.float64)) / np.bincount(at)
    return float(hits.mean())


def _predicted(
    latents: NDArray[np.float32], folds: NDArray[np.int_], fit: list[int], test: list[int], known: NDArray[np.str_]
) -> NDArray[np.str_]:
    """Predictions (len(test),) of logistic regressions on standardised latents, one per fold.

    A fold whose fitting half has one class predicts that class; a fold without a fitting half, the most common of all.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    values, counts = np.unique(known, return_counts=True)
    said = np.full(len(test), values[counts.argmax()], dtype=known.dtype)
    for fold in sorted(set(folds[test].tolist())):
        own, asked = folds[fit] == fold, folds[test] == fold
        classes = sorted(set(known[own].tolist()))
        if len(classes) < 2:
            said[asked] = classes[0] if classes else said[asked]
            continue
        probe = make_pipeline(
            StandardScaler(), LogisticRegression(max_iter=150, C=0.1, class_weight="balanced", tol=1e-3)
        )
        probe.fit(latents[np.asarray(fit)[own]], known[own])
        said[asked] = probe.predict(latents[np.asarray(test)[asked]])
    return said
