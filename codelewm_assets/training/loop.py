"""One model's training, with a live event stream and states to resume from."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from codelewm_assets.core.errors import TrainingError
from codelewm_assets.training.batches import Batch, frequent_outputs, latents_of, make_batch
from codelewm_assets.training.config import TrainingConfig
from codelewm_assets.training.data import BatchSampler, FoldData
from codelewm_assets.training.inspect import collapse_diagnostics
from codelewm_assets.training.loss import total_loss
from codelewm_assets.training.model import TransitionModel
from codelewm_assets.training.processes import Ranks
from codelewm_assets.training.state import generators, load_state, save_state
from codelewm_assets.training.tokenize import TokenRecord

Emit = Callable[[dict[str, Any]], None]
VALIDATION_RECORDS = 240
RECORDS_NAMED = 3  # of the batch that ended training


def train_fold(
    data: FoldData,
    config: TrainingConfig,
    *,
    seed: int,
    emit: Emit,
    states: Path | None = None,
    ranks: Ranks | None = None,
    origin: Mapping[str, str] | None = None,
) -> TransitionModel:
    """Train the model of one fold on its train part; validation loss is reported, nothing is selected on it.

    The same data, configuration and seed give the same weights on CPU, whether or not training was interrupted. Every rank
    has the same weights at the end; the first alone emits events and writes states.

    Args:
        emit: called with `progress` and `collapse_diagnostics` events every `log_every` steps, and with `checkpoint` events.
        states: folder of the states; None: no states.
        ranks: the processes that train this model; None: only this one.
        origin: digests and versions that a state belongs to, by name, besides seed, fold and settings.

    Raises: TrainingError: the loss is not finite (the last state is kept), memory ran out, a state is damaged or of another
        training, or the train part cannot form a batch.
    """
    return _FoldTraining(data, config, seed, emit, states, ranks or Ranks(device=config.device), origin).run()


class Objective(nn.Module):
    """The loss of a batch as a module, so that its gradients can be averaged over processes."""

    def __init__(self, model: TransitionModel, config: TrainingConfig) -> None:
        super().__init__()
        self.model, self.config = model, config

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The weighted sum, and each term without its graph: scalars."""
        loss, terms = total_loss(self.model, latents_of(self.model, batch), batch.labels, self.config)
        return loss, {name: term.detach() for name, term in terms.items()}


class _FoldTraining:
    def __init__(
        self,
        data: FoldData,
        config: TrainingConfig,
        seed: int,
        emit: Emit,
        states: Path | None,
        ranks: Ranks,
        origin: Mapping[str, str] | None = None,
    ) -> None:
        of_run = {"seed": seed, **config.settings, "processes": ranks.count}
        self._origin = dict(origin or {}) | {name: str(value) for name, value in of_run.items()}
        self._data, self._config, self._seed, self._emit, self._states = data, config, seed, emit, states
        self._fold, self._device, self._ranks = data.model_fold, ranks.device, ranks
        torch.manual_seed(seed * 1000 + self._fold)
        train = data.part("train")
        self._sampler = BatchSampler(train, config, np.random.default_rng([seed, self._fold]))
        self._classes = frequent_outputs([r for r in train if r.is_train_usable], config.output_values)
        self._model = TransitionModel(config).to(self._device)
        self._optimizer = _optimizer(self._model, config)
        held = _validation(data, config, seed) if ranks.is_first else []
        self._validation = [self._batch(records) for records in held]
        if config.compile:
            for encoder in (self._model.encoder, self._model.target):
                encoder.compile()
        if not ranks.is_first:  # equal weights, but different dropout and directions
            torch.manual_seed(ranks.seed(seed, self._fold))
        self._objective = ranks.data_parallel(Objective(self._model, config), has_unused=not config.has_every_term)

    def run(self) -> TransitionModel:
        resumed, ranks = None, self._ranks
        if self._states is not None:
            resumed = load_state(
                self._states, self._fold, self._model, self._optimizer, origin=self._origin, rank=ranks.rank
            )
        first = 1
        if resumed is not None:
            self._sampler.state, first = resumed.sampler, resumed.step + 1
        started, seen, drawn = time.monotonic(), 0, dict[int, list[list[TokenRecord]]]()
        bad = torch.zeros((), dtype=torch.int64, device=self._device)  # first step whose loss was not finite; 0: none
        for step in range(first, self._config.steps + 1):
            drawn[step] = [self._sampler.draw() for _ in range(ranks.count)]  # every rank draws the batches of all
            loss, terms = self._step(step, self._batch(drawn[step][ranks.rank]))
            seen += sum(map(len, drawn[step]))
            bad = torch.where((bad == 0) & ~torch.isfinite(loss), step, bad)
            is_last = step == self._config.steps
            is_logged = step == 1 or step % self._config.log_every == 0 or is_last
            is_kept = self._states is not None and (step % self._config.checkpoint_every == 0 or is_last)
            if is_logged or is_kept:
                self._require_finite(bad, drawn)
                drawn.clear()
            if is_logged:
                elapsed = time.monotonic() - started
                self._report(step, loss, terms, elapsed, seen, (step - first + 1) / max(elapsed, 1e-9))
            if is_kept and self._states is not None:
                self._keep(self._states, step)
        return self._model.eval()

    def _keep(self, states: Path, step: int) -> None:
        states_by_name = {name: self._ranks.all_gather(tensor) for name, tensor in generators().items()}
        if self._ranks.is_first:
            of_ranks = [
                {name: by_rank[rank] for name, by_rank in states_by_name.items()} for rank in range(self._ranks.count)
            ]
            sampler = self._sampler.state
            path = save_state(states, self._fold, step, self._model, self._optimizer, sampler, of_ranks, self._origin)
            self._emit({"event": "checkpoint", "fold": self._fold, "step": step, "sha256": path.stem[-16:]})

    def _batch(self, records: Sequence[TokenRecord]) -> Batch:
        return make_batch(self._data, records, self._classes, self._config, device=self._device)

    def _step(self, step: int, batch: Batch) -> tuple[Tensor, Mapping[str, Tensor]]:
        self._model.train()
        for group in self._optimizer.param_groups:
            group["lr"] = self._config.learning_rate * lr_factor(step - 1, self._config)
        try:
            with _autocast(self._config):
                loss, terms = self._objective(batch)
            self._optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self._model.parameters(), self._config.clip_norm)
            self._optimizer.step()
            self._model.update_target(self._config.ema_decay)
        except torch.cuda.OutOfMemoryError as error:
            raise TrainingError(
                f"The GPU's memory ran out at step {step}, seed {self._seed}{self._ranks.name}, on a batch of {batch.size} "
                f"records and {batch.tokens} tokens. Lower completions_per_batch or inputs_per_completion, or the model's "
                "sizes."
            ) from error
        return loss.detach(), terms

    def _require_finite(self, bad: Tensor, drawn: Mapping[int, Sequence[Sequence[TokenRecord]]]) -> None:
        """Raises: TrainingError: in every rank the same, of the first step and rank whose loss was not finite."""
        first = [int(step) for step in self._ranks.all_gather(bad)]  # of each rank
        if not any(first):
            return
        step, rank = min((step, rank) for rank, step in enumerate(first) if step)
        records, place = drawn[step][rank], replace(self._ranks, rank=rank).name
        named = ", ".join(record.record_id for record in records[:RECORDS_NAMED])
        raise TrainingError(
            f"The loss is not finite at step {step}, fold {self._fold}, seed {self._seed}{place}, on a batch of "
            f"{len(records)} records ({named} …). Lower learning_rate; the last state before it is kept."
        )

    def _report(
        self, step: int, loss: Tensor, terms: Mapping[str, Tensor], elapsed: float, seen: int, pace: float
    ) -> None:
        of_ranks = self._ranks.all_gather(torch.stack([loss, *terms.values()]))
        if not self._ranks.is_first:
            return
        train = dict(zip(("loss", *terms), torch.stack(of_ranks).mean(dim=0).tolist(), strict=True))
        held, diagnostics = self._validate()
        self._emit(
            {
                "event": "progress",
                "fold": self._fold,
                "step": step,
                "steps": self._config.steps,
                "metrics": {"val_loss": held} | {f"train_{name}": round(value, 5) for name, value in train.items()},
                "elapsed_s": round(elapsed, 2),
                "examples_per_second": round(seen / max(elapsed, 1e-9), 1),
                "eta_s": round((self._config.steps - step) / pace, 1),
            }
        )
        self._emit({"event": "collapse_diagnostics", "fold": self._fold, "step": step} | diagnostics)

    @torch.no_grad()
    def _validate(self) -> tuple[float | None, dict[str, Any]]:
        """Mean loss over validation batches, and the spread of their predictions; None when the val part is empty."""
        self._model.eval()
        losses, predicted = list[float](), list[Tensor]()
        gpus = [torch.cuda.current_device()] if self._config.device == "cuda" else []
        with torch.random.fork_rng(devices=gpus), _autocast(self._config):  # keeps the training's random state
            torch.manual_seed(0)  # the same directions each time
            for batch in self._validation:
                latents = latents_of(self._model, batch)
                losses.append(float(total_loss(self._model, latents, batch.labels, self._config)[0]))
                predicted.append(self._model.predict(latents.z_code, latents.z_input).float())
        z_pred = torch.cat(predicted).cpu().numpy() if predicted else np.zeros((0, 1), dtype=np.float32)
        diagnostics = collapse_diagnostics(z_pred).model_dump(mode="json")
        mean = round(sum(losses) / len(losses), 5) if losses and all(map(math.isfinite, losses)) else None
        return mean, {name: None if value is None else round(value, 6) for name, value in diagnostics.items()}


def lr_factor(step: int, config: TrainingConfig) -> float:
    """Factor of `learning_rate` after `step` steps: linear warm-up, then half a cosine down to 0.1."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    progress = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    return 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def _optimizer(model: TransitionModel, config: TrainingConfig) -> torch.optim.Optimizer:
    """Fused AdamW; matrices decay, vectors do not."""
    learnt = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in learnt if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in learnt if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, config.beta2), fused=True)


def _autocast(config: TrainingConfig) -> AbstractContextManager[Any]:
    return torch.autocast(config.device, torch.bfloat16, enabled=config.precision == "bfloat16")


def _validation(data: FoldData, config: TrainingConfig, seed: int) -> list[list[TokenRecord]]:
    """Fixed validation records of the val part, in batches of the training size."""
    records = data.part("val")
    order = np.random.default_rng([seed, 7]).permutation(len(records))[:VALIDATION_RECORDS]
    chosen = [records[i] for i in sorted(order)]
    size = config.completions_per_batch * config.inputs_per_completion
    return [chosen[i : i + size] for i in range(0, len(chosen), size)]
