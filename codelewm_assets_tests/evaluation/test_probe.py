"""Linear probes: balanced accuracy by hand, what can be read off, and what cannot."""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score

from codelewm_assets.evaluation.probe import TARGETS, latent_probe_report, mean_over_classes
from codelewm_assets.evaluation.reports import LatentProbeReport
from codelewm_assets.evaluation.rows import HeldoutRecord, LabelledRecord
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.evaluation.rows import heldout_record, pack_row


def balanced_accuracy(said: NDArray[np.str_], asked: NDArray[np.str_]) -> float:
    """As the probe report has it."""
    return mean_over_classes(said == asked, np.unique(asked, return_inverse=True)[1])


def test_balanced_accuracy_by_hand() -> None:
    """Class a: 3 of 4 found; class b: 0 of 1: (0.75 + 0) / 2, though 3 of 5 answers are right."""
    said, asked = np.array(["a", "a", "a", "b", "a"]), np.array(["a", "a", "a", "a", "b"])
    assert balanced_accuracy(said, asked) == pytest.approx(0.375)


def test_a_class_that_was_not_asked_for_does_not_count() -> None:
    assert balanced_accuracy(np.array(["c", "a"]), np.array(["a", "a"])) == 0.5


@each_case("seed", range(20))
def test_balanced_accuracy_is_that_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    said, asked = rng.choice(list("abcd"), size=(2, 50), p=[0.6, 0.25, 0.1, 0.05])
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # it warns of a class that was not asked for
        expected = balanced_accuracy_score(asked, said)
    assert balanced_accuracy(said, asked) == expected


def _records(count: int) -> list[HeldoutRecord]:
    """Two records a problem; half of the problems passed and are of type int."""
    return [
        heldout_record(
            i,
            problem_id=f"p{i // 2:03d}",
            passed=bool(i // 2 % 2),
            output_type="int" if i // 2 % 2 else "str",
        )
        for i in range(count)
    ]


NAMES = ("z_pred", "z_pred_no_action", "z_code", "z_input")


def _latents(records: Sequence[LabelledRecord], seed: int, *, has_signal: bool) -> dict[str, NDArray[np.float32]]:
    """Noise, and in z_pred's first dimension `passed` when there is a signal."""
    generator = np.random.default_rng(seed)
    noise = {name: generator.normal(size=(len(records), 8)).astype(np.float32) for name in NAMES}
    if has_signal:
        noise["z_pred"][:, 0] = [10.0 if record.passed else -10.0 for record in records]
    return noise


def _train(records: Sequence[HeldoutRecord]) -> list[LabelledRecord]:
    """Records of the train part with the labels of these, of other problems."""
    names = set(LabelledRecord.model_fields)
    return [
        LabelledRecord.model_validate(
            r.model_dump(include=names) | {"record_id": f"train {r.record_id}", "problem_id": f"train {r.problem_id}"}
        )
        for r in records
    ]


def _report(
    records: list[HeldoutRecord], *, has_signal: bool, codes: Mapping[str, str] | None = None
) -> LatentProbeReport:
    """Probes fitted on train records with the labels of `records`, asked on `records`. Args: codes: record id → program."""
    fit = _train(records)
    rows = {
        r.record_id: pack_row(r.record_id, code=(codes or {}).get(r.record_id, "return x")) for r in (*fit, *records)
    }
    return latent_probe_report(
        records, _latents(records, 0, has_signal=has_signal), fit, _latents(fit, 1, has_signal=has_signal), rows, seed=42,
        resamples=100,
    )  # fmt: skip


def test_a_label_that_the_latent_spells_out_is_read_perfectly_and_beats_every_control() -> None:
    target = _report(_records(400), has_signal=True).targets["passed"]
    assert (target.status, target.class_count, target.model) == ("ok", 2, 1.0)
    assert set(target.controls) == {
        "no_action", "before_state", "action", "before_state_and_action", "lexical", "majority",
    }  # fmt: skip
    assert target.controls["majority"] == 0.5
    assert all(value < 0.65 for value in target.controls.values())
    assert target.best_control is not None
    assert target.lift_over_best_control == pytest.approx(1 - target.controls[target.best_control])
    assert target.controls[target.best_control] == max(target.controls.values())
    assert target.lift_ci99 is not None
    assert target.lift_ci99[0] > 0.05


def test_a_label_that_the_latent_does_not_hold_has_no_sure_lift() -> None:
    target = _report(_records(400), has_signal=False).targets["passed"]
    assert target.model == pytest.approx(0.5, abs=0.15)
    assert target.lift_ci99 is not None
    assert target.lift_ci99[0] < 0


def test_a_target_with_one_class_is_single_class_and_its_figures_are_absent() -> None:
    """No record raised an exception."""
    target = _report(_records(40), has_signal=False).targets["exception_class"]
    assert (target.status, target.class_count) == ("single_class", 1)
    assert (target.model, target.controls, target.best_control) == (None, {}, None)
    assert (target.lift_over_best_control, target.lift_ci99) == (None, None)


def test_without_records_every_target_is_single_class() -> None:
    report = _report([], has_signal=False)
    assert set(report.targets) == set(TARGETS)
    assert {t.status for t in report.targets.values()} == {"single_class"}


def test_type_magnitude_length_verdict_and_exception_class_are_probed() -> None:
    assert set(TARGETS) == {
        "passed", "output_type", "output_magnitude_bucket", "output_length_bucket", "exception_class",
    }  # fmt: skip


def test_a_label_that_is_longer_than_the_most_common_one_is_read_whole() -> None:
    """Three in four passed: the most common label is "True", and "False" is longer. Both are read perfectly."""
    records = [r.model_copy(update={"passed": i // 2 % 4 > 0}) for i, r in enumerate(_records(80))]
    target = _report(records, has_signal=True).targets["passed"]
    assert (target.model, target.controls["majority"]) == (1.0, 0.5)


def test_the_lexical_control_reads_the_programs_words() -> None:
    """Latents are noise, and each program says which it is: the control is perfect, so the model's lift is negative."""
    records = _records(80)
    codes = {r.record_id: "good" if r.passed else "bad" for r in (*records, *_train(records))}
    target = _report(records, has_signal=False, codes=codes).targets["passed"]
    assert target.controls["lexical"] == 1.0
    assert target.best_control == "lexical"
    assert (target.lift_over_best_control or 0) < 0


def test_the_interval_of_a_lift_is_of_99_percent_and_over_problems() -> None:
    """The model is right everywhere; lexical, the best control, is wrong on both records of 4 of 40 problems.

    The lift of a resample is 0 when it draws none of the four: of problems 0.9⁴⁰ = 1.5%, which a 99% interval holds and a
    95% interval does not. Of records it would be (72 / 80)⁸⁰ = 0.02%, which neither holds.
    """
    records = _records(80)
    misleading = {"p000", "p001", "p002", "p003"}
    codes = {
        r.record_id: "good" if r.passed ^ (r.problem_id in misleading) else "bad" for r in (*records, *_train(records))
    }
    fit = _train(records)
    rows = {r.record_id: pack_row(r.record_id, code=codes[r.record_id]) for r in (*fit, *records)}
    latents, fit_latents = _latents(records, 0, has_signal=True), _latents(fit, 1, has_signal=True)
    target = latent_probe_report(records, latents, fit, fit_latents, rows, seed=1, resamples=2000).targets["passed"]
    assert (target.best_control, target.model, target.lift_over_best_control) == ("lexical", 1.0, pytest.approx(0.1))
    assert target.lift_ci99 is not None and target.lift_ci99[0] == 0.0


def test_probes_are_fitted_on_train_records_and_asked_on_held_out_ones() -> None:
    """The signal in the train latents has the opposite sign in the held-out ones: every answer is wrong."""
    records = _records(40)
    fit = _train(records)
    rows = {r.record_id: pack_row(r.record_id) for r in (*fit, *records)}
    negated = _latents(records, 0, has_signal=True)
    negated["z_pred"] = -negated["z_pred"]
    report = latent_probe_report(records, negated, fit, _latents(fit, 1, has_signal=True), rows, seed=1, resamples=50)
    target = report.targets["passed"]
    assert (target.model, target.fit_count, target.test_count) == (0.0, 40, 40)


def test_a_folds_records_are_asked_by_the_probe_of_its_own_model() -> None:
    """Fold 1's model spells the verdict the other way round; with a probe a fold both are read perfectly."""
    records = [r.model_copy(update={"fold": i % 4 // 2}) for i, r in enumerate(_records(80))]
    fit = _train(records)
    rows = {r.record_id: pack_row(r.record_id) for r in (*fit, *records)}
    latents, fit_latents = _latents(records, 0, has_signal=True), _latents(fit, 1, has_signal=True)
    for array, own in ((latents["z_pred"], records), (fit_latents["z_pred"], fit)):
        array[[record.fold == 1 for record in own]] *= -1
    assert (
        latent_probe_report(records, latents, fit, fit_latents, rows, seed=1, resamples=50).targets["passed"].model == 1
    )


def test_the_report_does_not_depend_on_the_order_of_records() -> None:
    records = _records(60)
    fit = _train(records)
    rows = {r.record_id: pack_row(r.record_id) for r in (*fit, *records)}
    latents, fit_latents = _latents(records, 0, has_signal=True), _latents(fit, 1, has_signal=True)
    turned = {name: array[::-1] for name, array in latents.items()}
    first = latent_probe_report(records, latents, fit, fit_latents, rows, seed=1, resamples=50)
    assert latent_probe_report(records[::-1], turned, fit, fit_latents, rows, seed=1, resamples=50) == first
