"""`label`: labels completions in the sandbox."""

import argparse
import logging
from dataclasses import asdict
from pathlib import Path

from codelewm_assets.commands.base import Command, add_json, print_json

LOG = logging.getLogger(__name__)
MOST_WORKERS = 64  # as in a profile


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "input", type=Path, metavar="IN.jsonl", help="a program to label in each line (docs/completions.md)"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="OUT.jsonl", help="a header, then a row each")
    parser.add_argument(
        "--isolation", choices=("auto", "strict", "basic"), default="auto",
        help="auto: the layers that there are; strict: all of them, or none is labelled; basic: without bubblewrap"
             " (default: auto)",
    )  # fmt: skip
    parser.add_argument("--workers", type=_count, default=2, help="programs at once (default: 2)")
    parser.add_argument(
        "--module", action="append", default=[], metavar="NAME", help="package that programs may import, such as numpy"
    )
    add_json(parser)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {MOST_WORKERS}")
    return int(text)


def _run(options: argparse.Namespace) -> int:
    from codelewm_assets.completions.label_file import label_file

    summary = label_file(options.input, options.output, isolation=options.isolation, workers=options.workers,
                         modules=tuple(options.module))  # fmt: skip
    if options.json:
        print_json(asdict(summary) | {"output": str(options.output)})
        return 0
    if summary.taken_up:
        print(f"{summary.taken_up} rows were there from a run that was cut off.")
    for fault in summary.malformed:
        LOG.warning(f"{options.input.name} {fault}")
    print(f"{summary.written} labelled, {summary.passed} passed, {len(summary.malformed)} malformed: {options.output}")
    return 0


COMMAND = Command(
    "label",
    "Label completions in the sandbox.",
    "label completions.jsonl --output labelled.jsonl",
    _add_arguments,
    _run,
)
