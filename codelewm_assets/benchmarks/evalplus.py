"""EvalPlus release files: located, verified against their pin, and read with the types that JSON loses."""

import ast
import gzip
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from codelewm_assets.benchmarks.evalplus_types import restore_types
from codelewm_assets.benchmarks.humaneval import full_reference
from codelewm_assets.benchmarks.pins import FilePin
from codelewm_assets.core.digests import sha256_file, unit_interval
from codelewm_assets.core.errors import LiteralError, SourceDigestError, SourceFormatError, SourceMissingError
from codelewm_assets.core.literals import read_value, write_value
from codelewm_assets.core.records import ExcludedProblem, Problem

COLUMNS = ("task_id", "prompt", "entry_point", "canonical_solution", "base_input", "plus_input", "atol")
Suite = Literal["base", "plus"]
MAX_CHARACTERS = 20_000  # longer inputs are skipped: no model reads them


def find_file(pin: FilePin, environment: Mapping[str, str], cache: Path, *, url: str | None = None) -> Path:
    """The release file: the one that the environment names, else the cached download.

    Raises: SourceMissingError: no file, no cache, no network. SourceDigestError: the bytes are not the pinned ones.
    """
    named = environment.get(pin.environment)
    path = Path(named) if named else _download(pin, cache, url or pin.url)
    if not path.is_file():
        raise SourceMissingError(f"{pin.environment} names {path}, which is not a file. {_remedies(pin)}")
    actual = sha256_file(path)
    if actual != pin.sha256:
        raise SourceDigestError(
            f"{path.name}: sha256 is {actual[:12]}…, the pin says {pin.sha256[:12]}… ({pin.version}, benchmarks/pins.py). "
            "Fetch the file again, or change the pin in a reviewed commit."
        )
    return path


def _download(pin: FilePin, cache: Path, url: str) -> Path:
    import pooch
    import requests

    try:
        return Path(pooch.retrieve(url, known_hash=f"sha256:{pin.sha256}", path=cache, fname=pin.file_name))
    except (OSError, requests.RequestException) as error:
        raise SourceMissingError(
            f"{pin.file_name} {pin.version} could not be downloaded ({type(error).__name__}). {_remedies(pin)}"
        ) from error
    except ValueError as error:
        raise SourceDigestError(
            f"{pin.file_name}: the download is not the pinned {pin.sha256[:12]}… ({pin.version}). "
            "Fetch the file by hand, compare its sha256, and name it in " + pin.environment + "."
        ) from error


def _remedies(pin: FilePin) -> str:
    return (
        f"Provide one of three: a local copy of {pin.file_name} ({pin.version}) named in {pin.environment}; "
        f"a network that reaches the published release ({pin.url}); or a network that reaches the Hugging Face Hub, with "
        f"the dataset's revision in {pin.revision_environment}."
    )


def read_file(
    path: Path, pin: FilePin, *, max_inputs: int | None, suite: Suite = "plus"
) -> tuple[list[Problem], list[ExcludedProblem]]:
    """Problems of a release file. Raises: SourceFormatError: truncated, not JSON, columns or rows missing."""
    rows = _rows(path)
    if len(rows) != pin.row_count:
        raise SourceFormatError(
            f"{path.name}: {len(rows)} problems, {pin.version} has {pin.row_count}. Fetch the file again."
        )
    problems, excluded = list[Problem](), list[ExcludedProblem]()
    for number, row in enumerate(rows, 1):
        missing_columns = [name for name in COLUMNS if name not in row]
        if missing_columns:
            raise SourceFormatError(
                f"{path.name}, row {number}: lacks {missing_columns}. Fetch the pinned {pin.version} again."
            )
        inputs, base_count = _inputs(row, max_inputs, suite)
        if not inputs:
            excluded.append(
                ExcludedProblem(problem_id=row["task_id"], reason="no usable input: all are too long or no literal")
            )
            continue
        problems.append(_problem(row, pin, inputs, base_count))
    return problems, excluded


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        text = gzip.decompress(path.read_bytes()).decode("utf-8")
        return [json.loads(line) for line in text.split("\n") if line.strip()]
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise SourceFormatError(
            f"{path.name}: not a readable .jsonl.gz file ({error}). It may be truncated; fetch it again."
        ) from error


def _problem(row: Mapping[str, Any], pin: FilePin, inputs: list[str], base_count: int) -> Problem:
    expected = asserted_outputs(row.get("assertion", ""), row["entry_point"])
    return Problem(
        problem_id=row["task_id"],
        benchmark_id=pin.benchmark_id,
        benchmark_label=pin.benchmark_id,
        prompt=row["prompt"],
        entry_point=row["entry_point"],
        reference=full_reference(row, pin.benchmark_id),
        inputs=tuple(inputs),
        expected=tuple(expected.get(text) for text in inputs),
        atol=float(row["atol"]),
        license=pin.license,
        license_attribution_url=pin.license_attribution_url,
        source_revision=f"{pin.file_name} {pin.version}",
        base_input_count=base_count,
    )


def _inputs(row: Mapping[str, Any], max_inputs: int | None, suite: Suite) -> tuple[list[str], int]:
    """Distinct input literals, and how many of them are base: these in order, then plus inputs in an order fixed by hash.

    Without a limit, inputs longer than `MAX_CHARACTERS` are included.
    """
    base = [text for item in _listed(row["base_input"]) if (text := _literal(row["task_id"], item))]
    plus = list[str]()
    if suite == "plus":
        plus = [text for item in _listed(row["plus_input"]) if (text := _literal(row["task_id"], item))]
        plus.sort(key=lambda text: unit_interval("plus_input", text))
    usable = [text for text in base + plus if max_inputs is None or len(text) <= MAX_CHARACTERS]
    chosen = list(dict.fromkeys(usable))[:max_inputs]
    return chosen, len(set(base) & set(chosen))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []  # one MBPP-Plus row publishes an empty map for no plus inputs


def _literal(task_id: str, arguments: list[Any]) -> str | None:
    try:
        return write_value(list(restore_types(task_id, arguments)))
    except LiteralError:
        return None


def asserted_outputs(assertion: str, entry_point: str) -> dict[str, str]:
    """Input literal → output literal of the plain `assert f(…) == …` lines of an MBPP problem."""
    outputs: dict[str, str] = {}
    try:
        tree = ast.parse(assertion.strip())
    except SyntaxError:
        return outputs
    for statement in tree.body:
        match statement:
            case ast.Assert(
                test=ast.Compare(left=ast.Call(func=ast.Name(id=name), args=args), ops=[ast.Eq()], comparators=[right])
            ) if name == entry_point:
                try:
                    inputs = write_value([read_value(ast.unparse(node)) for node in args])
                    outputs[inputs] = write_value(read_value(ast.unparse(right)))
                except LiteralError:
                    continue
    return outputs
