"""Forms of a source, known by its content; names that no two sources share; files of the Hub."""

import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from codelewm_assets.completions.samples.raw import RawSample, RejectedRow
from codelewm_assets.completions.samples.sources import LocalSource, SampleSource, hub_file, local_sources, read_source
from codelewm_assets.core.errors import ReportError, SourceMissingError
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.factories import make_problem

CODE = "def solve(y):\n    return y * 2\n"
ADD = make_problem(0, problem_id="HumanEval/0", entry_point="add")
SOLVE = make_problem(1, problem_id="HumanEval/1", entry_point="solve")
TWICE = make_problem(0, "mbpp_plus", problem_id="Mbpp/3", entry_point="twice")
PROBLEMS = {problem.problem_id: problem for problem in (ADD, SOLVE, TWICE)}
HEADER = {
    "version": 2,
    "eval": {"task": "inspect_evals/humaneval", "model": "lab/gpt", "dataset": {"name": "openai_humaneval"}},
}


def read(path: Path, **settings: Any) -> tuple[str, list[RawSample | RejectedRow]]:
    """Form and samples of a source."""
    form, samples = read_source(LocalSource("mine", path, SampleSource(str(path), **settings)), PROBLEMS)
    return form, list(samples)


def write(folder: Path, document: Any, name: str = "samples.txt", indent: int | None = None) -> Path:
    """A JSON document under a name that says nothing."""
    path = folder / name
    path.write_text(json.dumps(document, indent=indent), encoding="utf-8")
    return path


def inspect_sample(text: str | None, value: Any = "C", **changes: Any) -> dict[str, Any]:
    """A sample of a log."""
    output = None if text is None else {"model": "gpt", "completion": text}
    return {"id": "HumanEval/1", "epoch": 1, "output": output, "scores": {"verify": {"value": value}}} | changes


def write_log(folder: Path, *samples: Any, header: Any = HEADER) -> Path:
    """A log as an archive."""
    path = folder / "log.bin"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, sample in enumerate(samples):
            archive.writestr(f"samples/HumanEval_1_epoch_{number}.json", json.dumps(sample))
        archive.writestr("summaries.json", "[]")
        archive.writestr("header.json", json.dumps(header))
    return path


@pytest.mark.parametrize("indent", [None, 2])
def test_eval_results_of_evalplus_come_with_their_verdicts_as_they_were_judged(
    indent: int | None, tmp_path: Path
) -> None:
    samples = [
        {"task_id": "HumanEval/1", "solution": CODE, "base_status": "pass", "plus_status": "timeout"},
        {"base_status": "fail"},
    ]
    form, rows = read(
        write(
            tmp_path, {"date": "2024", "hash": "0", "eval": {"HumanEval/1": samples, "HumanEval/2": {}}}, indent=indent
        )
    )
    fault = "expected eval_results.json of EvalPlus 0.2 or later"
    assert form == "eval_results.json of EvalPlus"
    assert rows == [
        RawSample(
            "HumanEval/1 sample 0", "HumanEval/1", CODE, form="program", published_base=True, published_plus=False
        ),
        RejectedRow("malformed", "HumanEval/1 sample 1", f"no solution; {fault}"),
        RejectedRow("malformed", "HumanEval/2", f"no list of samples; {fault}"),
    ]


def test_generations_are_in_the_order_of_the_references_beside_them(tmp_path: Path) -> None:
    """Tests call `twice`, `lost` and `twice` again: MBPP's one problem, and two that no problem here answers to."""
    path = write(tmp_path, [["a", "b"], ["c"], ["d"]], "generations_mbpp.json")
    tests = ["assert twice(1) == 2\nassert twice(2) == 4", "assert set(lost([1])) == set()", "assert twice(3) == 6"]
    write(tmp_path, tests, "references_mbpp.json")
    form, rows = read(path)
    assert form == "generations of bigcode-evaluation-harness"
    assert [(row.place, row.task, row.text) for row in rows if isinstance(row, RawSample)] == [
        ("list 0 sample 0", "Mbpp/3", "a"), ("list 0 sample 1", "Mbpp/3", "b"), ("list 1 sample 0", "test of lost", "c"),
        ("list 2 sample 0", "test of twice", "d"),
    ]  # fmt: skip
    write(tmp_path, tests[:1], "references_mbpp.json")
    with pytest.raises(ReportError, match=r"references_mbpp\.json: expected a list of 3 tests"):
        read(path)


def test_references_of_humaneval_are_known_by_the_function_that_they_check(tmp_path: Path) -> None:
    path = write(tmp_path, [["a"], ["b"]], "generations.json")
    write(
        tmp_path, ["def check(candidate):\n    assert candidate(1)\n\ncheck(solve)", "\ncheck(add)"], "references.json"
    )
    assert [row.task for row in read(path)[1] if isinstance(row, RawSample)] == ["HumanEval/1", "HumanEval/0"]


@each_case(
    ("count", "benchmark", "first", "last"),
    [
        (164, None, "HumanEval/0", "HumanEval/163"),
        (2, "humaneval", "HumanEval/0", "HumanEval/1"),
        (500, None, "Mbpp/11", "Mbpp/510"),
        (500, "mbpp_plus", "Mbpp/11", "Mbpp/510"),
    ],
)
def test_generations_without_references_are_in_the_benchmarks_order(
    count: int, benchmark: str | None, first: str, last: str, tmp_path: Path
) -> None:
    _, rows = read(write(tmp_path, [["x"]] * count), benchmark=benchmark)
    tasks = [row.task for row in rows if isinstance(row, RawSample)]
    assert (len(tasks), tasks[0], tasks[-1]) == (count, first, last)


def test_generations_of_an_unknown_order_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ReportError, match=r"2 lists of generations, and nothing says of which problems. Expected 164 lists for Hu"
    ):
        read(write(tmp_path, [["x"]] * 2))


def test_a_list_of_rows_is_read_as_lines_are(tmp_path: Path) -> None:
    form, rows = read(write(tmp_path, [{"task_id": "HumanEval/1", "solution": CODE}, 3], indent=1))
    assert form == "list of rows" and rows[0] == RawSample("row 0", "HumanEval/1", CODE)
    assert isinstance(rows[1], RejectedRow) and rows[1].fault.startswith("a int; expected")


def test_a_folder_of_evalplus_is_read_file_by_file(tmp_path: Path) -> None:
    for name in ("HumanEval_1/10.py", "HumanEval_1/2.py", "Mbpp_3/0.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(CODE, encoding="utf-8")
    (tmp_path / "Mbpp_3" / "1.py").write_bytes(b"\xff")
    form, rows = read(tmp_path)
    assert form == "folder of EvalPlus"
    assert rows == [
        RawSample("HumanEval_1/2.py", "HumanEval_1", CODE), RawSample("HumanEval_1/10.py", "HumanEval_1", CODE),
        RawSample("Mbpp_3/0.py", "Mbpp_3", CODE), RejectedRow("malformed", "Mbpp_3/1.py", "not UTF-8"),
    ]  # fmt: skip


def test_a_folder_without_samples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"a folder without samples\. Expected a folder for each problem"):
        read(tmp_path)


def test_a_log_of_inspect_gives_answers_with_its_model_and_verdict(tmp_path: Path) -> None:
    parts = [{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "late"}]
    samples = [
        inspect_sample("answer"),
        inspect_sample("answer", "I"),
        inspect_sample("answer", 0.5),
        inspect_sample(None, output={"choices": [{"message": {"content": parts}}]}),
        inspect_sample("attachment://abc", attachments={"abc": "long answer"}),
        inspect_sample(None, error={"message": "rate limit"}),
    ]
    form, rows = read(write_log(tmp_path, *samples))
    assert form == "log of inspect_ai"
    assert rows[0] == RawSample(
        "samples/HumanEval_1_epoch_0.json", "HumanEval/1", "answer", benchmark="humaneval", form="answer", model="lab/gpt",
        published_base=True,
    )  # fmt: skip
    read_texts = [(row.text, row.published_base) for row in rows if isinstance(row, RawSample)]
    assert read_texts[1:] == [("answer", False), ("answer", None), ("late", True), ("long answer", True)]
    assert rows[-1] == RejectedRow(
        "malformed", "samples/HumanEval_1_epoch_5.json", "the model's output is missing: the sample ended in an error"
    )


def test_the_same_log_as_one_document_is_read_too(tmp_path: Path) -> None:
    header = {"eval": HEADER["eval"] | {"task": "other", "dataset": {"name": "google-research-datasets/mbpp"}}}  # type: ignore[operator]
    form, [row] = read(write(tmp_path, {**header, "samples": [inspect_sample("answer", id=3)]}))
    assert form == "log of inspect_ai" and isinstance(row, RawSample)
    assert (row.task, row.benchmark, row.place) == (3, "mbpp_plus", "sample 0")


def zstandard(path: Path, *, damaged: bool = False) -> Path:
    """The archive with every file compressed by Zstandard, method 93, which `zipfile` of Python 3.11 cannot write.

    The layouts of the local header, the central directory and its end are of PKWARE's APPNOTE.TXT, 4.3.
    """
    with zipfile.ZipFile(path) as archive:
        files = {name.encode(): archive.read(name) for name in archive.namelist()}
    data, directory = b"", b""
    for name, content in files.items():
        packed = pa.compress(content, "zstd", asbytes=True)
        common = (93, 0, 0, zlib.crc32(content) ^ damaged, len(packed), len(content), len(name), 0)
        directory += struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, *common, 0, 0, 0, 0, len(data)) + name
        data += struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, *common) + name + packed
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, len(files), len(files), len(directory), len(data), 0)
    path.write_bytes(data + directory + end)
    return path


def test_a_log_compressed_by_zstandard_is_read_as_any_other(tmp_path: Path) -> None:
    samples = [inspect_sample("first"), inspect_sample("second", "I")]
    expected = read(write_log(tmp_path, *samples))
    assert len(expected[1]) == 2 and read(zstandard(write_log(tmp_path, *samples))) == expected


def damaged_zstandard(folder: Path) -> Path:
    """A log whose checksums are of other bytes."""
    return zstandard(write_log(folder, inspect_sample("answer")), damaged=True)


def truncated(folder: Path) -> Path:
    """An archive whose end is missing."""
    path = write_log(folder, inspect_sample("answer"))
    path.write_bytes(path.read_bytes()[:60])
    return path


def of_other_files(folder: Path) -> Path:
    """An archive of something else."""
    path = folder / "other.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme", "hello")
    return path


def of_other_json(folder: Path) -> Path:
    """An archive whose sample is cut."""
    path = folder / "cut.eval"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.json", "{}")
        archive.writestr("samples/a.json", "{")
    return path


@pytest.mark.parametrize(
    ("write_it", "message"),
    [
        (truncated, r"log\.bin cannot be read as a log of inspect_ai \(BadZipFile"),
        (damaged_zstandard, r"log\.bin cannot .* \(BadZipFile: header\.json does not have the size and checksum"),
        (of_other_files, r"other\.zip: a zip archive without header\.json and samples/"),
        (of_other_json, r"cut\.eval cannot be read as a log of inspect_ai \(JSONDecodeError"),
    ],
)
def test_a_broken_log_is_one_clear_error(write_it: Callable[[Path], Path], message: str, tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=message):
        read(write_it(tmp_path))


def named(*sources: SampleSource, environment: str | None = None) -> list[str]:
    """Names of local sources."""
    variables = {"CODELEWM_IMPORTED_COMPLETIONS": environment} if environment else {}
    return [source.name for source in local_sources(sources, variables)]


def files(folder: Path, *names: str) -> Sequence[str]:
    """Empty files."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("", encoding="utf-8")
    return [str(folder / name) for name in names]


def test_no_two_sources_share_a_name(tmp_path: Path) -> None:
    paths = files(tmp_path, "a/samples.jsonl.gz", "b/samples.jsonl", "b/samples.json", "c/my run (2).eval")
    sources = [SampleSource(path) for path in paths]
    assert named(*sources) == ["samples", "b-samples", "samples-2", "my-run-2"]
    assert named(SampleSource(paths[0]), SampleSource(paths[1], name="samples")) == ["a-samples", "samples"]
    assert named(SampleSource(paths[0]), environment=paths[1]) == ["samples", "b-samples"]


def test_the_environment_may_name_a_folder_whose_files_are_sources(tmp_path: Path) -> None:
    """Pages beside them are none."""
    files(tmp_path, "README.md", "LICENSE.txt", "one.jsonl.gz", "two.json")
    assert named(environment=str(tmp_path)) == ["one", "two"]


def test_a_folder_of_folders_is_one_source(tmp_path: Path) -> None:
    files(tmp_path, "run/HumanEval_0/0.py")
    assert named(environment=str(tmp_path / "run")) == ["run"]


def test_a_source_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        SourceMissingError, match=r"No file .*none\.jsonl' of imported completions. Correct the profile"
    ):
        named(SampleSource(str(tmp_path / "none.jsonl")))
    with pytest.raises(SourceMissingError, match="No file"):
        named(environment=str(tmp_path / "none.jsonl"))


def test_the_digest_is_of_all_that_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, [["x"]], "generations.json")
    source = LocalSource("mine", path, SampleSource(str(path)))
    alone = source.digest()
    write(tmp_path, ["check(add)"], "references.json")
    assert source.digest() != alone
    (tmp_path / "HumanEval_0").mkdir()
    (tmp_path / "HumanEval_0" / "0.py").write_text("x")
    folder = LocalSource("mine", tmp_path, SampleSource(str(tmp_path)))
    before = folder.digest()
    (tmp_path / "HumanEval_0" / "1.py").write_text("x")
    assert folder.digest() != before


def test_a_file_of_the_hub_is_fetched_at_a_full_commit_hash(tmp_path: Path) -> None:
    calls: list[dict[str, str]] = []

    def download(**keywords: str) -> str:
        calls.append(keywords)
        return str(tmp_path / "rows.jsonl")

    assert hub_file("o/d", "rows.jsonl", "a" * 40, download=download) == tmp_path / "rows.jsonl"
    assert calls == [{"repo_id": "o/d", "filename": "rows.jsonl", "revision": "a" * 40, "repo_type": "dataset"}]
    with pytest.raises(ReportError, match="the revision is 'main'; expected a full 40-digit commit hash"):
        hub_file("o/d", "rows.jsonl", "main", download=download)

    def unreachable(**keywords: str) -> str:
        raise OSError("no network")

    with pytest.raises(
        ReportError, match=r"o/d/rows\.jsonl at aaaaaaaaaaaa could not be read from the Hub \(OSError\)"
    ):
        hub_file("o/d", "rows.jsonl", "a" * 40, download=unreachable)
