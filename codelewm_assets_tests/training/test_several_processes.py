"""Training by two processes: one model, gradients averaged, resumed to the same bytes, one end for all of them."""

import itertools
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load, load_file, save, save_file

from codelewm_assets.core.errors import PreflightError, TrainingError, TrainingKilledError
from codelewm_assets.store.store import ArtifactStore
from codelewm_assets.training import loop, processes
from codelewm_assets.training.agent import end_cause
from codelewm_assets.training.batches import frequent_outputs, latents_of, make_batch
from codelewm_assets.training.config import TrainingConfig
from codelewm_assets.training.data import BatchSampler, FoldData
from codelewm_assets.training.hub import new_model
from codelewm_assets.training.loop import train_fold
from codelewm_assets.training.loss import total_loss
from codelewm_assets.training.modeling_codelewm import CodeLeWMModel
from codelewm_assets.training.processes import Ranks, join_process_group, require_devices
from codelewm_assets.training.progress import STREAM, read_events, timeless
from codelewm_assets.training.state import states
from codelewm_assets.training.worker import WorkerSpec
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.factories import World
from codelewm_assets_tests.tiers import slow
from codelewm_assets_tests.training.running import run_worker
from codelewm_assets_tests.training.tokens import CONFIG, put_chain, put_report

TWO = CONFIG.model_copy(update={"processes": 2, "threads": 1, "dropout": 0.2})
FEW = TWO.model_copy(update={"steps": 5, "log_every": 5})
WITHOUT = FEW.model_copy(update={"inverse_action_weight": 0.0, "p_pass_weight": 0.0})  # their heads have no gradient
LONG = TWO.model_copy(update={"steps": 40, "log_every": 2, "checkpoint_every": 3})
RUNS = {"all": FEW, "again": FEW, "without": WITHOUT, "long": LONG}
POISONED = TWO.model_copy(update={"steps": 6, "log_every": 6, "checkpoint_every": 3})
SEED = 42


# two processes of one group, which train one after the other what the tests ask of


def _as_a_rank(own: int, data: FoldData, folder: Path) -> None:
    """Train `RUNS`, then a model whose loss is no number at the fourth step of rank 1."""
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(1)
    loop.time = SimpleNamespace(monotonic=itertools.count().__next__)  # type: ignore[attr-defined] # a second a look
    with join_process_group(TWO, own, folder / "meeting") as ranks:
        for name, config in RUNS.items():
            events: list[dict[str, Any]] = []
            model = train_fold(data, config, seed=SEED, emit=events.append, ranks=ranks)
            save_file(model.state_dict(), folder / f"{name}{own}.safetensors")
            (folder / f"{name}{own}.json").write_text(json.dumps(events))
        calls = itertools.count(1)

        def poisoned(*given: Any) -> Any:
            loss, terms = total_loss(*given)
            return (loss * float("nan") if own == 1 and next(calls) == 4 else loss), terms

        loop.total_loss = poisoned
        try:
            train_fold(data, POISONED, seed=SEED, emit=lambda event: None, states=folder / "states", ranks=ranks)
        except TrainingError as error:
            (folder / f"error{own}.txt").write_text(str(error))


@pytest.fixture(scope="module")
def data(fold_data: FoldData) -> FoldData:
    """Fold 0 without val records: the last weights are kept."""
    return FoldData(fold_data.arrays, tuple(r for r in fold_data.records if r.fold != 1), 0)


@pytest.fixture(scope="module")
@slow
def by_two(data: FoldData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `_as_a_rank` left in its folder."""
    folder = tmp_path_factory.mktemp("by_two")
    torch.multiprocessing.spawn(_as_a_rank, (data, folder), nprocs=2)  # type: ignore[no-untyped-call]
    return folder


def _by_one(data: FoldData, config: TrainingConfig) -> CodeLeWMModel:
    """One process that takes the batches of both ranks, each with its rank's random numbers, and averages their gradients."""
    torch.manual_seed(SEED * 1000)
    train = data.part("train")
    sampler = BatchSampler(train, config, np.random.default_rng([SEED, 0]))
    classes = frequent_outputs([r for r in train if r.is_train_usable], config.output_values)
    model = new_model(config)
    optimizer = loop._optimizer(model, config)
    random = [torch.get_rng_state(), torch.manual_seed(Ranks(rank=1, count=2).seed(SEED, 0)).get_state()]
    for step in range(config.steps):
        optimizer.zero_grad()
        for rank in range(2):
            batch = make_batch(data, sampler.draw(), classes, config)
            torch.set_rng_state(random[rank])
            loss, _ = total_loss(model, latents_of(model, batch), batch.labels, config)
            (loss / 2).backward()  # type: ignore[no-untyped-call] # gradients add up
            random[rank] = torch.get_rng_state()
        for group in optimizer.param_groups:
            group["lr"] = group["highest_lr"] * loop.lr_factor(step, config.warmup_steps, config.steps)
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
        optimizer.step()
        model.update_target(config.ema_decay)
    return model


@pytest.mark.parametrize("name", ["all", "without"])
def test_two_processes_equal_one_that_averages_the_gradients_of_both_batches(
    data: FoldData, by_two: Path, name: str
) -> None:
    """The gradient of (l₀ + l₁) / 2 is (g₀ + g₁) / 2; all else is worked out from it alike in every rank.

    In binary numbers halving is exact and a sum of two has one order, so the weights even have the same bits where both
    use the same kernels; 1e-5 leaves room for other ones.
    """
    found, wanted = load_file(by_two / f"{name}0.safetensors"), _by_one(data, RUNS[name]).state_dict()
    assert found.keys() == wanted.keys()
    for tensor in wanted:
        torch.testing.assert_close(found[tensor], wanted[tensor], rtol=0, atol=1e-5, msg=tensor)


@each_case("name", RUNS)
def test_every_rank_ends_with_the_same_weights_and_target_encoder(by_two: Path, name: str) -> None:
    assert (by_two / f"{name}0.safetensors").read_bytes() == (by_two / f"{name}1.safetensors").read_bytes()


def test_the_same_seed_gives_the_same_bytes_and_each_rank_has_random_numbers_of_its_own(by_two: Path) -> None:
    assert (by_two / "all0.safetensors").read_bytes() == (by_two / "again0.safetensors").read_bytes()
    assert Ranks(rank=0, count=2).seed(SEED, 0) != Ranks(rank=1, count=2).seed(SEED, 0) < 2**32


def test_only_the_first_rank_reports_events_and_their_pace_counts_the_records_of_all(by_two: Path) -> None:
    """Step 1 draws 4 completions × 1 input for each of 2 ranks, and the clock has gone on by 1 s: 8 a second."""
    events = json.loads((by_two / "all0.json").read_text())
    assert [e["event"] for e in events] == ["progress", "collapse_diagnostics"] * 2
    assert events[0]["examples_per_second"] == 8.0
    assert json.loads((by_two / "all1.json").read_text()) == []


def test_a_loss_that_is_not_finite_on_one_rank_ends_all_with_one_error_that_names_it(
    data: FoldData, by_two: Path
) -> None:
    """Rank 1's loss of step 4 spoils the averaged gradients, so that at step 6, the next look, rank 0's are spoilt too."""
    sampler = BatchSampler(data.part("train"), POISONED, np.random.default_rng([SEED, 0]))
    batch = [sampler.draw() for _ in range(8)][7]  # of step 4: the seventh is rank 0's, the eighth rank 1's
    errors = [(by_two / f"error{own}.txt").read_text() for own in range(2)]
    assert errors[0] == errors[1]
    wanted = (
        f"The loss is not finite at step 4, fold 0, seed 42, rank 1, on a batch of 4 records ({batch[0].record_id}, "
    )
    assert errors[0].startswith(wanted)
    assert [path.name[:18] for path in states(by_two / "states", 0)] == ["fold0_step00000003"]


def test_a_state_kept_by_another_number_of_processes_is_refused(data: FoldData, by_two: Path) -> None:
    with pytest.raises(TrainingError, match=r"is of another model, seed or data: processes is 2, expected 1\. Delete"):
        train_fold(data, POISONED, seed=SEED, emit=lambda event: None, states=by_two / "states")


# the agent and its workers


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory, small_world: World) -> tuple[ArtifactStore, dict[str, str]]:
    """A store with a consistent, clear chain."""
    store = ArtifactStore(tmp_path_factory.mktemp("chain"))
    return store, put_chain(store, small_world)


@pytest.fixture
@slow
def spec_of(chain: tuple[ArtifactStore, dict[str, str]], tmp_path: Path) -> Callable[..., WorkerSpec]:
    """Makes a spec of two processes with fields changed; its output folder is new."""
    store, digests = chain

    def make(config: TrainingConfig, name: str, **changed: Any) -> WorkerSpec:
        (tmp_path / name).mkdir()
        fields: dict[str, Any] = {
            "store_root": str(store.root),
            "digests": digests,
            "output_folder": str(tmp_path / name),
        }
        return WorkerSpec(seed=SEED, config=config, revision="test", **fields | changed)

    return make


def _children(process: int) -> list[int]:
    """Process ids of a process's children, as the kernel lists them."""
    lists = Path(f"/proc/{process}/task").glob("*/children")
    return sorted(int(child) for children in lists for child in children.read_text().split())


def _family(starter: int) -> tuple[int, list[int]]:
    """The agent that a process started, and its workers by rank."""
    (agent,) = [c for c in _children(starter) if b"training.agent" in Path(f"/proc/{c}/cmdline").read_bytes()]
    ranks = {int(_variable(worker, "RANK")): worker for worker in _children(agent)}
    return agent, [ranks[rank] for rank in range(len(ranks))]


def _variable(process: int, name: str) -> str:
    variables = dict(v.split("=", 1) for v in Path(f"/proc/{process}/environ").read_text().split("\0") if "=" in v)
    return variables[name]


@contextmanager
def _all_end(processes: Sequence[int]) -> Iterator[None]:
    """Processes that are at work, and have ended after the body at the latest after so many seconds."""
    ends = [os.pidfd_open(process) for process in processes]
    assert select.select(ends, [], [], 0)[0] == []
    yield
    for end in ends:
        assert select.select([end], [], [], 30)[0] == [end]
        os.close(end)


def _killed(
    spec: WorkerSpec,
    at_step: int,
    victim: Callable[[int, list[int]], int],
    match: str,
    by: signal.Signals = signal.SIGKILL,
) -> None:
    """End one of the processes when progress has come to a step: an error says so, and none of them is left."""
    with ExitStack() as stack:

        def on_event(event: dict[str, Any]) -> None:
            if event["event"] == "progress" and event["step"] >= at_step and not killed:
                agent, workers = _family(os.getpid())
                stack.enter_context(_all_end([agent, *workers]))
                killed.append(victim(agent, workers))
                os.kill(killed[0], by)

        killed: list[int] = []
        with pytest.raises(TrainingKilledError, match=match):
            run_worker(spec, on_event=on_event)
    assert killed


PARENT_PROGRAM = """
import sys
from pathlib import Path
from codelewm_assets_tests.training.running import run_worker
from codelewm_assets.training.worker import WorkerSpec
run_worker(WorkerSpec.model_validate_json(Path(sys.argv[1]).read_text()), on_event=lambda e: print(e.get("step"), flush=True))
"""


def _killed_parent(spec: WorkerSpec, at_step: int, folder: Path) -> None:
    """Kill -9 the process that started the agent: agent and ranks end."""
    path = folder / "spec.json"
    path.write_text(spec.model_dump_json(), encoding="utf-8")
    parent = subprocess.Popen([sys.executable, "-c", PARENT_PROGRAM, str(path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert any(line.strip().isdigit() and int(line) >= at_step for line in parent.stdout)
    agent, workers = _family(parent.pid)
    assert len(workers) == 2
    with _all_end([agent, *workers]):
        parent.kill()
        parent.wait()


def test_a_killed_rank_agent_or_parent_leaves_no_process_and_training_resumes_to_the_same_bytes(
    by_two: Path, spec_of: Callable[..., WorkerSpec], tmp_path: Path
) -> None:
    """The undisturbed run is that of `_as_a_rank`, without agent and states."""
    spec = spec_of(LONG, "killed")
    _killed(
        spec,
        6,
        lambda agent, workers: workers[1],
        r"status 4: TrainingKilledError: Rank 1 was ended by SIGKILL\. Train again",
    )
    stream = Path(spec.output_folder) / STREAM
    events, _ = read_events(stream)
    assert events[-1]["event"] == "error" and "Rank 1 was ended by SIGKILL" in events[-1]["message"]
    _killed(spec, 12, lambda agent, workers: agent, "was ended by SIGKILL from outside")
    _killed(
        spec, 14, lambda agent, workers: agent, "status 4: .* agent was ended by SIGTERM from outside", signal.SIGTERM
    )
    _killed_parent(spec, 18, tmp_path)
    run_worker(spec)
    (state,) = states(Path(spec.output_folder) / "states", 0)  # of the last step, whichever weights validation selected
    trained = {n.removeprefix("model."): t for n, t in load(state.read_bytes()).items() if n.startswith("model.")}
    assert save(trained) == save(load_file(by_two / "long0.safetensors"))
    events, cut = read_events(stream)
    assert cut == 0 and [event["seq"] for event in events] == list(range(len(events)))
    progress = [event for event in timeless(events) if event["event"] == "progress"]
    assert [event["step"] for event in progress] == [1, *range(2, 41, 2)]
    kept = [event for event in json.loads((by_two / "long0.json").read_text()) if event["event"] == "progress"]
    train = [
        {name: value for name, value in event["metrics"].items() if not name.startswith("val_")}
        for event in (*progress, *kept)
    ]
    assert train[: len(progress)] == train[len(progress) :]  # `by_two` has no val records


def test_what_the_guard_refuses_is_refused_before_any_rank_starts(
    chain: tuple[ArtifactStore, dict[str, str]], spec_of: Callable[..., WorkerSpec]
) -> None:
    store, digests = chain
    red = put_report(store, digests, clear=False, red=["rerank_can_decide"])
    spec, events = spec_of(TWO, "refused", digests=digests | {"preflight_report": red.digest}), list[dict[str, Any]]()
    with pytest.raises(PreflightError, match=r"^Training is refused: red rule rerank_can_decide"):
        run_worker(spec, on_event=events.append)
    assert events == [] and list(Path(spec.output_folder).iterdir()) == []


def test_a_refusal_by_a_rank_is_a_refusal_of_all(
    chain: tuple[ArtifactStore, dict[str, str]], spec_of: Callable[..., WorkerSpec], tmp_path: Path
) -> None:
    """The pack is altered when the first rank has begun: a rank's next look refuses it, the last one when training is over."""
    shutil.copytree(chain[0].root, tmp_path / "store")
    spec, events = spec_of(TWO, "altered", store_root=str(tmp_path / "store")), list[dict[str, Any]]()

    def on_event(event: dict[str, Any]) -> None:
        events.append(event)
        if event["event"] == "start":
            (pack,) = (tmp_path / "store").rglob("pack.parquet")
            pack.chmod(0o600)
            pack.write_bytes(pack.read_bytes() + b"x")

    with pytest.raises(PreflightError, match=r"^Training is refused: execution_pack .* pack.parquet is damaged"):
        run_worker(spec, on_event=on_event)
    assert [e["event"] for e in events if e["event"] in ("error", "complete")] == ["error"]
    assert [e["seq"] for e in events] == list(range(len(events)))
    assert not (Path(spec.output_folder) / "sidecar.json").exists()


def test_fewer_gpus_than_processes_is_one_error_before_any_step(spec_of: Callable[..., WorkerSpec]) -> None:
    spec, events = spec_of(TWO.model_copy(update={"device": "cuda"}), "gpus"), list[dict[str, Any]]()
    if torch.cuda.device_count() >= 2:
        pytest.skip("there are GPUs enough")
    with pytest.raises(TrainingError, match=r"TrainingError: .* 2 processes on device cuda, a GPU each; \d GPUs are"):
        run_worker(spec, on_event=events.append)
    assert [e["event"] for e in events] == ["error"]
    assert read_events(Path(spec.output_folder) / STREAM) == (events, 0)


def test_one_gpu_for_two_processes_is_refused_with_both_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes.torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(processes.torch.cuda, "device_count", lambda: 1)
    with pytest.raises(TrainingError, match=r"2 processes on device cuda, a GPU each; 1 GPUs are here"):
        require_devices(TWO.model_copy(update={"device": "cuda"}))
    require_devices(CONFIG.model_copy(update={"device": "cuda"}))


def test_a_worker_alone_does_not_train_what_asks_for_two(spec_of: Callable[..., WorkerSpec], tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    path.write_text(spec_of(TWO, "alone").model_dump_json(), encoding="utf-8")
    command = [sys.executable, "-m", "codelewm_assets.training.worker", str(path)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 1
    assert "asks for 2 processes, and this is one. Start training.agent" in json.loads(found.stderr)["message"]


@pytest.mark.parametrize(
    ("notes", "statuses", "kind", "message"),
    [
        ({0: "fault", 1: "refused"}, {0: 1, 1: 3}, PreflightError, "refused of 1"),
        ({0: "fault", 1: "error"}, {0: 1, 1: -15}, TrainingError, "error of 1"),  # told, then ended by torchrun
        ({0: "fault"}, {0: 1, 1: -9}, TrainingKilledError, "Rank 1 was ended by SIGKILL."),  # 0 has lost its connection
        ({0: "fault"}, {0: 1, 1: -11}, TrainingError, "Rank 1 was ended by SIGSEGV."),
        ({0: "fault"}, {0: 1, 1: -15}, TrainingError, "Rank 0: fault of 0"),
        ({}, {1: 2}, TrainingError, "Ranks ended with statuses {1: 2}, and none said why."),
    ],
)
def test_what_is_reported_is_what_ended_a_rank_and_not_what_followed(
    notes: dict[int, str], statuses: dict[int, int], kind: type[Exception], message: str, tmp_path: Path
) -> None:
    for rank, event in notes.items():
        (tmp_path / f"rank{rank}.json").write_text(json.dumps({"event": event, "message": f"{event} of {rank}"}))
    error = end_cause(tmp_path, statuses)
    assert type(error) is kind and str(error).startswith(message)


@pytest.mark.slow
def test_the_agent_imports_no_torch_before_the_guard() -> None:
    program = "import sys, codelewm_assets.training.agent; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
