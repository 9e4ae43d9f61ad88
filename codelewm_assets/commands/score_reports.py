"""`calibrate` and `rerank`: a report of score rows, into a folder."""

import argparse
from pathlib import Path

from codelewm_assets.commands.base import Command


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scores", type=Path, metavar="SCORES.jsonl")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")


def _calibrate(options: argparse.Namespace) -> int:
    from codelewm_assets.evaluation.score_files import calibrate_file

    print(calibrate_file(options.scores, options.output))
    return 0


def _rerank(options: argparse.Namespace) -> int:
    from codelewm_assets.evaluation.score_files import rerank_file

    print(rerank_file(options.scores, options.output))
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
