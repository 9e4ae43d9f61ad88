"""Samples in one JSON document: EvalPlus' `eval_results.json`, generations of bigcode-evaluation-harness, lists of rows."""

import json
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from codelewm_assets.completions.samples.raw import RawSample, RejectedRow, malformed
from codelewm_assets.completions.samples.rows import of_object, opened, status, unreadable
from codelewm_assets.core.errors import ReportError
from codelewm_assets.core.ids import BENCHMARKS, BenchmarkId
from codelewm_assets.core.records import Problem

MAX_DOCUMENT_BYTES = 1 << 30
MAX_FIRST_LINE_BYTES = 1 << 20
HUMANEVAL_TASKS = 164
MBPP_TEST = range(11, 511)
"""Task ids of MBPP's test split, which the harness samples for `mbpp`."""


def read_document(path: Path) -> Any:
    """The content of a file that is one JSON list, or one object with the key `eval`; None for JSON lines and other texts.

    Raises: ReportError: it cannot be read or is too long.
    """
    try:
        with opened(path) as handle:
            first = handle.readline(MAX_FIRST_LINE_BYTES)
            row = _parsed(first)
            if first.strip() and row is not None and not (isinstance(row, list) or _has_results(row)):
                return None
            content = first + handle.read(MAX_DOCUMENT_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(path, error) from error
    if len(content) > MAX_DOCUMENT_BYTES:
        raise ReportError(
            f"{path.name} is one JSON document of over {MAX_DOCUMENT_BYTES >> 20} MiB. Split it into JSON lines."
        )
    document = _parsed(content)
    return document if isinstance(document, list) or _has_results(document) else None


def _has_results(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("eval"), dict) and "task_id" not in value


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None


def eval_results(document: Mapping[str, Any]) -> Iterator[RawSample | RejectedRow]:
    """Samples of `eval_results.json`, each with its verdicts."""
    for task_id, samples in document["eval"].items():
        if not isinstance(samples, list):
            yield malformed(task_id, "no list of samples; expected eval_results.json of EvalPlus 0.2 or later")
            continue
        for number, sample in enumerate(samples):
            place, text = f"{task_id} sample {number}", sample.get("solution") if isinstance(sample, dict) else None
            if not isinstance(text, str):
                yield malformed(place, "no solution; expected eval_results.json of EvalPlus 0.2 or later")
                continue
            yield RawSample(
                place, task_id, text, form="program",
                published_base=status(sample.get("base_status")), published_plus=status(sample.get("plus_status")),
            )  # fmt: skip


def rows_of(document: Sequence[Any]) -> Iterator[RawSample | RejectedRow]:
    """Samples of a list of JSON objects."""
    return (of_object(row, f"row {number}") for number, row in enumerate(document))


def is_generations(document: Any) -> bool:
    """A list of lists of texts."""
    return isinstance(document, list) and bool(document) and all(
        isinstance(group, list) and all(isinstance(text, str) for text in group) for group in document
    )  # fmt: skip


def generations(
    path: Path, document: Sequence[Sequence[str]], benchmark: BenchmarkId | None, problems: Mapping[str, Problem]
) -> Iterator[RawSample | RejectedRow]:
    """Samples of the harness, a list a problem, in the order of its tasks.

    The order is that of the references which the harness saved beside them (`generations` in the file's name is `references`
    there), or else that of the benchmark whose number of problems it is.

    Args:
        benchmark: as the profile says; None: by the references or the number of lists.
        problems: of all benchmarks, by id.

    Raises: ReportError: the order is not known.
    """
    references = references_of(path)
    tasks = _order_of_references(references, len(document), benchmark, problems) if references else None
    tasks = tasks or _order_by_count(path, len(document), benchmark, problems)
    for index, (task, group) in enumerate(zip(tasks, document, strict=True)):
        for number, text in enumerate(group):
            yield RawSample(f"list {index} sample {number}", task, text)


def references_of(path: Path) -> Path | None:
    """The file of references beside generations; None where there is none."""
    sibling = path.with_name(path.name.replace("generations", "references"))
    return sibling if sibling != path and sibling.is_file() else None


def _order_of_references(
    path: Path, count: int, benchmark: BenchmarkId | None, problems: Mapping[str, Problem]
) -> list[str]:
    """Ids in the order of the references, each by the function that its tests call.

    Raises: ReportError: these are not as many texts, or a test calls no problem's function.
    """
    texts = read_document(path)
    if not isinstance(texts, list) or len(texts) != count:
        raise ReportError(f"{path.name}: expected a list of {count} tests, one for each list of generations.")
    names = [_tested(str(text)) for text in texts]
    entry_points = {b: {p.entry_point for p in problems.values() if p.benchmark_id == b} for b in BENCHMARKS}
    hits = Counter({b: sum(name in known for name in names) for b, known in entry_points.items()})
    chosen = benchmark or hits.most_common(1)[0][0]
    waiting = dict[str, list[str]]()
    for problem in sorted((p for p in problems.values() if p.benchmark_id == chosen), key=_number):
        waiting.setdefault(problem.entry_point, []).append(problem.problem_id)
    return [waiting[name].pop(0) if waiting.get(name) else f"test of {name}" for name in names]


def _tested(text: str) -> str:
    """Name of the function that a reference's test calls: `check(NAME)` of HumanEval, `assert NAME(…)` of MBPP."""
    checked = re.findall(r"\bcheck\((\w+)\)", text)
    if checked:
        return str(checked[-1])
    calls = re.findall(r"\bassert\s+.*?\b(?!assert\b|not\b|set\b|math\b|isclose\b|abs\b|round\b|sorted\b)(\w+)\(", text)
    return str(calls[0]) if calls else ""


def _order_by_count(
    path: Path, count: int, benchmark: BenchmarkId | None, problems: Mapping[str, Problem]
) -> list[str]:
    known = sorted((p for p in problems.values() if p.benchmark_id == "mbpp_plus"), key=_number)
    if (benchmark == "humaneval" and count <= HUMANEVAL_TASKS) or (benchmark is None and count == HUMANEVAL_TASKS):
        return [f"{BENCHMARKS['humaneval'].prefix}/{number}" for number in range(count)]
    if benchmark != "humaneval" and count == len(MBPP_TEST):
        return [f"{BENCHMARKS['mbpp_plus'].prefix}/{number}" for number in MBPP_TEST]
    if benchmark != "humaneval" and count == len(known) and count > 1:
        return [problem.problem_id for problem in known]
    raise ReportError(
        f"{path.name}: {count} lists of generations, and nothing says of which problems. Expected {HUMANEVAL_TASKS} lists for "
        f"HumanEval, {len(MBPP_TEST)} for MBPP's test split or {len(known)} for MBPP-Plus of this build; else put the "
        "harness' references beside the file, or state the benchmark in the profile."
    )


def _number(problem: Problem) -> tuple[int, str]:
    digits = re.findall(r"\d+", problem.problem_id)
    return int(digits[-1]) if digits else -1, problem.problem_id
