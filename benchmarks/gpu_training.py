"""Training on one GPU in at most eight minutes: throughput, utilisation, then a training from scratch; prints a Markdown table.

`python benchmarks/gpu_training.py [TOKENIZED_PACK_FOLDER]` takes the folder of a stored `tokenized_pack`; without one, the small
world of the tests, whose AUC says nothing. On a CPU it runs tiny sizes, which shows that the script works and says nothing of a
GPU. Utilisation counts the arithmetic on tokens of texts alone, against a plain matrix product in the same precision on the
same card.
"""

import argparse
import platform
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from training_throughput import SHAPES, flop_per_token, fold_data, matrix_rate, measure

from codelewm_assets.training import loop
from codelewm_assets.training.batches import frequent_outputs, make_batch
from codelewm_assets.training.config import TrainingConfig
from codelewm_assets.training.data import BatchSampler, FoldData
from codelewm_assets.training.latents import predict
from codelewm_assets.training.loop import train_fold, within_problem_auc
from codelewm_assets.training.processes import Ranks

TINY = {"tiny, 1 layer": {"hidden": 32, "layers": 1, "heads": 2, "feedforward": 64, "latent": 32}}
LENGTHS = {"code_length": 256, "prompt_length": 256, "input_length": 64, "output_length": 32}
TRAINED = "256 wide, 4 layers"
SEED = 42


def throughput(data: FoldData, config: TrainingConfig, steps: int, peak: float) -> tuple[float, float, float]:
    """Examples and tokens a second of whole training steps, and the part of `peak` that their arithmetic is."""
    train = data.part("train")
    sampler = BatchSampler(train, config, np.random.default_rng(0))
    classes = frequent_outputs(train, config.output_values)
    training = loop._FoldTraining(data, config, SEED, lambda event: None, None, Ranks(device=config.device))
    batches = [make_batch(data, sampler.draw(), classes, config, device=config.device) for _ in range(steps + 1)]

    def step(number: int) -> int:
        training._step(number + 1, batches[number])
        return batches[number].tokens

    seconds, tokens = measure(step, steps, config.device)
    examples = sum(batch.size for batch in batches[1:])
    return examples / seconds, tokens / seconds, tokens / seconds * flop_per_token(config) / peak


def trained(data: FoldData, config: TrainingConfig, limit_s: float) -> tuple[int, float, float | None]:
    """Steps taken, seconds, and the within-problem AUC on the test part, of a training that ends before a limit."""
    started, trial = time.monotonic(), min(20, config.steps)
    train_fold(data, config.model_copy(update={"steps": trial, "log_every": trial}), seed=SEED, emit=lambda event: None)
    pace = (time.monotonic() - started) / trial
    steps = max(trial, min(config.steps, int(0.7 * (limit_s - (time.monotonic() - started)) / pace)))
    model = train_fold(data, config.model_copy(update={"steps": steps}), seed=SEED, emit=lambda event: None)
    seconds = time.monotonic() - started
    test = [record for record in data.part("test") if record.is_train_usable]
    logits = predict(
        model, data, config, [r.code for r in test], [r.input for r in test], [r.prompt for r in test]
    ).logit
    return steps, seconds, within_problem_auc(test, logits)


def small_data(config: TrainingConfig, problems: int) -> FoldData:
    """Fold 0 of the small world of the tests."""
    from codelewm_assets.training.tokenize import tokenize_fold
    from codelewm_assets_tests.factories import make_world
    from codelewm_assets_tests.training.tokens import world_texts

    texts = world_texts(make_world(problems))
    return FoldData(tokenize_fold(texts, config, model_fold=0)[1], texts.records, 0)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", metavar="TOKENIZED_PACK_FOLDER")
    parser.add_argument("--steps", type=int, default=30, help="measured steps of each shape")
    parser.add_argument("--limit-s", type=float, default=240.0, help="of the training from scratch")
    options = parser.parse_args()
    is_gpu = torch.cuda.is_available()
    device, precision = ("cuda", "bfloat16") if is_gpu else ("cpu", "float32")
    common: dict[str, Any] = LENGTHS | {
        "vocab_size": 8192, "row_tokens": 2048, "precision": precision, "device": device, "compile": is_gpu,
        "completions_per_batch": 512 if is_gpu else 8, "inputs_per_completion": 2, "threads": torch.get_num_threads(),
        "learning_rate": 1e-3, "steps": 20_000 if is_gpu else 4, "log_every": 500 if is_gpu else 4,
    }  # fmt: skip
    shapes = SHAPES if is_gpu else TINY
    first = TrainingConfig(**common)
    data = fold_data(options.folder) if options.folder else small_data(first, 24)
    if options.folder:
        vocabulary = 1 + max(int(array.tokens.max()) for array in data.arrays.values())
        longest = {f"{name}_length": max(8, int(np.diff(a.starts).max())) for name, a in data.arrays.items()}
        common |= longest | {"vocab_size": max(300, vocabulary)}
    peak = matrix_rate(device, getattr(torch, precision))
    where = torch.cuda.get_device_name() if is_gpu else f"{torch.get_num_threads()} cores ({platform.machine()})"
    print(f"On {where}, {precision}; a plain matrix product reaches {peak / 1e12:.2f} TFLOP/s.\n")
    print("| model | examples/s | tokens/s | utilisation |\n|---|---:|---:|---:|")
    for name, sizes in shapes.items():
        config = TrainingConfig(**(common | sizes))
        examples, tokens, used = throughput(data, config, options.steps if is_gpu else 2, peak)
        print(f"| {name} | {examples:.0f} | {tokens:.0f} | {100 * used:.1f}% |", flush=True)
    name = TRAINED if is_gpu else next(iter(TINY))
    config = TrainingConfig(**(common | shapes[name]))
    steps, seconds, area = trained(replace(data), config, options.limit_s)
    print(f"\nFrom scratch, {name}: {steps} steps in {seconds:.0f} s, within-problem AUC on test {area}.")


if __name__ == "__main__":
    main()
