"""Platt scaling: slope and intercept of logits, fitted on validation records, that calibrate probabilities."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from codelewm_assets.core.records import Record

SLOPES, INTERCEPTS = (0.05, 20.0), (-10.0, 10.0)
Floats = NDArray[np.float64]


def sigmoid(logits: NDArray[np.floating]) -> Floats:
    """Probabilities of logits; (N,) float64 in [0, 1]."""
    from scipy.special import expit

    return np.asarray(expit(logits.astype(np.float64)))


class PlattScaling(Record):
    """Slope and intercept of one fold's logits, and the mean cross-entropy in nats on its validation rows before and after.

    The level `record` is fitted on records and whether their own run passed; `completion` on completions, whose logit is that of
    the mean of their records' scaled probabilities, and whether all of their runs passed. Programs that models wrote fail for
    other reasons than twins, so completions of the two kinds have a scaling each.

    Without records of both classes there is nothing to fit: the scaling changes nothing and the losses are None. The slope is
    positive, so that the order is the model's own.
    """

    fold: int
    level: Literal["record", "completion"] = "record"
    by_models: bool = False  # completions that models wrote; else all others
    slope: float
    intercept: float
    record_count: int  # of rows of that level
    loss_before: float | None
    loss_after: float | None

    def probabilities(self, logits: NDArray[np.floating]) -> Floats:
        """Scaled probabilities; (N,) float64 in [0, 1]."""
        return sigmoid(self.slope * logits.astype(np.float64) + self.intercept)


def logit_of(probabilities: NDArray[np.floating]) -> Floats:
    """Logits of probabilities; (N,) float64, finite: a probability is at least 1e-12 away from 0 and 1."""
    from scipy.special import logit

    return np.asarray(logit(np.clip(probabilities.astype(np.float64), 1e-12, 1 - 1e-12)))


def fit_platt(
    logits: NDArray[np.floating],
    passed: Sequence[bool],
    *,
    fold: int,
    level: Literal["record", "completion"] = "record",
    by_models: bool = False,
) -> PlattScaling:
    """The slope in [0.05, 20] and the intercept in [-10, 10] with the least cross-entropy.

    An intercept follows the share that passes: batches of training hold as many passing as failing records, the pack does not.

    Args:
        logits: (N,) of validation rows only.
        passed: (N,).

    Source: Platt 1999, "Probabilistic Outputs for Support Vector Machines", without its smoothed targets.
    """
    labels, values = np.asarray(passed, dtype=bool), logits.astype(np.float64)
    count = len(labels)
    if len(np.unique(labels)) < 2:
        return PlattScaling(
            fold=fold, level=level, by_models=by_models, slope=1.0, intercept=0.0, record_count=count, loss_before=None,
            loss_after=None,
        )  # fmt: skip
    from scipy.optimize import minimize

    def loss(parameters: Floats) -> tuple[float, Floats]:
        scaled = parameters[0] * values + parameters[1]
        residual = sigmoid(scaled) - labels
        value = float(np.logaddexp(0, np.where(labels, -scaled, scaled)).mean())
        return value, np.array([(residual * values).mean(), residual.mean()])

    result = minimize(
        loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[SLOPES, INTERCEPTS],
        options={"ftol": 1e-12, "gtol": 1e-8},
    )  # fmt: skip
    return PlattScaling(
        fold=fold,
        level=level,
        by_models=by_models,
        slope=round(float(result.x[0]), 6),
        intercept=round(float(result.x[1]), 6),
        record_count=count,
        loss_before=loss(np.array([1.0, 0.0]))[0],
        loss_after=float(result.fun),
    )
