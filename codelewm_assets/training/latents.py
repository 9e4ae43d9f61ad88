"""Latents and logits of records by a model. Used by validation, inspection and scoring. Shapes: N records, D dimensions."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from codelewm_assets.core.errors import TrainingError
from codelewm_assets.store.store import Artifact
from codelewm_assets.training.batches import plant
from codelewm_assets.training.config import TrainingConfig
from codelewm_assets.training.data import FoldData
from codelewm_assets.training.hub import scored_model, untrained_model
from codelewm_assets.training.modeling_codelewm import CodeLeWMModel
from codelewm_assets.training.packing import Segment, pack
from codelewm_assets.training.sidecar import Sidecar, weights_path

CHUNK = 256  # records, or texts, encoded at once

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Transitions:
    """z_pred (N, D) unit length, z_code (N, D) of the program after its prompt, and the logit of passing (N,), float32."""

    z_pred: Floats
    z_code: Floats
    logit: Floats


def predict(
    model: CodeLeWMModel,
    data: FoldData,
    config: TrainingConfig,
    codes: Sequence[int],
    inputs: Sequence[int],
    prompts: Sequence[int],
) -> Transitions:
    """Transitions of N records, in the model's present mode and without gradient; equal records are encoded once.

    Args:
        codes, inputs, prompts: row of the token arrays for each record.
    """
    records = np.array([prompts, codes, inputs], dtype=np.int64)  # (3, N)
    distinct, where = np.unique(records, axis=1, return_inverse=True)  # (3, M), (N,)
    parts = list[tuple[torch.Tensor, ...]]()
    bounds = [*range(0, distinct.shape[1], CHUNK), distinct.shape[1]]
    device = next(model.parameters()).device
    with torch.no_grad():
        for start, end in pairwise(bounds):
            prompt, code, action = distinct[:, start:end].tolist()
            forest = plant(data, prompt, code, action, config.row_tokens)
            z, suspicion, _ = model.encoder(pack(forest.trees, config.row_tokens).to(str(device)))  # (segments, D)
            prediction = model.transition(z[forest.code], z[forest.input], suspicion[forest.code])
            parts.append((prediction.z_pred, z[forest.code], prediction.logit))
    width = model.config.latent_size
    columns = (
        zip(*parts, strict=True) if parts else ((torch.zeros(0, width),), (torch.zeros(0, width),), (torch.zeros(0),))
    )
    return Transitions(*(torch.cat(list(column)).float().cpu().numpy()[where.reshape(-1)] for column in columns))


class Scorer:
    """A checkpoint's model of one fold."""

    def __init__(self, checkpoint: Artifact, sidecar: Sidecar, data: FoldData) -> None:
        """Raises: TrainingError: the weights do not fit the sidecar's configuration, tensor by tensor."""
        self._data, self._config = data, sidecar.config
        try:
            self._model = scored_model(sidecar.config, load_file(checkpoint.path(weights_path(data.model_fold))))
        except RuntimeError as error:
            raise TrainingError(
                f"{checkpoint.manifest.artifact_id}: weights do not fit its sidecar: {error}"
            ) from error

    @classmethod
    def untrained(cls, sidecar: Sidecar, data: FoldData) -> "Scorer":
        """The same network before its first step."""
        scorer = cls.__new__(cls)
        scorer._data, scorer._config = data, sidecar.config
        scorer._model = untrained_model(sidecar.config, seed=sidecar.seed, fold=data.model_fold)
        return scorer

    def transitions(self, codes: Sequence[int], inputs: Sequence[int], prompts: Sequence[int]) -> Transitions:
        """Predict from rows of the token arrays, one of each per record. Returns: `Transitions` of N = len(codes)."""
        return predict(self._model, self._data, self._config, codes, inputs, prompts)

    def outputs(self, rows: Sequence[int]) -> Floats:
        """Target latents (N, D), unit length, of rows of the output array."""
        return self._alone("output", rows)

    def inputs(self, rows: Sequence[int]) -> Floats:
        """Encoder latents (N, D) of rows of the input array, each without a program."""
        return self._alone("input", rows)

    @torch.no_grad()
    def _alone(self, field: str, rows: Sequence[int]) -> Floats:
        distinct, where = np.unique(np.array(rows, dtype=np.int64), return_inverse=True)
        parts = [torch.zeros(0, self._config.latent)]
        for start in range(0, len(distinct), CHUNK):
            trees = [[Segment(field, self._data.arrays[field][row])] for row in distinct[start : start + CHUNK]]
            packed = pack(trees, self._config.row_tokens)
            parts.append(self._model.target_latent(packed) if field == "output" else self._model.encoder(packed).z)
        return np.asarray(torch.cat(parts).numpy()[where])
