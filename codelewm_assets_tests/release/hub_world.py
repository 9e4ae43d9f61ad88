"""A store with everything that a release is made of, of tiny files, to be changed one artifact at a time."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import yaml
from pydantic import BaseModel

from codelewm_assets import training
from codelewm_assets.core.digests import pretty_json
from codelewm_assets.core.ids import BENCHMARKS, SEEDS
from codelewm_assets.core.package import register_digest
from codelewm_assets.core.records import PackRow
from codelewm_assets.core.tables import arrow_schema, write_table
from codelewm_assets.dataset.pack import build_pack
from codelewm_assets.dataset.published import PublishedRow, published_rows
from codelewm_assets.dataset.solution_sets import RankedSolution, SolutionSet
from codelewm_assets.release.cards import DATASET
from codelewm_assets.release.hub_blockers import Draft, draft_release, sources_of
from codelewm_assets.release.hub_layout import CONFIGS, OF_A_SEED, SPLIT, TABLES, places
from codelewm_assets.release.hub_plan import PlannedFile, ReleasePlan
from codelewm_assets.store.store import Artifact, ArtifactStore, CacheKey
from codelewm_assets.training.sidecar import MODULES
from codelewm_assets_tests.claims.evidence import collapse, gates_of, probe, rerank, retrieval, surprise, together
from codelewm_assets_tests.factories import make_completion, make_labelled, make_problem

TOKEN = "hf_a_token_that_nobody_may_see"
SECRET = "hf_" + "abcdefghijklmnopqrstuvwxyz0123456789"
SEED_IDS = [str(seed) for seed in SEEDS]
LABELS = "labelled_completions"
PARENTS: dict[str, tuple[str, ...]] = {
    LABELS: (),
    "execution_pack": (LABELS,),
    **{kind: ("execution_pack",) for kind in TABLES},
    "preflight_report": ("execution_pack", *TABLES),
}
CONFIG_ROWS = [{"config_name": name, "data_files": [{"split": SPLIT, "path": path}]} for name, path in CONFIGS.items()]
DATA_CARD = f"---\n{yaml.safe_dump({'configs': CONFIG_ROWS})}---\n# Data\n"
TABLE_FILES = {
    kind: {CONFIGS[kind].rpartition("/")[2]: write_table([{"problem_id": "p0", "of": kind}])} for kind in TABLES
}
for _seed in SEED_IDS:
    PARENTS[f"checkpoint[{_seed}]"] = ("execution_pack", "preflight_report")
    PARENTS[f"critic[{_seed}]"] = ("execution_pack", "preflight_report")
    for _kind in OF_A_SEED:
        PARENTS[f"{_kind}[{_seed}]"] = (f"checkpoint[{_seed}]",)
PARENTS["claim_gates"] = tuple(name for name in PARENTS if name.startswith(OF_A_SEED))
PARENTS["model_rates"] = (LABELS,)
PARENTS["results_report"] = ("claim_gates", "preflight_report", "model_rates")
PARENTS["dataset_card"] = ("execution_pack", "problem_splits", "claim_gates")
PARENTS["model_card"] = (
    *(f"{kind}[{seed}]" for seed in SEED_IDS for kind in ("checkpoint", "critic", "checkpoint_inspection")), "claim_gates",
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


SCORED_ROWS = [row.model_copy(update={"is_scored": True}) for row in _rows()]
DATA_FILES = {
    "data/pack.parquet": write_table(
        list(published_rows(SCORED_ROWS, {make_problem(0).problem_id: 0})), arrow_schema(PublishedRow)
    ),
    "data/solution_sets.parquet": write_table(
        [SolutionSet(task_id="p", pool_id="p::pool0", benchmark_id="humaneval", fold=0, all_solutions=(
            RankedSolution(rank=1, average_test_score=1.0, completion_id="c", solution=(7,)),))],
        arrow_schema(SolutionSet),
    ),
}  # fmt: skip


def inspection_of(**changes: Any) -> dict[str, bytes]:
    """Files of an inspection that found every number finite, with fields changed."""
    report = collapse(tensor_count=1).model_dump(mode="json") | {"nonfinite_tensors": []} | changes
    return {"checkpoint_inspection.json": pretty_json(report)}


def audit_of(*overclaims: dict[str, Any]) -> dict[str, bytes]:
    """Files of an audit that found these sentences."""
    return {"claim_audit.json": pretty_json({"documents": [], "overclaims": list(overclaims)})}


REPORTS: dict[str, BaseModel] = {
    "claim_gates": gates_of(),
    "rerank_report": together(rerank(name) for name in BENCHMARKS),
    "retrieval_report": retrieval(),
    "surprise_report": surprise(),
    "latent_probe_report": probe(),
}
MODEL_CODE = {f"fold0/{name}": (Path(training.__file__).parent / name).read_bytes() for name in MODULES}


def data_card(text: str = DATA_CARD) -> dict[str, bytes]:
    """Files of a dataset card with this text."""
    return {"README.md": text.encode(), **DATA_FILES}


def index_of(latest: Mapping[str, str]) -> dict[str, bytes]:
    """Files of an index that names these. Args: latest: artifact id → digest."""
    return {"artifact_index.json": pretty_json({digest: {"artifact_id": name} for name, digest in latest.items()})}


def _files_of(artifact_id: str) -> dict[str, bytes]:
    kind = artifact_id.partition("[")[0]
    named = {
        "execution_pack": {"pack.parquet": pack_of()},
        "dataset_card": data_card(),
        "model_card": {f"{seed}/README.md": f"# Model of {seed}, on {DATASET}\n".encode() for seed in SEED_IDS}
        | {f"{seed}/.eval_results/p_pass.yaml": f"- dataset: {{id: {DATASET}}}\n".encode() for seed in SEED_IDS},
        "checkpoint": MODEL_CODE
        | {"fold0/model.safetensors": f"weights of {artifact_id}".encode() * 2000, "sidecar.json": b"{}"},
        "critic": {"critic.json": b"{}", "fold0.safetensors": f"trees of {artifact_id}".encode() * 99},
        "checkpoint_inspection": inspection_of(),
        "claim_audit": audit_of(),
        "results_report": {"results_report.md": b"# Results\n", "roc.png": b"picture"},
    }
    if kind in TABLES:
        return TABLE_FILES[kind]
    if kind in REPORTS:
        return {f"{kind}.json": pretty_json(REPORTS[kind].model_dump(mode="json"))}
    return named.get(kind, {f"{kind}.json": f"{artifact_id}\n".encode()})


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
                register = {"register_digest": register_digest()} if kind in ("preflight_report", "claim_gates") else {}
                self.latest[artifact_id] = self.store.write(cache_key, files, register).digest

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


def tell(instance: dg.DagsterInstance, world: "HubWorld") -> None:
    """Every artifact of the world is the latest of its asset."""
    for artifact_id, digest in world.latest.items():
        kind, _, part = artifact_id.removesuffix("]").partition("[")
        event = dg.AssetMaterialization(kind, partition=part or None, tags={"dagster/data_version": digest})
        instance.report_runless_asset_event(event)


def tell_folder(folder: Path, world: "HubWorld") -> None:
    """The same in the instance of a folder."""
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        tell(instance, world)
