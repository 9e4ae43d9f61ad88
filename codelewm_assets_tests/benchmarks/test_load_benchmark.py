"""The one way in: what was asked for is read or refused, never replaced; a stand-in says that it is one."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codelewm_assets.benchmarks import problem as way_in
from codelewm_assets.benchmarks.pins import EVALPLUS_FILES, FilePin
from codelewm_assets.benchmarks.problem import SourceRead, load_benchmark
from codelewm_assets.benchmarks.stand_in import stand_in_problems
from codelewm_assets.core.errors import SourceError, SourceFormatError, SourceMissingError
from codelewm_assets.core.ids import BenchmarkId, SourceName
from codelewm_assets_tests.benchmarks.release_files import mbpp_row, write_release

REVISION = "0123456789abcdef0123456789abcdef01234567"


def nothing_runs(code: str, entry_point: str, inputs: tuple[str, ...]) -> list[str | None]:
    """A runner for sources whose inputs are data."""
    raise AssertionError("nothing may run")


def load(
    benchmark: BenchmarkId, source: SourceName, folder: Path, environment: Mapping[str, str] | None = None
) -> SourceRead:
    return load_benchmark(
        benchmark, source=source, max_inputs=3, run=nothing_runs, environment=environment or {}, cache=folder
    )


@pytest.fixture
def pin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FilePin:
    """The pin of a small MBPP-Plus release in `tmp_path / "release"`, whose address nobody answers."""
    rows = [mbpp_row(9), mbpp_row(3), mbpp_row(6, base_input=[], plus_input=[])]
    _, pin = write_release(tmp_path / "release", "mbpp_plus", rows)
    pin = replace(pin, url="http://127.0.0.1:9/MbppPlus.jsonl.gz")
    monkeypatch.setitem(EVALPLUS_FILES, "mbpp_plus", pin)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return pin


def test_a_benchmark_that_cannot_be_reached_is_an_error_and_never_the_stand_in(pin: FilePin, tmp_path: Path) -> None:
    with pytest.raises(SourceMissingError, match="one of three"):
        load("mbpp_plus", "evalplus", tmp_path / "cache")


def test_a_hub_that_cannot_be_read_is_an_error_and_never_a_file(
    pin: FilePin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch_rows(repository: str, revision: str) -> list[dict[str, Any]]:
        raise SourceMissingError(f"{repository} at {revision[:12]} could not be read")

    monkeypatch.setattr(way_in, "fetch_rows", fetch_rows)
    with pytest.raises(SourceMissingError, match="evalplus/mbppplus at 0123456789ab could not be read"):
        load("mbpp_plus", "evalplus", tmp_path / "cache", {pin.revision_environment: REVISION})


def test_a_named_file_is_read_sorted_by_id_with_those_excluded(pin: FilePin, tmp_path: Path) -> None:
    found = load("mbpp_plus", "evalplus", tmp_path, {pin.environment: str(tmp_path / "release" / pin.file_name)})
    assert [p.problem_id for p in found.problems] == ["Mbpp/3", "Mbpp/9"]
    assert [r.problem_id for r in found.excluded] == ["Mbpp/6"]
    assert found.revision == "MbppPlus.jsonl.gz v0.2.0"
    assert all(len(p.inputs) == 3 for p in found.problems)


def test_a_named_file_goes_before_a_revision(pin: FilePin, tmp_path: Path) -> None:
    environment = {
        pin.environment: str(tmp_path / "release" / pin.file_name),
        pin.revision_environment: REVISION,
    }
    assert load("mbpp_plus", "evalplus", tmp_path, environment).revision == "MbppPlus.jsonl.gz v0.2.0"


def test_a_revision_in_the_environment_reads_the_hub_at_it(
    pin: FilePin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {
        "task_id": 3,
        "code": "def f(x):\n    return x\n",
        "prompt": "Return x.",
        "test_list": ["assert f(1) == 1"],
        "test": "inputs = [[1]]\nresults = [1]\n",
    }
    monkeypatch.setattr(way_in, "fetch_rows", lambda repository, revision: [row] if revision == REVISION else [])
    found = load("mbpp_plus", "evalplus", tmp_path, {pin.revision_environment: REVISION})
    assert found.revision == "evalplus/mbppplus@0123456789ab"


def test_a_branch_name_in_the_environment_is_refused(pin: FilePin, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="'main'; expected a full 40-digit commit hash"):
        load("mbpp_plus", "evalplus", tmp_path, {pin.revision_environment: "main"})


def test_a_source_without_a_usable_problem_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, pin = write_release(tmp_path, "mbpp_plus", [mbpp_row(3, base_input=[], plus_input=[])])
    monkeypatch.setitem(EVALPLUS_FILES, "mbpp_plus", pin)
    with pytest.raises(SourceFormatError, match="no usable problem of mbpp_plus; 1 excluded"):
        load("mbpp_plus", "evalplus", tmp_path, {pin.environment: str(path)})


def test_a_source_of_the_other_benchmark_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceFormatError, match=r"'stand_in' does not hold humaneval; it holds \['mbpp_plus'\]"):
        load("humaneval", "stand_in", tmp_path)


def test_the_stand_in_is_named_one_in_label_and_revision(tmp_path: Path) -> None:
    found = load("mbpp_plus", "stand_in", tmp_path)
    assert len(found.problems) == len(stand_in_problems())
    assert found.revision == "codelewm stand-in 1"
    assert {p.benchmark_label for p in found.problems} == {"mbpp_plus (stand-in)"}
    assert {p.source_revision for p in found.problems} == {"codelewm stand-in 1"}
    assert all(p.problem_id.startswith("StandIn/") for p in found.problems)


def test_the_stand_in_gives_at_most_the_inputs_asked_for_and_no_published_outputs(tmp_path: Path) -> None:
    for problem in load("mbpp_plus", "stand_in", tmp_path).problems:
        assert 1 <= len(problem.inputs) <= 3
        assert problem.expected == (None,) * len(problem.inputs)
