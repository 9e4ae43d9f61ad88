"""Agreement of the references' labels with what EvalPlus itself computes, on every published input, base and plus.

    python benchmarks/ground_truth.py

EvalPlus 0.3.1 reads the two release files, restores its inputs' types and runs each canonical solution with its own
`trusted_exec`: that is how its published expected outputs are made. Each problem then goes through the `label` command's
work as one row, the canonical solution as the completion and EvalPlus' outputs as `expected`. Wants
CODELEWM_HUMANEVAL_PLUS_FILE, CODELEWM_MBPP_PLUS_FILE and EvalPlus (benchmarks/README.md). Rewrites its section of
docs/performance.md.
"""

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sections import rewrite

from codelewm_assets.completions.label_file import label_file
from codelewm_assets.completions.oracles import exclusion_reason, oracle_of
from codelewm_assets.core.errors import LiteralError
from codelewm_assets.core.literals import write_value

PART_CHARACTERS = 8_000_000


@dataclass(frozen=True, slots=True)
class Truth:
    """One problem as EvalPlus sees it: inputs and outputs as literals, None where a value has none."""

    problem_id: str
    benchmark_id: str
    entry_point: str
    code: str
    atol: float
    inputs: tuple[str | None, ...]
    outputs: tuple[str | None, ...]
    excepted: int


def truths(only: set[str]) -> Iterator[Truth]:
    """Every problem of both releases, or those named, its outputs computed by EvalPlus in a process of its own."""
    os.environ["HUMANEVAL_OVERRIDE_PATH"] = os.environ["CODELEWM_HUMANEVAL_PLUS_FILE"]
    os.environ["MBPP_OVERRIDE_PATH"] = os.environ["CODELEWM_MBPP_PLUS_FILE"]
    from evalplus.data import get_human_eval_plus, get_mbpp_plus  # they read these two when imported

    tasks = [("humaneval", task) for task in get_human_eval_plus().values()]
    tasks += [("mbpp_plus", task) for task in get_mbpp_plus().values()]
    tasks = [task for task in tasks if not only or task[1]["task_id"] in only]
    with multiprocessing.get_context("fork").Pool(1, maxtasksperchild=1) as pool:
        yield from pool.imap(_truth, tasks, chunksize=1)


def _truth(given: tuple[str, dict[str, Any]]) -> Truth:
    from evalplus.gen.util import trusted_exec

    benchmark_id, task = given
    sys.set_int_max_str_digits(0)
    code = task["prompt"] + task["canonical_solution"]
    inputs = [*task["base_input"], *task["plus_input"]]  # one row publishes an empty map for no plus inputs
    texts = [_literal(list(arguments)) for arguments in inputs]  # before they are called: a program may change them
    judged = [text is None or exclusion_reason(benchmark_id, task["task_id"], text) is None for text in texts]
    excepted = judged.count(False)
    inputs = [arguments for arguments, is_judged in zip(inputs, judged, strict=True) if is_judged]
    texts = [text for text, is_judged in zip(texts, judged, strict=True) if is_judged]
    outputs = trusted_exec(code, inputs, task["entry_point"])
    if oracle_of(benchmark_id, task["task_id"]) == "is_none_or_not":
        outputs = [output is not None and output is not False for output in outputs]
    return Truth(
        task["task_id"], benchmark_id, task["entry_point"], code, float(task["atol"]), tuple(texts),
        tuple(_literal(output) for output in outputs), excepted,
    )  # fmt: skip


def _literal(value: Any) -> str | None:
    if type(value) in (Counter, OrderedDict, defaultdict):
        value = dict(value)  # they equal the map that they hold, and the labeller takes them so
    try:
        return write_value(value)
    except LiteralError:
        return None


def rows_of(truth: Truth) -> Iterator[dict[str, Any]]:
    """Rows of the `label` command: the inputs that can be judged, in parts whose outputs are not too long for a line."""
    part: list[tuple[str, str]] = []
    for source, output in zip(truth.inputs, truth.outputs, strict=True):
        if source is None or output is None:
            continue
        if part and sum(len(text) for _, text in part) + len(output) > PART_CHARACTERS:
            yield _row(truth, part)
            part = []
        part.append((source, output))
    if part:
        yield _row(truth, part)


def _row(truth: Truth, part: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        "completion_id": truth.problem_id,
        "problem_id": truth.problem_id,
        "benchmark_id": truth.benchmark_id,
        "code": truth.code,
        "entry_point": truth.entry_point,
        "inputs": [source for source, _ in part],
        "expected": [output for _, output in part],
        "atol": truth.atol,
    }


def main() -> None:
    """Label every reference, compare, and rewrite the section."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", nargs="*", default=[], help="these problems alone; the page is then left as it is")
    options = parser.parse_args()
    started, published, without, asked = time.monotonic(), Counter[str](), Counter[str](), Counter[str]()
    excepted = Counter[str]()
    benchmark_of: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        source, labels = Path(folder) / "references.jsonl", Path(folder) / "labels.jsonl"
        with source.open("w", encoding="utf-8") as handle:
            for truth in truths(set(options.only)):
                benchmark_of[truth.problem_id] = truth.benchmark_id
                published[truth.benchmark_id] += len(truth.inputs) + truth.excepted
                excepted[truth.benchmark_id] += truth.excepted
                count = 0
                for row in rows_of(truth):
                    handle.write(json.dumps(row) + "\n")
                    count += len(row["inputs"])
                asked[truth.benchmark_id] += count
                if count < len(truth.inputs):
                    without[truth.problem_id] = len(truth.inputs) - count
        computed_s = time.monotonic() - started
        label_file(source, labels, workers=options.workers)
        with labels.open(encoding="utf-8") as handle:
            rows = [json.loads(line) for line in handle][1:]
    labelled_s = time.monotonic() - started - computed_s
    agreeing, unlike = Counter[str](), list[str]()
    whole = {row["completion_id"] for row in rows} - {row["completion_id"] for row in rows if not row["passed"]}
    for row in rows:
        agreeing[benchmark_of[row["completion_id"]]] += sum(call["outcome"] == "pass" for call in row["inputs"])
        if not row["passed"]:
            outcomes = Counter(call["outcome"] for call in row["inputs"])
            unlike.append(f"{row['completion_id']}: {dict(outcomes)}")
    lines = [
        "## Labels of the references against EvalPlus' own outputs",
        "",
        "Every published input, base and plus, of both release files; expected outputs by EvalPlus 0.3.1's `trusted_exec`, "
        "labels by the `label` command's work with these as `expected`. Reproduce: `python benchmarks/ground_truth.py`.",
        "",
        "| benchmark | references | that pass on all inputs | inputs | excepted | no literal | asked | agree |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name in ("humaneval", "mbpp_plus"):
        passing = sum(benchmark_of[problem] == name for problem in whole)
        count = sum(benchmark == name for benchmark in benchmark_of.values())
        lines.append(
            f"| {name} | {count} | {passing} | {published[name]} | {excepted[name]} | "
            f"{published[name] - excepted[name] - asked[name]} | {asked[name]} | {agreeing[name]} |"
        )
    lines += [
        "",
        f"Unlike EvalPlus: {'; '.join(unlike) or 'none'}. Problems with inputs or outputs that have no literal: "
        f"{', '.join(f'{name} ({count})' for name, count in sorted(without.items())) or 'none'}. "
        f"EvalPlus took {computed_s:.0f} s, labelling (two runs each) {labelled_s:.0f} s.",
    ]
    print("\n".join(lines)) if options.only else rewrite("ground_truth", lines)


if __name__ == "__main__":
    main()
