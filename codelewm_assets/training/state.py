"""The state that training resumes from: everything the next step depends on, in one file whose name holds its digest.

Its header holds the origin (data, settings, seed, fold, step, versions): a single file, unlike a pair, is written atomically.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from codelewm_assets.core.digests import sha256_bytes
from codelewm_assets.core.errors import TrainingError
from codelewm_assets.core.files import write_atomically

NAME = re.compile(r"fold(\d)_step(\d{8})_([0-9a-f]{16})\.state")
MAX_NAMED = 4  # differences named in an error


@dataclass(frozen=True, slots=True)
class Best:
    """The best weights on validation so far.

    Attributes:
        score: within-problem ROC-AUC of completions; None before a first one.
        step: after which they were validated.
        weights: copies of the model's tensors; empty before a first one.
    """

    score: float | None = None
    step: int = 0
    weights: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resumed:
    """Point to resume from: the last completed step, the sampler's state after it, and the best weights until then."""

    step: int
    sampler: Mapping[str, Any]
    best: Best


def generators() -> dict[str, Tensor]:
    """States of this process's random number generators."""
    random_states = {"random": torch.get_rng_state()}
    return random_states | ({"random_cuda": torch.cuda.get_rng_state()} if torch.cuda.is_available() else {})


def save_state(
    folder: Path,
    fold: int,
    step: int,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    sampler: Mapping[str, Any],
    ranks: Sequence[Mapping[str, Tensor]],
    origin: Mapping[str, str],
    best: Best,
) -> Path:
    """Write the state after `step` atomically, then remove earlier ones of this fold.

    Args:
        ranks: `generators` of each process, in order.
        origin: data and settings, by name; `load_state` refuses a state of another origin.
    """
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {f"best.{name}": tensor for name, tensor in best.weights.items()}
    for index, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": torch.as_tensor(value) for name, value in values.items()}
    for rank, generator_states in enumerate(ranks):
        tensors |= {_of_rank(name, rank): tensor for name, tensor in generator_states.items()}
    # one entry: safetensors writes several in an order that differs between processes, and events name the digest
    about = {"sampler": sampler, "origin": _origin(origin, fold, step), "best": [best.score, best.step]}
    header = {"about": json.dumps(about, sort_keys=True)}
    data = save({name: t.detach().cpu().contiguous() for name, t in tensors.items()}, header)
    path = folder / f"fold{fold}_step{step:08d}_{sha256_bytes(data)[:16]}.state"
    write_atomically(path, data)
    for other in states(folder, fold):
        if other != path:
            other.unlink()
    return path


def states(folder: Path, fold: int) -> list[Path]:
    """Kept states of a fold, by step."""
    return sorted(path for path in folder.glob(f"fold{fold}_step*.state") if NAME.fullmatch(path.name))


def _of_rank(name: str, rank: int) -> str:
    """The generator's name in the file; the first rank's is that of a single process."""
    return f"{name}.{rank}" if rank else name


def _origin(origin: Mapping[str, str], fold: int, step: int) -> dict[str, str]:
    return dict(origin) | {"fold": str(fold), "step": str(step)}


def load_state(
    folder: Path,
    fold: int,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    origin: Mapping[str, str],
    rank: int = 0,
) -> Resumed | None:
    """Restore model, optimizer and this rank's generators from the last state. Returns: None without a state.

    Raises: TrainingError: the file does not match the digest in its name, or is of another origin.
    """
    kept_states = states(folder, fold)
    if not kept_states:
        return None
    path, match = kept_states[-1], NAME.fullmatch(kept_states[-1].name)
    assert match is not None
    data, step = path.read_bytes(), int(match[2])  # read once: what is loaded is what was verified
    if sha256_bytes(data)[:16] != match[3]:
        raise TrainingError(
            f"{path.name} is damaged ({len(data)} bytes, sha256 is {sha256_bytes(data)[:16]}, expected "
            f"{match[3]}). Delete the file to train from the state before it, or from the start."
        )
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")]).get("__metadata__", {})
    about = json.loads(header.get("about", "{}"))
    kept, expected = about.get("origin", {}), _origin(origin, fold, step)
    faults = [
        f"{name} is {kept.get(name, 'absent')}, expected {expected.get(name, 'absent')}"
        for name in sorted(set(kept) | set(expected))
        if kept.get(name) != expected.get(name)
    ]
    if faults:
        more = f"; and {len(faults) - MAX_NAMED} more" if len(faults) > MAX_NAMED else ""
        raise TrainingError(
            f"{path.name} is of another model, seed or data: {'; '.join(faults[:MAX_NAMED])}{more}. Delete the file to train "
            "from the start."
        )
    tensors = load(data)
    _restore(path, tensors, model, optimizer)
    torch.set_rng_state(tensors[_of_rank("random", rank)])
    if "random_cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors[_of_rank("random_cuda", rank)])
    score, best_step = about["best"]
    best = {n.removeprefix("best."): t for n, t in tensors.items() if n.startswith("best.")}
    return Resumed(step, about["sampler"], Best(score, best_step, best))


def _restore(path: Path, tensors: dict[str, Tensor], model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    try:
        model.load_state_dict({n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")})
        optimizer_state = optimizer.state_dict()
        optimizer_state["state"] = {}
        for name, tensor in tensors.items():
            kind, _, rest = name.partition(".")
            if kind == "optimizer":
                index, _, field = rest.partition(".")
                optimizer_state["state"].setdefault(int(index), {})[field] = tensor
        optimizer.load_state_dict(optimizer_state)
    except (RuntimeError, ValueError) as error:
        raise TrainingError(f"{path.name} is of another model: {error}. Delete it to train from the start.") from error
