"""A store with everything that a release is made of, of tiny files, to be changed one artifact at a time."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from codelewm_assets import training
from codelewm_assets.core.digests import pretty_json
from codelewm_assets.core.ids import SEEDS
from codelewm_assets.core.records import PackRow
from codelewm_assets.core.tables import write_table
from codelewm_assets.dataset.pack import build_pack
from codelewm_assets.release.hub_blockers import Draft, draft_release, sources_of
from codelewm_assets.release.hub_layout import OF_A_SEED, TABLES, places
from codelewm_assets.release.hub_plan import PlannedFile, ReleasePlan
from codelewm_assets.store.store import Artifact, ArtifactStore, CacheKey
from codelewm_assets.training.sidecar import MODULES
from codelewm_assets_tests.factories import make_completion, make_labelled, make_problem

SECRET = "hf_" + "abcdefghijklmnopqrstuvwxyz0123456789"
SEED_IDS = [str(seed) for seed in SEEDS]
LABELS = "labelled_completions"
PARENTS: dict[str, tuple[str, ...]] = {
    LABELS: (),
    "execution_pack": (LABELS,),
    **{kind: ("execution_pack",) for kind in TABLES},
    "preflight_report": ("execution_pack", *TABLES),
}
for _seed in SEED_IDS:
    PARENTS[f"checkpoint[{_seed}]"] = ("execution_pack", "preflight_report")
    for _kind in OF_A_SEED:
        PARENTS[f"{_kind}[{_seed}]"] = (f"checkpoint[{_seed}]",)
PARENTS["claim_gates"] = tuple(name for name in PARENTS if name.startswith(OF_A_SEED))
PARENTS["model_rates"] = (LABELS,)
PARENTS["results_report"] = ("claim_gates", "preflight_report", "model_rates")
PARENTS["dataset_card"] = ("execution_pack", "problem_splits", "claim_gates")
PARENTS["model_card"] = (
    *(f"{kind}[{seed}]" for seed in SEED_IDS for kind in ("checkpoint", "checkpoint_inspection")), "claim_gates",
)  # fmt: skip
CARDS = ("results_report", "dataset_card", "model_card")
PARENTS["claim_audit"] = ("claim_gates", *CARDS)
PARENTS["artifact_index"] = ("claim_audit",)


def _rows(**changes: Any) -> list[PackRow]:
    problem = make_problem(0)
    labelled = make_labelled(make_completion(problem, 1, **changes), passed=True)
    return build_pack([labelled], {problem.problem_id: problem})


def pack_of(**changes: Any) -> bytes:
    """A pack of one completion, with fields of its program changed."""
    return write_table(_rows(**changes))


def pack_with(**changes: Any) -> bytes:
    """That pack with fields of its last row changed."""
    *others, last = _rows()
    return write_table([*others, last.model_copy(update=changes)])


def inspection_of(**changes: Any) -> dict[str, bytes]:
    """Files of an inspection that found every number finite, with fields changed."""
    return {"checkpoint_inspection.json": pretty_json({"tensor_count": 1, "nonfinite_tensors": []} | changes)}


def audit_of(*overclaims: dict[str, Any]) -> dict[str, bytes]:
    """Files of an audit that found these sentences."""
    return {"claim_audit.json": pretty_json({"documents": [], "overclaims": list(overclaims)})}


MODEL_CODE = {f"fold0/{name}": (Path(training.__file__).parent / name).read_bytes() for name in MODULES}


def index_of(latest: Mapping[str, str]) -> dict[str, bytes]:
    """Files of an index that names these. Args: latest: artifact id → digest."""
    return {"artifact_index.json": pretty_json({digest: {"artifact_id": name} for name, digest in latest.items()})}


def _files_of(artifact_id: str) -> dict[str, bytes]:
    kind = artifact_id.partition("[")[0]
    named = {
        "execution_pack": {"pack.parquet": pack_of()},
        "dataset_card": {"README.md": b"# Data\n", "data/pack.parquet": b"hashed rows"},
        "model_card": {f"{seed}/README.md": f"# Model of {seed}\n".encode() for seed in SEED_IDS},
        "checkpoint": MODEL_CODE
        | {"fold0/model.safetensors": f"weights of {artifact_id}".encode() * 2000, "sidecar.json": b"{}"},
        "checkpoint_inspection": inspection_of(),
        "claim_audit": audit_of(),
        "results_report": {"results_report.md": b"# Results\n", "roc.png": b"picture"},
    }
    return named.get(kind, {f"{kind}.{'parquet' if kind in TABLES else 'json'}": f"{artifact_id}\n".encode()})


class HubWorld:
    """The store and which digest of each artifact is the latest."""

    def __init__(self, root: Path, latest: Mapping[str, str] | None = None) -> None:
        """Args: latest: of a store that is there; None builds one."""
        self.store = ArtifactStore(root / "artifacts")
        self.latest: dict[str, str] = dict(latest or {})
        if latest is None:
            self.build()

    def copied(self, root: Path) -> "HubWorld":
        """The same artifacts in another folder."""
        shutil.copytree(self.store.root, root / "artifacts")
        return HubWorld(root, self.latest)

    def build(self, changes: Mapping[str, dict[str, bytes]] | None = None, keep: tuple[str, ...] = ()) -> None:
        """Make every artifact anew, of changed files or parents, except those to `keep` as they are."""
        for artifact_id, parents in PARENTS.items():
            if artifact_id not in keep:
                kind, _, partition = artifact_id.removesuffix("]").partition("[")
                cache_key = CacheKey(kind, partition or None, {name: self.latest[name] for name in parents}, {}, "test")
                files = (changes or {}).get(artifact_id, _files_of(artifact_id))
                self.latest[artifact_id] = self.store.write(cache_key, files, {}).digest

    def artifact(self, artifact_id: str) -> Artifact:
        """The latest of an artifact."""
        kind, _, partition = artifact_id.removesuffix("]").partition("[")
        return self.store.load(kind, self.latest[artifact_id], partition=partition or None)

    @property
    def released(self) -> dict[str, str]:
        """What a release is told of: the latest of what it publishes."""
        return {p.artifact_id: self.latest[p.artifact_id] for p in places() if p.artifact_id in self.latest}

    def draft(self) -> Draft:
        """The release of the latest artifacts."""
        return draft_release(self.store, self.released)

    def stored(self) -> tuple[ReleasePlan, dict[PlannedFile, Path]]:
        """The plan as `hub_release` stores it, and where its files lie."""
        draft = self.draft()
        files = {**draft.generated_files, "release_plan.json": pretty_json(draft.plan.model_dump(mode="json"))}
        cache_key = CacheKey(
            "hub_release", None, {}, {"tag": draft.plan.tag, "refused": len(draft.plan.refusals)}, "test"
        )
        made = self.store.write(cache_key, files, {})
        self.latest["hub_release"] = made.digest
        return draft.plan, sources_of(draft.plan, self.store, made)
