"""Scores by published models of `transformers`: likelihood under a causal model, probability of a label of a classifier.

Each model reads a prompt and a program, nothing else, and runs neither. Shapes: B programs of a batch, T tokens, V vocabulary.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from codelewm_assets.core.errors import ScorerError
from codelewm_assets.scorers.declared import ClassifierScorer, LikelihoodScorer
from codelewm_assets.training.pretrained import load_by

BATCH = 8  # programs at once; those of equal length stand together, so that little is padded
Texts = Sequence[tuple[str, str]]  # (prompt, program)


def likelihoods(scorer: LikelihoodScorer, texts: Texts) -> list[float | None]:
    """Mean log-probability in nats a token of each program after its prompt, ≤ 0; None for a program without a token.

    A prompt that is too long together with its program loses its beginning; a program of more than `max_tokens` is cut.

    Raises: TrainingError: the model or its tokenizer cannot be loaded. ScorerError: a score is not finite.
    """
    tokenizer, model = _loaded(scorer, AutoModelForCausalLM)
    first = [tokenizer.bos_token_id] if tokenizer.bos_token_id is not None else []
    rows = list[tuple[list[int], int]]()  # (tokens, how many of them are the program's)
    for prompt, program in texts:
        of_program = tokenizer(program, add_special_tokens=False)["input_ids"][: scorer.max_tokens - 1]
        of_prompt = first + tokenizer(prompt, add_special_tokens=False)["input_ids"]
        kept = of_prompt[max(0, len(of_prompt) - (scorer.max_tokens - len(of_program))) :]
        rows.append((kept + of_program, len(of_program) if kept else max(0, len(of_program) - 1)))

    def scores(batch: Sequence[int]) -> list[float | None]:
        ids, mask = _padded([rows[index][0] for index in batch])  # (B, T)
        logits = model(input_ids=ids, attention_mask=mask).logits[:, :-1].float()  # (B, T - 1, V)
        chosen = logits.log_softmax(-1).gather(2, ids[:, 1:, None])[:, :, 0]  # (B, T - 1)
        ends = [(row, len(rows[index][0]) - 1, rows[index][1]) for row, index in enumerate(batch)]
        return [float(chosen[row, end - count : end].mean()) if count else None for row, end, count in ends]

    return _by_length(scorer.source, [len(ids) if count else 0 for ids, count in rows], scores)


def label_probabilities(scorer: ClassifierScorer, texts: Texts) -> list[float | None]:
    """Probability of the label for each pair of prompt and program, in [0, 1]; a prompt that is too long is cut.

    Raises: TrainingError: the model or its tokenizer cannot be loaded. ScorerError: it has no such label, or a score is not
        finite.
    """
    tokenizer, model = _loaded(scorer, AutoModelForSequenceClassification)
    labels = {str(name): int(place) for name, place in (model.config.label2id or {}).items()}
    if scorer.label not in labels:
        raise ScorerError(
            f"{scorer.source} has no label {scorer.label!r}; it has {', '.join(sorted(labels))}. Correct `label` in the profile."
        )
    if model.config.num_labels < 2:
        raise ScorerError(f"{scorer.source} has one output, a regression; expected a classifier of two labels or more.")
    rows = [
        tokenizer(prompt, program, truncation="only_first", max_length=scorer.max_tokens)["input_ids"]
        if len(tokenizer(program)["input_ids"]) < scorer.max_tokens
        else tokenizer(program, truncation=True, max_length=scorer.max_tokens)["input_ids"]
        for prompt, program in texts
    ]

    def scores(batch: Sequence[int]) -> list[float | None]:
        ids, mask = _padded([rows[index] for index in batch])  # (B, T)
        logits = model(input_ids=ids, attention_mask=mask).logits.float()  # (B, labels)
        return [float(value) for value in logits.softmax(-1)[:, labels[scorer.label]]]

    return _by_length(scorer.source, [len(row) for row in rows], scores)


def _loaded(scorer: LikelihoodScorer | ClassifierScorer, kind: Any) -> tuple[Any, Any]:
    """Tokenizer and model, with float32 weights in evaluation mode."""
    tokenizer = load_by(AutoTokenizer, scorer)
    return tokenizer, load_by(kind, scorer, dtype="float32").eval()


def _padded(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """(B, T) tokens, padded on the right, and the mask of those that are none of it."""
    length = max(map(len, rows))
    ids = torch.zeros((len(rows), length), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = torch.tensor(row)
        mask[place, : len(row)] = 1
    return ids, mask


@torch.no_grad()
def _by_length(
    source: str, lengths: Sequence[int], scores: Callable[[Sequence[int]], list[float | None]]
) -> list[float | None]:
    """The score of each text; batches are of similar length, and a text of length 0 has none."""
    order = sorted((index for index, length in enumerate(lengths) if length), key=lambda index: lengths[index])
    results: list[float | None] = [None] * len(lengths)
    for start in range(0, len(order), BATCH):
        batch = order[start : start + BATCH]
        for index, score in zip(batch, scores(batch), strict=True):
            results[index] = score
    broken = [
        index for index, score in enumerate(results) if score is not None and not torch.isfinite(torch.tensor(score))
    ]
    if broken:
        raise ScorerError(f"{source} gave {len(broken)} of {len(lengths)} programs a score that is not finite.")
    return results
