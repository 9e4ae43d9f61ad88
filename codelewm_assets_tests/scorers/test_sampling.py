"""Samples by `generate`: what a model was taught comes out, draws follow the seed and the problem, refusals have names."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, GenerationConfig, LlamaForCausalLM

from codelewm_assets.completions.shards import ShardFolder
from codelewm_assets.core.errors import ScorerError, TrainingError
from codelewm_assets.scorers import sampling
from codelewm_assets.scorers.sampled import SampledModel
from codelewm_assets.scorers.sampling import INSTRUCTION, SampledTexts, Sampler, sample_models
from codelewm_assets_tests.factories import make_problem
from codelewm_assets_tests.scorers.causal import train_writer

PROMPT, TEXT = "def same(x):\n", "\n    return x\n\nprint(same(1))\n"


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that goes on with TEXT after PROMPT, whose line end it writes itself."""
    return train_writer(tmp_path_factory.mktemp("writer"), [PROMPT.rstrip()], TEXT)


def settings(folder: Path, **changes: object) -> SampledModel:
    """Of that model, the most likely text."""
    return SampledModel.model_validate(
        {"source": str(folder), "model": "writer", "max_new_tokens": 40, "benchmarks": ["humaneval"]} | changes
    )


def test_the_most_likely_text_is_what_it_was_taught_up_to_what_follows_a_function(writer: Path) -> None:
    """TEXT is `return x`, an empty line, and a call that begins with a stop sequence."""
    sampler = Sampler(settings(writer))
    assert sampler.texts("HumanEval/0", PROMPT, begins_program=True) == ["\n    return x\n"]


def test_a_program_that_begins_after_its_prompt_is_not_cut_at_its_own_first_line(
    tmp_path: Path,
) -> None:
    """A prompt of MBPP is prose: the function begins on a line of its own."""
    folder = train_writer(tmp_path, ['"""Return x."""'], "\ndef same(x):\n    return x\nassert same(1) == 1\n")
    sampler = Sampler(settings(folder))
    assert sampler.texts("Mbpp/2", '"""Return x."""', begins_program=False) == ["\ndef same(x):\n    return x"]
    assert sampler.texts("Mbpp/2", '"""Return x."""', begins_program=True) == [""]


def test_a_program_may_begin_with_a_class(tmp_path: Path) -> None:
    text = "\nclass Pair:\n    pass\n\ndef same(x):\n    return x\n"
    sampler = Sampler(settings(train_writer(tmp_path, ['"""Return x."""'], text)))
    assert sampler.texts("Mbpp/601", '"""Return x."""', begins_program=False) == [text]


def test_the_models_own_file_says_which_tokens_end_a_text_and_nothing_else(writer: Path, tmp_path: Path) -> None:
    """`suppress_tokens` would keep ` return` from being written; ` x` ends the text, and is a token of the program."""
    tokenizer, model = AutoTokenizer.from_pretrained(writer), LlamaForCausalLM.from_pretrained(writer)
    *_, begin, end = tokenizer("\n    return x")["input_ids"]
    model.generation_config = GenerationConfig(eos_token_id=[end], suppress_tokens=[begin], pad_token_id=0)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    assert Sampler(settings(tmp_path)).texts("HumanEval/0", PROMPT, begins_program=True) == ["\n    return x"]


def test_draws_follow_the_seed_and_the_problem_and_nothing_else(writer: Path) -> None:
    hot = {"temperature": 5.0, "samples": 11}

    def texts(name: str, seed: int, *before: str) -> list[str]:
        sampler = Sampler(settings(writer, seed=seed, **hot))
        for other in before:
            sampler.texts(other, PROMPT, begins_program=True)
        torch.manual_seed(len(before))
        return sampler.texts(name, PROMPT, begins_program=True)

    first = texts("HumanEval/0", 0)
    assert len(first) == 11 and len(set(first)) > 5
    assert texts("HumanEval/0", 0, "HumanEval/1", "HumanEval/2") == first
    assert texts("HumanEval/1", 0) != first != texts("HumanEval/0", 1)


def test_a_chat_model_is_given_the_instruction_by_its_template(tmp_path: Path) -> None:
    folder = train_writer(tmp_path, [INSTRUCTION + PROMPT], f"```python\n{PROMPT}{TEXT}```\n", chat=True)
    sampler = Sampler(settings(folder, prompt_form="answer"))
    assert sampler.texts("HumanEval/0", PROMPT, begins_program=True) == [f"```python\n{PROMPT}{TEXT}```\n"]


def test_texts_of_a_run_that_was_cut_off_are_read_again(
    writer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, shards = settings(writer), ShardFolder(tmp_path, SampledTexts)
    problems = [make_problem(n, problem_id=f"HumanEval/{n}", prompt=PROMPT) for n in range(3)]

    def sample(depends_on: object) -> Iterator[tuple[str, ...]]:
        asked = ((model, problem) for problem in problems)
        return (texts for _, _, texts in sample_models(asked, shards, {"writer": depends_on}))

    cut_off = sample("1")
    assert [next(cut_off), next(cut_off)] == [("\n    return x\n",)] * 2
    loaded = list[SampledModel]()
    monkeypatch.setattr(sampling, "Sampler", lambda own: loaded.append(own) or Sampler(own))
    assert list(sample("1")) == [("\n    return x\n",)] * 3 and loaded == [model]  # for the third
    assert len(list(sample("1"))) == 3 and loaded == [model]
    assert len(list(sample("2"))) == 3 and loaded == [model, model]  # other determinants, other texts


def test_refusals(writer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError, match="2 samples at temperature 0 are the same"):
        settings(writer, samples=2)
    with pytest.raises(ValidationError, match="expected a revision of 40 hex digits"):
        settings(Path("lab/model"))
    with pytest.raises(ValidationError, match="expected each once"):
        settings(writer, benchmarks=["humaneval", "HumanEval"])
    with pytest.raises(ValidationError, match="at least 1 item"):
        settings(writer, benchmarks=[])
    with pytest.raises(ValidationError, match="is not on the Hub and has no revision; expected none"):
        settings(writer, revision="a" * 40)
    with pytest.raises(ScorerError, match=r"has no chat template\. Take prompt_form: continuation"):
        Sampler(settings(writer, prompt_form="answer"))
    with pytest.raises(
        ScorerError, match=r"The prompt of HumanEval/0 has \d+ tokens, and with 256 new ones .* the 256"
    ):
        Sampler(settings(writer, max_new_tokens=256)).texts("HumanEval/0", PROMPT, begins_program=True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ScorerError, match="device of writer is cuda, and torch sees no GPU"):
        Sampler(settings(writer, device="cuda"))
    model = LlamaForCausalLM.from_pretrained(writer)
    model.save_pretrained(tmp_path / "bare")
    with pytest.raises(TrainingError, match="has no tokenizer that can be loaded"):
        Sampler(settings(tmp_path / "bare"))
    model.lm_head.weight.data[0] = torch.nan
    model.save_pretrained(tmp_path / "broken")
    AutoTokenizer.from_pretrained(writer).save_pretrained(tmp_path / "broken")
    with pytest.raises(ScorerError, match="broken has weights that are not finite"):
        Sampler(settings(tmp_path / "broken"))


def test_damaged_models_are_one_error(writer: Path, tmp_path: Path) -> None:
    """Without its head the model would draw random weights; a template that refuses; a file that ends early."""
    headless = shutil.copytree(writer, tmp_path / "headless")
    weights = load_file(headless / "model.safetensors")
    del weights["lm_head.weight"]
    save_file(weights, headless / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(TrainingError, match=r"lacks 1 weights of its model, first lm_head\.weight"):
        Sampler(settings(headless))
    cut = shutil.copytree(writer, tmp_path / "cut")
    (cut / "model.safetensors").write_bytes((cut / "model.safetensors").read_bytes()[:-100])
    with pytest.raises(TrainingError, match="could not be loaded by AutoModelForCausalLM"):
        Sampler(settings(cut))
    refusing = shutil.copytree(writer, tmp_path / "refusing")
    (refusing / "chat_template.jinja").write_text("{{ raise_exception('no users') }}", encoding="utf-8")
    with pytest.raises(ScorerError, match=r"The chat template of .* cannot be used: no users"):
        Sampler(settings(refusing, prompt_form="answer")).texts("HumanEval/0", PROMPT, begins_program=True)


def test_the_day_in_a_template_is_always_the_same(writer: Path, tmp_path: Path) -> None:
    dated = shutil.copytree(writer, tmp_path / "dated")
    template = (
        "{% if date_string is not defined %}{% set date_string = strftime_now('%d') %}{% endif %}{{ date_string }}"
    )
    (dated / "chat_template.jinja").write_text(template, encoding="utf-8")
    sampler = Sampler(settings(dated, prompt_form="answer"))
    assert sampler._tokenizer.decode(sampler._prompt(PROMPT)[0]) == "01 Jan 2024"


def test_a_decorator_ends_a_function() -> None:
    assert sampling._cut("\n    return x\n\n@cache\ndef helper():\n", sampling.AFTER_A_FUNCTION) == "\n    return x\n"
