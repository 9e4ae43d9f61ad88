"""Data-parallel training processes: averaged gradients and gathered tensors.

Averaging is by torch's DistributedDataParallel. The processes rendezvous in a file; the agent, which starts and stops them,
restricts them to the loopback interface (training/agent.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from codelewm_assets.core.errors import TrainingError
from codelewm_assets.training.config import TrainingConfig


@dataclass(frozen=True, slots=True)
class Ranks:
    """The process group of one model, as seen by one process; by default a single process.

    Attributes:
        rank: number of this process, from 0. Rank 0 emits events and writes files.
        count: number of processes.
        device: of this process.
    """

    rank: int = 0
    count: int = 1
    device: str = "cpu"

    @property
    def is_first(self) -> bool:
        """True for rank 0."""
        return self.rank == 0

    @property
    def name(self) -> str:
        """Suffix of error messages; empty with a single process."""
        return f", rank {self.rank}" if self.count > 1 else ""

    def data_parallel(self, module: nn.Module, *, has_unused: bool) -> nn.Module:
        """The module with gradients averaged over the ranks during backward; the module itself with a single process.

        Args:
            has_unused: some parameters do not affect the loss, which requires traversing the graph in each step.
        """
        if self.count == 1:
            return module
        return DistributedDataParallel(module, find_unused_parameters=has_unused)

    def all_gather(self, tensor: Tensor) -> list[Tensor]:
        """The tensor of each rank, in order. Every rank must call it with the same shape and type."""
        if self.count == 1:
            return [tensor]
        local = tensor.to(self.device)
        tensors = [torch.empty_like(local) for _ in range(self.count)]
        dist.all_gather(tensors, local)
        return tensors

    def seed(self, seed: int, fold: int) -> int:
        """Seed of this rank's dropout and directions, below 2³², the range of torch's CPU generator."""
        return int(np.random.SeedSequence([seed, fold, self.rank]).generate_state(1)[0])


def require_devices(config: TrainingConfig) -> None:
    """Raises: TrainingError: the configuration requires missing GPUs."""
    if config.device != "cuda":
        return
    gpu_count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if config.processes == 1 and not gpu_count:
        raise TrainingError(
            "The profile requires device cuda, and there is no GPU here. Train where there is one, or use sample."
        )
    if gpu_count < config.processes:
        raise TrainingError(
            f"The profile requires {config.processes} processes on device cuda, a GPU each; {gpu_count} GPUs are here. "
            "Lower training.processes, or train where there are as many."
        )


@contextmanager
def join_process_group(config: TrainingConfig, rank: int, meeting: Path) -> Iterator[Ranks]:
    """This process as one of `config.processes`, by gloo on CPU and by NCCL on GPUs, one GPU a process.

    Args:
        rank: of this process, from 0.
        meeting: the rendezvous file, not one of an earlier group.
    """
    on_gpu = config.device == "cuda"
    device = f"cuda:{rank}" if on_gpu else "cpu"
    if on_gpu:
        torch.cuda.set_device(rank)
    dist.init_process_group(
        "nccl" if on_gpu else "gloo",
        store=dist.FileStore(str(meeting), config.processes),  # type: ignore[attr-defined] # torch's stub lacks it
        rank=rank,
        world_size=config.processes,
        timeout=timedelta(seconds=config.wall_limit_s),  # the launcher's limit is the one that counts
        device_id=torch.device(device) if on_gpu else None,
    )
    yield Ranks(rank, config.processes, device)
    dist.destroy_process_group()  # not after an error: it could wait for dead ranks
