"""Rows of JSON lines: the forms of peers, published verdicts, and faults by line."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from codelewm_assets.completions.samples.raw import MAX_TEXT_BYTES, RawSample, RejectedRow
from codelewm_assets.completions.samples.rows import LABEL_SCHEMA, read_lines
from codelewm_assets.core.digests import sha256_text
from codelewm_assets.core.errors import ReportError
from codelewm_assets_tests.cases import each_case

CODE = "def solve(y):\n    return y * 2\n"
PUBLISHED: dict[str, Any] = {
    "schema_version": LABEL_SCHEMA,
    "benchmark_id": "humaneval",
    "problem_id": "HumanEval/7",
    "completion_id": "abc-17-1",
    "completion_text": CODE,
    "code": CODE,
    "completion_sha256": sha256_text(CODE),
    "llm_order_rank": 3,
    "llm": "some-model",
    "label": "pass",
    "passed": True,
}
SHARED: dict[str, Any] = {
    "model": "gpt", "benchmark": "mbpp", "task_id": "Mbpp/2", "completion": CODE, "form": "program", "published_verdict": True,
    "verdict_suite": "plus", "published_base": True, "published_plus": False,
}  # fmt: skip


def read(folder: Path, *rows: Any) -> list[RawSample | RejectedRow]:
    """What a file of these rows gives; a text is a line as it is."""
    path = folder / "in.jsonl"
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows), encoding="utf-8")
    return list(read_lines(path))


def test_a_published_label_row_gives_its_program_and_order_and_not_its_label(tmp_path: Path) -> None:
    assert read(tmp_path, PUBLISHED) == [
        RawSample(
            "line 1", "HumanEval/7", CODE, benchmark="humaneval", model="some-model", completion_id="abc-17-1", llm_order_rank=3
        )
    ]  # fmt: skip


@each_case(
    ("row", "sample"),
    [
        ({"task_id": "HumanEval/7", "completion": CODE},
         RawSample("line 1", "HumanEval/7", CODE, is_continuation=True)),
        ({"task_id": "HumanEval/7", "completion": CODE, "result": "passed", "passed": True},
         RawSample("line 1", "HumanEval/7", CODE, form="continuation", is_continuation=True, published_base=True)),
        ({"task_id": "HumanEval/7", "solution": CODE}, RawSample("line 1", "HumanEval/7", CODE)),
        ({"problem_id": "p", "code": CODE, "model": "gpt"}, RawSample("line 1", "p", CODE, model="gpt")),
        (SHARED, RawSample("line 1", "Mbpp/2", CODE, benchmark="mbpp", form="program", model="gpt",
                           published_base=True, published_plus=False)),
        (SHARED | {"published_verdict": None, "published_base": None, "published_plus": None},
         RawSample("line 1", "Mbpp/2", CODE, benchmark="mbpp", form="program", model="gpt")),
    ],
)  # fmt: skip
def test_each_form_is_read_by_its_fields(row: Any, sample: RawSample, tmp_path: Path) -> None:
    assert read(tmp_path, row) == [sample]


@each_case(
    ("row", "fault"),
    [
        ("{", "not JSON"),
        ([], f"a list; expected a row of {LABEL_SCHEMA}"),
        ({"task_id": "HumanEval/7"}, f"no program; expected a row of {LABEL_SCHEMA}"),
        ({"task_id": "HumanEval/7", "solution": 3}, "no program"),
        (PUBLISHED | {"completion_sha256": "0" * 64}, "completion_sha256 is not that of its text"),
        (PUBLISHED | {"completion_sha256": None}, "no completion_sha256"),
        (PUBLISHED | {"llm_order_rank": "first"}, "llm_order_rank is 'first'; expected a whole number"),
        (PUBLISHED | {"llm_order_rank": 2**70}, "llm_order_rank is '1180591620717411303424'"),
        (PUBLISHED | {"schema_version": "v2"}, "schema_version is 'v2'; expected 'codelewm.eval"),
        (PUBLISHED | {"code": CODE + "#"}, "completion_text and code differ"),
    ],
)
def test_a_row_that_holds_no_sample_is_named_by_its_line(row: Any, fault: str, tmp_path: Path) -> None:
    first, rejected, last = read(tmp_path, PUBLISHED, row, PUBLISHED)
    assert isinstance(rejected, RejectedRow) and (rejected.reason, rejected.place) == ("malformed", "line 2")
    assert rejected.fault.startswith(fault)
    assert isinstance(first, RawSample) and isinstance(last, RawSample)


def test_a_compressed_file_is_known_by_its_bytes_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"  # not named .gz
    path.write_bytes(gzip.compress(json.dumps(PUBLISHED).encode()))
    assert len(list(read_lines(path))) == 1
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ReportError, match=r"in\.jsonl cannot be read \(EOFError"):
        list(read_lines(path))
    with pytest.raises(ReportError, match=r"none\.jsonl cannot be read \(FileNotFoundError.*Name a file of samples"):
        list(read_lines(tmp_path / "none.jsonl"))


def test_bytes_that_are_no_text_and_a_line_without_end_spoil_their_own_row_only(tmp_path: Path) -> None:
    path, good = tmp_path / "in.jsonl", json.dumps(PUBLISHED).encode() + b"\n"
    path.write_bytes(
        b"\xef\xbb\xbf" + good + b'{"problem_id": "\xff"}\n' + b"x" * (2 * MAX_TEXT_BYTES + 9) + b"\n" + good
    )
    first, spoilt, long, last = read_lines(path)
    assert isinstance(first, RawSample) and isinstance(last, RawSample)
    assert spoilt == RejectedRow("malformed", "line 2", "not JSON")
    assert long == RejectedRow("malformed", "line 3", f"longer than {MAX_TEXT_BYTES} bytes")
