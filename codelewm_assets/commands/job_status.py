"""`job-status`: summary of a training run's event stream, from a file or from the log of a job of Hugging Face Jobs."""

import argparse
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from codelewm_assets.commands.base import command, print_json
from codelewm_assets.commands.forms import EVENTS, refuse_other_forms
from codelewm_assets.core.errors import AssetsError, ReportError

ENDS = ("complete", "failed", "collapsed")
STAGES = {"COMPLETED": "complete", "ERROR": "failed", "CANCELED": "failed", "DELETED": "failed"}
POLL_S = 2.0


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "progress", metavar="PROGRESS.jsonl",
        help="the events of a training run, this project's or CodeLeWM's, or a job's log; or NAMESPACE/JOB_ID or JOB_ID of a "
        "job of Hugging Face Jobs (HF_TOKEN)",
    )  # fmt: skip
    parser.add_argument("--watch", action="store_true", help="print a line at each change until the run has ended")
    parser.add_argument(
        "--every", type=float, default=POLL_S, metavar="S", help=f"seconds between two looks (default: {POLL_S:g})"
    )


@command(
    "job-status artifacts/progress/checkpoint-42.jsonl", "Summary of a training run's event stream.", _add_arguments
)
def run(options: argparse.Namespace) -> int:
    if not options.watch:
        print_json(_summary(options.progress, options.every))
        return 0
    for summary in _changes(options.progress, options.every):
        print(json.dumps({name: value for name, value in summary.items() if value is not None}), flush=True)
    return 0


def _changes(progress: str, every_s: float) -> Iterator[dict[str, Any]]:
    """The summary whenever its events or its state have changed, until the run has ended."""
    before: tuple[Any, ...] = ()
    while True:
        summary = _summary(progress, every_s)
        if (now := (summary["events"], summary["state"])) != before:
            before = now
            yield summary
        if summary["state"] in ENDS:
            return
        time.sleep(every_s)


def _summary(progress: str, pause_s: float) -> dict[str, Any]:
    from codelewm_assets.claims.register import COLLAPSE_FLOORS
    from codelewm_assets.training.progress import read_events, summarise

    path = Path(progress)
    if not path.exists() and path.suffix == "":
        return _of_job(progress, pause_s, COLLAPSE_FLOORS)
    refuse_other_forms(path, "job-status", EVENTS)
    events, malformed_line = read_events(path)
    summary = summarise(events, now_s=time.time(), collapse_floors=COLLAPSE_FLOORS)
    return summary | {"malformed_line": malformed_line or None}


def _of_job(name: str, pause_s: float, floors: Mapping[str, float]) -> dict[str, Any]:
    """The summary of a job's log; a stage that has ended decides where the log does not.

    Raises: AssetsError: no token, or the job cannot be read.
    """
    from codelewm_assets.core.hub_calls import hub_api
    from codelewm_assets.training.hf_jobs import job_state
    from codelewm_assets.training.progress import line_event, summarise

    token = os.environ.get("HF_TOKEN")
    if not token:
        raise AssetsError(f"{name} is no file, and HF_TOKEN is not set, so no job can be read. Set it, or name a file.")
    namespace, _, job_id = name.rpartition("/")
    api = hub_api(token, os.environ.get("HF_ENDPOINT"))
    stage, lines = job_state(api, job_id, namespace or None, pause_s=pause_s)
    events = list[dict[str, Any]]()
    for line in lines:
        with suppress(ReportError):
            event = line_event(line)
            if event is not None and event not in events[-1:]:
                events.append(event)
    summary = summarise(events, now_s=time.time(), collapse_floors=floors)
    if summary["state"] not in ENDS and stage in STAGES:
        summary["state"] = STAGES[stage]
    return summary | {"malformed_line": None, "stage": stage}
