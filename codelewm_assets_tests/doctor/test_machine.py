"""The machine: layers, GPU, disk and Hub, as wanted and not."""

import errno
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codelewm_assets.core.errors import SandboxError
from codelewm_assets.doctor import machine
from codelewm_assets.doctor.checkup import checkup, profile_finding
from codelewm_assets.profiles.profile import Profile, load_profile
from codelewm_assets.sandbox.isolation import STRICT_LAYERS, Isolation
from codelewm_assets.store.store import ArtifactStore, CacheKey, open_store
from codelewm_assets_tests.tiers import slow


def profile_of(name: str = "sample", **changes: object) -> Profile:
    """A shipped profile with `isolation`, `device` or `processes` changed."""
    profile = load_profile(name)
    sandbox = profile.sandbox.model_copy(update={k: v for k, v in changes.items() if k == "isolation"})
    training = profile.training | {k: v for k, v in changes.items() if k != "isolation"}
    return profile.model_copy(update={"sandbox": sandbox, "training": training})


@pytest.mark.parametrize(("isolation", "state"), [("auto", "warn"), ("strict", "fail")])
def test_a_layer_that_is_missing_is_named_and_fails_a_strict_profile(isolation: str, state: str) -> None:
    layers = tuple(layer for layer in STRICT_LAYERS if layer != "seccomp")
    found = machine.layers_finding(profile_of(isolation=isolation), Isolation(layers))
    assert (found.state, found.found) == (state, "missing: seccomp")
    assert "libseccomp" in found.remedy
    assert machine.layers_finding(profile_of(isolation=isolation), Isolation(STRICT_LAYERS)).state == "ok"


def test_the_layers_are_those_of_a_sandbox_that_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    found = machine.isolation_finding(profile_of())
    assert found.state in ("ok", "warn") and "seccomp" in found.wanted

    def broken(workers: int) -> None:
        raise SandboxError("A server did not start.")

    monkeypatch.setattr(machine, "SandboxPool", broken)
    found = machine.isolation_finding(profile_of())
    assert (found.state, found.found) == ("fail", "A server did not start.")


@pytest.fixture
def smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a test writes its own nvidia-smi; none is there at first."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path / "nvidia-smi"


def tool(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def test_a_profile_on_the_cpu_needs_no_gpu(smi: Path) -> None:
    found = machine.gpu_finding(profile_of(device="cpu"))
    assert (found.state, found.found) == ("ok", "none")
    tool(smi, "echo 'Driver/library version mismatch'; exit 18")
    found = machine.gpu_finding(profile_of(device="cpu"))
    assert (found.state, found.found) == ("warn", "nvidia-smi ended with status 18: Driver/library version mismatch")


def test_a_profile_on_a_gpu_wants_as_many_as_it_has_processes_and_a_torch_with_cuda(smi: Path) -> None:
    on_gpu = profile_of("full", device="cuda", processes=2)
    assert machine.gpu_finding(on_gpu, "2.13.0").state == "fail"
    tool(smi, "echo 'NVIDIA H100, 81559 MiB, 570.1'")
    assert machine.gpu_finding(on_gpu, "2.13.0").state == "fail"
    tool(smi, "echo 'NVIDIA H100, 81559 MiB, 570.1'; echo 'NVIDIA H100, 81559 MiB, 570.1'")
    assert machine.gpu_finding(on_gpu, "2.13.0").state == "ok"
    without = machine.gpu_finding(on_gpu, "2.13.0+cpu")
    assert (without.state, without.remedy) == ("fail", "install a torch with CUDA")


def test_a_folder_that_cannot_be_written_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = machine.store_findings(ArtifactStore(tmp_path / "not" / "made" / "yet"))
    assert [finding.name for finding in found] == ["store_is_writable", "stored_artifacts", "disk"]
    assert found[0].state == "ok"
    assert list(tmp_path.iterdir()) == []  # it leaves nothing behind

    def read_only(**_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(machine.tempfile, "NamedTemporaryFile", read_only)
    found = machine.store_findings(ArtifactStore(tmp_path))
    assert found[0].state == "fail" and found[0].found.endswith(": Read-only file system")
    assert "CODELEWM_ARTIFACTS" in found[0].remedy


def test_a_store_below_a_folder_that_may_not_be_entered_is_a_finding_and_ends_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked, stat = tmp_path / "locked", os.stat
    locked.mkdir()

    def refused(path: Any = None, *args: Any, **kwargs: Any) -> Any:
        if (kwargs.get("dir") == locked) or locked in Path(str(path)).parents:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return stat(path, *args, **kwargs)

    monkeypatch.setattr(os, "stat", refused)
    monkeypatch.setattr(machine.tempfile, "NamedTemporaryFile", refused)
    found = machine.store_findings(ArtifactStore(locked / "store"))
    assert [finding.name for finding in found] == ["store_is_writable", "stored_artifacts", "disk"]
    assert found[0].state == "fail" and found[0].found == f"{locked / 'store'}: Permission denied"


def test_object_storage_that_answers_is_ok_and_a_missing_bucket_fails(s3_root: str, tmp_path: Path) -> None:
    answers, writable, *_ = machine.store_findings(open_store(s3_root, work=tmp_path))
    assert (answers.name, answers.state, writable.state) == ("object_storage", "ok", "ok")
    bucket = s3_root.removeprefix("s3://").split("/")[0]
    missing = machine.store_findings(open_store(s3_root.replace(bucket, f"{bucket}-not"), work=tmp_path))[0]
    assert missing.state == "fail" and "no such bucket" in missing.found


def test_an_artifact_that_is_gone_though_its_cache_key_note_is_there_fails(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    report = store.write(CacheKey("results_report", None, {}, {}, "1"), {"report.md": b"text"}, {})
    assert machine.missing_artifacts_finding(store).state == "ok"
    shutil.rmtree(report.folder)
    found = machine.missing_artifacts_finding(store)
    assert (found.state, found.found) == ("fail", f"results_report {report.digest[:12]} manifest.json is missing")


@pytest.mark.parametrize(
    ("free", "state"),
    [(machine.MIN_FREE_BYTES - 1, "fail"), (machine.MIN_FREE_BYTES, "warn"), (machine.RECOMMENDED_FREE_BYTES, "ok")],
)
def test_a_disk_with_little_room_warns_and_one_with_none_fails(free: int, state: str) -> None:
    assert machine.disk_finding(free).state == state


@pytest.fixture
@slow
def hub() -> Iterator[tuple[str, list[int]]]:
    """Address of a local server, and the status that it answers with."""
    status = [200]

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status[0])
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}", status
        server.shutdown()


def test_a_hub_that_does_not_answer_warns_and_a_password_in_its_address_is_not_shown(
    hub: tuple[str, list[int]],
) -> None:
    address, status = hub
    assert machine.hub_finding({"HF_ENDPOINT": f"http://{address}"}).state == "ok"
    for status[0] in (400, 401, 404, 503):
        found = machine.hub_finding({"HF_ENDPOINT": f"http://user:secret@{address}"})
        assert (found.state, found.found) == ("warn", f"http://{address} answers with status {status[0]}")
    found = machine.hub_finding({"HF_ENDPOINT": "http://user:secret@127.0.0.1:9"}, timeout_s=1)
    assert (found.state, found.found) == ("warn", "http://127.0.0.1:9 cannot be reached (ConnectionError)")
    assert machine.hub_finding({"HF_ENDPOINT": "no address"}).state == "warn"


def test_a_profile_that_is_not_valid_fails_and_the_others_are_judged_by_the_sample() -> None:
    profile, found = profile_finding("huge")
    assert (profile.name, found.state) == ("sample", "fail")
    assert "No profile 'huge'" in found.found and "CODELEWM_PROFILE" in found.remedy
    assert profile_finding("full")[1].state == "ok"


@pytest.mark.slow
def test_the_names_of_findings_are_distinct(tmp_path: Path) -> None:
    names = [
        finding.name
        for finding in checkup(ArtifactStore(tmp_path), dict(os.environ) | {"HF_ENDPOINT": "http://127.0.0.1:9"})
    ]
    assert len(names) == len(set(names)) == 14
