"""The `label` command's file: rows judged in order, faults by line, the output whole or not at all."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from codelewm_assets.completions.label_file import LabelRow, label_file, read_label_rows
from codelewm_assets.core.digests import sha256_text
from codelewm_assets.core.errors import ReportError, SandboxError, StoreError
from codelewm_assets.sandbox.isolation import STRICT_LAYERS, bubblewrap_works

ROW: dict[str, Any] = {
    "completion_id": "c0",
    "problem_id": "p0",
    "benchmark_id": "humaneval",
    "code": "def f(x):\n    return x + x",
    "entry_point": "f",
    "inputs": ["[1]", "[2]"],
    "atol": 0,
    "expected": ["2", "4"],
}
REFERENCE = "def f(x):\n    return 2 * x"


def row(**changes: Any) -> dict[str, Any]:
    """The plain row with some fields changed; a field that is None is left out."""
    return {key: value for key, value in (ROW | changes).items() if value is not None}


def read_all(path: Path) -> tuple[list[LabelRow], list[str]]:
    """Rows and faults of a file."""
    found = list(read_label_rows(path))
    return [r for r in found if isinstance(r, LabelRow)], [r for r in found if isinstance(r, str)]


def write(folder: Path, *lines: Any) -> Path:
    """A file of rows; a text is written as it is."""
    path = folder / "in.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(text + "\n" for text in texts), encoding="utf-8")
    return path


def label(folder: Path, *lines: Any, **options: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The header and rows of the output."""
    output = folder / "out.jsonl"
    label_file(write(folder, *lines), output, workers=1, **options)
    header, *rows = (json.loads(line) for line in output.read_bytes().splitlines())
    return header["header"], rows


def test_rows_are_judged_by_their_expected_outputs_and_come_in_order(tmp_path: Path) -> None:
    codes = ["return x + x", "return x * x", "raise KeyError", "import os; os._exit(0)", "return hash('text')",
             "return '\ud800'"]  # fmt: skip
    rows = [row(completion_id=f"c{n}", code=f"def f(x):\n    {code}") for n, code in enumerate(codes)]
    output = tmp_path / "out.jsonl"
    summary = label_file(write(tmp_path, *rows), output, workers=1)
    assert (summary.written, summary.passed, summary.malformed) == (6, 1, ())
    found = [json.loads(line) for line in output.read_bytes().splitlines()][1:]
    assert [(r["completion_id"], r["outcome"], r["passed"]) for r in found] == [
        ("c0", "pass", True),
        ("c1", "wrong_output", False),
        ("c2", "exception", False),
        ("c3", "killed", False),
        ("c4", "nondeterministic", False),
        ("c5", "exception", False),  # a lone surrogate is no source text
    ]
    assert found[0]["inputs"] == [
        {"outcome": "pass", "output_type": "int", "output_repr_sha256": sha256_text(text), "exception_class": None}
        for text in ("2", "4")
    ]
    assert found[2]["inputs"][0]["exception_class"] == "KeyError"
    assert found[2]["inputs"][0]["output_repr_sha256"] is None
    assert all(r["cpu_ms"] > 0 for r in found)


def test_rows_are_judged_by_their_reference_where_they_have_one(tmp_path: Path) -> None:
    broken = "def f(x):\n    if x == 2: raise ValueError\n    return 2 * x"
    rows = [
        row(completion_id="right", expected=None, reference=REFERENCE),
        row(completion_id="wrong", expected=None, reference=REFERENCE, code="def f(x):\n    return x * x"),
        row(completion_id="unjudged", expected=None, reference=broken),
        row(completion_id="no literal", expected=None, reference="def f(x): return object()"),
        row(completion_id="fickle", expected=None, reference="def f(x): return hash('text')"),
        row(completion_id="expected", expected=["2", "5"]),
    ]
    _, found = label(tmp_path, *rows)
    assert [(r["completion_id"], [i["outcome"] for i in r["inputs"]]) for r in found] == [
        ("right", ["pass", "pass"]),
        ("wrong", ["wrong_output", "pass"]),
        ("unjudged", ["pass", "reference_error"]),
        ("no literal", ["reference_error", "reference_error"]),
        ("fickle", ["reference_error", "reference_error"]),
        ("expected", ["pass", "wrong_output"]),
    ]
    assert found[2]["outcome"] == "reference_error"


def test_tolerance_nan_and_infinity_compare_as_documented(tmp_path: Path) -> None:
    _, found = label(
        tmp_path,
        row(completion_id="close", code="def f(x): return 2 * x + 0.05", atol=0.1),
        row(completion_id="far", code="def f(x): return 2 * x + 0.05"),
        row(code="def f(x): return [float('nan'), float('inf')]", expected=["[nan, 1e999]", "[nan, inf]"]),
    )
    assert [r["outcome"] for r in found] == ["pass", "wrong_output", "pass"]


def test_the_header_names_layers_limits_versions_and_faults(tmp_path: Path) -> None:
    header, found = label(tmp_path, "nonsense")
    assert found == []
    assert set(header) == {"isolation", "layers", "is_isolated", "limits", "modules", "versions", "malformed"}
    assert header["isolation"] == "auto"
    assert "no_new_privs" in header["layers"]
    assert (header["limits"]["input_cpu_s"], header["limits"]["cpu_s"]) == (4.0, 60.0)
    assert header["versions"]["python"].startswith("3.11.")
    assert header["malformed"] == ["line 1: not JSON (Expecting value)"]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("{", "not JSON (Expecting property name enclosed in double quotes)"),
        ("5", "row: Input should be a valid dictionary"),
        ("[" * 100_000, "row: nested too deep"),
        ('{"atol": ' + "1" * 5000 + "}", "not JSON"),
        (row(code=None), "code: Field required"),
        (row(code=5), "code: Input should be a valid string"),
        (row(inputs="[1]"), "inputs: Input should be a valid"),
        (row(inputs=[], expected=[]), "row: Value error, inputs is empty; wanted at least one"),
        (row(expected=None), "row: Value error, wanted either `reference` or `expected`"),
        (row(reference=REFERENCE), "row: Value error, wanted either `reference` or `expected`"),
        (row(expected=["2"]), "row: Value error, 1 expected outputs for 2 inputs"),
        (row(inputs=["[1]", "f("]), "row: Value error, Not a Python literal: 'f('"),
        (row(inputs=["[1]", "(1,)"]), "row: Value error, An input is the literal of a list"),
        (row(expected=["2", "x"]), "row: Value error, Not a Python literal: 'x'"),
        (row(atol="wide"), "atol: Input should be a valid number"),
        (row(atol=-1), "atol: "),
        (row(atol=math.nan), "atol: "),
        (row(atol=math.inf), "atol: "),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_malformed_row_is_named_by_its_line_and_stops_nothing_else(line: Any, fault: str, tmp_path: Path) -> None:
    rows, (found,) = read_all(write(tmp_path, row(), "", line, row(completion_id="c1")))
    assert [r.completion_id for r in rows] == ["c0", "c1"]
    assert found.startswith(f"line 3: {fault}")
    assert len(found) < 400


def test_all_malformed_rows_are_named(tmp_path: Path) -> None:
    summary = label_file(write(tmp_path, "{", row(), "5", row(code=None)), tmp_path / "out.jsonl", workers=1)
    assert (summary.written, summary.passed) == (1, 1)
    assert [fault.split(":")[0] for fault in summary.malformed] == ["line 1", "line 3", "line 4"]


@pytest.mark.parametrize("character", ["\u2028", "\x85", "\u2029"])
def test_a_line_separator_inside_a_text_does_not_end_the_row(character: str, tmp_path: Path) -> None:
    text = json.dumps(row(code=f"def f(x): return '{character}'"), ensure_ascii=False)
    rows, faults = read_all(write(tmp_path, text, "{"))
    assert [r.code for r in rows] == [f"def f(x): return '{character}'"]
    assert [fault.split(":")[0] for fault in faults] == ["line 2"]


def test_fields_that_the_row_has_not_are_ignored(tmp_path: Path) -> None:
    rows, faults = read_all(write(tmp_path, row(model="x", atol=None)))
    assert (rows[0].atol, faults) == (0.0, [])


@pytest.mark.parametrize("data", [None, b"\xff\xfe"], ids=["missing", "not text"])
def test_an_unreadable_file_is_refused_and_leaves_no_output(data: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ReportError, match=r"in\.jsonl cannot be read \(.*Name a JSON-lines file"):
        label_file(path, tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


def test_strict_isolation_is_refused_where_layers_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codelewm_assets.sandbox.pool.bubblewrap_works", lambda: False)
    output = tmp_path / "out.jsonl"
    output.write_text("old")
    with pytest.raises(SandboxError, match=r"strict wants layers that are missing here: ipc_namespace, mount_.*"
                       "install bubblewrap"):  # fmt: skip
        label_file(write(tmp_path, row()), output, isolation="strict", workers=1)
    assert output.read_text() == "old"


@pytest.mark.skipif(not bubblewrap_works(), reason="bubblewrap is not installed, or may not make namespaces here")
def test_strict_isolation_runs_where_every_layer_is_in_force(tmp_path: Path) -> None:
    header, found = label(tmp_path, row(), isolation="strict")
    assert header["isolation"] == "strict" and header["is_isolated"]
    assert set(STRICT_LAYERS) == set(header["layers"])
    assert found[0]["passed"]


def test_basic_isolation_does_without_bubblewrap_and_says_so(tmp_path: Path) -> None:
    header, found = label(tmp_path, row(), isolation="basic")
    assert header["isolation"] == "basic"
    assert "mount_namespace" not in header["layers"]
    assert found[0]["passed"]


def test_an_output_that_cannot_be_written_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"Could not write out\.jsonl"):
        label_file(write(tmp_path, row()), tmp_path / "file" / "out.jsonl", workers=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "in.jsonl"]


def test_an_earlier_output_is_replaced_whole(tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    output.write_text("old and much longer than what comes now\n" * 1000)
    label_file(write(tmp_path, row()), output, workers=1)
    assert len(output.read_bytes().splitlines()) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl"]


def test_the_same_rows_give_the_same_output_but_for_the_time_used(tmp_path: Path) -> None:
    lines = [row(), row(completion_id="c1", expected=None, reference=REFERENCE), "{"]
    (header, first), (again, second) = label(tmp_path, *lines), label(tmp_path, *lines)
    assert header == again
    assert [{**r, "cpu_ms": 0} for r in first] == [{**r, "cpu_ms": 0} for r in second]
