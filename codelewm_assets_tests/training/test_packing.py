"""Packing: nothing is lost, cut or seen by a neighbour, and losses and gradients are those of one sequence a row."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from codelewm_assets.core.errors import TrainingError
from codelewm_assets.training.batches import (
    Batch,
    Pointers,
    bug_tokens,
    frequent_outputs,
    latents_of,
    make_batch,
    plant,
)
from codelewm_assets.training.data import BatchSampler, FoldData
from codelewm_assets.training.hub import model_config, new_model
from codelewm_assets.training.loss import total_loss
from codelewm_assets.training.modeling_codelewm import (
    NO_ANCESTOR,
    NO_SEGMENT,
    SEGMENTS,
    CodeLeWMTrunk,
    attend,
    segment_mask,
)
from codelewm_assets.training.packing import Segment, Tree, pack
from codelewm_assets.training.tokenize import TokenArray, TokenRecord
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.training.tokens import CONFIG

EXACT = CONFIG.model_copy(
    update={
        "dropout": 0.0,
        "layers": 2,
        "hidden": 16,
        "heads": 2,
        "completions_per_batch": 8,
        "inputs_per_completion": 2,
    }
    | {"completions_per_problem": 4, "row_tokens": 96}
)
ROOM = 32


def chains(count: int, seed: int = 0) -> list[list[Segment]]:
    """Sequences of a prompt, a program and an input of 1 to 10 random tokens each."""
    rng = np.random.default_rng(seed)

    def tokens() -> np.ndarray:
        return rng.integers(1, 300, rng.integers(1, 11))

    return [
        [Segment("prompt", tokens()), Segment("code", tokens(), 0), Segment("input", tokens(), 1)] for _ in range(count)
    ]


def test_three_trees_in_two_rows_by_hand() -> None:
    """Lengths 2, 3, 4: rows are as long as the 4, which opens row 0; the 3 opens row 1, the 2 row 2.

    In rows of exactly 5 the 2 fits behind the 3.
    """
    two, three, four = np.array([1, 2]), np.array([3, 4, 5]), np.array([6, 7, 8, 9])
    trees = [[Segment("code", two)], [Segment("output", three)], [Segment("prompt", four)]]
    assert pack(trees, 5).tokens.tolist() == [[6, 7, 8, 9], [3, 4, 5, 0], [1, 2, 0, 0]]
    found = pack(trees, 5, is_fixed=True)
    assert found.tokens.tolist() == [[6, 7, 8, 9, 0], [3, 4, 5, 1, 2]]
    assert found.positions.tolist() == [[0, 1, 2, 3, 0], [0, 1, 2, 0, 1]]
    assert found.owners.tolist() == [[2, 2, 2, 2, NO_SEGMENT], [1, 1, 1, 0, 0]]
    assert found.kinds.tolist() == [[0, 0, 0, 0, 0], [3, 3, 3, 1, 1]]
    assert (found.count, found.token_count) == (3, 9)


def test_a_tree_by_hand() -> None:
    """Prompt of 2, a program of 1 with inputs of 1 and 2, a program of 2: positions go on from the segment before."""
    tree = [Segment("prompt", np.array([1, 2])), Segment("code", np.array([3]), 0), Segment("input", np.array([4]), 1),
            Segment("input", np.array([5, 6]), 1), Segment("code", np.array([7, 8]), 0)]  # fmt: skip
    found = pack([tree], 16)
    assert found.tokens.tolist() == [[1, 2, 3, 4, 5, 6, 7, 8]]
    assert found.positions.tolist() == [[0, 1, 2, 3, 3, 4, 2, 3]]
    assert found.ancestors.tolist() == [[NO_ANCESTOR] * 2, [0, NO_ANCESTOR], [1, 0], [1, 0], [0, NO_ANCESTOR]]
    mask = torch.as_tensor(segment_mask(found, by_blocks=False))[0, 0].int().tolist()
    prompt, code, one, two, other = [1, 1, 0, 0, 0, 0, 0, 0], [1, 1, 1, 0, 0, 0, 0, 0], [1, 1, 1, 1, 0, 0, 0, 0], [
        1, 1, 1, 0, 1, 1, 0, 0], [1, 1, 0, 0, 0, 0, 1, 1]  # fmt: skip
    assert mask == [prompt, prompt, code, one, two, two, other, other]


def test_no_trees_are_one_empty_row() -> None:
    found = pack([], 4, is_fixed=True)
    assert (found.count, found.token_count, found.tokens.tolist()) == (0, 0, [[0, 0, 0, 0]])


def test_rows_are_filled_up_to_a_multiple() -> None:
    found = pack([[Segment("code", np.array([1, 2, 3]))]], 4, rows_multiple=8, is_fixed=True)
    assert found.tokens.shape == (8, 4) and found.token_count == 3


@each_case("seed", range(5))
def test_every_tree_is_whole_in_one_row(seed: int) -> None:
    given = chains(20, seed)
    found = pack(given, ROOM)
    segments = [segment for tree in given for segment in tree]
    for number, segment in enumerate(segments):
        mine = found.owners == number
        assert len(set(mine.nonzero()[:, 0].tolist())) == 1
        assert found.tokens[mine].tolist() == segment.tokens.tolist()
    for tree in range(len(given)):
        mine = (found.owners >= 3 * tree) & (found.owners < 3 * tree + 3)
        assert len(set(mine.nonzero()[:, 0].tolist())) == 1
        assert found.positions[mine].tolist() == list(range(int(mine.sum())))
    assert found.token_count == sum(len(segment.tokens) for segment in segments)


@pytest.mark.parametrize("length", [0, 17])
def test_a_tree_that_fits_no_row_is_refused(length: int) -> None:
    with pytest.raises(TrainingError, match="expected at most row_tokens = 16, and at least 1"):
        pack([[Segment("code", np.ones(length, dtype=np.int64))], [Segment("code", np.ones(3, dtype=np.int64))]], 16)


def trunk() -> CodeLeWMTrunk:
    torch.manual_seed(0)
    return new_model(EXACT).encoder.eval()


def _one_a_row(trees: Sequence[Tree], made: CodeLeWMTrunk) -> torch.Tensor:
    return torch.cat([made(pack([tree], ROOM)).z for tree in trees])


def test_packed_latents_are_those_of_one_sequence_a_row() -> None:
    given, made = chains(30), trunk()
    assert len(pack(given, ROOM).tokens) < 30
    torch.testing.assert_close(made(pack(given, ROOM)).z, _one_a_row(given, made), rtol=1e-5, atol=1e-5)


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_attention_by_blocks_has_the_values_of_the_dense_mask() -> None:
    """As on a GPU, but not compiled: the operator's own reference on CPU, which has no backward."""
    packed = pack(chains(20), ROOM)
    generator = torch.Generator().manual_seed(0)
    q, k, v = (
        torch.randn(*packed.tokens.shape[:1], 2, packed.tokens.shape[1], 8, generator=generator) for _ in range(3)
    )
    is_token = (packed.owners != NO_SEGMENT)[:, None, :, None]
    dense, blocks = (attend(q, k, v, segment_mask(packed, by_blocks=way)) * is_token for way in (False, True))
    torch.testing.assert_close(dense, blocks, rtol=1e-5, atol=1e-5)


def test_a_neighbour_in_the_row_changes_no_bit_of_a_latent() -> None:
    """The same places with other neighbours: were a token seen across sequences, the latent would move."""
    mine = [Segment("code", np.array([5, 6, 7]))]
    made = trunk()
    found = [made(pack([mine, [Segment("code", np.full(13, n))]], 16, is_fixed=True)).z[0] for n in (8, 9, 200)]
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])


def test_no_gradient_reaches_another_branch() -> None:
    """Of two programs after one prompt, the first one's latent depends on the prompt and on itself."""
    made = trunk()
    tree = [Segment("prompt", np.array([3])), Segment("code", np.array([5, 6]), 0), Segment("code", np.array([11]), 0)]
    made(pack([tree], 16)).z[1].sum().backward()
    gradient = made.token.weight.grad
    assert gradient is not None
    assert all(bool(gradient[token].abs().sum() > 0) for token in (3, 5, 6))
    assert not gradient[11].any()


def test_trees_share_beginnings_and_records_find_their_own(fold_data: FoldData) -> None:
    records = BatchSampler(fold_data.part("train"), EXACT, np.random.default_rng(0)).draw()
    batch = make_batch(fold_data, records, {}, EXACT.model_copy(update={"row_tokens": 512}))
    distinct = len({r.prompt for r in records}) + len({(r.prompt, r.code) for r in records})
    distinct += len({(r.prompt, r.code, r.input) for r in records}) + len({r.input for r in records})
    assert batch.sequences.count == distinct and batch.outputs.count == len({r.output for r in records})
    for name, field in (("code", "code"), ("input", "input"), ("input_alone", "input")):
        for index, record in enumerate(records):
            place = batch.segment_index[name][index]
            mine = batch.sequences.owners == place
            assert batch.sequences.tokens[mine].tolist() == fold_data.arrays[field][getattr(record, field)].tolist()
            before = batch.sequences.ancestors[place].tolist()
            assert (before[0] == NO_ANCESTOR) is (name == "input_alone")
    code, action = batch.segment_index["code"], batch.segment_index["input"]
    assert torch.equal(batch.sequences.ancestors[action, 0], code)


def test_a_tree_that_would_be_longer_than_a_row_goes_on_in_another_one(fold_data: FoldData) -> None:
    """Each tree begins with its prompt; every record has its program and input in one of them."""
    records = [r for r in fold_data.part("train") if r.problem_id == fold_data.part("train")[0].problem_id]
    columns = [r.prompt for r in records], [r.code for r in records], [r.input for r in records]
    forest = plant(fold_data, *columns, 48)
    assert len(forest.trees) > 1
    segments = [(tree, segment) for tree in forest.trees for segment in tree]
    for tree in forest.trees:
        assert sum(len(segment.tokens) for segment in tree) <= 48 and tree[0].field == SEGMENTS[0]
    for record, code, action in zip(records, forest.code, forest.input, strict=True):
        assert segments[code][0] is segments[action][0]
        assert segments[code][1].tokens.tolist() == fold_data.arrays["code"][record.code].tolist()
        assert segments[action][1].tokens.tolist() == fold_data.arrays["input"][record.input].tolist()
        assert segments[action][0][segments[action][1].parent or 0] is segments[code][1]


def test_the_tokens_of_a_bug_by_hand() -> None:
    """Replaced: the new tokens. Inserted: those. Deleted: the tokens on both sides of the gap. Equal: none."""
    right = [1, 2, 3, 4, 5]
    assert bug_tokens(right, [1, 2, 9, 8, 4, 5]) == [2, 3]
    assert bug_tokens(right, [1, 2, 3, 7, 4, 5]) == [3]
    assert bug_tokens(right, [1, 2, 4, 5]) == [1, 2]
    assert bug_tokens(right, [2, 3, 4, 5]) == [0]
    assert bug_tokens(right, [1, 2, 3, 4]) == [3]
    assert bug_tokens(right, right) == []


def test_pointers_of_a_batch_are_both_programs_of_a_pair_and_the_tokens_of_the_bug(fold_data: FoldData) -> None:
    """The program of row r is `5, r, 7, 8`: twins differ in one token, which the short programs of the world do not."""
    codes = np.array([[5, 20 + row, 7, 8] for row in range(len(fold_data.arrays["code"]))], dtype=np.uint16)
    array = TokenArray(codes.flatten(), np.arange(0, codes.size + 1, 4))
    fold_data = replace(fold_data, arrays=fold_data.arrays | {"code": array})
    records = BatchSampler(fold_data.part("train"), EXACT, np.random.default_rng(0)).draw()
    batch = make_batch(fold_data, records, {}, EXACT)
    pointers, fails = batch.pointers, batch.labels.fails.tolist()
    assert fails and fails[::2] == [True] * (len(fails) // 2) and fails[1::2] == [False] * (len(fails) // 2)
    by_segment = {int(s): r for s, r in zip(batch.segment_index["code"], records, strict=True)}
    owners = batch.sequences.owners.flatten()
    for number in range(0, len(fails), 2):
        wrong, right = (by_segment[int(pointers.segments[n])] for n in (number, number + 1))
        assert wrong.twin == right.twin and not wrong.completion_passed and right.completion_passed
        places = pointers.tokens[pointers.owners == number]
        assert set(owners[places].tolist()) == {int(pointers.segments[number])}
        start = int((owners == pointers.segments[number]).nonzero()[0])
        assert (places - start).tolist() == [1]
    alone = [r.model_copy(update={"twin": None}) for r in records]
    assert len(make_batch(fold_data, alone, {}, EXACT).pointers.segments) == 0


def _padded(records: Sequence[TokenRecord], data: FoldData, packed: Batch) -> Batch:
    """The same batch, with each record's sequence, input and output in a row of its own."""
    trees = list[list[Segment]]()
    for r in records:
        texts = [data.arrays[field][getattr(r, field)] for field in ("prompt", "code", "input")]
        trees.append([Segment(field, t, p) for field, t, p in zip(SEGMENTS[:3], texts, (None, 0, 1), strict=True)])
    alone = [[Segment("input", data.arrays["input"][r.input])] for r in records]
    outputs = [[Segment("output", data.arrays["output"][r.output])] for r in records]
    count = len(records)
    numbers = torch.arange(count)
    index = {"code": 3 * numbers + 1, "input": 3 * numbers + 2, "input_alone": 3 * count + numbers, "output": numbers}
    # rows one sequence long
    sequences = pack([*trees, *alone], max(sum(len(s.tokens) for s in tree) for tree in trees))
    first = {int(place): number for number, place in reversed(list(enumerate(packed.segment_index["code"])))}
    segments = torch.tensor([3 * first[int(place)] + 1 for place in packed.pointers.segments], dtype=torch.int64)
    tokens = list[int]()
    for token, owner in zip(packed.pointers.tokens.tolist(), packed.pointers.owners.tolist(), strict=True):
        start = int((packed.sequences.owners.flatten() == packed.pointers.segments[owner]).nonzero()[0])
        tokens.append(token - start + int((sequences.owners.flatten() == segments[owner]).nonzero()[0]))
    pointers = Pointers(segments, torch.tensor(tokens, dtype=torch.int64), packed.pointers.owners)
    return Batch(sequences, pack(outputs, 32), pointers, index, packed.labels, packed.tokens)


def test_losses_and_gradients_are_those_of_one_sequence_a_record(fold_data: FoldData) -> None:
    torch.manual_seed(0)
    model = new_model(EXACT)
    records = BatchSampler(fold_data.part("train"), EXACT, np.random.default_rng(0)).draw()
    packed = make_batch(fold_data, records, frequent_outputs(records, EXACT.output_values), EXACT)
    found = []
    for batch in (packed, _padded(records, fold_data, packed)):
        torch.manual_seed(1)  # of the directions
        model.zero_grad()
        loss, terms = total_loss(model, latents_of(model, batch), batch.labels, EXACT)
        loss.backward()  # type: ignore[no-untyped-call]
        gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
        found.append((loss.detach(), {name: term.detach() for name, term in terms.items()}, gradients))
    assert len(found[0][1]) == 9 and found[0][2].keys() == found[1][2].keys()
    torch.testing.assert_close(found[0][0], found[1][0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found[0][1], found[1][1], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found[0][2], found[1][2], rtol=1e-4, atol=1e-5)


def test_the_configuration_of_the_model_names_where_segments_are_cut() -> None:
    assert model_config(EXACT).max_segment_tokens == EXACT.lengths
