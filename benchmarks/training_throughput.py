"""Training steps of one model on the same records, padded as v0.9 was and packed as this project does, in one run.

`python benchmarks/training_throughput.py TOKENIZED_PACK_FOLDER` takes the folder of a stored `tokenized_pack` (the newest under
`artifacts/tokenized_pack/all/`). The padded peer gives every record a row of 1024 tokens for its code and of 256 each for
its input and its output, and encodes no prompt; packed encodes each distinct text once, prompts too. Both take the
same whole step: forward, backward, clip, AdamW, target.
"""

import argparse
import platform
import resource
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from codelewm_assets.training.model import TransitionModel
from sections import rewrite

from codelewm_assets.core.tables import read_table
from codelewm_assets.training import loop
from codelewm_assets.training.batches import Batch, frequent_outputs, labels_of, make_batch
from codelewm_assets.training.config import TrainingConfig
from codelewm_assets.training.data import BatchSampler, FoldData
from codelewm_assets.training.loss import Latents
from codelewm_assets.training.processes import Ranks
from codelewm_assets.training.tokenize import FIELDS, TokenArray, TokenRecord
from codelewm_assets_tests.training.tokens import one_a_row

PADDED = {"code": 1024, "input": 256, "output": 256}
SHAPES = {
    "256 wide, 4 layers": {"hidden": 256, "layers": 4, "heads": 8, "feedforward": 1024, "latent": 256},
    "512 wide, 12 layers": {"hidden": 512, "layers": 12, "heads": 8, "feedforward": 2048, "latent": 512},
}


def fold_data(folder: Path) -> FoldData:
    """Fold 0 of a stored `tokenized_pack`."""

    def mapped(name: str) -> np.ndarray:
        return np.load(folder / f"fold0_{name}.npy", mmap_mode="r")

    arrays = {name: TokenArray(mapped(f"{name}_tokens"), mapped(f"{name}_starts")) for name in FIELDS}
    return FoldData(arrays, tuple(read_table(folder / "records.parquet", TokenRecord)), 0)


def padded_batch(data: FoldData, records: Sequence[TokenRecord], config: TrainingConfig, device: str) -> list[Batch]:
    """Code, input and output of each record, a row each, as three batches."""
    labels = labels_of(records, {}, config, device)
    everyone = torch.arange(len(records), device=device)
    batches = []
    for field, width in PADDED.items():
        texts = [(field, data.arrays[field][getattr(r, field)]) for r in records]
        rows = one_a_row(texts, {field: width}).to(device)
        batches.append(Batch(rows, rows, {field: everyone}, labels, sum(len(text) for _, text in texts)))
    return batches


def padded_latents(model: TransitionModel, batches: list[Batch]) -> Latents:
    """Encode the three; there is no prompt, the code stands in its place."""
    code, given, out = batches
    z_code = model.encoder(code.documents)
    return Latents(z_code, model.encoder(given.documents), z_code, model.target_latent(out.outputs))


def measure(step: Callable[[int], int], steps: int, device: str) -> tuple[float, int]:
    """Seconds of `steps` steps after one that warms up, and the tokens of texts in them."""
    step(0)
    if device == "cuda":
        torch.cuda.synchronize()
    started = time.perf_counter()
    tokens = sum(step(number) for number in range(1, steps + 1))
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started, tokens


def matrix_rate(device: str, dtype: torch.dtype) -> float:
    """FLOP per second of a plain matrix product on this machine."""
    size = 8192 if device == "cuda" else 1536
    a = torch.randn(size, size, device=device, dtype=dtype)
    seconds, _ = measure(lambda _: int((a @ a).shape[0]), 20 if device == "cuda" else 5, device)
    return 2 * size**3 * (20 if device == "cuda" else 5) / seconds


def flop_per_token(config: TrainingConfig) -> float:
    """Forward and backward of the encoder on one token, attention to its own short text left out (it is below a percent)."""
    return 6.0 * config.layers * (4 * config.hidden**2 + 2 * config.hidden * config.feedforward)


def compare(data: FoldData, shape: str, config: TrainingConfig, steps: int, peak: float) -> list[str]:
    """Rows of the table: padded and packed."""
    device = config.device
    train = data.part("train")
    sampler = BatchSampler(train, config, np.random.default_rng(0))
    classes = frequent_outputs(train, config.output_values)
    drawn = [sampler.draw() for _ in range(steps + 1)]
    training = loop._FoldTraining(data, config, 0, lambda event: None, None, Ranks(device=device))

    def packed(number: int) -> int:
        batch = make_batch(data, drawn[number], classes, config, device=device)
        training._step(number + 1, batch)
        return batch.tokens

    latents_of = loop.latents_of

    def padded(number: int) -> int:
        batches = padded_batch(data, drawn[number], config, device)
        loop.latents_of = lambda model, _: padded_latents(model, batches)  # type: ignore[assignment]
        try:
            training._step(number + 1, batches[0])
        finally:
            loop.latents_of = latents_of
        return sum(batch.tokens for batch in batches)

    found = {}
    for name, step, count in (("packed", packed, steps), ("padded 1024+256+256", padded, max(1, steps // 8))):
        seconds, tokens = measure(step, count, device)
        examples = sum(len(records) for records in drawn[1 : count + 1])
        memory = (
            torch.cuda.max_memory_allocated()
            if device == "cuda"
            else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
        )
        found[name] = (
            examples / seconds,
            tokens / seconds,
            tokens / seconds * flop_per_token(config) / peak,
            memory / 2**30,
        )
    slow = found["padded 1024+256+256"][0]
    return [
        f"| {shape} | {name} | {rate:.1f} | {tokens:.0f} | {100 * used:.1f}% | {memory:.2f} | {rate / slow:.1f}× |"
        for name, (rate, tokens, used, memory) in found.items()
    ]


def main() -> None:
    """Measure and rewrite the section of docs/performance.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, metavar="TOKENIZED_PACK_FOLDER")
    parser.add_argument("--steps", type=int, default=16, help="packed steps; the padded peer takes an eighth")
    parser.add_argument("--completions", type=int, default=8, help="of a batch, three inputs each")
    options = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    precision = "bfloat16" if device == "cuda" else "float32"
    data = fold_data(options.folder)
    longest = {name: int(np.diff(array.starts).max()) for name, array in data.arrays.items()}
    means = ", ".join(f"{name} {np.diff(array.starts).mean():.0f}" for name, array in data.arrays.items())
    vocabulary = 1 + max(int(array.tokens.max()) for array in data.arrays.values())
    peak = matrix_rate(device, getattr(torch, precision))
    rows = []
    for shape, sizes in SHAPES.items():
        if device == "cpu" and sizes["layers"] > 4:
            rows.append(f"| {shape} | both | not measured: no GPU here | | | | |")
            continue
        config = TrainingConfig(
            vocab_size=max(300, vocabulary), **{f"{name}_length": max(8, most) for name, most in longest.items()},
            row_tokens=max(8, *longest.values()), predictor_hidden=512, precision=precision, compile=device == "cuda",
            completions_per_batch=options.completions, device=device, threads=torch.get_num_threads(), **sizes,
        )  # fmt: skip
        rows += compare(data, shape, config, options.steps, peak)
    where = (
        torch.cuda.get_device_name() if device == "cuda" else f"{torch.get_num_threads()} cores ({platform.machine()})"
    )
    rewrite(
        "training_throughput",
        [
            f"`python benchmarks/training_throughput.py … --steps {options.steps} --completions {options.completions}` on {where}, "
            f"{precision}; a plain matrix product reaches {peak / 1e9:.0f} GFLOP/s there. Mean tokens of a distinct text: {means}.",
            "Utilisation counts the arithmetic on tokens of texts alone, against that product; memory is the most so far in this "
            "process, and packed runs first.",
            "",
            "| model | rows | examples/s | tokens of texts/s | utilisation | peak memory, GiB | against padded |",
            "|---|---|---:|---:|---:|---:|---:|",
            *rows,
            *([] if device == "cuda" else ["", "On a GPU: not measured, none was at hand."]),
        ],
    )


if __name__ == "__main__":
    main()
