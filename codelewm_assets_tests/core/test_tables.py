"""Tables: the same rows give the same bytes, and come back as the records they were."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from codelewm_assets.core.digests import sha256_bytes
from codelewm_assets.core.records import Completion, LabelledCompletion, Problem
from codelewm_assets.core.tables import read_rows, read_table, write_table
from codelewm_assets_tests.factories import make_completion, make_labelled, make_problem

ELSEWHERE = """
from codelewm_assets.core.digests import sha256_bytes
from codelewm_assets.core.tables import write_table
from codelewm_assets_tests.factories import make_problem
print(sha256_bytes(write_table([make_problem(n) for n in range(5)])))
"""


@pytest.mark.slow
def test_the_same_rows_give_the_same_bytes_in_another_process() -> None:
    found = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
        env={"PYTHONHASHSEED": "7", "PATH": "/usr/bin:/bin"},
    )
    assert found.stdout.strip() == sha256_bytes(write_table([make_problem(n) for n in range(5)]))


def test_the_order_of_rows_is_kept_and_is_in_the_bytes(tmp_path: Path) -> None:
    rows = [make_problem(2), make_problem(0), make_problem(1)]
    path = tmp_path / "rows.parquet"
    path.write_bytes(write_table(rows))
    assert read_table(path, Problem) == rows
    assert write_table(rows) != write_table(sorted(rows, key=lambda row: row.problem_id))


def test_nested_records_and_absent_values_come_back(tmp_path: Path) -> None:
    problem = make_problem(expected=("1", None, "'é'", None, "[]"))
    rows = [make_labelled(make_completion(problem, n), passed=bool(n)) for n in range(2)]
    for name, data in (("labelled", write_table(rows)), ("problems", write_table([problem]))):
        (tmp_path / name).write_bytes(data)
    assert read_table(tmp_path / "labelled", LabelledCompletion) == rows
    assert read_table(tmp_path / "problems", Problem) == [problem]


def test_plain_rows_come_back_as_plain_rows(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"name": "a", "lift": 1.5}, {"name": "b", "lift": None}]
    (tmp_path / "rows").write_bytes(write_table(rows))
    assert read_rows(tmp_path / "rows") == rows


def test_a_table_without_rows_keeps_the_columns_that_it_was_given(tmp_path: Path) -> None:
    (tmp_path / "rows").write_bytes(write_table([], pa.schema([("name", pa.string())])))
    assert read_rows(tmp_path / "rows") == []
    assert pa.parquet.read_schema(tmp_path / "rows").names == ["name"]


def test_a_row_of_another_record_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows").write_bytes(write_table([make_problem()]))
    with pytest.raises(ValidationError, match="completion_id"):
        read_table(tmp_path / "rows", Completion)
