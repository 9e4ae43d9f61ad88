"""CRUXEval's rows: a problem for each that its program bears out, the others counted, damage named by row."""

import re
from pathlib import Path
from typing import Any

import pytest

from codelewm_assets.benchmarks import cruxeval
from codelewm_assets.benchmarks.cruxeval import pinned_version, problems_of_records, read_cruxeval
from codelewm_assets.benchmarks.hub import REVISION
from codelewm_assets.benchmarks.pins import DATASETS
from codelewm_assets.benchmarks.published_tests import Runner
from codelewm_assets.core.digests import sha256_file
from codelewm_assets.core.errors import SourceFormatError, SourceMissingError
from codelewm_assets.core.literals import read_arguments, write_value
from codelewm_assets.core.records import ExcludedProblem, Problem
from codelewm_assets_tests.benchmarks.cruxeval_rows import cruxeval_row, cruxeval_rows, write_rows
from codelewm_assets_tests.cases import each_case

PIN = DATASETS["cruxeval_o"]


def run_here(code: str, entry_point: str, inputs: tuple[str, ...]) -> list[str | None]:
    """A runner for programs that the tests wrote."""
    names: dict[str, Any] = {}
    exec(code, names)
    outputs = list[str | None]()
    for text in inputs:
        try:
            outputs.append(write_value(names[entry_point](*read_arguments(text))))
        except Exception:
            outputs.append(None)
    return outputs


def read(*rows: Any, max_inputs: int | None = 3) -> tuple[list[Problem], list[ExcludedProblem]]:
    return problems_of_records(rows, PIN, "rows", run=run_here, max_inputs=max_inputs)


def test_a_row_is_a_problem_with_its_program_its_input_and_its_output() -> None:
    (problem,), excluded = read(cruxeval_row(0, input="[1, 2, 3]", output="[1,3]"))
    assert excluded == []
    assert (problem.problem_id, problem.benchmark_id, problem.entry_point) == ("CRUXEval/0", "cruxeval_o", "f")
    assert problem.reference == cruxeval_row(0)["code"] and problem.prompt == ""
    assert (problem.inputs, problem.expected, problem.base_input_count) == (("[[1, 2, 3]]",), ("[1, 3]",), 1)
    assert (problem.license, problem.source_revision) == ("MIT", "rows")


def test_further_inputs_are_those_of_rows_with_arguments_of_the_same_types_on_which_the_program_returns() -> None:
    code = "def f(numbers):\n    return 12 // numbers[0]"  # on [0] it raises
    inputs = ["[3]", "[0]", "[4]", "[6]", "'text'", "[3], 1"]
    rows = [
        cruxeval_row(0, id=f"sample_{n}", code=code if n == 0 else "def f(*given):\n    return 0", input=text,
                     output="4" if n == 0 else "0")
        for n, text in enumerate(inputs)
    ]  # fmt: skip
    problems, _ = read(*rows, max_inputs=None)
    first, text, two = (next(p for p in problems if p.problem_id == f"CRUXEval/{n}") for n in (0, 4, 5))
    assert first.inputs[0] == "[[3]]" and set(first.inputs[1:]) == {"[[4]]", "[[6]]"}
    assert first.expected == ("4", None, None)
    assert (text.inputs, two.inputs) == (("['text']",), ("[[3], 1]",))
    assert [len(p.inputs) for p in read(*rows, max_inputs=2)[0]] == [2, 2, 2, 2, 1, 1]
    assert read(*rows) == read(*rows)


@each_case(
    ("changes", "reason"),
    [
        ({"output": "[1, 2]"}, "its program gives [1, 3], published is [1, 2]"),
        ({"output": "[1.0, 3.0]"}, "its program gives [1, 3], published is [1.0, 3.0]"),
        ({"output": "print(1)"}, "its input or its output is no literal"),
        ({"input": "[1, 2"}, "its input does not parse: [1, 2"),
        ({"input": "numbers=[1]"}, "its input is no list of positional arguments: numbers=[1]"),
        ({"input": "[1]) + f([2]"}, "its input is no list of positional arguments"),
        ({"input": "open('x')"}, "its input or its output is no literal"),
        ({"input": "5"}, "its program does not end on its input, or returns a value without a literal"),
    ],
)
def test_a_row_that_its_program_does_not_bear_out_is_counted_with_the_reason(
    changes: dict[str, object], reason: str
) -> None:
    (kept,), (excluded,) = read(cruxeval_row(1), cruxeval_row(0, **changes))
    assert (kept.problem_id, excluded.problem_id) == ("CRUXEval/1", "CRUXEval/0")
    assert excluded.reason.startswith(reason)


@each_case(
    ("row", "fault"),
    [
        ([1], "rows, row 2: id, code, input, output missing or no text"),
        (cruxeval_row(0, output=None), "rows, row 2: output missing or no text"),
        (cruxeval_row(0, input=7), "rows, row 2: input missing or no text"),
        (cruxeval_row(0, id="task-0"), "rows, row 2: id is 'task-0'; expected one such as sample_0"),
        (cruxeval_row(0, code="def f(:"), "rows, row 2: its code is no Python program"),
        (cruxeval_row(0, code="def g():\n    pass"), "rows, row 2: its code defines g; expected f"),
        (cruxeval_row(1), "rows: 1 ids occur twice, first sample_1"),
    ],
)
def test_a_damaged_row_stops_the_reader_and_is_named(row: Any, fault: str) -> None:
    with pytest.raises(SourceFormatError, match=re.escape(fault)):
        read(cruxeval_row(1), row)


def test_no_rows_are_no_problems() -> None:
    assert read() == ([], [])


def test_a_file_is_read_as_it_is_and_its_digest_is_the_version(tmp_path: Path, run: Runner) -> None:
    path = write_rows(tmp_path / "cruxeval.jsonl", cruxeval_rows())
    environment = {PIN.environment: str(path)}
    problems, excluded = read_cruxeval(PIN, environment, run=run, max_inputs=3)
    assert (len(problems), excluded) == (15, [])
    assert {len(problem.inputs) for problem in problems} == {3}
    assert pinned_version(PIN, environment) == sha256_file(path)
    assert problems[0].source_revision == f"cruxeval-org/cruxeval, a file of sha256 {sha256_file(path)[:12]}"


def test_a_file_that_is_not_there_and_a_line_that_is_no_json_are_one_error_each(tmp_path: Path) -> None:
    path = tmp_path / "cruxeval.jsonl"
    with pytest.raises(SourceMissingError, match=r"CODELEWM_CRUXEVAL_O_FILE names .*, which is not a file"):
        read_cruxeval(PIN, {PIN.environment: str(path)}, run=run_here, max_inputs=3)
    path.write_text('{"id": "sample_0"\n', encoding="utf-8")
    with pytest.raises(SourceFormatError, match=r"cruxeval.jsonl, line 1: not JSON"):
        read_cruxeval(PIN, {PIN.environment: str(path)}, run=run_here, max_inputs=3)


def test_without_a_file_the_hub_is_read_at_the_pinned_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[tuple[str, str]]()

    def fetch_rows(repository: str, revision: str) -> list[dict[str, object]]:
        asked.append((repository, revision))
        return [cruxeval_row(0)]

    monkeypatch.setattr(cruxeval, "fetch_rows", fetch_rows)
    (problem,), _ = read_cruxeval(PIN, {}, run=run_here, max_inputs=3)
    assert asked == [("cruxeval-org/cruxeval", PIN.revision)] and REVISION.fullmatch(PIN.revision)
    assert problem.source_revision == f"cruxeval-org/cruxeval@{PIN.revision[:12]}"
    assert pinned_version(PIN, {}) == PIN.revision
