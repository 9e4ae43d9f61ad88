"""Token arrays, a store and checkpoints made from the small world, for the tests of training and scoring."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from codelewm_assets.core.digests import pretty_json, sha256_bytes
from codelewm_assets.core.package import register_digest
from codelewm_assets.core.tables import write_table
from codelewm_assets.preflight.clearance import REQUIRED_RULES
from codelewm_assets.profiles.profile import load_profile
from codelewm_assets.store.store import Artifact, ArtifactStore, CacheKey
from codelewm_assets.training.config import TrainingConfig
from codelewm_assets.training.sidecar import weights_path
from codelewm_assets.training.tokenize import (
    RECORDS,
    VARIANTS,
    Texts,
    Variant,
    collect_texts,
    token_files,
    tokenize_fold,
)
from codelewm_assets_tests.factories import World

CONFIG: TrainingConfig = load_profile(str(Path(__file__).parents[1] / "tiny.yaml")).training_config()
CHAIN = ("execution_pack", "problem_splits", "rerank_pools", "semantic_decoys")


def world_texts(world: World, variants: Sequence[Variant] = ()) -> Texts:
    """The texts and token records of a world."""
    return collect_texts(world.rows, {s.problem_id: s.fold for s in world.splits}, world.prompts, variants)


def put(
    store: ArtifactStore,
    kind: str,
    files: Mapping[str, bytes | Path],
    parents: Mapping[str, str] | None = None,
    partition: str | None = None,
) -> Artifact:
    """Store files under a kind with the parents' digests."""
    return store.write(CacheKey(kind, partition, parents or {}, {}, "test"), files, {})


def put_tokens(
    store: ArtifactStore, world: World, parents: Mapping[str, str], variants: Sequence[Variant] = ()
) -> Artifact:
    """A `tokenized_pack` of fold 0."""
    texts = world_texts(world, variants)
    tokenizer, arrays = tokenize_fold(texts, CONFIG, model_fold=0)
    files: dict[str, bytes | Path] = {
        RECORDS: write_table(texts.records),
        **({VARIANTS: write_table(texts.variants)} if texts.variants else {}),
        **token_files(0, tokenizer, arrays),
    }
    return put(store, "tokenized_pack", files, parents)


def put_chain(store: ArtifactStore, world: World) -> dict[str, str]:
    """A consistent chain from pack to clear preflight report. Returns: artifact id → digest, as the worker reads them."""
    digests = {"execution_pack": put(store, "execution_pack", {"pack.parquet": write_table(world.rows)}).digest}
    tables = {"problem_splits": world.splits, "rerank_pools": world.pools, "semantic_decoys": world.decoys}
    for kind, rows in tables.items():
        files = {f"{kind}.parquet": write_table(rows)}
        digests[kind] = put(store, kind, files, {"execution_pack": digests["execution_pack"]}).digest
    own = {name: digests[name] for name in ("execution_pack", "problem_splits")}
    digests["tokenized_pack"] = put_tokens(store, world, own).digest
    digests["preflight_report"] = put_report(store, digests).digest
    return digests


def put_report(store: ArtifactStore, digests: Mapping[str, str], **changes: Any) -> Artifact:
    """A preflight report that cleared these artifacts, with fields changed."""
    report = {
        "clear": True,
        "red": [],
        "judged": {name: digests[name] for name in CHAIN},
        "findings": [{"rule": rule, "passed": True} for rule in REQUIRED_RULES],
        "folds": [0],
        "register_digest": register_digest(),
    }
    return put(store, "preflight_report", {"preflight_report.json": pretty_json(report | changes)})


def put_checkpoint(store: ArtifactStore, tokens: Artifact, weights: bytes, **changes: Any) -> Artifact:
    """A checkpoint of fold 0 with these weights, whose sidecar matches them and the tokens unless changed."""
    tokenizer = tokens.path("fold0_tokenizer.json").read_bytes()
    sidecar = {
        "seed": 42,
        "folds": [0],
        "config": CONFIG.model_dump(mode="json"),
        **{name: tokens.manifest.parent_artifacts[name] for name in ("execution_pack", "problem_splits")},
        "tokenized_pack": tokens.digest,
        "preflight_report": "0" * 64,
        "tokenizer_sha256": {"0": sha256_bytes(tokenizer)},
        "weights_sha256": {"0": sha256_bytes(weights)},
        "parameter_count": 1,
        "revision": "test",
        "versions": {"torch": "test"},
        "device": "cpu",
    }
    files = {weights_path(0): weights, "sidecar.json": pretty_json(sidecar | changes)}
    return put(store, "checkpoint", files, {"tokenized_pack": tokens.digest}, "42")
