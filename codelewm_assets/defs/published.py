"""Published evidence of others, judged (stage `claims`). Nothing in the graph depends on it."""

from pathlib import Path

from codelewm_assets.core.digests import pretty_json, sha256_file
from codelewm_assets.core.findings import finding
from codelewm_assets.core.records import Finding
from codelewm_assets.defs.artifact_asset import AssetRun, Plan, artifact_asset
from codelewm_assets.defs.checks import check_of, rule_of
from codelewm_assets.defs.inputs import AssetOutput, Inputs


@artifact_asset("claims", kinds={"markdown", "json"}, code_version="1")
def published_evidence(run: AssetRun) -> Plan:
    """Published files that the profile names, judged as `recheck` does: what recomputes, figures under both tie rules, claims."""
    named = run.profile.published.folder
    folder = None if named is None else Path(named)
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder else []

    def make() -> AssetOutput:
        from codelewm_assets.published.page import markdown_page
        from codelewm_assets.published.recheck import nothing_named, recheck

        result = nothing_named() if folder is None else recheck([folder])
        return AssetOutput(
            {
                "recheck.json": pretty_json(result.model_dump(mode="json")),
                "recheck.md": markdown_page(result).encode("utf-8"),
            },
            {
                "is_named": folder is not None,
                "manifest_count": len(result.manifests),
                "score_file_count": len(result.score_rows),
                "claim_count": len(result.claims),
                "surviving_claim_count": sum(claim.verdict == "survives" for claim in result.claims),
            },
        )

    digests = {path.relative_to(str(folder)).as_posix(): sha256_file(path) for path in files}
    return Plan(make, {"files": digests, "is_named": folder is not None})


def published_files_recompute(inputs: Inputs, partition: str | None) -> Finding:
    """Every published manifest and report that can be recomputed is."""
    from codelewm_assets.published.records import Recheck

    artifact = inputs.artifact("published_evidence")
    result = Recheck.model_validate_json(artifact.path("recheck.json").read_bytes())
    return finding(
        "published_files_recompute",
        result.faults,
        blocker="published_file_differs",
        message="What is published is what its manifests and rows give."
        if result.manifests
        else "No published manifest is named.",
        figures={"manifests": len(result.manifests), "reports": len(result.reports)},
    )


ASSETS = [published_evidence]
CHECKS = [check_of(rule_of("published_evidence", published_files_recompute), blocking=False)]
