"""Scalars for TensorBoard: what an event tells in numbers, read back by TensorBoard itself."""

from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import TENSORS, EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

from codelewm_assets.training.progress import scalar_writer, scalars_of

PROGRESS = {
    "event": "progress", "fold": 1, "step": 25, "steps": 50, "examples_per_second": 80.0,
    "metrics": {"train_loss": 2.5, "val_loss": None},
}  # fmt: skip
SPREAD = {"event": "collapse_diagnostics", "fold": 1, "step": 25, "effective_rank_ratio": 0.5, "median_variance": None}


def test_an_absent_figure_is_not_a_scalar_and_other_events_have_none() -> None:
    assert scalars_of(PROGRESS) == {"fold 1/train_loss": 2.5, "fold 1/examples_per_second": 80.0}
    assert scalars_of(SPREAD) == {"fold 1/effective_rank_ratio": 0.5}
    assert scalars_of({"event": "start", "seed": 42}) == {}


def test_tensorboard_reads_what_was_written_at_its_step(tmp_path: Path) -> None:
    with scalar_writer(tmp_path / "run") as write:
        for step in (25, 50):
            write(PROGRESS | {"step": step, "metrics": {"train_loss": step / 10}})
    read = EventAccumulator(str(tmp_path / "run"), size_guidance={TENSORS: 0})
    read.Reload()
    found = [(e.step, float(make_ndarray(e.tensor_proto))) for e in read.Tensors("fold 1/train_loss")]
    assert found == [(25, 2.5), (50, 5.0)]
