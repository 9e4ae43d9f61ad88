"""Null test of the whole pipeline: labels shuffled within each problem, then fitted, scored, reported and gated.

    python benchmarks/null_labels.py artifacts/checkpoint/42/DIGEST [--shuffles 20] [--steps 60] [--folds 0 1]

Reads what a stored checkpoint was made from. For each shuffle the verdicts of a problem's completions are dealt anew among
them in pack and pools; on these labels the controls are computed, the critics of all folds fitted on both seeds (with library
variants as they are), and CodeLeWM trained by the training loop itself. The held-out rows are scored, reported and judged as in
the graph, but benchmarks count as published, so that no claim is closed merely because a stand-in is a
stand-in, and without the reports on unseen operators, equivalent edits and programs that models wrote, so claims that
need these cannot open here. Every claim but `is_non_collapsed`, which reads no label, must stay CLOSED.
"""

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save

from codelewm_assets.baselines.control_scores import ControlRow, control_rows
from codelewm_assets.baselines.structure import twin_pool_scores
from codelewm_assets.claims.gates import evaluate_gates
from codelewm_assets.claims.verdicts import ClaimGates
from codelewm_assets.core.ids import BENCHMARKS, SEEDS
from codelewm_assets.core.records import Decoy, LibraryFunction, LibraryVariant, PackRow, PoolMember, Problem
from codelewm_assets.core.tables import R, read_table
from codelewm_assets.dataset.folds import ProblemSplit
from codelewm_assets.evaluation.calibration import calibration_report
from codelewm_assets.evaluation.heldout import HeldoutScores, join_folds, score_fold
from codelewm_assets.evaluation.probe import latent_probe_report
from codelewm_assets.evaluation.reports import CollapseReport, IntegrityEvidence, ScorerEvidence, SeedEvidence
from codelewm_assets.evaluation.rerank import rerank_report
from codelewm_assets.evaluation.retrieval import retrieval_report
from codelewm_assets.evaluation.score_rows import record_rows
from codelewm_assets.evaluation.score_table import ScoreTable
from codelewm_assets.evaluation.scorer_rows import ScorerScores
from codelewm_assets.evaluation.surprise import surprise_report
from codelewm_assets.scorers import fitting
from codelewm_assets.store.cache_key import CacheKey
from codelewm_assets.store.store import Artifact, ArtifactStore
from codelewm_assets.training.data import FoldData, load_fold
from codelewm_assets.training.inspect import collapse_diagnostics
from codelewm_assets.training.latents import Scorer
from codelewm_assets.training.loop import train_fold
from codelewm_assets.training.sidecar import read_sidecar, weights_path

RESAMPLES = 500


class Stored:
    """Artifacts that a stored checkpoint was made from."""

    def __init__(self, path: Path) -> None:
        self.store = ArtifactStore(path.parents[2])
        self.checkpoint = self.store.load("checkpoint", path.name, partition=path.parent.name)
        self.sidecar = read_sidecar(self.checkpoint)
        self._artifacts = {a.manifest.artifact_id: a for a in self.store.lineage(self.checkpoint).values()}
        self.tokens = self._artifacts["tokenized_pack"]
        self.pack = self._table("execution_pack", "pack.parquet", PackRow)
        self.pools = self._table("rerank_pools", "pools.parquet", PoolMember)
        self.splits = self._table("problem_splits", "splits.parquet", ProblemSplit)
        self.decoys = self._table("semantic_decoys", "decoys.parquet", Decoy)
        problems = [
            row for b in BENCHMARKS for row in self._table("benchmark_problems", f"{b}/problems.parquet", Problem)
        ]
        self.prompts = {problem.problem_id: problem.prompt for problem in problems}
        functions = self._table("library_functions", "functions.parquet", LibraryFunction)
        self.library = [function.code for function in functions]
        self.variants = fitting.library_examples(
            functions, self._table("library_variants", "variants.parquet", LibraryVariant)
        )
        self.orders = twin_pool_scores(self.pools, self.pack)  # reads no label

    def _table(self, kind: str, name: str, model: type[R]) -> list[R]:
        return list(read_table(self._artifacts[kind].path(name), model))


@dataclass(frozen=True, slots=True)
class Shuffled:
    """The data of one shuffle. Attributes: dealt: completion id → its new verdict."""

    dealt: Mapping[str, bool]
    pack: Mapping[str, PackRow]
    controls: Sequence[ControlRow]


def shuffled(stored: Stored, seed: int) -> Shuffled:
    """Pack and controls with the verdicts of a problem's completions dealt anew among them; references keep theirs."""
    generator = np.random.default_rng([seed, 20])
    verdicts: dict[str, dict[str, bool]] = defaultdict(dict)
    for row in stored.pack:
        if row.completion_kind != "reference":
            verdicts[row.source_problem_id][row.source_submission_id] = row.completion_passed
    dealt: dict[str, bool] = {}
    for _, own in sorted(verdicts.items()):
        names = sorted(own)
        dealt |= dict(zip(names, generator.permutation([own[name] for name in names]).tolist(), strict=True))

    def relabelled(row: PackRow) -> PackRow:
        passed = dealt.get(row.source_submission_id)
        return row if passed is None else row.model_copy(update={"completion_passed": passed, "passed": passed})

    pack = [relabelled(row) for row in stored.pack]
    pools = [m.model_copy(update={"passed": dealt.get(m.completion_id, m.passed)}) for m in stored.pools]
    controls = control_rows(pack, pools, stored.splits, stored.prompts, {}, stored.library, stored.orders)
    return Shuffled(dealt, {row.record_id: row for row in pack}, controls)


def scores_of(
    stored: Stored, data: Shuffled, name: str, seed: int, folds: Sequence[int], steps: int, scratch: Path
) -> HeldoutScores:
    """CodeLeWM, trained on each fold's shuffled labels; its scores of the held-out part."""
    config = stored.sidecar.config.model_copy(update={"steps": steps, "folds": tuple(folds), "log_every": steps})
    sidecar = stored.sidecar.model_copy(update={"config": config, "seed": seed})
    parts = []
    for fold in folds:
        true = load_fold(stored.tokens, fold)
        records = tuple(
            r.model_copy(update={"completion_passed": data.dealt[r.completion_id], "passed": data.dealt[r.completion_id]})
            if r.completion_id in data.dealt else r
            for r in true.records
        )  # fmt: skip
        own = FoldData(true.arrays, records, fold)
        model = train_fold(own, config, seed=seed, emit=lambda event: None)
        weights = bytes(save({name: tensor.contiguous() for name, tensor in model.state_dict().items()}))
        checkpoint = _kept(scratch, fold, weights, f"{name}/{seed}")
        parts.append(score_fold(Scorer(checkpoint, sidecar, own), own, data.pack, data.controls))
    return join_folds(parts)


def critic_evidence(stored: Stored, data: Shuffled, seed: int, benchmarks: Sequence[str]) -> ScorerEvidence:
    """Reports of the critics of all folds, fitted on the shuffled labels."""
    folds, names = fitting.pack_examples(data.pack.values(), stored.splits, stored.prompts, benchmarks)
    features = fitting.library_features(tuple(stored.library))
    fitted = fitting.fit_critics(features, folds, names, stored.variants, seed=seed, with_unseen=False)
    scorer = ScorerScores("critic", {row.completion_id: row.critic for row in fitted.scores})
    pooled, alone = scorer.rows(data.controls, needs_score=True)
    return ScorerEvidence(
        calibration=calibration_report(ScoreTable.of(alone), seed=seed, subject="critic"),
        rerank=rerank_report(ScoreTable.of(pooled), subject="critic", seed=seed, resamples=RESAMPLES),
    )


def _kept(scratch: Path, fold: int, weights: bytes, name: str) -> Artifact:
    cache_key = CacheKey("checkpoint", None, {}, {"name": name, "fold": fold}, "null")
    return ArtifactStore(scratch).write(cache_key, {weights_path(fold): weights}, {})


def evidence_of(
    scores: HeldoutScores, stored: Stored, data: Shuffled, critic: ScorerEvidence, seed: int
) -> SeedEvidence:
    """Every report of one seed."""
    pools, completions = ScoreTable.of(scores.members), ScoreTable.of(scores.completions)
    found = collapse_diagnostics(scores.latents["z_pred"])
    return SeedEvidence(
        scorers={"critic": critic},
        collapse=CollapseReport(seed=seed, tensor_count=1, parameter_count=1, **found.model_dump()),
        calibration=calibration_report(completions, seed=seed),
        record_calibration=calibration_report(ScoreTable.of(record_rows(scores.records)), seed=seed, level="record"),
        rerank=rerank_report(pools, seed=seed, resamples=RESAMPLES),
        retrieval=retrieval_report(scores.records, scores.latents, data.pack, seed=seed, resamples=RESAMPLES),
        surprise=surprise_report(scores.records, scores.latents, stored.decoys, seed=seed, resamples=RESAMPLES),
        probe=latent_probe_report(
            scores.records, scores.latents, scores.fit_records, scores.fit_latents, data.pack, seed=seed,
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
    parser.add_argument("--critic", nargs="+", default=list(BENCHMARKS), help="benchmarks that the critic is fitted on")
    parser.add_argument("--threads", type=int, default=2, help="1 on a machine that does other things besides")
    options = parser.parse_args()
    stored, opened = Stored(options.checkpoint), 0
    torch.set_num_threads(options.threads)
    for shuffle in range(options.first, options.first + options.shuffles):
        started, data = time.monotonic(), shuffled(stored, shuffle)
        with tempfile.TemporaryDirectory() as scratch:
            evidence = {
                seed: evidence_of(
                    scores_of(stored, data, str(shuffle), seed, options.folds, options.steps, Path(scratch)),
                    stored, data, critic_evidence(stored, data, seed, options.critic), seed,
                )
                for seed in SEEDS
            }  # fmt: skip
        gates = verdict(evidence)
        claims = sorted(claim.claim_id for claim in gates.claims if claim.status == "OPEN")
        opened += bool(set(claims) - {"is_non_collapsed"})
        states = " ".join(f"{gate.gate}={gate.state}" for gate in gates.gates)
        print(f"{shuffle}: open {claims}; {states}; {time.monotonic() - started:.0f} s", flush=True)
    print(f"{options.shuffles} shuffles, {opened} opened a claim about labels or outputs")  # a line for docs/log.md


if __name__ == "__main__":
    main()
