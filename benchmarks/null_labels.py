"""Null test of the whole pipeline: labels shuffled within each problem, then trained, scored, reported and gated.

    python benchmarks/null_labels.py artifacts/checkpoint/42/DIGEST [--shuffles 20] [--steps 60] [--folds 0 1]

Reads pack, folds, pools, decoys, prompts and tokens of a stored checkpoint. For each shuffle a problem's completions are
dealt its verdicts anew; both seeds are trained on these labels by the training loop itself, and the held-out rows of each fold
scored, reported and judged as in the graph, with one difference: benchmarks count as published, so that no claim is closed merely
because a stand-in is a stand-in. Every claim but `is_non_collapsed`, which reads no label, must stay CLOSED.
"""

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save

from codelewm_assets.baselines.control_scores import ControlRow
from codelewm_assets.claims.gates import evaluate_gates
from codelewm_assets.claims.verdicts import ClaimGates
from codelewm_assets.core.ids import BENCHMARKS, SEEDS
from codelewm_assets.core.records import Decoy, PackRow
from codelewm_assets.core.tables import read_table
from codelewm_assets.evaluation.calibration import calibration_report
from codelewm_assets.evaluation.heldout import HeldoutScores, join_folds, score_fold
from codelewm_assets.evaluation.probe import latent_probe_report
from codelewm_assets.evaluation.reports import CollapseReport, IntegrityEvidence, SeedEvidence
from codelewm_assets.evaluation.rerank import rerank_report
from codelewm_assets.evaluation.retrieval import retrieval_report
from codelewm_assets.evaluation.score_rows import record_rows
from codelewm_assets.evaluation.score_table import ScoreTable
from codelewm_assets.evaluation.surprise import surprise_report
from codelewm_assets.store.store import Artifact, ArtifactStore, CacheKey
from codelewm_assets.training.data import FoldData, load_fold
from codelewm_assets.training.inspect import collapse_diagnostics
from codelewm_assets.training.latents import Scorer
from codelewm_assets.training.loop import train_fold
from codelewm_assets.training.sidecar import read_sidecar, weights_path
from codelewm_assets.training.tokenize import TokenRecord

RESAMPLES = 500


class Stored:
    """What a stored checkpoint was made from."""

    def __init__(self, path: Path) -> None:
        self.store = ArtifactStore(path.parents[2])
        self.checkpoint = self.store.load("checkpoint", path.name, partition=path.parent.name)
        self.sidecar = read_sidecar(self.checkpoint)
        found = {a.manifest.artifact_id: a for a in self.store.lineage(self.checkpoint).values()}
        self.tokens = found["tokenized_pack"]
        self.rows = {r.record_id: r for r in read_table(found["execution_pack"].path("pack.parquet"), PackRow)}
        self.controls = list(read_table(found["control_scores"].path("controls.parquet"), ControlRow))
        self.decoys = list(read_table(found["semantic_decoys"].path("decoys.parquet"), Decoy))


def shuffled(records: Sequence[TokenRecord], seed: int) -> tuple[TokenRecord, ...]:
    """Records with the verdicts of a problem's completions dealt anew among them."""
    generator = np.random.default_rng([seed, 20])
    verdicts: dict[str, dict[str, bool]] = defaultdict(dict)
    for record in sorted(records, key=lambda r: r.record_id):
        if record.is_train_usable:
            verdicts[record.problem_id][record.completion_id] = record.completion_passed
    dealt: dict[str, bool] = {}
    for problem in sorted(verdicts):
        names, values = list(verdicts[problem]), generator.permutation(list(verdicts[problem].values()))
        dealt |= dict(zip(names, values.tolist(), strict=True))
    return tuple(
        r.model_copy(update={"completion_passed": dealt.get(r.completion_id, r.completion_passed),
                             "passed": dealt.get(r.completion_id, r.passed)})
        for r in records
    )  # fmt: skip


def scores_of(
    stored: Stored, shuffle: int, seed: int, folds: Sequence[int], steps: int, scratch: Path
) -> HeldoutScores:
    """Train each fold on shuffled labels and score its held-out part."""
    config = stored.sidecar.config.model_copy(update={"steps": steps, "folds": tuple(folds), "log_every": steps})
    sidecar = stored.sidecar.model_copy(update={"config": config, "seed": seed})
    parts = []
    for fold in folds:
        data = load_fold(stored.tokens, fold)
        data = FoldData(data.arrays, shuffled(data.records, shuffle), fold)
        model = train_fold(data, config, seed=seed, emit=lambda event: None)
        weights = bytes(save({name: tensor.contiguous() for name, tensor in model.state_dict().items()}))
        checkpoint = _kept(scratch, fold, weights, f"{shuffle}/{seed}")
        parts.append(score_fold(Scorer(checkpoint, sidecar, data), data, stored.rows, stored.controls))
    return join_folds(parts)


def _kept(scratch: Path, fold: int, weights: bytes, name: str) -> Artifact:
    cache_key = CacheKey("checkpoint", None, {}, {"name": name, "fold": fold}, "null")
    return ArtifactStore(scratch).write(cache_key, {weights_path(fold): weights}, {})


def evidence_of(scores: HeldoutScores, stored: Stored, seed: int) -> SeedEvidence:
    """Every report of one seed."""
    pools, completions = ScoreTable.of(scores.members), ScoreTable.of(scores.completions)
    found = collapse_diagnostics(scores.latents["z_pred"])
    return SeedEvidence(
        collapse=CollapseReport(seed=seed, tensor_count=1, parameter_count=1, **found.model_dump()),
        calibration=calibration_report(completions, seed=seed),
        record_calibration=calibration_report(ScoreTable.of(record_rows(scores.records)), seed=seed, level="record"),
        rerank=rerank_report(pools, seed=seed, resamples=RESAMPLES),
        retrieval=retrieval_report(scores.records, scores.latents, stored.rows, seed=seed, resamples=RESAMPLES),
        surprise=surprise_report(scores.records, scores.latents, stored.decoys, seed=seed, resamples=RESAMPLES),
        probe=latent_probe_report(
            scores.records, scores.latents, scores.fit_records, scores.fit_latents, stored.rows, seed=seed,
            resamples=RESAMPLES,
        ),
    )  # fmt: skip


def verdict(evidence: Mapping[int, SeedEvidence]) -> ClaimGates:
    """Gates and claims as if artifacts were verified and both benchmarks published."""
    clean = IntegrityEvidence(
        manifests_verified=1, manifest_mismatches=[], secret_findings=[], scored_problems_trained_on=[]
    )
    return evaluate_gates(evidence, clean, profile="null", benchmark_labels={b: b for b in BENCHMARKS})


def main() -> None:
    """Print a line per shuffle and the count of those in which a claim about labels opened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--shuffles", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="number of the first shuffle")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--folds", type=int, nargs="+", default=[0])
    parser.add_argument("--threads", type=int, default=2, help="1 on a machine that does other things besides")
    options = parser.parse_args()
    stored, opened = Stored(options.checkpoint), 0
    torch.set_num_threads(options.threads)
    for shuffle in range(options.first, options.first + options.shuffles):
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as scratch:
            evidence = {
                seed: evidence_of(
                    scores_of(stored, shuffle, seed, options.folds, options.steps, Path(scratch)), stored, seed
                )
                for seed in SEEDS
            }
        gates = verdict(evidence)
        claims = sorted(claim.claim_id for claim in gates.claims if claim.status == "OPEN")
        opened += bool(set(claims) - {"is_non_collapsed"})
        states = " ".join(f"{gate.gate}={gate.state}" for gate in gates.gates)
        print(f"{shuffle}: open {claims}; {states}; {time.monotonic() - started:.0f} s", flush=True)
    print(f"{options.shuffles} shuffles, {opened} opened a claim about labels or outputs")  # a line for docs/log.md


if __name__ == "__main__":
    main()
