"""Controls of programs that models wrote, from all samples of their models: as often as a model wrote a program, it counts."""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from codelewm_assets.core.ids import FOLDS, split_of
from codelewm_assets.core.records import LabelledCompletion
from codelewm_assets.core.sample_records import ImportedSample
from codelewm_assets.dataset.shingles import jaccard, shingles


class ModelControls(NamedTuple):
    """Completion id → score, higher = more likely to pass; completions without one are absent.

    Attributes:
        prior: share of samples that pass on problems of the train folds, mean over the models that wrote the program.
        consensus: mean 3-gram Jaccard of alpha-normalised tokens to all other samples of the problem.
    """

    prior: dict[str, float]
    consensus: dict[str, float]


def model_controls(
    samples: Iterable[ImportedSample],
    labelled: Iterable[LabelledCompletion],
    fold: Mapping[str, int],
    asked: Collection[str],
) -> ModelControls:
    """Controls of each completion that is asked for.

    Args:
        samples: of all models; a sample without a program counts as failed in the prior.
        labelled: labels of the completions that have the samples' programs.
        fold: problem id → fold.
        asked: ids of completions that models wrote.
    """
    label = {row.completion.completion_id: row for row in labelled}
    results: dict[str, dict[int, list[bool]]] = defaultdict(lambda: defaultdict(list))  # model → fold → passed
    writers: dict[str, set[str]] = defaultdict(set)
    copies: dict[str, Counter[str]] = defaultdict(Counter)  # problem → completion → samples
    for sample in samples:
        row = label.get(sample.completion_id or "")
        if sample.problem_id not in fold or (row is None and sample.status != "no_program"):
            continue
        model = sample.llm or f"({sample.source})"
        results[model][fold[sample.problem_id]].append(row is not None and row.passed)
        if row is not None:
            writers[row.completion.completion_id].add(model)
            copies[sample.problem_id][row.completion.completion_id] += 1
    scores = ModelControls({}, {})
    for name in sorted(set(asked) & writers.keys()):
        own = fold[label[name].completion.problem_id]
        rates = []
        for model in sorted(writers[name]):
            train = [p for k in FOLDS if split_of(k, model_fold=own) == "train" for p in results[model].get(k, ())]
            rates += [sum(train) / len(train)] if train else []
        if rates:
            scores.prior[name] = math.fsum(rates) / len(rates)
    for counts in copies.values():
        grams = {name: shingles(label[name].completion.code) for name in counts}
        for name in sorted(set(asked) & counts.keys()):
            others = {other: count - (other == name) for other, count in counts.items()}
            if total := sum(others.values()):
                near = math.fsum(n * jaccard(grams[name], grams[other]) for other, n in sorted(others.items()) if n)
                scores.consensus[name] = near / total
    return scores
