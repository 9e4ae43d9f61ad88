"""A small rerank artifact in CodeLeWM's form, written for tests."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from codelewm_assets.core.digests import digest_of, pretty_json, sha256_bytes
from codelewm_assets.published.forms import MANIFEST, PublishedScoreRow
from codelewm_assets.published.manifests import artifact_id_of
from codelewm_assets.published.rerank_recompute import RerankSettings, rerank_document
from codelewm_assets_tests.published.rows import pools_of, row

ROWS = tuple(row(f"P/{n}::{member}", passed=member == 0, lexical=0.5) for n in range(2) for member in range(2))


class Published:
    """A folder with the files of one artifact."""

    def __init__(
        self, folder: Path, *, rows: Sequence[PublishedScoreRow] = ROWS, rows_name: str = "completion_scores.jsonl"
    ) -> None:
        self.folder = folder
        self.rows = rows
        self.rows_name = f"reports/{rows_name}"

    def rerank(self, **changes: Any) -> None:
        """Write rows, report, configuration and manifest.

        Args:
            changes: fields of the manifest, set before its id is computed.
        """
        pools = pools_of(self.rows)
        summary = {"checkpoint_sha256": "0" * 64, "completion_count": len(self.rows), "problem_count": len(pools),
                   "completion_label_artifact_id": "downstream_benchmark-1"}  # fmt: skip
        report = rerank_document(pools, RerankSettings(), benchmark="humaneval", scoring_summary=summary)
        config = {"bootstrap_samples": 2000, "min_lift_for_claim": 3.0, "seed": 17}
        files = {
            "reports/execution_rerank_report.json": pretty_json(report),
            self.rows_name: b"".join(row.model_dump_json().encode() + b"\n" for row in self.rows),
            "config.json": pretty_json(config),
        }
        for name, data in files.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_bytes(data)
        manifest = {
            "schema_version": MANIFEST, "artifact_kind": "eval_report", "created_at": "2026-06-07T00:00:00Z",
            "source_git_sha": "unknown", "command": ["codelewm"], "config_sha256": digest_of(config), "parent_artifacts": [],
            "files": [{"path": name, "bytes": len(data), "sha256": sha256_bytes(data)} for name, data in files.items()],
            "metadata": {},
        } | changes  # fmt: skip
        manifest["artifact_id"] = artifact_id_of(manifest, manifest["artifact_kind"])
        (self.folder / "manifest.json").write_bytes(pretty_json(manifest))
