"""CRUXEval's rows: a program `f`, the arguments of one call and its output. CRUXEval-O asks for the output.

Source: Gu et al. 2024, "CRUXEval: A Benchmark for Code Reasoning, Understanding and Execution", arXiv 2401.03065.
"""

import ast
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codelewm_assets.benchmarks.hub import fetch_rows
from codelewm_assets.benchmarks.pins import DatasetPin
from codelewm_assets.benchmarks.published_tests import Runner
from codelewm_assets.core.digests import sha256_file, unit_interval
from codelewm_assets.core.errors import LiteralError, SourceFormatError, SourceMissingError
from codelewm_assets.core.files import json_lines
from codelewm_assets.core.ids import ALL_BENCHMARKS
from codelewm_assets.core.literals import read_value, write_value
from codelewm_assets.core.records import ExcludedProblem, Problem

ENTRY_POINT = "f"
COLUMNS = ("id", "code", "input", "output")
ROW_ID = re.compile(r"sample_([0-9]{1,6})")
TRIED_PER_INPUT = 2  # inputs of other rows that are run for each that a problem may get


@dataclass(frozen=True, slots=True)
class _Record:
    """One row with its literals in canonical form.

    Attributes:
        arguments: the literal of the list of positional arguments.
        types: names of the arguments' types.
    """

    problem_id: str
    code: str
    arguments: str
    types: tuple[str, ...]
    output: str


def pinned_version(pin: DatasetPin, environment: Mapping[str, str]) -> str:
    """Sha256 of the file that the environment names, else the dataset's commit. Raises: SourceMissingError: no such file."""
    named = environment.get(pin.environment)
    return sha256_file(_file(pin, named)) if named else pin.revision


def read_cruxeval(
    pin: DatasetPin, environment: Mapping[str, str], *, run: Runner, max_inputs: int | None
) -> tuple[list[Problem], list[ExcludedProblem]]:
    """Problems of the file that the environment names, or else of the Hub's dataset at the pinned commit.

    Raises: SourceMissingError: neither can be read. SourceFormatError: as `problems_of_records`, or a line is no JSON object.
    """
    version, named = pinned_version(pin, environment), environment.get(pin.environment)
    if named:
        rows, revision = _rows_of_file(_file(pin, named)), f"{pin.dataset}, a file of sha256 {version[:12]}"
    else:
        rows, revision = fetch_rows(pin.dataset, version), f"{pin.dataset}@{version[:12]}"
    return problems_of_records(rows, pin, revision, run=run, max_inputs=max_inputs)


def _file(pin: DatasetPin, named: str) -> Path:
    path = Path(named)
    if not path.is_file():
        raise SourceMissingError(
            f"{pin.environment} names {path}, which is not a file. Name a copy of the rows of {pin.dataset}, a JSON object a "
            "line, or unset it to read the Hub."
        )
    return path


def _rows_of_file(path: Path) -> list[Any]:
    rows = []
    with path.open("rb") as stream:
        for number, line in json_lines(stream):
            try:
                rows.append(json.loads(line.decode("utf-8")))
            except (ValueError, RecursionError) as error:
                raise SourceFormatError(
                    f"{path.name}, line {number}: not JSON ({error}). Fetch the file again."
                ) from error
    return rows


def problems_of_records(
    rows: Iterable[Any], pin: DatasetPin, revision: str, *, run: Runner, max_inputs: int | None
) -> tuple[list[Problem], list[ExcludedProblem]]:
    """A problem for each row whose program gives the published output, and the others with their reasons.

    The first input of a problem is the published one. Further ones are published inputs of other rows, of arguments of the same
    types, on which the program returns a value: on these the output is what the program gives.

    Args:
        revision: of the source, for records and messages.
        max_inputs: of one problem; None: all that there are.
    Raises: SourceFormatError: a row lacks a text or an id of its own, or its program does not define `f`.
    """
    checked = [_checked(row, f"{revision}, row {number}") for number, row in enumerate(rows, 1)]
    repeated = [name for name, count in Counter(row["id"] for row in checked).items() if count > 1]
    if repeated:
        raise SourceFormatError(
            f"{revision}: {len(repeated)} ids occur twice, first {min(repeated)}. Expected one row for each; fetch it again."
        )
    prefix, records, excluded = ALL_BENCHMARKS[pin.benchmark_id].prefix, list[_Record](), list[ExcludedProblem]()
    for row in checked:
        problem_id = f"{prefix}/{row['id'].removeprefix('sample_')}"
        try:
            records.append(_record(problem_id, row))
        except LiteralError as error:
            excluded.append(ExcludedProblem(problem_id=problem_id, reason=str(error)))
    of_types: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for record in records:
        of_types[record.types].append(record.arguments)
    problems = list[Problem]()
    for record in records:
        inputs = _inputs(record, of_types[record.types], run, max_inputs)
        if isinstance(inputs, ExcludedProblem):
            excluded.append(inputs)
        else:
            problems.append(_problem(record, inputs, pin, revision))
    return problems, excluded


def _checked(row: Any, place: str) -> Mapping[str, str]:
    """The row. Raises: SourceFormatError."""
    wrong = [name for name in COLUMNS if not isinstance(row, Mapping) or not isinstance(row.get(name), str)]
    if wrong:
        raise SourceFormatError(f"{place}: {', '.join(wrong)} missing or no text. Expected the columns of CRUXEval.")
    if not ROW_ID.fullmatch(row["id"]):
        raise SourceFormatError(f"{place}: id is {row['id'][:40]!r}; expected one such as sample_0.")
    try:
        defined = {node.name for node in ast.parse(row["code"]).body if isinstance(node, ast.FunctionDef)}
    except (SyntaxError, ValueError, RecursionError) as error:
        raise SourceFormatError(f"{place}: its code is no Python program ({error}). Fetch the rows again.") from error
    if ENTRY_POINT not in defined:
        raise SourceFormatError(f"{place}: its code defines {', '.join(sorted(defined)) or 'nothing'}; expected f.")
    return row  # type: ignore[no-any-return]


def _record(problem_id: str, row: Mapping[str, str]) -> _Record:
    """Raises: LiteralError: the input is no list of positional literals, or the output no literal."""
    try:
        call = ast.parse(f"{ENTRY_POINT}({row['input']})", mode="eval").body
    except (SyntaxError, ValueError, RecursionError) as error:
        raise LiteralError(f"its input does not parse: {row['input'][:60]}") from error
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name)) or call.keywords:
        raise LiteralError(f"its input is no list of positional arguments: {row['input'][:60]}")
    try:
        arguments = [read_value(ast.unparse(node)) for node in call.args]
        output = write_value(read_value(row["output"]))
    except LiteralError as error:
        raise LiteralError(f"its input or its output is no literal: {error}") from error
    types = tuple(type(argument).__name__ for argument in arguments)
    return _Record(problem_id, row["code"], write_value(arguments), types, output)


def _inputs(
    record: _Record, of_same_types: Sequence[str], run: Runner, max_inputs: int | None
) -> tuple[str, ...] | ExcludedProblem:
    """The published input and those of other rows on which the program returns; a problem that contradicts its row."""
    most = None if max_inputs is None else max_inputs - 1
    others = sorted(
        set(of_same_types) - {record.arguments}, key=lambda text: unit_interval("input", record.problem_id, text)
    )
    tried = others if most is None else others[: TRIED_PER_INPUT * most]
    output, *outputs = run(record.code, ENTRY_POINT, (record.arguments, *tried))
    if output is None:
        reason = "its program does not end on its input, or returns a value without a literal"
        return ExcludedProblem(problem_id=record.problem_id, reason=reason)
    if output != record.output:
        reason = f"its program gives {output[:60]}, published is {record.output[:60]}"
        return ExcludedProblem(problem_id=record.problem_id, reason=reason)
    returned = [text for text, result in zip(tried, outputs, strict=True) if result is not None]
    return (record.arguments, *returned[:most])


def _problem(record: _Record, inputs: tuple[str, ...], pin: DatasetPin, revision: str) -> Problem:
    return Problem(
        problem_id=record.problem_id,
        benchmark_id=pin.benchmark_id,
        benchmark_label=pin.benchmark_id,
        prompt="",  # nothing is asked of the program: it is given
        entry_point=ENTRY_POINT,
        reference=record.code,
        inputs=inputs,
        expected=(record.output, *(None for _ in inputs[1:])),
        atol=0.0,
        license=pin.license,
        license_attribution_url=pin.license_attribution_url,
        source_revision=revision,
        base_input_count=1,
    )
