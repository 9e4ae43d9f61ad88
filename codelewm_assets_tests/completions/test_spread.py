"""Shards as Ray tasks: the same rows and bytes as in one process, also when a machine is lost half-way.

The cluster is a real one, of this machine alone: each node is a set of Ray's own processes that listen on loopback.
"""

import logging
import os
import signal
import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import ray
from ray._private import ray_constants
from ray.cluster_utils import Cluster

from codelewm_assets.completions import spread
from codelewm_assets.completions.label import LabelShard
from codelewm_assets.completions.shards import ShardFolder, ShardJob
from codelewm_assets.completions.spread import Labelling, label_shards
from codelewm_assets.core.errors import SandboxError
from codelewm_assets.core.records import Completion, LabelledCompletion, Problem
from codelewm_assets.core.tables import write_groups
from codelewm_assets.sandbox.pool import SandboxPool
from codelewm_assets_tests.factories import make_completion, make_problem
from codelewm_assets_tests.tiers import slow

MOST_PROBLEMS, AFTER = 200, 4
CODES = ("return x + {n}", "return x * 7 - {n}", "while x == 2: pass\n    return x + {n}")
NODE = {"node_ip_address": "127.0.0.1", "num_cpus": 1, "object_store_memory": 80 << 20, "include_dashboard": False}
PROBLEMS = [
    make_problem(n, reference=f"def solve(x):\n    return x + {n}", inputs=("[1]", "[2]"), expected=(None, None))
    for n in range(MOST_PROBLEMS)
]


def completions_of(problems: Iterable[Problem]) -> Iterator[Completion]:
    """Three of each: one right, one wrong, one that does not end on the second input."""
    for problem in problems:
        n = int(problem.problem_id.split("/")[1])
        for i, code in enumerate(CODES):
            yield make_completion(problem, i, code=f"def solve(x):\n    {code.format(n=n)}")


def labelling(rows: Iterable[Completion], folder: Path, address: str | None = None, **changes: Any) -> Any:
    """A labelling run, with Ray unless `changes` say otherwise."""
    fields: dict[str, Any] = {
        "spread": "ray",
        "workers": 2,
        "ray_address": address,
        "isolation": "auto",
        "cpu_floor_s": 0.05,
        "folder": ShardFolder(folder, LabelShard),
        "settings": {"version": 1},
    }
    return label_shards(rows, {p.problem_id: p for p in PROBLEMS}, **fields | changes)


def write(run: Labelling, path: Path) -> bytes:
    """Bytes of the table of labels."""
    write_groups(path, (shard.labelled for shard in run.shards), LabelledCompletion)
    return path.read_bytes()


def nodes(run: Labelling) -> set[str]:
    """The nodes that have handed back a shard."""
    return {worker.split("/")[0] for worker in run.by_worker}


def names(folder: Path) -> set[str]:
    """Files of the shards that are kept."""
    return {path.name for path in folder.glob("*")}


@pytest.fixture(scope="module")
@slow
def cluster() -> Iterator[Cluster]:
    """A head with one CPU, to which a test adds nodes."""
    patch, on_terminate = pytest.MonkeyPatch(), signal.getsignal(signal.SIGTERM)
    patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    patch.setattr(ray_constants, "ENABLE_RAY_CLUSTER", False)  # else Ray takes the outer address for 127.0.0.1
    made = Cluster(initialize_head=True, head_node_args=dict(NODE))
    yield made
    made.shutdown()
    signal.signal(signal.SIGTERM, on_terminate)
    patch.undo()


@pytest.mark.slow
def test_a_node_that_is_killed_half_way_loses_and_doubles_nothing(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both nodes have handed back shards, then one is killed in the midst of a shard; the bytes are those of one process."""
    begun, at_work = tmp_path / "begun", tmp_path / "at_work"
    os.mkfifo(at_work)
    begun.touch()
    lost, used, seen, killed_at = cluster.add_node(**NODE, env_vars={"LOST": "1"}), list[Problem](), list[int](), [0]

    def label_job(job: ShardJob, code: str, isolation: spread.IsolationMode) -> spread.WorkerShard:
        """As the real one; but on the node to be lost, the second shard does not end."""
        from codelewm_assets.completions import spread

        me, is_lost = str(os.getpid()), "LOST" in os.environ
        is_stuck = is_lost and me in {line.split()[0] for line in begun.read_text().splitlines()}
        with begun.open("a") as log:
            log.write(f"{me} {job.key} {'lost' if is_lost else 'kept'} {'stuck' if is_stuck else 'free'}\n")
        if is_stuck:
            at_work.read_text()  # says that it is here
            while True:  # what it made between the kill and its own end would count, so it makes nothing
                signal.pause()
        return spread.label_job(job, code, isolation)

    def problems() -> Iterator[Problem]:
        """More of them until the node is dead, then a few."""
        for problem in PROBLEMS:
            if killed_at[0] and len(used) >= killed_at[0] + AFTER:
                return
            used.append(problem)
            yield problem

    def kill() -> None:
        """Beside the run, which may itself be waiting for the shard that does not end."""
        with at_work.open("w"):  # both ends are open: the shard is at work
            if not is_over.is_set():
                cluster.remove_node(lost, allow_graceful=False)
                killed_at[0] = len(used)

    monkeypatch.setattr(spread, "label_job", label_job)
    killer, is_over = Thread(target=kill), Event()
    killer.start()
    try:
        with labelling(completions_of(problems()), tmp_path / "ray", cluster.address, on_shard=seen.append) as run:
            found = write(run, tmp_path / "ray.parquet")
    finally:
        is_over.set()
        if killer.is_alive():  # no shard got stuck: let it go
            os.close(os.open(at_work, os.O_RDWR))
        killer.join()
    assert 0 < killed_at[0] < len(used) < MOST_PROBLEMS
    with labelling(completions_of(used), tmp_path / "here", spread="in_process") as local_layers:
        assert write(local_layers, tmp_path / "here.parquet") == found
    assert seen == [len(CODES)] * len(used)
    assert run.layers == local_layers.layers
    assert names(tmp_path / "ray") == names(tmp_path / "here") and len(names(tmp_path / "ray")) == len(used)
    lines = [line.split() for line in begun.read_text().splitlines()]
    begun_times = Counter(key for _, key, _, _ in lines)
    again = {key for key, times in begun_times.items() if times > 1}
    assert {f"{key}.json" for key in begun_times} == names(tmp_path / "ray")
    assert {key for _, key, _, state in lines if state == "stuck"} <= again  # lost with the node, and made elsewhere
    assert again and again <= {key for _, key, node, _ in lines if node == "lost"}  # no other was made twice
    assert len({line[0] for line in lines}) < len(used) / 2  # a process and its sandbox label many shards


@pytest.mark.slow
def test_layers_count_when_every_worker_had_them_and_strict_refuses_the_worker_that_lacks_one(
    cluster: Cluster, tmp_path: Path
) -> None:
    """A node without libseccomp: what it labels is not called isolated, and is not kept for a later run."""
    with SandboxPool(1) as pool, SandboxPool(1, disabled=("seccomp",)) as disabled:
        local_layers, there = pool.isolation.layers, disabled.isolation.layers
    (tmp_path / "shadow").mkdir()
    (tmp_path / "shadow" / "pyseccomp.py").write_text("raise ImportError('as on a machine without it')")
    poor, used = cluster.add_node(**NODE, env_vars={"PYTHONPATH": str(tmp_path / "shadow")}), list[Problem]()

    def problems(run: Callable[[], Labelling]) -> Iterator[Problem]:
        for problem in PROBLEMS:
            if len(nodes(run())) == 2:
                return
            used.append(problem)
            yield problem

    with labelling(completions_of(problems(lambda: run)), tmp_path / "auto", cluster.address) as run:
        assert run.layers == local_layers  # no worker was asked yet
        shards = list(run.shards)
    assert run.layers == tuple(layer for layer in local_layers if layer in there)
    assert "seccomp" in local_layers and "seccomp" not in run.layers
    assert {row.completion.problem_id for shard in shards for row in shard.labelled} == {p.problem_id for p in used}
    assert 0 < len(names(tmp_path / "auto")) < len(used)

    rich = labelling(completions_of(PROBLEMS), tmp_path / "strict", cluster.address, isolation="strict")
    missing = rf"On {socket.gethostname()}: The profile's isolation is strict; .* missing here: seccomp"
    with pytest.raises(SandboxError, match=missing), rich as run:
        list(run.shards)
    cluster.remove_node(poor)


def test_a_worker_with_other_code_refuses(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spread, "code_digest", lambda: "another")
    other = labelling(completions_of(PROBLEMS[:1]), tmp_path, cluster.address)
    with (
        pytest.raises(SandboxError, match="this worker runs other code or another Python than the driver"),
        other as run,
    ):
        list(run.shards)
    assert not names(tmp_path)


def test_a_shard_that_ends_its_worker_each_time_is_named(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spread, "MAX_SHARD_RETRIES", 1)
    monkeypatch.setattr(spread, "label_job", lambda job, code, isolation: os._exit(1))
    lost = labelling(completions_of(PROBLEMS[3:4]), tmp_path, cluster.address)
    with pytest.raises(SandboxError, match=r"The shard of humaneval/003 was lost with its worker 2 times"), lost as run:
        list(run.shards)


@pytest.mark.slow
def test_a_ray_started_here_listens_on_loopback_and_takes_up_what_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shards that an in-process run kept are not asked of a worker; the others come from the Ray that was started."""
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with labelling(completions_of(PROBLEMS[:2]), tmp_path / "kept", spread="in_process") as run:
        first = list(run.shards)
    on_terminate = signal.getsignal(signal.SIGTERM)
    with labelling(completions_of(PROBLEMS[:3]), tmp_path / "kept") as run:
        assert signal.getsignal(signal.SIGTERM) is on_terminate  # Ray puts its own there
        assert ray.cluster_resources()["CPU"] == 2
        assert {node["NodeManagerAddress"] for node in ray.nodes()} == {"127.0.0.1"}
        found = list[LabelShard](run.shards)
    assert not ray.is_initialized()
    assert found[:2] == first  # the CPU time too, so these were read
    assert [row.passed for row in found[2].labelled] == [True, False, False]
    assert len(run.by_worker) == 1


def test_without_ray_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SandboxError, match=r"not installed here\. Do `pip install codelewm_assets\[ray\]`"):
        labelling([], tmp_path).__enter__()


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "nowhere.invalid"])
def test_a_cluster_that_cannot_be_reached_is_refused(host: str, tmp_path: Path) -> None:
    with socket.socket() as bound:  # bound and not listening: nobody else can take the port
        bound.bind(("127.0.0.1", 0))
        address = f"{host}:{bound.getsockname()[1]}"
        with pytest.raises(SandboxError) as caught:
            labelling([], tmp_path, address).__enter__()
    assert f"No Ray at {address} (" in str(caught.value)
    assert "`ray start --head` and correct sandbox.ray_address" in str(caught.value)
    assert not ray.is_initialized()


def test_a_layer_that_is_missing_here_is_refused_before_ray_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codelewm_assets.sandbox.isolation.filters", lambda: None)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SandboxError, match="isolation is strict; these layers are missing here: seccomp"):
        labelling([], tmp_path, isolation="strict").__enter__()


def test_joined_layers_keep_the_order_of_those_here() -> None:
    run = Labelling(iter(()), ("seccomp", "rlimits", "private_folder"))
    assert run.layers == ("seccomp", "rlimits", "private_folder")
    run.by_worker |= {"a/1": ("private_folder", "seccomp", "another"), "b/1": ("seccomp", "private_folder", "rlimits")}
    assert run.layers == ("seccomp", "private_folder")
    run.by_worker["b/2"] = ()
    assert run.layers == ()


logging.getLogger("ray").setLevel(logging.ERROR)
