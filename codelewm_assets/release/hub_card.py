"""The card of the run repository: what is in the release, where it lies, and how a reader verifies it. It claims nothing."""

from collections.abc import Sequence
from typing import NamedTuple

from codelewm_assets.release.hub_layout import LEFT_OUT

HEAD = """---
license: apache-2.0
tags: [code, evaluation]
---

# CodeLeWM: reports of a run

What one run of the evidence cycle measured, what its gates say of that, and what was checked before it was published. The
gates and claims are in `claim_gates/`, the report with its plots is `results_report/results_report.md`.

## Artifacts

Each repository of this release has the same tag. The dataset and the models are in the repositories named here, in the same
namespace.
"""
VERIFY = """
## Verify

Beside an artifact's files lies its `manifest.json`, with the sha256 of each file and the digest of each artifact that it was
made from. The sha256 of `manifest.json` itself is the artifact's digest in the table above: `sha256sum` verifies all of it.
The `README.md` of a model is that of its seed in `model_card/`.

## Not published
"""


class CardRow(NamedTuple):
    """One artifact of the release."""

    artifact_id: str
    repository: str
    folder: str  # "" is the root
    digest: str
    file_count: int


def run_card(rows: Sequence[CardRow]) -> str:
    """Markdown with the Hub's header; the same artifacts give the same text."""
    shown = [
        [
            row.artifact_id.replace("|", " "),
            row.repository,
            f"{row.folder}/" if row.folder else "the root",
            row.digest,
            str(row.file_count),
        ]
        for row in sorted(rows)
    ]
    return "\n".join(
        [
            HEAD,
            _table(["artifact", "repository", "folder", "digest", "files"], shown),
            VERIFY,
            _table(["artifact", "why"], [[name, reason] for name, reason in LEFT_OUT.items()]),
            "",
        ]
    )


def _table(header: list[str], rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, ["---"] * len(header), *rows])
