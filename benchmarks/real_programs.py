"""Published programs of many models through `label`'s work and through EvalPlus' own check, in one run.

    python benchmarks/real_programs.py FOLDER --suite base
    python benchmarks/real_programs.py FOLDER --throughput

FOLDER holds JSON lines with `task_id`, `benchmark` and `completion`, a whole program; rows with `in_evalplus` false are left
out, and so are repeats of a program. Wants CODELEWM_HUMANEVAL_PLUS_FILE, CODELEWM_MBPP_PLUS_FILE and EvalPlus
(benchmarks/README.md). The first command compares verdicts: blocks of programs go through both in turn, ours with two runs of
each and every layer of isolation, EvalPlus' by `untrusted_check` as `evalplus.evaluate` calls it. The second times the two
command lines, `codelewm-assets label` and `evalplus.evaluate`, on the same files, in turn, each with its references' outputs
kept from a run before. Each rewrites its section of docs/performance.md.
"""

import argparse
import gzip
import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sections import rewrite

from codelewm_assets.completions.label_file import RowLabeller, problems_of_source
from codelewm_assets.completions.label_rows import SampleRow
from codelewm_assets.completions.reference_outputs import ReferenceCache
from codelewm_assets.core.ids import BENCHMARKS, BenchmarkId, benchmark_of
from codelewm_assets.core.records import Problem
from codelewm_assets.sandbox.pool import SandboxPool

WORKERS, BLOCK = 2, 100
SHOWN = 40
PER_PROBLEM: dict[BenchmarkId, int] = {"humaneval": 2, "mbpp_plus": 1}
PEER_NAME = {"humaneval": "humaneval", "mbpp_plus": "mbpp"}


@dataclass(frozen=True, slots=True)
class Sample:
    """One program, and the models that wrote it."""

    benchmark_id: BenchmarkId
    problem_id: str
    code: str
    models: int


def read_samples(folder: Path) -> list[Sample]:
    """Distinct programs of all files, by problem."""
    counts = Counter[tuple[BenchmarkId, str, str]]()
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            for row in map(json.loads, stream):
                if row["in_evalplus"]:
                    counts[(benchmark_of(row["benchmark"]), row["task_id"], row["completion"])] += 1
    return [Sample(*key, models) for key, models in sorted(counts.items())]


class EvalPlus:
    """EvalPlus 0.3.1's own problems, expected outputs and check."""

    def __init__(self, suite: str) -> None:
        os.environ["HUMANEVAL_OVERRIDE_PATH"] = os.environ["CODELEWM_HUMANEVAL_PLUS_FILE"]
        os.environ["MBPP_OVERRIDE_PATH"] = os.environ["CODELEWM_MBPP_PLUS_FILE"]
        from evalplus.data import get_human_eval_plus, get_mbpp_plus  # they read these two when imported

        self._tasks = {**get_human_eval_plus(), **get_mbpp_plus()}
        self._suite = suite
        self._truths: dict[str, tuple[list[Any], list[Any], list[float]]] = {}

    def prepare(self, problem_ids: set[str]) -> None:
        """Expected outputs of these problems, each computed in a process of its own as EvalPlus does once."""
        tasks = [(self._tasks[name], self._suite) for name in sorted(problem_ids)]
        with multiprocessing.get_context("fork").Pool(WORKERS, maxtasksperchild=1) as pool:
            for task_id, truth in pool.imap(_truth, tasks, chunksize=1):
                self._truths[task_id] = truth

    def check(self, samples: Sequence[Sample]) -> list[str]:
        """`pass`, `fail` or `timeout` of each."""
        jobs = [
            (s.benchmark_id, s.code, self._tasks[s.problem_id]["entry_point"], self._tasks[s.problem_id]["atol"],
             self._truths[s.problem_id])
            for s in samples
        ]  # fmt: skip
        with ProcessPoolExecutor(WORKERS) as pool:
            return list(pool.map(_check, jobs))


def _truth(given: tuple[dict[str, Any], str]) -> tuple[str, tuple[list[Any], list[Any], list[float]]]:
    from evalplus.gen.util import trusted_exec

    task, suite = given
    sys.set_int_max_str_digits(0)
    plus = task["plus_input"] if suite == "plus" and isinstance(task["plus_input"], list) else []
    inputs = [*task["base_input"], *plus]
    code = task["prompt"] + task["canonical_solution"]
    not_none = task["entry_point"] in ("check_str", "text_match_three", "text_starta_endb")
    expected, times = trusted_exec(code, inputs, task["entry_point"], record_time=True, output_not_none=not_none)
    return task["task_id"], (inputs, expected, times)


def _check(given: tuple[str, str, str, float, tuple[list[Any], list[Any], list[float]]]) -> str:
    from evalplus.eval import untrusted_check

    benchmark_id, code, entry_point, atol, (inputs, expected, times) = given
    verdict, _ = untrusted_check(
        "humaneval" if benchmark_id == "humaneval" else "mbpp", code, inputs, entry_point, expected=expected, atol=atol,
        ref_time=times, fast_check=True,
    )  # fmt: skip
    return str(verdict)


def _row(sample: Sample, problem: Problem, number: int) -> SampleRow:
    return SampleRow(
        completion_id=str(number), problem_id=sample.problem_id, benchmark_id=sample.benchmark_id, code=sample.code,
        entry_point=problem.entry_point, inputs=problem.inputs, atol=problem.atol, reference=problem.reference,
    )  # fmt: skip


def blocks(count: int) -> Iterator[slice]:
    """Slices of BLOCK."""
    return (slice(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK))


def throughput(samples: Sequence[Sample], folder: Path, times: int) -> None:
    """Time both command lines and rewrite the section."""
    lines = [
        "## Real programs, throughput", "",
        f"`codelewm-assets label` (two runs of each program, every layer of isolation) and `evalplus.evaluate` on the same files, "
        f"{WORKERS} workers each, in turn, {times} times; whole commands, the shortest. A file has the same number of programs, "
        "drawn with a fixed seed, for each problem. Outputs of the references are kept by both from a run before.",
        "Reproduce: `python benchmarks/real_programs.py FOLDER --throughput`.", "",
        "| benchmark | inputs | programs | ours, s | EvalPlus 0.3.1, s | ratio |", "|---|---|---:|---:|---:|---:|",
    ]  # fmt: skip
    for benchmark in BENCHMARKS:
        by_problem: dict[str, list[Sample]] = {}
        for sample in samples:
            if sample.benchmark_id == benchmark:
                by_problem.setdefault(sample.problem_id, []).append(sample)
        draw = random.Random(5)
        drawn = [
            s for _, of in sorted(by_problem.items()) for s in draw.sample(of, min(len(of), PER_PROBLEM[benchmark]))
        ]
        file = folder / f"{benchmark}.jsonl"
        file.write_text("".join(json.dumps({"task_id": s.problem_id, "solution": s.code}) + "\n" for s in drawn))
        for suite in ("base", "plus"):
            theirs = [sys.executable, "-m", "evalplus.evaluate", PEER_NAME[benchmark], "--samples", str(file), "--parallel",
                      str(WORKERS), *(["--base-only"] if suite == "base" else [])]  # fmt: skip
            ours = [str(Path(sys.executable).with_name("codelewm-assets")), "label", str(file), "--output",
                    str(folder / "labels.jsonl"), "--suite", suite, "--workers", str(WORKERS)]  # fmt: skip
            seconds: dict[bool, list[float]] = {True: [], False: []}
            for _ in range(times):
                for is_ours, command in ((True, ours), (False, theirs)):
                    (folder / f"{benchmark}_eval_results.json").unlink(missing_ok=True)
                    started = time.monotonic()
                    subprocess.run(command, cwd=None if is_ours else folder, check=True, capture_output=True)
                    seconds[is_ours].append(time.monotonic() - started)
            a, b = min(seconds[True]), min(seconds[False])
            lines.append(f"| {benchmark} | {suite} | {len(drawn)} | {a:.1f} | {b:.1f} | {b / a:.1f} |")
            print(lines[-1], flush=True)
    rewrite("real_programs_throughput", lines)


def main() -> None:
    """Measure and rewrite the section."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--suite", choices=("base", "plus"), default="base")
    parser.add_argument("--rows", type=int, help="programs drawn with a fixed seed (default: all)")
    parser.add_argument(
        "--seconds", type=float, default=float("inf"), help="stop before a block that starts after this"
    )
    parser.add_argument("--disagreements", type=Path, help="write every row on which the two differ, with its code")
    parser.add_argument("--throughput", action="store_true", help="time the two command lines instead")
    parser.add_argument("--times", type=int, default=2, help="runs of each command line (default: 2)")
    options = parser.parse_args()
    samples = read_samples(options.folder)
    if options.throughput:
        os.environ["HUMANEVAL_OVERRIDE_PATH"] = os.environ["CODELEWM_HUMANEVAL_PLUS_FILE"]
        os.environ["MBPP_OVERRIDE_PATH"] = os.environ["CODELEWM_MBPP_PLUS_FILE"]
        with tempfile.TemporaryDirectory(prefix="real-programs-") as folder:
            throughput(samples, Path(folder), options.times)
        return
    total = len(samples)
    if options.rows is not None:
        drawn = random.Random(0).sample(range(total), min(options.rows, total))
        samples = [samples[index] for index in sorted(drawn)]
    random.Random(1).shuffle(samples)
    began = time.monotonic()
    peer = EvalPlus(options.suite)
    with SandboxPool(WORKERS) as pool:
        problems = {
            name: problem
            for benchmark in BENCHMARKS
            for name, problem in problems_of_source(benchmark, options.suite, pool, os.environ, Path(".")).items()
        }
        label = RowLabeller(pool, ReferenceCache(Path("work/downloads/references")))
        names = {sample.problem_id for sample in samples}
        started = time.monotonic()
        peer.prepare(names)
        truth_s, started = time.monotonic() - started, time.monotonic()
        for name in sorted(names):  # our references' outputs, once a problem like EvalPlus'
            problem = problems[name]
            label(_row(Sample(problem.benchmark_id, name, problem.reference, 1), problem, 0))
        reference_s = time.monotonic() - started
        ours, theirs, ours_s, theirs_s = list[dict[str, Any]](), list[str](), 0.0, 0.0
        for number, part in enumerate(blocks(len(samples))):
            if time.monotonic() - began > options.seconds:
                break
            for turn in ("ours", "theirs") if number % 2 else ("theirs", "ours"):
                started = time.monotonic()
                if turn == "ours":
                    rows = [_row(s, problems[s.problem_id], part.start + n) for n, s in enumerate(samples[part])]
                    ours += pool.imap(label, rows)
                    ours_s += time.monotonic() - started
                else:
                    theirs += peer.check(samples[part])
                    theirs_s += time.monotonic() - started
            print(f"{len(ours)} rows: ours {ours_s:.0f} s, EvalPlus {theirs_s:.0f} s", flush=True)
        layers = pool.isolation.layers
    samples = samples[: len(ours)]
    unlike = [
        (sample, row, verdict)
        for sample, row, verdict in zip(samples, ours, theirs, strict=True)
        if row["passed"] != (verdict == "pass")
    ]
    if options.disagreements:
        options.disagreements.write_text(
            "".join(
                json.dumps({"problem_id": s.problem_id, "ours": r["outcome"], "evalplus": v, "code": s.code,
                            "inputs": Counter(call["outcome"] for call in r["inputs"])}) + "\n"
                for s, r, v in unlike
            )
        )  # fmt: skip
    kinds = Counter((s.problem_id, row["outcome"], verdict) for s, row, verdict in unlike)
    lines = [
        f"## Real programs, {options.suite} inputs",
        "",
        f"{len(samples)} of {total} distinct published programs that are in EvalPlus ({sum(s.models for s in samples)} rows, "
        f"{len(names)} problems), each through `label`'s work (two runs, layers {', '.join(layers)}) and through EvalPlus "
        f"0.3.1's `untrusted_check`, {WORKERS} workers each, in turn in blocks of {BLOCK}.",
        f"Reproduce: `python benchmarks/real_programs.py FOLDER --suite {options.suite}"
        + (f" --rows {options.rows}" if options.rows else "")
        + "`.",
        "",
        "| | seconds | programs/s | ratio |",
        "|---|---:|---:|---:|",
        f"| ours | {ours_s:.1f} | {len(samples) / ours_s:.0f} | 1 |",
        f"| EvalPlus 0.3.1 | {theirs_s:.1f} | {len(samples) / theirs_s:.0f} | {theirs_s / ours_s:.1f} |",
        "",
        f"Once a problem, before: expected outputs of EvalPlus {truth_s:.0f} s, ours with a label of each reference "
        f"{reference_s:.0f} s. The two agree on {len(samples) - len(unlike)} of {len(samples)}. Where they do not:",
        "",
        "| problem | ours | EvalPlus | programs |",
        "|---|---|---|---:|",
        *(
            f"| {name} | {outcome} | {verdict} | {count} |"
            for (name, outcome, verdict), count in kinds.most_common(SHOWN)
        ),
    ]
    rewrite(f"real_programs_{options.suite}", lines)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
