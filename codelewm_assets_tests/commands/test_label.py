"""`label`: rows in order, malformed ones by line."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codelewm_assets_tests.command import Ran, Run
from codelewm_assets_tests.commands.made import label_row, lines


def _records(found: Ran) -> list[dict[str, Any]]:
    return [json.loads(line) for line in found.err.splitlines()]


def test_label_writes_rows_in_order_after_a_header_and_reports_malformed_rows_by_line(run: Run, tmp_path: Path) -> None:
    path = lines(
        tmp_path / "in.jsonl",
        label_row(completion_id="right"),
        "not json",
        label_row(completion_id="wrong", code="def double(x):\n    return 2\n"),
        label_row(completion_id="both", reference="x"),
        label_row(completion_id="separator", code="def double(x):\n    '\u2028\u0085'\n    return 2 * x\n"),
    )
    found = run("label", path, "--output", tmp_path / "out.jsonl", "--isolation", "basic", "--workers", "1")
    assert found.status == 1
    assert [line.split(":")[:2] for line in found.err.splitlines()] == [
        ["codelewm-assets", " in.jsonl line 2"], ["codelewm-assets", " in.jsonl line 4"],
    ]  # fmt: skip
    header, *rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert set(header) == {"header"}
    assert [(row["completion_id"], row["passed"], row["outcome"]) for row in rows] == [
        ("right", True, "pass"), ("wrong", False, "wrong_output"), ("separator", True, "pass"),
    ]  # fmt: skip
    assert "3 labelled, 2 passed, 2 malformed" in found.out


def test_a_raw_line_separator_inside_a_program_does_not_end_its_row(run: Run, tmp_path: Path) -> None:
    """JSON allows U+2028 and U+0085 unescaped in a string; only a line feed ends a JSON line."""
    row = json.dumps(label_row(code="def double(x):\n    '\u2028\u0085'\n    return 2 * x\n"), ensure_ascii=False)
    path = lines(tmp_path / "in.jsonl", row)
    found = run("label", path, "--output", tmp_path / "out.jsonl", "--isolation", "basic", "--workers", "1")
    assert (found.status, found.err) == (0, "")
    assert "1 labelled, 1 passed, 0 malformed" in found.out


def test_a_row_that_no_parser_takes_stops_no_other(run: Run, tmp_path: Path) -> None:
    path = lines(tmp_path / "in.jsonl", "9" * 5000, "[" * 100_000, label_row())
    found = run("label", path, "--output", tmp_path / "out.jsonl", "--isolation", "basic", "--workers", "1")
    assert found.status == 1
    assert "1 labelled, 1 passed, 2 malformed" in found.out


def test_label_of_a_file_that_is_not_there_is_one_line_and_writes_nothing(run: Run, tmp_path: Path) -> None:
    run("label", "absent.jsonl", "--output", "out.jsonl").is_one_line_error(
        "absent.jsonl cannot be read", "docs/completions.md"
    )
    assert not (tmp_path / "out.jsonl").exists()


def test_label_does_not_write_over_its_input(run: Run, tmp_path: Path) -> None:
    path = lines(tmp_path / "in.jsonl", label_row())
    before = path.read_bytes()
    (tmp_path / "link.jsonl").symlink_to(path)
    for output in (path, tmp_path / "link.jsonl"):
        run("label", path, "--output", output, "--isolation", "basic").is_one_line_error("is also the input")
    assert path.read_bytes() == before


@pytest.mark.parametrize("workers", ["0", "-1", "65", "two", "²"])
def test_label_refuses_a_number_of_workers_that_is_none(run: Run, tmp_path: Path, workers: str) -> None:
    found = run("label", tmp_path / "in.jsonl", "--output", tmp_path / "out.jsonl", "--workers", workers)
    assert found.status == 2 and f"{workers!r} is not a number from 1 to 64" in found.err


def test_label_gives_one_json_object_that_reports_malformed_rows(run: Run, tmp_path: Path) -> None:
    path, output = lines(tmp_path / "in.jsonl", "no row", label_row()), tmp_path / "out.jsonl"
    found = run("label", path, "--output", output, "--isolation", "basic", "--workers", "1", "--json")
    assert (found.status, found.err) == (1, "")
    shown = json.loads(found.out)
    assert "mount_namespace" in shown.pop("missing_layers")
    assert shown == {
        "written": 1, "passed": 1, "malformed": ["line 1: not JSON (Expecting value)"], "resumed": 0, "output": str(output),
        "models": [{"benchmark_id": "humaneval", "llm": None, "problems": 1, "completions": 1, "pass@1": 1.0}],
    }  # fmt: skip


def _fault_rows(count: int) -> list[dict[str, Any]]:
    return [label_row(completion_id=f"c{n}", inputs=["[...]"], expected=["1"]) for n in range(count)]


def test_label_exits_2_when_no_row_could_be_labelled_and_says_what_it_wants(run: Run, tmp_path: Path) -> None:
    for name, rows in (("faults", _fault_rows(2)), ("empty", [])):
        path = lines(tmp_path / f"{name}.jsonl", *rows)
        found = run("label", path, "--output", tmp_path / "out.jsonl", "--isolation", "basic", "--workers", "1")
        assert found.status == 2
        assert f"0 labelled, 0 passed, {len(rows)} malformed" in found.out
        assert f"{name}.jsonl: no row could be labelled. Expected rows" in found.err


def test_label_names_the_layers_that_are_missing(run: Run, tmp_path: Path) -> None:
    path = lines(tmp_path / "in.jsonl", label_row())
    found = run("label", path, "--output", tmp_path / "out.jsonl", "--isolation", "basic", "--workers", "1")
    assert "isolation layers missing: ipc_namespace, mount_namespace, pid_namespace" in found.out


def test_label_prints_pass_at_k_of_each_model(run: Run, tmp_path: Path) -> None:
    """10 completions of a problem, 3 right: pass@1 = 3/10, pass@10 = 1. Another model's one of two problems: 1/2."""
    wrong = "def double(x):\n    return 3\n"
    rows = [label_row(completion_id=f"a{n}", llm="a", **({} if n < 3 else {"code": wrong})) for n in range(10)]
    rows += [
        label_row(completion_id="b0", problem_id="p0", model="b"),
        label_row(completion_id="b1", problem_id="p1", model="b", code=wrong),
    ]
    path = lines(tmp_path / "in.jsonl", *rows)
    found = run("label", path, "--output", tmp_path / "out", "--isolation", "basic", "--workers", "1", "--summary")
    assert found.status == 0
    assert "humaneval  a  1 problems  10 completions  pass@1 0.3000  pass@10 1.0000" in found.out
    assert "humaneval  b  2 problems  2 completions  pass@1 0.5000\n" in found.out


def test_labels_joined_with_scores_go_straight_into_calibrate_and_rerank(run: Run, tmp_path: Path) -> None:
    wrong = "def double(x):\n    return 3\n"
    rows = [
        label_row(completion_id=f"{p}{n}", problem_id=p, llm="m", **({} if n else {"code": wrong}))
        for p in ("p0", "p1")
        for n in (0, 1)
    ]
    path, output = lines(tmp_path / "in.jsonl", *rows), tmp_path / "out.jsonl"
    assert run("label", path, "--output", output, "--isolation", "basic", "--workers", "1").status == 0
    header, *labels = [json.loads(line) for line in output.read_text().splitlines()]
    scores = lines(tmp_path / "scores.jsonl", header, *[
        row | {"scores": {"p_pass": 0.9 if row["passed"] else 0.2, "length": 1.0}} for row in labels
    ])  # fmt: skip
    assert run("calibrate", scores, "--output", tmp_path / "reports").status == 0
    report = json.loads((tmp_path / "reports" / "p_pass_calibration_report.json").read_text())
    assert report["overall"]["p_pass"]["roc_auc"] == 1.0
    assert run("rerank", scores, "--output", tmp_path / "reports").status == 0
    report = json.loads((tmp_path / "reports" / "rerank_report.json").read_text())
    assert report["benchmarks"]["humaneval"]["pass_at_1"]["p_pass"] == 1.0


def test_label_reports_malformed_rows_as_records(run: Run, tmp_path: Path) -> None:
    path = lines(tmp_path / "in.jsonl", "no row", label_row())
    found = run(
        "--log-format", "json", "label", path, "--output", tmp_path / "o", "--isolation", "basic", "--workers", "1"
    )
    shown = [(record["level"], record["message"]) for record in _records(found)]
    assert shown == [
        ("INFO", "labelling"),
        ("INFO", "labelled"),
        ("WARNING", "in.jsonl line 1: not JSON (Expecting value)"),
    ]


@pytest.mark.parametrize("module", ["no_such_module", "not a name", "a..b"])
def test_a_module_that_cannot_be_imported_is_one_line_and_exit_status_2(run: Run, tmp_path: Path, module: str) -> None:
    path = lines(tmp_path / "in.jsonl", label_row())
    found = run("label", path, "--output", tmp_path / "out.jsonl", "--isolation", "basic", "--module", module)
    assert found.status == 2
    assert len(found.err.splitlines()) == 1 and f"The module {module!r} is not an installed package" in found.err
    assert not (tmp_path / "out.jsonl").exists()


def test_rows_on_standard_output_stand_there_alone(tmp_path: Path) -> None:
    path = lines(tmp_path / "in.jsonl", label_row())
    command = [sys.executable, "-m", "codelewm_assets.cli", "label", str(path), "--output", "/dev/stdout", "--summary"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    assert next(set(json.loads(line)) for line in ran.stdout.splitlines()) == {"header"}
    assert len(ran.stdout.splitlines()) == 2
    assert "1 labelled, 1 passed" in ran.stderr


@pytest.mark.parametrize("benchmark", ["mine", "python"])
def test_an_unknown_benchmark_is_refused(run: Run, tmp_path: Path, benchmark: str) -> None:
    found = run("label", "in.jsonl", "--output", tmp_path / "out.jsonl", "--benchmark", benchmark)
    assert found.status == 2 and f"{benchmark!r} is no known benchmark" in found.err
    assert ".." not in found.err  # the message ends a sentence, and so does the line
