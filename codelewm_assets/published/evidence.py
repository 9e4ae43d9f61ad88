"""Files of published evidence, read by schema id and shape; names and places of files mean nothing here.

A file that is damaged, of an unknown version or a mixture is a fault, and all faults are raised at once. A file of another
kind is listed as unread.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pyarrow import ArrowException
from pydantic import BaseModel, ValidationError

from codelewm_assets.core.digests import sha256_bytes
from codelewm_assets.core.errors import AssetsError, ReportError
from codelewm_assets.core.files import BYTE_ORDER_MARK, json_lines
from codelewm_assets.core.ids import ABLATIONS, CONTROLS
from codelewm_assets.core.tables import read_rows
from codelewm_assets.evaluation.rows import ScoreRow
from codelewm_assets.evaluation.score_files import LABEL_HEADER, score_rows
from codelewm_assets.published.forms import (
    DOCUMENTS,
    JOB_EVENTS,
    MANIFEST,
    ROWS,
    SCORE_ROW,
    TRAIN_CONFIG,
    PublishedScoreRow,
)
from codelewm_assets.training.progress import JOB_EVENT

CONFIG = "config.json"  # of a run, beside its manifest
OWN_ROWS = "codelewm_assets score rows"
OWN_FIELDS = frozenset(("completion_id", "problem_id", "scores"))
ORDERS = ("llm_order",)  # a score of rows that is a control where it stands
SUFFIXES = (".json", ".jsonl", ".yaml", ".yml", ".parquet")
VERSION = re.compile(r"(.+)\.v(\d+)")
KNOWN = {schema.rpartition(".v")[0]: schema for schema in (*ROWS, *DOCUMENTS)}
M = TypeVar("M", bound=BaseModel)


class EvidenceError(AssetsError):
    """Files that cannot be judged, a line each."""

    def __init__(self, faults: Sequence[str]) -> None:
        """Args: faults: at least one."""
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """One file. `records` holds its document, or its rows; `schema_id` is None for an unread one, with the reason."""

    path: Path
    name: str
    sha256: str
    size_bytes: int
    schema_id: str | None
    records: tuple[BaseModel, ...] = ()
    document: Any = None  # parsed JSON, of a document
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All files, in the order of their names."""

    files: tuple[EvidenceFile, ...]

    def of(self, schema_id: str, model: type[M]) -> Iterator[tuple[EvidenceFile, M]]:
        """Documents of a schema with their files."""
        for file in self.files:
            if file.schema_id == schema_id:
                yield file, file.records[0]  # type: ignore[misc]

    def rows_of(self, schema_id: str, model: type[M]) -> Iterator[tuple[EvidenceFile, tuple[M, ...]]]:
        """Row files of a schema with their rows."""
        for file in self.files:
            if file.schema_id == schema_id:
                yield file, file.records  # type: ignore[misc]

    def at(self, path: Path) -> EvidenceFile | None:
        """The file at a path."""
        resolved = path.resolve()
        return next((file for file in self.files if file.path == resolved), None)


def read_evidence(paths: Iterable[Path], *, subject: str | None = None) -> Evidence:
    """Read files, and all files below folders.

    Args:
        subject: the score that rows in the project's own form must have; None: `own_subject`.

    Raises:
        EvidenceError: a path does not exist, a file is damaged, mixed or of an unknown version, or there is none to judge.
    """
    files, faults = list[EvidenceFile](), list[str]()
    for name, path in _paths(paths, faults):
        try:
            files.append(_read(name, path, subject))
        except ReportError as error:
            faults.append(str(error))
        except OSError as error:
            faults.append(f"{name}: cannot be read ({error.strerror or error}).")
    if not faults and not any(file.schema_id for file in files):
        faults.append(
            "No file here has a form that recheck reads: CodeLeWM's manifests, reports and rows, or score rows of this project, "
            f"with a name that ends in {', '.join(SUFFIXES)} (docs/recheck.md)."
        )
    if faults:
        raise EvidenceError(faults)
    return Evidence(tuple(sorted(files, key=lambda file: file.name)))


def _paths(paths: Iterable[Path], faults: list[str]) -> Iterator[tuple[str, Path]]:
    """(name, path) of every file; names are relative to the folder where a single one is given."""
    seen, paths = set(), list(paths)
    for given in paths:
        if not given.exists():
            faults.append(f"{given}: no such file or folder.")
            continue
        if not given.is_file() and not given.is_dir():
            faults.append(f"{given} is a pipe or a device; write it to a file first.")
            continue
        is_folder = given.is_dir()
        for path in sorted(p for p in given.rglob("*") if p.is_file()) if is_folder else [given]:
            if path.resolve() not in seen:
                seen.add(path.resolve())
                # of several folders, files of one name must stay apart
                yield str(path.relative_to(given) if is_folder and len(paths) == 1 else path), path.resolve()


def _read(name: str, path: Path, subject: str | None) -> EvidenceFile:
    data = path.read_bytes()

    def file(
        schema_id: str | None, records: Iterable[BaseModel] = (), document: Any = None, reason: str = ""
    ) -> EvidenceFile:
        return EvidenceFile(path, name, sha256_bytes(data), len(data), schema_id, tuple(records), document, reason)

    if path.suffix not in SUFFIXES:
        return file(None, reason=f"its name ends in none of {', '.join(SUFFIXES)}")
    if path.suffix == ".parquet":
        rows = _parquet_rows(path, name)
        if rows and rows[0].get("schema_version") == SCORE_ROW:
            return file(SCORE_ROW, _rows(enumerate(rows, 1), name, PublishedScoreRow, SCORE_ROW))
        if not rows or not rows[0].keys() >= OWN_FIELDS:
            return file(None, reason="a table without score rows")
        return file(OWN_ROWS, _own_rows(path, name, subject, rows[0]))
    if path.suffix in (".yaml", ".yml"):
        schema_id, document = _of_yaml(data, name)
    else:
        schema_id, document = _of_json(data, name)
    if schema_id in ROWS:
        documents = ((number, _json(line, f"{name}: line {number}")) for number, line in json_lines(data.splitlines()))
        return file(schema_id, _rows(documents, name, ROWS[schema_id], schema_id))
    if schema_id == OWN_ROWS:
        return file(OWN_ROWS, _own_rows(path, name, subject, document))
    if schema_id == JOB_EVENTS:
        return file(JOB_EVENTS)
    is_first_schema = schema_id == MANIFEST and isinstance(document.get("parent_artifacts"), dict)
    if is_first_schema or (schema_id or "").startswith("codelewm_assets."):
        return file(
            None,
            document=document,
            reason="this project's own artifact; `codelewm-assets verify` checks it in its store",
        )
    if schema_id in DOCUMENTS:
        return file(schema_id, [validated(DOCUMENTS[schema_id], document, name, schema_id)], document)
    _refuse_other_version(schema_id, name)
    if path.name == CONFIG or (schema_id or "").endswith("_run.v1"):
        return file(None, document=document, reason="a run's configuration; its digest is judged with its manifest")
    return file(None, document=document, reason=f"a form that recheck does not judge ({schema_id or 'no schema id'})")


def _of_json(data: bytes, name: str) -> tuple[str | None, Any]:
    """(schema id, document), or of JSON lines (schema id by the first row, that row)."""
    lines = [
        line for number, line in json_lines(data.splitlines()) if not (number == 1 and line.startswith(LABEL_HEADER))
    ]
    if not lines:
        raise ReportError(f"{name}: is empty; expected JSON.")
    if lines[0].startswith(JOB_EVENT.encode()):
        return JOB_EVENTS, None
    is_lines = len(lines) > 1 and lines[0].startswith(b"{") and lines[0].rstrip().endswith(b"}")
    first = _json(lines[0] if is_lines else data, f"{name}: line 1" if is_lines else name)
    schema_id = first.get("schema_version") if isinstance(first, dict) else None
    if isinstance(first, dict) and "event" in first and schema_id is None:
        return JOB_EVENTS, None
    if isinstance(first, dict) and schema_id is None and first.keys() >= OWN_FIELDS:
        return OWN_ROWS, first
    return schema_id if isinstance(schema_id, str) else None, first


def _of_yaml(data: bytes, name: str) -> tuple[str | None, Any]:
    try:
        document = yaml.safe_load(data)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if TRAIN_CONFIG.encode() in data:
            raise ReportError(f"{name}: not YAML, or truncated ({str(error).splitlines()[0]}).") from error
        return None, None
    schema_id = document.get("schema_version") if isinstance(document, dict) else None
    return schema_id if isinstance(schema_id, str) else None, document


def _parquet_rows(path: Path, name: str) -> list[dict[str, Any]]:
    """Rows without null fields: a column stands in every row of a table, and null where the row lacks the field.

    In rows of this project a null score is one that is missing, and stays.
    """
    try:
        rows = read_rows(path)
    except (OSError, ArrowException) as error:
        raise ReportError(f"{name}: no Parquet file, or damaged.") from error
    return [
        {"errors": {}} | _without_null(row)
        if row.get("schema_version") == SCORE_ROW
        else {field: value for field, value in row.items() if value is not None}
        for row in rows
    ]


def _without_null(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _without_null(value) if isinstance(value, dict) else value
        for name, value in row.items()
        if value is not None
    }


def _rows(
    documents: Iterable[tuple[int, Any]], name: str, model: type[BaseModel], schema_id: str
) -> Iterator[BaseModel]:
    seen: dict[str, int] = {}
    first_keys: frozenset[str] | None = None
    for number, document in documents:
        where = f"{name}: line {number}"
        other = document.get("schema_version") if isinstance(document, dict) else None
        if other != schema_id:
            raise ReportError(
                f"{where}: is {other}; the lines before it are {schema_id}. Keep versions in files of their own."
            )
        record = validated(model, document, where, schema_id)
        keys = frozenset(document) & {"benchmark_id", "split"}
        if first_keys not in (None, keys):
            raise ReportError(
                f"{where}: has {_keys(keys)} and the lines before it have {_keys(first_keys)}: rows of two cycles in one file."
            )
        first_keys = keys
        if isinstance(record, PublishedScoreRow):
            problem, separator, _ = record.completion_id.partition("::")
            if separator and problem != record.problem_id.partition("::")[0]:
                raise ReportError(
                    f"{where}: completion {record.completion_id!r} stands in a pool of {record.problem_id}."
                )
        if (key := getattr(record, "completion_id", None)) is not None and seen.setdefault(key, number) != number:
            raise ReportError(f"{where}: completion {key!r} stands in line {seen[key]} already.")
        yield record


def _keys(keys: frozenset[str] | None) -> str:
    return " and ".join(sorted(keys or ())) or "neither benchmark_id nor split"


def _own_rows(path: Path, name: str, subject: str | None, first: dict[str, Any]) -> list[ScoreRow]:
    try:
        return list(score_rows(path, subject=subject or own_subject(first["scores"])))
    except ReportError as error:
        raise ReportError(f"{name}: {str(error).removeprefix(f'{path.name}: ')}") from error


def own_subject(scores: Any) -> str:
    """`p_pass`, or the only score that is no control, as in rows of one scorer.

    Args:
        scores: of the first row.

    Raises: ReportError: there are several, and none is `p_pass`.
    """
    others = sorted(set(scores) - {*CONTROLS, *ABLATIONS, *ORDERS}) if isinstance(scores, dict) else []
    if len(others) > 1 and "p_pass" not in others:
        raise ReportError(f"rows have the scores {', '.join(others)} and no p_pass. Name one by --score.")
    return others[0] if len(others) == 1 else "p_pass"


def _json(data: bytes, where: str) -> Any:
    try:
        document = json.loads(data.removeprefix(BYTE_ORDER_MARK), parse_constant=_refuse_constant, parse_float=_finite)
        if b"\\ud" in data.lower():
            json.dumps(document, ensure_ascii=False).encode()
        return document
    except UnicodeEncodeError as error:
        raise ReportError(f"{where}: a text holds half a surrogate pair, which UTF-8 cannot write.") from error
    except json.JSONDecodeError as error:
        raise ReportError(f"{where}: not JSON, or truncated ({error.msg}, line {error.lineno}).") from error
    except (ValueError, RecursionError) as error:
        raise ReportError(f"{where}: not JSON ({str(error)[:80]}).") from error


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is no finite number")


def _finite(text: str) -> float:
    value = float(text)
    return value if isfinite(value) else _refuse_constant(text[:20])


def validated(model: type[M], document: Any, where: str, schema_id: str) -> M:
    """The record of a document. Raises: ReportError: another shape; names the place and the field."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "document"
        value = f" (found {str(first['input'])[:60]!r})" if first["type"] not in ("missing", "extra_forbidden") else ""
        raise ReportError(f"{where}: no {schema_id}: {field}: {first['msg']}{value}.") from error


def _refuse_other_version(schema_id: Any, name: str) -> None:
    match = VERSION.fullmatch(schema_id) if isinstance(schema_id, str) else None
    if match and match[1] in KNOWN and schema_id not in KNOWN.values():
        raise ReportError(f"{name}: is {schema_id}; recheck reads {KNOWN[match[1]]}.")
