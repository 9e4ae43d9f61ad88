"""Samples of a source as completions: their problem, their id, what is counted."""

import json
from pathlib import Path
from typing import Any

import pytest

from codelewm_assets.completions.samples.read import Sample, SourceReader
from codelewm_assets.completions.samples.sources import LocalSource, SampleSource
from codelewm_assets.core.records import Completion
from codelewm_assets.core.sample_records import SourceReading, UnreadRows
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.factories import make_problem

PROMPT = "from typing import List\n\n\ndef solve(x):\n"
HUMANEVAL = make_problem(0, problem_id="HumanEval/7", prompt=PROMPT, reference=PROMPT + "    return x + 1")
MBPP = make_problem(0, "mbpp_plus", problem_id="Mbpp/234", prompt='"""Add two."""\n')
PROBLEMS = {problem.problem_id: problem for problem in (HUMANEVAL, MBPP)}
CODE = "def solve(y):\n    return y * 2\n"


def read(folder: Path, *rows: Any, **settings: Any) -> tuple[list[Sample], SourceReading]:
    """What a file of these rows gives; a text is a line as it is."""
    path = folder / "in.jsonl"
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows), encoding="utf-8")
    reader = SourceReader(LocalSource("mine", path, SampleSource(str(path), **settings)), PROBLEMS)
    return list(reader.samples()), reader.reading


def test_a_sample_becomes_a_completion_whose_id_names_source_and_model(tmp_path: Path) -> None:
    row = {"task_id": "HumanEval/7", "solution": CODE, "model": "lab/gpt 4", "llm_order_rank": 3, "completion_id": 17}
    [first, second, other], reading = read(tmp_path, row, row, {"task_id": "HumanEval/7", "solution": CODE})
    assert first.program == Completion(
        completion_id="HumanEval/7/mine:lab-gpt-4/m000", problem_id="HumanEval/7", benchmark_id="humaneval",
        completion_kind="model", operator_family="model", operators=(), code=CODE, entry_point="solve",
        source_completion_id="17", source="mine", llm="lab/gpt 4", llm_order_rank=3,
    )  # fmt: skip
    assert [second.sample_id, other.sample_id] == ["HumanEval/7/mine:lab-gpt-4/m001", "HumanEval/7/mine/m000"]
    assert reading == SourceReading(
        source="mine", file="in.jsonl", form="JSON lines", row_count=3, program_count=3, unread=()
    )


def test_two_models_whose_names_look_alike_in_ids_share_a_count_and_no_id(tmp_path: Path) -> None:
    rows = [{"task_id": "HumanEval/7", "solution": CODE, "model": name} for name in ("a/b", "a-b")]
    samples, _ = read(tmp_path, *rows)
    assert [(s.llm, s.sample_id[-4:]) for s in samples] == [("a/b", "m000"), ("a-b", "m001")]


def test_the_models_name_is_the_rows_and_else_the_sources(tmp_path: Path) -> None:
    rows = [{"task_id": "HumanEval/7", "solution": CODE} | row for row in ({"llm": "own"}, {})]
    samples, _ = read(tmp_path, *rows, model="stated")
    assert [s.llm for s in samples] == ["own", "stated"]


@each_case(
    ("written", "benchmark", "problem"),
    [
        ("HumanEval/7", None, "HumanEval/7"),
        ("HumanEval_7", None, "HumanEval/7"),
        ("Python/7", None, "HumanEval/7"),
        ("HumanEval_7_has_close_elements", None, "HumanEval/7"),
        ("mbpp_234_name", None, "Mbpp/234"),
        ("MBPP/234", None, "Mbpp/234"),
        (234, "mbpp_plus", "Mbpp/234"),
        ("234", "mbpp_plus", "Mbpp/234"),
        (7, "humaneval", "HumanEval/7"),
    ],
)
def test_ids_are_read_as_peers_write_them(written: Any, benchmark: str | None, problem: str, tmp_path: Path) -> None:
    [sample], _ = read(tmp_path, {"task_id": written, "solution": CODE}, benchmark=benchmark)
    assert sample.problem.problem_id == problem


def test_rows_of_several_benchmarks_stand_in_one_file(tmp_path: Path) -> None:
    rows = [{"task_id": name, "solution": CODE} for name in ("HumanEval/7", "Mbpp/234")]
    samples, reading = read(tmp_path, *rows, {"task_id": 234, "benchmark": "mbpp", "solution": CODE})
    assert [s.problem.benchmark_id for s in samples] == ["humaneval", "mbpp_plus", "mbpp_plus"]
    assert reading.program_count == 3


@each_case(
    ("row", "benchmark", "reason", "fault"),
    [
        ({"task_id": "Mbpp/234"}, "humaneval", "other_benchmark", "problem 'Mbpp/234' is of mbpp_plus, and humaneval is stated"),
        ({"task_id": "Mbpp/999"}, "humaneval", "other_benchmark", "problem 'Mbpp/999' is of mbpp_plus"),
        ({"task_id": 7, "benchmark": "mbpp"}, "humaneval", "other_benchmark", "problem 7 is of mbpp_plus"),
        ({"task_id": 7, "benchmark": "ds1000"}, "humaneval", "other_benchmark", "'ds1000' is no known benchmark"),
        ({"task_id": "HumanEval/7", "benchmark_id": "mbpp_plus"}, None, "other_benchmark", "problem 'HumanEval/7' is of humaneval"),
        ({"task_id": 7, "benchmark": "ds1000"}, None, "unknown_problem", "'ds1000' is no known benchmark"),
        ({"task_id": "HumanEval/8"}, None, "unknown_problem", "problem 'HumanEval/8' is not one of this build's"),
        ({"task_id": 7}, None, "unknown_problem", "problem 7 is not one of this build's; a number is one of a benchmark, which"),
        ({}, None, "unknown_problem", "problem None is not one of"),
        ({"task_id": ["HumanEval/7"]}, None, "unknown_problem", "problem None is not one of"),
    ],
)  # fmt: skip
def test_a_row_of_no_problem_is_counted_with_its_place(
    row: Any, benchmark: str | None, reason: str, fault: str, tmp_path: Path
) -> None:
    samples, reading = read(tmp_path, {"solution": CODE} | row, {"solution": CODE} | row, benchmark=benchmark)
    [unread] = reading.unread
    assert (samples, unread.reason, unread.count, reading.program_count) == ([], reason, 2, 0)
    assert unread.example.startswith(f"line 1: {fault}")


def test_a_text_that_cannot_be_stored_is_no_sample(tmp_path: Path) -> None:
    samples, reading = read(tmp_path, {"task_id": "HumanEval/7", "solution": "x = '\ud800'"})
    [unread] = reading.unread
    assert (samples, unread.reason) == ([], "malformed")
    assert unread.example == "line 1: a text holds half a surrogate pair, which UTF-8 cannot write"


def test_an_answer_without_code_is_a_sample_without_a_program(tmp_path: Path) -> None:
    rows = [
        {"task_id": "HumanEval/7", "solution": text}
        for text in ("I cannot help.", " ", "def other(x):\n    return x", "def solve(:")
    ]
    samples, reading = read(tmp_path, *rows)
    assert [s.program.code if s.program else None for s in samples] == [
        None,
        None,
        rows[2]["solution"],
        rows[3]["solution"],
    ]
    assert reading == SourceReading(
        source="mine", file="in.jsonl", form="JSON lines", row_count=4, program_count=0,
        unread=(
            UnreadRows(reason="does_not_parse", count=1, example="line 4: its program does not parse (solve)"),
            UnreadRows(reason="no_entry_point", count=1, example="line 3: its program does not define the entry point (solve)"),
            UnreadRows(reason="no_program", count=2, example="line 1: holds no program (solve)"),
        ),
    )  # fmt: skip


@pytest.mark.parametrize("form", ["program", "continuation"])
def test_a_text_that_is_stated_to_be_a_program_is_one_even_if_it_is_broken(form: str, tmp_path: Path) -> None:
    [sample], reading = read(tmp_path, {"task_id": "HumanEval/7", "solution": "    return ("}, prompt_form=form)
    assert sample.program is not None and reading.program_count == 1
    assert sample.program.code == (PROMPT if form == "continuation" else "") + "    return ("
    assert [(row.reason, row.count) for row in reading.unread] == [("does_not_parse", 1)]


def test_the_cap_of_a_source_takes_the_first_samples_of_each_model_and_problem(tmp_path: Path) -> None:
    rows = [{"task_id": "HumanEval/7", "solution": CODE, "model": name} for name in "abaab"]
    samples, reading = read(tmp_path, *rows, most_per_problem=2)
    assert [s.sample_id.partition("mine:")[2] for s in samples] == ["a/m000", "b/m000", "a/m001", "b/m001"]
    assert reading.row_count == 4


def test_an_empty_file_gives_nothing(tmp_path: Path) -> None:
    samples, reading = read(tmp_path)
    assert (samples, reading.row_count, reading.unread) == ([], 0, ())
