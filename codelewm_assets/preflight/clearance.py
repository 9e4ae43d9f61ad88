"""Whether training may start on these artifacts: the preflight report must be clear and have judged exactly them."""

from collections.abc import Iterable, Mapping, Sequence

from codelewm_assets.core.errors import PreflightError, StoreError
from codelewm_assets.core.store import Artifact, ArtifactStore

JUDGED = ("execution_pack", "problem_splits", "rerank_pools", "semantic_decoys")


def require_clear_artifacts(store: ArtifactStore, digests: Mapping[str, str], *, folds: Sequence[int]) -> None:
    """Refuse training on artifacts that the preflight report did not judge or did not clear.

    Every artifact that these were made from must be one that the report judged, under one digest only, with the bytes of
    its manifest. Args: digests: artifact id → digest, with `preflight_report`, `tokenized_pack` and each of `JUDGED`.
        folds: the folds that would be trained; must be those that the report judged.
    Raises: PreflightError: every mismatch, in one message. StoreError: an artifact is not stored.
    """
    absent = sorted({"preflight_report", "tokenized_pack", *JUDGED} - set(digests))
    if absent:
        raise PreflightError(f"Training was not told which {', '.join(absent)} to use. Materialize them, then train.")
    preflight = store.load("preflight_report", digests["preflight_report"])
    report = preflight.read_json("preflight_report.json")
    faults = [f"red rule {rule}" for rule in report["red"]]
    if report["clear"] is not True and not faults:
        faults = ["not clear"]
    if report.get("folds") != list(folds):
        faults.append(f"the report judged folds {report.get('folds')}, training would use {list(folds)}")
    used = [store.load(name, digests[name]) for name in (*JUDGED, "tokenized_pack")]
    faults += [
        f"{name} {digests[name][:12]} was not judged (the report judged {str(report['judged'].get(name))[:12]})"
        for name in JUDGED
        if report["judged"].get(name) != digests[name]
    ]
    lineage = dict[str, Artifact]()
    for artifact in [preflight, *used]:
        try:
            lineage |= store.lineage(artifact)
        except StoreError as error:
            faults.append(f"{artifact.manifest.artifact_id}: {error}")
            lineage |= {artifact.digest: artifact}
    del lineage[preflight.digest]
    faults += _foreign_parents(lineage.values(), report["judged"])
    faults += [f"{f.artifact} {f.file} is damaged" for a in (preflight, *lineage.values()) for f in store.verify(a)]
    if faults:
        raise PreflightError(
            "Training is refused: "
            + "; ".join(faults)
            + ". Rebuild these from one execution_pack, let preflight_report judge them, and start again."
        )


def _foreign_parents(lineage: Iterable[Artifact], judged: Mapping[str, str]) -> list[str]:
    """Each parent that is not the artifact which the report judged under that name."""
    return [
        f"{child.manifest.artifact_id} was made from {name} {digest[:12]}, the report judged {str(judged.get(name))[:12]}"
        for child in lineage
        for name, digest in child.manifest.parent_artifacts.items()
        if judged.get(name) != digest
    ]
