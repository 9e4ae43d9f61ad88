"""Linear probes: balanced accuracy by hand, what can be read off, and what cannot."""

import numpy as np
import pytest

from codelewm_assets.evaluation.heldout import HeldoutRecord
from codelewm_assets.evaluation.probe import TARGETS, balanced_accuracy, latent_probe_report
from codelewm_assets.evaluation.records import LatentProbeReport
from codelewm_assets_tests.evaluation.rows import heldout_record


def test_balanced_accuracy_by_hand() -> None:
    """Class a: 3 of 4 found; class b: 0 of 1: (0.75 + 0) / 2, though 3 of 5 answers are right."""
    said, asked = np.array(["a", "a", "a", "b", "a"]), np.array(["a", "a", "a", "a", "b"])
    assert balanced_accuracy(said, asked) == pytest.approx(0.375)


def test_always_saying_one_class_is_worth_one_over_the_classes() -> None:
    asked = np.array(["a"] * 90 + ["b"] * 9 + ["c"])
    assert balanced_accuracy(np.full(100, "a"), asked) == pytest.approx(1 / 3)


def test_a_class_that_was_not_asked_for_does_not_count() -> None:
    assert balanced_accuracy(np.array(["c", "a"]), np.array(["a", "a"])) == 0.5


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


def _report(records: list[HeldoutRecord], *, is_told: bool) -> LatentProbeReport:
    """Latents of noise, and in z_pred's first dimension `passed` when it is told."""
    generator = np.random.default_rng(0)
    noise = {
        name: generator.normal(size=(len(records), 8)).astype(np.float32)
        for name in ("z_pred", "z_pred_no_action", "z_code", "z_input")
    }
    if is_told:
        noise["z_pred"][:, 0] = [10.0 if record.passed else -10.0 for record in records]
    return latent_probe_report(records, noise, seed=42, resamples=100)


def test_a_label_that_the_latent_spells_out_is_read_perfectly_and_beats_every_control() -> None:
    target = _report(_records(400), is_told=True).targets["passed"]
    assert (target.status, target.class_count, target.model) == ("ok", 2, 1.0)
    assert set(target.controls) == {"no_action", "code", "input", "code_and_input", "majority"}
    assert target.controls["majority"] == 0.5
    assert all(value < 0.65 for value in target.controls.values())
    assert target.best_control is not None
    assert target.lift_over_best_control == pytest.approx(1 - target.controls[target.best_control])
    assert target.controls[target.best_control] == max(target.controls.values())
    assert target.lift_ci99 is not None
    assert target.lift_ci99[0] > 0.05


def test_a_label_that_the_latent_does_not_hold_has_no_sure_lift() -> None:
    target = _report(_records(400), is_told=False).targets["passed"]
    assert target.model == pytest.approx(0.5, abs=0.15)
    assert target.lift_ci99 is not None
    assert target.lift_ci99[0] < 0


def test_a_target_with_one_class_is_single_class_and_its_figures_are_absent() -> None:
    """No record raised an exception."""
    target = _report(_records(40), is_told=False).targets["raises"]
    assert (target.status, target.class_count) == ("single_class", 1)
    assert (target.model, target.controls, target.best_control) == (None, {}, None)
    assert (target.lift_over_best_control, target.lift_ci99) == (None, None)


def test_without_records_every_target_is_single_class() -> None:
    report = _report([], is_told=False)
    assert set(report.targets) == set(TARGETS)
    assert {t.status for t in report.targets.values()} == {"single_class"}


def test_at_least_five_targets_are_probed() -> None:
    assert len(TARGETS) >= 5


def test_the_halves_cover_all_records_and_the_report_does_not_depend_on_their_order() -> None:
    records = _records(60)
    first = _report(records, is_told=True)
    target = first.targets["passed"]
    assert target.fit_count + target.test_count == 60
    assert target.fit_count % 2 == target.test_count % 2 == 0  # two records a problem: none is split
    latents = {name: np.eye(60, 8, dtype=np.float32) for name in ("z_pred", "z_pred_no_action", "z_code", "z_input")}
    turned = {name: array[::-1] for name, array in latents.items()}
    assert latent_probe_report(records, latents, seed=1, resamples=50) == latent_probe_report(
        records[::-1], turned, seed=1, resamples=50
    )
