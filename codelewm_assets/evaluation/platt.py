"""Temperature scaling: one divisor of logits, fitted on validation records, that makes probabilities mean what they say."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from codelewm_assets.core.records import Record

LOWEST, HIGHEST = 0.05, 20.0
Floats = NDArray[np.float64]


class Temperature(Record):
    """The divisor of one fold's logits, and the mean cross-entropy in nats on its validation records before and after.

    Without records of both classes there is nothing to fit: `value` is 1 and the losses are None.
    """

    fold: int
    value: float
    record_count: int
    loss_before: float | None
    loss_after: float | None


def sigmoid(logits: NDArray[np.floating]) -> Floats:
    """Probabilities of logits; (N,) float64 in [0, 1]."""
    from scipy.special import expit

    return np.asarray(expit(logits.astype(np.float64)))


def fit_temperature(logits: NDArray[np.floating], passed: Sequence[bool], *, fold: int) -> Temperature:
    """The temperature in [0.05, 20] with the least cross-entropy.

    Args: logits, passed: (N,) of validation records only.
    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks".
    """
    labels, values = np.asarray(passed, dtype=bool), logits.astype(np.float64)
    if len(np.unique(labels)) < 2:
        return Temperature(fold=fold, value=1.0, record_count=len(labels), loss_before=None, loss_after=None)
    from scipy.optimize import minimize_scalar

    signed = np.where(labels, values, -values)

    def loss(log_temperature: float) -> float:
        return float(np.logaddexp(0, -signed / np.exp(log_temperature)).mean())

    found = minimize_scalar(loss, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded", options={"xatol": 1e-6})
    return Temperature(
        fold=fold,
        value=round(float(np.exp(found.x)), 6),
        record_count=len(labels),
        loss_before=loss(0.0),
        loss_after=float(found.fun),
    )
