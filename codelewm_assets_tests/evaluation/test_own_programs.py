"""Scores of one's own programs by a file, and whether its scorer was trained on their problems."""

import json
from pathlib import Path

import pytest

from codelewm_assets.completions.program_rows import ProgramRow
from codelewm_assets.evaluation.own_programs import model_scores
from codelewm_assets.scorers.declared import ExternalScorer, TrainedOn


@pytest.mark.parametrize(
    ("trained_on", "expected"),
    [
        (None, [(0.25, None), (None, None)]),
        (TrainedOn(none_of_the_benchmarks="older than both"), [(0.25, False), (None, False)]),
        (TrainedOn(problems=("humaneval_1",)), [(0.25, True), (None, False)]),
    ],
)
def test_a_file_scores_what_it_names_and_the_statement_says_what_it_was_trained_on(
    trained_on: TrainedOn | None, expected: list[tuple[float | None, bool | None]], tmp_path: Path
) -> None:
    path = tmp_path / "scores.jsonl"
    path.write_text(json.dumps({"completion_id": "a", "score": 0.25}) + "\n", encoding="utf-8")
    settings = ExternalScorer(
        kind="external", role="control", reads="the program", trained_on=trained_on, file=str(path)
    )
    rows = [
        ProgramRow(completion_id=name, problem_id=problem, benchmark_id="humaneval", code="x = 1")
        for name, problem in (("a", "Python/1"), ("b", "HumanEval/2"))
    ]
    assert model_scores("mine", settings, rows) == expected
