"""`calibrate` and `rerank`: write a report of score rows into a folder and print its figures."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codelewm_assets.commands.base import command, folder, print_json
from codelewm_assets.commands.forms import SCORE_ROWS, refuse_other_forms
from codelewm_assets.core.errors import ReportError

if TYPE_CHECKING:
    from codelewm_assets.evaluation.reports import CalibrationReport, RerankReport

Rows = list[list[str | None]]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "scores", type=Path, metavar="SCORES.jsonl", help="score rows (docs/evaluation.md), JSON lines or Parquet"
    )
    parser.add_argument("--output", type=folder, required=True, metavar="DIR", help="folder for the report")
    parser.add_argument(
        "--score", metavar="NAME",
        help="score to compare with all others, its controls (default: p_pass; codelewm in rows that CodeLeWM published)",
    )  # fmt: skip
    parser.add_argument(
        "--allow-trained-on", action="store_true",
        help="take rows that `score` marked trained_on (default: refuse them)",
    )  # fmt: skip


@command("calibrate scores.jsonl --output reports", "Calibration report of score rows.", _add_arguments)
def calibrate(options: argparse.Namespace) -> int:
    """Write the report, and print its figures and its path."""
    from codelewm_assets.evaluation.reports import CalibrationReport
    from codelewm_assets.evaluation.score_files import calibrate_file

    subject = _subject(options)
    path = calibrate_file(options.scores, options.output, subject=subject, allow_trained_on=options.allow_trained_on)
    if not options.json:
        report = CalibrationReport.model_validate_json(path.read_bytes())
        header = ["score", "status", "ROC-AUC", "95%", "Brier", "ECE", f"AUC of {subject} minus it", "95%"]
        title = f"Calibration, {report.row_count} rows of {report.problem_count} problems"
        _print(title, header, calibration_rows(report, subject))
    return _print_path(path, options.json)


@command("rerank scores.jsonl --output reports", "Rerank report of score rows.", _add_arguments)
def rerank(options: argparse.Namespace) -> int:
    """Write the report, and print its figures and its path."""
    from codelewm_assets.evaluation.reports import RerankReport
    from codelewm_assets.evaluation.score_files import rerank_file

    subject = _subject(options)
    path = rerank_file(options.scores, options.output, subject=subject, allow_trained_on=options.allow_trained_on)
    if not options.json:
        report = RerankReport.model_validate_json(path.read_bytes())
        header = ["benchmark", "pools of it", "score", "pass@1", "MRR", f"points of {subject} over it", "95%"]
        _print("Reranking", header, rerank_rows(report, subject))
        for sentence in not_compared(report, subject):
            print(sentence)
    return _print_path(path, options.json)


def _subject(options: argparse.Namespace) -> str:
    """The score to compare with all others. Raises: ReportError: a pipe, or a file that holds another known form."""
    from codelewm_assets.evaluation.rows import CODELEWM_ROWS
    from codelewm_assets.evaluation.score_files import default_subject

    if options.scores.exists() and not options.scores.is_file() and not options.scores.is_dir():
        raise ReportError(f"{options.scores} is a pipe or a device, and is read twice; write it to a file first.")
    refuse_other_forms(options.scores, options.command, CODELEWM_ROWS, SCORE_ROWS)
    return options.score or default_subject(options.scores)


def calibration_rows(report: "CalibrationReport", subject: str) -> Rows:
    """One row per score, the subject first. Undefined figures are None."""
    rows: Rows = []
    for name in sorted(report.overall, key=lambda name: (name != subject, name)):
        metrics, difference = report.overall[name], report.difference.get(name)
        rows.append([
            name, metrics.status, _text(metrics.roc_auc), _interval(metrics.roc_auc_ci95), _text(metrics.brier_score),
            _text(metrics.expected_calibration_error), _text(difference.difference if difference else None, "+.3f"),
            _interval(difference.ci95 if difference else None, "+.3f"),
        ])  # fmt: skip
    return rows


def rerank_rows(report: "RerankReport", subject: str) -> Rows:
    """One row per benchmark and score: the subject first, then controls, best first. Undefined figures are None."""
    rows: Rows = []
    for benchmark, result in report.benchmarks.items():
        reached = result.pass_at_1
        for name in sorted(reached, key=lambda name: (name != subject, -(reached[name] or 0.0), name)):
            lift = result.lift.get(name)
            rows.append([
                benchmark, str(result.complete_pool_count.get(name, 0)), name, _text(reached[name]), _text(result.mrr[name]),
                _text(lift.points if lift else None, "+.1f"), _interval(lift.ci95 if lift else None, "+.1f"),
            ])  # fmt: skip
    return rows


def not_compared(report: "RerankReport", subject: str) -> list[str]:
    """A sentence for each score that lacks pools of the subject."""
    return [
        f"{benchmark}: {name} is not compared: all members have it in {count} of the "
        f"{result.complete_pool_count[subject]} pools of {subject}."
        for benchmark, result in report.benchmarks.items()
        for name, count in result.not_compared.items()
    ]


def _text(value: float | None, form: str = ".3f") -> str | None:
    return None if value is None else format(value, form).replace("-", "−")


def _interval(interval: tuple[float, float] | None, form: str = ".3f") -> str | None:
    return None if interval is None else f"{_text(interval[0], form)} to {_text(interval[1], form)}"


def _print(title: str, header: list[str], rows: list[list[Any]]) -> None:
    from rich.console import Console

    from codelewm_assets.display import print_table

    print_table(Console(), title, header, rows)


def _print_path(path: Path, as_json: bool) -> int:
    """Print the report's path; as JSON together with the report."""
    print_json({"path": str(path), "report": json.loads(path.read_text(encoding="utf-8"))}) if as_json else print(path)
    return 0
