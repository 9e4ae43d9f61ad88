"""Samples of a causal language model by `generate` of `transformers`: texts for each prompt, which are not run here."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from jinja2 import TemplateError
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from codelewm_assets.completions.shards import ShardFolder
from codelewm_assets.core.digests import digest_of
from codelewm_assets.core.errors import ScorerError
from codelewm_assets.core.ids import BENCHMARKS
from codelewm_assets.core.records import Problem, Record
from codelewm_assets.scorers.sampled import SampledModel
from codelewm_assets.training.pretrained import load_by

BATCH = 8  # samples at once
AFTER_A_FUNCTION = ("\nclass ", "\ndef ", "\n@", "\n#", "\nif ", "\nprint(", "\nassert ", "\n```", '\n"""')
"""Beginnings of what follows a finished function.

Source: Chen et al. 2021, "Evaluating Large Language Models Trained on Code", section 2.1; decorators, asserts, fences and
strings are added."""
AFTER_A_PROGRAM = ("\nif ", "\nprint(", "\nassert ", "\n```", '\n"""')
"""The same for a program that begins after its prompt: a `def` or a `class` begins it."""
DATE = "01 Jan 2024"  # for templates that name the day: the texts must not depend on it
INSTRUCTION = "Write a Python program for the following. Answer with the whole program in one fenced code block.\n\n"


class SampledTexts(Record):
    """Texts that a model gave for one prompt."""

    texts: tuple[str, ...]


def sample_models(
    asked: Iterable[tuple[SampledModel, Problem]], shards: ShardFolder[SampledTexts], depends_on: Mapping[str, Any]
) -> Iterator[tuple[SampledModel, Problem, tuple[str, ...]]]:
    """The texts for each problem; an interrupted run is resumed, and a model is loaded only when it is asked.

    Args:
        asked: models and problems; a model's together.
        shards: finished texts.
        depends_on: name of a model → determinants of its texts besides the problem.

    Raises: TrainingError, ScorerError: a model cannot be loaded, or cannot read a prompt.
    """
    sampler: Sampler | None = None
    for model, problem in asked:
        key = digest_of([depends_on[model.model], problem.problem_id, problem.prompt])
        known = shards.get(key)
        if known is None:
            if sampler is None or sampler.settings is not model:
                sampler = Sampler(model)
            begins_program = BENCHMARKS[problem.benchmark_id].form == "humaneval"
            texts = sampler.texts(problem.problem_id, problem.prompt, begins_program=begins_program)
            shards.put(key, known := SampledTexts(texts=tuple(texts)))
        yield model, problem, known.texts


class Sampler:
    """A loaded model.

    Args:
        settings: the model and how it is sampled.

    Raises: TrainingError: the model or its tokenizer cannot be loaded. ScorerError: there is no GPU, its weights are not finite,
        or it has no chat template and answers are asked for.
    """

    def __init__(self, settings: SampledModel) -> None:
        self.settings = settings
        if settings.device == "cuda" and not torch.cuda.is_available():
            raise ScorerError(
                f"device of {settings.model} is cuda, and torch sees no GPU. Take device: cpu in the profile."
            )
        self._tokenizer = load_by(AutoTokenizer, settings)
        if settings.prompt_form == "answer" and self._tokenizer.chat_template is None:
            raise ScorerError(f"{settings.source} has no chat template. Take prompt_form: continuation in the profile.")
        self._model = load_by(AutoModelForCausalLM, settings, dtype="float32").eval().to(settings.device)
        if not all(weight.isfinite().all() for weight in self._model.parameters()):
            raise ScorerError(f"{settings.source} has weights that are not finite. Save the model again.")
        # the profile's settings alone: a model's own file may hold a penalty of repetitions, a top_k or suppressed tokens
        self._model.generation_config = GenerationConfig(eos_token_id=self._end_ids())  # type: ignore[no-untyped-call]

    def _end_ids(self) -> list[int] | None:
        """Tokens that end a text: those that the model's own file names, and its tokenizer's."""
        stated = self._model.generation_config.eos_token_id
        ids = {*(stated if isinstance(stated, list) else [stated]), self._tokenizer.eos_token_id} - {None}
        return sorted(ids) or None

    @torch.inference_mode()
    def texts(self, name: str, prompt: str, *, begins_program: bool) -> list[str]:
        """The samples for one prompt, without the prompt; the same whatever else is sampled.

        Args:
            name: of the problem; the draws depend on it and the seed.
            begins_program: the prompt is the beginning of the program, as HumanEval's is.

        Raises: ScorerError: the prompt is too long for the model.
        """
        ids, settings = self._prompt(prompt), self.settings  # (1, T)
        length, config = ids.shape[1], self._model.config
        limit = getattr(config, "max_position_embeddings", None) or getattr(config, "max_seq_len", None)
        if limit is not None and length + settings.max_new_tokens > limit:
            raise ScorerError(
                f"The prompt of {name} has {length} tokens, and with {settings.max_new_tokens} new ones that is more than the "
                f"{limit} that {settings.source} reads. Lower max_new_tokens in the profile, or take another model."
            )
        stops = () if settings.prompt_form == "answer" else AFTER_A_FUNCTION if begins_program else AFTER_A_PROGRAM
        texts = list[str]()
        with torch.random.fork_rng():
            torch.manual_seed(int(digest_of([settings.seed, name])[:12], 16))
            while len(texts) < settings.samples:
                rows = self._model.generate(
                    input_ids=ids,
                    attention_mask=torch.ones_like(ids),
                    num_return_sequences=min(BATCH, settings.samples - len(texts)),
                    **self._keywords(stops),
                )
                decoded = self._tokenizer.batch_decode(
                    rows[:, length:], skip_special_tokens=True, clean_up_tokenization_spaces=False
                )
                texts += [_cut(text, stops) for text in decoded]
        return texts

    def _prompt(self, prompt: str) -> Tensor:
        """(1, T) tokens."""
        if self.settings.prompt_form == "answer":
            messages = [{"role": "user", "content": INSTRUCTION + prompt}]
            try:
                ids = self._tokenizer.apply_chat_template(
                    messages, add_generation_prompt=True, return_dict=True, date_string=DATE
                )["input_ids"]
            except TemplateError as error:
                raise ScorerError(f"The chat template of {self.settings.source} cannot be used: {error}") from error
        else:
            # without the last line end: models read it together with the indentation that follows, and write it themselves
            ids = self._tokenizer(prompt.rstrip())["input_ids"]
            while ids and ids[-1] == self._tokenizer.eos_token_id:  # a tokenizer may end every text
                ids = ids[:-1]
        return torch.tensor([ids], device=self.settings.device)

    def _keywords(self, stops: Sequence[str]) -> dict[str, Any]:
        settings, ends = self.settings, self._tokenizer.eos_token_id
        drawn = {"do_sample": True, "temperature": settings.temperature, "top_p": settings.top_p, "top_k": 0}
        return {
            "max_new_tokens": settings.max_new_tokens,
            "pad_token_id": self._tokenizer.pad_token_id if self._tokenizer.pad_token_id is not None else ends,
            **(drawn if settings.temperature else {"do_sample": False}),
            **({"stop_strings": list(stops), "tokenizer": self._tokenizer} if stops else {}),
        }


def _cut(text: str, stops: Sequence[str]) -> str:
    """The text before the first stop."""
    ends = [place for stop in stops if (place := text.find(stop)) >= 0]
    return text[: min(ends)] if ends else text
