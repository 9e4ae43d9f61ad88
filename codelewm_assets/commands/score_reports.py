"""`calibrate` and `rerank`: a report of score rows, into a folder."""

import argparse
import json
from pathlib import Path

from codelewm_assets.commands.base import Command, add_json, print_json


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scores", type=Path, metavar="SCORES.jsonl", help="score rows (docs/evaluation.md)")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder that the report goes to")
    add_json(parser)


def _calibrate(options: argparse.Namespace) -> int:
    from codelewm_assets.evaluation.score_files import calibrate_file

    return _print(calibrate_file(options.scores, options.output), options.json)


def _rerank(options: argparse.Namespace) -> int:
    from codelewm_assets.evaluation.score_files import rerank_file

    return _print(rerank_file(options.scores, options.output), options.json)


def _print(path: Path, as_json: bool) -> int:
    """The report's path; as JSON with what the report holds."""
    if as_json:
        print_json({"path": str(path), "report": json.loads(path.read_text(encoding="utf-8"))})
    else:
        print(path)
    return 0


CALIBRATE = Command(
    "calibrate",
    "Calibration report of score rows.",
    "calibrate scores.jsonl --output reports",
    _add_arguments,
    _calibrate,
)
RERANK = Command(
    "rerank", "Rerank report of score rows.", "rerank scores.jsonl --output reports", _add_arguments, _rerank
)
