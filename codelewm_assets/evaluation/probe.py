"""What a linear probe reads off the predicted latent, against probes of what the model was given."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from codelewm_assets.core.digests import unit_interval
from codelewm_assets.evaluation.heldout import HeldoutRecord
from codelewm_assets.evaluation.records import LatentProbeReport, ProbeTarget

MOST_RECORDS = 1200  # of each half, drawn by hash
TARGETS: dict[str, Callable[[HeldoutRecord], str]] = {
    "passed": lambda r: str(r.passed),
    "output_type": lambda r: r.output_type,
    "output_magnitude_bucket": lambda r: r.output_magnitude_bucket,
    "output_length_bucket": lambda r: r.output_length_bucket,
    "raises": lambda r: str(r.execution_status == "exception"),
}


def latent_probe_report(
    records: Sequence[HeldoutRecord], latents: Mapping[str, NDArray[np.float32]], *, seed: int
) -> LatentProbeReport:
    """Balanced accuracy of logistic probes; problems are halved by hash, so no problem is in both halves.

    Controls: `no_action` (z_pred with the empty input), `code` (the code's latent alone), `majority`.
    Source: Alain & Bengio 2016, "Understanding intermediate layers using linear classifier probes".
    """
    order = sorted(range(len(records)), key=lambda i: unit_interval("probe", records[i].record_id))
    halves: tuple[list[int], list[int]] = ([], [])
    for place in order:
        halves[unit_interval("probe_half", records[place].problem_id) < 0.5].append(place)
    fit, test = halves[0][:MOST_RECORDS], halves[1][:MOST_RECORDS]
    return LatentProbeReport(
        seed=seed, targets={name: _target(records, latents, fit, test, of) for name, of in TARGETS.items()}
    )


def _target(
    records: Sequence[HeldoutRecord],
    latents: Mapping[str, NDArray[np.float32]],
    fit: list[int],
    test: list[int],
    label: Callable[[HeldoutRecord], str],
) -> ProbeTarget:
    known = np.array([label(records[i]) for i in fit])
    asked = np.array([label(records[i]) for i in test])
    shared = sorted(set(known) & set(asked))
    counts = {"class_count": len(shared), "fit_count": len(fit), "test_count": len(test)}
    if len(shared) < 2:
        return ProbeTarget(status="single_class", **counts, model=None, controls={}, lift_over_best_control=None)
    model = _balanced_accuracy(latents["z_pred"], fit, test, known, asked)
    controls = {
        "no_action": _balanced_accuracy(latents["z_pred_no_action"], fit, test, known, asked),
        "code": _balanced_accuracy(latents["z_code"], fit, test, known, asked),
        "majority": 1 / len(set(asked)),
    }
    return ProbeTarget(
        status="ok", **counts, model=model, controls=controls, lift_over_best_control=model - max(controls.values())
    )


def _balanced_accuracy(
    latents: NDArray[np.float32], fit: list[int], test: list[int], known: NDArray[np.str_], asked: NDArray[np.str_]
) -> float:
    """Mean over the classes of `asked` of the share found, by a logistic regression on standardised latents."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=150, C=0.1, class_weight="balanced", tol=1e-3))
    said = probe.fit(latents[fit], known).predict(latents[test])
    return float(np.mean([(said[asked == name] == name).mean() for name in sorted(set(asked))]))
