"""One model's training, with an event stream that can be read while it runs."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from codelewm_assets.core.errors import TrainingError
from codelewm_assets.training.config import TrainingConfig
from codelewm_assets.training.data import BatchSampler, FoldData
from codelewm_assets.training.loss import total_loss
from codelewm_assets.training.model import TransitionModel
from codelewm_assets.training.tokenize import TokenRecord

Emit = Callable[[dict[str, Any]], None]
VALIDATION_RECORDS = 240


def train_fold(
    data: FoldData, config: TrainingConfig, *, seed: int, emit: Emit, device: str = "cpu"
) -> TransitionModel:
    """Train the model of one fold on its train part; validation loss is reported, nothing is selected on it.

    Args: emit: is handed one event per evaluation: `step, steps, fold, train_loss, val_loss, elapsed_s`.
    Raises: TrainingError: the loss is not finite, or the train part cannot make a batch.
    """
    torch.manual_seed(seed * 1000 + data.model_fold)
    sampler = BatchSampler(data.part("train"), config, np.random.default_rng([seed, data.model_fold]))
    validation = _validation(data, config, seed)
    model = TransitionModel(config).to(device)
    optimizer = torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad], lr=config.learning_rate, weight_decay=config.weight_decay
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, config))
    started = time.monotonic()
    for step in range(1, config.steps + 1):
        model.train()
        loss, parts = _loss(model, data, sampler.draw(), config, device)
        if not math.isfinite(loss.item()):
            raise TrainingError(f"The loss is {loss.item()} at step {step}, seed {seed}. Lower learning_rate.")
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        model.update_target(config.ema_decay)
        if step == 1 or step % config.evaluate_every == 0 or step == config.steps:
            emit(
                {
                    "event": "step",
                    "fold": data.model_fold,
                    "step": step,
                    "steps": config.steps,
                    "train_loss": round(loss.item(), 5),
                    "val_loss": _validation_loss(model, data, validation, config, device),
                    "elapsed_s": round(time.monotonic() - started, 2),
                    **{f"train_{name}": round(value, 5) for name, value in parts.items()},
                }
            )
    return model.eval()


def _rate(step: int, config: TrainingConfig) -> float:
    """Linear warm-up, then half a cosine down to a tenth."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    progress = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    return 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def _loss(
    model: TransitionModel, data: FoldData, records: Sequence[TokenRecord], config: TrainingConfig, device: str
) -> tuple[torch.Tensor, dict[str, float]]:
    codes, code_at = np.unique([r.code for r in records], return_inverse=True)
    prompts, prompt_at = np.unique([r.prompt for r in records], return_inverse=True)
    z_code = model.encoder(data.tokens("code", codes.tolist()).to(device), "code")[torch.from_numpy(code_at)]  # (B, D)
    z_prompt = model.encoder(data.tokens("prompt", prompts.tolist()).to(device), "prompt")[torch.from_numpy(prompt_at)]
    z_input = model.encoder(data.tokens("input", [r.input for r in records]).to(device), "input")  # (B, D)
    z_out = model.target_latent(data.tokens("output", [r.output for r in records]).to(device))  # (B, D)
    passed = torch.tensor([float(r.completion_passed) for r in records], device=device)  # (B,)
    rows = torch.tensor([r.output for r in records], device=device)  # (B,)
    return total_loss(model.transition(z_code, z_input, z_prompt), z_out, rows, passed, config)


def _validation(data: FoldData, config: TrainingConfig, seed: int) -> list[TokenRecord]:
    records = data.part("val")
    order = np.random.default_rng([seed, 7]).permutation(len(records))[:VALIDATION_RECORDS]
    return [records[i] for i in sorted(order)]


@torch.no_grad()
def _validation_loss(
    model: TransitionModel, data: FoldData, records: Sequence[TokenRecord], config: TrainingConfig, device: str
) -> float | None:
    """Mean loss over validation batches; None when the val part is empty."""
    if not records:
        return None
    model.eval()
    size = config.completions_per_batch * config.inputs_per_completion
    losses = [float(_loss(model, data, records[i : i + size], config, device)[0]) for i in range(0, len(records), size)]
    return round(sum(losses) / len(losses), 5)
