"""Stage `release`: the review site, one folder of static pages."""

from pathlib import Path
from typing import Any

import dagster as dg

from codelewm_assets.core.digests import sha256_bytes
from codelewm_assets.core.ids import SEEDS
from codelewm_assets.defs.automation import EAGER_WHEN_GREEN
from codelewm_assets.defs.claims import ALL
from codelewm_assets.defs.inputs import Inputs
from codelewm_assets.defs.plumbing import Made, materialize
from codelewm_assets.defs.release_inputs import RELEASED, check_rows, data_docs, lineage_of, records_of, released
from codelewm_assets.defs.resources import ProfileResource, StoreResource
from codelewm_assets.defs.secrets import keeps_secrets
from codelewm_assets.defs.stages import OWNERS
from codelewm_assets.store.store import Artifact

TITLES = {"results_report": "Results", "tracker_status": "Tracker", "dataset_card": "Data card",
          **{f"model_card_{seed}": f"Model {seed}" for seed in SEEDS}}  # fmt: skip


@dg.asset(
    group_name="release",
    owners=OWNERS,
    kinds={"html"},
    deps=[*RELEASED, "artifact_index", "claim_audit", dg.AssetDep("model_card", partition_mapping=ALL)],
    code_version="2",
    automation_condition=EAGER_WHEN_GREEN,
)
@keeps_secrets
def review_site(
    context: dg.AssetExecutionContext, store: StoreResource, profile: ProfileResource
) -> dg.MaterializeResult:
    """Report, cards, checks, manifests and Data Docs as one folder of static pages; open index.html from disk."""
    inputs = Inputs(context.instance, store.get(), profile.get())
    shown = released(inputs)
    parents = [*shown, inputs.artifact("artifact_index"), inputs.artifact("claim_audit")]
    checks, docs = check_rows(inputs), data_docs(inputs)

    def make() -> Made:
        from codelewm_assets.release.site_pages import SiteContents, site_files

        contents = SiteContents(
            records=records_of(inputs, {}),
            texts=_texts(shown),
            pictures={f.path: a.path(f.path).read_bytes() for a in shown for f in a.manifest.files if _is_picture(f.path)},
            checks=checks,
            manifests={d: a.manifest for d, a in lineage_of(inputs, parents).items()},
            data_docs=docs,
        )  # fmt: skip
        files: dict[str, bytes | Path] = {**site_files(contents)}
        counts = {"page_count": sum(name.endswith(".html") for name in files), "check_count": len(checks)}
        return Made(files, counts | {"data_docs_count": sum(one.document is not None for one in docs)})

    config: dict[str, Any] = {  # what is shown beside the parents: states and pages that are no artifacts
        "checks": [[row.asset, row.check, row.partition, row.state, row.detail, row.judged] for row in checks],
        "data_docs": [[one.asset, one.partition, sha256_bytes(one.document) if one.document else None] for one in docs],
    }
    return materialize(context, inputs.store, parents=parents, config=config, make=make)


def _texts(artifacts: list[Artifact]) -> dict[str, tuple[str, str]]:
    """Page name → title and Markdown of what was released, in the order of the navigation."""
    found = {}
    for artifact in artifacts:
        kind, _, rest = artifact.manifest.artifact_id.partition("[")
        name = f"{kind}_{rest.removesuffix(']')}" if rest else kind
        path = next(file.path for file in artifact.manifest.files if file.path.endswith(".md"))
        found[name] = artifact.path(path).read_text(encoding="utf-8")
    return {name: (title, found[name]) for name, title in TITLES.items() if name in found}


def _is_picture(path: str) -> bool:
    return path.endswith(".png")
