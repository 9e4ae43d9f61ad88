"""Packing: nothing is lost, cut or seen by a neighbour, and losses and gradients are those of one document a row."""

from typing import Any

import numpy as np
import pytest
import torch

from codelewm_assets.core.errors import TrainingError
from codelewm_assets.training.batches import Batch, frequent_outputs, latents_of, make_batch
from codelewm_assets.training.data import BatchSampler, FoldData
from codelewm_assets.training.loss import total_loss
from codelewm_assets.training.model import Encoder, TransitionModel, attend, block_diagonal_mask
from codelewm_assets.training.packing import NO_DOCUMENT, Document, pack
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.training.tokens import CONFIG, one_a_row

EXACT = CONFIG.model_copy(update={"dropout": 0.0, "layers": 2, "hidden": 16, "heads": 2, "completions_per_batch": 8})
LENGTHS = {"code": 16, "input": 16, "output": 16, "prompt": 16}


def documents(count: int, seed: int = 0) -> list[Document]:
    """Documents of 1 to 16 random tokens, of all fields in turn."""
    rng = np.random.default_rng(seed)
    fields = list(LENGTHS)
    return [(fields[n % 4], rng.integers(1, 300, rng.integers(1, 17))) for n in range(count)]


def test_three_documents_in_two_rows_by_hand() -> None:
    """Lengths 2, 3, 4 in rows of 5: the 4 opens row 0, the 3 row 1, and the 2 fits behind the 3."""
    two, three, four = np.array([1, 2]), np.array([3, 4, 5]), np.array([6, 7, 8, 9])
    found = pack([("code", two), ("output", three), ("prompt", four)], 5)
    assert found.tokens.tolist() == [[6, 7, 8, 9, 0], [3, 4, 5, 1, 2]]
    assert found.positions.tolist() == [[0, 1, 2, 3, 0], [0, 1, 2, 0, 1]]
    assert found.documents.tolist() == [[2, 2, 2, 2, NO_DOCUMENT], [1, 1, 1, 0, 0]]
    assert found.kinds.tolist() == [[3, 3, 3, 3, 0], [2, 2, 2, 0, 0]]
    assert (found.count, found.token_count) == (3, 9)


def test_no_documents_are_one_empty_row() -> None:
    found = pack([], 4)
    assert (found.count, found.token_count, found.tokens.tolist()) == (0, 0, [[0, 0, 0, 0]])


def test_rows_are_filled_up_to_a_multiple() -> None:
    found = pack([("code", np.array([1, 2, 3]))], 4, rows_multiple=8)
    assert found.tokens.shape == (8, 4) and found.token_count == 3


@each_case("seed", range(5))
def test_every_document_is_whole_in_one_row(seed: int) -> None:
    given = documents(40, seed)
    found = pack(given, 16)
    for number, (_, tokens) in enumerate(given):
        rows = (found.documents == number).nonzero()[:, 0]
        mine = found.documents == number
        assert len(set(rows.tolist())) == 1
        assert found.tokens[mine].tolist() == tokens.tolist()
        assert found.positions[mine].tolist() == list(range(len(tokens)))
    assert found.token_count == sum(len(tokens) for _, tokens in given)


@pytest.mark.parametrize("length", [0, 17])
def test_a_document_that_fits_no_row_is_refused(length: int) -> None:
    with pytest.raises(TrainingError, match="expected 1 to row_tokens = 16"):
        pack([("code", np.ones(length, dtype=np.int64)), ("code", np.ones(3, dtype=np.int64))], 16)


def encoder() -> Encoder:
    torch.manual_seed(0)
    return Encoder(EXACT).eval()


def test_packed_latents_are_those_of_one_document_a_row() -> None:
    given, made = documents(30), encoder()
    packed = made(pack(given, 16))
    padded = made(one_a_row(given, LENGTHS))
    assert pack(given, 16).tokens.shape[0] < 30
    torch.testing.assert_close(packed, padded, rtol=1e-5, atol=1e-5)


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_attention_by_blocks_has_the_values_of_the_dense_mask() -> None:
    """As on a GPU, but not compiled: the operator's own reference on CPU, which has no backward."""
    rows = pack(documents(30), 16).documents
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(len(rows), 2, 16, 8, generator=generator) for _ in range(3))
    dense, blocks = (attend(q, k, v, block_diagonal_mask(rows, by_blocks=by_blocks)) for by_blocks in (False, True))
    torch.testing.assert_close(dense, blocks, rtol=1e-5, atol=1e-5)


def test_a_neighbour_in_the_row_changes_no_bit_of_a_latent() -> None:
    """The same places with other neighbours: were a token seen across documents, the latent would move."""
    mine = np.array([5, 6, 7])
    made = encoder()
    found = [made(pack([("code", mine), ("code", np.full(13, n))], 16))[0] for n in (8, 9, 200)]
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])


def test_without_the_mask_the_same_neighbour_would_be_seen() -> None:
    """Position ids alone leak: as one document the first tokens get another latent."""
    mine, other = np.array([5, 6, 7]), np.full(13, 9)
    made = encoder()
    apart = made.hidden(pack([("code", mine), ("code", other)], 16))[0, 13:]
    beside = made.hidden(pack([("code", np.concatenate([other, mine]))], 16))[0, 13:]
    assert not torch.allclose(apart, beside, atol=1e-3)


def test_no_gradient_reaches_another_document() -> None:
    made = encoder()
    given: list[Document] = [("code", np.array([5, 6, 7])), ("input", np.array([11, 12]))]
    made(pack(given, 16))[0].sum().backward()
    gradient = made.token.weight.grad
    assert gradient is not None
    assert all(bool(gradient[token].abs().sum() > 0) for token in (5, 6, 7))
    assert not gradient[[11, 12]].any()


def _padded(batch_records: Any, data: FoldData, packed: Batch) -> Batch:
    """The same batch, one document a row."""
    given: list[Document] = []
    for field in ("code", "input", "prompt"):
        given += [(field, data.arrays[field][row]) for row in np.unique([getattr(r, field) for r in batch_records])]
    outputs = [("output", data.arrays["output"][row]) for row in np.unique([r.output for r in batch_records])]
    rows = [one_a_row(docs, LENGTHS) for docs in (given, outputs)]
    return Batch(rows[0], rows[1], packed.document_index, packed.labels, packed.tokens)


def test_losses_and_gradients_are_those_of_one_document_a_row(fold_data: FoldData) -> None:
    torch.manual_seed(0)
    model = TransitionModel(EXACT)
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
    assert len(found[0][1]) == 7 and found[0][2].keys() == found[1][2].keys()
    torch.testing.assert_close(found[0][0], found[1][0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found[0][1], found[1][1], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found[0][2], found[1][2], rtol=1e-5, atol=1e-5)


def test_each_distinct_text_of_a_batch_is_encoded_once_and_records_find_their_own(fold_data: FoldData) -> None:
    records = BatchSampler(fold_data.part("train"), EXACT, np.random.default_rng(0)).draw()
    batch = make_batch(fold_data, records, {}, EXACT)
    distinct = sum(len({getattr(r, field) for r in records}) for field in ("code", "input", "prompt"))
    assert batch.documents.count == distinct and batch.outputs.count == len({r.output for r in records})
    for field in ("code", "input", "prompt"):
        for index, record in enumerate(records):
            mine = batch.documents.documents == batch.document_index[field][index]
            assert batch.documents.tokens[mine].tolist() == fold_data.arrays[field][getattr(record, field)].tolist()
