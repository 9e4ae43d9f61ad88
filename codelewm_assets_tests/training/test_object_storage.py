"""Training from object storage: the worker's own process reads and judges there, and a job is sent what lies there."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from codelewm_assets.core.digests import sha256_file
from codelewm_assets.store.store import ArtifactStore, open_store
from codelewm_assets.training.hf_files import STORE, input_files, portable, run_id_of
from codelewm_assets.training.worker import REFUSED, WorkerSpec, result_names
from codelewm_assets_tests.factories import World
from codelewm_assets_tests.object_storage import SECRET_KEY, Bytes
from codelewm_assets_tests.training.tokens import CONFIG, put_chain

Chain = tuple[ArtifactStore, dict[str, str]]


@pytest.fixture
def chain(s3_root: str, tmp_path: Path, small_world: World) -> Chain:
    """A consistent, clear chain on the server."""
    store = open_store(s3_root, work=tmp_path / "work")
    return store, put_chain(store, small_world)


def spec_on(chain: Chain, folder: Path) -> WorkerSpec:
    """A spec on the chain; its output folder is made."""
    store, digests = chain
    (folder / "output").mkdir(parents=True)
    return WorkerSpec(
        store_root=store.address,
        work_folder=str(store.work),
        digests=digests,
        seed=42,
        config=CONFIG.model_copy(update={"threads": 1, "completions_per_batch": 16}),
        output_folder=str(folder / "output"),
        revision="test",
    )


def work_on(spec: WorkerSpec) -> subprocess.CompletedProcess[str]:
    """The worker in a process of its own, with this one's environment."""
    path = Path(spec.output_folder).parent / "spec.json"
    path.write_text(spec.model_dump_json(), encoding="utf-8")
    command = [sys.executable, "-m", "codelewm_assets.training.worker", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_worker_trains_from_object_storage_as_from_a_folder(
    chain: Chain, small_world: World, tmp_path: Path
) -> None:
    local = open_store(tmp_path / "store")
    beside = (local, put_chain(local, small_world))
    assert beside[1] == chain[1]
    weights = []
    for name, own in (("remote", chain), ("local", beside)):
        spec = spec_on(own, tmp_path / name)
        found = work_on(spec)
        assert found.returncode == 0, found.stderr
        assert SECRET_KEY not in found.stdout + found.stderr
        weights.append([sha256_file(Path(spec.output_folder) / file) for file in result_names(CONFIG.folds)])
    assert weights[0] == weights[1]


def test_the_worker_refuses_what_was_altered_on_the_server(chain: Chain, tmp_path: Path) -> None:
    store, digests = chain
    Bytes(store.address).alter(f"execution_pack/all/{digests['execution_pack']}/pack.parquet")
    spec = spec_on(chain, tmp_path / "run")
    found = work_on(spec)
    assert found.returncode == REFUSED, found.stderr
    assert "execution_pack" in json.loads(found.stderr.splitlines()[-1])["message"]
    assert list(Path(spec.output_folder).iterdir()) == []


def test_a_job_is_sent_the_artifacts_as_they_lie_and_nothing_of_where(chain: Chain, tmp_path: Path) -> None:
    store, spec = chain[0], spec_on(chain, tmp_path / "run")
    files = input_files(spec, tmp_path / "spec.json")
    sent = {name.removeprefix(f"{STORE}/"): path.read_bytes() for name, path in files.items() if name != "spec.json"}
    stored = Bytes(store.address)
    assert sent == {name: stored.read(name) for name in stored.names() if not name.startswith("recipes/")}
    spec_text = files["spec.json"].read_text()
    assert store.address not in spec_text
    assert str(tmp_path) not in spec_text
    elsewhere = spec.model_copy(update={"store_root": "artifacts", "work_folder": "elsewhere"})
    assert run_id_of(portable(elsewhere)) == run_id_of(portable(spec))
