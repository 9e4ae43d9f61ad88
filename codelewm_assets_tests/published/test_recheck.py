"""`recheck` on the published files, against the facts that are known of them, and on small evidence written here."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from codelewm_assets.core.digests import digest_of, pretty_json
from codelewm_assets.core.tables import write_table
from codelewm_assets.evaluation.rows import ScoreRow
from codelewm_assets.evaluation.score_files import default_subject
from codelewm_assets.published.calibration_recompute import calibration_document
from codelewm_assets.published.evidence import EvidenceError
from codelewm_assets.published.forms import CALIBRATION, SCORE_ROW, PublishedCalibration, PublishedScoreRow
from codelewm_assets.published.manifests import artifact_id_of
from codelewm_assets.published.page import markdown_page
from codelewm_assets.published.recheck import recheck
from codelewm_assets.published.records import PublishedClaim, Recheck, ScoreRowsCheck, Unread
from codelewm_assets_tests.published.rows import row
from codelewm_assets_tests.published.written import Published


@pytest.fixture(scope="module")
def published(published_folder: Path) -> Recheck:
    started = time.process_time()
    result = recheck([published_folder])
    assert time.process_time() - started < 20
    return result


def _rows(result: Recheck, seed: int, benchmark: str) -> ScoreRowsCheck:
    (check,) = [rows for rows in result.score_rows if f"seed-{seed}" in rows.path and rows.benchmarks == [benchmark]]
    return check


def test_published_manifests_recompute_and_absent_parents_are_named(published: Recheck) -> None:
    assert len(published.manifests) == 16
    assert all(check.recomputes and check.artifact_id_recomputes for check in published.manifests)
    assert all(check.config_sha256_recomputes for check in published.manifests if "v1_0" not in check.path)
    absent = {parent for check in published.manifests for parent in check.absent_parents}
    assert "codelewm-passfail-execution-pack-20260606T122240Z" in absent


def test_published_reports_recompute_from_their_rows(published: Recheck) -> None:
    states = {report.path: report.recomputes for report in published.reports}
    from_rows = [
        path
        for path, state in states.items()
        if state and path.endswith(("rerank_report.json", "calibration_report.json"))
    ]
    assert len(from_rows) == 6
    assert False not in states.values()
    (without_rows,) = [
        report for report in published.reports if "v0_6" in report.path and "rerank_report" in report.path
    ]
    assert without_rows.recomputes is None


@pytest.mark.parametrize("seed", [42, 1729])
def test_published_figures_under_both_tie_rules(published: Recheck, seed: int) -> None:
    humaneval, mbpp = _rows(published, seed, "humaneval"), _rows(published, seed, "mbpp_plus")
    assert (humaneval.problem_count, mbpp.problem_count) == (47, 17)
    assert round(humaneval.pass_at_1["codelewm"].published_ties, 4) == 0.9787
    assert mbpp.pass_at_1["codelewm"].published_ties == 1.0
    lexical = humaneval.pass_at_1["lexical"]
    assert (round(lexical.published_ties, 4), round(lexical.shared_ties, 4)) == (0.6596, 0.3408)
    for rows in (humaneval, mbpp):
        assert rows.constant_score.published_ties == 1.0
        assert rows.constant_score.shared_ties == pytest.approx(1 / 6)
        assert rows.place.only_lowest_id_passes == rows.place.pool_count
        assert (rows.place.commonest_passing_ending, rows.has_p_pass) == ("0", False)
        assert rows.random_recomputes


@pytest.mark.parametrize("seed", [42, 1729])
def test_published_problems_were_trained_on_and_held_out_ones_show_no_lift(published: Recheck, seed: int) -> None:
    humaneval, mbpp = _rows(published, seed, "humaneval"), _rows(published, seed, "mbpp_plus")
    assert [(len(r.split.trained), len(r.split.heldout)) for r in (humaneval, mbpp)] == [(40, 7), (14, 3)]
    for rows in (humaneval, mbpp):
        assert (rows.split.status, rows.stated_splits) == ("confirmed", {"test": rows.row_count})
        assert rows.slices["heldout"].lift["no_action"].points == 0.0
        assert rows.slices["trained"].problem_count == len(rows.split.trained)


def test_the_lift_over_shuffled_action_includes_zero_as_the_note_of_june_9_says(published: Recheck) -> None:
    lifts = [_rows(published, seed, "humaneval").lift_published_ties["shuffled_action"] for seed in (42, 1729)]
    figures = [(round(lift.points, 2), *(round(bound, 2) for bound in lift.ci95)) for lift in lifts]
    assert figures == [(8.51, 0.0, 19.15), (6.38, 0.0, 14.89)]


def test_open_claims_of_the_published_files_do_not_survive_and_closed_ones_do(published: Recheck) -> None:
    verdicts = [(c.claim.partition(" (")[0], c.verdict) for c in published.claims if "reranking claim" in c.claim]
    assert verdicts.count(("humaneval: the reranking claim is open", "does_not_survive")) == 2
    assert verdicts.count(("mbpp_plus: the reranking claim is closed", "survives")) == 2
    page = markdown_page(published)
    assert "40 of 47 problems were in the train part" in page
    assert "/Users/" not in page


def test_an_altered_file_and_an_altered_configuration_are_named(tmp_path: Path) -> None:
    Published(tmp_path).rerank()
    (tmp_path / "config.json").write_bytes(pretty_json({"seed": 18}))
    (check,) = recheck([tmp_path]).manifests
    assert (check.recomputes, check.config_sha256_recomputes, check.artifact_id_recomputes) == (False, False, True)
    assert [file.path for file in check.files if file.state == "differs"] == ["config.json"]


def test_a_claim_that_the_manifest_states_otherwise_than_its_report_is_a_fault(tmp_path: Path) -> None:
    Published(tmp_path).rerank(metadata={"claim_allowed": True})
    result = recheck([tmp_path])
    assert result.manifests[0].claim_allowed_agrees is False
    assert result.faults == ["manifest.json: metadata.claim_allowed is not its report's"]


@pytest.mark.parametrize(
    ("changes", "state", "reason"),
    [
        ({}, True, "from its own 2 examples"), ({"recall_at_1": 0.9}, False, "recall_at_1"),
        ({"examples": [{"transition_id": "P/0::a", "true_rank": 3, "true_score": 1.0, "decoy_scores_by_category": {"m": [2.0]}}]},
         False, "1 ranks do not follow from the energies, first P/0::a"),
    ],
    ids=["clean", "another figure", "another rank"],
)  # fmt: skip
def test_a_surprise_report_recomputes_from_its_examples(
    tmp_path: Path, changes: dict[str, Any], state: bool, reason: str
) -> None:
    """True energies 1 and 3 against decoys 2 and 2: one win, one loss, so AUC 0.5; ranks 1 and 2, mean and median 1.5."""
    examples = [
        {
            "transition_id": f"P/{n}::a",
            "true_rank": n + 1,
            "true_score": 1.0 + 2 * n,
            "decoy_scores_by_category": {"m": [2.0]},
        }
        for n in range(2)
    ]
    metrics = {"example_count": 2, "mean_true_rank": 1.5, "median_true_rank": 1.5, "recall_at_1": 0.5, "pairwise_auc_overall": 0.5,
               "pairwise_auc_by_category": {"m": 0.5}}  # fmt: skip
    report = {"schema_version": "codelewm.eval.surprise_report.v1", "examples": changes.pop("examples", examples)}
    (tmp_path / "s.json").write_bytes(pretty_json(report | {"metrics": metrics | changes}))
    (check,) = recheck([tmp_path]).reports
    assert check.recomputes is state
    assert reason in check.reason


def test_rows_before_v0_9_name_no_benchmark_and_pools_may_pass_nowhere(tmp_path: Path) -> None:
    rows = [
        {name: value for name, value in row(f"HumanEval/{n}::seed-17::{m}", passed=n == 0).model_dump(mode="json").items()
         if name not in ("benchmark_id", "split")}
        for n in range(2) for m in range(1, 4)
    ]  # fmt: skip
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    (check,) = recheck([tmp_path]).score_rows
    assert (check.benchmarks, check.stated_splits, check.split.status) == (["humaneval"], {}, "unknown")
    assert check.pass_at_1["codelewm"].shared_ties == 0.5
    assert "1 pools have no passing member: nobody reaches pass@1 1.0" in check.notes


def test_a_report_that_its_rows_do_not_give_differs(tmp_path: Path) -> None:
    Published(tmp_path).rerank()
    path = tmp_path / "reports" / "execution_rerank_report.json"
    path.write_bytes(pretty_json(json.loads(path.read_bytes()) | {"claim_allowed": True}))
    (report,) = recheck([tmp_path]).reports
    assert report.recomputes is False
    assert report.reason == "differs from what its rows give: claim_allowed"


def test_a_clean_artifact_recomputes_wherever_it_lies_and_whatever_its_files_are_called(tmp_path: Path) -> None:
    Published(tmp_path / "a" / "b", rows_name="any_name.txt.jsonl").rerank()
    result = recheck([tmp_path])
    assert result.faults == []
    assert [report.recomputes for report in result.reports] == [True]


def test_the_pack_s_own_records_show_the_split(tmp_path: Path) -> None:
    """P/0 is in train, P/1 in test: one problem a slice, whatever the rows state."""
    Published(tmp_path).rerank()
    record = {"schema_version": "codelewm.execution_pack_record.v2", "passed": True}
    records = [record | {"record_id": f"P/{n}::c::i", "source_problem_id": f"P/{n}", "split": split}
               for n, split in enumerate(("train", "test"))]  # fmt: skip
    (tmp_path / "pack.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
    (rows,) = recheck([tmp_path]).score_rows
    assert (rows.split.status, rows.split.trained, rows.split.heldout) == ("pack", ["P/0"], ["P/1"])


def test_without_evidence_the_train_part_is_unknown_or_conditional(tmp_path: Path) -> None:
    Published(tmp_path).rerank()
    (rows,) = recheck([tmp_path]).score_rows
    assert (rows.split.status, rows.slices) == ("unknown", {})
    wsd = Published(tmp_path / "wsd", rows=[row(f"P/0::wsd::{n}", passed=n == 0) for n in range(2)])
    wsd.rerank()
    (rows,) = recheck([wsd.folder]).score_rows
    assert rows.split.status == "if_these_problems"
    assert _claim(recheck([wsd.folder]), "The rows are of the split").verdict == "cannot_tell"


def _claim(result: Recheck, begins: str) -> PublishedClaim:
    return next(claim for claim in result.claims if claim.claim.startswith(begins))


def test_anyone_s_rows_are_judged_the_same_way(tmp_path: Path) -> None:
    """Twelve pools of two; p_pass puts the passing member first in all, length ties in all: 1.0 against 0.5, 50 points."""
    rows = [
        {"completion_id": f"c{member}", "problem_id": f"HumanEval/{n}", "benchmark_id": "humaneval", "passed": member == 1,
         "scores": {"p_pass": float(member), "length": 3.0}}
        for n in range(12) for member in range(2)
    ]  # fmt: skip
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    result = recheck([tmp_path])
    (check,) = result.score_rows
    assert (check.pass_at_1["length"].published_ties, check.pass_at_1["length"].shared_ties) == (0.0, 0.5)
    lift = check.lift["length"]
    share = 1 - 0.025 ** (1 / 12)  # of all problems, which may deviate when twelve agree
    assert (lift.points, lift.pool_count, lift.problem_count) == (50.0, 12, 12)
    assert lift.ci95 == pytest.approx((50 - share * 150, 50 + share * 50))
    assert (check.split.status, check.has_p_pass, check.place.lowest_id_passes) == ("unknown", True, 0)
    assert _claim(result, "humaneval: p_pass orders").verdict == "survives"


def test_rows_as_parquet_give_what_the_same_rows_as_json_lines_give(tmp_path: Path) -> None:
    rows = [
        {
            "completion_id": f"c{n}",
            "problem_id": "HumanEval/0",
            "benchmark_id": "humaneval",
            "passed": n == 0,
            "scores": {"p_pass": 0.5},
        }
        for n in range(2)
    ]
    (tmp_path / "s.parquet").write_bytes(write_table(rows))
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    first, second = (check.model_dump(exclude={"path"}) for check in recheck([tmp_path]).score_rows)
    assert first == second


def test_no_file_to_judge_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="No file here has a form that recheck reads"):
        recheck([tmp_path])
    with pytest.raises(EvidenceError, match="no such file or folder"):
        recheck([tmp_path / "absent"])


def test_an_artifact_id_is_the_kind_and_the_digest_of_the_rest() -> None:
    document = {"artifact_id": "x", "a": 1}
    assert artifact_id_of(document, "eval_report") == f"eval_report-{digest_of({'a': 1})[:16]}"


def _own_rows(**fields: object) -> list[dict[str, Any]]:
    """Two pools of two members; `critic` puts the passing member first, as `no_action` does, and `lexical` ties."""
    return [
        {"completion_id": f"c{member}", "problem_id": f"HumanEval/{n}", "benchmark_id": "humaneval", "passed": member == 1,
         "scores": {"critic": float(member), "no_action": float(member), "lexical": 0.5}} | fields
        for n in range(2) for member in range(2)
    ]  # fmt: skip


def _write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_rows_of_codelewm_as_parquet_are_judged_by_their_schema_id(tmp_path: Path) -> None:
    """A table has null where a row has no error; the figures are those of the same rows as JSON lines."""
    rows = [row(f"P/0::{n}", passed=n == 0, codelewm=1.0 - n).model_dump(mode="json") for n in range(2)]
    (tmp_path / "s.parquet").write_bytes(write_table([row | {"errors": None} for row in rows]))
    _write(tmp_path / "s.jsonl", rows)
    first, second = (check.model_dump(exclude={"path"}) for check in recheck([tmp_path]).score_rows)
    assert first == second
    assert (first["form"], first["subject"]) == (SCORE_ROW, "codelewm")
    assert default_subject(tmp_path / "s.parquet") == "codelewm"


def test_a_damaged_table_is_a_fault_and_one_without_score_rows_is_listed(tmp_path: Path) -> None:
    _write(tmp_path / "s.jsonl", _own_rows())
    (tmp_path / "other.parquet").write_bytes(write_table([{"a": 1}]))
    assert recheck([tmp_path]).unread == [Unread(path="other.parquet", reason="a table without score rows")]
    (tmp_path / "empty.parquet").write_bytes(b"")
    with pytest.raises(EvidenceError, match=r"^empty\.parquet: no Parquet file, or damaged\.$"):
        recheck([tmp_path])


def test_a_failed_score_is_missing_and_named_and_the_report_still_recomputes(tmp_path: Path) -> None:
    """The published report orders by the -1e12 that stands in its place."""
    rows = [row(f"P/{n}::{m}", passed=m == 0, codelewm=1.0 - m) for n in range(2) for m in range(2)]
    failed = {"errors": {"lexical": "no prompt"}, "scores": rows[0].scores | {"lexical": -1e12}}
    Published(tmp_path, rows=[rows[0].model_copy(update=failed), *rows[1:]]).rerank()
    result = recheck([tmp_path])
    (check,) = result.score_rows
    assert [report.recomputes for report in result.reports] == [True]
    assert "lexical" not in check.pass_at_1
    assert "scores that failed, by `errors`, count as missing: 1 of lexical" in check.notes


def test_a_failed_score_of_any_rows_is_missing() -> None:
    fields = _own_rows(errors={"critic": "too long"})[0]
    assert ScoreRow.model_validate(fields, context={"subject": "critic"}).finite("critic") is None


def test_ablations_are_named_beside_the_controls_of_any_rows(tmp_path: Path) -> None:
    _write(tmp_path / "s.jsonl", _own_rows())
    claim = _claim(recheck([tmp_path]), "humaneval: critic orders")
    assert claim.claim.endswith("better than every control in the rows, the ablations no_action aside.")
    assert any(reason.startswith("+0.00 points over no_action, an ablation") for reason in claim.reasons)


def test_a_split_counts_where_it_is_stated_and_p_pass_is_asked_of_codelewm_alone(tmp_path: Path) -> None:
    _write(tmp_path / "s.jsonl", _own_rows())
    result = recheck([tmp_path])
    assert result.score_rows[0].stated_splits == {}
    assert not any(claim.claim.startswith(("The rows are of the split", "The pass head")) for claim in result.claims)
    _write(tmp_path / "s.jsonl", _own_rows(split="test"))
    assert recheck([tmp_path]).score_rows[0].stated_splits == {"test": 4}


@pytest.mark.parametrize("text", ["schema_version: 2", "schema_version: [1]", "release: 2026-99-99", "[" * 5000])
def test_yaml_of_another_program_is_listed_as_unread(tmp_path: Path, text: str) -> None:
    _write(tmp_path / "s.jsonl", _own_rows())
    (tmp_path / "mkdocs.yml").write_text(text, encoding="utf-8")
    assert [file.path for file in recheck([tmp_path]).unread] == ["mkdocs.yml"]


def test_files_of_several_artifacts_in_one_folder_without_manifests_are_tried_one_by_one(tmp_path: Path) -> None:
    """The rows of `b` pass first by codelewm, those of `a` by nothing; each report recomputes from its own."""
    for name, score in (("a", 0.0), ("b", 1.0)):
        rows = [row(f"P/{n}::{m}", passed=m == 1, codelewm=score * m) for n in range(2) for m in range(2)]
        artifact = Published(tmp_path / "in", rows=rows)
        artifact.rerank()
        for file in ("completion_scores.jsonl", "execution_rerank_report.json"):
            (tmp_path / "in" / "reports" / file).rename(tmp_path / f"{name}_{file}")
    result = recheck([*tmp_path.glob("*.json*")])
    assert [(report.recomputes, Path(report.from_rows[0]).name) for report in result.reports] == [
        (True, "a_completion_scores.jsonl"), (True, "b_completion_scores.jsonl"),
    ]  # fmt: skip
    assert {rows.split.status for rows in result.score_rows} == {"unknown"}


def _calibration_report(rows: Sequence[PublishedScoreRow], **changes: object) -> dict[str, Any]:
    texts = {
        "schema_version": CALIBRATION, "baselines_requested": ["codelewm"], "calibration_bin_count": 10, "claim_allowed": False,
        "claim_gate": {}, "claim_reason": "", "dataset_kind": "", "interpretation": {}, "overall": {}, "slices": {}, "row_count": 0,
        "score_paths": ["a", "b", "c"],
    } | changes  # fmt: skip
    return calibration_document(rows, PublishedCalibration.model_validate(texts))


def test_a_calibration_report_finds_its_rows_among_many_without_manifests(tmp_path: Path) -> None:
    """Three of six files of equal size: 120 orders, and the last ones are its own."""
    files = [[row(f"P{n}/{m}::{m}", passed=m == 0, codelewm=n / 7 - m / 9) for m in range(2)] for n in range(6)]
    for n, rows in enumerate(files):
        _write(tmp_path / f"{n}.jsonl", [row.model_dump(mode="json") for row in rows])
    report = _calibration_report([row for rows in (files[5], files[4], files[3]) for row in rows])
    (tmp_path / "c.json").write_bytes(pretty_json(report))
    assert [check.recomputes for check in recheck([tmp_path]).reports] == [True]


def test_a_calibration_report_of_many_files_is_given_up(tmp_path: Path) -> None:
    """Ten of 14 files have 3.6 billion orders."""
    for n in range(14):
        _write(tmp_path / f"{n}.jsonl", [row(f"P{n}/0::0", passed=True).model_dump(mode="json")])
    report = _calibration_report([row("P/0::0", passed=True)], score_paths=[str(n) for n in range(10)])
    (tmp_path / "c.json").write_bytes(pretty_json(report))
    assert [check.recomputes for check in recheck([tmp_path]).reports] == [None]


def test_failed_scores_are_missing_in_parquet_as_in_json_lines(tmp_path: Path) -> None:
    """A struct column has every name in every row, null where there is no error; a null score is one that is missing."""
    rows = [own | {"scores": own["scores"] | {"x": 0.5}, "errors": {}} for own in _own_rows()]
    rows[0] |= {"scores": rows[0]["scores"] | {"x": None}}
    rows[1] |= {"scores": rows[1]["scores"] | {"x": -1e12}, "errors": {"x": "timeout"}}
    _write(tmp_path / "s.jsonl", rows)
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "s.parquet")
    of_lines, of_table = (
        recheck([tmp_path / name], subject="critic").score_rows[0] for name in ("s.jsonl", "s.parquet")
    )
    assert of_table.model_dump(exclude={"path"}) == of_lines.model_dump(exclude={"path"})
