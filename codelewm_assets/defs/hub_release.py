"""Stage `release`: the release plan for the Hugging Face Hub and its blockers."""

from collections.abc import Mapping
from pathlib import Path

import dagster as dg
from pydantic import ValidationError

from codelewm_assets.core.digests import pretty_json
from codelewm_assets.core.errors import ReleaseError
from codelewm_assets.core.findings import finding
from codelewm_assets.core.ids import artifact_id
from codelewm_assets.core.records import Finding
from codelewm_assets.defs.artifact_asset import AssetRun, Plan, artifact_asset
from codelewm_assets.defs.checks import check_of, rule_of
from codelewm_assets.defs.inputs import AssetOutput, Inputs, latest_materializations, latest_version, version_of
from codelewm_assets.release.hub_layout import places
from codelewm_assets.release.hub_plan import PlannedFile, ReleasePlan
from codelewm_assets.store.store import ArtifactStore


@artifact_asset("release", deps=["artifact_index"], kinds={"huggingface", "json"}, code_version="6", pool="hub")
def hub_release(run: AssetRun) -> Plan:
    """The release plan for the Hugging Face Hub, with every blocker; a dry run, `publish --execute` uploads it."""
    from codelewm_assets.release.hub_blockers import draft_release

    (index,) = run.parents()
    named = {row["artifact_id"]: digest for digest, row in index.read_json("artifact_index.json").items()}
    # not part of the cache key: bytes are verified and scanned on every run
    draft = draft_release(run.store.get(), named | {"artifact_index": index.digest})
    blockers = [str(blocker) for blocker in draft.plan.refusals]

    def make() -> AssetOutput:
        plan = {"release_plan.json": pretty_json(draft.plan.model_dump(mode="json"))}
        totals = {total.repository: f"{total.file_count} files, {total.bytes} bytes" for total in draft.plan.totals}
        counts = {"tag": draft.plan.tag, "file_count": len(draft.plan.files)}
        return AssetOutput({**draft.generated_files, **plan}, {**counts, "refusals": blockers, "repositories": totals})

    return Plan(make, {"refusals": blockers})


def latest_released(instance: dg.DagsterInstance) -> dict[str, str]:
    """Artifact id → latest digest, of the artifacts that a release publishes and that were materialized."""
    latest = latest_materializations(instance, [(place.kind, place.partition) for place in places()])
    versions = {artifact_id(*name): version_of(materialized) for name, materialized in latest.items()}
    return {name: version for name, version in versions.items() if version is not None}


def latest_plan(
    instance: dg.DagsterInstance, store: ArtifactStore
) -> tuple[ReleasePlan, Mapping[PlannedFile, Path], str]:
    """The latest plan with its current blockers, the local paths of its files, and the digest of its artifact.

    Raises: ReleaseError: no plan exists, or it has another version. StoreError: it is not stored.
    """
    from codelewm_assets.release.hub_blockers import blockers_now, sources_of

    version = latest_version(instance, "hub_release")
    if version is None:
        raise ReleaseError("hub_release has not been materialized. Run `codelewm-assets build` first.")
    stored = store.load("hub_release", version)
    try:
        plan = ReleasePlan.model_validate(stored.read_json("release_plan.json"))
    except (ValidationError, ValueError) as error:
        text = f"The plan of hub_release {version[:12]} cannot be read. Materialize hub_release again."
        raise ReleaseError(text) from error
    sources = sources_of(plan, store, stored)
    blockers = blockers_now(plan, sources, store, latest_released(instance))
    return plan.model_copy(update={"refusals": tuple(blockers)}), sources, version


def nothing_stands_against_the_release(inputs: Inputs, partition: str | None) -> Finding:
    """The release has no blocker: no secret, all artifacts verified, no overclaim, each checkpoint inspected."""
    plan = ReleasePlan.model_validate(inputs.artifact("hub_release").read_json("release_plan.json"))
    return finding(
        "nothing_stands_against_the_release",
        [str(row) for row in plan.refusals],
        blocker=plan.refusals[0].reason if plan.refusals else "secret_found",
        message="Scanned and verified.",
        figures={"files": len(plan.files)},
    )


ASSETS = [hub_release]
CHECKS = [check_of(rule_of("hub_release", nothing_stands_against_the_release))]
