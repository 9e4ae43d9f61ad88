"""Dependence of labels on the run and on the load: every completion of both benchmarks labelled again and again.

    python benchmarks/label_repeats.py

Three times at rest, then once with twice as many workers as cores and a busy loop on each core. Counts the completions whose
outcome, and whose verdict, is not the same in all runs. Wants CODELEWM_HUMANEVAL_PLUS_FILE and CODELEWM_MBPP_PLUS_FILE.
Rewrites its section of docs/performance.md.
"""

import argparse
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sections import rewrite

from codelewm_assets.benchmarks.problem import load_benchmark
from codelewm_assets.completions.candidates import make_completions
from codelewm_assets.completions.label import LabelShard, by_problem, label_problem
from codelewm_assets.core.records import Completion, Problem
from codelewm_assets.sandbox.limits import Limits
from codelewm_assets.sandbox.outcome import Program
from codelewm_assets.sandbox.pool import SandboxPool

FLOOR_S, REPEATS = 0.1, 3
Labels = dict[str, tuple[str, tuple[str, ...]]]


def read_world(inputs: int, every: int) -> tuple[dict[str, Problem], list[Completion]]:
    """Problems of both benchmarks, and their completions with the numbers of the profile `full`; each `every`-th problem."""
    problems = list[Problem]()
    with SandboxPool(1) as pool:

        def run(code: str, entry_point: str, texts: tuple[str, ...]) -> list[str | None]:
            limits = Limits(input_cpu_s=20, cpu_s=60, wall_s=90)
            return [call.output for call in pool.run(Program(code, entry_point, texts), limits).inputs]

        for benchmark in ("humaneval", "mbpp_plus"):
            read = load_benchmark(
                benchmark, source="evalplus", max_inputs=inputs, run=run, environment=os.environ, cache=Path(".")
            )
            problems += read.problems[::every]
    return {p.problem_id: p for p in problems}, make_completions(problems, bugs=2, pairs_per_bug=6, seed=0)


def label_all(problems: dict[str, Problem], completions: list[Completion], workers: int) -> tuple[Labels, float]:
    """(outcome, outcome of each input) by completion, and seconds."""
    started, found = time.monotonic(), Labels()
    with SandboxPool(workers) as pool:

        def label(group: tuple[str, list[Completion]]) -> LabelShard:
            return label_problem(problems[group[0]], group[1], pool, cpu_floor_s=FLOOR_S)

        for shard in pool.imap(label, by_problem(completions)):
            for row in shard.labelled:
                found[row.completion.completion_id] = row.outcome, tuple(call.outcome for call in row.inputs)
    return found, time.monotonic() - started


def _spin() -> None:
    while True:
        pass


@contextmanager
def busy(count: int) -> Iterator[None]:
    """`count` processes that do nothing but use a core."""
    processes = [multiprocessing.Process(target=_spin, daemon=True) for _ in range(count)]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.kill()


def main() -> None:
    """Measure and rewrite the section."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=12)
    parser.add_argument("--every", type=int, default=1, help="take each n-th problem only")
    options = parser.parse_args()
    cores = os.cpu_count() or 1
    problems, completions = read_world(options.inputs, options.every)
    runs = [label_all(problems, completions, cores) for _ in range(REPEATS)]
    with busy(cores):
        runs.append(label_all(problems, completions, 2 * cores))
    first = runs[0][0]
    names = [f"run {number + 1}" for number in range(REPEATS)] + [f"{2 * cores} workers and {cores} busy loops"]
    lines = [
        "## Labels again and again",
        "",
        f"All {len(first)} completions of {len(problems)} problems on up to {options.inputs} inputs each, two runs under "
        f"different hash seeds each time, {cores} cores. Reproduce: `python benchmarks/label_repeats.py`.",
        "",
        "| | seconds | completions/s | verdicts unlike run 1 | outcomes of a completion unlike run 1 | of an input |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, (labels, seconds) in zip(names, runs, strict=True):
        verdicts = sum((labels[i][0] == "pass") != (first[i][0] == "pass") for i in first)
        outcomes = sum(labels[i][0] != first[i][0] for i in first)
        calls = sum(a != b for i in first for a, b in zip(labels[i][1], first[i][1], strict=True))
        lines.append(f"| {name} | {seconds:.0f} | {len(labels) / seconds:.0f} | {verdicts} | {outcomes} | {calls} |")
        for i in first:
            if labels[i] != first[i]:
                print(name, i, first[i], labels[i])
    counts = Counter(outcome for outcome, _ in first.values())
    lines += ["", "Run 1: " + ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common()) + "."]
    rewrite("label_repeats", lines)


if __name__ == "__main__":
    main()
