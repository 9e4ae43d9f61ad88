"""Token arrays and records of one model fold, and batches drawn from them with a seeded generator."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from codelewm_assets.core.errors import TrainingError
from codelewm_assets.core.ids import OUTPUT_BENCHMARKS, AnyBenchmarkId, split_of
from codelewm_assets.core.tables import read_table
from codelewm_assets.store.store import Artifact
from codelewm_assets.training.config import TrainingConfig
from codelewm_assets.training.tokenize import EMPTY_ACTION_ROW, FIELDS, RECORDS, VARIANTS, TokenArray, TokenRecord


@dataclass(frozen=True, slots=True)
class FoldData:
    """Token arrays by field, all records, and the library variants of stage 1, of which there may be none.

    Records of a benchmark that asks for outputs are in no part: nothing is trained, validated or calibrated on them.
    """

    arrays: dict[str, TokenArray]
    records: tuple[TokenRecord, ...]
    model_fold: int
    variants: tuple[TokenRecord, ...] = ()

    def part(self, split: str) -> list[TokenRecord]:
        """Records whose problem plays `split` for this model."""
        return [r for r in self._of(split) if r.benchmark_id not in OUTPUT_BENCHMARKS]

    def output_records(self, benchmark: AnyBenchmarkId) -> list[TokenRecord]:
        """Records of a benchmark that asks for outputs whose problem, with its near-duplicates, is in test for this model."""
        return [r for r in self._of("test") if r.benchmark_id == benchmark]

    def _of(self, split: str) -> list[TokenRecord]:
        return [r for r in self.records if split_of(r.fold, model_fold=self.model_fold) == split]


def load_fold(tokenized_pack: Artifact, model_fold: int) -> FoldData:
    """Read one fold of a stored `tokenized_pack`; the tokens stay on disk, mapped into memory.

    Raises: StoreError: the fold is not in it.
    """

    def mapped(name: str) -> Any:
        return np.load(tokenized_pack.path(f"fold{model_fold}_{name}.npy"), mmap_mode="r", allow_pickle=False)

    arrays = {name: TokenArray(mapped(f"{name}_tokens"), mapped(f"{name}_starts")) for name in FIELDS}
    has_variants = any(file.path == VARIANTS for file in tokenized_pack.manifest.files)
    records, variants = (
        tuple(read_table(tokenized_pack.path(name), TokenRecord)) if is_there else ()
        for name, is_there in ((RECORDS, True), (VARIANTS, has_variants))
    )
    return FoldData(arrays, records, model_fold, variants)


class BatchSampler:
    """Draws pairs of a passing and a failing completion of a problem, on the same inputs; some see the empty action instead.

    Pairs are twins where the problem has some: they differ by the bug alone.
    """

    def __init__(self, records: Sequence[TokenRecord], config: TrainingConfig, generator: np.random.Generator) -> None:
        """Raises: TrainingError: no problem has both a passing and a failing completion."""
        self._config, self._generator = config, generator
        self._records: dict[str, list[TokenRecord]] = defaultdict(list)
        problems: dict[str, dict[bool, list[str]]] = defaultdict(lambda: {True: [], False: []})
        twins: dict[tuple[str, str], dict[bool, list[str]]] = defaultdict(lambda: {True: [], False: []})
        for record in sorted(records, key=lambda r: r.record_id):
            if record.is_train_usable:
                if record.completion_id not in self._records:
                    problems[record.problem_id][record.completion_passed].append(record.completion_id)
                    if record.twin is not None:
                        twins[record.problem_id, record.twin][record.completion_passed].append(record.completion_id)
                self._records[record.completion_id].append(record)
        self._problems = [problems[name] for name in sorted(problems) if all(problems[name].values())]
        if not self._problems:
            raise TrainingError("No train problem has both passing and failing completions; see pack_has_both_classes.")
        pairs: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for (problem, _), sides in sorted(twins.items()):
            pairs[problem] += product(sides[True], sides[False])
        self._twins = [pairs[name] for name in sorted(problems) if all(problems[name].values())]

    @property
    def state(self) -> dict[str, Any]:
        """State of the generator, serializable as JSON."""
        return dict(self._generator.bit_generator.state)

    @state.setter
    def state(self, value: Mapping[str, Any]) -> None:
        self._generator.bit_generator.state = value

    def draw(self) -> list[TokenRecord]:
        """At most completions_per_batch × inputs_per_completion records, grouped by problem and completion."""
        config, chosen = self._config, list[TokenRecord]()
        for _ in range(max(1, config.completions_per_batch // config.completions_per_problem)):
            names = self._completions(int(self._generator.integers(len(self._problems))))
            inputs = sorted({record.input for name in names for record in self._records[name]})
            order = {inputs[i]: place for place, i in enumerate(self._sample(len(inputs), len(inputs)))}
            for name in names:
                ordered = sorted(self._records[name], key=lambda record: order[record.input])
                chosen += ordered[: config.inputs_per_completion]
        is_dropped = self._generator.random(len(chosen)) < config.action_dropout
        return [
            record.model_copy(update={"input": EMPTY_ACTION_ROW}) if dropped else record
            for record, dropped in zip(chosen, is_dropped, strict=True)
        ]

    def _completions(self, number: int) -> list[str]:
        """Pairs of one problem, the passing one first."""
        half, twins = self._config.completions_per_problem // 2, self._twins[number]
        if twins:
            return [name for i in self._sample(len(twins), half) for name in twins[i]]
        sides = [self._problems[number][passed] for passed in (True, False)]
        half = min(half, *map(len, sides))
        columns = [[names[i] for i in self._sample(len(names), half)] for names in sides]
        return [name for pair in zip(*columns, strict=True) for name in pair]

    def _sample(self, count: int, size: int) -> list[int]:
        """Numbers below `count`, each at most once."""
        return [int(i) for i in self._generator.choice(count, size=min(size, count), replace=False)]
