"""A checkpoint is used only with the tokens it was trained on, and only with weights that fit."""

from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from codelewm_assets.core.errors import TrainingError
from codelewm_assets.store.store import Artifact, ArtifactStore
from codelewm_assets.training.data import FoldData, load_fold
from codelewm_assets.training.latents import Scorer
from codelewm_assets.training.sidecar import read_sidecar, require_matching, sidecar_mismatches
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.factories import World
from codelewm_assets_tests.training.tokens import put, put_checkpoint, put_tokens

PARENTS = {"execution_pack": "a" * 64, "problem_splits": "b" * 64}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ArtifactStore:
    return ArtifactStore(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def tokens(store: ArtifactStore, small_world: World) -> Artifact:
    return put_tokens(store, small_world, PARENTS)


def test_a_sidecar_of_these_weights_and_tokens_matches(store: ArtifactStore, tokens: Artifact, weights: bytes) -> None:
    checkpoint = put_checkpoint(store, tokens, weights)
    assert sidecar_mismatches(checkpoint, tokens) == []
    assert require_matching(checkpoint, tokens).seed == 42


def test_a_sidecar_that_does_not_say_what_its_encoder_saw_clears_nothing(
    store: ArtifactStore, tokens: Artifact, weights: bytes
) -> None:
    """As one that another trainer wrote: contamination stays UNDECIDED."""
    checkpoint = put_checkpoint(store, tokens, weights)
    assert "encoder_may_have_seen_benchmarks" not in checkpoint.read_json("sidecar.json")
    assert read_sidecar(checkpoint).encoder_may_have_seen_benchmarks == "unknown"


@each_case(
    ("changes", "named"),
    [
        ({"tokenized_pack": "c" * 64}, "tokenized_pack: the sidecar says cccccccccccc"),
        ({"execution_pack": "c" * 64}, "execution_pack: the sidecar says cccccccccccc, found aaaaaaaaaaaa"),
        ({"problem_splits": "c" * 64}, "problem_splits: the sidecar says cccccccccccc, found bbbbbbbbbbbb"),
        ({"weights_sha256": {"0": "c" * 64}}, "weights of fold 0: the sidecar says cccccccccccc"),
        ({"tokenizer_sha256": {"0": "c" * 64}}, "tokenizer of fold 0: the sidecar says cccccccccccc"),
        ({"weights_sha256": {}}, "weights of fold 0: the sidecar says None"),
    ],
)
def test_each_mismatch_is_named(
    store: ArtifactStore, tokens: Artifact, weights: bytes, changes: dict[str, Any], named: str
) -> None:
    checkpoint = put_checkpoint(store, tokens, weights, **changes)
    found = sidecar_mismatches(checkpoint, tokens)
    assert len(found) == 1
    assert found[0].startswith(named)
    with pytest.raises(TrainingError, match=f"does not belong to this tokenized_pack: {named}"):
        require_matching(checkpoint, tokens)


def test_all_mismatches_come_in_one_message(store: ArtifactStore, tokens: Artifact, weights: bytes) -> None:
    checkpoint = put_checkpoint(
        store, tokens, weights, execution_pack="c" * 64, weights_sha256={"0": "d" * 64}, tokenizer_sha256={}
    )
    with pytest.raises(TrainingError, match=r"execution_pack: .*weights of fold 0: .*tokenizer of fold 0: "):
        require_matching(checkpoint, tokens)


@pytest.mark.parametrize("changes", [{"epoch": 3}, {"seed": "many"}, {"config": {"hidden": 7}}])
def test_a_malformed_sidecar_is_refused(
    store: ArtifactStore, tokens: Artifact, weights: bytes, changes: dict[str, Any]
) -> None:
    checkpoint = put_checkpoint(store, tokens, weights, **changes)
    with pytest.raises(TrainingError, match=r"its sidecar is malformed\. Train it again"):
        read_sidecar(checkpoint)


def test_a_checkpoint_of_the_model_before_0_2_is_refused_by_its_version(
    store: ArtifactStore, tokens: Artifact, weights: bytes
) -> None:
    checkpoint = put_checkpoint(store, tokens, weights, schema_version="codelewm.checkpoint_sidecar.v1", folds=None)
    with pytest.raises(
        TrainingError, match=r"is of the model before 0\.2, .*checkpoint_sidecar\.v1; expected v2\. Train"
    ):
        read_sidecar(checkpoint)


def test_a_sidecar_that_is_not_json_is_refused(store: ArtifactStore) -> None:
    checkpoint = put(store, "checkpoint", {"sidecar.json": b"\x00{"}, {}, "7")
    with pytest.raises(TrainingError, match="its sidecar is malformed"):
        read_sidecar(checkpoint)


def _altered(weights: bytes, fault: str) -> bytes:
    tensors: dict[str, Any] = dict(load(weights))
    if fault == "missing":
        del tensors["predictor.0.weight"]
    elif fault == "unexpected":
        tensors["predictor.9.weight"] = np.zeros((2, 2), dtype=np.float32)
    else:
        tensors["predictor.0.weight"] = np.zeros((3, 3), dtype=np.float32)
    return bytes(save(tensors))


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("missing", r"Missing key\(s\) in state_dict: \"predictor.0.weight\""),
        ("unexpected", r"Unexpected key\(s\) in state_dict: \"predictor.9.weight\""),
        ("shape", "size mismatch for predictor.0.weight"),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_tensor(
    store: ArtifactStore, tokens: Artifact, weights: bytes, fold_data: FoldData, fault: str, message: str
) -> None:
    checkpoint = put_checkpoint(store, tokens, _altered(weights, fault))
    with pytest.raises(TrainingError, match=rf"(?s)weights do not fit its sidecar: .*{message}"):
        Scorer(checkpoint, read_sidecar(checkpoint), fold_data)


def test_a_scorer_gives_the_same_latents_alone_and_in_company(
    store: ArtifactStore, tokens: Artifact, weights: bytes
) -> None:
    data = load_fold(tokens, 0)
    checkpoint = put_checkpoint(store, tokens, weights)
    records = data.part("test")[:20]
    alone, together = (Scorer(checkpoint, read_sidecar(checkpoint), data) for _ in range(2))
    whole = together.transitions([r.code for r in records], [r.input for r in records], [r.prompt for r in records])
    for place, record in enumerate(records):
        one = alone.transitions([record.code], [record.input], [record.prompt])
        np.testing.assert_allclose(one.z_pred[0], whole.z_pred[place], atol=1e-5)
        np.testing.assert_allclose(one.logit[0], whole.logit[place], atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(whole.z_pred, axis=1), 1, atol=1e-5)
    outputs = together.outputs([r.output for r in records])
    np.testing.assert_allclose(np.linalg.norm(outputs, axis=1), 1, atol=1e-5)
