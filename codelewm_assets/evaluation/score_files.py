"""The `calibrate` and `rerank` commands' work: score rows from a file, a report into a folder."""

import json
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from codelewm_assets.core.digests import pretty_json
from codelewm_assets.core.errors import ReportError
from codelewm_assets.core.files import write_atomically
from codelewm_assets.evaluation.calibration import calibration_report
from codelewm_assets.evaluation.records import CalibrationReport, RerankReport, ScoreRow
from codelewm_assets.evaluation.rerank import rerank_report

RESAMPLES = 2000
FAULTS_SHOWN = 5


def read_score_rows(path: Path) -> list[ScoreRow]:
    """Score rows of a JSON-lines file.

    Raises: ReportError: unreadable, empty, or rows malformed; the first faults with their line numbers.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # splitlines() also splits at U+2028 inside a text
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(f"{path.name} cannot be read ({error}). Name a JSON-lines file of score rows.") from error
    rows, faults = list[ScoreRow](), list[str]()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            rows.append(ScoreRow.model_validate(json.loads(line)))
        except json.JSONDecodeError as error:
            faults.append(f"line {number}: not JSON ({error.msg})")
        except ValidationError as error:
            first = error.errors()[0]
            faults.append(f"line {number}: {'.'.join(map(str, first['loc'])) or 'row'}: {first['msg']}")
        except (ValueError, RecursionError):
            faults.append(f"line {number}: not JSON (a number too long, or nested too deep)")
    if faults:
        more = f" and {len(faults) - FAULTS_SHOWN} more" if len(faults) > FAULTS_SHOWN else ""
        raise ReportError(
            f"{path.name}: {'; '.join(faults[:FAULTS_SHOWN])}{more}. docs/evaluation.md gives the fields."
        )
    if not rows:
        raise ReportError(f"{path.name} holds no score row. docs/evaluation.md gives the fields.")
    return rows


def calibrate_file(path: Path, folder: Path) -> Path:
    """Write `p_pass_calibration_report.json` into a folder and return its path. Raises: ReportError, StoreError."""
    return _write(
        path, folder, "p_pass_calibration_report.json", lambda r: calibration_report(r, seed=None, resamples=RESAMPLES)
    )


def rerank_file(path: Path, folder: Path) -> Path:
    """Write `rerank_report.json` into a folder and return its path. Raises: ReportError, StoreError."""
    return _write(path, folder, "rerank_report.json", lambda r: rerank_report(r, seed=None, resamples=RESAMPLES))


def _write(
    path: Path, folder: Path, name: str, make: Callable[[list[ScoreRow]], CalibrationReport | RerankReport]
) -> Path:
    report = make(read_score_rows(path))
    write_atomically(folder / name, pretty_json(report.model_dump(mode="json")))
    return folder / name
