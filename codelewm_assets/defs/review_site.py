"""Stage `release`: the review site, one folder of static pages."""

from pathlib import Path
from typing import Any

from codelewm_assets.core.digests import sha256_bytes
from codelewm_assets.core.ids import SEEDS
from codelewm_assets.defs.artifact_asset import AssetRun, Plan, artifact_asset
from codelewm_assets.defs.plumbing import Made
from codelewm_assets.defs.release_inputs import RELEASED, check_rows, data_docs, lineage_of, records_of
from codelewm_assets.store.store import Artifact

TITLES = {"results_report": "Results", "tracker_status": "Tracker", "dataset_card": "Data card",
          **{f"model_card_{seed}": f"Model {seed}" for seed in SEEDS}}  # fmt: skip


@artifact_asset(
    "release", deps=[*RELEASED, "artifact_index", "claim_audit", "claim_gates"], kinds={"html"}, code_version="3",
    resources=["listing"],
)  # fmt: skip
def review_site(run: AssetRun) -> Plan:
    """Report, cards, checks, manifests and Data Docs as one folder of static pages; open index.html from disk."""
    inputs, parents = run.inputs, run.parents()
    shown = parents[: len(RELEASED)]
    lineage = lineage_of(inputs, parents)
    checks, docs = check_rows(inputs, run.context.resources.listing), data_docs(inputs, lineage)

    def make() -> Made:
        from codelewm_assets.release.site_pages import SiteContents, site_files

        contents = SiteContents(
            records=records_of(inputs, {}),
            texts=_texts(shown),
            pictures={f.path: a.path(f.path).read_bytes() for a in shown for f in a.manifest.files if _is_picture(f.path)},
            checks=checks,
            manifests={d: a.manifest for d, a in lineage.items()},
            data_docs=docs,
        )  # fmt: skip
        files: dict[str, bytes | Path] = {**site_files(contents)}
        counts = {"page_count": sum(name.endswith(".html") for name in files), "check_count": len(checks)}
        return Made(files, counts | {"data_docs_count": sum(one.document is not None for one in docs)})

    config: dict[str, Any] = {  # what is shown beside the parents: states and pages that are no artifacts
        "checks": [[row.asset, row.check, row.partition, row.state, row.detail, row.judged] for row in checks],
        "data_docs": [[one.asset, sha256_bytes(one.document) if one.document else None] for one in docs],
    }
    return Plan(make, config)


def _texts(artifacts: list[Artifact]) -> dict[str, tuple[str, str]]:
    """Page name → title and Markdown of what was released, in the order of the navigation."""
    found = {}
    for artifact in artifacts:
        for file in artifact.manifest.files:
            if file.path.endswith(".md"):
                seed = file.path.rpartition("/")[0]
                name = artifact.manifest.artifact_kind + (f"_{seed}" if seed else "")
                found[name] = artifact.path(file.path).read_text(encoding="utf-8")
    return {name: (title, found[name]) for name, title in TITLES.items() if name in found}


def _is_picture(path: str) -> bool:
    return path.endswith(".png")
