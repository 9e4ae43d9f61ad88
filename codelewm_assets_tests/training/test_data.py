"""Parts of a fold, and batches."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
from tokenizers import Tokenizer

from codelewm_assets.core.errors import StoreError, TrainingError
from codelewm_assets.store.store import ArtifactStore
from codelewm_assets.training.data import BatchSampler, FoldData, load_fold
from codelewm_assets.training.tokenize import EMPTY_ACTION_ROW, FIELDS, NO_FOLD, TokenRecord, tokenize_fold
from codelewm_assets_tests.factories import World
from codelewm_assets_tests.training.tokens import CONFIG, put_tokens, world_texts


def _sampler(records: list[TokenRecord], seed: int = 0) -> BatchSampler:
    return BatchSampler(records, CONFIG, np.random.default_rng(seed))


def test_the_three_parts_hold_every_record_once_and_no_problem_twice(fold_data: FoldData) -> None:
    parts = {name: fold_data.part(name) for name in ("train", "val", "test")}
    assert sum(map(len, parts.values())) == len(fold_data.records)
    assert {r.fold for r in parts["test"]} == {0}  # model fold 0: test = 0, val = 1, train = the rest
    assert {r.fold for r in parts["val"]} == {1}
    assert {r.fold for r in parts["train"]} == {2, 3, 4}


def test_other_model_folds_turn_the_parts(fold_data: FoldData) -> None:
    data = replace(fold_data, model_fold=4)
    assert {r.fold for r in data.part("test")} == {4}
    assert {r.fold for r in data.part("val")} == {0}


def test_records_of_a_benchmark_that_asks_for_outputs_are_in_no_part(fold_data: FoldData) -> None:
    moved = {r.problem_id for r in fold_data.part("test")[:1] + fold_data.part("train")[:1]}
    records = tuple(
        r.model_copy(update={"benchmark_id": "cruxeval_o"}) if r.problem_id in moved else r for r in fold_data.records
    )
    data = replace(fold_data, records=records)
    assert not [r for part in ("train", "val", "test") for r in data.part(part) if r.problem_id in moved]
    assert {(r.problem_id in moved, r.fold) for r in data.output_records("cruxeval_o")} == {(True, 0)}
    assert data.output_records("another") == []


def test_batches_hold_no_reference_and_nothing_outside_train(fold_data: FoldData) -> None:
    sampler = _sampler(fold_data.part("train"))
    drawn = [record for _ in range(200) for record in sampler.draw()]
    assert len(drawn) == 200 * 4  # tiny.yaml: 4 completions a batch, 1 input each
    assert all(record.is_train_usable for record in drawn)
    assert {record.fold for record in drawn} <= {2, 3, 4}
    assert not any(record.completion_id.endswith("/c000") for record in drawn)  # c000 is the reference


def test_half_of_a_batch_passed_and_each_pair_is_of_one_problem(fold_data: FoldData) -> None:
    sampler = _sampler(fold_data.part("train"))
    for _ in range(50):
        batch = sampler.draw()
        for good, bad in zip(batch[::2], batch[1::2], strict=True):
            assert (good.completion_passed, bad.completion_passed) == (True, False)
            assert good.problem_id == bad.problem_id


def test_pairs_are_twins_where_a_problem_has_some(fold_data: FoldData) -> None:
    sampler = _sampler(fold_data.part("train"))
    for _ in range(50):
        batch = sampler.draw()
        for good, bad in zip(batch[::2], batch[1::2], strict=True):
            assert good.twin == bad.twin is not None


def test_without_twins_a_problem_gives_pairs_of_any_two(fold_data: FoldData) -> None:
    alone = [r.model_copy(update={"twin": None}) for r in fold_data.part("train")]
    seen = {(good.completion_id, bad.completion_id) for sampler in [_sampler(alone)] for _ in range(200)
            for batch in [sampler.draw()] for good, bad in zip(batch[::2], batch[1::2], strict=True)}  # fmt: skip
    twins = {r.completion_id: (r.problem_id, r.twin) for r in fold_data.records}
    assert any(twins[good] != twins[bad] for good, bad in seen)


def test_the_completions_of_a_problem_are_drawn_on_the_same_inputs(fold_data: FoldData) -> None:
    for batch in (_sampler(fold_data.part("train"), seed).draw() for seed in range(20)):
        for good, bad in zip(batch[::2], batch[1::2], strict=True):
            assert good.input == bad.input  # tiny.yaml: one input each, no dropout


def test_action_dropout_puts_the_empty_action_in_place_of_the_input(fold_data: FoldData) -> None:
    """A half of 400 records: 200 ± 5 standard deviations of 10."""
    config = CONFIG.model_copy(update={"action_dropout": 0.5})
    sampler = BatchSampler(fold_data.part("train"), config, np.random.default_rng(0))
    drawn = [record for _ in range(100) for record in sampler.draw()]
    assert all(record.input != EMPTY_ACTION_ROW for record in fold_data.records)
    assert 150 < sum(record.input == EMPTY_ACTION_ROW for record in drawn) < 250


def test_batches_depend_on_the_seed_and_not_on_the_order_of_records(fold_data: FoldData) -> None:
    train = fold_data.part("train")
    first = [r.record_id for r in _sampler(train).draw()]
    assert [r.record_id for r in _sampler(train[::-1]).draw()] == first
    others = [[r.record_id for r in _sampler(train, seed).draw()] for seed in range(1, 4)]
    assert any(other != first for other in others)


@pytest.mark.parametrize("passed", [True, False])
def test_a_single_class_is_refused(fold_data: FoldData, passed: bool) -> None:
    single = [r for r in fold_data.part("train") if r.completion_passed is passed]
    with pytest.raises(TrainingError, match="No train problem has both passing and failing completions"):
        _sampler(single)


def test_a_reference_alone_is_not_the_passing_class(fold_data: FoldData) -> None:
    """Only the reference passed, and the reference is never drawn: there is no passing class."""
    records = [r for r in fold_data.part("train") if not r.completion_passed or not r.is_train_usable]
    with pytest.raises(TrainingError, match="No train problem has both"):
        _sampler(records)


def test_both_classes_in_different_problems_are_no_pair(fold_data: FoldData) -> None:
    train = fold_data.part("train")
    one = train[0].problem_id
    split = [r for r in train if r.completion_passed is (r.problem_id == one)]
    with pytest.raises(TrainingError, match="No train problem has both"):
        _sampler(split)


def test_a_stored_fold_reads_back_as_it_was(
    small_world: World, fold_data: FoldData, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = ArtifactStore(tmp_path_factory.mktemp("store"))
    read = load_fold(put_tokens(store, small_world, {}), 0)
    assert read.records == fold_data.records
    for name in FIELDS:
        assert isinstance(read.arrays[name].tokens, np.memmap)  # the tokens stay on disk
        assert np.array_equal(read.arrays[name].tokens, fold_data.arrays[name].tokens)
        assert np.array_equal(read.arrays[name].starts, fold_data.arrays[name].starts)


def test_a_fold_that_was_not_tokenized_is_refused(small_world: World, tmp_path_factory: pytest.TempPathFactory) -> None:
    tokens = put_tokens(ArtifactStore(tmp_path_factory.mktemp("store")), small_world, {})
    with pytest.raises(StoreError, match=r"has no file 'fold3_code_tokens\.npy'"):
        load_fold(tokens, 3)


def test_draws_continue_from_a_kept_state(fold_data: FoldData) -> None:
    first, second = _sampler(fold_data.part("train")), _sampler(fold_data.part("train"))
    first.draw()
    second.state = json.loads(json.dumps(first.state))
    assert [r.record_id for r in first.draw()] == [r.record_id for r in second.draw()]


@dataclass(frozen=True)
class Variant:
    """A row of the library corpus."""

    variant_id: str
    function_id: str
    code: str
    twin: str | None
    passed: bool


VARIANTS = [
    Variant("f/v2", "f", "def f(x):\n    return x - 1", "b0p0", False),
    Variant("f/v1", "f", "def f(x):\n    return x + 1", "b0p0", True),
    Variant("f/v3", "f", "def f(x):\n    return 1 + x", "b0p0", True),
    Variant("g/v0", "g", "def g():\n    return zzqq", None, True),
]


def test_library_variants_are_records_without_prompt_input_and_output(
    small_world: World, fold_data: FoldData, tmp_path_factory: pytest.TempPathFactory
) -> None:
    texts = world_texts(small_world, VARIANTS)
    tokens = put_tokens(ArtifactStore(tmp_path_factory.mktemp("store")), small_world, {}, VARIANTS)
    data = load_fold(tokens, 0)
    assert [r.record_id for r in data.variants] == ["f/v1", "f/v2", "f/v3", "g/v0"]
    assert (
        [r.passed for r in data.variants] == [r.completion_passed for r in data.variants] == [True, False, True, True]
    )
    assert {(r.problem_id, r.fold, r.has_output, r.input) for r in data.variants} == {
        ("f", NO_FOLD, False, EMPTY_ACTION_ROW),
        ("g", NO_FOLD, False, EMPTY_ACTION_ROW),
    }
    assert {texts.by_field["prompt"][r.prompt] for r in data.variants} == {""}
    assert [texts.by_field["code"][r.code] for r in data.variants][-1] == VARIANTS[-1].code
    assert data.records == fold_data.records  # theirs are the first rows of every field
    assert all(not data.part(split) or NO_FOLD not in {r.fold for r in data.part(split)} for split in ("val", "test"))


def test_variants_are_drawn_as_pairs_of_a_function(
    small_world: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A bug with the right side, or with the neutral edit; the function without a failing variant is never drawn."""
    tokens = put_tokens(ArtifactStore(tmp_path_factory.mktemp("store")), small_world, {}, VARIANTS)
    sampler = BatchSampler(load_fold(tokens, 0).variants, CONFIG, np.random.default_rng(0))
    drawn = set[tuple[str, str]]()
    for _ in range(20):
        names = [record.record_id for record in sampler.draw()]
        drawn |= set(zip(names[::2], names[1::2], strict=True))
    assert drawn == {("f/v1", "f/v2"), ("f/v3", "f/v2")}


def test_the_tokenizer_reads_variants_too(small_world: World) -> None:
    many = [replace(VARIANTS[-1], variant_id=f"g/v{n}", code=f"zzqq = {n}\n" * 20) for n in range(30)]
    config = CONFIG.model_copy(update={"vocab_size": 320})
    alone, with_variants = (
        Tokenizer.from_str(tokenize_fold(world_texts(small_world, rows), config, model_fold=0)[0])
        for rows in ([], many)
    )
    assert len(with_variants.encode("zzqq").ids) < len(alone.encode("zzqq").ids)
