"""A small world in a store and an instance, with every check evaluated, as the graph would leave it.

Artifacts are written through the store and reported through real runs of stand-in assets with the product's own checks,
so that storage ids, run ids and partitions are what the guard sees in production.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np

from codelewm_assets.baselines.control_scores import ControlRow
from codelewm_assets.core.digests import pretty_json, sha256_bytes
from codelewm_assets.core.ids import BENCHMARKS
from codelewm_assets.core.package import register_digest
from codelewm_assets.core.sample_records import ImportedSample
from codelewm_assets.core.tables import arrow_schema, write_table
from codelewm_assets.defs.assemble import STAGE_MODULES, build_defs
from codelewm_assets.defs.checks import evaluate_rules
from codelewm_assets.defs.guards import BLOCKING_CHECKS
from codelewm_assets.defs.inputs import Inputs
from codelewm_assets.defs.resources import ProfileResource, StoreResource
from codelewm_assets.preflight.clearance import COVERED
from codelewm_assets.profiles.profile import load_profile
from codelewm_assets.sandbox.isolation import BASIC_LAYERS
from codelewm_assets.store.store import Artifact, CacheKey, open_store
from codelewm_assets.training.progress import event_line
from codelewm_assets.training.sidecar import weights_path
from codelewm_assets.training.tokenize import collect_texts, token_files, tokenize_fold
from codelewm_assets_tests.factories import World, library_functions, library_variants

TINY = str(Path(__file__).parents[1] / "tiny.yaml")
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


SIDECAR_NAMES = ("execution_pack", "problem_splits", "tokenized_pack", "preflight_report")


def checkpoint_files(made_from: Mapping[str, Artifact], seed: int, **changes: Any) -> dict[str, bytes]:
    """Files of a checkpoint that no training made. Args: made_from: artifacts by id, with each of `SIDECAR_NAMES`."""
    from safetensors.numpy import save

    weights = save({"layer.weight": np.ones((2, 2), dtype=np.float32)})
    tokenizer = made_from["tokenized_pack"].path("fold0_tokenizer.json").read_bytes()
    sidecar = {
        "seed": seed,
        "folds": [0],
        "config": load_profile(TINY).training_config().model_dump(mode="json"),
        **{name: made_from[name].digest for name in SIDECAR_NAMES},
        "tokenizer_sha256": {"0": sha256_bytes(tokenizer)},
        "weights_sha256": {"0": sha256_bytes(weights)},
        "parameter_count": 4,
        "revision": "test",
        "versions": {"torch": "test"},
        "device": "cpu",
    }
    events = event_line({"event": "start", "seed": seed}).encode("utf-8")
    return {weights_path(0): weights, "sidecar.json": pretty_json(sidecar | changes), "progress.jsonl": events}


GREEN_LAYERS = (*BASIC_LAYERS, "seccomp")


class StoredWorld:
    """Puts records and files into the store and tells the instance that they were materialized."""

    def __init__(self, root: Path | str, instance: dg.DagsterInstance, *, work: Path | None = None) -> None:
        """Args: root: path or URL. work: local folder beside object storage."""
        place = StoreResource(root=str(root), work=str(work))
        self.instance, self.store = instance, open_store(root, work=place.work)
        self.resources = {"store": place, "profile": ProfileResource(name=TINY)}
        self.defs = build_defs(resources=self.resources)
        self.latest: dict[str, Artifact] = {}

    def put(
        self,
        kind: str,
        files: Mapping[str, bytes | Path],
        metadata: Mapping[str, Any],
        *,
        partition: str | None = None,
        parents: tuple[str, ...] = (),
    ) -> Artifact:
        """Store an artifact made from the latest `parents` (artifact ids) and report its materialization."""
        cache_key = CacheKey(kind, partition, {name: self.latest[name].digest for name in parents}, {}, "test")
        artifact = self.store.write(cache_key, files, metadata)
        self.report(artifact)
        return artifact

    def report(self, artifact: Artifact) -> None:
        """Tell the instance that this artifact is its asset's latest materialization."""
        kind, _, part = artifact.manifest.artifact_id.partition("[")
        self.latest[artifact.manifest.artifact_id] = artifact
        self.instance.report_runless_asset_event(
            dg.AssetMaterialization(
                kind, partition=part.removesuffix("]") or None, tags={"dagster/data_version": artifact.digest}
            )
        )

    def put_data(self, world: World, *, layers: tuple[str, ...] = GREEN_LAYERS) -> None:
        """Everything from problems to pools."""
        problems = {b: [p for p in world.problems if p.benchmark_id == b] for b in BENCHMARKS}
        completions = {b: [c for c in world.completions if c.benchmark_id == b] for b in BENCHMARKS}
        labelled = {b: [row for row in world.labelled if row.completion.benchmark_id == b] for b in BENCHMARKS}
        none = {"left_out.json": pretty_json([])}
        self.put("benchmark_problems",
                 {f"{b}/problems.parquet": write_table(rows) for b, rows in problems.items()} | none, {})  # fmt: skip
        self.put("sampled_completions", {"sampled.json": pretty_json([])}, {}, parents=("benchmark_problems",))
        self.put("candidate_completions",
                 {f"{b}/completions.parquet": write_table(rows) for b, rows in completions.items()} | self._imports(world), {},
                 parents=("benchmark_problems", "sampled_completions"))  # fmt: skip
        self.put("labelled_completions",
                 {f"{b}/labelled.parquet": write_table(rows) for b, rows in labelled.items()} | none,
                 {"isolation_layers": list(layers)}, parents=("benchmark_problems", "candidate_completions"))  # fmt: skip
        labels = {p.benchmark_id: p.benchmark_label for p in world.problems}
        pack = {"pack.parquet": write_table(world.rows)}
        self.put(
            "execution_pack", pack, {"benchmark_labels": labels}, parents=("benchmark_problems", "labelled_completions")
        )
        self.put("problem_splits", {"splits.parquet": write_table(world.splits)}, {}, parents=("execution_pack",))
        self.put("semantic_decoys", {"decoys.parquet": write_table(world.decoys)}, {}, parents=("execution_pack",))
        self.put("rerank_pools", {"pools.parquet": write_table(world.pools)}, {}, parents=("execution_pack",))
        self.put(
            "library_functions",
            {"functions.parquet": write_table(library_functions())},
            {},
            parents=("benchmark_problems",),
        )
        self.put(
            "library_variants",
            {"variants.parquet": write_table(library_variants())},
            {},
            parents=("library_functions",),
        )
        self.put(
            "control_scores",
            {"controls.parquet": write_table(world.controls, arrow_schema(ControlRow))},
            {},
            parents=(
                "execution_pack",
                "rerank_pools",
                "problem_splits",
                "benchmark_problems",
                "candidate_completions",
                "library_functions",
            ),
        )

    @staticmethod
    def _imports(world: World) -> dict[str, bytes]:
        samples = {
            f"{b}/samples.parquet": write_table(
                [s for s in world.samples if s.benchmark_id == b], arrow_schema(ImportedSample)
            )
            for b in BENCHMARKS
        }
        return samples | {"imports.json": pretty_json([reading.model_dump() for reading in world.readings])}

    def inputs(self) -> Inputs:
        """What checks read."""
        return Inputs(self.instance, self.store, load_profile(TINY))

    def put_preflight(self, **changes: Any) -> None:
        """The preflight report of what is stored, with fields changed."""
        findings = evaluate_rules(self.inputs())
        red = [f.rule for f in findings if not f.passed]
        report = {
            "schema_version": "codelewm.preflight_report.v1",
            "clear": not red,
            "red": red,
            "judged": {name: self.latest[name].digest for name in COVERED},
            "folds": [0],
            "settings": load_profile(TINY).preflight_settings(),
            "register_digest": register_digest(),
            "findings": [f.model_dump(mode="json") for f in findings],
        }
        self.put(
            "preflight_report",
            {"preflight_report.json": pretty_json(report | changes)},
            {},
            parents=COVERED,
        )

    def put_tokens(self, world: World) -> None:
        """Token arrays of fold 0."""
        texts = collect_texts(world.rows, {s.problem_id: s.fold for s in world.splits}, world.prompts)
        tokenizer, arrays = tokenize_fold(texts, load_profile(TINY).training_config(), model_fold=0)
        self.put(
            "tokenized_pack",
            {
                "records.parquet": write_table(texts.records),
                **token_files(0, tokenizer, arrays),
            },
            {},
            parents=("execution_pack", "problem_splits"),
        )

    def put_checkpoint(self, seed: str = "42", **changes: Any) -> None:
        """Weights that no training made, with a sidecar that matches unless changed."""
        files = checkpoint_files(self.latest, int(seed), **changes)
        self.put("checkpoint", files, {}, partition=seed, parents=("tokenized_pack", "execution_pack"))

    def put_json(self, kind: str, name: str, value: Any, *, partition: str | None = None) -> None:
        """One JSON file as an artifact."""
        self.put(kind, {name: pretty_json(value)}, {}, partition=partition)

    def run_checks(self, asset: str, partition: str | None = None, only: str | None = None) -> dict[str, Any]:
        """Materialize a stand-in of the asset, which reports the latest stored artifact, with the product's checks on it.

        Returns: check name → evaluation.
        """
        digest = self.latest[asset if partition is None else f"{asset}[{partition}]"].digest
        own = next(a for module in STAGE_MODULES for a in module.ASSETS if a.key == dg.AssetKey(asset))

        @dg.asset(name=asset, partitions_def=own.partitions_def)
        def stand_in() -> dg.MaterializeResult:
            return dg.MaterializeResult(data_version=dg.DataVersion(digest))

        checks = [
            check
            for module in STAGE_MODULES
            for check in module.CHECKS
            for key in check.check_keys
            if key.asset_key == dg.AssetKey(asset) and only in (None, key.name)
        ]
        result = dg.materialize(
            [stand_in, *checks], instance=self.instance, partition_key=partition, run_config=QUIET,
            raise_on_error=False, resources=self.resources,
        )  # fmt: skip
        return {found.check_name: found for found in result.get_asset_check_evaluations()}

    def run_check(self, asset: str, check: str, partition: str | None = None) -> Any:
        """The evaluation of one check on the latest stored artifact of its asset."""
        return self.run_checks(asset, partition, check)[check]

    def run_all_gating_checks(self, but: tuple[str, ...] = ()) -> None:
        """Evaluate every check that gates training, green or red, but those on some assets."""
        for asset in dict.fromkeys(asset for asset, _ in BLOCKING_CHECKS if asset not in but):
            self.run_checks(asset)
