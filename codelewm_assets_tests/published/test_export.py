"""What is exported in CodeLeWM's forms is clean under `recheck`, with the same figures, and its fields mean what theirs mean."""

import json
from pathlib import Path
from typing import Any

import pytest

from codelewm_assets.core.digests import unit_interval
from codelewm_assets.core.errors import ReportError
from codelewm_assets.core.records import PackRow
from codelewm_assets.evaluation.rows import ScoreRow
from codelewm_assets.evaluation.score_files import score_lines
from codelewm_assets.published import codelewm_forms as forms
from codelewm_assets.published.export import Build, SeedRun, export_files
from codelewm_assets.published.recheck import recheck
from codelewm_assets.published.records import Recheck
from codelewm_assets.store.manifest import Manifest
from codelewm_assets.training.progress import read_events, summarise
from codelewm_assets_tests.factories import World

SCORES = ("p_pass", "no_action", "shuffled_action", "lexical", "static")
EVENTS = (
    {"event": "start", "seed": 42},
    {"event": "progress", "fold": 0, "step": 4, "steps": 4, "metrics": {"train_loss": 1.0}},
    {"event": "collapse_diagnostics", "fold": 0, "step": 4, "effective_rank_ratio": 0.4},
    {"event": "complete", "seed": 42, "files": {}},
)
SOURCE = Manifest(
    artifact_id="a", artifact_kind="a", created_at="2026-07-01T00:00:00+00:00", source_git_sha="unknown", command="build",
    config_sha256="0" * 64, parent_artifacts={}, files=(), metadata={},
)  # fmt: skip


def pool_rows(world: World, fold: int) -> list[ScoreRow]:
    """A row for each pool member of the fold; a score is a hash in steps of a fifth, so that there are ties."""
    folds = {split.problem_id: split.fold for split in world.splits}
    return [
        ScoreRow(
            completion_id=member.completion_id, problem_id=member.problem_id, benchmark_id=member.benchmark_id, fold=fold,
            passed=member.passed, pool_id=member.pool_id,
            scores={name: round(unit_interval(name, member.completion_id) * 5) / 5 for name in SCORES},
        )
        for member in world.pools if folds[member.problem_id] == fold
    ]  # fmt: skip


def _build(world: World, rows: list[ScoreRow]) -> Build:
    run = SeedRun(EVENTS, "a" * 64, rows, SOURCE, SOURCE)
    folds = {split.problem_id: split.fold for split in world.splits}
    return Build(0, world.rows, folds, world.decoys, {42: run}, SOURCE, SOURCE)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, world: World) -> tuple[Path, list[ScoreRow]]:
    folder, rows = tmp_path_factory.mktemp("exported"), pool_rows(world, 0)
    for name, data in export_files(_build(world, rows)).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder, rows


@pytest.fixture(scope="module")
def rechecked(exported: tuple[Path, list[ScoreRow]]) -> Recheck:
    return recheck([exported[0]])


def test_recheck_finds_nothing_wrong_in_an_export(rechecked: Recheck) -> None:
    assert rechecked.faults == []
    assert all(check.recomputes and check.config_sha256_recomputes for check in rechecked.manifests)
    assert {parent for check in rechecked.manifests for parent in check.absent_parents} == set()
    kinds = sorted(check.artifact_kind for check in rechecked.manifests)
    assert kinds == ["dataset", "downstream_benchmark", "eval_report", "eval_report", "eval_report", "training_run"]
    from_rows = {r.path.rpartition("/")[2] for r in rechecked.reports if r.recomputes}
    assert from_rows == {
        "execution_rerank_report.json",
        "p_pass_calibration_report.json",
        "semantic_decoy_summary.json",
    }
    for rows in rechecked.score_rows:
        assert (rows.split.status, rows.split.trained, rows.has_p_pass) == ("pack", [], True)


def test_an_export_has_the_figures_of_the_build(
    rechecked: Recheck, exported: tuple[Path, list[ScoreRow]], tmp_path: Path
) -> None:
    for check in rechecked.score_rows:
        own_rows = [row for row in exported[1] if [row.benchmark_id] == check.benchmarks]
        (tmp_path / "own.jsonl").write_bytes(score_lines(own_rows))
        (own,) = recheck([tmp_path / "own.jsonl"]).score_rows
        assert check.problem_count == own.problem_count and check.pool_count == own.pool_count
        assert check.pass_at_1["codelewm"].shared_ties == pytest.approx(own.pass_at_1["p_pass"].shared_ties)
        for name in ("no_action", "shuffled_action", "lexical"):
            assert check.pass_at_1[name].shared_ties == pytest.approx(own.pass_at_1[name].shared_ties)
            assert check.mrr[name].shared_ties == pytest.approx(own.mrr[name].shared_ties)
            assert check.lift[name].points == pytest.approx(own.lift[name].points)
            assert check.lift[name].ci95 == pytest.approx(own.lift[name].ci95)


def test_an_exported_stream_is_a_complete_run(exported: tuple[Path, list[ScoreRow]]) -> None:
    events, _ = read_events(exported[0] / "seed-42" / "training" / "reports" / "job_progress.jsonl")
    summary = summarise(events, now_s=0.0, collapse_floors={"effective_rank_ratio": 0.2})
    assert (summary["state"], summary["step"], summary["collapse"]) == ("complete", 4, "ok")


def test_no_program_or_input_is_in_an_export(exported: tuple[Path, list[ScoreRow]], world: World) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in exported[0].rglob("*") if path.is_file())
    assert not any(row.code_tokens in text for row in world.rows)
    assert "def " not in text


def test_held_out_rows_of_the_pack_are_those_that_are_scored(
    exported: tuple[Path, list[ScoreRow]], world: World
) -> None:
    lines = (exported[0] / "pack" / "pack.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    folds = {split.problem_id: split.fold for split in world.splits}
    split_of = {0: "test", 1: "val"}
    assert all(record["split"] == split_of.get(folds[record["source_problem_id"]], "train") for record in records)
    scored = {row.source_submission_id for row in world.rows if row.is_scored}
    assert all(record["source_submission_id"] in scored for record in records if record["split"] != "train")


def _row(world: World, **changes: Any) -> PackRow:
    return world.rows[0].model_copy(update=changes)


def test_tokens_are_theirs() -> None:
    """Of a word run or mark the 4 bytes of its BLAKE2b, big-endian, top bit cleared; blanks have none."""
    from hashlib import blake2b

    first = int.from_bytes(blake2b(b"x", digest_size=4).digest(), "big")
    assert forms.hashed_tokens("x + 1")[0] == first % 2**31
    assert len(forms.hashed_tokens("f(x_1, 22)")) == 6  # f ( x_1 , 22 )
    assert forms.hashed_tokens(" \n") == []


@pytest.mark.parametrize(
    ("output", "kind", "expected"),
    [("''", "value", "empty"), ("[1, 2]", "value", "short"), ("'abcdef'", "value", "medium"), ("12345678", "value", None),
     ("<exception ValueError>", "no_value", None), ("{1, 2}", "value", "short")],
)  # fmt: skip
def test_their_length_bucket_is_of_the_value(world: World, output: str, kind: str, expected: str | None) -> None:
    """A text of 6 characters is medium (≤ 50), two members are short (≤ 5), a number has no length."""
    assert forms.length_bucket(_row(world, output_tokens=output, output_kind=kind)) == expected


def test_their_magnitude_of_what_is_no_number_is_null_and_a_raised_record_has_class_and_message(world: World) -> None:
    raised = _row(
        world,
        execution_status="exception",
        output_tokens="<exception ValueError>",
        output_magnitude_bucket="not_a_number",
    )
    record = forms.pack_record(raised, "test")
    assert record is not None
    assert (record["execution_status"], record["output_magnitude_bucket"]) == ("raised", None)
    assert record["output_tokens"] == forms.hashed_tokens("ValueError: ")
    assert (record["held_out_for_eval"], record["input_id"]) == (
        True,
        f"{raised.source_dataset}/case-{raised.input_id[1:]}",
    )
    assert forms.pack_record(_row(world, execution_status="timeout"), "train") is None


def test_their_random_control_is_the_hash_of_the_id() -> None:
    """0.1499… is the published figure of HumanEval/1::wsd::5."""
    assert forms.random_score("HumanEval/1::wsd::5") == 0.1499180030353199


def test_a_row_without_a_score_and_a_fold_without_pools_are_refused(world: World) -> None:
    rows = pool_rows(world, 0)
    lacking = rows[0].model_copy(update={"scores": rows[0].scores | {"no_action": None}})
    with pytest.raises(ReportError, match="has no score no_action"):
        forms.score_rows([lacking])
    with pytest.raises(ReportError, match="No pool is of fold 0; the build scored folds \\[1\\]"):
        export_files(_build(world, pool_rows(world, 1)))
