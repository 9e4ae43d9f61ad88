"""A checkpoint is of the seed, data and settings of the run that materializes it, reused or not."""

from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from codelewm_assets.defs import training
from codelewm_assets.defs.inputs import AssetOutput, Inputs
from codelewm_assets.profiles.profile import ComputeSection
from codelewm_assets.training import command
from codelewm_assets_tests.defs.deployment import Deployment


def test_weights_of_another_training_are_refused_also_when_they_lie_in_the_store_under_this_cache_key(
    green: Deployment, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    train = training._train

    def of_another_seed(context: dg.AssetExecutionContext, inputs: Inputs, store: Any, seed: int) -> AssetOutput:
        return train(context, inputs, store, 1729)

    with monkeypatch.context() as patch:
        patch.setattr(training, "_train", of_another_seed)
        run = green.launch(["checkpoint"], "42")
        assert "is of another training: seed is 1729, expected 42" in green.failures(run)["checkpoint"]
    run = green.launch(["checkpoint"], "42")
    assert "is of another training: seed is 1729, expected 42" in green.failures(run)["checkpoint"]
    assert started == ["1729"]  # the second run found it stored
    key = dg.AssetKey("checkpoint")
    assert green.instance.get_latest_materialization_event(key) is None


def test_a_checkpoint_shows_its_loss_curve_made_or_reused(green: Deployment, started: list[str]) -> None:
    for _ in range(2):
        run = green.launch(["checkpoint"], "42")
        assert green.failures(run) == {}
        event = green.instance.get_latest_materialization_event(dg.AssetKey("checkpoint"))
        assert event is not None and event.asset_materialization is not None
        loss = event.asset_materialization.metadata["loss"]
        assert isinstance(loss, dg.MarkdownMetadataValue)
        assert (loss.md_str or "").startswith("![](data:image/png;base64,iVBOR")
    assert started == ["42"]


@pytest.mark.parametrize(
    ("compute", "expected"),
    [
        ({}, "worker"), ({"command": {"argv": ["train", "{seed}"]}}, "worker"),
        ({"backend": "command", "command": {"argv": ["train", "{seed}"]}}, "command"),
    ],
)  # fmt: skip
def test_training_runs_on_the_backend_that_the_profile_names(
    monkeypatch: pytest.MonkeyPatch, compute: dict[str, Any], expected: str
) -> None:
    called: list[str] = []
    monkeypatch.setattr(training, "run_worker", lambda *_, **__: called.append("worker"))
    monkeypatch.setattr(command, "run_command", lambda *_, **__: called.append("command"))
    context: Any = SimpleNamespace(log=SimpleNamespace(info=print))
    training._run_on_backend(context, ComputeSection.model_validate(compute), SimpleNamespace(), called.append)  # type: ignore[arg-type]
    assert called == [expected]
