"""Training of one fold: the seed fixes the weights, interrupted or not, and the event stream says how far it is."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save

from codelewm_assets.core.digests import sha256_bytes
from codelewm_assets.core.errors import TrainingError
from codelewm_assets.training import loop
from codelewm_assets.training.config import TrainingConfig
from codelewm_assets.training.data import FoldData
from codelewm_assets.training.loop import lr_factor, train_fold, within_problem_auc
from codelewm_assets.training.processes import Ranks
from codelewm_assets.training.state import states
from codelewm_assets.training.tokenize import TokenRecord
from codelewm_assets_tests.training.tokens import CONFIG

LONGER = CONFIG.model_copy(update={"steps": 6, "checkpoint_every": 2, "log_every": 3, "dropout": 0.2})
Weights = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def data(fold_data: FoldData) -> FoldData:
    """Fold 0 with twenty val records, for speed."""
    val = {r.record_id for r in fold_data.part("val")[20:]}
    return FoldData(fold_data.arrays, tuple(r for r in fold_data.records if r.record_id not in val), 0)


@pytest.fixture(scope="module")
def of_seed_42(data: FoldData) -> Weights:
    """Weights of seed 42."""
    return _trained(data, 42)[0]


def _trained(
    data: FoldData, seed: int, config: TrainingConfig = CONFIG, states: Path | None = None
) -> tuple[Weights, list[dict[str, Any]]]:
    events: list[dict[str, Any]] = []
    model = train_fold(data, config, seed=seed, emit=events.append, states=states)
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}, events


def _same(one: Weights, two: Weights) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def test_a_seed_fixes_the_weights_whatever_drew_random_numbers_before(data: FoldData, of_seed_42: Weights) -> None:
    torch.manual_seed(999)
    torch.rand(100)
    assert _same(of_seed_42, _trained(data, 42)[0])


def test_a_trained_model_is_in_evaluation_mode(data: FoldData) -> None:
    config = CONFIG.model_copy(update={"steps": 1})
    assert not train_fold(data, config, seed=42, emit=lambda event: None).training


def test_another_seed_and_another_fold_give_other_first_weights_and_other_batches(data: FoldData) -> None:
    """Before the first step: weights or batches that do not depend on the seed would make the seeds' intervals too narrow."""

    def begun(seed: int, fold: int) -> tuple[Weights, list[list[str]]]:
        of_fold = FoldData(data.arrays, data.records, fold)
        training = loop._FoldTraining(of_fold, CONFIG, seed, lambda event: None, None, Ranks(device="cpu"))
        batches = [[record.record_id for record in training._sampler.draw()] for _ in range(3)]
        return training._model.state_dict(), batches

    weights, batches = begun(42, 0)
    for seed, fold in ((1729, 0), (42, 1)):
        other_weights, other_batches = begun(seed, fold)
        assert not _same(weights, other_weights)
        assert batches != other_batches


def test_no_test_record_reaches_the_weights(data: FoldData, of_seed_42: Weights) -> None:
    """Labels of all test records are turned round: the same weights."""
    turned = tuple(
        r.model_copy(update={"completion_passed": not r.completion_passed}) if r.fold == 0 else r for r in data.records
    )
    assert turned != data.records
    assert _same(of_seed_42, _trained(FoldData(data.arrays, turned, 0), 42)[0])


def test_how_often_a_state_is_kept_changes_no_weight(data: FoldData, tmp_path: Path) -> None:
    often = LONGER.model_copy(update={"checkpoint_every": 1})
    assert _same(_trained(data, 42, LONGER)[0], _trained(data, 42, often, tmp_path)[0])


def test_how_often_it_is_validated_changes_the_selection_and_no_step(data: FoldData, tmp_path: Path) -> None:
    """The state after the last step holds the weights that were trained, whichever are selected."""
    trained = []
    for every in (1, 3):
        folder = tmp_path / str(every)
        _trained(data, 42, LONGER.model_copy(update={"log_every": every}), folder)
        tensors = load_file(states(folder, 0)[0])
        trained.append({name: tensor for name, tensor in tensors.items() if name.startswith("model.")})
    assert _same(*trained)


def test_the_weights_with_the_best_validation_are_kept(data: FoldData, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three validations, at steps 1, 3 and 6, the second is the best, and an equal one later does not replace it."""
    weights, areas = list[Weights](), iter([0.5, 0.7, 0.7])
    compare = loop._FoldTraining._compare

    def watched(self: Any, step: int, area: float | None) -> None:
        weights.append({name: tensor.clone() for name, tensor in self._model.state_dict().items()})
        compare(self, step, next(areas))

    monkeypatch.setattr(loop._FoldTraining, "_compare", watched)
    kept, events = _trained(data, 42, LONGER)
    assert _same(kept, weights[1]) and not _same(kept, weights[2])
    assert events[-1] == {"event": "selected", "fold": 0, "step": 3, "within_problem_auc": 0.7}


def test_within_problem_auc_by_hand(data: FoldData) -> None:
    """Problem a: passing means 1 and 0, failing mean 0: (1 + 0.5) / 2. Problem b: 0 below 1: 0. Problem c: no failing one."""
    record = data.records[0]

    def of(problem: str, name: str, passed: bool) -> TokenRecord:
        return record.model_copy(
            update={"problem_id": problem, "completion_id": f"{problem}{name}", "completion_passed": passed}
        )

    rows = [of("a", "1", True), of("a", "1", True), of("a", "2", True), of("a", "3", False), of("b", "1", True),
            of("b", "2", False), of("c", "1", True)]  # fmt: skip
    assert within_problem_auc(rows, np.array([0, 2, 0, 0, 0, 1, 9])) == pytest.approx((0.75 + 0) / 2)
    assert within_problem_auc(rows, np.array([np.nan, 2, 0, 0, 0, 1, 9])) is None
    assert within_problem_auc(rows[-1:], np.array([1])) is None


def test_the_first_stage_is_of_variants_and_has_a_schedule_of_its_own(data: FoldData) -> None:
    """Three steps of variants, then six of the train part; nothing of the first stage is selected."""
    variants = tuple(
        r.model_copy(update={"has_output": False, "problem_id": "function", "completion_id": r.record_id, "input": 0})
        for r in data.part("train")
    )
    staged = FoldData(data.arrays, data.records, 0, variants)
    config = LONGER.model_copy(update={"variant_steps": 3})
    weights, events = _trained(staged, 42, config)
    progress = [event for event in events if event["event"] == "progress"]
    assert [(event["step"], event["steps"]) for event in progress] == [(1, 9), (3, 9), (6, 9), (9, 9)]
    assert [set(event["metrics"]) >= {"train_prediction"} for event in progress] == [False, False, True, True]
    assert all("train_rank" in event["metrics"] for event in progress)
    assert next(event["step"] for event in events if event["event"] == "selected") > 3
    training = loop._FoldTraining(staged, config, 42, lambda event: None, None, Ranks(device="cpu"))
    assert training._lr_factor(1) == training._lr_factor(4) == lr_factor(0, config.warmup_steps, 3)
    assert not _same(weights, _trained(staged, 42, LONGER)[0])


def test_a_first_stage_without_variants_is_refused(data: FoldData) -> None:
    with pytest.raises(TrainingError, match=r"variant_steps is 3, and tokenized_pack holds no library variants\. Mat"):
        _trained(data, 42, LONGER.model_copy(update={"variant_steps": 3}))


@pytest.mark.parametrize("after", range(1, 6))
def test_training_that_is_interrupted_after_any_step_ends_with_the_same_weights(
    data: FoldData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    whole = _trained(data, 42, LONGER)[0]
    step = loop._FoldTraining._step

    def interrupted(self: Any, number: int, batch: Any) -> Any:
        if number > after:
            raise KeyboardInterrupt
        return step(self, number, batch)

    with monkeypatch.context() as patch:
        patch.setattr(loop._FoldTraining, "_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            _trained(data, 42, LONGER, tmp_path)
    assert [path.name[:18] for path in states(tmp_path, 0)] == (
        [f"fold0_step{after // 2 * 2:08d}"] if after > 1 else []
    )
    torch.rand(7)
    again, events = _trained(data, 42, LONGER, tmp_path)
    assert _same(whole, again)
    first = next(e["step"] for e in events if e["event"] == "progress")
    assert first == (1 if after < 2 else 3 if after < 4 else 6)  # told at 1, 3 and 6; gone on from 0, 2 or 4


def test_a_finished_fold_is_taken_as_it_is(data: FoldData, tmp_path: Path) -> None:
    whole = _trained(data, 42, LONGER, tmp_path)[0]
    again, events = _trained(data, 42, LONGER, tmp_path)
    assert _same(whole, again) and [event["event"] for event in events] == ["selected"]


@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_a_state_that_is_not_what_was_written_is_refused_by_name(data: FoldData, tmp_path: Path, damage: str) -> None:
    _trained(data, 42, LONGER, tmp_path)
    (path,) = states(tmp_path, 0)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] if damage == "cut" else content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(TrainingError, match=rf"{path.name} is damaged .* Delete the file"):
        _trained(data, 42, LONGER, tmp_path)


def test_a_state_of_another_model_is_refused(data: FoldData, tmp_path: Path) -> None:
    _trained(data, 42, LONGER, tmp_path)
    with pytest.raises(TrainingError, match="is of another model"):
        _trained(data, 42, LONGER.model_copy(update={"latent": 6}), tmp_path)


@pytest.mark.parametrize(
    ("seed", "changed", "of_data", "named"),
    [
        (1729, {}, "a", "seed is 42, expected 1729"),
        (42, {"learning_rate": 0.5}, "a", "learning_rate is 0.001, expected 0.5"),
        (42, {}, "b", "execution_pack is a, expected b"),
    ],
)
def test_a_state_of_another_seed_setting_or_data_is_refused_by_name(
    data: FoldData, tmp_path: Path, seed: int, changed: dict[str, Any], of_data: str, named: str
) -> None:
    def train(seed: int, config: TrainingConfig, of_data: str) -> None:
        origin = {"execution_pack": of_data}
        train_fold(data, config, seed=seed, emit=lambda event: None, states=tmp_path, origin=origin)

    train(42, LONGER, "a")
    (path,) = states(tmp_path, 0)
    with pytest.raises(TrainingError, match=rf"^{path.name} is of another model, seed or data: {named}\. Delete"):
        train(seed, LONGER.model_copy(update=changed), of_data)
    train(42, LONGER, "a")


def test_a_state_under_another_step_or_fold_is_refused(data: FoldData, tmp_path: Path) -> None:
    """Called the last step, an early state would end as a model that was hardly trained."""
    _trained(data, 42, LONGER.model_copy(update={"steps": 2}), tmp_path)
    (path,) = states(tmp_path, 0)
    path.rename(tmp_path / path.name.replace("step00000002", "step00000006"))
    with pytest.raises(TrainingError, match=r"step is 2, expected 6; steps is 2, expected 6\. Delete"):
        _trained(data, 42, LONGER, tmp_path)


def test_the_same_training_gives_the_same_state_to_the_byte(data: FoldData, tmp_path: Path) -> None:
    """Events name its digest, and they are part of the checkpoint. Eight: an order by chance would agree once in 128 times."""
    config = LONGER.model_copy(update={"steps": 1})
    for number in range(8):
        _trained(data, 42, config, tmp_path / str(number))
    assert len({path.name for number in range(8) for path in states(tmp_path / str(number), 0)}) == 1


def test_a_state_that_does_not_say_what_it_is_of_is_refused(data: FoldData, tmp_path: Path) -> None:
    content = save({}, {"sampler": "{}"})
    (tmp_path / f"fold0_step00000006_{sha256_bytes(content)[:16]}.state").write_bytes(content)
    with pytest.raises(TrainingError, match=r"beta2 is absent, expected 0\.95; .*; and \d+ more\. Delete the file"):
        _trained(data, 42, LONGER, tmp_path)


def test_events_name_the_step_the_fold_and_finite_losses(data: FoldData) -> None:
    events = [e for e in _trained(data, 42)[1] if e["event"] == "progress"]
    assert [(e["step"], e["steps"], e["fold"]) for e in events] == [(1, 2, 0), (2, 2, 0)]
    for event in events:
        metrics = event["metrics"]
        assert metrics["train_loss"] > 0 and metrics["val_loss"] > 0
        assert {"train_retrieval", "train_sigreg", "train_p_pass"} <= set(metrics)
        assert event["examples_per_second"] > 0 and event["elapsed_s"] >= 0
    assert events[-1]["eta_s"] == 0.0


def test_collapse_is_checked_whenever_progress_is_reported(fold_data: FoldData) -> None:
    """Three val problems with four completions on two inputs each."""
    config = CONFIG.model_copy(update={"inputs_per_completion": 2})
    events = [e for e in _trained(fold_data, 42, config)[1] if e["event"] == "collapse_diagnostics"]
    assert [e["step"] for e in events] == [1, 2]
    assert all(0 < e["effective_rank_ratio"] <= 1 and e["latent_count"] == 24 for e in events)


def test_without_val_records_the_validation_loss_and_the_diagnostics_are_absent_and_not_zero(data: FoldData) -> None:
    records = tuple(r for r in data.records if r.fold != 1)
    events = _trained(FoldData(data.arrays, records, 0), 42)[1]
    assert [e["metrics"]["val_loss"] for e in events if e["event"] == "progress"] == [None, None]
    assert {e["effective_rank_ratio"] for e in events if e["event"] == "collapse_diagnostics"} == {None}


def test_a_loss_that_is_not_finite_ends_training_names_step_and_batch_and_keeps_the_last_state(
    data: FoldData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    total = loop.total_loss
    calls: list[int] = []

    def broken(model: Any, latents: Any, labels: Any, config: TrainingConfig) -> Any:
        loss, terms = total(model, latents, labels, config)
        if not model.training:
            return loss, terms
        calls.append(1)
        return (loss * float("nan") if len(calls) == 4 else loss), terms

    monkeypatch.setattr(loop, "total_loss", broken)
    with pytest.raises(
        TrainingError,
        match=r"not finite at step 4, fold 0, seed 42, on a batch of \d+ records \(\w+/\d+::.*Lower learning",
    ):
        _trained(data, 42, LONGER, tmp_path)
    assert [path.name[:18] for path in states(tmp_path, 0)] == ["fold0_step00000002"]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_validation_has_the_precision_of_training(
    data: FoldData, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    total, seen = loop.total_loss, set[tuple[bool, bool]]()

    def watched(model: Any, *rest: Any) -> Any:
        seen.add((model.training, torch.is_autocast_enabled("cpu")))
        return total(model, *rest)

    monkeypatch.setattr(loop, "total_loss", watched)
    _, events = _trained(data, 42, CONFIG.model_copy(update={"precision": precision}))
    assert seen == {(True, precision == "bfloat16"), (False, precision == "bfloat16")}
    assert all(event["metrics"]["val_loss"] > 0 for event in events if event["event"] == "progress")


def test_a_gpu_out_of_memory_says_what_to_lower(data: FoldData, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> Any:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(loop, "total_loss", full)
    with pytest.raises(TrainingError, match=r"memory ran out at step 1, seed 42, .* Lower completions_per_batch"):
        _trained(data, 42)


def test_the_rate_warms_up_and_falls_to_a_tenth() -> None:
    """4 steps of warm-up: 1/4 … 4/4. Half-way of the 16 others the cosine is 0: 0.1 + 0.45. At the end 0.1."""
    assert [lr_factor(step, 4, 20) for step in (0, 3, 4, 12, 20)] == pytest.approx([0.25, 1.0, 1.0, 0.55, 0.1])
