"""Publication: where each file goes, what a plan refuses, and the upload to a server that speaks the Hub's API."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from codelewm_assets.core.errors import ReportError
from codelewm_assets.release.hub import ReleasePlan, publish
from codelewm_assets_tests.release.records import plan, release


def test_each_file_goes_to_its_repository_with_the_card_at_the_root(tmp_path: Path) -> None:
    found = plan(release(tmp_path)).files
    assert [(f.repository, f.repository_type, f.path) for f in found] == [
        ("codelewm/codelewm-dataset", "dataset", "README.md"),
        ("codelewm/codelewm-dataset", "dataset", "execution_pack/pack.parquet"),
        ("codelewm/codelewm-model-seed42", "model", "README.md"),
        ("codelewm/codelewm-model-seed42", "model", "checkpoint/fold0.safetensors"),
        ("codelewm/codelewm-model-seed42", "model", "checkpoint/sidecar.json"),
    ]
    assert all(len(f.sha256) == len(f.digest) == 64 and f.bytes > 0 for f in found)


def test_a_clean_plan_has_nothing_against_it(tmp_path: Path) -> None:
    assert plan(release(tmp_path)).refusals == []


@pytest.mark.parametrize(
    ("faults", "refusal"),
    [
        ({"secrets": ("card.md:3 Private Key",)}, "secret: card.md:3 Private Key"),
        ({"mismatches": ("execution_pack abc pack.parquet",)}, "not verified: execution_pack abc pack.parquet"),
    ],
)
def test_a_plan_with_a_secret_or_a_mismatch_is_refused_before_anything_is_sent(
    tmp_path: Path, faults: dict[str, Any], refusal: str
) -> None:
    refused = plan(release(tmp_path), **faults)
    assert refused.refusals == [refusal]
    with pytest.raises(ReportError, match=f"Publication is refused: {refusal}. Nothing was uploaded"):
        publish(refused, {}, token=None)


def test_all_refusals_come_in_one_message(tmp_path: Path) -> None:
    refused = plan(release(tmp_path), mismatches=("one",), secrets=("two",))
    with pytest.raises(ReportError, match="not verified: one; secret: two"):
        publish(refused, {}, token=None)


def test_an_empty_plan_is_refused() -> None:
    with pytest.raises(ReportError, match="names no file"):
        publish(ReleasePlan(executed=False, files=(), mismatches=(), secrets=()), {}, token=None)


@dataclass
class Hub:
    """A server that answers the client's calls and keeps what was committed."""

    address: str = ""
    calls: list[str] = field(default_factory=list)
    created: list[dict[str, Any]] = field(default_factory=list)
    committed: dict[str, list[str]] = field(default_factory=dict)

    def answer(self, path: str, body: bytes) -> dict[str, Any]:
        """The reply to one POST."""
        self.calls.append(path)
        if path == "/api/repos/create":
            self.created.append(json.loads(body))
            row = self.created[-1]
            kind = "datasets/" if row.get("type") == "dataset" else ""
            return {"url": f"{self.address}/{kind}{row['organization']}/{row['name']}"}
        if "/preupload/" in path:
            files = [
                {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in json.loads(body)["files"]
            ]
            return {"files": files}
        if path == "/api/validate-yaml":
            return {"errors": [], "warnings": []}
        assert "/commit/" in path, path
        lines = [json.loads(line) for line in body.decode().splitlines() if line.strip()]
        repository = path.removeprefix("/api/").split("/commit/")[0]
        self.committed[repository] = [line["value"]["path"] for line in lines if line["key"] == "file"]
        address = f"{self.address}/{repository.removeprefix('models/')}"
        return {"commitUrl": f"{address}/commit/1", "commitOid": "1" * 40, "hookOutput": ""}


@pytest.fixture
def hub() -> Iterator[Hub]:
    """The running server."""
    found = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            reply = json.dumps(found.answer(self.path.split("?")[0], body)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


PUBLISH = """
import sys
from pathlib import Path
from codelewm_assets.core.errors import AssetsError
from codelewm_assets.release.hub import ReleasePlan, publish
plan = ReleasePlan.model_validate_json(Path(sys.argv[1]).read_text())
folders = {file.digest: Path(sys.argv[2]) / file.digest for file in plan.files}
try:
    print("\\n".join(publish(plan, folders, token="hf_test")))
except (AssetsError, OSError) as error:
    print("expected error:", error)
"""


def _publish(folder: Path, endpoint: str, altered: str = "") -> subprocess.CompletedProcess[str]:
    """Publish the release in a process of its own: the client reads its endpoint when it is imported."""
    pytest.importorskip("huggingface_hub")
    made = plan(release(folder / "artifacts"))
    if altered:
        next((folder / "artifacts").glob(f"*/{altered}")).write_bytes(b"altered after the plan")
    (folder / "plan.json").write_text(made.model_dump_json(), encoding="utf-8")
    environment = os.environ | {"HF_ENDPOINT": endpoint, "HF_HOME": str(folder / "home"), "HF_HUB_DISABLE_TELEMETRY": "1",
                                "HF_HUB_DISABLE_XET": "1", "NO_PROXY": "127.0.0.1"}  # fmt: skip
    command = [sys.executable, "-c", PUBLISH, str(folder / "plan.json"), str(folder / "artifacts")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_a_clean_plan_is_uploaded_in_one_commit_a_repository(hub: Hub, tmp_path: Path) -> None:
    found = _publish(tmp_path, hub.address)
    assert found.returncode == 0, found.stderr
    assert len(found.stdout.splitlines()) == 2
    assert hub.committed == {
        "datasets/codelewm/codelewm-dataset": ["README.md", "execution_pack/pack.parquet"],
        "models/codelewm/codelewm-model-seed42": [
            "README.md",
            "checkpoint/fold0.safetensors",
            "checkpoint/sidecar.json",
        ],
    }
    assert [row["name"] for row in hub.created] == ["codelewm-dataset", "codelewm-model-seed42"]
    assert len([call for call in hub.calls if "/commit/" in call]) == 2


def test_a_file_that_was_altered_after_the_plan_is_not_uploaded(hub: Hub, tmp_path: Path) -> None:
    found = _publish(tmp_path, hub.address, altered="pack.parquet")
    assert found.stdout.startswith("expected error:")
    assert "execution_pack/pack.parquet" in found.stdout
    assert hub.committed == {}


def test_a_hub_that_cannot_be_reached_is_an_expected_error(tmp_path: Path) -> None:
    found = _publish(tmp_path, "http://127.0.0.1:9")
    assert "Traceback" not in found.stderr
    assert found.stdout.startswith("expected error:")
