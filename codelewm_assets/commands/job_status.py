"""`job-status`: summary of a training run's event stream."""

import argparse
import time
from pathlib import Path

from codelewm_assets.commands.base import command, print_json
from codelewm_assets.commands.forms import EVENTS, refuse_other_forms


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "progress", type=Path, metavar="PROGRESS.jsonl",
        help="the events of a training run, this project's or CodeLeWM's, or a job's log",
    )  # fmt: skip


@command(
    "job-status artifacts/progress/checkpoint-42.jsonl", "Summary of a training run's event stream.", _add_arguments
)
def run(options: argparse.Namespace) -> int:
    from codelewm_assets.claims.register import COLLAPSE_FLOORS
    from codelewm_assets.training.progress import read_events, summarise

    refuse_other_forms(options.progress, "job-status", EVENTS)
    events, malformed_line = read_events(options.progress)
    summary = summarise(events, now_s=time.time(), collapse_floors=COLLAPSE_FLOORS)
    print_json(summary | {"malformed_line": malformed_line or None})
    return 0
