"""One model's training in two stages, with a live event stream and states to resume from.

Stage 1 is of library variants, stage 2 of the fold's train part. In stage 2 the weights with the best within-problem ROC-AUC
on validation completions are kept.
"""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from codelewm_assets.core.digests import unit_interval
from codelewm_assets.core.errors import TrainingError
from codelewm_assets.training.batches import Batch, frequent_outputs, latents_of, make_batch
from codelewm_assets.training.config import TrainingConfig
from codelewm_assets.training.data import BatchSampler, FoldData
from codelewm_assets.training.hub import new_model
from codelewm_assets.training.inspect import collapse_diagnostics
from codelewm_assets.training.loss import total_loss
from codelewm_assets.training.modeling_codelewm import CodeLeWMModel
from codelewm_assets.training.processes import Ranks
from codelewm_assets.training.state import Best, generators, load_state, save_state
from codelewm_assets.training.tokenize import TokenRecord

Emit = Callable[[dict[str, Any]], None]
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
) -> CodeLeWMModel:
    """Train the model of one fold on library variants, if there are any, and on its train part.

    Of the second stage the weights with the best `within_problem_auc` on the val part are kept, the last without one.

    The same data, configuration and seed give the same weights on CPU, whether or not training was interrupted. Every rank
    has the same weights at the end; the first alone emits events and writes states.

    Args:
        emit: called with `progress` and `collapse_diagnostics` events every `log_every` steps, with `checkpoint` events, and
            with a `selected` event at the end.
        states: folder of the states; None: no states.
        ranks: the processes that train this model; None: only this one.
        origin: digests and versions that a state belongs to, by name, besides seed, fold and settings.

    Raises: TrainingError: the loss is not finite (the last state is kept), memory ran out, a state is damaged or of another
        training, the train part cannot form a batch, or there are no variants for `variant_steps`.
    """
    return _FoldTraining(data, config, seed, emit, states, ranks or Ranks(device=config.device), origin).run()


class Objective(nn.Module):
    """The loss of a batch as a module, so that its gradients can be averaged over processes."""

    def __init__(self, model: CodeLeWMModel, config: TrainingConfig) -> None:
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
        generator = np.random.default_rng([seed, self._fold])
        self._sampler = BatchSampler(train, config, generator)
        self._variants = _variant_sampler(data, config, generator)
        self._first_stage = config.variant_steps if self._variants else 0
        self._last = self._first_stage + config.steps
        self._best = Best()
        self._classes = frequent_outputs([r for r in train if r.is_train_usable], config.output_values)
        self._model = new_model(config)
        nn.Module.to(self._model, self._device)  # PreTrainedModel.to is typed for its class alone
        self._optimizer = _optimizer(self._model, config)
        self._held = validation_records(data, config) if ranks.is_first else []
        self._validation = [self._batch(records) for records in self._held]
        if config.compile:
            for encoder in (self._model.encoder, self._model.target):
                encoder.compile()
        if not ranks.is_first:  # equal weights, but different dropout and directions
            torch.manual_seed(ranks.seed(seed, self._fold))
        self._objective = ranks.data_parallel(
            Objective(self._model, config), has_unused=not config.has_every_term or bool(self._first_stage)
        )

    def run(self) -> CodeLeWMModel:
        resumed, ranks = None, self._ranks
        if self._states is not None:
            resumed = load_state(
                self._states, self._fold, self._model, self._optimizer, origin=self._origin, rank=ranks.rank
            )
        first = 1
        if resumed is not None:
            self._sampler.state, first, self._best = resumed.sampler, resumed.step + 1, resumed.best
        started, seen, drawn = time.monotonic(), 0, dict[int, list[list[TokenRecord]]]()
        bad = torch.zeros((), dtype=torch.int64, device=self._device)  # first step whose loss was not finite; 0: none
        for step in range(first, self._last + 1):
            sampler = self._variants if self._variants and step <= self._first_stage else self._sampler
            drawn[step] = [sampler.draw() for _ in range(ranks.count)]  # every rank draws the batches of all
            loss, terms = self._step(step, self._batch(drawn[step][ranks.rank]))
            seen += sum(map(len, drawn[step]))
            bad = torch.where((bad == 0) & ~torch.isfinite(loss), step, bad)
            is_last = step == self._last
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
        return self._select()

    def _select(self) -> CodeLeWMModel:
        """The model with the best weights of validation."""
        if self._best.weights:
            self._model.load_state_dict(self._best.weights)
            if self._ranks.is_first:
                selected = {"step": self._best.step, "within_problem_auc": self._best.score}
                self._emit({"event": "selected", "fold": self._fold} | selected)
        self._model.eval()
        return self._model

    def _keep(self, states: Path, step: int) -> None:
        states_by_name = {name: self._ranks.all_gather(tensor) for name, tensor in generators().items()}
        if self._ranks.is_first:
            of_ranks = [
                {name: by_rank[rank] for name, by_rank in states_by_name.items()} for rank in range(self._ranks.count)
            ]
            sampler = self._sampler.state
            path = save_state(
                states, self._fold, step, self._model, self._optimizer, sampler, of_ranks, self._origin, self._best
            )
            self._emit({"event": "checkpoint", "fold": self._fold, "step": step, "sha256": path.stem[-16:]})

    def _batch(self, records: Sequence[TokenRecord]) -> Batch:
        return make_batch(self._data, records, self._classes, self._config, device=self._device)

    def _step(self, step: int, batch: Batch) -> tuple[Tensor, Mapping[str, Tensor]]:
        self._model.train()
        for group in self._optimizer.param_groups:
            group["lr"] = group["highest_lr"] * self._lr_factor(step)
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

    def _lr_factor(self, step: int) -> float:
        """Each stage has a schedule of its own."""
        if step <= self._first_stage:
            return lr_factor(step - 1, self._config.warmup_steps, self._first_stage)
        return lr_factor(step - self._first_stage - 1, self._config.warmup_steps, self._config.steps)

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
        held, area, diagnostics = self._validate() if self._ranks.is_first else (None, None, {})
        if step > self._first_stage:
            self._compare(step, area)
        if not self._ranks.is_first:
            return
        train = dict(zip(("loss", *terms), torch.stack(of_ranks).mean(dim=0).tolist(), strict=True))
        self._emit(
            {
                "event": "progress",
                "fold": self._fold,
                "step": step,
                "steps": self._last,
                "metrics": {"val_loss": held, "val_within_problem_auc": area}
                | {f"train_{name}": round(value, 5) for name, value in train.items()},
                "elapsed_s": round(elapsed, 2),
                "examples_per_second": round(seen / max(elapsed, 1e-9), 1),
                "eta_s": round((self._last - step) / pace, 1),
            }
        )
        self._emit({"event": "collapse_diagnostics", "fold": self._fold, "step": step} | diagnostics)

    def _compare(self, step: int, area: float | None) -> None:
        """Keep a copy of the weights in every rank if the first rank's validation is the best so far."""
        score = torch.tensor(float("nan") if area is None else area, dtype=torch.float64)
        area = float(self._ranks.all_gather(score)[0])
        if math.isfinite(area) and (self._best.score is None or area > self._best.score):
            weights = {name: tensor.detach().clone() for name, tensor in self._model.state_dict().items()}
            self._best = Best(area, step, weights)

    @torch.no_grad()
    def _validate(self) -> tuple[float | None, float | None, dict[str, Any]]:
        """Mean loss and within-problem AUC of validation batches, and the spread of their predictions.

        The first two are None when the val part is empty, or the numbers are not finite.
        """
        self._model.eval()
        losses, predicted, logits = list[float](), list[Tensor](), list[Tensor]()
        gpus = [torch.cuda.current_device()] if self._config.device == "cuda" else []
        with torch.random.fork_rng(devices=gpus), _autocast(self._config):  # keeps the training's random state
            torch.manual_seed(0)  # the same directions each time
            for batch in self._validation:
                latents = latents_of(self._model, batch)
                losses.append(float(total_loss(self._model, latents, batch.labels, self._config)[0]))
                prediction = self._model.transition(latents.z_code, latents.z_input, latents.suspicion)
                predicted.append(prediction.z_pred.float())
                logits.append(prediction.logit.float())
        z_pred = torch.cat(predicted).cpu().numpy() if predicted else np.zeros((0, 1), dtype=np.float32)
        diagnostics = collapse_diagnostics(z_pred).model_dump(mode="json")
        mean = round(sum(losses) / len(losses), 5) if losses and all(map(math.isfinite, losses)) else None
        area = within_problem_auc(
            list(chain.from_iterable(self._held)), torch.cat(logits).cpu().numpy() if logits else np.zeros(0)
        )
        return mean, area, {name: None if value is None else round(value, 6) for name, value in diagnostics.items()}


def within_problem_auc(records: Sequence[TokenRecord], logits: NDArray[np.floating]) -> float | None:
    """Mean over problems of the ROC-AUC of their completions, each with the mean logit of its records.

    Args:
        logits: (N,) of the records.

    Returns: in [0, 1]; None if no problem has both classes, or a logit is not finite.
    """
    if not np.isfinite(logits).all():
        return None
    by_completion: dict[str, list[float]] = defaultdict(list)
    completions = {record.completion_id: record for record in records}
    for record, logit in zip(records, logits, strict=True):
        by_completion[record.completion_id].append(float(logit))
    by_problem: dict[str, dict[bool, list[float]]] = defaultdict(lambda: {True: [], False: []})
    for name, values in by_completion.items():
        record = completions[name]
        by_problem[record.problem_id][record.completion_passed].append(sum(values) / len(values))
    areas = []
    for scores in by_problem.values():
        passing, failing = np.array(scores[True])[:, None], np.array(scores[False])[None, :]
        if passing.size and failing.size:
            areas.append(float(((passing > failing) + 0.5 * (passing == failing)).mean()))
    return round(sum(areas) / len(areas), 6) if areas else None


def lr_factor(step: int, warmup_steps: int, steps: int) -> float:
    """Factor of `learning_rate` after `step` of `steps`: linear warm-up, then half a cosine down to 0.1."""
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    progress = (step - warmup_steps) / max(1, steps - warmup_steps)
    return 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def _optimizer(model: CodeLeWMModel, config: TrainingConfig) -> torch.optim.Optimizer:
    """Fused AdamW; matrices decay, vectors do not; a fine-tuned body has a learning rate of its own."""
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    groups = []
    for is_body, lr in (
        (False, config.learning_rate),
        (True, config.pretrained.learning_rate if config.pretrained else 0.0),
    ):
        part = [p for name, p in named if name.startswith("body.") is is_body]
        matrices, vectors = [p for p in part if p.ndim >= 2], [p for p in part if p.ndim < 2]
        decays = ((matrices, config.weight_decay), (vectors, 0.0))
        groups += [{"params": p, "weight_decay": decay, "lr": lr, "highest_lr": lr} for p, decay in decays if p]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, config.beta2), fused=True)


def _autocast(config: TrainingConfig) -> AbstractContextManager[Any]:
    return torch.autocast(config.device, torch.bfloat16, enabled=config.precision == "bfloat16")


def _variant_sampler(data: FoldData, config: TrainingConfig, generator: np.random.Generator) -> BatchSampler | None:
    """Batches of stage 1; None without one. Raises: TrainingError: `variant_steps` is set and there are no variants."""
    if not config.variant_steps:
        return None
    if not data.variants:
        raise TrainingError(
            f"variant_steps is {config.variant_steps}, and tokenized_pack holds no library variants. Materialize "
            "library_variants and tokenized_pack, or set training.variant_steps to 0."
        )
    return BatchSampler(data.variants, config.model_copy(update={"action_dropout": 0.0}), generator)


def validation_records(data: FoldData, config: TrainingConfig) -> list[list[TokenRecord]]:
    """Records of the val part, by hash, in batches of about the training size.

    At most `validation_completions` of a problem, half of them passing, with `inputs_per_completion` records each.
    """
    by_completion: dict[str, list[TokenRecord]] = defaultdict(list)
    for record in sorted(data.part("val"), key=lambda r: unit_interval("validation", r.record_id)):
        if record.is_train_usable:
            by_completion[record.completion_id].append(record)
    by_class: dict[tuple[str, bool], list[str]] = defaultdict(list)
    for name in sorted(by_completion, key=lambda name: unit_interval("validation", name)):
        first = by_completion[name][0]
        by_class[first.problem_id, first.completion_passed].append(name)
    chosen = [
        by_completion[name][: config.inputs_per_completion]
        for key in sorted(by_class)
        for name in by_class[key][: config.validation_completions // 2]
    ]
    size = config.completions_per_batch
    return [list(chain.from_iterable(chosen[i : i + size])) for i in range(0, len(chosen), size)]
