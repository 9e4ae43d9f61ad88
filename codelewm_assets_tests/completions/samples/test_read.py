"""Completions of a model: the three shapes of row, what is malformed, and how they join those that were made."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from codelewm_assets.completions.candidates import join_imported, make_completions
from codelewm_assets.completions.samples.read import (
    LABEL_SCHEMA,
    MAX_LINE_BYTES,
    RejectedRow,
    imported_from_hub,
    read_imported,
)
from codelewm_assets.core.digests import sha256_text
from codelewm_assets.core.errors import ReportError
from codelewm_assets.core.records import Completion
from codelewm_assets_tests.factories import make_problem

PROBLEM = make_problem(0, prompt="def solve(x):\n", reference="def solve(x):\n    return x + 1")
PROBLEMS = {PROBLEM.problem_id: PROBLEM}
CODE = "def solve(y):\n    return y * 2\n"
PUBLISHED: dict[str, Any] = {
    "schema_version": LABEL_SCHEMA,
    "benchmark_id": "humaneval",
    "problem_id": PROBLEM.problem_id,
    "completion_id": "abc-17-1",
    "completion_text": CODE,
    "code": CODE,
    "completion_sha256": sha256_text(CODE),
    "llm_order_rank": 3,
    "llm": "some-model",
    "label": "pass",
    "passed": True,
}


def read(folder: Path, *rows: Any) -> list[Completion | RejectedRow]:
    """What a file of these rows gives; a text is a line as it is."""
    path = folder / "in.jsonl"
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows), encoding="utf-8")
    return list(read_imported(path, PROBLEMS))


def test_a_published_label_row_gives_its_program_and_order_and_not_its_label(tmp_path: Path) -> None:
    (found,) = read(tmp_path, PUBLISHED)
    assert found == Completion(
        completion_id=f"{PROBLEM.problem_id}/m000", problem_id=PROBLEM.problem_id, benchmark_id="humaneval",
        completion_kind="model", operator_family="model", operators=(), code=CODE, entry_point="solve",
        source_completion_id="abc-17-1", llm="some-model", llm_order_rank=3,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"problem_id": PROBLEM.problem_id, "code": CODE}, CODE),
        ({"task_id": PROBLEM.problem_id, "solution": CODE}, CODE),
        ({"task_id": PROBLEM.problem_id, "completion": "    return x\n"}, "def solve(x):\n    return x\n"),
        ({"problem_id": PROBLEM.problem_id, "code": f"```python\n{CODE}```\n"}, CODE),
        ({"problem_id": PROBLEM.problem_id, "code": f"Here it is:\n```python\n{CODE}```\nDone."}, CODE),
        ({"problem_id": PROBLEM.problem_id, "code": f"```\n{CODE}"}, CODE),  # cut off before its fence closes
        ({"problem_id": PROBLEM.problem_id, "code": "x = '''\n```\ny\n```\n'''\n"}, "x = '''\n```\ny\n```\n'''\n"),
        ({"problem_id": PROBLEM.problem_id, "code": "def solve(:"}, "def solve(:"),  # running it says that it fails
    ],
)
def test_plain_rows_and_samples_of_evalplus_are_read_too(row: dict[str, Any], code: str, tmp_path: Path) -> None:
    (found,) = read(tmp_path, row)
    assert isinstance(found, Completion) and found.code == code


@pytest.mark.parametrize(
    ("row", "reason", "message"),
    [
        ("{", "malformed", "line 2: not JSON"),
        ([], "malformed", "line 2: a list; wanted a row of codelewm.eval.completion_label.v1"),
        ({"problem_id": "Mbpp/2", "code": CODE}, "unknown_problem", "line 2: problem 'Mbpp/2' is not one of"),
        ({"code": CODE}, "unknown_problem", "line 2: problem None"),
        ({"problem_id": PROBLEM.problem_id, "code": "  "}, "malformed", "line 2: no program"),
        (PUBLISHED | {"completion_sha256": "0" * 64}, "malformed", "line 2: completion_sha256 is not that of its text"),
        (
            PUBLISHED | {"llm_order_rank": "first"},
            "malformed",
            "line 2: llm_order_rank is 'first'; wanted a whole number",
        ),
        (PUBLISHED | {"llm_order_rank": 2**70}, "malformed", "line 2: llm_order_rank is '1180591620717411303424'"),
        (PUBLISHED | {"schema_version": "v2"}, "malformed", "line 2: schema_version is 'v2'; wanted 'codelewm.eval"),
        (PUBLISHED | {"completion_sha256": None}, "malformed", "line 2: no completion_sha256"),
        (PUBLISHED | {"code": CODE + "#"}, "malformed", "line 2: completion_text and code differ"),
        (
            PUBLISHED | {"benchmark_id": "mbpp_plus"},
            "malformed",
            "line 2: benchmark_id is 'mbpp_plus', and humaneval/000",
        ),
        (
            {"problem_id": PROBLEM.problem_id, "code": "x = '\ud800'"},
            "malformed",
            "line 2: a text holds half a surrogate",
        ),
    ],
)
def test_a_row_that_is_not_a_completion_is_named_by_its_line(
    row: Any, reason: str, message: str, tmp_path: Path
) -> None:
    first, fault, last = read(tmp_path, PUBLISHED, row, PUBLISHED)
    assert isinstance(fault, RejectedRow) and fault.reason == reason and fault.text.startswith(message)
    assert isinstance(first, Completion) and isinstance(last, Completion)
    assert [first.completion_id[-4:], last.completion_id[-4:]] == ["m000", "m001"]


def test_a_compressed_file_is_read_and_one_that_is_missing_or_damaged_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(PUBLISHED).encode()))
    assert len(list(read_imported(path, PROBLEMS))) == 1
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ReportError, match=r"in\.jsonl\.gz cannot be read \(EOFError"):
        list(read_imported(path, PROBLEMS))
    with pytest.raises(ReportError, match=r"none\.jsonl cannot be read \(FileNotFoundError.*Name a JSON-lines file"):
        list(read_imported(tmp_path / "none.jsonl", PROBLEMS))


@pytest.mark.parametrize(
    ("written", "published"),
    [("HumanEval/7", "HumanEval/7"), ("humaneval_7", "HumanEval/7"), ("HumanEvalPlus/007", "HumanEval/7"),
     ("MBPP/2", "Mbpp/2"), ("mbpp+/2", "Mbpp/2"), ("MbppPlus-2", "Mbpp/2")],
)  # fmt: skip
def test_a_task_id_is_found_however_it_is_spelt(written: str, published: str, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text(json.dumps({"task_id": written, "solution": CODE}), encoding="utf-8")
    benchmark = "humaneval" if published.startswith("H") else "mbpp_plus"
    known = {published: make_problem(0, benchmark, problem_id=published)}
    (found,) = read_imported(path, known)
    assert isinstance(found, Completion) and found.problem_id == published


def test_bytes_that_are_no_text_and_a_line_without_end_spoil_their_own_row_only(tmp_path: Path) -> None:
    path, good = tmp_path / "in.jsonl", json.dumps(PUBLISHED).encode() + b"\n"
    path.write_bytes(good + b'{"problem_id": "\xff"}\n' + b"x" * (2 * MAX_LINE_BYTES + 9) + b"\n" + good)
    first, spoilt, long, last = read_imported(path, PROBLEMS)
    assert isinstance(first, Completion) and isinstance(last, Completion)
    assert isinstance(spoilt, RejectedRow) and spoilt.text == "line 2: not JSON"
    assert isinstance(long, RejectedRow) and long.text == f"line 3: longer than {MAX_LINE_BYTES} bytes"


def test_over_the_cap_what_is_made_stays_and_the_files_order_does_not_decide(tmp_path: Path) -> None:
    """Of forty imported programs two find room beside what is made."""
    made = make_completions([PROBLEM], bugs=2, pairs_per_bug=2, seed=0)
    limit = len(made) + 2
    rows = [{"problem_id": PROBLEM.problem_id, "code": f"def solve(x):\n    return x * {n}"} for n in range(2, 42)]
    kept, dropped, _ = join_imported(made, read(tmp_path, *rows), most_per_problem=limit)
    assert kept[:-2] == made and len(made) > 3
    assert [c.completion_kind for c in kept[-2:]] == ["model", "model"]
    assert dropped == {"over_the_cap": 38}
    again, _, _ = join_imported(made, read(tmp_path, *rows[::-1]), most_per_problem=limit)
    assert {c.code for c in again} == {c.code for c in kept}


def test_joined_completions_equal_no_other_keep_to_the_cap_and_are_counted(tmp_path: Path) -> None:
    made = make_completions([PROBLEM], bugs=2, pairs_per_bug=2, seed=0)
    renamed = "def solve(other):\n    # the reference under another name\n    return other + 1"
    rows = [
        {"problem_id": PROBLEM.problem_id, "code": code}
        for code in (renamed, CODE, CODE.replace("y", "z"), "def solve(")
    ]
    found, dropped, faults = join_imported(made, read(tmp_path, *rows, "nonsense"), most_per_problem=len(made) + 1)
    assert found[:-1] == made and found[-1].completion_id[-4:] in ("m001", "m003")  # one of the two that are new
    assert dropped == {"equals_another": 2, "malformed": 1, "over_the_cap": 1}
    assert faults == ["line 5: not JSON"]
    kept, dropped, _ = join_imported(made, read(tmp_path, *rows), most_per_problem=2)
    assert kept == made  # a twin without its other side is of no use
    assert dropped == {"equals_another": 2, "over_the_cap": 2}


def test_a_file_of_the_hub_is_asked_for_at_a_full_commit_hash(tmp_path: Path) -> None:
    asked: list[dict[str, str]] = []

    def download(**keywords: str) -> str:
        asked.append(keywords)
        return str(tmp_path / "rows.jsonl")

    assert imported_from_hub("o/d", "rows.jsonl", "a" * 40, download=download) == tmp_path / "rows.jsonl"
    assert asked == [{"repo_id": "o/d", "filename": "rows.jsonl", "revision": "a" * 40, "repo_type": "dataset"}]
    with pytest.raises(ReportError, match="the revision is 'main'; expected a full 40-digit commit hash"):
        imported_from_hub("o/d", "rows.jsonl", "main", download=download)

    def unreachable(**keywords: str) -> str:
        raise OSError("no network")

    with pytest.raises(
        ReportError, match=r"o/d/rows\.jsonl at aaaaaaaaaaaa could not be read from the Hub \(OSError\)"
    ):
        imported_from_hub("o/d", "rows.jsonl", "a" * 40, download=unreachable)
