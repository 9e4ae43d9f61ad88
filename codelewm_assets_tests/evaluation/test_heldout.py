"""Held-out scores: only problems that the model did not train on, every control, another problem's input for the shuffle."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import pytest

from codelewm_assets.baselines.control_scores import control_rows
from codelewm_assets.baselines.structure import twin_pool_scores
from codelewm_assets.core.errors import ReportError
from codelewm_assets.core.ids import ABLATIONS, CONTROLS, MODEL_CONTROLS, split_of
from codelewm_assets.evaluation.heldout import HeldoutScores, exception_class, join_folds, require_held_out, score_fold
from codelewm_assets.evaluation.score_rows import OF_POOLS
from codelewm_assets.store.store import ArtifactStore
from codelewm_assets.training.data import FoldData, load_fold
from codelewm_assets.training.latents import Scorer, Transitions
from codelewm_assets.training.loop import train_fold
from codelewm_assets.training.sidecar import require_matching
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.factories import LIBRARY, World, make_world
from codelewm_assets_tests.training.tokens import CONFIG, put_checkpoint, put_tokens

SCORES = {"p_pass", "p_pass_raw", *ABLATIONS, *CONTROLS}


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(6)


@pytest.fixture(scope="module")
def model(world: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[Scorer, FoldData]:
    """Fold 0 of the small world, trained for one step, stored and loaded."""
    import torch
    from safetensors.torch import save

    torch.set_num_threads(1)
    store = ArtifactStore(tmp_path_factory.mktemp("store"))
    tokens = put_tokens(store, world, {"execution_pack": "a" * 64, "problem_splits": "b" * 64})
    data = load_fold(tokens, 0)
    config = CONFIG.model_copy(update={"steps": 1, "completions_per_batch": 16})
    model = train_fold(data, config, seed=42, emit=lambda event: None)
    weights = bytes(save({name: tensor.contiguous() for name, tensor in model.state_dict().items()}))
    checkpoint = put_checkpoint(store, tokens, weights)
    return Scorer(checkpoint, require_matching(checkpoint, tokens), data), data


@pytest.fixture(scope="module")
def scored(world: World, model: tuple[Scorer, FoldData]) -> tuple[FoldData, HeldoutScores]:
    """The test split of that model, scored."""
    scorer, data = model
    rows = {row.record_id: row for row in world.rows}
    return data, score_fold(scorer, data, rows, world.controls)


def test_only_problems_of_the_test_fold_are_scored(world: World, scored: tuple[FoldData, HeldoutScores]) -> None:
    _, found = scored
    test = {split.problem_id for split in world.splits if split.fold == 0}
    rows = [*found.completions, *found.members]
    assert {row.problem_id for row in rows} == test
    assert {record.problem_id for record in found.records} == test
    assert {(row.split, row.fold) for row in rows} == {("test", 0)}


def test_every_row_has_p_pass_and_every_control_as_a_finite_number(scored: tuple[FoldData, HeldoutScores]) -> None:
    _, found = scored
    for row in [*found.completions, *found.members]:
        if row.completion_kind == "model":  # one to a problem here: there is no other to agree with or to be fitted on
            assert set(row.scores) == (SCORES | set(MODEL_CONTROLS)) - set(OF_POOLS)
            continue
        scores = SCORES if row.pool_id else SCORES - set(OF_POOLS)
        assert set(row.scores) == scores
        assert all(row.finite(name) is not None for name in scores)
        assert 0 < (row.finite("p_pass") or 0) < 1


def test_every_completion_but_the_reference_has_one_row(world: World, scored: tuple[FoldData, HeldoutScores]) -> None:
    _, found = scored
    test = {split.problem_id for split in world.splits if split.fold == 0}
    wanted = sorted(
        c.completion_id for c in world.completions if c.problem_id in test and c.completion_kind != "reference"
    )
    assert [row.completion_id for row in found.completions] == wanted
    passed = {row.source_submission_id: row.completion_passed for row in world.rows}
    assert all(row.passed is passed[row.completion_id] for row in found.completions)


def test_every_pool_of_a_held_out_problem_is_scored_whole(world: World, scored: tuple[FoldData, HeldoutScores]) -> None:
    _, found = scored
    test = {split.problem_id for split in world.splits if split.fold == 0}
    wanted = {(m.pool_id, m.completion_id, m.passed) for m in world.pools if m.problem_id in test}
    assert {(row.pool_id, row.completion_id, row.passed) for row in found.members} == wanted
    assert len(found.members) == len(wanted)


def test_a_completions_score_is_the_scaled_mean_over_its_records(scored: tuple[FoldData, HeldoutScores]) -> None:
    _, found = scored
    row = found.completions[0]
    own = [record for record in found.records if record.completion_id == row.completion_id]
    assert len(own) == 5  # inputs of the small world
    assert row.scores["p_pass_raw"] == pytest.approx(np.mean([record.p_pass_raw for record in own]))
    scaling = found.scalings[1]
    assert scaling.level == "completion"
    for name, field in (("p_pass", "p_pass"), ("no_action", "p_pass_no_action")):
        mean = np.mean([getattr(record, field) for record in own])
        logit = scaling.slope * np.log(mean / (1 - mean)) + scaling.intercept
        assert row.scores[name] == pytest.approx(1 / (1 + np.exp(-logit)))


def test_latents_stand_at_their_records_places_with_unit_length(scored: tuple[FoldData, HeldoutScores]) -> None:
    _, found = scored
    assert set(found.latents) == {"z_pred", "z_pred_no_action", "z_pred_shuffled_action", "z_out", "z_code", "z_input"}
    for name, array in found.latents.items():
        assert array.shape == (len(found.records), CONFIG.latent)
        assert name in ("z_code", "z_input") or np.allclose(np.linalg.norm(array, axis=1), 1, atol=1e-5)
    energy = ((found.latents["z_pred"] - found.latents["z_out"]) ** 2).sum(axis=1)
    assert [record.energy for record in found.records] == pytest.approx(energy.tolist())


class Spy:
    """A scorer that notes which input rows it was asked for."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    def transitions(self, codes: Sequence[int], inputs: Sequence[int], prompts: Sequence[int]) -> Transitions:
        """Zeros."""
        self.asked.append(list(inputs))
        z = np.zeros((len(codes), 2), dtype=np.float32)
        return Transitions(z, z, z[:, 0])

    def outputs(self, rows: Sequence[int]) -> np.ndarray:
        """Zeros."""
        return np.zeros((len(rows), 2), dtype=np.float32)

    inputs = outputs


def test_no_action_takes_the_empty_input_and_shuffled_action_another_problems(
    world: World, scored: tuple[FoldData, HeldoutScores]
) -> None:
    """Inputs are renamed so that each problem has its own: 100 · problem + input."""
    data, _ = scored
    number = {name: place + 1 for place, name in enumerate(sorted(world.references))}
    records = tuple(r.model_copy(update={"input": 100 * number[r.problem_id] + r.input}) for r in data.records)
    spy = Spy()
    rows = {row.record_id: row for row in world.rows}
    made = score_fold(cast(Scorer, spy), FoldData(data.arrays, records, 0), rows, world.controls)
    _, real, empty, shuffled, *_ = spy.asked  # val first, train last
    assert empty == [0] * len(real)
    test = {number[split.problem_id] for split in world.splits if split.fold == 0}
    assert {own // 100 for own in real} == test
    for own, other in zip(real, shuffled, strict=True):
        assert other // 100 != own // 100
        assert other // 100 in test
    assert {record.completion_id for record in made.records} == {
        row.source_submission_id for row in world.rows if row.is_scored and number[row.source_problem_id] in test
    }  # reports of records are of twins alone


def test_a_test_part_without_records_gives_no_rows(world: World, scored: tuple[FoldData, HeldoutScores]) -> None:
    data, _ = scored
    rows = {row.record_id: row for row in world.rows}
    train = FoldData(data.arrays, tuple(data.part("train")), 0)
    made = score_fold(cast(Scorer, Spy()), train, rows, world.controls)
    assert (made.completions, made.members, made.records) == ((), (), ())


def test_joined_folds_keep_records_and_latents_in_step(scored: tuple[FoldData, HeldoutScores]) -> None:
    _, found = scored
    joined = join_folds([found, found])
    count = len(found.records)
    assert joined.records == found.records * 2
    assert len(joined.completions) == 2 * len(found.completions)
    assert np.array_equal(joined.latents["z_pred"][count:], found.latents["z_pred"])


def test_a_problem_of_the_models_own_train_part_is_not_scored(
    world: World, scored: tuple[FoldData, HeldoutScores]
) -> None:
    """Planted leakage: one train record among those of the test part; nothing is asked of the model."""
    data, _ = scored
    planted = [*data.part("test"), next(r for r in data.part("train") if r.is_train_usable)]
    spy = Spy()
    rows = {row.record_id: row for row in world.rows}
    with pytest.raises(
        ReportError, match=r"Scoring is refused: 1 problems \(.+\) are not in the test part of fold 0's model"
    ):
        score_fold(cast(Scorer, spy), data, rows, world.controls, records=planted)
    assert spy.asked == []


def test_a_validation_problem_is_not_scored_either(scored: tuple[FoldData, HeldoutScores]) -> None:
    data, _ = scored
    with pytest.raises(ReportError, match="Scoring is refused"):
        require_held_out(data, data.part("val"))
    require_held_out(data, data.part("test"))
    require_held_out(data, [])


@each_case(
    ("split", "label", "moved"),
    [
        ("train", "passed", "probe"),
        ("train", "completion_passed", None),
        ("val", "passed", "scaling"),
        ("val", "completion_passed", "scaling"),
        ("test", "passed", None),
        ("test", "completion_passed", None),
    ],
)
def test_each_fit_follows_the_labels_of_its_own_split_and_of_no_other(
    world: World,
    model: tuple[Scorer, FoldData],
    scored: tuple[FoldData, HeldoutScores],
    split: str,
    label: str,
    moved: str | None,
) -> None:
    """One label of one split is negated: probes are fitted on train, the scaling on val."""
    scorer, data = model
    negated = tuple(
        r.model_copy(update={label: not getattr(r, label)}) if split_of(r.fold, model_fold=0) == split else r
        for r in data.records
    )
    rows = {row.record_id: row for row in world.rows}
    result = score_fold(scorer, FoldData(data.arrays, negated, 0), rows, world.controls)

    def fits(scores: HeldoutScores) -> dict[str, object]:
        return {"scaling": scores.scalings, "probe": scores.fit_records}

    before, after = fits(scored[1]), fits(result)
    assert [name for name in before if before[name] != after[name]] == ([moved] if moved else [])


def test_the_scaling_lowers_the_loss_and_moves_p_pass_alone(
    world: World, scored: tuple[FoldData, HeldoutScores]
) -> None:
    data, found = scored
    scaling, of_twins, of_models = found.scalings
    val = {r.completion_id for r in data.part("val") if r.is_train_usable}
    by_models = {c.completion_id for c in world.completions if c.completion_kind == "model"}
    assert (of_twins.by_models, of_twins.record_count) == (False, len(val - by_models))
    assert (of_models.by_models, of_models.record_count) == (True, len(val & by_models))
    assert scaling.record_count == sum(r.is_train_usable for r in data.part("val"))
    assert scaling.loss_after is not None
    assert scaling.loss_before is not None
    assert scaling.loss_after <= scaling.loss_before
    for record in found.records:
        logit = np.log(record.p_pass_raw / (1 - record.p_pass_raw))
        assert record.p_pass == pytest.approx(1 / (1 + np.exp(-scaling.slope * logit - scaling.intercept)))


def test_twins_that_both_pass_are_scored_besides_and_move_no_figure_of_others(
    world: World, model: tuple[Scorer, FoldData], scored: tuple[FoldData, HeldoutScores]
) -> None:
    """A completion of the test part that nothing else asks about: its score is the mean over its inputs."""
    scorer, data = model
    known = {row.record_id: row for row in world.rows}
    asked = next(r for r in data.part("test") if known[r.record_id].is_scored)
    rows = {
        name: row.model_copy(update={"is_scored": row.is_scored and row.source_submission_id != asked.completion_id})
        for name, row in known.items()
    }
    controls = [row for row in world.controls if row.completion_id != asked.completion_id]
    found = score_fold(scorer, data, rows, controls, paired=[asked.completion_id])
    alone = score_fold(scorer, data, rows, controls)
    own = [record.p_pass for record in scored[1].records if record.completion_id == asked.completion_id]
    assert [(row.completion_id, row.p_pass) for row in found.twins] == [
        (asked.completion_id, pytest.approx(np.mean(own)))
    ]
    assert alone.twins == ()
    assert found.completions == alone.completions and found.members == alone.members and found.records == alone.records


def test_probe_records_are_of_the_train_part_and_their_latents_in_step(scored: tuple[FoldData, HeldoutScores]) -> None:
    data, found = scored
    train = {record.record_id for record in data.part("train")}
    assert found.fit_records
    assert {record.record_id for record in found.fit_records} <= train
    assert set(found.fit_latents) == {"z_pred", "z_pred_no_action", "z_code", "z_input"}
    assert {len(array) for array in found.fit_latents.values()} == {len(found.fit_records)}


def test_rows_carry_the_kind_and_family_of_their_completion(
    world: World, scored: tuple[FoldData, HeldoutScores]
) -> None:
    kinds = {c.completion_id: (c.completion_kind, c.operator_family) for c in world.completions}
    for row in (*scored[1].completions, *scored[1].members):
        assert (row.completion_kind, row.operator_family) == kinds[row.completion_id]


def test_the_exception_class_is_read_off_the_row(world: World) -> None:
    raised = world.rows[0].model_copy(
        update={"execution_status": "exception", "output_tokens": "<exception ValueError>"}
    )
    assert exception_class(raised) == "ValueError"
    assert exception_class(world.rows[0]) == "none"


def test_completions_that_a_language_model_wrote_are_scored_by_the_order_it_gave_them(
    world: World, scored: tuple[FoldData, HeldoutScores]
) -> None:
    """The first place has the highest score; a completion of ours has no such score."""
    data, found = scored
    first, second, *others = [row.completion_id for row in found.completions]
    rows = {row.record_id: row for row in world.rows}
    order = {first: 0, second: 3}
    orders = twin_pool_scores(world.pools, world.rows)
    controls = control_rows(world.rows, world.pools, world.splits, world.prompts, order, LIBRARY, orders)
    made = score_fold(cast(Scorer, Spy()), data, rows, controls)
    said = {row.completion_id: row.scores.get("llm_order", "none") for row in made.completions}
    assert (said[first], said[second]) == (0, -3)
    assert {said[name] for name in others} == {"none"}
