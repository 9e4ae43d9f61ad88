"""Stage `release`: what would be published on the Hugging Face Hub, and what stands against it."""

from pathlib import Path

import dagster as dg

from codelewm_assets.core.digests import canonical_json, pretty_json
from codelewm_assets.core.ids import SEEDS
from codelewm_assets.core.records import Finding
from codelewm_assets.core.store import Artifact
from codelewm_assets.defs.automation import EAGER_WHEN_GREEN
from codelewm_assets.defs.claims import ALL
from codelewm_assets.defs.inputs import Inputs
from codelewm_assets.defs.plumbing import Made, materialize
from codelewm_assets.defs.resources import ProfileResource, StoreResource
from codelewm_assets.defs.rules import check_of, rule_of
from codelewm_assets.defs.stages import OWNERS
from codelewm_assets.preflight.rules import finding
from codelewm_assets.release.hub import ReleasePlan, planned_files


@dg.asset(
    group_name="release",
    kinds={"huggingface", "json"},
    owners=OWNERS,
    deps=["artifact_index", "claim_audit", "dataset_card", "execution_pack", "problem_splits", "semantic_decoys", "rerank_pools",
          dg.AssetDep("model_card", partition_mapping=ALL), dg.AssetDep("checkpoint", partition_mapping=ALL)],
    code_version="2",
    automation_condition=EAGER_WHEN_GREEN,
)  # fmt: skip
def hub_release(
    context: dg.AssetExecutionContext, store: StoreResource, profile: ProfileResource
) -> dg.MaterializeResult:
    """What would go to the Hugging Face Hub, verified and scanned; a dry run, `publish --execute` uploads it."""
    inputs = Inputs(context.instance, store.get(), profile.get())
    data = [inputs.artifact(n) for n in ("dataset_card", "problem_splits", "semantic_decoys", "rerank_pools")]
    groups = {"dataset": data}
    for seed in map(str, SEEDS):
        groups[f"model-seed{seed}"] = [inputs.artifact("model_card", seed), inputs.artifact("checkpoint", seed)]
    parents = [
        inputs.artifact("artifact_index"),
        inputs.artifact("claim_audit"),
        *(a for g in groups.values() for a in g),
    ]
    plan = _plan(inputs, groups)  # outside of the recipe's reach: bytes are verified and scanned anew each time

    def make() -> Made:
        metadata = {"executed": False, "file_count": len(plan.files), "refusals": plan.refusals}
        return Made({"release_plan.json": pretty_json(plan.model_dump(mode="json"))}, metadata)

    return materialize(context, inputs.store, parents=parents, config={"refusals": plan.refusals}, make=make)


def _plan(inputs: Inputs, groups: dict[str, list[Artifact]]) -> ReleasePlan:
    from codelewm_assets.preflight.secrets import secret_findings

    artifacts = [artifact for group in groups.values() for artifact in group]
    mismatches = [f"{f.artifact} {f.file}" for artifact in artifacts for f in inputs.store.verify(artifact)]
    paths = [artifact.folder / file.path for artifact in artifacts for file in artifact.manifest.files]
    audit = inputs.artifact("claim_audit").read_json("claim_audit.json")
    return ReleasePlan(
        executed=False,
        files=planned_files(groups),
        mismatches=tuple(mismatches),
        secrets=tuple(secret_findings([*paths, *_pack_as_text(inputs)])),
        overclaims=tuple(f"{row['document']}:{row['line']}" for row in audit["overclaims"]),
    )


def _pack_as_text(inputs: Inputs) -> list[Path]:
    """The pack's programs as text beside the store, since a scanner does not read Parquet."""
    path = inputs.store.root / "progress" / "pack_for_secret_scan.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = {text for row in inputs.pack() for text in (row.code_tokens, row.input_tokens, row.output_tokens)}
    path.write_bytes(b"\n".join(canonical_json(text) for text in sorted(texts)))
    return [path]


def no_secrets(inputs: Inputs, partition: str | None) -> Finding:
    """Nothing that would be published holds a secret, and all of it verifies."""
    plan = ReleasePlan.model_validate(inputs.artifact("hub_release").read_json("release_plan.json"))
    return finding(
        "no_secrets",
        plan.refusals,
        blocker="secret_found",
        message="Scanned and verified.",
        figures={"files": len(plan.files)},
    )


ASSETS = [hub_release]
CHECKS = [check_of(rule_of("hub_release", no_secrets))]
