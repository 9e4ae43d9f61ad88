"""Token arrays and records of one model fold, and batches drawn from them with a seeded generator."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from codelewm_assets.core.errors import TrainingError
from codelewm_assets.core.ids import split_of
from codelewm_assets.core.tables import read_table
from codelewm_assets.store.store import Artifact
from codelewm_assets.training.config import TrainingConfig
from codelewm_assets.training.tokenize import FIELDS, TokenArray, TokenRecord


@dataclass(frozen=True, slots=True)
class FoldData:
    """Token arrays by field, and all records."""

    arrays: dict[str, TokenArray]
    records: tuple[TokenRecord, ...]
    model_fold: int

    def part(self, split: str) -> list[TokenRecord]:
        """Records whose problem plays `split` for this model."""
        return [r for r in self.records if split_of(r.fold, model_fold=self.model_fold) == split]


def load_fold(tokenized_pack: Artifact, model_fold: int) -> FoldData:
    """Read one fold of a stored `tokenized_pack`; the tokens stay on disk, mapped into memory.

    Raises: StoreError: the fold is not in it.
    """

    def mapped(name: str) -> Any:
        return np.load(tokenized_pack.path(f"fold{model_fold}_{name}.npy"), mmap_mode="r", allow_pickle=False)

    arrays = {name: TokenArray(mapped(f"{name}_tokens"), mapped(f"{name}_starts")) for name in FIELDS}
    return FoldData(arrays, tuple(read_table(tokenized_pack.path("records.parquet"), TokenRecord)), model_fold)


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

    @property
    def state(self) -> dict[str, Any]:
        """State of the generator, serializable as JSON."""
        return dict(self._generator.bit_generator.state)

    @state.setter
    def state(self, value: Mapping[str, Any]) -> None:
        self._generator.bit_generator.state = value

    def draw(self) -> list[TokenRecord]:
        """About completions_per_batch × inputs_per_completion records, grouped by completion."""
        chosen: list[TokenRecord] = []
        for _ in range(self._config.completions_per_batch // 2):
            pair = self._pairs[self._generator.integers(len(self._pairs))]
            for passed in (True, False):
                name = pair[passed][self._generator.integers(len(pair[passed]))]
                inputs = self._records[name]
                count = min(self._config.inputs_per_completion, len(inputs))
                chosen += [inputs[i] for i in self._generator.choice(len(inputs), size=count, replace=False)]
        return chosen
