"""Token arrays: the same in any process, trained on train texts only, padded and cut as configured."""

import os
import subprocess
import sys

import numpy as np
import pytest
from tokenizers import Tokenizer

from codelewm_assets.core.errors import TrainingError
from codelewm_assets.core.ids import split_of
from codelewm_assets.training.tokenize import (
    FIELDS,
    UNKNOWN,
    Texts,
    collect_texts,
    encode,
    tokenize_fold,
    train_tokenizer,
)
from codelewm_assets_tests.factories import World
from codelewm_assets_tests.training.tokens import CONFIG

DIGEST_PROGRAM = """
import hashlib
from codelewm_assets_tests.factories import make_world
from codelewm_assets_tests.training.tokens import CONFIG, world_texts
from codelewm_assets.training.tokenize import token_files, tokenize_fold
tokenizer, arrays = tokenize_fold(world_texts(make_world(3)), CONFIG, model_fold=0)
whole = b"".join(name.encode() + data for name, data in token_files(0, tokenizer, arrays).items())
print(hashlib.sha256(whole).hexdigest())
"""


@pytest.mark.slow
def test_tokenizer_and_arrays_are_byte_identical_in_two_processes_with_other_hash_seeds() -> None:
    digests = []
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        found = subprocess.run(
            [sys.executable, "-c", DIGEST_PROGRAM], env=environment, capture_output=True, text=True, check=True
        )
        digests.append(found.stdout.strip())
    assert len(digests[0]) == 64
    assert digests[0] == digests[1]


def _with_word(world: World, split: str, word: str) -> tuple[Texts, set[str]]:
    """Texts in which the prompts of one split's problems repeat a word, and those problems."""
    folds = {s.problem_id: s.fold for s in world.splits}
    chosen = {name for name, fold in folds.items() if split_of(fold, model_fold=0) == split}
    prompts = {name: f"{word} " * 200 if name in chosen else text for name, text in world.prompts.items()}
    return collect_texts(world.rows, folds, prompts), chosen


@pytest.mark.parametrize(("split", "is_known"), [("train", True), ("val", False), ("test", False)])
def test_a_word_is_a_token_of_its_own_only_when_train_texts_hold_it(
    small_world: World, split: str, is_known: bool
) -> None:
    texts, chosen = _with_word(small_world, split, "qjxkzw")
    tokenizer = Tokenizer.from_str(tokenize_fold(texts, CONFIG, model_fold=0)[0])
    pieces = tokenizer.encode("qjxkzw").tokens
    assert chosen
    assert (pieces == ["qjxkzw"]) is is_known
    assert is_known or len(pieces) > 3


def test_a_tokenizer_does_not_depend_on_texts_that_the_model_must_not_see(small_world: World) -> None:
    """Changing every test and val prompt changes no byte of the tokenizer."""
    plain = collect_texts(small_world.rows, {s.problem_id: s.fold for s in small_world.splits}, small_world.prompts)
    for split in ("val", "test"):
        changed, _ = _with_word(small_world, split, "qjxkzw")
        assert tokenize_fold(changed, CONFIG, model_fold=0)[0] == tokenize_fold(plain, CONFIG, model_fold=0)[0]


def test_row_0_of_input_is_the_empty_action(texts: Texts) -> None:
    assert texts.by_field["input"][0] == "[]"
    assert all(record.input > 0 for record in texts.records)  # the small world has no call without arguments


def test_each_distinct_text_stands_once_and_records_point_at_their_own(small_world: World, texts: Texts) -> None:
    rows = {row.record_id: row for row in small_world.rows}
    assert len(texts.records) == len(rows)
    for record in texts.records:
        row = rows[record.record_id]
        assert texts.by_field["code"][record.code] == row.code_tokens
        assert texts.by_field["input"][record.input] == row.input_tokens
        assert texts.by_field["output"][record.output] == row.output_tokens
        assert texts.by_field["prompt"][record.prompt] == small_world.prompts[record.problem_id]
    assert all(len(set(found)) == len(found) for found in texts.by_field.values())


def test_only_the_reference_itself_is_not_usable_in_train(small_world: World, texts: Texts) -> None:
    kinds = {row.record_id: row.completion_kind for row in small_world.rows}
    assert {kinds[r.record_id] for r in texts.records if not r.is_train_usable} == {"reference"}
    assert "reference" not in {kinds[r.record_id] for r in texts.records if r.is_train_usable}


def test_encode_cuts_at_the_length_and_pads_nothing() -> None:
    """No pair repeats in the training text, so each byte is one token: 3 characters are 3 ids."""
    tokenizer = train_tokenizer(["a"], 300)
    array = encode(tokenizer, ["abc", "abcdefgh"], 5)
    ids = [tokenizer.token_to_id(letter) for letter in "abcde"]
    assert (array.tokens.dtype, array.starts.tolist(), len(array)) == (np.uint16, [0, 3, 8], 2)
    assert [array[0].tolist(), array[1].tolist()] == [ids[:3], ids]


def test_an_empty_text_is_one_unknown_token() -> None:
    tokenizer = train_tokenizer(["a"], 300)
    assert encode(tokenizer, [""], 4)[0].tolist() == [tokenizer.token_to_id(UNKNOWN)]


def test_no_texts_are_an_empty_array() -> None:
    array = encode(train_tokenizer(["a"], 300), [], 4)
    assert (len(array), array.starts.tolist(), len(array.tokens)) == (0, [0], 0)


def test_arrays_have_a_row_for_each_text_none_longer_than_its_length(texts: Texts) -> None:
    arrays = tokenize_fold(texts, CONFIG, model_fold=0)[1]
    lengths = {"code": 16, "input": 4, "output": 4, "prompt": 8}  # of tiny.yaml
    for name in FIELDS:
        sizes = np.diff(arrays[name].starts)
        assert (len(sizes), int(sizes.max()), int(sizes.min()) >= 1) == (
            len(texts.by_field[name]),
            lengths[name],
            True,
        ) or (name in ("input", "output") and int(sizes.max()) <= lengths[name])
        assert int(arrays[name].tokens.max()) < CONFIG.vocab_size


def test_a_problem_without_a_fold_or_prompt_is_refused_by_name(small_world: World) -> None:
    folds = {s.problem_id: s.fold for s in small_world.splits}
    prompts = {name: text for name, text in small_world.prompts.items() if name != "mbpp_plus/003"}
    with pytest.raises(TrainingError, match="1 problems have no fold or no prompt, first mbpp_plus/003"):
        collect_texts(small_world.rows, folds, prompts)


def test_a_fold_without_train_records_is_refused(small_world: World) -> None:
    texts = collect_texts(small_world.rows, {s.problem_id: 0 for s in small_world.splits}, small_world.prompts)
    with pytest.raises(TrainingError, match="Fold 0 has no train records"):
        tokenize_fold(texts, CONFIG, model_fold=0)
