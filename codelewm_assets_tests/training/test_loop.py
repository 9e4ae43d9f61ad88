"""Training of one fold: the seed fixes the weights, and the event stream says how far it is."""

from typing import Any

import pytest
import torch

from codelewm_assets.core.errors import TrainingError
from codelewm_assets.training.data import FoldData
from codelewm_assets.training.loop import train_fold
from codelewm_assets_tests.training.tokens import CONFIG


@pytest.fixture(scope="module")
def data(fold_data: FoldData) -> FoldData:
    """Fold 0 with eight val records, for speed."""
    val = {r.record_id for r in fold_data.part("val")[8:]}
    return FoldData(fold_data.arrays, tuple(r for r in fold_data.records if r.record_id not in val), 0)


@pytest.fixture(scope="module")
def of_seed_42(data: FoldData) -> dict[str, torch.Tensor]:
    """Weights of seed 42."""
    return _trained(data, 42)[0]


def _trained(data: FoldData, seed: int) -> tuple[dict[str, torch.Tensor], list[dict[str, Any]]]:
    events: list[dict[str, Any]] = []
    model = train_fold(data, CONFIG, seed=seed, emit=events.append)
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}, events


def test_a_seed_fixes_the_weights_whatever_drew_random_numbers_before(
    data: FoldData, of_seed_42: dict[str, torch.Tensor]
) -> None:
    torch.manual_seed(999)
    torch.rand(100)
    again, _ = _trained(data, 42)
    assert all(torch.equal(of_seed_42[name], again[name]) for name in again)


def test_a_trained_model_is_in_evaluation_mode(data: FoldData) -> None:
    config = CONFIG.model_copy(update={"steps": 1})
    assert not train_fold(data, config, seed=42, emit=lambda event: None).training


def test_another_seed_gives_other_weights(data: FoldData, of_seed_42: dict[str, torch.Tensor]) -> None:
    other, _ = _trained(data, 1729)
    assert any(not torch.equal(of_seed_42[name], other[name]) for name in other)


def test_no_test_record_reaches_the_weights(data: FoldData, of_seed_42: dict[str, torch.Tensor]) -> None:
    """Labels of all test records are turned round: the same weights."""
    turned = tuple(
        r.model_copy(update={"completion_passed": not r.completion_passed}) if r.fold == 0 else r for r in data.records
    )
    again, _ = _trained(FoldData(data.arrays, turned, 0), 42)
    assert turned != data.records
    assert all(torch.equal(of_seed_42[name], again[name]) for name in again)


def test_events_name_the_step_the_fold_and_finite_losses(data: FoldData) -> None:
    _, events = _trained(data, 42)
    assert [(e["event"], e["step"], e["steps"], e["fold"]) for e in events] == [("step", 1, 2, 0), ("step", 2, 2, 0)]
    for event in events:
        assert event["train_loss"] > 0
        assert event["val_loss"] > 0
        assert event["elapsed_s"] >= 0
        assert {"train_contrastive", "train_variance", "train_p_pass"} <= set(event)


def test_without_val_records_the_validation_loss_is_absent_and_not_zero(data: FoldData) -> None:
    events: list[dict[str, Any]] = []
    records = tuple(r for r in data.records if r.fold != 1)
    train_fold(FoldData(data.arrays, records, 0), CONFIG, seed=42, emit=events.append)
    assert [event["val_loss"] for event in events] == [None, None]


def test_a_loss_that_is_not_finite_ends_training_and_names_the_step(data: FoldData) -> None:
    config = CONFIG.model_copy(update={"learning_rate": 1e30, "warmup_steps": 0, "steps": 3})
    with pytest.raises(TrainingError, match=r"The loss is (nan|inf) at step 2, seed 42\. Lower learning_rate"):
        train_fold(data, config, seed=42, emit=lambda event: None)
