"""The `label` command's file: rows judged in order, faults by line, the output whole or not at all."""

import json
import math
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from codelewm_assets.completions.label_file import LabelSummary, RowLabeller, label_file
from codelewm_assets.completions.label_output import StreamOutput, open_output
from codelewm_assets.completions.label_rows import LabelRow, SampleRow, read_rows
from codelewm_assets.completions.oracles import INPUT_EXCEPTIONS
from codelewm_assets.core.digests import sha256_text
from codelewm_assets.core.errors import ReportError, SandboxError, StoreError
from codelewm_assets.core.ids import BenchmarkId
from codelewm_assets.core.literals import read_arguments
from codelewm_assets.core.records import Problem
from codelewm_assets.sandbox.isolation import STRICT_LAYERS, bubblewrap_works
from codelewm_assets.sandbox.pool import SandboxPool
from codelewm_assets_tests.factories import make_problem


@pytest.fixture(autouse=True)
def _working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept of published references lies in the working folder, which is not the project's."""
    monkeypatch.chdir(tmp_path)


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


PROBLEMS = {
    "HumanEval/53": make_problem(
        0, problem_id="HumanEval/53", entry_point="add", prompt="def add(x, y):\n", inputs=("[1, 2]", "[2, 2]"),
        reference="def add(x, y):\n    return x + y", expected=(None, None),
    ),
    "Mbpp/2": make_problem(
        0, "mbpp_plus", problem_id="Mbpp/2", entry_point="both", prompt="", inputs=("[[1, 2], [2, 1]]",), expected=(None,),
        reference="def both(a, b):\n    return tuple(set(a) & set(b))",
    ),
}  # fmt: skip


def problems_of(benchmark_id: BenchmarkId) -> dict[str, Problem]:
    """The problems of a benchmark, as a source gives them."""
    return {name: problem for name, problem in PROBLEMS.items() if problem.benchmark_id == benchmark_id}


def test_an_output_is_on_disk_before_it_gets_its_name(tmp_path: Path, disk_calls: list[str]) -> None:
    with open_output(tmp_path / "out.jsonl", input_sha256="0" * 64, header={}, on_row=lambda row: None) as output:
        output.write({"completion_id": "c0"})
        output.finish()
    assert disk_calls == ["fsync content", "rename", "fsync folder"]


def read_all(path: Path, benchmark: BenchmarkId | None = None) -> tuple[list[LabelRow], list[str]]:
    """Rows and faults of a file."""
    with path.open("rb") as stream:
        found = list(read_rows(stream, problems_of=problems_of, benchmark=benchmark))
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
    assert (summary.written, summary.passed, summary.malformed) == (6, 1, [])
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
        row(completion_id="close", code="def f(x): return 2 * x + 0.05", atol=0.1, expected=["2.0", "4.0"]),
        row(completion_id="far", code="def f(x): return 2 * x + 0.05", expected=["2.0", "4.0"]),
        row(completion_id="int", code="def f(x): return 2 * x + 1e-9"),
        row(code="def f(x): return [float('nan'), float('inf')]", expected=["[nan, 1e999]", "[nan, inf]"]),
    )
    assert [r["outcome"] for r in found] == ["pass", "wrong_output", "wrong_output", "pass"]


def test_the_header_names_layers_missing_ones_limits_and_versions(tmp_path: Path) -> None:
    header, found = label(tmp_path, "nonsense", isolation="basic")
    assert found == []
    assert set(header) == {"isolation", "layers", "missing_layers", "is_isolated", "limits", "modules", "versions"}
    assert {"mount_namespace", "pid_namespace"} <= set(header["missing_layers"])
    assert header["isolation"] == "basic"
    assert "no_new_privs" in header["layers"]
    assert (header["limits"]["input_cpu_s"], header["limits"]["cpu_s"]) == (4.0, 60.0)
    assert header["versions"]["python"].startswith("3.11.")


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
        (row(inputs=[], expected=[]), "row: Value error, inputs is empty; expected at least one"),
        (row(expected=None), "row: Value error, expected either `reference` or `expected`"),
        (row(reference=REFERENCE), "row: Value error, expected either `reference` or `expected`"),
        (row(expected=["2"]), "row: Value error, 1 expected outputs for 2 inputs"),
        (row(inputs=["[1]", "f("]), "row: Value error, Not a Python literal: 'f('"),
        (row(inputs=["[1]", "(1,)"]), "row: Value error, Input is the literal of a tuple; expected a list"),
        (row(expected=["2", "x"]), "row: Value error, Not a Python literal: 'x'"),
        (row(inputs=["[1]", "[...]"]), "row: Value error, An input cannot be given to a program: a ellipsis has no"),
        (row(inputs=["[1]", "[" * 150 + "]" * 150]), "row: Value error, An input cannot be given to a program: deeper"),
        (row(expected=["2", "..."]), "row: Value error, No program can return '...': a ellipsis has no encoding"),
        (
            row(benchmark_id="mine"),
            "benchmark_id: Value error, 'mine' is no known benchmark; known are humaneval, mbpp_plus",
        ),
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


def test_a_row_that_is_not_utf_8_is_malformed_and_a_byte_order_mark_is_not_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    good = json.dumps(row()).encode()
    path.write_bytes(b"\xef\xbb\xbf" + good + b"\n" + good.replace(b"c0", b"\xff") + b"\n" + good + b"\n")
    rows, faults = read_all(path)
    assert len(rows) == 2
    assert [fault[:18] for fault in faults] == ["line 2: not UTF-8 "]


@pytest.mark.parametrize("name", ["humaneval", "HumanEval", "humaneval_plus", "HumanEval+", "openai_humaneval"])
def test_every_spelling_of_a_benchmark_is_that_benchmark(name: str, tmp_path: Path) -> None:
    rows, _ = read_all(write(tmp_path, row(benchmark_id=name)))
    assert [r.benchmark_id for r in rows] == ["humaneval"]


ADD = "def add(x, y):\n    return x + y"


def test_samples_of_human_eval_and_evalplus_are_rows_of_their_problems(tmp_path: Path) -> None:
    samples = [
        {"task_id": "HumanEval/53", "completion": "    return x + y", "model": "m"},
        {"task_id": "HumanEval/53", "solution": ADD, "llm": "n"},
        {"task_id": "Mbpp/2", "solution": "def both(a, b): return [1, 2]"},
        {"task_id": "HumanEval/54", "solution": ADD},
        {"task_id": 53, "solution": ADD},
        {"task_id": "HumanEval/53"},
        {"task_id": "HumanEval/53", "solution": ADD, "benchmark": "mine"},
    ]
    rows, faults = read_all(write(tmp_path, *samples))
    assert [(r.completion_id, r.problem_id, r.benchmark_id, r.code, r.llm) for r in rows] == [
        ("HumanEval/53/0", "HumanEval/53", "humaneval", "def add(x, y):\n    return x + y", "m"),
        ("HumanEval/53/1", "HumanEval/53", "humaneval", ADD, "n"),
        ("Mbpp/2/0", "Mbpp/2", "mbpp_plus", "def both(a, b): return [1, 2]", None),
    ]
    assert rows[0].reference == PROBLEMS["HumanEval/53"].reference and rows[0].inputs == ("[1, 2]", "[2, 2]")
    assert [fault.split(";")[0] for fault in faults] == [
        "line 4: task_id: HumanEval/54 is not among the problems that were read",
        "line 5: task_id: '53' is no problem's id",
        "line 6: row: no `solution` and no `completion`",
        "line 7: benchmark: 'mine' is no known benchmark",
    ]
    rows, faults = read_all(write(tmp_path, {"task_id": 53, "solution": ADD}), "humaneval")
    assert [r.problem_id for r in rows] == ["HumanEval/53"] and not faults


@pytest.mark.parametrize("indent", [None, 2])
def test_evalplus_results_are_its_samples(indent: int | None, tmp_path: Path) -> None:
    results = {
        "date": "2026-11-29",
        "eval": {
            "HumanEval/53": [
                {"solution": ADD, "base_status": "pass"},
                {"task_id": "HumanEval/53", "solution": "def add(x, y): return 0"},
            ],
            "Mbpp/2": {"nfiles": 3},
        },
    }
    path = tmp_path / "in.jsonl"
    path.write_text(json.dumps(results, indent=indent))
    rows, faults = read_all(path)
    assert [(r.completion_id, r.code) for r in rows] == [
        ("HumanEval/53/0", ADD),
        ("HumanEval/53/1", "def add(x, y): return 0"),
    ]
    assert faults == ["line 1: Mbpp/2 has no list of samples"]


def test_a_sample_ends_at_its_first_failure_unless_every_input_is_required() -> None:
    wrong = row(code="def f(x):\n    return x if x == 2 else 3 * x", inputs=["[2]", "[1]", "[2]", "[1]"],
                expected=None, reference="def f(x): return x")  # fmt: skip
    ended, whole = ["pass", "wrong_output"], ["pass", "wrong_output", "pass", "wrong_output"]
    with SandboxPool(1) as pool:
        for kind, every_input, outcomes in (
            (SampleRow, False, [*ended, "not_judged", "not_judged"]),
            (SampleRow, True, whole),
            (LabelRow, False, whole),  # a row of one's own is always run on every input
        ):
            found = RowLabeller(pool, every_input=every_input)(kind.model_validate(wrong))
            assert [call["outcome"] for call in found["inputs"]] == outcomes
            assert (found["passed"], found["outcome"]) == (False, "wrong_output")


def test_inputs_are_read_once_for_all_rows_of_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not once a row, nor once a run, nor again for a second run that ends sooner."""
    read = list[str]()

    def counting(text: str) -> list[Any]:
        read.append(text)
        return read_arguments(text)

    monkeypatch.setattr("codelewm_assets.sandbox.pool.read_arguments", counting)
    inputs = [f"[{n + 0.125}]" for n in range(6)]  # of no other test
    codes = [
        "def f(x): return x",
        "def f(x): return x if x < 2 else 0",
        "def f(x): return x + 1",
        "def f(x): raise KeyError",
    ]
    lines = [row(completion_id=f"c{n}", code=code, inputs=inputs, expected=None, reference="def f(x): return x")
             for n, code in enumerate(codes * 2)]  # fmt: skip
    _, rows = label(tmp_path, *lines)
    assert [r["passed"] for r in rows] == [True, False, False, False] * 2
    assert read == inputs


def test_samples_are_judged_on_the_problems_of_the_pinned_source(tmp_path: Path) -> None:
    """HumanEval/53 of the wheel, since no release file is named."""
    path = write(
        tmp_path,
        {"task_id": "HumanEval/53", "solution": ADD},
        {"task_id": "HumanEval/53", "completion": "    return x"},
    )
    output = tmp_path / "out.jsonl"
    label_file(path, output, workers=1, environment={})
    found = [json.loads(line) for line in output.read_bytes().splitlines()][1:]
    assert [r["outcome"] for r in found] == ["pass", "wrong_output"]
    assert len(found[0]["inputs"]) > 3


def test_an_input_that_is_excepted_is_not_run_and_counts_for_nothing(tmp_path: Path) -> None:
    excepted = INPUT_EXCEPTIONS[0]
    code = "def f(names, count):\n    while count == 77: pass\n    return count"
    only, both = [excepted.arguments], ["[[], 1]", excepted.arguments]
    rows = [
        row(problem_id="Mbpp/255", benchmark_id="mbpp", code=code, inputs=inputs, expected=["1"] * len(inputs))
        for inputs in (both, only)
    ]
    _, found = label(tmp_path, *rows)
    assert [(r["outcome"], [i["outcome"] for i in r["inputs"]]) for r in found] == [
        ("pass", ["pass", "not_judged"]),
        ("reference_error", ["not_judged"]),
    ]


def test_a_problem_of_ones_own_may_have_any_function_name(tmp_path: Path) -> None:
    mine = row(
        problem_id="mine", entry_point="find_zero", code="def find_zero(x): return 3", inputs=["[1]"], expected=["3"]
    )
    _, found = label(tmp_path, mine)
    assert found[0]["outcome"] == "pass"


def test_a_call_may_take_as_long_as_evalplus_lets_it(tmp_path: Path) -> None:
    """0.6 s of CPU, where the reference takes none: EvalPlus allows a second at least."""
    spin = "import time\ndef f(x):\n    s = time.process_time()\n    while time.process_time() - s < 0.6: pass\n    return 2 * x"
    _, found = label(tmp_path, row(code=spin, expected=None, reference=REFERENCE))
    assert found[0]["outcome"] == "pass"


def test_a_program_is_given_up_at_its_first_call_over_the_limit(tmp_path: Path) -> None:
    _, found = label(tmp_path, row(code="def f(x):\n    while True: pass", expected=None, reference=REFERENCE))
    assert [i["outcome"] for i in found[0]["inputs"]] == ["timeout", "timeout"]
    assert 1000 <= found[0]["cpu_ms"] < 2000


@pytest.mark.parametrize("name", ["fifo", "stdin"])
def test_an_input_that_can_be_read_only_once_is_labelled(name: str, tmp_path: Path) -> None:
    path, output = tmp_path / "fifo", tmp_path / "out.jsonl"
    os.mkfifo(path)
    data = (json.dumps(row()) + "\n{\n").encode()
    if name == "stdin":
        reader, writer = os.pipe()
        os.write(writer, data)
        os.close(writer)
        summary = label_file(Path(f"/dev/fd/{reader}"), output, workers=1)
        os.close(reader)
    else:
        threading.Thread(target=path.write_bytes, args=(data,)).start()
        summary = label_file(path, output, workers=1)
    assert (summary.written, len(summary.malformed)) == (1, 1)
    assert len(output.read_bytes().splitlines()) == 2
    assert not list(tmp_path.glob(".*"))


def test_an_output_that_is_a_fifo_is_written_and_stays_one(tmp_path: Path) -> None:
    output, seen = tmp_path / "fifo", list[bytes]()
    os.mkfifo(output)
    reader = threading.Thread(target=lambda: seen.append(output.read_bytes()))
    reader.start()
    label_file(write(tmp_path, row()), output, workers=1)
    reader.join()
    assert stat.S_ISFIFO(output.stat().st_mode)
    assert len(seen[0].splitlines()) == 2


def test_an_output_that_is_a_device_is_written_and_stays_one(tmp_path: Path) -> None:
    assert label_file(write(tmp_path, row()), Path("/dev/null"), workers=1).written == 1
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    with pytest.raises(StoreError, match=r"Could not write full: No space left on device"):
        label_file(write(tmp_path, row()), Path("/dev/full"), workers=1)
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)


def test_an_output_that_is_a_link_is_written_through_it(tmp_path: Path) -> None:
    target = tmp_path / "target.jsonl"
    (tmp_path / "out.jsonl").symlink_to(target)
    label(tmp_path, row())
    assert (tmp_path / "out.jsonl").is_symlink() and len(target.read_bytes().splitlines()) == 2


def test_a_stream_that_takes_few_bytes_at_a_time_gets_all_of_them(tmp_path: Path) -> None:
    output = tmp_path / "fifo"
    os.mkfifo(output)
    seen = list[bytes]()
    reader = threading.Thread(target=lambda: seen.append(output.read_bytes()))
    reader.start()
    rows = list[Any]()
    with StreamOutput(output, {"header": {}}, rows.append) as stream:
        stream.write({"text": "x" * 300_000})
    reader.join()
    assert [len(line) for line in seen[0].splitlines()] == [13, 300_011]
    assert len(rows) == 1


def interrupt(tmp_path: Path, count: int, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Label rows until `count` are written, then fail. Returns: what is kept."""

    class Interrupted(Exception):
        pass

    real = LabelSummary.add

    def add(self: LabelSummary, written: Any) -> None:
        real(self, written)
        if self.written == count:
            raise Interrupted

    with monkeypatch.context() as patch:
        patch.setattr(LabelSummary, "add", add)
        with pytest.raises(Interrupted):
            label_file(tmp_path / "in.jsonl", tmp_path / "out.jsonl", workers=1)
    (partial,) = tmp_path.glob(".out.jsonl.*.partial")
    return partial


@pytest.mark.parametrize(("damage", "resumed"), [("none", 3), ("cut", 2), ("flipped", 1), ("header", 0)])
def test_an_interrupted_run_is_resumed_after_the_last_row_whose_checksum_holds(
    damage: str, resumed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, *[row(completion_id=f"c{n}") for n in range(5)])
    partial = interrupt(tmp_path, 3, monkeypatch)
    lines = partial.read_bytes().splitlines(keepends=True)
    assert len(lines) == 4
    if damage == "cut":
        lines[3] = lines[3][:-10]
    if damage == "flipped":  # a row that is JSON as before, and says another verdict
        lines[2] = lines[2].replace(b'"passed":true', b'"passed":false')
    if damage == "header":
        lines[0] = lines[0].replace(b"auto", b"none")
    partial.write_bytes(b"".join(lines))
    summary = label_file(tmp_path / "in.jsonl", tmp_path / "out.jsonl", workers=1)
    assert (summary.resumed, summary.written, summary.passed) == (resumed, 5, 5)
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_bytes().splitlines()][1:]
    assert [(r["completion_id"], r["passed"]) for r in rows] == [(f"c{n}", True) for n in range(5)]
    assert not list(tmp_path.glob(".*"))


def test_a_missing_file_is_refused_and_leaves_no_output(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"in\.jsonl cannot be read \(.*Name a JSON-lines file"):
        label_file(tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


def test_strict_isolation_is_refused_where_layers_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codelewm_assets.sandbox.isolation.filters", lambda: None)
    output = tmp_path / "out.jsonl"
    output.write_text("old")
    with pytest.raises(SandboxError, match=r"strict: these layers are missing here: seccomp\..*install libseccomp"):
        label_file(write(tmp_path, row()), output, isolation="strict", workers=1)
    assert output.read_text() == "old"


@pytest.mark.skipif(not bubblewrap_works(), reason="bubblewrap is not installed, or may not make namespaces here")
def test_strict_isolation_runs_where_every_layer_is_in_force(tmp_path: Path) -> None:
    header, found = label(tmp_path, row(), isolation="strict")
    assert header["isolation"] == "strict" and header["is_isolated"]
    assert set(STRICT_LAYERS) <= set(header["layers"]) and header["missing_layers"] == []
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
