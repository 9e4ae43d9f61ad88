"""The training process: refused before torch on artifacts that are not clear; weights, sidecar and stream otherwise."""

import json
import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from codelewm_assets.claims.register import COLLAPSE_FLOORS
from codelewm_assets.core.digests import sha256_file
from codelewm_assets.core.errors import ManifestError, PreflightError, TrainingError, TrainingKilledError
from codelewm_assets.core.logs import RECORD_START, set_up_logs
from codelewm_assets.core.package import register_digest
from codelewm_assets.store.store import ArtifactStore
from codelewm_assets.training import worker
from codelewm_assets.training.progress import STREAM, job_event, read_events, summarise, timeless
from codelewm_assets.training.sidecar import Sidecar, require_trained, sidecar_mismatches, weights_path
from codelewm_assets.training.worker import PARENT, REFUSED, WorkerSpec, result_names
from codelewm_assets_tests.factories import World
from codelewm_assets_tests.tiers import slow
from codelewm_assets_tests.training.imports import heavy_imports
from codelewm_assets_tests.training.running import run_worker
from codelewm_assets_tests.training.tokens import CHAIN, CONFIG, put, put_report

ONE_THREAD = CONFIG.model_copy(update={"threads": 1, "completions_per_batch": 16})
Digests = dict[str, str]
SpecMaker = Callable[..., WorkerSpec]


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory, small_world: World) -> tuple[ArtifactStore, Digests]:
    """A store with a consistent, clear chain."""
    from codelewm_assets_tests.training.tokens import put_chain

    store = ArtifactStore(tmp_path_factory.mktemp("chain"))
    return store, put_chain(store, small_world)


@pytest.fixture
@slow
def spec_of(chain: tuple[ArtifactStore, Digests], tmp_path: Path) -> SpecMaker:
    """Makes a spec on the chain with digests changed; its output folder is empty."""
    store, digests = chain
    output = tmp_path / "output"
    output.mkdir()

    def make(**changed: str) -> WorkerSpec:
        return WorkerSpec(
            store_root=str(store.root),
            digests=digests | changed,
            seed=42,
            config=ONE_THREAD,
            output_folder=str(output),
            revision="test",
        )

    return make


def test_log_records_of_the_training_process_reach_who_started_it_and_are_not_taken_for_its_error(
    spec_of: SpecMaker, capfd: pytest.CaptureFixture[str]
) -> None:
    try:
        set_up_logs("json")
        with pytest.raises(TrainingError, match=r"status 1: StoreError: preflight_report d+ is not in the store"):
            run_worker(spec_of(preflight_report="d" * 64))
    finally:
        set_up_logs("text")
    [record] = [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith(RECORD_START)]
    assert (record["message"], record["seed"], record["asset"]) == ("training process starts", 42, "checkpoint")


def _run(spec: WorkerSpec, folder: Path) -> subprocess.CompletedProcess[str]:
    path = folder / "spec.json"
    path.write_text(spec.model_dump_json(), encoding="utf-8")
    command = [sys.executable, "-m", "codelewm_assets.training.worker", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def _is_refused(found: subprocess.CompletedProcess[str], spec: WorkerSpec, reason: str) -> None:
    assert found.returncode == REFUSED == 3
    assert found.stdout == ""
    lines = found.stderr.splitlines()
    assert len(lines) == 1
    assert json.loads(lines[0])["event"] == "refused"
    assert reason in json.loads(lines[0])["message"]
    assert list(Path(spec.output_folder).iterdir()) == []


def test_a_red_report_is_refused_with_status_3_and_nothing_is_written(
    chain: tuple[ArtifactStore, Digests], spec_of: SpecMaker, tmp_path: Path
) -> None:
    store, digests = chain
    red = put_report(store, digests, clear=False, red=["controls_leave_headroom"])
    spec = spec_of(preflight_report=red.digest)
    _is_refused(_run(spec, tmp_path), spec, "red rule controls_leave_headroom")


def test_a_report_on_other_artifacts_is_refused_with_status_3_and_nothing_is_written(
    chain: tuple[ArtifactStore, Digests], spec_of: SpecMaker, tmp_path: Path
) -> None:
    store, digests = chain
    other = put_report(store, digests, judged={name: digests[name] for name in CHAIN} | {"execution_pack": "f" * 64})
    spec = spec_of(preflight_report=other.digest)
    _is_refused(_run(spec, tmp_path), spec, "is not covered (the report has ffffffffffff)")


def test_a_report_under_another_register_is_refused_with_status_3_and_nothing_is_written(
    chain: tuple[ArtifactStore, Digests], spec_of: SpecMaker, tmp_path: Path
) -> None:
    store, digests = chain
    spec = spec_of(preflight_report=put_report(store, digests, register_digest="f" * 64).digest)
    reason = f"the register of gates and claims is {register_digest()[:12]}, the report preregistered ffffffffffff"
    _is_refused(_run(spec, tmp_path), spec, reason)


def test_tokens_that_are_swapped_after_they_were_judged_are_not_trained_on_though_they_are_put_back(
    chain: tuple[ArtifactStore, Digests], spec_of: SpecMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, digests = chain
    path = store.load("tokenized_pack", digests["tokenized_pack"]).path("fold0_code_tokens.npy")
    judged, judge = path.read_bytes(), worker.require_clear_artifacts

    def swapping(*arguments: Any, **options: Any) -> None:
        path.write_bytes(judged)  # the second time: they are as they were
        judge(*arguments, **options)
        path.write_bytes(judged[:-1] + bytes([judged[-1] ^ 1]))

    monkeypatch.setattr(worker, "require_clear_artifacts", swapping)
    spec = spec_of()
    try:
        with pytest.raises(ManifestError, match=r"fold0_code_tokens\.npy is .*It was altered"):
            worker.train(spec)
    finally:
        path.write_bytes(judged)  # other tests have this store too
    assert not list(Path(spec.output_folder).rglob("*.safetensors"))


def test_tokens_of_another_pack_are_refused(
    chain: tuple[ArtifactStore, Digests], spec_of: SpecMaker, tmp_path: Path
) -> None:
    store, digests = chain
    parents = {"execution_pack": "e" * 64, "problem_splits": digests["problem_splits"]}
    strange = put(store, "tokenized_pack", {"records.parquet": b"other"}, parents)
    spec = spec_of(tokenized_pack=strange.digest)
    _is_refused(_run(spec, tmp_path), spec, "tokenized_pack was made from execution_pack eeeeeeeeeeee")


def test_the_launcher_maps_status_3_to_a_preflight_error_with_the_workers_reason(
    chain: tuple[ArtifactStore, Digests], spec_of: SpecMaker
) -> None:
    store, digests = chain
    red = put_report(store, digests, clear=False, red=["rerank_can_decide"])
    events: list[dict[str, Any]] = []
    with pytest.raises(PreflightError, match=r"^Training is refused: red rule rerank_can_decide"):
        run_worker(spec_of(preflight_report=red.digest), on_event=events.append)
    assert events == []


def test_the_launcher_maps_a_failure_to_a_training_error(spec_of: SpecMaker) -> None:
    with pytest.raises(
        TrainingError, match=r"Training of seed 42 ended with status 1: StoreError: .* not in the store"
    ):
        run_worker(spec_of(preflight_report="d" * 64))


ENDLESS = {"steps": 1_000_000, "log_every": 1_000_000, "checkpoint_every": 1_000_000}  # no event meanwhile


def test_a_worker_that_runs_too_long_ends_itself_and_the_limit_is_named(
    spec_of: SpecMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is it taken for ended from outside, and tried again for as long. Its clock goes five times as fast."""
    (tmp_path / "sitecustomize.py").write_text(
        "import signal; alarm = signal.alarm; signal.alarm = lambda s: alarm(s // 5)"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    spec = spec_of()
    spec = spec.model_copy(update={"config": ONE_THREAD.model_copy(update={**ENDLESS, "wall_limit_s": 10})})
    with pytest.raises(TrainingError, match=r"status -14.*It ran longer than wall_limit_s = 10") as caught:
        run_worker(spec)
    assert not isinstance(caught.value, TrainingKilledError)


def _fails_with_its_cause(spec_of: SpecMaker, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that starts with the `sitecustomize.py` of a folder and finds no report says just that."""
    monkeypatch.setenv("PYTHONPATH", f"{site}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    with pytest.raises(TrainingError, match=r"status 1: StoreError: preflight_report d+ is not in the store"):
        run_worker(spec_of(preflight_report="d" * 64))


def test_a_line_that_was_truncated_does_not_hide_how_training_ended(
    spec_of: SpecMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a full disk, or a kill while it was written."""
    rest = """atexit.register(sys.stderr.write, '{"event": "error", "mess')"""
    (tmp_path / "sitecustomize.py").write_text(f"import atexit, sys; {rest}")
    _fails_with_its_cause(spec_of, tmp_path, monkeypatch)


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_bytes_that_are_no_utf_8_do_not_hide_how_training_ended(
    spec_of: SpecMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A native library writes what it likes, and a kill can cut a letter in two."""
    (tmp_path / "sitecustomize.py").write_text(f"import sys; sys.{name}.buffer.write(b'\\xff\\n'); sys.{name}.flush()")
    _fails_with_its_cause(spec_of, tmp_path, monkeypatch)


def test_success_writes_weights_a_sidecar_that_matches_them_and_the_stream(
    chain: tuple[ArtifactStore, Digests], spec_of: SpecMaker
) -> None:
    store, digests = chain
    spec, events = spec_of(), list[dict[str, Any]]()
    run_worker(spec, on_event=events.append)
    folder = Path(spec.output_folder)
    assert sorted(path.name for path in folder.iterdir()) == ["fold0", "reports", "sidecar.json", "states"]
    sidecar = Sidecar.model_validate_json((folder / "sidecar.json").read_text(encoding="utf-8"))
    assert sidecar.weights_sha256 == {"0": sha256_file(folder / weights_path(0))}
    assert (sidecar.seed, sidecar.folds, sidecar.config, sidecar.revision) == (42, (0,), ONE_THREAD, "test")
    for name in ("execution_pack", "problem_splits", "tokenized_pack", "preflight_report"):
        assert getattr(sidecar, name) == digests[name]
    weights = load_file(folder / weights_path(0))
    learnt = sum(w.size for name, w in weights.items() if not name.startswith("target."))
    assert sidecar.parameter_count == learnt  # the target encoder is not trained, so it does not count
    logged = ["progress", "collapse_diagnostics"]
    assert [event["event"] for event in events] == ["start", *logged, *logged, "checkpoint", "selected", "complete"]
    assert [event["seq"] for event in events] == list(range(8))
    assert all(abs(event["time_s"] - time.time()) < 60 for event in events)
    names = result_names(spec.config.folds)
    assert events[-1]["files"] == {name: sha256_file(folder / name) for name in names}
    assert read_events(folder / STREAM) == (events, 0)
    assert summarise(events, now_s=time.time(), collapse_floors=COLLAPSE_FLOORS)["state"] in (
        "complete",
        "collapsed",
    )  # a model of 8 dimensions may be
    stored = put(store, "checkpoint", {name: folder / name for name in names}, {}, "42")
    assert sidecar_mismatches(stored, store.load("tokenized_pack", digests["tokenized_pack"])) == []


@pytest.mark.parametrize("other", ["seed", "data", "setting", "version"])
def test_a_state_of_another_training_in_the_folder_is_refused_by_name_and_gets_into_no_checkpoint(
    chain: tuple[ArtifactStore, Digests], spec_of: SpecMaker, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    """Planted by hand: the folder of a run holds the states of its own training only."""
    store, digests = chain
    changed: dict[str, dict[str, Any]] = {
        "seed": {"seed": 1729},
        "data": {"digests": digests | {"preflight_report": put_report(store, digests, note="another").digest}},
        "setting": {"config": ONE_THREAD.model_copy(update={"learning_rate": 0.5})},
        "version": {},
    }
    worker.train(spec_of().model_copy(update=changed[other]))
    folder = Path(spec_of().output_folder)
    (state,) = (folder / "states").iterdir()
    for name in result_names((0,)):
        (folder / name).unlink()
    if other == "version":
        monkeypatch.setattr(worker, "CODE_VERSION", "next")
    with pytest.raises(TrainingError, match=rf"^{state.name} is of another model, seed or data: \w+ is .*, expected "):
        worker.train(spec_of())
    assert not list(folder.rglob("*.safetensors"))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({}, None),
        ({"seed": 1729}, "of another training: seed is 42, expected 1729"),
        (
            {"digests": {"execution_pack": "e" * 64}},
            "of another training: execution_pack is [0-9a-f]{64}, expected e{64}",
        ),
        ({"config": {"latent": 6}}, "of another training: latent is 8, expected 6"),
        (
            {"files": {weights_path(0): "0" * 64}},
            r"wrote other files: fold0/model\.safetensors is .*, expected 000000000000",
        ),
        ({"files": {}}, r"wrote other files: no sidecar\.json was named"),
    ],
)
def test_files_that_the_worker_did_not_name_or_that_are_of_another_training_are_not_kept(
    chain: tuple[ArtifactStore, Digests], spec_of: SpecMaker, changed: dict[str, Any], message: str | None
) -> None:
    spec = spec_of()
    worker.train(spec)
    folder = Path(spec.output_folder)
    files = {name: sha256_file(folder / name) for name in result_names((0,))}
    expected: dict[str, Any] = {
        "seed": changed.get("seed", 42),
        "digests": chain[1] | changed.get("digests", {}),
        "config": spec.config.model_copy(update=changed.get("config", {})),
    }
    if "files" in changed:
        files = files | changed["files"] if changed["files"] else {}
    with nullcontext() if message is None else pytest.raises(TrainingError, match=message):
        require_trained(folder, files, **expected)


def test_an_error_is_the_streams_last_event_and_one_line(
    chain: tuple[ArtifactStore, Digests], spec_of: SpecMaker, tmp_path: Path
) -> None:
    spec = spec_of()
    spec = spec.model_copy(update={"config": ONE_THREAD.model_copy(update={"device": "cuda"})})
    found = _run(spec, tmp_path)
    assert found.returncode == 1 and len(found.stderr.splitlines()) == 1
    assert "The profile requires device cuda, and there is no GPU here" in json.loads(found.stderr)["message"]
    events, _ = read_events(Path(spec.output_folder) / STREAM)
    assert [event["event"] for event in events] == ["error"]
    assert summarise(events, now_s=time.time(), collapse_floors=COLLAPSE_FLOORS)["state"] == "failed"
    assert [job_event(line) for line in found.stdout.splitlines()] == events


def _killed_at(spec: WorkerSpec, folder: Path, is_far_enough: Callable[[Path], bool]) -> bool:
    """Start the worker and kill it with -9 at the given moment. Returns: whether it was killed before it ended."""
    path = folder / "spec.json"
    path.write_text(spec.model_dump_json(), encoding="utf-8")
    command = [sys.executable, "-m", "codelewm_assets.training.worker", str(path)]
    with (folder / "out.txt").open("a") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
        stream = Path(spec.output_folder) / STREAM
        while process.poll() is None and not is_far_enough(stream):
            os.sched_yield()
        process.kill()
        return process.wait() == -signal.SIGKILL


@pytest.mark.slow
def test_killed_with_minus_9_ten_times_training_ends_with_the_weights_of_an_undisturbed_run(
    spec_of: SpecMaker, tmp_path: Path
) -> None:
    """Killed when the stream has a random number of lines more, and a random part of the next: bit-identical at the end."""
    config = ONE_THREAD.model_copy(update={"steps": 90, "log_every": 2, "checkpoint_every": 3, "dropout": 0.2})
    outputs = []
    for name in ("undisturbed", "killed"):
        (tmp_path / name).mkdir()
        outputs.append(spec_of().model_copy(update={"config": config, "output_folder": str(tmp_path / name)}))
    assert _run(outputs[0], tmp_path).returncode == 0
    rng, kills = random.Random(0), 0
    for _ in range(10):
        stream = Path(outputs[1].output_folder) / STREAM
        size = (stream.stat().st_size if stream.is_file() else 0) + rng.randint(1, 1500)
        kills += _killed_at(
            outputs[1], tmp_path, lambda path, size=size: path.is_file() and path.stat().st_size >= size
        )  # type: ignore[misc]
    assert kills == 10
    assert _run(outputs[1], tmp_path).returncode == 0
    whole, again = (Path(spec.output_folder) for spec in outputs)
    for name in result_names(config.folds):
        assert (again / name).read_bytes() == (whole / name).read_bytes()
    streams = [read_events(folder / STREAM) for folder in (whole, again)]
    assert [cut for _, cut in streams] == [0, 0]
    assert timeless(streams[0][0]) == timeless(streams[1][0])
    assert [event["seq"] for event in streams[1][0]] == list(range(len(streams[1][0])))


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_that_was_killed_is_distinguished_from_one_that_failed(spec_of: SpecMaker, by: signal.Signals) -> None:
    def end_it(event: dict[str, Any]) -> None:
        for child in _children(os.getpid()):
            os.kill(child, by)

    with pytest.raises(
        TrainingKilledError, match=rf"seed 42 was ended by {by.name} from outside.* from its last state"
    ):
        run_worker(spec_of(), on_event=end_it)


def test_nor_is_one_taken_for_it_that_a_fault_of_its_own_ended(spec_of: SpecMaker) -> None:
    def end_it(event: dict[str, Any]) -> None:
        for child in _children(os.getpid()):
            os.kill(child, signal.SIGSEGV)

    with pytest.raises(TrainingError, match="ended with status -11") as caught:
        run_worker(spec_of(), on_event=end_it)
    assert not isinstance(caught.value, TrainingKilledError)


PARENT_PROGRAM = """
import sys
from pathlib import Path
from codelewm_assets_tests.training.running import run_worker
from codelewm_assets.training.worker import WorkerSpec
run_worker(WorkerSpec.model_validate_json(Path(sys.argv[1]).read_text()), on_event=lambda event: print("at work", flush=True))
"""


def _children(process: int) -> list[int]:
    """Process ids of a process's children, as the kernel lists them."""
    lists = Path(f"/proc/{process}/task").glob("*/children")
    return [int(child) for children in lists for child in children.read_text().split()]


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_or_interrupted_parent_leaves_no_worker(
    spec_of: SpecMaker, tmp_path: Path, by: signal.Signals
) -> None:
    spec = spec_of()
    spec = spec.model_copy(update={"config": ONE_THREAD.model_copy(update=ENDLESS)})
    path = tmp_path / "spec.json"
    path.write_text(spec.model_dump_json(), encoding="utf-8")
    parent = subprocess.Popen([sys.executable, "-c", PARENT_PROGRAM, str(path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert [parent.stdout.readline() for _ in range(3)] == ["at work\n"] * 3  # started, and in its first step
    (worker,) = _children(parent.pid)
    assert b"codelewm_assets.training.worker" in Path(f"/proc/{worker}/cmdline").read_bytes()
    end = os.pidfd_open(worker)
    try:
        assert select.select([end], [], [], 0)[0] == []  # it is at work
        parent.send_signal(by)
        assert parent.wait() != 0
        assert select.select([end], [], [], 30)[0] == [end]  # it has ended, at the latest after so many seconds
    finally:
        os.close(end)


def test_a_worker_whose_parent_is_gone_before_it_looks_ends_at_once(spec_of: SpecMaker, tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    path.write_text(spec_of().model_dump_json(), encoding="utf-8")
    command = [sys.executable, "-m", "codelewm_assets.training.worker", str(path)]
    found = subprocess.run(command, env=os.environ | {PARENT: "4194305"}, capture_output=True, check=False)
    assert (found.returncode, found.stdout) == (-signal.SIGKILL, b"")


@pytest.mark.slow
def test_no_module_that_only_starts_describes_or_reads_imports_torch() -> None:
    modules = ("config", "progress", "sidecar", "tokenize", "inspect", "worker", "agent")
    assert heavy_imports(modules, {"torch", "transformers"}) == {}
