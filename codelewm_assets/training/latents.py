"""Latents and logits of records by a stored checkpoint. Used by inspection and by scoring. Shapes: N records, D dimensions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from codelewm_assets.core.errors import TrainingError
from codelewm_assets.store.store import Artifact
from codelewm_assets.training.data import FoldData
from codelewm_assets.training.model import TransitionModel
from codelewm_assets.training.packing import pack
from codelewm_assets.training.sidecar import Sidecar

CHUNK = 128


@dataclass(frozen=True, slots=True)
class Transitions:
    """z_pred (N, D) unit length, and the logit of passing (N,), float32."""

    z_pred: NDArray[np.float32]
    logit: NDArray[np.float32]


class Scorer:
    """A checkpoint's model of one fold with a cache of latents: each text is encoded once."""

    def __init__(self, checkpoint: Artifact, sidecar: Sidecar, data: FoldData) -> None:
        """Raises: TrainingError: the weights do not fit the sidecar's configuration, tensor by tensor."""
        self._data = data
        self._model = TransitionModel(sidecar.config)
        try:
            self._model.load_state_dict(load_file(checkpoint.path(f"fold{data.model_fold}.safetensors")), strict=True)
        except RuntimeError as error:
            raise TrainingError(
                f"{checkpoint.manifest.artifact_id}: weights do not fit its sidecar: {error}"
            ) from error
        self._model.eval()
        self._cache: dict[tuple[str, int], torch.Tensor] = {}

    @torch.no_grad()
    def _latents(self, field: str, rows: Sequence[int]) -> torch.Tensor:
        missing = sorted({row for row in rows if (field, row) not in self._cache})
        for start in range(0, len(missing), CHUNK):
            chunk = missing[start : start + CHUNK]
            texts = pack([(field, self._data.arrays[field][row]) for row in chunk], self._model.config.row_tokens)
            latents = self._model.target_latent(texts) if field == "output" else self._model.encoder(texts)
            for row, latent in zip(chunk, latents, strict=True):
                self._cache[field, row] = latent
        return torch.stack([self._cache[field, row] for row in rows])  # (N, D)

    @torch.no_grad()
    def transitions(self, codes: Sequence[int], inputs: Sequence[int], prompts: Sequence[int]) -> Transitions:
        """Predict from rows of the token arrays, one of each per record. Returns: `Transitions` of N = len(codes)."""
        prediction = self._model.transition(
            self._latents("code", codes), self._latents("input", inputs), self._latents("prompt", prompts)
        )
        return Transitions(prediction.z_pred.numpy(), prediction.logit.numpy())

    def outputs(self, rows: Sequence[int]) -> NDArray[np.float32]:
        """Target latents (N, D), unit length, of rows of the output array."""
        return np.asarray(self._latents("output", rows).numpy())

    def inputs(self, rows: Sequence[int]) -> NDArray[np.float32]:
        """Encoder latents (N, D) of rows of the input array."""
        return np.asarray(self._latents("input", rows).numpy())

    def codes(self, rows: Sequence[int]) -> NDArray[np.float32]:
        """Encoder latents (N, D) of rows of the code array."""
        return np.asarray(self._latents("code", rows).numpy())
