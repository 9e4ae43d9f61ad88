"""Batches of packed tensors from token records, each distinct text once. Shapes: B records, N documents."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from codelewm_assets.training.config import TrainingConfig
from codelewm_assets.training.data import FoldData
from codelewm_assets.training.loss import Labels, Latents
from codelewm_assets.training.model import TransitionModel
from codelewm_assets.training.packing import Document, Packed, pack
from codelewm_assets.training.tokenize import TokenRecord

ACTIVE = ("code", "input", "prompt")  # fields that the encoder reads; outputs go through the target encoder
ROWS_COMPILED = 8  # rows are padded to a multiple of it when each new shape is compiled


@dataclass(frozen=True, slots=True)
class Batch:
    """Documents of a batch, and the documents of each record.

    Attributes:
        documents: packed texts of `ACTIVE` fields.
        outputs: packed outputs.
        document_index: field → (B,) int64 index of the record's document.
        tokens: of all documents.
    """

    documents: Packed
    outputs: Packed
    document_index: Mapping[str, Tensor]
    labels: Labels
    tokens: int

    @property
    def size(self) -> int:
        """B."""
        return len(self.labels.passed)


def frequent_outputs(records: Sequence[TokenRecord], max_count: int) -> dict[int, int]:
    """Row of the output array → class, for the `max_count` most frequent outputs; ties by row."""
    counts = Counter(record.output for record in records)
    ranked = sorted(counts, key=lambda row: (-counts[row], row))
    return {row: number for number, row in enumerate(ranked[:max_count])}


def make_batch(
    data: FoldData,
    records: Sequence[TokenRecord],
    classes: Mapping[int, int],
    config: TrainingConfig,
    *,
    device: str = "cpu",
) -> Batch:
    """Pack the distinct texts of these records.

    Args:
        classes: as `frequent_outputs` gives them.
    """
    documents, document_index = list[Document](), dict[str, Tensor]()
    for field in ACTIVE:
        rows, where = np.unique([getattr(record, field) for record in records], return_inverse=True)
        document_index[field] = torch.from_numpy(where + len(documents)).to(device)
        documents += [(field, data.arrays[field][row]) for row in rows]
    rows, where = np.unique([record.output for record in records], return_inverse=True)
    document_index["output"] = torch.from_numpy(where).to(device)
    multiple = ROWS_COMPILED if config.compile else 1
    packed = pack(documents, config.row_tokens, rows_multiple=multiple)
    outputs = pack([("output", data.arrays["output"][row]) for row in rows], config.row_tokens, rows_multiple=multiple)
    return Batch(
        packed.to(device),
        outputs.to(device),
        document_index,
        labels_of(records, classes, config, device),
        packed.token_count + outputs.token_count,
    )


def labels_of(
    records: Sequence[TokenRecord], classes: Mapping[int, int], config: TrainingConfig, device: str = "cpu"
) -> Labels:
    """Labels of the records."""
    return Labels(
        output_rows=torch.tensor([r.output for r in records], device=device),
        output_classes=torch.tensor([classes.get(r.output, config.output_values) for r in records], device=device),
        passed=torch.tensor([float(r.completion_passed) for r in records], device=device),
        swap=torch.tensor(_swaps(records), device=device),
    )


def _swaps(records: Sequence[TokenRecord]) -> list[int]:
    """For each record the next one of its completion, cyclically; itself without another."""
    by_completion: dict[str, list[int]] = {}
    for index, record in enumerate(records):
        by_completion.setdefault(record.completion_id, []).append(index)
    swap = [0] * len(records)
    for indices in by_completion.values():
        for place, index in enumerate(indices):
            swap[index] = indices[(place + 1) % len(indices)]
    return swap


def latents_of(model: TransitionModel, batch: Batch) -> Latents:
    """Encode a batch; outputs by the target encoder, without gradient."""
    z = model.encoder(batch.documents)  # (N, D)
    z_out = model.target_latent(batch.outputs)
    return Latents(
        z[batch.document_index["code"]],
        z[batch.document_index["input"]],
        z[batch.document_index["prompt"]],
        z_out[batch.document_index["output"]],
    )
