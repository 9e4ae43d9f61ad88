"""`score`: programs in, score rows out that `calibrate` and `rerank` read; every fault is one line and writes nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from codelewm_assets_tests.command import Run
from codelewm_assets_tests.commands.made import label_row, lines
from codelewm_assets_tests.scorers.test_published_models import classifier, language_model

__all__ = ["classifier", "language_model"]  # fixtures
PROMPT = "def double(x):\n    '''Twice x.'''\n"
RIGHT, WRONG = "def double(x):\n    return x + x\n", "def double(x):\n    return x - x\n"


def programs(folder: Path, *more: Any) -> Path:
    """Two problems with a right and a wrong program each, as `label` reads them, and further rows."""
    return lines(
        folder / "in.jsonl",
        *(
            label_row(completion_id=f"{problem}{name}", problem_id=problem, code=code, prompt=PROMPT)
            for problem in ("p", "q")
            for name, code in (("right", RIGHT), ("wrong", WRONG))
        ),
        *more,
    )


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_label_score_calibrate_and_rerank_are_a_pipe(run: Run, tmp_path: Path, language_model: Path) -> None:
    path, labelled, scored = programs(tmp_path), tmp_path / "labelled.jsonl", tmp_path / "scored.jsonl"
    assert run("label", path, "--output", labelled, "--isolation", "basic", "--workers", "1").status == 0
    found = run(
        "score", path, "--labels", labelled, "--scorer", "lm_likelihood", "--model", language_model, "--output", scored
    )
    assert (found.status, found.err) == (0, "")
    assert (
        "4 scored, 0 without a score, 4 labelled, 0 of problems that lm_likelihood was trained on, 4 where" in found.out
    )
    rows = rows_of(scored)
    assert [(row["completion_id"], row["passed"], row["trained_on"]) for row in rows] == [
        ("pright", True, None), ("pwrong", False, None), ("qright", True, None), ("qwrong", False, None),
    ]  # fmt: skip
    assert all(set(row["scores"]) == {"lm_likelihood"} and 0 < row["scores"]["lm_likelihood"] < 1 for row in rows)
    for command, report in (("calibrate", "p_pass_calibration_report.json"), ("rerank", "rerank_report.json")):
        found = run(command, scored, "--score", "lm_likelihood", "--output", tmp_path)
        assert (found.status, found.err) == (0, "")
        assert json.loads((tmp_path / report).read_bytes())["subject"] == "lm_likelihood"


def test_a_program_that_is_not_labelled_has_no_verdict_and_a_bad_row_stops_no_other(
    run: Run, tmp_path: Path, classifier: Path
) -> None:
    path = programs(tmp_path, "not json", label_row(completion_id="pright", problem_id="p", prompt=PROMPT))
    scored = tmp_path / "scored.jsonl"
    found = run(
        "score", path, "--scorer", "classifier", "--model", classifier, "--label", "right", "--output", scored, "--json"
    )
    assert found.status == 1
    assert json.loads(found.out) | {"malformed": None, "output": None} == {
        "written": 4, "missing": 0, "trained_on": 0, "not_known": 4, "labelled": 0, "malformed": None, "output": None,
    }  # fmt: skip
    assert "line 5: not JSON" in found.err and "'pright' is there already" in found.err
    assert all("passed" not in row and set(row["scores"]) == {"classifier"} for row in rows_of(scored))


def test_a_scorer_of_a_profile_marks_the_problems_that_it_states(run: Run, tmp_path: Path) -> None:
    import yaml

    from codelewm_assets_tests.defs.stored_world import TINY

    path, scored, profile = programs(tmp_path), tmp_path / "scored.jsonl", tmp_path / "profile.yaml"
    file = lines(tmp_path / "scores.jsonl", *({"completion_id": f"{p}right", "score": 0.75} for p in "pq"))
    declared = {
        "kind": "external",
        "role": "candidate",
        "reads": "the program",
        "file": str(file),
        "trained_on": {"problems": ["q"]},
    }
    raw = yaml.safe_load(Path(TINY).read_text(encoding="utf-8"))
    profile.write_text(yaml.safe_dump(raw | {"scorers": {"ranker": declared}}), encoding="utf-8")
    assert run("score", path, "--scorer", "ranker", "--profile", profile, "--output", scored).status == 0
    assert [(row["scores"]["ranker"], row["trained_on"]) for row in rows_of(scored)] == [
        (0.75, False), (None, False), (0.75, True), (None, True),
    ]  # fmt: skip
    labelled = [row | {"passed": True} for row in rows_of(scored)]
    again = lines(tmp_path / "again.jsonl", *labelled)
    run("calibrate", again, "--score", "ranker", "--output", tmp_path / "reports").is_one_line_error(
        "line 3: completion 'qright' is trained_on", "--allow-trained-on"
    )
    assert not (tmp_path / "reports").exists()
    assert (
        run("calibrate", again, "--score", "ranker", "--output", tmp_path / "reports", "--allow-trained-on").status == 0
    )


def test_bad_arguments_and_models_are_one_line_and_write_nothing(
    run: Run, tmp_path: Path, language_model: Path, classifier: Path
) -> None:
    path, output = programs(tmp_path), tmp_path / "out.jsonl"
    asked = ("score", path, "--output", output, "--scorer")
    run(*asked, "nobody").is_one_line_error("No scorer 'nobody'; profile sample has critic, codelewm", status=2)
    run(*asked, "critic", "--model", language_model).is_one_line_error(
        "--model is for --scorer lm_likelihood", status=2
    )
    run(*asked, "lm_likelihood", "--model", "someone/model").is_one_line_error(
        "expected a revision of 40 hex digits", status=2
    )
    run(*asked, "lm_likelihood", "--model", "someone/model", "--revision", "main").is_one_line_error(
        "revision: String should match pattern", status=2
    )
    run(*asked, "lm_likelihood", "--model", tmp_path).is_one_line_error("has no config.json in")
    run(*asked, "classifier", "--model", classifier, "--label", "good").is_one_line_error("has no label 'good'")
    assert not output.exists()


def test_labels_in_place_of_programs_are_one_line(run: Run, tmp_path: Path, language_model: Path) -> None:
    path, labelled = programs(tmp_path), tmp_path / "labelled.jsonl"
    labelled.write_text('{"header": {}}\n{"completion_id": "pright"}\n', encoding="utf-8")
    asked = ("--scorer", "lm_likelihood", "--model", language_model, "--output", tmp_path / "out.jsonl")
    run("score", labelled, *asked).is_one_line_error(
        "labelled.jsonl holds labels and no programs", "--labels", status=2
    )
    run("score", path, "--labels", labelled, *asked).is_one_line_error("line 2 is no row of `label`", status=2)
    run("score", tmp_path / "absent.jsonl", *asked).is_one_line_error("absent.jsonl cannot be read", status=2)
    assert not (tmp_path / "out.jsonl").exists()


def test_a_stored_scorer_is_found_by_a_digest_that_one_artifact_alone_begins_with(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODELEWM_ARTIFACTS", str(tmp_path / "artifacts"))
    monkeypatch.setenv("CODELEWM_WORK", str(tmp_path / "work"))
    asked = ("score", programs(tmp_path), "--output", tmp_path / "out.jsonl", "--scorer")
    run(*asked, "critic", "--checkpoint", "abc").is_one_line_error(
        "0 stored artifacts of critic have a digest that begins with 'abc'; expected one"
    )
    run(*asked, "critic", "--checkpoint", "critic[1729]").is_one_line_error("critic[1729] has not been materialized")
    run(*asked, "codelewm").is_one_line_error("checkpoint[42] has not been materialized. Build it, or name one by")
