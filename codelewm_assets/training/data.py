"""Token arrays and records of one model fold, and batches drawn from them with a seeded generator."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file
from torch import Tensor

from codelewm_assets.core.errors import TrainingError
from codelewm_assets.core.ids import split_of
from codelewm_assets.core.store import Artifact
from codelewm_assets.core.tables import read_table
from codelewm_assets.training.config import TrainingConfig
from codelewm_assets.training.tokenize import FIELDS, TokenRecord


@dataclass(frozen=True, slots=True)
class FoldData:
    """Arrays (N_field, L_field) int32 by field, and all records."""

    arrays: dict[str, NDArray[np.int32]]
    records: tuple[TokenRecord, ...]
    model_fold: int

    def part(self, split: str) -> list[TokenRecord]:
        """Records whose problem plays `split` for this model."""
        return [r for r in self.records if split_of(r.fold, model_fold=self.model_fold) == split]

    def tokens(self, field: str, rows: Sequence[int]) -> Tensor:
        """(len(rows), L) int64."""
        return torch.from_numpy(self.arrays[field][np.asarray(rows, dtype=np.int64)].astype(np.int64))


def load_fold(tokenized_pack: Artifact, model_fold: int) -> FoldData:
    """Read one fold of a stored `tokenized_pack`. Raises: StoreError: the fold is not in it."""
    arrays = load_file(tokenized_pack.path(f"fold{model_fold}_tokens.safetensors"))
    records = read_table(tokenized_pack.path("records.parquet"), TokenRecord)
    return FoldData({name: arrays[name] for name in FIELDS}, tuple(records), model_fold)


class BatchSampler:
    """Draws completions in pairs, one that passed and one that failed of the same problem, with some of their inputs."""

    def __init__(self, records: Sequence[TokenRecord], config: TrainingConfig, generator: np.random.Generator) -> None:
        """Raises: TrainingError: no problem has both a passing and a failing completion."""
        self._config, self._generator = config, generator
        self._records: dict[str, list[TokenRecord]] = defaultdict(list)
        problems: dict[str, dict[bool, list[str]]] = defaultdict(lambda: {True: [], False: []})
        for record in sorted(records, key=lambda r: r.record_id):
            if record.is_train_usable:
                if record.completion_id not in self._records:
                    problems[record.problem_id][record.completion_passed].append(record.completion_id)
                self._records[record.completion_id].append(record)
        self._pairs = [problems[name] for name in sorted(problems) if all(problems[name].values())]
        if not self._pairs:
            raise TrainingError("No train problem has both passing and failing completions; see pack_has_both_classes.")

    def draw(self) -> list[TokenRecord]:
        """About completions_per_batch × inputs_per_completion records."""
        chosen: list[TokenRecord] = []
        for _ in range(self._config.completions_per_batch // 2):
            pair = self._pairs[self._generator.integers(len(self._pairs))]
            for passed in (True, False):
                name = pair[passed][self._generator.integers(len(pair[passed]))]
                own = self._records[name]
                count = min(self._config.inputs_per_completion, len(own))
                chosen += [own[i] for i in self._generator.choice(len(own), size=count, replace=False)]
        return chosen
