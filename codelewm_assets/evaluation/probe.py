"""Linear probes of the predicted latent, against probes of the model's inputs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codelewm_assets.core.digests import unit_interval
from codelewm_assets.core.records import PackRow
from codelewm_assets.evaluation.bootstrap import interval_by_problem
from codelewm_assets.evaluation.reports import LatentProbeReport, ProbeTarget
from codelewm_assets.evaluation.rows import HeldoutRecord, LabelledRecord

MAX_RECORDS = 1200  # held-out records that are tested, drawn by hash
PROBED = {"model": "z_pred", "no_action": "z_pred_no_action", "before_state": "z_code", "action": "z_input"}
WORDS = r"[A-Za-z0-9_]+|[^\sA-Za-z0-9_]"
TARGETS: dict[str, Callable[[LabelledRecord], str]] = {
    "passed": lambda r: str(r.passed),
    "output_type": lambda r: r.output_type,
    "output_magnitude_bucket": lambda r: r.output_magnitude_bucket,
    "output_length_bucket": lambda r: r.output_length_bucket,
    "exception_class": lambda r: r.exception_class,
}
Arrays = Mapping[str, NDArray[np.float32]]
Fit = Callable[[list[int], list[int], NDArray[np.str_]], NDArray[np.str_]]


def latent_probe_report(
    records: Sequence[HeldoutRecord],
    latents: Arrays,
    fit_records: Sequence[LabelledRecord],
    fit_latents: Arrays,
    rows: Mapping[str, PackRow],
    *,
    seed: int,
    resamples: int,
) -> LatentProbeReport:
    """Balanced accuracy on held-out records of logistic probes fitted on records of the train split.

    Controls: `before_state` (the code's latent), `action` (the input's), `before_state_and_action` (both), `no_action` (z_pred
    with the empty input), `lexical` (TF-IDF of program and input), `majority`. With several folds a probe is fitted per fold,
    since models do not share axes, and predictions pooled.
    Args: latents: (N, D) as `records`; fit_latents: (M, D) as `fit_records`. rows: pack rows by record id.
    Source: Alain & Bengio 2016, "Understanding intermediate layers using linear classifier probes".
    """
    order = sorted(range(len(records)), key=lambda i: unit_interval("probe", records[i].record_id))
    queries = [records[i] for i in order[:MAX_RECORDS]]
    test = {name: latents[array][order[:MAX_RECORDS]] for name, array in PROBED.items()}
    fit = {name: fit_latents[array] for name, array in PROBED.items()} if fit_records else {}
    both = ("before_state", "action")
    if fit:
        fit["before_state_and_action"] = np.concatenate([fit[name] for name in both], axis=1)  # (M, 2D)
        test["before_state_and_action"] = np.concatenate([test[name] for name in both], axis=1)  # (N, 2D)
    probes: dict[str, Fit] = {name: _of_latents(fit[name], test[name]) for name in fit}
    probes["lexical"] = _of_texts([_text(rows, r) for r in fit_records], [_text(rows, r) for r in queries])
    return LatentProbeReport(
        seed=seed,
        targets={name: _target(queries, fit_records, probes, label, resamples) for name, label in TARGETS.items()},
    )


def _text(rows: Mapping[str, PackRow], record: LabelledRecord) -> str:
    row = rows[record.record_id]
    return f"{row.code_tokens} {row.input_tokens}"


def _target(
    test_records: Sequence[HeldoutRecord],
    fit_records: Sequence[LabelledRecord],
    probes: Mapping[str, Fit],
    label: Callable[[LabelledRecord], str],
    resamples: int,
) -> ProbeTarget:
    known = np.array([label(record) for record in fit_records])
    expected = np.array([label(record) for record in test_records])
    shared = sorted(set(known) & set(expected))
    counts: dict[str, Any] = {"class_count": len(shared), "fit_count": len(known), "test_count": len(expected)}
    if len(shared) < 2:
        return ProbeTarget(status="single_class", **counts)
    values, counted = np.unique(known, return_counts=True)
    predicted = {
        name: np.full(len(expected), values[counted.argmax()], dtype=known.dtype) for name in (*probes, "majority")
    }  # with the dtype of all labels: that of one would cut longer ones off
    fold_of_fit, fold_of_test = (np.array([r.fold for r in answers]) for answers in (fit_records, test_records))
    for fold in sorted(set(fold_of_test.tolist())):
        fit_rows, test_rows = (
            np.flatnonzero(fold_of_fit == fold).tolist(),
            np.flatnonzero(fold_of_test == fold).tolist(),
        )
        for name, probe in probes.items():
            if fit_rows:
                predicted[name][test_rows] = probe(fit_rows, test_rows, known[fit_rows])
    _, classes = np.unique(expected, return_inverse=True)
    right = {name: answers == expected for name, answers in predicted.items()}  # name → (N,)
    figures = {name: mean_over_classes(answers, classes) for name, answers in right.items()}
    best = max(sorted(set(figures) - {"model"}), key=lambda name: figures[name])
    return ProbeTarget(
        status="ok",
        **counts,
        model=figures["model"],
        controls={name: value for name, value in figures.items() if name != "model"},
        best_control=best,
        lift_over_best_control=figures["model"] - figures[best],
        lift_ci99=interval_by_problem(
            [record.problem_id for record in test_records],
            lambda at: (
                mean_over_classes(right["model"][at], classes[at]) - mean_over_classes(right[best][at], classes[at])
            ),
            resamples=resamples,
            confidence=0.99,
        ),
    )


def mean_over_classes(right: NDArray[np.bool_], classes: NDArray[np.intp]) -> float:
    """Balanced accuracy: the mean recall over the classes that occur.

    As scikit-learn's `balanced_accuracy_score`, but fast enough for every resample of an interval.
    Args: right: (N,) bool, N ≥ 1. classes: (N,) code of the true class.
    """
    count = np.bincount(classes)
    hits = np.bincount(classes, weights=right.astype(np.float64))
    return float((hits[count > 0] / count[count > 0]).mean())


def _logistic() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=150, C=0.1, class_weight="balanced", tol=1e-3)


def _of_latents(fit: NDArray[np.float32], test: NDArray[np.float32]) -> Fit:
    """A probe of standardised latents: (fit rows, test rows, labels of the fit rows) → predictions."""

    def predict(fit_rows: list[int], test_rows: list[int], known: NDArray[np.str_]) -> NDArray[np.str_]:
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        if len(set(known)) < 2:
            return np.full(len(test_rows), known[0])
        probe = make_pipeline(StandardScaler(), _logistic())
        return np.asarray(probe.fit(fit[fit_rows], known).predict(test[test_rows]))

    return predict


def _of_texts(fit: Sequence[str], test: Sequence[str]) -> Fit:
    """A probe of TF-IDF weights of words and punctuation."""

    def predict(fit_rows: list[int], test_rows: list[int], known: NDArray[np.str_]) -> NDArray[np.str_]:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.pipeline import make_pipeline

        if len(set(known)) < 2:
            return np.full(len(test_rows), known[0])
        probe = make_pipeline(TfidfVectorizer(token_pattern=WORDS, sublinear_tf=True, max_features=5000), _logistic())
        return np.asarray(probe.fit([fit[i] for i in fit_rows], known).predict([test[i] for i in test_rows]))

    return predict
