"""Whether training may start on these artifacts: the preflight report must be clear and have judged exactly them."""

from collections.abc import Mapping

from codelewm_assets.core.errors import PreflightError
from codelewm_assets.core.store import ArtifactStore

JUDGED = ("execution_pack", "problem_splits", "rerank_pools", "semantic_decoys")


def require_clear_artifacts(store: ArtifactStore, digests: Mapping[str, str]) -> None:
    """Refuse training on artifacts that the preflight report did not judge or did not clear.

    Args: digests: artifact id → digest, with `preflight_report`, `tokenized_pack` and each of `JUDGED`.
    Raises: PreflightError: every mismatch, in one message. StoreError: an artifact is not stored.
    """
    absent = sorted({"preflight_report", "tokenized_pack", *JUDGED} - set(digests))
    if absent:
        raise PreflightError(f"Training was not told which {', '.join(absent)} to use. Materialize them, then train.")
    report = store.load("preflight_report", digests["preflight_report"]).read_json("preflight_report.json")
    faults = [f"red rule {rule}" for rule in report["red"]]
    if report["clear"] is not True and not faults:
        faults = ["not clear"]
    for name in JUDGED:
        judged = report["judged"].get(name)
        if judged != digests[name]:
            faults.append(f"{name} {digests[name][:12]} was not judged (the report judged {str(judged)[:12]})")
        if name != "execution_pack":
            parent = store.load(name, digests[name]).manifest.parent_artifacts.get("execution_pack")
            if parent != digests["execution_pack"]:
                faults.append(f"{name} was made from execution_pack {str(parent)[:12]}")
    tokenized = store.load("tokenized_pack", digests["tokenized_pack"]).manifest.parent_artifacts
    for name in ("execution_pack", "problem_splits"):
        if tokenized.get(name) != digests[name]:
            faults.append(f"tokenized_pack was made from {name} {str(tokenized.get(name))[:12]}")
    if faults:
        raise PreflightError(
            "Training is refused: "
            + "; ".join(faults)
            + ". Rebuild these from one execution_pack, let preflight_report "
            "judge them, and start again."
        )
