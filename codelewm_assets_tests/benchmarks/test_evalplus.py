"""EvalPlus release files as read: inputs, outputs, refusals; and the published files where they are at hand."""

import gzip
import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from codelewm_assets.benchmarks.evalplus import COLUMNS, MAX_CHARACTERS, asserted_outputs, find_file, read_file
from codelewm_assets.benchmarks.pins import EVALPLUS_FILES
from codelewm_assets.core.errors import SourceDigestError, SourceFormatError
from codelewm_assets.core.ids import BenchmarkId
from codelewm_assets.core.literals import read_arguments
from codelewm_assets.core.records import ExcludedProblem, Problem
from codelewm_assets_tests.benchmarks.release_files import humaneval_row, mbpp_row, real_release, write_release

BENCHMARKS: tuple[BenchmarkId, ...] = ("humaneval", "mbpp_plus")
Read = tuple[list[Problem], list[ExcludedProblem]]


def read(folder: Path, benchmark: BenchmarkId, rows: list[dict[str, Any]], max_inputs: int = 24) -> Read:
    path, pin = write_release(folder, benchmark, rows)
    return read_file(path, pin, max_inputs=max_inputs)


def test_a_humaneval_row_becomes_a_problem_whose_reference_is_prompt_and_solution(tmp_path: Path) -> None:
    (problem,), excluded = read(tmp_path, "humaneval", [humaneval_row(7, atol=1e-4)])
    assert excluded == []
    assert (problem.problem_id, problem.benchmark_id, problem.benchmark_label) == ("HumanEval/7",) + ("humaneval",) * 2
    assert problem.reference == "def f(x):\n    return x\n"
    assert (problem.atol, problem.source_revision) == (1e-4, "HumanEvalPlus.jsonl.gz v0.1.10")
    assert problem.license == "Apache-2.0 AND MIT"
    assert set(problem.expected) == {None}


def test_an_mbpp_row_takes_published_outputs_where_an_assertion_states_them(tmp_path: Path) -> None:
    """The row asserts f(1) == 1 and f(9) == 9; of its inputs 1, 2, 3, 4 only the first is asserted."""
    (problem,), _ = read(tmp_path, "mbpp_plus", [mbpp_row()])
    assert problem.reference == "def f(x):\n    return x\n"
    assert dict(zip(problem.inputs, problem.expected, strict=True)) == {
        "[1]": "1",
        "[2]": None,
        "[3]": None,
        "[4]": None,
    }


def test_base_inputs_come_first_in_their_order_and_no_input_comes_twice(tmp_path: Path) -> None:
    row = humaneval_row(base_input=[[5], [1], [5]], plus_input=[[1], [8], [7], [6]])
    (problem,), _ = read(tmp_path, "humaneval", [row])
    assert problem.inputs[:2] == ("[5]", "[1]")
    assert sorted(problem.inputs[2:]) == ["[6]", "[7]", "[8]"]


def test_which_plus_inputs_are_kept_does_not_depend_on_their_order(tmp_path: Path) -> None:
    plus = [[n] for n in range(10, 30)]
    kept = [
        read(tmp_path / name, "humaneval", [humaneval_row(plus_input=order)], max_inputs=5)[0][0].inputs
        for name, order in (("a", plus), ("b", plus[::-1]))
    ]
    assert kept[0] == kept[1] and len(kept[0]) == 5


def test_types_that_json_loses_are_restored(tmp_path: Path) -> None:
    row = mbpp_row(2, base_input=[[[3, 4], [5, 4]]], plus_input=[], assertion="assert f((3, 4), (5, 4)) == (4,)")
    (problem,), _ = read(tmp_path, "mbpp_plus", [row])
    assert (problem.inputs, problem.expected) == (("[(3, 4), (5, 4)]",), ("(4,)",))


def test_a_map_in_place_of_no_plus_inputs_is_no_inputs(tmp_path: Path) -> None:
    (problem,), _ = read(tmp_path, "mbpp_plus", [mbpp_row(793, plus_input={})])
    assert problem.inputs == ("[1]", "[2]")


def test_a_problem_with_no_usable_input_is_excluded_with_the_reason(tmp_path: Path) -> None:
    too_long = humaneval_row(1, base_input=[["x" * (MAX_CHARACTERS + 1)]], plus_input=[])
    problems, excluded = read(tmp_path, "humaneval", [humaneval_row(0), too_long])
    assert [p.problem_id for p in problems] == ["HumanEval/0"]
    assert [(r.problem_id, "no usable input" in r.reason) for r in excluded] == [("HumanEval/1", True)]


def test_an_input_that_is_too_long_is_passed_over(tmp_path: Path) -> None:
    row = humaneval_row(base_input=[["x" * MAX_CHARACTERS], [1]], plus_input=[])
    assert read(tmp_path, "humaneval", [row])[0][0].inputs == ("[1]",)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, share: float) -> None:
    path, pin = write_release(tmp_path, "humaneval", [humaneval_row(n) for n in range(20)])
    data = path.read_bytes()
    path.write_bytes(data[: max(1, int(len(data) * share))])
    with pytest.raises(SourceFormatError, match=r"not a readable \.jsonl\.gz file .* fetch it again"):
        read_file(path, pin, max_inputs=4)


@pytest.mark.parametrize(
    "content", [b"not gzip", gzip.compress(b"{not json}\n", mtime=0), gzip.compress(b"\xff\xfe\n", mtime=0)]
)
def test_a_file_that_is_not_gzipped_json_lines_is_refused(tmp_path: Path, content: bytes) -> None:
    path, pin = write_release(tmp_path, "humaneval", [humaneval_row()])
    path.write_bytes(content)
    with pytest.raises(SourceFormatError, match=r"not a readable \.jsonl\.gz file"):
        read_file(path, pin, max_inputs=4)


def test_an_altered_byte_is_refused(tmp_path: Path) -> None:
    path, pin = write_release(tmp_path, "humaneval", [humaneval_row()])
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(SourceDigestError, match=rf"sha256 is \w{{12}}…, the pin says {pin.sha256[:12]}…"):
        find_file(pin, {pin.environment: str(path)}, tmp_path)


@pytest.mark.parametrize("row_count", [1, 3])
def test_a_wrong_row_count_is_refused(tmp_path: Path, row_count: int) -> None:
    path, pin = write_release(tmp_path, "humaneval", [humaneval_row(0), humaneval_row(1)])
    with pytest.raises(SourceFormatError, match=f"2 problems, v0.1.10 has {row_count}"):
        read_file(path, replace(pin, row_count=row_count), max_inputs=4)


@pytest.mark.parametrize("column", COLUMNS)
def test_a_missing_column_is_named_with_its_row(tmp_path: Path, column: str) -> None:
    lacking = {key: value for key, value in humaneval_row(1).items() if key != column}
    with pytest.raises(SourceFormatError, match=rf"row 2: lacks \['{column}'\]"):
        read(tmp_path, "humaneval", [humaneval_row(0), lacking])


def test_only_plain_assertions_on_literals_state_an_output() -> None:
    text = "import math\nassert f(1, 'a') == [1]\nassert not f(2)\nassert math.isclose(f(3), 3.0)\nassert f(x) == 1\n"
    assert asserted_outputs(text + "assert g(4) == 4\nassert f(5) == h(5)\n", "f") == {"[1, 'a']": "[1]"}
    assert asserted_outputs("assert f(1) ==", "f") == {}


# The published files.

NOT_AS_ASSERTED = {
    "Mbpp/87": "keys that several of the asserted maps share stand in one of the released maps only",
    "Mbpp/104": "asserted on a tuple of lists, released and judged by EvalPlus as a list of lists",
    "Mbpp/145": "asserted on a tuple, released and judged by EvalPlus as a list",
    "Mbpp/252": "asserted on whole numbers, which EvalPlus makes complex numbers of the same value",
}


@cache
def published(benchmark: BenchmarkId) -> Read:
    return read_file(real_release(benchmark), EVALPLUS_FILES[benchmark], max_inputs=24)


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_the_published_file_is_the_pinned_one(benchmark: BenchmarkId, tmp_path: Path) -> None:
    path = real_release(benchmark)
    pin = EVALPLUS_FILES[benchmark]
    assert find_file(pin, {pin.environment: str(path)}, tmp_path) == path


@pytest.mark.parametrize(("benchmark", "count"), [("humaneval", 164), ("mbpp_plus", 378)])
def test_every_published_problem_is_usable(benchmark: BenchmarkId, count: int) -> None:
    problems, excluded = published(benchmark)
    assert (len(problems), excluded) == (count, [])
    assert len({p.problem_id for p in problems}) == count
    for problem in problems:
        assert 1 <= len(problem.inputs) == len(problem.expected) <= 24, problem.problem_id
        for text in problem.inputs:
            read_arguments(text)


def _asserted() -> dict[str, dict[str, str]]:
    """Task id → input literal → output literal, of the problems that have a plain assertion."""
    path = real_release("mbpp_plus")
    rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    found = {row["task_id"]: asserted_outputs(row["assertion"], row["entry_point"]) for row in rows}
    return {task: outputs for task, outputs in found.items() if outputs}


def test_asserted_arguments_of_each_mbpp_problem_are_among_its_first_inputs_with_their_types() -> None:
    """Of 378 problems 354 have an assertion that can be read as text; 24 use set(), isclose or no comparison."""
    inputs = {p.problem_id: p.inputs for p in published("mbpp_plus")[0]}
    asserted = _asserted()
    assert len(asserted) == 354
    unmatched = {task for task, outputs in asserted.items() if not set(outputs) & set(inputs[task])}
    assert unmatched == set(NOT_AS_ASSERTED)


def test_all_asserted_arguments_of_an_mbpp_problem_are_inputs_but_for_keys_that_json_made_text() -> None:
    """Mbpp/301 asserts on a map with whole numbers as keys; JSON has text keys only, and EvalPlus leaves them so."""
    inputs = {p.problem_id: p.inputs for p in published("mbpp_plus")[0]}
    partly = {task for task, outputs in _asserted().items() if 0 < len(set(outputs) - set(inputs[task])) < len(outputs)}
    assert partly == {"Mbpp/301"}


def test_an_asserted_output_becomes_the_inputs_expected_output() -> None:
    expected = {p.problem_id: dict(zip(p.inputs, p.expected, strict=True)) for p in published("mbpp_plus")[0]}
    for task, outputs in _asserted().items():
        for arguments, output in outputs.items():
            assert expected[task].get(arguments, output) == output, task
    assert sum(value is not None for of in expected.values() for value in of.values()) > 1000
