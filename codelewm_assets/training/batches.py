"""Batches of packed tensors from token records, each distinct beginning once. Shapes: B records, N segments, C completions."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np
import torch
from torch import Tensor

from codelewm_assets.training.config import TrainingConfig
from codelewm_assets.training.data import FoldData
from codelewm_assets.training.loss import Labels, Latents
from codelewm_assets.training.modeling_codelewm import CodeLeWMModel, Packed
from codelewm_assets.training.packing import Segment, pack
from codelewm_assets.training.tokenize import EMPTY_ACTION_ROW, TokenRecord

ROWS_COMPILED = 8  # rows are padded to a multiple of it when each new shape is compiled


@dataclass(frozen=True, slots=True)
class Pointers:
    """Programs of twin pairs, and the tokens of the bugs.

    Attributes:
        segments: (L,) int64.
        tokens: (T,) int64 places of bugs' tokens in (R · S,).
        owners: (T,) int64 in 0…L - 1, whose they are.
    """

    segments: Tensor
    tokens: Tensor
    owners: Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """Sequences of a batch, and the segments of each record.

    Attributes:
        sequences: packed trees of prompts, programs and inputs, and the inputs alone.
        outputs: packed outputs.
        pointers: where the failing programs differ from their twins.
        segment_index: `code`, `input` (both in their sequence), `input_alone`, `output` → (B,) int64 index of the record's
            segment.
        tokens: of all sequences.
    """

    sequences: Packed
    outputs: Packed
    pointers: Pointers
    segment_index: Mapping[str, Tensor]
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


@dataclass(frozen=True, slots=True)
class Forest:
    """Trees of records, and the index of each record's program and input among all of their segments."""

    trees: list[list[Segment]]
    code: list[int]
    input: list[int]


def plant(
    data: FoldData, prompts: Sequence[int], codes: Sequence[int], inputs: Sequence[int], row_tokens: int
) -> Forest:
    """A tree for each prompt, its programs and their inputs; another one where a tree would be longer than a row.

    Args:
        prompts, codes, inputs: row of the token arrays for each record.
    """
    arrays, trees, sizes = data.arrays, list[list[Segment]](), list[int]()
    tree_of: dict[int, int] = {}  # prompt → its last tree
    places: dict[tuple[int, ...], tuple[int, int]] = {}  # (prompt, code) or (prompt, code, input) → tree, place

    def add(tree: int, field: str, row: int, parent: int | None) -> tuple[int, int]:
        tokens = arrays[field][row]
        trees[tree].append(Segment(field, tokens, parent))
        sizes[tree] += len(tokens)
        return tree, len(trees[tree]) - 1

    where = list[tuple[tuple[int, int], tuple[int, int]]]()
    for prompt, code, action in zip(prompts, codes, inputs, strict=True):
        if (prompt, code, action) not in places:
            new = len(arrays["input"][action])
            tree = places[prompt, code][0] if (prompt, code) in places else tree_of.get(prompt, -1)
            new_code = 0 if (prompt, code) in places else len(arrays["code"][code])
            if tree < 0 or sizes[tree] + new_code + new > row_tokens:
                tree = tree_of[prompt] = len(trees)
                trees.append([])
                sizes.append(0)
                add(tree, "prompt", prompt, None)
                places.pop((prompt, code), None)
            if (prompt, code) not in places:
                places[prompt, code] = add(tree, "code", code, 0)
            places[prompt, code, action] = add(tree, "input", action, places[prompt, code][1])
        where.append((places[prompt, code], places[prompt, code, action]))
    offsets = np.cumsum([0, *(len(tree) for tree in trees)])

    def numbers(column: int) -> list[int]:
        return [int(offsets[pair[column][0]]) + pair[column][1] for pair in where]

    return Forest(trees, numbers(0), numbers(1))


def make_batch(
    data: FoldData,
    records: Sequence[TokenRecord],
    classes: Mapping[int, int],
    config: TrainingConfig,
    *,
    device: str = "cpu",
) -> Batch:
    """Pack the sequences of these records.

    Args:
        classes: as `frequent_outputs` gives them.
    """
    inputs = [record.input for record in records]
    forest = plant(data, [r.prompt for r in records], [r.code for r in records], inputs, config.row_tokens)
    actions, where = np.unique(inputs, return_inverse=True)
    alone = [[Segment("input", data.arrays["input"][row])] for row in actions]
    count = sum(map(len, forest.trees))
    sequences = _packed([*forest.trees, *alone], config)
    rows, output_index = np.unique([record.output for record in records], return_inverse=True)
    outputs = _packed([[Segment("output", data.arrays["output"][row])] for row in rows], config)
    pointers, fails = _pointers(data, records, forest.code, sequences, device)
    index = {"code": forest.code, "input": forest.input, "input_alone": where + count, "output": output_index}
    return Batch(
        sequences.to(device),
        outputs.to(device),
        pointers,
        {name: torch.as_tensor(places, dtype=torch.int64, device=device) for name, places in index.items()},
        labels_of(records, classes, config, fails, device),
        sequences.token_count + outputs.token_count,
    )


def bug_tokens(right: Sequence[int], wrong: Sequence[int]) -> list[int]:
    """Places in the wrong program's tokens that differ from its right twin's; of a deletion, the tokens on both sides."""
    places = set[int]()
    for tag, _, _, start, end in SequenceMatcher(None, right, wrong, autojunk=False).get_opcodes():
        if tag == "delete":
            start, end = start - 1, end + 1
        if tag != "equal":
            places.update(range(max(0, start), min(len(wrong), end)))
    return sorted(places)


def _pointers(
    data: FoldData, records: Sequence[TokenRecord], code: Sequence[int], sequences: Packed, device: str
) -> tuple[Pointers, list[bool]]:
    """Programs of the twin pairs of a batch, each once, and whether they fail. A bug behind the cut leaves its pair out."""
    pairs: dict[tuple[str, str], dict[bool, tuple[TokenRecord, int]]] = {}
    for record, segment in zip(records, code, strict=True):
        if record.twin is not None:
            pairs.setdefault((record.problem_id, record.twin), {}).setdefault(
                record.completion_passed, (record, segment)
            )
    owners = sequences.owners.flatten().numpy()
    segments, fails, tokens, of_segment = list[int](), list[bool](), list[int](), list[int]()
    for sides in pairs.values():
        if len(sides) < 2:
            continue
        (right, passing), (wrong, failing) = sides[True], sides[False]
        places = bug_tokens(*(data.arrays["code"][r.code].tolist() for r in (right, wrong)))
        if places:
            of_bug = np.flatnonzero(owners == failing)[places].tolist()
            tokens += of_bug
            of_segment += [len(segments)] * len(of_bug)
            segments += [failing, passing]
            fails += [True, False]
    columns = (torch.tensor(c, dtype=torch.int64, device=device) for c in (segments, tokens, of_segment))
    return Pointers(*columns), fails


def _packed(trees: Sequence[Sequence[Segment]], config: TrainingConfig) -> Packed:
    multiple = ROWS_COMPILED if config.compile else 1
    return pack(trees, config.row_tokens, rows_multiple=multiple, is_fixed=config.compile)


def labels_of(
    records: Sequence[TokenRecord],
    classes: Mapping[int, int],
    config: TrainingConfig,
    fails: Sequence[bool],
    device: str = "cpu",
) -> Labels:
    """Labels of the records. Args: fails: of each program of the batch's pointers."""
    completions, completion_index = np.unique([r.completion_id for r in records], return_inverse=True)
    first = {record.completion_id: record for record in records}
    _, problem_index = np.unique([first[name].problem_id for name in completions], return_inverse=True)

    def tensor(values: object, dtype: torch.dtype = torch.int64) -> Tensor:
        return torch.as_tensor(np.asarray(values), dtype=dtype, device=device)

    return Labels(
        output_rows=tensor([r.output for r in records]),
        output_classes=tensor([classes.get(r.output, config.output_values) for r in records]),
        passed=tensor([r.passed for r in records], torch.float32),
        swap=tensor(_swaps(records)),
        has_output=tensor([r.has_output for r in records], torch.bool),
        completion=tensor(completion_index),
        completion_passed=tensor([first[name].completion_passed for name in completions], torch.bool),
        problem=tensor(problem_index),
        fails=tensor(fails, torch.bool),
    )


def _swaps(records: Sequence[TokenRecord]) -> list[int]:
    """For each record the next one of its completion, cyclically; itself without another, or on the empty action."""
    by_completion: dict[str, list[int]] = {}
    for index, record in enumerate(records):
        if record.input != EMPTY_ACTION_ROW:
            by_completion.setdefault(record.completion_id, []).append(index)
    swap = list(range(len(records)))
    for indices in by_completion.values():
        for place, index in enumerate(indices):
            swap[index] = indices[(place + 1) % len(indices)]
    return swap


def latents_of(model: CodeLeWMModel, batch: Batch) -> Latents:
    """Encode a batch; outputs by the target encoder, without gradient."""
    z, suspicion, scores = model.encoder(batch.sequences)  # (N, D), (N,), (R, S)
    z_out = model.target_latent(batch.outputs)
    index, pointers = batch.segment_index, batch.pointers
    mass = suspicion[pointers.segments].exp()  # (L,)
    sizes = torch.bincount((batch.sequences.owners + 1).flatten(), minlength=batch.sequences.count + 1)[1:]
    bug_mass = mass.new_zeros(len(mass)).index_add(0, pointers.owners, scores.flatten()[pointers.tokens].exp())
    return Latents(
        z_code=z[index["code"]],
        z_input=z[index["input"]],
        z_alone=z[index["input_alone"]],
        z_out=z_out[index["output"]],
        suspicion=suspicion[index["code"]],
        mass=mass,
        bug_mass=bug_mass / sizes[pointers.segments],
    )
