"""Likelihood and label probability by models of `transformers` that are made here, against the models asked directly."""

from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from codelewm_assets.core.errors import ScorerError, TrainingError
from codelewm_assets.scorers.declared import ClassifierScorer, LikelihoodScorer
from codelewm_assets.scorers.named import ScoredProgram, named_scores, stated_training, text_scores
from codelewm_assets.scorers.published_models import label_probabilities, likelihoods

PROMPT = "def add(a, b):"
PROGRAMS = ("return a + b", "return a - b", "x = a\nreturn x", "return a + b")
TEXTS = [(PROMPT, program) for program in PROGRAMS]


def tokenizer() -> PreTrainedTokenizerFast:
    """Words of the texts, between [CLS] and [SEP]."""
    own = Tokenizer(models.BPE(unk_token="[UNK]"))
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    own.train_from_iterator(
        [PROMPT, *PROGRAMS], trainers.BpeTrainer(vocab_size=320, special_tokens=special, show_progress=False,
                                                 initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    )  # fmt: skip
    return PreTrainedTokenizerFast(tokenizer_object=own, pad_token="[PAD]", unk_token="[UNK]")


@pytest.fixture(scope="module")
def language_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A causal model with random weights, and its tokenizer."""
    folder = tmp_path_factory.mktemp("causal")
    torch.manual_seed(3)
    config = LlamaConfig(vocab_size=320, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
                         num_key_value_heads=2, bos_token_id=None, eos_token_id=None)  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sequence classifier with random weights, and its tokenizer."""
    folder = tmp_path_factory.mktemp("classifier")
    torch.manual_seed(4)
    config = BertConfig(vocab_size=320, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
                        max_position_embeddings=64, id2label={0: "wrong", 1: "right"},
                        label2id={"wrong": 0, "right": 1})  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


def likelihood_of(folder: Path, **changes: Any) -> LikelihoodScorer:
    """The declaration of that model."""
    fields: dict[str, Any] = {
        "kind": "lm_likelihood",
        "role": "candidate",
        "reads": "the program",
        "source": str(folder),
    }
    return LikelihoodScorer(**fields | changes)


def classifier_of(folder: Path, **changes: Any) -> ClassifierScorer:
    """The declaration of that classifier."""
    fields = {"kind": "classifier", "role": "control", "reads": "the program", "source": str(folder), "label": "right"}
    return ClassifierScorer(**fields | {"max_tokens": 40} | changes)  # type: ignore[arg-type]


def _by_hand(folder: Path, of_prompt: list[int], of_program: list[int]) -> float:
    """Mean log-probability of the program's tokens in one sequence, by the model itself."""
    ids = torch.tensor([of_prompt + of_program])
    with torch.no_grad():
        logits = AutoModelForCausalLM.from_pretrained(folder).eval()(ids).logits[0, :-1]
    steps = logits.log_softmax(-1).gather(1, ids[0, 1:, None])[:, 0]
    return float(steps[len(of_prompt) - 1 :].mean())


def test_a_likelihood_is_the_mean_log_probability_of_the_programs_tokens_alone(language_model: Path) -> None:
    """One text at a time, without padding, by the model itself."""
    own = tokenizer()
    expected = [
        _by_hand(language_model, *(own(text, add_special_tokens=False)["input_ids"] for text in texts))
        for texts in TEXTS
    ]
    assert likelihoods(likelihood_of(language_model), TEXTS) == pytest.approx(expected, abs=1e-5)


def test_a_long_prompt_loses_its_beginning_and_a_program_without_a_token_has_no_score(language_model: Path) -> None:
    scorer = likelihood_of(language_model, max_tokens=24)
    long, short = likelihoods(scorer, [("x = 1\n" * 50 + PROMPT, PROGRAMS[0]), (PROMPT, "")])
    assert short is None and long is not None
    of_prompt, of_program = (
        tokenizer()(text, add_special_tokens=False)["input_ids"] for text in ("x = 1\n" * 50 + PROMPT, PROGRAMS[0])
    )
    expected = _by_hand(language_model, of_prompt[-(24 - len(of_program)) :], of_program)
    assert long == pytest.approx(expected, abs=1e-5)


def test_a_label_has_the_probability_that_the_classifier_gives_it(classifier: Path) -> None:
    own, model = tokenizer(), AutoModelForSequenceClassification.from_pretrained(classifier).eval()
    with torch.no_grad():
        expected = [float(model(torch.tensor([own(*text)["input_ids"]])).logits.softmax(-1)[0, 1]) for text in TEXTS]
    assert label_probabilities(classifier_of(classifier), TEXTS) == pytest.approx(expected, abs=1e-5)
    wrong = label_probabilities(classifier_of(classifier, label="wrong"), TEXTS)
    assert [a + b for a, b in zip(wrong, expected, strict=True) if a is not None] == pytest.approx([1.0] * 4, abs=1e-5)


def test_equal_texts_are_scored_once_and_the_scores_carry_the_scorers_name(classifier: Path) -> None:
    programs = [ScoredProgram(f"c{place}", *text) for place, text in enumerate(TEXTS)]
    scores = named_scores("ranker", classifier_of(classifier), programs)
    assert [(row.scorer, row.completion_id, row.seed) for row in scores] == [
        ("ranker", f"c{n}", None) for n in range(4)
    ]
    assert scores[0].score == scores[3].score != scores[1].score
    assert text_scores(classifier_of(classifier), []) == []


def test_the_declaration_has_the_digest_of_the_models_files(classifier: Path) -> None:
    first = stated_training("ranker", classifier_of(classifier))
    assert set(first.source) == {"source", "label", "max_tokens", "files_sha256"}
    (classifier / "note.txt").write_text("another file", encoding="utf-8")
    try:
        assert stated_training("ranker", classifier_of(classifier)).source != first.source
    finally:
        (classifier / "note.txt").unlink()


def test_what_cannot_be_loaded_is_one_error(language_model: Path, classifier: Path, tmp_path: Path) -> None:
    with pytest.raises(ScorerError, match="has no label 'good'; it has right, wrong"):
        label_probabilities(classifier_of(classifier, label="good"), TEXTS)
    with pytest.raises(TrainingError, match=r"has no config.json in"):
        likelihoods(likelihood_of(tmp_path), TEXTS)
    without = tmp_path / "without_tokenizer"
    LlamaForCausalLM.from_pretrained(language_model).save_pretrained(without)
    with pytest.raises(TrainingError, match="has no tokenizer that can be loaded"):
        likelihoods(likelihood_of(without), TEXTS)


@pytest.mark.parametrize("revision", [None, "main", "v1.0", "A" * 40])
def test_a_model_of_the_hub_needs_a_full_commit_hash(revision: str | None) -> None:
    with pytest.raises(ValidationError, match=r"expected a revision of 40 hex digits|should match pattern"):
        likelihood_of(Path("someone/model"), revision=revision)


def test_weights_that_are_not_finite_are_refused(language_model: Path, tmp_path: Path) -> None:
    model = LlamaForCausalLM.from_pretrained(language_model)
    model.lm_head.weight.data[0] = torch.nan
    model.save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ScorerError, match="gave 4 of 4 programs a score that is not finite"):
        likelihoods(likelihood_of(tmp_path), TEXTS)
