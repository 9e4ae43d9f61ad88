"""`recheck`: tables, JSON and a page, or a line for each file that cannot be judged."""

import json
import os
from pathlib import Path

import pytest

from codelewm_assets.core.digests import pretty_json
from codelewm_assets.published.forms import SCORE_ROW
from codelewm_assets_tests.command import Run
from codelewm_assets_tests.published.rows import row
from codelewm_assets_tests.published.written import Published

ROW = row("P/0::0", passed=True).model_dump(mode="json")
OLD = {name: value for name, value in ROW.items() if name not in ("benchmark_id", "split")} | {
    "completion_id": "P/0::1"
}


def _lines(*rows: object) -> str:
    return "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in rows)


def test_tables_json_and_page(run: Run, tmp_path: Path) -> None:
    Published(tmp_path / "in").rerank()
    result = run("recheck", tmp_path / "in", "--output", tmp_path / "out")
    assert (result.status, result.err) == (0, "")
    assert "the reranking claim is closed" in result.out
    document = json.loads((tmp_path / "out" / "recheck.json").read_text(encoding="utf-8"))
    assert document == json.loads(run("recheck", tmp_path / "in", "--json").out)
    (rows,) = document["score_rows"]
    assert rows["pass_at_1"]["lexical"] == {"published_ties": 1.0, "shared_ties": 0.5}
    assert rows["constant_score"] == {"published_ties": 1.0, "shared_ties": 0.5}
    lift = rows["lift"]["no_action"]
    assert (lift["points"], lift["problem_count"]) == (0.0, 2)
    assert lift["ci95"][0] < 0 < lift["ci95"][1]  # two problems that agree are no certainty
    assert [entry["recomputes"] for entry in (*document["manifests"], *document["reports"])] == [True, True]
    assert (tmp_path / "out" / "recheck.md").read_text(encoding="utf-8").startswith("# Evidence, rechecked")


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [
        ("scores.jsonl", _lines(ROW) + json.dumps(OLD)[:40], "scores.jsonl: line 2: not JSON, or truncated"),
        ("scores.jsonl", _lines(ROW, ROW), "line 2: completion 'P/0::0' stands in line 1 already"),
        ("scores.jsonl", _lines(ROW, OLD), "rows of two cycles in one file"),
        ("scores.jsonl", _lines(ROW, ROW | {"schema_version": "codelewm.eval.completion_score.v2"}),
         "line 2: is codelewm.eval.completion_score.v2"),
        ("scores.jsonl", _lines(ROW | {"schema_version": "codelewm.eval.completion_score.v2"}), f"recheck reads {SCORE_ROW}"),
        ("scores.jsonl", _lines(ROW | {"scores": {"codelewm": float("nan")}}), "NaN is no finite number"),
        ("scores.jsonl", _lines(ROW | {"scores": {"lexical": 1.0}}), "1 rows have no score codelewm"),
        ("scores.jsonl", _lines(ROW, ROW | {"completion_id": "Q/7::1"}), "completion 'Q/7::1' stands in a pool of P/0"),
        ("scores.jsonl", _lines(ROW, OLD | {"completion_id": "P/0::\ud800"}), "line 2: a text holds half a surrogate pair"),
        ("scores.jsonl", "", "is empty"),
        ("report.json", '{"schema_version": "codelewm.eval.execution_rerank_report.v1",\n "base', "not JSON, or truncated"),
        ("scan.json", '{"schema_version": "codelewm.secret_scan.v1", "ok": true, "findings": []}', "paths_scanned: Field required"),
    ],
    ids=["cut off", "twice", "two cycles", "mixed versions", "other version", "NaN", "no subject", "pool", "lone", "empty", "cut",
         "field"],
)  # fmt: skip
def test_a_file_that_cannot_be_judged_is_one_line(run: Run, tmp_path: Path, name: str, text: str, part: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    run("recheck", tmp_path, "--output", tmp_path / "out").is_one_line_error(part, name, status=2)
    assert not (tmp_path / "out").exists()


def test_every_faulty_file_is_named(run: Run, tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_text("{", encoding="utf-8")
    result = run("recheck", tmp_path)
    assert (result.status, len(result.err.splitlines())) == (2, 2)


def test_names_that_utf_8_cannot_write_are_refused_wherever_they_stand(run: Run, tmp_path: Path) -> None:
    own = {"completion_id": "a", "problem_id": "p", "benchmark_id": "humaneval", "passed": True}
    (tmp_path / "s.jsonl").write_text(_lines(own | {"scores": {"\ud800k": 0.5, "x": 0.5}}), encoding="utf-8")
    run("recheck", tmp_path, "--output", tmp_path / "o").is_one_line_error("s.jsonl", "half a surrogate pair", status=2)


@pytest.mark.parametrize("command", ["recheck", "calibrate", "rerank"])
def test_pipes_and_names_that_no_folder_can_have_are_refused(run: Run, tmp_path: Path, command: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    status = 2 if command == "recheck" else 1
    run(command, tmp_path / "pipe", "--output", tmp_path / "o").is_one_line_error(
        "pipe is a pipe or a device", status=status
    )
    run(command, "absent", "--output", "a" * 300).is_one_line_error(
        "is no name of a folder: File name too long", status=2
    )


def test_a_manifest_of_a_foreign_kind_is_refused(run: Run, tmp_path: Path) -> None:
    Published(tmp_path).rerank(artifact_kind="execution_pack")
    run("recheck", tmp_path).is_one_line_error("artifact_kind", "'execution_pack'", status=2)


@pytest.mark.parametrize("path", ["a\0b", "a" * 5000, "a/" * 5000], ids=["NUL", "long name", "long path"])
def test_a_path_that_no_file_can_have_is_named(run: Run, tmp_path: Path, path: str) -> None:
    Published(tmp_path).rerank(files=[{"path": path, "bytes": 0, "sha256": "0" * 64}])
    run("recheck", tmp_path).is_one_line_error("manifest.json: ", "files.0.path: ", status=2)


def test_a_number_beyond_floats_is_named(run: Run, tmp_path: Path) -> None:
    Published(tmp_path).rerank(metadata={"score": 0.5})
    manifest = tmp_path / "manifest.json"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace("0.5", "1e400"), encoding="utf-8")
    run("recheck", tmp_path).is_one_line_error("manifest.json: ", "1e400 is no finite number", status=2)


def test_rows_of_other_pools_are_refused(run: Run, tmp_path: Path) -> None:
    Published(tmp_path).rerank()
    rows = [row(f"Q/0::{n}", passed=n == 0, benchmark_id="mbpp_plus").model_dump(mode="json") for n in range(2)]
    (tmp_path / "reports" / "completion_scores.jsonl").write_text(_lines(*rows), encoding="utf-8")
    run("recheck", tmp_path).is_one_line_error(
        "rows of other pools",
        "1 problems with 2 completions of mbpp_plus",
        "the report has 2 with 4 of humaneval",
        status=2,
    )


def test_scanned_paths_are_opaque(run: Run, tmp_path: Path) -> None:
    scan = {
        "schema_version": "codelewm.secret_scan.v1",
        "ok": True,
        "findings": [],
        "paths_scanned": ["/Users/someone/secret"],
    }
    (tmp_path / "scan.json").write_bytes(pretty_json(scan))
    result = run("recheck", tmp_path)
    assert result.status == 0
    assert "/Users" not in result.out


def test_rows_of_this_project_need_the_score_that_is_named(run: Run, tmp_path: Path) -> None:
    own = {"completion_id": "a", "problem_id": "p", "benchmark_id": "humaneval", "passed": True}
    (tmp_path / "s.jsonl").write_text(_lines(own | {"scores": {"x": 0.5, "y": 0.5}}), encoding="utf-8")
    run("recheck", tmp_path).is_one_line_error(
        "s.jsonl: rows have the scores x, y and no p_pass. Name one by --score.", status=2
    )
    assert run("recheck", tmp_path, "--score", "x").status == 0
    (tmp_path / "s.jsonl").write_text(_lines(own | {"scores": {"critic": 0.5, "lexical": 0.1}}), encoding="utf-8")
    (rows,) = json.loads(run("recheck", tmp_path, "--json").out)["score_rows"]
    assert rows["subject"] == "critic"  # the only score that is no control


def test_files_of_one_name_in_two_folders_are_judged_apart(run: Run, tmp_path: Path) -> None:
    """The second folder's rows are not the first's: each verdict is what the folder alone gives."""
    for name in ("first", "second"):
        Published(tmp_path / name).rerank()
    both = json.loads(run("recheck", tmp_path / "first", tmp_path / "second", "--json").out)
    assert len({rows["path"] for rows in both["score_rows"]}) == 2
    assert {Path(rows["path"]).parts[-1] for rows in both["score_rows"]} != set()


SURPRISE = {"schema_version": "codelewm.eval.surprise_report.v1", "examples": [], "metrics": {}}
RETRIEVAL = {"schema_version": "codelewm.eval.retrieval_report.v1"}
CALIBRATION = {
    "schema_version": "codelewm.eval.p_pass_calibration_report.v1", "baselines_requested": [], "calibration_bin_count": 10,
    "claim_allowed": False, "claim_gate": {}, "claim_reason": "", "dataset_kind": "", "interpretation": {}, "slices": {},
    "row_count": 0, "score_paths": [],
}  # fmt: skip
TRAIN_CONFIG = {"schema_version": "codelewm.execution_train_config.v1", "name": "n"}


@pytest.mark.parametrize(
    ("document", "part"),
    [
        (SURPRISE | {"metrics": {"pairwise_auc_by_category": []}}, "metrics.pairwise_auc_by_category: "),
        (SURPRISE | {"metrics": {"pairwise_auc_by_category": {"m": None}}}, "metrics.pairwise_auc_by_category.m: "),
        (SURPRISE | {"metadata": {"decoy_policy": {"requested": 5}}}, "metadata.decoy_policy.requested: "),
        (RETRIEVAL | {"candidate_pool": {"entries": [1]}}, "candidate_pool.entries.0: "),
        (CALIBRATION | {"overall": {"baselines": {"codelewm": "x"}}}, "overall.baselines.codelewm: "),
        (CALIBRATION | {"overall": {"baselines": {"codelewm": {"status": "ok", "roc_auc": None}}}}, "status is ok, but roc_auc"),
        (TRAIN_CONFIG | {"data": {"ingestion_sources": [{"a": 1}]}}, "data.ingestion_sources.0: "),
    ],
)  # fmt: skip
def test_an_inner_field_of_another_type_is_named(
    run: Run, tmp_path: Path, document: dict[str, object], part: str
) -> None:
    (tmp_path / "document.json").write_bytes(pretty_json(document))
    run("recheck", tmp_path).is_one_line_error("document.json", part, status=2)


def test_a_calibration_report_of_no_rows_follows_from_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "document.json").write_bytes(pretty_json(CALIBRATION | {"overall": {}}))
    (report,) = json.loads(run("recheck", tmp_path, "--json").out)["reports"]
    assert report["recomputes"] is None


@pytest.mark.parametrize(
    ("field", "value"),
    [("bootstrap_samples", "x"), ("bootstrap_samples", 0), ("bootstrap_samples", 1.5), ("min_lift_for_claim", None)],
)
def test_a_configuration_that_no_rerank_run_has_is_named(run: Run, tmp_path: Path, field: str, value: object) -> None:
    Published(tmp_path).rerank()
    (tmp_path / "config.json").write_bytes(pretty_json({field: value}))
    run("recheck", tmp_path).is_one_line_error("config.json: ", f"{field}: ", status=2)


def test_a_list_as_configuration_is_named(run: Run, tmp_path: Path) -> None:
    Published(tmp_path).rerank()
    (tmp_path / "config.json").write_text("[1]", encoding="utf-8")
    run("recheck", tmp_path).is_one_line_error("config.json: no configuration of a rerank run", status=2)


def test_an_output_that_is_a_file_is_named_before_anything_is_read(run: Run, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    run("recheck", "absent", "--output", tmp_path / "taken").is_one_line_error("is a file; name a folder", status=2)


def test_rows_of_problems_that_were_trained_on_say_which_commands_take_them(run: Run, tmp_path: Path) -> None:
    own = {"completion_id": "a", "problem_id": "p", "benchmark_id": "humaneval", "passed": True, "trained_on": True}
    (tmp_path / "s.jsonl").write_text(_lines(own | {"scores": {"p_pass": 0.5}}), encoding="utf-8")
    run("recheck", tmp_path).is_one_line_error("calibrate and rerank take them with --allow-trained-on", status=2)
