"""Score rows from JSON-lines files, and the work of the commands `calibrate` and `rerank`: a report into a folder."""

import json
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from pyarrow import ArrowException
from pydantic import ValidationError

from codelewm_assets.core.digests import canonical_json, pretty_json
from codelewm_assets.core.errors import ReportError
from codelewm_assets.core.files import json_lines, write_atomically
from codelewm_assets.core.tables import evenly_spaced, read_rows
from codelewm_assets.evaluation.calibration import calibration_report
from codelewm_assets.evaluation.reports import CalibrationReport, RerankReport
from codelewm_assets.evaluation.rerank import rerank_report
from codelewm_assets.evaluation.rows import CODELEWM_ROWS, ScoreRow
from codelewm_assets.evaluation.score_table import ScoreTable

RESAMPLES = 2000
MAX_FAULTS_SHOWN = 5
LABEL_HEADER = b'{"header":'  # the first record of a file that `label` wrote
TRAINED_ON = (
    "completion {!r} is trained_on: its scorer was trained on the problem, so the score shows nothing. Leave such rows out; "
    "calibrate and rerank take them with --allow-trained-on"
)
SEE = "docs/evaluation.md gives the fields."


def read_score_rows(path: Path) -> list[ScoreRow]:
    """Score rows of a JSON-lines file. Raises: ReportError: as `score_rows`."""
    return list(score_rows(path))


def read_twin_rows(path: Path) -> list[ScoreRow]:
    """Score rows but those of programs that models wrote. Raises: ReportError: as `score_rows`."""
    return [row for row in score_rows(path) if row.completion_kind != "model"]


def read_score_table(
    path: Path, *, subject: str = "p_pass", allow_trained_on: bool = False, by_models: bool | None = None
) -> ScoreTable:
    """Score rows of a JSON-lines file as columns; rows are not kept.

    Args:
        by_models: rows of programs that models wrote, or all others; None for both.

    Raises: ReportError: as `score_rows`.
    """
    rows = score_rows(path, subject=subject, allow_trained_on=allow_trained_on)
    return ScoreTable.of(row for row in rows if by_models in (None, row.completion_kind == "model"))


def default_subject(path: Path) -> str:
    """The model's own score of a file of rows: `codelewm` in rows that CodeLeWM published, else `p_pass`."""
    try:
        if path.suffix == ".parquet":
            row = next(iter(read_rows(path)), {})
        else:
            with path.open("rb") as stream:
                row = json.loads(next(json_lines(stream), (0, b""))[1])
        return "codelewm" if row.get("schema_version") == CODELEWM_ROWS else "p_pass"
    except (OSError, ArrowException, ValueError, AttributeError, RecursionError):
        return "p_pass"  # whoever reads the rows names the fault


def score_rows(path: Path, *, subject: str = "p_pass", allow_trained_on: bool = False) -> Iterator[ScoreRow]:
    """Score rows of a JSON-lines or Parquet file, one at a time.

    Args:
        subject: a score that every row must have, be it null.
        allow_trained_on: take rows whose scorer was trained on their problem.
    Raises: ReportError, after the last good row: unreadable, empty, rows malformed or given twice (a completion stands once in
        a pool, or once where rows have no pool), a name twice in one row, a completion that passed in one row and failed in
        another, a problem that its scorer was trained on, CodeLeWM's rows of two cycles; the first faults with their line numbers,
        and how many more.
    """
    faults, seen, count = list[str](), dict[tuple[str, ...], int](), 0
    verdicts = dict[tuple[str, ...], tuple[bool, int]]()
    states_split: bool | None = None  # CodeLeWM's rows since v0.9 do, those before it do not
    try:
        for number, row in _validated(path, subject):
            if isinstance(row, str):
                faults.append(f"line {number}: {row}")
                continue
            if row.trained_on and not allow_trained_on:
                faults.append(f"line {number}: {TRAINED_ON.format(row.completion_id)}")
                continue
            if row.schema_version == CODELEWM_ROWS and states_split is None:
                states_split = "split" in row.model_fields_set
            if row.schema_version == CODELEWM_ROWS and states_split != ("split" in row.model_fields_set):
                faults.append(
                    f"line {number}: {'no split' if states_split else 'a split'}: rows of two cycles in one file"
                )
                continue
            key = (row.benchmark_id, row.problem_id, row.pool_id or "", row.completion_id)
            if (first := seen.setdefault(key, number)) != number:
                faults.append(f"line {number}: completion {row.completion_id!r} stands in line {first} already")
                continue
            known, first = verdicts.setdefault(
                (row.benchmark_id, row.problem_id, row.completion_id), (row.passed, number)
            )
            if known != row.passed:
                faults.append(
                    f"line {number}: completion {row.completion_id!r} has passed = {row.passed}, in line {first} {known}"
                )
                continue
            count += 1
            if not faults:
                yield row
    except (OSError, ArrowException) as error:
        raise ReportError(
            f"{path.name} cannot be read ({error}). Name a JSON-lines or Parquet file of score rows."
        ) from error
    if faults:
        remainder = f" and {len(faults) - MAX_FAULTS_SHOWN} more" if len(faults) > MAX_FAULTS_SHOWN else ""
        raise ReportError(f"{path.name}: {'; '.join(faults[:MAX_FAULTS_SHOWN])}{remainder}. {SEE}")
    if not count:
        raise ReportError(f"{path.name} holds no score row. {SEE}")


def _validated(path: Path, subject: str) -> Iterator[tuple[int, ScoreRow | str]]:
    """(line, its row or the fault of it)."""
    context = {"subject": subject}
    if path.suffix == ".parquet":
        for number, fields in enumerate(read_rows(path), 1):
            try:
                yield number, ScoreRow.model_validate(fields, context=context)
            except ValidationError as error:
                yield number, _fault(error)
        return
    with path.open("rb") as stream:  # not as text: U+2028 inside a string ends no line
        for number, line in json_lines(stream):
            if number == 1 and line.startswith(LABEL_HEADER):
                continue
            try:
                row = ScoreRow.model_validate_json(line, context=context)
            except ValidationError as error:
                yield number, _fault(error)
                continue
            name = repeated_name(line)
            yield number, row if name is None else f"{name} stands twice in the row, with one value or two"


def p_pass_faults(path: Path) -> tuple[int, list[str]]:
    """(row count, `completion: value` of each row whose p_pass is not in [0, 1]), also of a file with invalid rows.

    Raises: ReportError: a line is not a JSON object.
    """
    count, faults = 0, []
    for number, line in json_lines(BytesIO(path.read_bytes())):
        try:
            row = json.loads(line)
            value = row["scores"].get("p_pass")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ReportError(f"{path.name}: line {number} is no score row ({error}). {SEE}") from error
        count += 1
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            faults.append(f"{row.get('completion_id')}: {value}")
    return count, faults


def repeated_name(line: bytes) -> str | None:
    """The first name that stands twice in one object of a JSON text; parsers keep the last value and say nothing."""
    repeated = list[str]()

    def pairs(items: list[tuple[str, Any]]) -> None:
        names = [name for name, _ in items]
        repeated.extend(name for place, name in enumerate(names) if name in names[:place])

    json.loads(line, object_pairs_hook=pairs)
    return next(iter(repeated), None)


def _fault(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return f"not JSON ({first['ctx']['error']})"
    field = ".".join(map(str, first["loc"])) or "row"
    if first["type"] == "extra_forbidden":
        return f"{field} is not a field of a score row"
    if first["type"] == "value_error":
        return str(first["ctx"]["error"])
    return f"{field}: {first['msg']}"


def calibrate_file(path: Path, folder: Path, *, subject: str = "p_pass", allow_trained_on: bool = False) -> Path:
    """Write `p_pass_calibration_report.json` into a folder and return its path.

    Args:
        subject: the score that is compared with the controls.
        allow_trained_on: take rows whose scorer was trained on their problem.

    Raises:
        ReportError, StoreError.
    """
    table = read_score_table(path, subject=subject, allow_trained_on=allow_trained_on)
    report = calibration_report(table, seed=None, subject=subject)
    return _write(folder, "p_pass_calibration_report.json", report)


def rerank_file(path: Path, folder: Path, *, subject: str = "p_pass", allow_trained_on: bool = False) -> Path:
    """Write `rerank_report.json` into a folder and return its path. Args and Raises: as `calibrate_file`."""
    table = read_score_table(path, subject=subject, allow_trained_on=allow_trained_on)
    return _write(folder, "rerank_report.json", rerank_report(table, seed=None, resamples=RESAMPLES, subject=subject))


def _write(folder: Path, name: str, report: CalibrationReport | RerankReport) -> Path:
    write_atomically(folder / name, pretty_json(report.model_dump(mode="json")))
    return folder / name


def score_lines(rows: Iterable[ScoreRow]) -> bytes:
    """Score rows as JSON lines."""
    return b"".join(canonical_json(row.model_dump(mode="json")) + b"\n" for row in rows)


def sample_score_rows(path: Path) -> list[dict[str, Any]]:
    """Score rows of a JSON lines file, evenly spaced over it, each score in a column of its own."""
    lines = path.read_bytes().splitlines()
    rows = [json.loads(lines[index]) for index in evenly_spaced(len(lines))]
    return [{k: v for k, v in row.items() if k != "scores" and v is not None} | row["scores"] for row in rows]
