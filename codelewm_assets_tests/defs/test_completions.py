"""The completions' assets: a model's completions join, labels go through shards, isolation is asked for by the profile."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import dagster as dg
import pytest

from codelewm_assets.completions.progress import LOG_INTERVAL_S, Progress
from codelewm_assets.core.records import Completion, LabelledCompletion
from codelewm_assets.core.sample_records import ImportedSample
from codelewm_assets.core.tables import iter_table
from codelewm_assets.defs.completions import (
    candidate_completions,
    labelled_completions,
    model_rates,
    sampled_completions,
)
from codelewm_assets.defs.resources import ProfileResource
from codelewm_assets.scorers.sampling import INSTRUCTION
from codelewm_assets_tests.defs.stored_world import QUIET, StoredWorld
from codelewm_assets_tests.factories import World
from codelewm_assets_tests.scorers.causal import train_writer

TINY = """
name: tiny
description: Two of each.
sources: {humaneval: wheel, mbpp_plus: stand_in, max_inputs_per_problem: 4}
completions: {bugs: 1, pairs_per_bug: 2, seed: 0}
sandbox: {workers: 2, cpu_floor_s: 0.1, isolation: ISOLATION, spread: SPREAD}
splits: {}
decoys: {pairs_per_problem: 1}
preflight:
  floors:
    humaneval: {passed: 1, failed: 1, magnitude: {negative: 0, zero: 0, small: 0, medium: 0, large: 0, not_a_number: 0}}
    mbpp_plus: {passed: 1, failed: 1, magnitude: {negative: 0, zero: 0, small: 0, medium: 0, large: 0, not_a_number: 0}}
    decoy_category: {pairs: 1, problems: 1}
  target_lift_points: 50
training: {}
"""


def materialize(
    stored: StoredWorld,
    folder: Path,
    isolation: str = "auto",
    spread: str = "in_process",
    sampled: Sequence[Mapping[str, object]] = (),
) -> dg.ExecuteInProcessResult:
    """The four assets."""
    path = folder / "tiny.yaml"
    named = f"seed: 0, sampled: {json.dumps(list(sampled))}}}"
    path.write_text(TINY.replace("ISOLATION", isolation).replace("SPREAD", spread).replace("seed: 0}", named))
    return dg.materialize(
        [sampled_completions, candidate_completions, labelled_completions, model_rates], instance=stored.instance, 
        resources=stored.resources | {"profile": ProfileResource(name=str(path))}, run_config=QUIET, raise_on_error=False,
        selection=["sampled_completions", "candidate_completions", "labelled_completions", "model_rates"],
    )  # fmt: skip


def latest(stored: StoredWorld, kind: str) -> Path:
    """Folder of the one artifact of this kind that was stored last."""
    event = stored.instance.get_latest_materialization_event(dg.AssetKey(kind))
    assert event is not None and event.asset_materialization is not None
    return Path(str(event.asset_materialization.metadata["folder"].value))


def failure(result: dg.ExecuteInProcessResult) -> str:
    """The message of the step that failed."""
    assert not result.success
    data = result.get_step_failure_events()[0].step_failure_data
    assert data.user_failure_data is not None, data.error
    return str(data.user_failure_data.description)


@pytest.mark.slow
def test_a_models_completions_join_and_are_labelled_by_running_them(
    stored: StoredWorld, world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stored.put_data(world)
    problem = next(p for p in world.problems if p.benchmark_id == "humaneval")
    rows = [
        {
            "problem_id": problem.problem_id,
            "code": f"def {problem.entry_point}(*a):\n    return object()",
            "passed": True,
        },
        {"problem_id": problem.problem_id, "code": problem.reference},
        {"problem_id": "elsewhere", "code": "x"},
    ]
    path = tmp_path / "models.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "nonsense\n")
    monkeypatch.setenv("CODELEWM_IMPORTED_COMPLETIONS", str(path))
    assert materialize(stored, tmp_path).success
    found = list(iter_table(latest(stored, "candidate_completions") / "humaneval" / "completions.parquet", Completion))
    new = f"{problem.problem_id}/models/m000"
    assert [c.completion_id for c in found if c.completion_kind == "model"] == [new]
    samples = list(
        iter_table(latest(stored, "candidate_completions") / "humaneval" / "samples.parquet", ImportedSample)
    )
    assert [(s.sample_id, s.status, s.completion_id) for s in samples] == [
        (new, "kept", new), (f"{problem.problem_id}/models/m001", "equals_another", f"{problem.problem_id}/c000"),
    ]  # fmt: skip
    manifest = json.loads((latest(stored, "candidate_completions") / "manifest.json").read_text())
    assert manifest["metadata"]["dropped_by_reason"] == {"humaneval": {"equals_another": 1}, "mbpp_plus": {}}
    assert manifest["metadata"]["imports"] == {"models": "2 programs of 4 rows, JSON lines"}
    [reading] = json.loads((latest(stored, "candidate_completions") / "imports.json").read_text())
    assert [(row["reason"], row["example"]) for row in reading["unread"]] == [
        ("malformed", "line 4: not JSON"), ("unknown_problem", "line 3: problem 'elsewhere' is not one of this build's"),
    ]  # fmt: skip
    labelled = list(
        iter_table(latest(stored, "labelled_completions") / "humaneval" / "labelled.parquet", LabelledCompletion)
    )
    assert [row.completion for row in labelled] == [
        c for c in found if c.problem_id in {r.completion.problem_id for r in labelled}
    ]
    (model,) = (row for row in labelled if row.completion.completion_kind == "model")
    assert model.outcome == "wrong_output"  # the published label is not believed
    [rate] = json.loads((latest(stored, "model_rates") / "model_rates.json").read_text())["models"]
    assert (rate["model"], rate["sample_count"], rate["plus"][0]["value"]) == (
        "(models)",
        2,
        0.5,
    )  # one is the reference
    counts = json.loads((latest(stored, "labelled_completions") / "manifest.json").read_text())["metadata"]
    assert counts["by_model_and_outcome"] == {"(models)": {"wrong_output": 1}}
    first = latest(stored, "candidate_completions")
    path.write_text(path.read_text() + json.dumps({"problem_id": problem.problem_id, "code": "def solve(:"}) + "\n")
    assert materialize(stored, tmp_path).success
    assert latest(stored, "candidate_completions") != first  # the file is part of what the artifact depends on


@pytest.mark.slow
def test_a_model_is_sampled_and_its_programs_are_labelled(stored: StoredWorld, world: World, tmp_path: Path) -> None:
    """It answers the first problem with a program that passes nothing, twice, and the second time the texts are those stored."""
    stored.put_data(world)
    problem = next(p for p in world.problems if p.benchmark_id == "humaneval")
    answer = f"So:\n```python\ndef {problem.entry_point}(*a):\n    return object()\n```\n"
    folder = train_writer(tmp_path / "writer", [INSTRUCTION + problem.prompt], answer, chat=True)
    model = {"source": str(folder), "model": "writer", "benchmarks": ["humaneval"], "problems": 1, "prompt_form": "answer",
             "samples": 2, "temperature": 0.01, "max_new_tokens": 60}  # fmt: skip
    assert materialize(stored, tmp_path, sampled=[model]).success
    drawn = latest(stored, "sampled_completions")
    rows = [json.loads(line) for line in (drawn / "sampled-writer.jsonl").read_text().splitlines()]
    assert rows == [{"task_id": problem.problem_id, "completion": answer, "model": "writer"}] * 2
    [stated] = json.loads((drawn / "sampled.json").read_text())
    assert stated["model"] == "writer" and len(stated["files_sha256"]) == 64 and "torch" in stated["versions"]
    [rate] = json.loads((latest(stored, "model_rates") / "model_rates.json").read_text())["models"]
    assert (rate["model"], rate["sample_count"], rate["plus"][0]["value"]) == ("writer", 2, 0.0)
    counts = json.loads((latest(stored, "labelled_completions") / "manifest.json").read_text())["metadata"]
    assert counts["by_model_and_outcome"] == {"writer": {"wrong_output": 1}}
    assert materialize(stored, tmp_path, sampled=[model]).success and latest(stored, "sampled_completions") == drawn
    (folder / "config.json").write_text((folder / "config.json").read_text() + "\n")
    assert materialize(stored, tmp_path, sampled=[model]).success and latest(stored, "sampled_completions") != drawn


def test_a_file_that_is_not_there_is_refused(
    stored: StoredWorld, world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stored.put_data(world)
    monkeypatch.setenv("CODELEWM_IMPORTED_COMPLETIONS", str(tmp_path / "none.jsonl"))
    assert "none.jsonl' of imported completions. Correct the profile" in failure(materialize(stored, tmp_path))


@pytest.mark.slow
def test_a_profile_that_wants_every_layer_refuses_to_label_without_and_says_what_to_do(
    stored: StoredWorld, world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stored.put_data(world)
    monkeypatch.delenv("CODELEWM_IMPORTED_COMPLETIONS", raising=False)
    monkeypatch.setattr("codelewm_assets.sandbox.isolation.filters", lambda: None)
    text = failure(materialize(stored, tmp_path, "strict"))
    assert "The profile's isolation is strict; these layers are missing here:" in text
    assert "seccomp" in text and "install libseccomp" in text


@pytest.mark.slow
def test_how_labels_are_spread_is_not_part_of_what_they_are(
    stored: StoredWorld, world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stored.put_data(world)
    monkeypatch.delenv("CODELEWM_IMPORTED_COMPLETIONS", raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)
    text = failure(materialize(stored, tmp_path, spread="ray"))
    assert "pip install codelewm_assets[ray]" in text
    assert materialize(stored, tmp_path).success
    again = materialize(stored, tmp_path, spread="ray")  # nothing is left to label
    assert again.success
    (made,) = again.asset_materializations_for_node("labelled_completions")
    assert made.metadata["is_reused"].value is True


def test_labelling_speaks_in_the_runs_log_each_five_minutes_and_not_more_often(tmp_path: Path) -> None:
    add_at_s = [
        1.0,
        LOG_INTERVAL_S - 1,
        LOG_INTERVAL_S,
        LOG_INTERVAL_S + 1,
        2 * LOG_INTERVAL_S - 1,
        2 * LOG_INTERVAL_S + 5,
    ]
    clock, said = iter([0.0, *add_at_s]), list[str]()
    with Progress(tmp_path / "progress.jsonl", 1000, log=said.append, clock_s=lambda: next(clock)) as progress:
        for _ in add_at_s:
            progress.add(10)
    assert said == ["30 of 1000 completions labelled", "60 of 1000 completions labelled"]


@pytest.mark.slow
def test_a_labelling_run_is_heard_by_the_instance_while_it_labels(
    world: World, stored: StoredWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codelewm_assets.completions.progress.LOG_INTERVAL_S", 0.0)
    stored.put_data(world)
    monkeypatch.delenv("CODELEWM_IMPORTED_COMPLETIONS", raising=False)
    result = materialize(stored, tmp_path)
    assert result.success
    records = stored.instance.get_records_for_run(result.run_id, limit=10_000).records  # which silence is counted from
    messages = [record.event_log_entry.user_message for record in records]
    [made] = result.asset_materializations_for_node("labelled_completions")
    total = made.metadata["completion_count"].value
    assert f"{total} of {total} completions labelled" in messages
