"""Score rows from a file: faults by line, NaN counted, reports written whole."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from codelewm_assets.core.errors import ReportError, StoreError
from codelewm_assets.evaluation.reports import CalibrationReport, RerankReport, ScoreMetrics
from codelewm_assets.evaluation.score_files import calibrate_file, read_score_rows, read_score_table, rerank_file

ROW: dict[str, Any] = {
    "completion_id": "c",
    "problem_id": "p",
    "benchmark_id": "humaneval",
    "passed": True,
    "scores": {"p_pass": 0.75, "lexical": 0.5},
}


def _row(**changes: Any) -> str:
    return json.dumps(ROW | changes)


def _file(folder: Path, *lines: str) -> Path:
    path = folder / "scores.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_rows_are_read_in_order_and_blank_lines_are_passed_over(tmp_path: Path) -> None:
    rows = read_score_rows(_file(tmp_path, _row(), "", _row(completion_id="d"), "   "))
    assert [row.completion_id for row in rows] == ["c", "d"]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("{", "line 2: not JSON"),
        ("[1, 2]", "line 2: row: Input should be"),
        ('"text"', "line 2: row: Input should be"),
        (_row(passed=None), "line 2: passed: Input should be a valid boolean"),
        (_row(passed=1), "line 2: passed: Input should be a valid boolean"),
        (_row(score={"p_pass": 1}), "line 2: score is not a field of a score row"),
        (
            _row(scores={"p_pass": 1.5}),
            "line 2: scores.p_pass is 1.5; wanted a probability in [0, 1]",
        ),
        (_row(scores={"p_pass": 1.0000001}), "line 2: scores.p_pass is 1.0000001; wanted"),
        (_row(completion_id="d").replace('"lexical"', '"p_pass"'), "line 2: p_pass stands twice in the row"),
        (
            _row(completion_id="d").replace('"passed": true', '"passed": true, "passed": false'),
            "line 2: passed stands twice",
        ),
        (_row(pool_id="other", passed=False), "line 2: completion 'c' has passed = False, in line 1 True"),
        (_row(completion_id="d", trained_on=True), "line 2: completion 'd' is trained_on: its scorer was trained on"),
        (_row(scores={"p_pass": "0.5"}), "line 2: scores.p_pass: Input should be a valid number"),
        (_row(fold=-1), "line 2: fold: Input should be greater than or equal to 0"),
        (_row(split="train"), "line 2: split is train"),
        (_row(), "line 2: completion 'c' stands in line 1 already"),
        (_row(scores={"lexical": 1}), "line 2: scores has no p_pass"),
        (_row(scores={"p_pass": "high"}), "line 2: scores.p_pass: Input should be a valid number"),
        (json.dumps({k: v for k, v in ROW.items() if k != "problem_id"}), "line 2: problem_id: Field required"),
    ],
)
def test_a_malformed_row_is_named_by_its_line(tmp_path: Path, line: str, fault: str) -> None:
    with pytest.raises(ReportError) as caught:
        read_score_rows(_file(tmp_path, _row(), line, _row(completion_id="d")))
    assert fault in str(caught.value)
    assert "\n" not in str(caught.value)


def test_many_faults_are_counted_and_the_first_five_shown(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"line 1: .*line 5: not JSON \(.*\) and 3 more"):
        read_score_rows(_file(tmp_path, *["nonsense"] * 8))


@pytest.mark.parametrize("lines", [[""], ["", "  ", ""]])
def test_a_file_without_rows_is_refused(tmp_path: Path, lines: list[str]) -> None:
    with pytest.raises(ReportError, match="holds no score row"):
        read_score_rows(_file(tmp_path, *lines))


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"absent\.jsonl cannot be read"):
        read_score_rows(tmp_path / "absent.jsonl")
    with pytest.raises(ReportError, match="cannot be read"):
        read_score_rows(tmp_path)
    (tmp_path / "binary.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ReportError, match=r"binary\.jsonl: line 1: not JSON"):
        read_score_rows(tmp_path / "binary.jsonl")


def test_a_line_separator_inside_a_text_does_not_end_the_row(tmp_path: Path) -> None:
    """JSON allows U+2028 and U+0085 unescaped in a string; only a line feed ends a JSON line."""
    line = json.dumps(ROW | {"completion_id": "a\u2028b\u0085c"}, ensure_ascii=False)
    assert [row.completion_id for row in read_score_rows(_file(tmp_path, line))] == ["a\u2028b\u0085c"]


@pytest.mark.parametrize("line", ["[" * 100_000, "9" * 5000], ids=["nested too deep", "a number too long"])
def test_a_row_that_no_parser_takes_is_named_by_its_line(tmp_path: Path, line: str) -> None:
    with pytest.raises(ReportError, match="line 2: "):
        read_score_rows(_file(tmp_path, _row(), line))


def test_nan_and_infinity_in_the_file_are_counted_as_not_finite(tmp_path: Path) -> None:
    lines = [_row(), _row(completion_id="d", passed=False, scores={"p_pass": 0.25})]
    texts = ("NaN", "Infinity", "-Infinity", "1e999")
    lines += [_row(completion_id=text).replace("0.75", text) for text in texts]
    written = calibrate_file(_file(tmp_path, *lines), tmp_path / "reports")
    report = CalibrationReport.model_validate_json(written.read_bytes())
    assert report.overall["p_pass"].nonfinite_count == 4
    assert (report.overall["p_pass"].positive_count, report.overall["p_pass"].negative_count) == (1, 1)
    assert "NaN" not in written.read_text(encoding="utf-8")


def test_calibrate_writes_its_report_under_its_name_in_a_new_folder(tmp_path: Path) -> None:
    lines = [_row(), _row(passed=False, problem_id="q", scores={"p_pass": 0.25})]
    written = calibrate_file(_file(tmp_path, *lines), tmp_path / "new" / "reports")
    assert written == tmp_path / "new" / "reports" / "p_pass_calibration_report.json"
    plain = json.loads(written.read_text(encoding="utf-8"))
    wanted = set(ScoreMetrics.model_fields)
    assert wanted >= {
        "status", "roc_auc", "roc_auc_ci95", "average_precision", "brier_score", "expected_calibration_error",
        "thresholded", "calibration_bins", "positive_count", "negative_count", "missing_count", "nonfinite_count",
    }  # fmt: skip
    assert set(plain["overall"]["p_pass"]) == wanted
    assert set(plain["slices"]["benchmark"]["humaneval"]["lexical"]) == wanted
    assert plain["overall"]["lexical"]["missing_count"] == 1
    assert [path.name for path in written.parent.iterdir()] == [written.name]


def test_rerank_writes_its_report_under_its_name(tmp_path: Path) -> None:
    lines = [_row(), _row(completion_id="d", passed=False, scores={"p_pass": 0.25, "lexical": 0.9})]
    written = rerank_file(_file(tmp_path, *lines), tmp_path / "reports")
    assert written.name == "rerank_report.json"
    report = RerankReport.model_validate_json(written.read_bytes())
    assert report.benchmarks["humaneval"].pass_at_1 == {"lexical": 0.0, "p_pass": 1.0}
    assert report.resamples == 2000


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    path = _file(tmp_path, _row(), _row(completion_id="d", passed=False, scores={"p_pass": 0.25, "lexical": 0.9}))
    for write in (calibrate_file, rerank_file):
        first, again = (write(path, tmp_path / name).read_bytes() for name in ("a", "b"))
        assert first == again


def test_a_malformed_file_leaves_no_report(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="line 1"):
        calibrate_file(_file(tmp_path, "{"), tmp_path / "reports")
    assert not (tmp_path / "reports").exists()


def test_an_output_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine", encoding="utf-8")
    with pytest.raises(StoreError, match=r"Could not write rerank_report\.json"):
        rerank_file(_file(tmp_path, _row()), tmp_path / "taken")
    assert (tmp_path / "taken").read_text(encoding="utf-8") == "mine"


def test_a_completion_may_stand_in_several_pools_and_once_in_each(tmp_path: Path) -> None:
    lines = [_row(pool_id="a"), _row(pool_id="b")]
    assert len(read_score_rows(_file(tmp_path, *lines))) == 2
    with pytest.raises(ReportError, match="line 3: completion 'c' stands in line 1 already"):
        read_score_rows(_file(tmp_path, *lines, _row(pool_id="a")))


def test_a_published_row_of_v0_9_is_read_once_it_has_p_pass(tmp_path: Path) -> None:
    """Its other keys, schema_version, errors and llm_order_rank, are known and not read."""
    published = {
        "schema_version": "codelewm.eval.completion_score.v1",
        "errors": {},
        "llm_order_rank": 3,
        "split": "test",
    }
    assert read_score_rows(_file(tmp_path, _row(**published)))[0].schema_version == published["schema_version"]
    with pytest.raises(ReportError, match="scores has no p_pass"):
        read_score_rows(_file(tmp_path, _row(**published, scores={"codelewm": 1.5})))


@pytest.mark.parametrize("write", [calibrate_file, rerank_file])
def test_one_row_and_one_problem_give_a_report_with_absent_figures(tmp_path: Path, write: Any) -> None:
    plain = json.loads(write(_file(tmp_path, _row()), tmp_path / "reports").read_bytes())
    if "overall" in plain:
        assert plain["overall"]["p_pass"]["status"] == "single_class"
        assert plain["overall"]["p_pass"]["brier_score_ci95"] is None
    else:
        assert plain["benchmarks"]["humaneval"]["pass_at_1"] == {"lexical": 1.0, "p_pass": 1.0}
        assert plain["benchmarks"]["humaneval"]["power"] is None


def test_columns_hold_what_the_rows_say_in_an_order_of_their_own(tmp_path: Path) -> None:
    lines = [
        _row(problem_id="q"),
        _row(problem_id="p", scores={"p_pass": None, "extra": 2.0}, completion_kind="rewrite"),
    ]
    table = read_score_table(_file(tmp_path, *lines))
    assert table.problem.tolist() == [0, 1]  # p, then q
    assert table.scores["p_pass"].tolist() == pytest.approx([math.nan, 0.75], nan_ok=True)
    assert table.missing["p_pass"].tolist() == [True, False]
    assert table.missing["extra"].tolist() == [False, True]
    assert (table.completion_kind.names, table.completion_kind.codes.tolist()) == (("rewrite",), [0, -1])
    assert len(table.take(table.benchmark.where("mbpp_plus"))) == 0


@pytest.mark.parametrize("trained_on", [True, False, None])
def test_rows_that_a_scorer_was_trained_on_are_taken_where_that_is_allowed(
    tmp_path: Path, trained_on: bool | None
) -> None:
    path = _file(tmp_path, _row(trained_on=trained_on))
    assert len(read_score_table(path, allow_trained_on=True)) == 1


def test_two_problems_that_are_ordered_perfectly_have_a_wide_interval(tmp_path: Path) -> None:
    """Both areas are 1: [0.025^(1 / 2), 1], and not [1, 1]."""
    rows = [
        _row(completion_id=f"{problem}{passed}", problem_id=problem, passed=passed, scores={"p_pass": 0.9 * passed})
        for problem in "ab"
        for passed in (True, False)
    ]
    report = json.loads(calibrate_file(_file(tmp_path, *rows), tmp_path).read_bytes())
    assert report["overall"]["p_pass"]["roc_auc_ci95"] == pytest.approx([0.025**0.5, 1.0])
