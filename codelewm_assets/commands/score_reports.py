"""`calibrate` and `rerank`: a report of score rows, into a folder."""

import argparse
import json
from pathlib import Path

from codelewm_assets.commands.base import command, print_json


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scores", type=Path, metavar="SCORES.jsonl", help="score rows (docs/evaluation.md)")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder that the report goes to")


@command("calibrate scores.jsonl --output reports", "Calibration report of score rows.", _add_arguments)
def calibrate(options: argparse.Namespace) -> int:
    """Write the report and print its path."""
    from codelewm_assets.evaluation.score_files import calibrate_file

    return _print(calibrate_file(options.scores, options.output), options.json)


@command("rerank scores.jsonl --output reports", "Rerank report of score rows.", _add_arguments)
def rerank(options: argparse.Namespace) -> int:
    """Write the report and print its path."""
    from codelewm_assets.evaluation.score_files import rerank_file

    return _print(rerank_file(options.scores, options.output), options.json)


def _print(path: Path, as_json: bool) -> int:
    """The report's path; as JSON with what the report holds."""
    print_json({"path": str(path), "report": json.loads(path.read_text(encoding="utf-8"))}) if as_json else print(path)
    return 0
