"""Labelling of shards on this process' pool, or as Ray tasks on the machines of a cluster.

Ray does not isolate: on a cluster too every program runs in the sandbox, one warm pool in each worker process. Shards, their
order and their cache keys are the same either way. The only module that imports ray, inside functions.
"""

import atexit
import logging
import os
import signal
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from platform import python_version
from typing import Any, Literal, assert_never

from codelewm_assets.completions.label import LabelShard, label_problem
from codelewm_assets.completions.shards import ShardFolder, ShardJob, label_with_cache, shard_jobs
from codelewm_assets.core.digests import digest_of
from codelewm_assets.core.errors import AssetsError, SandboxError
from codelewm_assets.core.package import PACKAGE, package_sha256
from codelewm_assets.core.records import Completion, Problem
from codelewm_assets.sandbox.isolation import Isolation, remedy
from codelewm_assets.sandbox.pool import MAX_PENDING_PER_WORKER, SandboxPool

SpreadMode = Literal["in_process", "ray"]
IsolationMode = Literal["auto", "strict"]

MAX_SHARD_RETRIES = 100  # after a lost node or worker; bounded, since the shard itself may kill its worker
CONNECT_TIMEOUT_S = 5.0
LOCAL_OBJECT_BYTES = 256 << 20  # of a Ray started here; larger objects are spilled to disk
LABELLING_CODE = ("core", "sandbox", "completions")


@dataclass(slots=True)
class Labelling:
    """One labelling run: its shards, and the isolation layers of every sandbox that labelled one.

    Attributes:
        shards: in the order of the problems.
        local_layers: active layers of this process' sandbox, under which the cached shards were labelled.
        by_worker: worker → its active layers, of each Ray worker that has returned a shard.
    """

    shards: Iterator[LabelShard]
    local_layers: tuple[str, ...]
    by_worker: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def layers(self) -> tuple[str, ...]:
        """Layers active here and in every worker so far; of the whole run once `shards` is exhausted."""
        return tuple(layer for layer in self.local_layers if all(layer in layers for layers in self.by_worker.values()))


@dataclass(frozen=True, slots=True)
class WorkerShard:
    """A shard labelled by a Ray worker, with the worker's id and its active layers."""

    shard: LabelShard
    worker: str
    layers: tuple[str, ...]


@contextmanager
def label_shards(
    completions: Iterable[Completion],
    problems: Mapping[str, Problem],
    *,
    spread: SpreadMode,
    workers: int,
    ray_address: str | None,
    isolation: IsolationMode,
    cpu_floor_s: float,
    folder: ShardFolder[LabelShard],
    settings: Mapping[str, object],
    on_shard: Callable[[int], None] = lambda count: None,
) -> Iterator[Labelling]:
    """A labelling run, on this process' pool or on a Ray cluster; workers end with the context.

    Args:
        completions: grouped by problem; read lazily.
        spread: `in_process`, or `ray`.
        workers: concurrent programs on this machine; a named cluster has its own number.
        ray_address: HOST:PORT of a running cluster; None starts one on this machine's loopback interface.
        isolation: `strict` refuses to label where a layer is missing.
        cpu_floor_s: minimum CPU limit of one call in seconds.
        folder: cache of finished shards.
        settings: all that the labels depend on besides problems and completions.
        on_shard: called with the number of completions of each finished shard, in order.

    Raises:
        SandboxError: a sandbox does not start, `strict` and a layer is missing, Ray is not installed, the cluster cannot be
            reached, a worker runs other code, or a shard is lost after `MAX_SHARD_RETRIES` retries.
        StoreError: a shard cannot be stored.
    """
    jobs = shard_jobs(completions, problems, cpu_floor_s=cpu_floor_s, settings=settings)
    with SandboxPool(workers if spread == "in_process" else 1) as pool:
        local = pool.isolation
        refuse_missing(local, isolation)
        if spread == "in_process":
            yield Labelling(label_with_cache(jobs, pool=pool, folder=folder, on_shard=on_shard), local.layers)
            return
    if spread != "ray":
        assert_never(spread)
    with ray_cluster(ray_address, workers) as ray:
        labelling = Labelling(iter(()), local.layers)
        run = _RayRun(ray, labelling, folder, isolation)
        labelling.shards = run.label(jobs, on_shard)
        yield labelling


@contextmanager
def ray_cluster(address: str | None, workers: int) -> Iterator[Any]:
    """The connected `ray` module; on exit it is disconnected, and a Ray started here is stopped.

    Args:
        address: HOST:PORT of a running cluster; None starts one here with `workers` CPUs, without the dashboard.
    Raises: SandboxError: Ray is not installed, or the cluster cannot be reached, has no CPU or another version.
    """
    try:
        import ray
        from ray._private import ray_constants
    except ImportError as error:
        raise SandboxError(
            "The profile spreads labels with Ray, which is not installed here. Do `pip install codelewm_assets[ray]`, "
            "or set sandbox.spread to in_process."
        ) from error
    on_terminate, may_leave_loopback = signal.getsignal(signal.SIGTERM), ray_constants.ENABLE_RAY_CLUSTER
    try:
        if address is None:
            ray_constants.ENABLE_RAY_CLUSTER = False  # else Ray takes the machine's outer address for 127.0.0.1
            ray.init(
                "local", num_cpus=workers, object_store_memory=LOCAL_OBJECT_BYTES, _node_ip_address="127.0.0.1",
                include_dashboard=False, log_to_driver=False, logging_level=logging.WARNING,
            )  # fmt: skip
        else:
            _check_address(ray, address)
            ray.init(address, log_to_driver=False, logging_level=logging.WARNING)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise SandboxError(
            f"No Ray at {address or 'this machine'} ({str(error).rstrip('.')}). Start one with `ray start --head` and correct "
            "sandbox.ray_address, remove it to start one here, or set sandbox.spread to in_process."
        ) from error
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = may_leave_loopback
        if threading.current_thread() is threading.main_thread() and on_terminate is not None:
            signal.signal(signal.SIGTERM, on_terminate)  # which Ray replaced
    try:
        yield ray
    finally:
        ray.shutdown()


def _check_address(ray: Any, address: str) -> None:
    """Connect once, since `ray.init` tries twenty times.

    Raises:
        OSError: nothing listens at HOST:PORT, or the address is malformed.
        RayError: the listener is not Ray; raised after 40 seconds.
    """
    host, _, port = address.rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_TIMEOUT_S).close()
    ray._raylet.GcsClient(address=address)


@dataclass(slots=True)
class _Slot:
    """A submitted shard, in flight while `shard` is None."""

    job: ShardJob
    shard: LabelShard | None
    task: Any = None


class _RayRun:
    """Submits shards as tasks, bounded by the cluster's CPUs, and yields them in order."""

    def __init__(
        self, ray: Any, labelling: Labelling, folder: ShardFolder[LabelShard], isolation: IsolationMode
    ) -> None:
        self._ray, self._labelling, self._folder, self._isolation = ray, labelling, folder, isolation
        self._remote = ray.remote(num_cpus=1, max_retries=MAX_SHARD_RETRIES)(label_job)

    def label(self, jobs: Iterable[ShardJob], on_shard: Callable[[int], None]) -> Iterator[LabelShard]:
        """A shard for each job, in order; the number of pending ones is bounded, and so is memory."""
        waiting = deque[_Slot]()
        for job in jobs:
            waiting.append(self._submit(job))
            while len(waiting) >= self._max_pending():
                yield self._next_shard(waiting, on_shard)
        while waiting:
            yield self._next_shard(waiting, on_shard)

    def _max_pending(self) -> int:
        """Recomputed each time, since machines come and go."""
        return MAX_PENDING_PER_WORKER * max(1, int(self._ray.cluster_resources().get("CPU", 0)))

    def _submit(self, job: ShardJob) -> _Slot:
        kept = self._folder.get(job.key)
        return _Slot(job, kept, None if kept else self._remote.remote(job, code_digest(), self._isolation))

    def _next_shard(self, waiting: deque[_Slot], on_shard: Callable[[int], None]) -> LabelShard:
        """The shard of the first slot, once finished; others that finish earlier are stored meanwhile."""
        while (shard := waiting[0].shard) is None:
            slots = {slot.task: slot for slot in waiting if slot.shard is None}
            for task in self._ray.wait(list(slots), num_returns=1)[0]:
                self._collect(slots[task])
        waiting.popleft()
        on_shard(len(shard.labelled))
        return shard

    def _collect(self, slot: _Slot) -> None:
        try:
            result: WorkerShard = self._ray.get(slot.task)
        except self._ray.exceptions.RayTaskError as error:
            raise (error.cause if isinstance(error.cause, AssetsError) else error) from error
        except self._ray.exceptions.RayError as error:
            raise SandboxError(
                f"The shard of {slot.job.problem.problem_id} was lost with its worker {MAX_SHARD_RETRIES + 1} times, or cannot be "
                f"fetched ({type(error).__name__}). Look into Ray's logs on that machine, and whether its memory is enough."
            ) from error
        slot.shard, slot.task = result.shard, None
        self._labelling.by_worker[result.worker] = result.layers
        if set(self._labelling.local_layers) <= set(result.layers):
            self._folder.put(slot.job.key, result.shard)  # not with fewer layers: a later run could not know


def label_job(job: ShardJob, code: str, isolation: IsolationMode) -> WorkerShard:
    """Label one shard in a Ray worker, on the pool of its process.

    Args:
        code: `code_digest()` of the driver.

    Raises: SandboxError: the worker runs other code, `strict` and a layer is missing, or the sandbox does not start.
    """
    import ray

    try:
        if code != code_digest():
            raise SandboxError(
                "this worker runs other code or another Python than the driver, so its labels could differ. Install "
                "the same codelewm_assets and Python on every machine, and start Ray there again."
            )
        pool = _process_pool()
        refuse_missing(pool.isolation, isolation)
        shard = label_problem(job.problem, job.completions, pool, cpu_floor_s=job.cpu_floor_s)
    except SandboxError as error:
        raise SandboxError(f"On {socket.gethostname()}: {error}") from error
    worker = f"{ray.get_runtime_context().get_node_id()}/{os.getpid()}"
    return WorkerShard(shard, worker, pool.isolation.layers)


@cache
def _process_pool() -> SandboxPool:
    """This process' sandbox, started once: starting bubblewrap costs as much as labelling many programs."""
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(SandboxPool(1))


@cache
def code_digest() -> str:
    """Digest of the labelling code and of Python's version."""
    return digest_of([python_version(), [package_sha256(PACKAGE / part) for part in LABELLING_CODE]])


def refuse_missing(isolation: Isolation, mode: IsolationMode) -> None:
    """Refuse a sandbox that lacks a layer. Raises: SandboxError: the mode is strict and a layer is missing."""
    missing = isolation.missing_for_strict
    if mode == "strict" and missing:
        raise SandboxError(
            f"The profile's isolation is strict; these layers are missing here: {', '.join(missing)}. "
            f"To get them: {remedy(missing)}."
        )
