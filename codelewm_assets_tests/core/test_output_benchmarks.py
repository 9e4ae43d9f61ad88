"""A benchmark that asks for outputs is in problems and in the pack; wherever programs are judged its name is refused."""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from codelewm_assets.claims.register import CLAIMS, GATE_RULES
from codelewm_assets.completions.label_rows import LabelRow, read_rows
from codelewm_assets.core.errors import OutputBenchmarkError, ProfileError, ReportError
from codelewm_assets.core.ids import ALL_BENCHMARKS, BENCHMARKS, OUTPUT_BENCHMARKS, benchmark_of, published_id
from codelewm_assets.core.records import Completion, PackRow, PoolMember, Problem, choices
from codelewm_assets.evaluation.score_files import read_score_rows
from codelewm_assets.profiles.profile import load_profile
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.command import Run
from codelewm_assets_tests.commands.made import label_row
from codelewm_assets_tests.defs.stored_world import TINY
from codelewm_assets_tests.factories import make_problem

REFUSED = "cruxeval_o asks for outputs of programs; it has no completions to label, score or rerank"


def test_the_registry_has_it_apart_from_those_that_ask_for_programs() -> None:
    assert list(ALL_BENCHMARKS) == ["humaneval", "mbpp_plus", "cruxeval_o"]
    assert list(BENCHMARKS) == ["humaneval", "mbpp_plus"] and list(OUTPUT_BENCHMARKS) == ["cruxeval_o"]
    assert published_id(7, "cruxeval_o") == published_id("CRUXEval-O_7") == "CRUXEval/7"


def test_records_of_its_data_take_its_id_and_a_pool_does_not() -> None:
    assert make_problem(benchmark_id="cruxeval_o").benchmark_id == "cruxeval_o"
    for model, field in ((Problem, "benchmark_id"), (Completion, "benchmark_id"), (PackRow, "source_dataset")):
        assert choices(model.model_fields[field]) == ("humaneval", "mbpp_plus", "cruxeval_o")
    assert choices(PoolMember.model_fields["benchmark_id"]) == ("humaneval", "mbpp_plus")
    with pytest.raises(ValidationError, match=REFUSED):
        PoolMember(
            pool_id="p", problem_id="CRUXEval/0", benchmark_id="cruxeval_o", completion_id="c", passed=True,
            pool_kind="twin",
        )  # fmt: skip


@each_case("name", ["cruxeval_o", "CRUXEval", "CRUXEval-O", "cruxeval-org/cruxeval"])
def test_its_name_is_refused_as_a_benchmark_of_programs_in_any_spelling(name: str) -> None:
    with pytest.raises(OutputBenchmarkError, match=REFUSED):
        benchmark_of(name)


def test_no_gate_and_no_claim_is_about_it() -> None:
    names = [rule.name for rule in GATE_RULES] + [claim.claim_id for claim in CLAIMS]
    assert names and not [name for name in names if "cruxeval" in name]


def of_source(raw: dict[str, Any]) -> None:
    raw["sources"]["cruxeval_o"] = "cruxeval"


def of_critic(raw: dict[str, Any]) -> None:
    raw["critic"] = {"benchmarks": ["humaneval", "cruxeval_o"]}


def of_import(raw: dict[str, Any]) -> None:
    raw["completions"]["imported"] = [{"file": "samples.jsonl", "benchmark": "CRUXEval"}]


def of_floors(raw: dict[str, Any]) -> None:
    raw["preflight"]["floors"]["cruxeval_o"] = raw["preflight"]["floors"]["humaneval"]


def profile_with(folder: Path, *changes: Callable[[dict[str, Any]], None]) -> str:
    """The tiny profile with these changes. Returns: its path."""
    raw = yaml.safe_load(Path(TINY).read_text(encoding="utf-8"))
    for change in changes:
        change(raw)
    path = folder / "profile.yaml"
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    return str(path)


def test_a_profile_may_name_its_source_and_leaves_it_out_by_default(tmp_path: Path) -> None:
    assert "cruxeval_o" not in load_profile(TINY).sources.by_benchmark
    profile = load_profile(profile_with(tmp_path, of_source))
    assert list(profile.sources.by_benchmark.items())[-1] == ("cruxeval_o", "cruxeval")
    assert profile.critic.benchmarks == ("humaneval", "mbpp_plus")


@each_case(
    ("change", "fault"),
    [
        (of_critic, rf"critic.benchmarks.1: .*{REFUSED}"),
        (of_import, rf"completions.imported.0.benchmark: .*{REFUSED}"),
        (of_floors, r"preflight.floors.cruxeval_o: Extra inputs are not permitted"),
    ],
)
def test_a_profile_that_would_judge_programs_of_it_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], fault: str
) -> None:
    with pytest.raises(ProfileError, match=fault):
        load_profile(profile_with(tmp_path, of_source, change))


def test_a_score_row_of_it_is_refused_by_line(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    row = {"completion_id": "c", "problem_id": "CRUXEval/0", "benchmark_id": "cruxeval_o", "passed": True,
           "scores": {"p_pass": 0.5}}  # fmt: skip
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    with pytest.raises(ReportError, match=rf"line 1: .*{REFUSED}"):
        read_score_rows(path)


@each_case(
    "row",
    [
        label_row(benchmark_id="cruxeval_o"),
        {"task_id": "CRUXEval/0", "completion": "    return 1"},
        {"task_id": 0, "benchmark": "CRUXEval-O", "completion": "    return 1"},
    ],
)
def test_a_row_to_label_of_it_is_refused_by_line(row: dict[str, Any]) -> None:
    stream = BytesIO(json.dumps(row).encode())
    (fault,) = read_rows(stream, problems_of=lambda name: {}, benchmark=None, own=LabelRow)
    assert str(fault).startswith("line 1: ") and REFUSED in str(fault)


@each_case("command", ["label", "score"])
def test_the_commands_refuse_it_in_one_line(run: Run, tmp_path: Path, command: str) -> None:
    more = ["--scorer", "critic"] if command == "score" else []
    done = run(command, "in.jsonl", "--benchmark", "cruxeval_o", "--output", "out.jsonl", *more)
    assert done.status == 2 and REFUSED in done.err and "Traceback" not in done.err
