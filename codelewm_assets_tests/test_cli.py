"""The command line: help with an example, one line for what is wrong, exit statuses, never a traceback."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from codelewm_assets.claims.gates import GATES
from codelewm_assets.claims.register import CLAIMS
from codelewm_assets.core import prune
from codelewm_assets.core.digests import pretty_json
from codelewm_assets.core.store import Artifact, ArtifactStore, Recipe
from codelewm_assets_tests.claims.evidence import gates_of, nothing_known
from codelewm_assets_tests.command import Ran, Run
from codelewm_assets_tests.defs.stored_world import QUIET

COMMANDS = (
    "build",
    "status",
    "verify",
    "label",
    "calibrate",
    "rerank",
    "job-status",
    "audit",
    "publish",
    "prune",
    "doctor",
)
TINY = Path(__file__).parent / "tiny.yaml"
OVERCLAIM = "# Title\n\nCodeLeWM improves reranking of Python completions.\n"


def _lines(path: Path, *rows: Any) -> Path:
    path.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8"
    )
    return path


def _stored(folder: Path, kind: str, files: dict[str, bytes], parents: dict[str, str] | None = None) -> Artifact:
    return ArtifactStore(folder / "artifacts").write(Recipe(kind, None, parents or {}, {}, "test"), files, {})


def _materialized(folder: Path, kind: str, files: dict[str, bytes]) -> Artifact:
    """Store an artifact and tell the instance of this folder that it is the latest."""
    made = _stored(folder, kind, files)
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization(kind, tags={"dagster/data_version": made.digest}))
    return made


# help and bad arguments


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_shows_an_example(run: Run, command: str) -> None:
    found = run(command, "--help")
    assert found.status == 0
    assert f"example: codelewm-assets {command}" in found.out
    assert found.err == ""


def test_the_help_names_every_command(run: Run) -> None:
    found = run("--help")
    assert found.status == 0
    named = {line.split()[0] for line in found.out.splitlines() if line.startswith("    ") and line.split()}
    assert set(COMMANDS) <= named


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("train",),
        ("label", "in.jsonl"),
        ("label", "--output", "out.jsonl"),
        ("label", "in.jsonl", "--output", "out.jsonl", "--isolation", "none"),
        ("label", "in.jsonl", "--output", "out.jsonl", "--workers", "many"),
        ("calibrate", "scores.jsonl"),
        ("rerank", "--output", "reports"),
        ("job-status",),
        ("job-status", "a", "b"),
        ("audit",),
        ("status", "--yaml"),
        ("build", "--profile"),
        ("publish", "now"),
        ("publish", "--namespace", "a/b"),
        ("publish", "--namespace", ""),
        ("verify", "--all"),
        ("prune", "--older-than", "a week"),
        ("prune", "--older-than", "-1"),
        ("prune", "--ignore-runs-silent-for", "nan"),
    ],
    ids=" ".join,
)
def test_bad_arguments_end_with_status_2_and_one_line_that_names_the_help(run: Run, arguments: tuple[str, ...]) -> None:
    found = run(*arguments)
    found.is_one_line_error("--help`", status=2)
    assert found.out == ""


# label


def _label_row(**changes: Any) -> dict[str, Any]:
    row = {
        "completion_id": "c",
        "problem_id": "p",
        "benchmark_id": "humaneval",
        "code": "def double(x):\n    return x + x\n",
        "entry_point": "double",
        "inputs": ["[1]", "[2]"],
        "atol": 0.0,
        "expected": ["2", "4"],
    }
    return row | changes


def test_label_writes_rows_in_order_after_a_header_and_reports_malformed_rows_by_line(run: Run, tmp_path: Path) -> None:
    path = _lines(
        tmp_path / "in.jsonl",
        _label_row(completion_id="right"),
        "not json",
        _label_row(completion_id="wrong", code="def double(x):\n    return 2\n"),
        _label_row(completion_id="both", reference="x"),
        _label_row(completion_id="separator", code="def double(x):\n    '\u2028\u0085'\n    return 2 * x\n"),
    )
    found = run("label", path, "--output", tmp_path / "out.jsonl", "--isolation", "basic", "--workers", "1")
    assert found.status == 0
    assert [line.split(":")[:2] for line in found.err.splitlines()] == [
        ["codelewm-assets", " in.jsonl line 2"], ["codelewm-assets", " in.jsonl line 4"],
    ]  # fmt: skip
    header, *rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert set(header) == {"header"}
    assert [(row["completion_id"], row["passed"], row["outcome"]) for row in rows] == [
        ("right", True, "pass"), ("wrong", False, "wrong_output"), ("separator", True, "pass"),
    ]  # fmt: skip
    assert "3 labelled, 2 passed, 2 malformed" in found.out


def test_a_raw_line_separator_inside_a_program_does_not_end_its_row(run: Run, tmp_path: Path) -> None:
    """JSON allows U+2028 and U+0085 unescaped in a string; only a line feed ends a JSON line."""
    row = json.dumps(_label_row(code="def double(x):\n    '\u2028\u0085'\n    return 2 * x\n"), ensure_ascii=False)
    path = _lines(tmp_path / "in.jsonl", row)
    found = run("label", path, "--output", tmp_path / "out.jsonl", "--isolation", "basic", "--workers", "1")
    assert (found.status, found.err) == (0, "")
    assert "1 labelled, 1 passed, 0 malformed" in found.out


def test_a_row_that_no_parser_takes_stops_no_other(run: Run, tmp_path: Path) -> None:
    path = _lines(tmp_path / "in.jsonl", "9" * 5000, "[" * 100_000, _label_row())
    found = run("label", path, "--output", tmp_path / "out.jsonl", "--isolation", "basic", "--workers", "1")
    assert found.status == 0
    assert "1 labelled, 1 passed, 2 malformed" in found.out


def test_label_of_a_file_that_is_not_there_is_one_line_and_writes_nothing(run: Run, tmp_path: Path) -> None:
    run("label", "absent.jsonl", "--output", "out.jsonl").is_one_line_error("absent.jsonl cannot be read")
    assert not (tmp_path / "out.jsonl").exists()


# calibrate and rerank

SCORES = [
    {"completion_id": "a", "problem_id": "p", "benchmark_id": "humaneval", "passed": True, "scores": {"p_pass": 0.9}},
    {"completion_id": "b", "problem_id": "p", "benchmark_id": "humaneval", "passed": False, "scores": {"p_pass": 0.2}},
]
REPORTS = {"calibrate": "p_pass_calibration_report.json", "rerank": "rerank_report.json"}


@pytest.mark.parametrize("command", sorted(REPORTS))
def test_a_report_is_written_and_its_path_printed(run: Run, tmp_path: Path, command: str) -> None:
    found = run(command, _lines(tmp_path / "scores.jsonl", *SCORES), "--output", tmp_path / "reports")
    assert (found.status, found.err) == (0, "")
    written = tmp_path / "reports" / REPORTS[command]
    assert found.out.strip() == str(written)
    assert json.loads(written.read_text(encoding="utf-8"))["schema_version"].startswith("codelewm.")


@pytest.mark.parametrize("command", sorted(REPORTS))
@pytest.mark.parametrize(
    ("rows", "part"),
    [
        ([*SCORES, "{"], "scores.jsonl: line 3: not JSON"),
        ([{"passed": True}], "line 1: completion_id: Field required"),
        ([], "holds no score row"),
        (["[" * 100_000], "line 1: "),
        (["9" * 5000], "line 1: "),
    ],
    ids=["cut off", "fields missing", "empty", "nested too deep", "a number too long"],
)
def test_bad_score_rows_are_one_line(run: Run, tmp_path: Path, command: str, rows: list[Any], part: str) -> None:
    found = run(command, _lines(tmp_path / "scores.jsonl", *rows), "--output", tmp_path / "reports")
    found.is_one_line_error("codelewm-assets: ", part)
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize("command", sorted(REPORTS))
def test_score_rows_that_cannot_be_read_or_reports_that_cannot_be_written_are_one_line(
    run: Run, tmp_path: Path, command: str
) -> None:
    run(command, "absent.jsonl", "--output", "reports").is_one_line_error("absent.jsonl cannot be read")
    run(command, tmp_path, "--output", "reports").is_one_line_error("cannot be read")
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    scores = _lines(tmp_path / "scores.jsonl", *SCORES)
    run(command, scores, "--output", tmp_path / "taken").is_one_line_error("Could not write", REPORTS[command])


# job-status

STEP = {"event": "progress", "fold": 0, "step": 2, "steps": 9, "metrics": {"train_loss": 1.5}, "elapsed_s": 3.0}


def test_job_status_says_how_far_a_run_is_and_which_line_is_cut_off(run: Run, tmp_path: Path) -> None:
    path = _lines(tmp_path / "progress.jsonl", {"event": "start", "seed": 42}, STEP, '{"event": "st')
    found = run("job-status", path)
    assert (found.status, found.err) == (0, "")
    said = json.loads(found.out)
    assert (said["state"], said["seed"], said["step"], said["steps"]) == ("running", 42, 2, 9)
    assert said["malformed_line"] == 3
    assert said["collapse"] == "unknown"  # nothing was seen of it


def test_job_status_of_a_whole_stream_reports_no_malformed_line(run: Run, tmp_path: Path) -> None:
    found = run("job-status", _lines(tmp_path / "progress.jsonl", {"event": "complete", "seed": 42}))
    assert json.loads(found.out)["state"] == "complete"
    assert json.loads(found.out)["malformed_line"] is None


@pytest.mark.parametrize(
    ("rows", "part"),
    [
        ([], "holds no event"),
        (["nonsense"], "holds no event"),
        (["[" * 100_000], "holds no event"),
        (["9" * 5000], "holds no event"),
        ([{"step": 1}], "holds no event"),
        ([STEP | {"fold": ["a list"]}], "holds no event"),
    ],
    ids=["empty", "no JSON", "nested too deep", "a number too long", "no kind", "a fold that is a list"],
)
def test_a_stream_without_a_whole_event_is_one_line(run: Run, tmp_path: Path, rows: list[Any], part: str) -> None:
    run("job-status", _lines(tmp_path / "progress.jsonl", *rows)).is_one_line_error("progress.jsonl", part)


def test_job_status_of_what_is_no_stream_is_one_line(run: Run, tmp_path: Path) -> None:
    run("job-status", "absent.jsonl").is_one_line_error("absent.jsonl cannot be read")
    run("job-status", tmp_path).is_one_line_error("cannot be read")
    (tmp_path / "binary.jsonl").write_bytes(b"\xff\xfe")
    run("job-status", tmp_path / "binary.jsonl").is_one_line_error("binary.jsonl cannot be read")


# verify


def test_verify_of_a_whole_store_counts_its_artifacts(run: Run, tmp_path: Path) -> None:
    pack = _stored(tmp_path, "execution_pack", {"pack.parquet": b"rows"})
    _stored(tmp_path, "problem_splits", {"splits.parquet": b"folds"}, {"execution_pack": pack.digest})
    found = run("verify")
    assert (found.status, found.out, found.err) == (0, "2 artifacts verified, 0 mismatches.\n", "")
    assert run("verify", "execution_pack").out == "1 artifacts verified, 0 mismatches.\n"
    assert run("verify", "problem_splits").out == "2 artifacts verified, 0 mismatches.\n"


def test_verify_gives_a_row_per_mismatch_and_status_1(run: Run, tmp_path: Path) -> None:
    pack = _stored(tmp_path, "execution_pack", {"pack.parquet": b"rows", "gone.txt": b"x"})
    (pack.folder / "pack.parquet").write_bytes(b"other")
    (pack.folder / "gone.txt").unlink()
    (pack.folder / "extra.txt").write_bytes(b"x")
    _stored(tmp_path, "problem_splits", {"splits.parquet": b"folds"}, {"execution_pack": "0" * 64})
    found = run("verify")
    assert found.status == 1
    assert [line.split("\t")[1] for line in found.out.splitlines()[:-1]] == [
        "gone.txt", "pack.parquet", "extra.txt", "parent execution_pack",
    ]  # fmt: skip
    assert found.out.splitlines()[-1] == "2 artifacts verified, 4 mismatches."


@pytest.mark.parametrize("content", [b"{", b'{"files": 3}', b"\xff\xfe"], ids=["cut off", "altered", "no text"])
def test_verify_reports_a_damaged_manifest_and_goes_on(run: Run, tmp_path: Path, content: bytes) -> None:
    pack = _stored(tmp_path, "execution_pack", {"pack.parquet": b"rows"})
    _stored(tmp_path, "problem_splits", {"splits.parquet": b"folds"})
    (pack.folder / "manifest.json").write_bytes(content)
    found = run("verify")
    assert (found.status, found.err) == (1, "")
    assert found.out.splitlines()[0].split("\t")[1] == "manifest.json"
    assert found.out.splitlines()[-1] == "2 artifacts verified, 1 mismatches."


def test_verify_of_a_name_that_is_not_stored_is_one_line(run: Run) -> None:
    run("verify", "execution_pakc").is_one_line_error("No stored artifact is called execution_pakc")


# audit


def test_audit_without_gates_takes_every_claim_as_closed(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    path.write_text(OVERCLAIM, encoding="utf-8")
    found = run("audit", path)
    assert (found.status, found.err) == (1, "")
    finding, summary = found.out.splitlines()
    assert finding == f"{path}:3: improves_reranking is CLOSED: CodeLeWM improves reranking of Python completions."
    assert summary.startswith(
        "1 files audited, 1 sentences beyond the gates. There is no claim_gates here: every claim"
    )
    assert all(claim.claim_id in summary for claim in CLAIMS)


@pytest.mark.parametrize(("is_open", "status"), [(True, 0), (False, 1)])
def test_audit_goes_by_the_latest_gates(run: Run, tmp_path: Path, is_open: bool, status: int) -> None:
    gates = gates_of() if is_open else nothing_known()
    _materialized(tmp_path, "claim_gates", {"claim_gates.json": pretty_json(gates.model_dump(mode="json"))})
    (tmp_path / "report.md").write_text(OVERCLAIM, encoding="utf-8")
    found = run("audit", tmp_path / "report.md")
    assert found.status == status
    assert ("OPEN: improves_reranking, " in found.out) is is_open
    assert ("OPEN: none." in found.out) is not is_open


def test_audit_gives_one_json_object_with_where_its_statuses_come_from(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    path.write_text(OVERCLAIM, encoding="utf-8")
    row = {
        "file": str(path), "line": 3, "claim_id": "improves_reranking", "status": "CLOSED",
        "sentence": "CodeLeWM improves reranking of Python completions.",
    }  # fmt: skip
    assert json.loads(run("audit", "--json", path).out) == {
        "claim_gates": None, "statuses": {}, "files": [str(path)], "findings": [row],
    }  # fmt: skip
    gates = pretty_json(gates_of().model_dump(mode="json"))
    made = _materialized(tmp_path, "claim_gates", {"claim_gates.json": gates})
    said = json.loads(run("audit", "--json", path).out)
    assert (said["claim_gates"], said["findings"]) == (made.digest, [])
    assert said["statuses"]["improves_reranking"] == "OPEN" and said["statuses"]["gate:collapse"] == "HOLDS"


def test_a_sentence_of_no_claim_in_the_register_is_beyond_the_gates_though_all_hold(run: Run, tmp_path: Path) -> None:
    gates = pretty_json(gates_of().model_dump(mode="json"))
    _materialized(tmp_path, "claim_gates", {"claim_gates.json": gates})
    (tmp_path / "a.md").write_text("CodeLeWM is state of the art.\n", encoding="utf-8")
    found = run("audit", tmp_path / "a.md")
    assert found.status == 1
    assert ":1: not_in_register is NOT_IN_REGISTER: CodeLeWM is state of the art." in found.out


def test_audit_reads_every_markdown_file_of_a_folder_once(run: Run, tmp_path: Path) -> None:
    (tmp_path / "docs" / "deep").mkdir(parents=True)
    (tmp_path / "docs" / "a.md").write_text("Fine.\n", encoding="utf-8")
    (tmp_path / "docs" / "deep" / "b.md").write_text(OVERCLAIM, encoding="utf-8")
    (tmp_path / "docs" / "notes.txt").write_text(OVERCLAIM, encoding="utf-8")
    found = run("audit", tmp_path / "docs", tmp_path / "docs" / "a.md")
    assert found.status == 1
    assert found.out.splitlines()[-1].startswith("2 files audited, 1 sentences beyond the gates. ")


def test_audit_of_clean_text_is_status_0(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("The claim that it improves reranking is CLOSED.\n", encoding="utf-8")
    assert run("audit", tmp_path / "a.md").status == 0


def test_audit_of_what_is_not_there_names_all_of_it_in_one_line(run: Run) -> None:
    found = run("audit", "absent.md", "gone")
    found.is_one_line_error("absent.md: no such file or folder; gone: no such file or folder", status=2)
    assert found.out == ""


def test_audit_of_a_file_that_is_no_text_is_one_line_and_audits_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "binary.md").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "report.md").write_text(OVERCLAIM, encoding="utf-8")
    found = run("audit", tmp_path)
    found.is_one_line_error("binary.md: no UTF-8 text", status=2)
    assert found.out == ""


def test_audit_needs_no_instance_and_says_that_every_claim_is_closed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME")
    (tmp_path / "dagster.yaml").unlink()
    (tmp_path / "a.md").write_text("Fine.\n", encoding="utf-8")
    found = run("audit", "a.md")
    assert (found.status, found.err) == (0, "")
    assert "every claim counts as CLOSED (improves_reranking, " in found.out


# status, publish, build


def test_status_of_an_empty_instance_is_a_row_per_check_and_no_gates(run: Run) -> None:
    found = run("status", "--json")
    assert (found.status, found.err) == (0, "")
    said = json.loads(found.out)
    assert said["claim_gates"] is None
    assert len(said["checks"]) > 20
    assert set(said["checks"][0]) == {"asset", "check", "partition", "state", "detail", "figures"}
    assert said["assets"] == []
    assert {row["state"] for row in said["gates"]} == {"MISSING"}
    assert [row["gate"] for row in said["gates"]] == list(GATES)
    assert not {row["check"] for row in said["gates"]} & {row["check"] for row in said["checks"]}
    assert "passed" not in {row["state"] for row in said["checks"]}


def test_status_prints_a_tab_separated_row_per_check_and_gate(run: Run, tmp_path: Path) -> None:
    gates = nothing_known()
    _materialized(tmp_path, "claim_gates", {"claim_gates.json": pretty_json(gates.model_dump(mode="json"))})
    found = run("status")
    assert found.status == 0
    for gate in gates.gates:
        assert f"\n{gate.gate}\tUNDECIDED\t" in found.out
    for claim in gates.claims:
        assert f"\n{claim.sentence}\tCLOSED\n" in found.out
    assert f"{len(GATES)} gates: {len(GATES)} MISSING." in found.out  # the check of none of them was run


def test_without_an_instance_commands_that_need_one_say_so_in_one_line(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME")
    (tmp_path / "dagster.yaml").unlink()
    for arguments in (("status",), ("publish",)):
        run(*arguments).is_one_line_error("There is no dagster.yaml here and DAGSTER_HOME is not set")


@pytest.mark.parametrize("home", ["relative", "/nonexistent/dagster-home"])
def test_a_dagster_home_that_is_no_folder_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    monkeypatch.setenv("DAGSTER_HOME", home)
    run("status").is_one_line_error("DAGSTER_HOME")


def test_publish_before_a_release_was_made_is_one_line(run: Run) -> None:
    run("publish").is_one_line_error("hub_release has not been materialized")


def test_build_with_an_unknown_or_faulty_profile_is_one_line(run: Run, tmp_path: Path) -> None:
    run("build", "--profile", "huge").is_one_line_error("No profile 'huge'; wanted one of")
    (tmp_path / "mine.yaml").write_text("name: mine\n", encoding="utf-8")
    run("build", "--profile", tmp_path / "mine.yaml").is_one_line_error("mine.yaml: ", "Field required")
    (tmp_path / "broken.yaml").write_text("name: [\n", encoding="utf-8")
    run("build", "--profile", tmp_path / "broken.yaml").is_one_line_error("broken.yaml is not YAML")


@pytest.mark.parametrize("selection", ["no_such_asset", "key:(", "++"])
def test_a_selection_that_is_not_understood_is_one_line(selection: str, run: Run) -> None:
    found = run("build", "--profile", Path(__file__).parent / "tiny.yaml", "--select", selection)
    found.is_one_line_error(f"--select {selection!r} is not understood: ")


def test_a_selection_that_names_nothing_is_one_line(run: Run, tmp_path: Path) -> None:
    found = run("build", "--profile", Path(__file__).parent / "tiny.yaml", "--select", "key:no_such_asset")
    found.is_one_line_error("no_such_asset")


# prune


def _dead(folder: Path) -> Artifact:
    return ArtifactStore(folder / "artifacts").write(
        Recipe("execution_pack", None, {}, {"old": True}, "test"), {"pack.parquet": b"old rows"}, {}
    )


def test_prune_is_a_dry_run_that_says_what_would_go_and_execute_removes_it(run: Run, tmp_path: Path) -> None:
    live, dead = _materialized(tmp_path, "execution_pack", {"pack.parquet": b"rows"}), _dead(tmp_path)
    found = run("prune")
    assert (found.status, found.err) == (0, "")
    assert found.out.splitlines() == [
        f"execution_pack\t{dead.digest}\t8\t{dead.manifest.created_at}",
        "dry run: 1 artifacts, 0 leftovers, 8 bytes can go, 1 artifacts stay. `prune --execute` removes them.",
    ]
    assert dead.folder.exists()
    assert run("prune", "--older-than", "1").out.startswith("dry run: 0 artifacts")
    assert (
        run("prune", "--execute").out.splitlines()[-1] == "removed 1 artifacts, 0 leftovers, 8 bytes; 1 artifacts stay."
    )
    assert (live.folder.exists(), dead.folder.exists()) == (True, False)
    assert run("verify").status == 0


def test_prune_gives_one_json_object(run: Run, tmp_path: Path) -> None:
    live, dead = _materialized(tmp_path, "execution_pack", {"pack.parquet": b"rows"}), _dead(tmp_path)
    row = {"artifact_id": "execution_pack", "digest": dead.digest, "bytes": 8, "created_at": dead.manifest.created_at}
    said = json.loads(run("prune", "--json").out)
    assert said == {
        "is_executed": False, "kept_count": 1, "kept_bytes": live.manifest.files[0].bytes, "removable_bytes": 8,
        "removable": [row], "recipes": said["recipes"], "leftovers": [], "not_stored": [],
    }  # fmt: skip
    assert len(said["recipes"]) == 1
    assert json.loads(run("prune", "--json", "--execute").out) == said | {"is_executed": True}


def test_prune_refuses_while_a_run_is_in_progress_unless_it_is_known_to_be_dead(run: Run, tmp_path: Path) -> None:
    _materialized(tmp_path, "execution_pack", {"pack.parquet": b"rows"})
    dead = _dead(tmp_path)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        instance.add_run(dg.DagsterRun("label_benchmark", status=dg.DagsterRunStatus.STARTED))
    run("prune", "--execute").is_one_line_error(
        "runs are in progress: label_benchmark", "--ignore-runs-silent-for HOURS"
    )
    assert dead.folder.exists()
    dry = run("prune")
    assert (dry.status, dead.digest in dry.out) == (0, True)
    assert "runs are in progress" in dry.err and "This is a dry run." in dry.err
    assert run("prune", "--execute", "--ignore-runs-silent-for", "0").status == 0
    assert not dead.folder.exists()


def test_prune_removes_nothing_when_a_run_began_and_ended_between_plan_and_removal(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live, dead = _materialized(tmp_path, "execution_pack", {"pack.parquet": b"rows"}), _dead(tmp_path)
    plan = prune.plan_prune

    def plan_while_a_run_takes_up_an_old_artifact(*given: Any, **named: Any) -> Any:
        found = plan(*given, **named)
        with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
            assert _takes_up(dead.digest).execute_in_process(instance=instance, run_config=QUIET).success
        return found

    monkeypatch.setattr(prune, "plan_prune", plan_while_a_run_takes_up_an_old_artifact)
    run("prune", "--execute").is_one_line_error("the newest run is", "and was none when", "Run prune again")
    assert (live.folder.exists(), dead.folder.exists()) == (True, True)
    assert ArtifactStore(tmp_path / "artifacts").find(Recipe("execution_pack", None, {}, {"old": True}, "test")) == dead


def _takes_up(digest: str) -> dg.JobDefinition:
    """A run that makes this digest the latest of its asset."""

    @dg.asset
    def execution_pack() -> dg.MaterializeResult:
        return dg.MaterializeResult(data_version=dg.DataVersion(digest))

    return dg.Definitions([execution_pack]).resolve_implicit_global_asset_job_def()


def test_prune_of_a_store_that_is_another_instances_is_one_line_and_removes_nothing(run: Run, tmp_path: Path) -> None:
    pack = _stored(tmp_path, "execution_pack", {"pack.parquet": b"rows"})
    run("prune", "--execute").is_one_line_error("none is the latest of any asset of this Dagster instance")
    assert pack.folder.exists()


# doctor


def test_doctor_gives_a_row_per_finding_and_status_1_on_a_failure(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    found = run("doctor", "--json")
    said = json.loads(found.out)
    assert set(said["findings"][0]) == {"name", "state", "found", "wanted", "remedy"}
    states = {row["name"]: row["state"] for row in said["findings"]}
    assert said["counts"] == dict(Counter(states.values()))
    assert (states["hub"], states["instance_storage"], found.status) == ("warn", "ok", int("fail" in said["counts"]))
    monkeypatch.setenv("CODELEWM_PROFILE", "huge")
    found = run("doctor")
    assert (found.status, found.err) == (1, "")
    assert "\nprofile\tfail\tNo profile 'huge'" in found.out
    assert " 1 fail." in found.out.splitlines()[-1]


# --json


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_json_and_its_help_says_so(run: Run, command: str) -> None:
    assert "--json" in run(command, "--help").out


def test_verify_gives_one_json_object_and_the_same_status(run: Run, tmp_path: Path) -> None:
    pack = _stored(tmp_path, "execution_pack", {"pack.parquet": b"rows"})
    found = run("verify", "--json")
    assert (found.status, json.loads(found.out)) == (0, {"verified_count": 1, "mismatches": [], "leftovers": []})
    (pack.folder / "pack.parquet").unlink()
    found = run("verify", "--json")
    row = {
        "artifact": f"execution_pack {pack.digest[:12]}", "file": "pack.parquet", "found": "missing",
        "wanted": pack.manifest.files[0].sha256,
    }  # fmt: skip
    assert (found.status, json.loads(found.out)) == (1, {"verified_count": 1, "mismatches": [row], "leftovers": []})


def test_label_gives_one_json_object_that_tells_of_malformed_rows(run: Run, tmp_path: Path) -> None:
    path, output = _lines(tmp_path / "in.jsonl", "no row", _label_row()), tmp_path / "out.jsonl"
    found = run("label", path, "--output", output, "--isolation", "basic", "--workers", "1", "--json")
    assert (found.status, found.err) == (0, "")
    assert json.loads(found.out) == {
        "written": 1, "passed": 1, "malformed": ["line 1: not JSON (Expecting value)"], "taken_up": 0, "output": str(output),
    }  # fmt: skip


@pytest.mark.parametrize("command", sorted(REPORTS))
def test_a_report_is_shown_as_json_with_its_path(run: Run, tmp_path: Path, command: str) -> None:
    found = run(command, _lines(tmp_path / "scores.jsonl", *SCORES), "--output", tmp_path / "reports", "--json")
    said, path = json.loads(found.out), tmp_path / "reports" / REPORTS[command]
    assert said == {"path": str(path), "report": json.loads(path.read_text(encoding="utf-8"))}


def test_job_status_is_the_same_with_json(run: Run, tmp_path: Path) -> None:
    path = _lines(tmp_path / "progress.jsonl", {"event": "complete", "seed": 42})
    assert json.loads(run("job-status", path, "--json").out)["state"] == "complete"


def test_build_gives_one_json_object_of_what_was_made_and_why_it_failed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODELEWM_MBPP_PLUS_FILE", str(tmp_path / "absent.jsonl.gz"))
    monkeypatch.setenv("CODELEWM_HUMANEVAL_PLUS_FILE", str(tmp_path / "absent.jsonl.gz"))
    found = run("build", "--profile", "full_capped", "--select", "key:benchmark_problems", "--json")
    assert found.status == 1
    said = json.loads(found.out)
    assert set(said) == {"profile", "wall_s", "reused", "failures", "claim_gates", "results_report", "review_site"}
    assert (said["profile"], said["wall_s"], said["claim_gates"]) == ("full_capped", {}, None)
    assert "CODELEWM_HUMANEVAL_PLUS_FILE names" in said["failures"][0]


# --log-format


def _records(found: Ran) -> list[dict[str, Any]]:
    return [json.loads(line) for line in found.err.splitlines()]


@pytest.mark.parametrize(
    "arguments", [("--log-format", "json", "verify", "pakc"), ("verify", "pakc", "--log-format", "json")]
)
def test_errors_are_json_records_when_asked_before_or_after_the_command(run: Run, arguments: tuple[str, ...]) -> None:
    [record] = _records(run(*arguments))
    assert (record["level"], record["logger"]) == ("ERROR", "codelewm_assets.cli")
    assert record["message"].startswith("No stored artifact is called pakc")
    run("verify", "pakc").is_one_line_error("codelewm-assets: No stored artifact")  # asked for once is not for ever


def test_the_environment_asks_for_json_also_for_bad_arguments(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODELEWM_LOG_FORMAT", "json")
    for arguments, message in (
        (("verify", "--all"), "unrecognized arguments: --all"),
        (("audit",), "audit: the following"),
    ):
        found = run(*arguments)
        assert found.status == 2
        assert _records(found)[0]["message"].startswith(message)
    monkeypatch.setenv("CODELEWM_LOG_FORMAT", "yaml")
    run("verify").is_one_line_error("CODELEWM_LOG_FORMAT is 'yaml'", status=2)


def test_a_build_writes_a_record_of_each_asset_and_check_with_its_run(run: Run) -> None:
    found = run("--log-format", "json", "build", "--profile", TINY, "--select", "key:benchmark_problems", "--json")
    assert found.status == 0
    records = [record for record in _records(found) if record["logger"] == "codelewm_assets.defs.build"]
    kinds = {record["kind"] for record in records}
    assert {"started", "finished", "check_passed"} <= kinds and "failed" not in kinds
    assert {(record["asset"], record["partition"]) for record in records} == {
        ("benchmark_problems", "humaneval"),
        ("benchmark_problems", "mbpp_plus"),
    }
    stored = [record for record in _records(found) if record["message"] == "stored"]
    assert {record["run_id"] for record in stored} == {record["run_id"] for record in records}
    assert json.loads(found.out)["failures"] == []


def test_label_tells_of_malformed_rows_as_records(run: Run, tmp_path: Path) -> None:
    path = _lines(tmp_path / "in.jsonl", "no row", _label_row())
    found = run(
        "--log-format", "json", "label", path, "--output", tmp_path / "o", "--isolation", "basic", "--workers", "1"
    )
    shown = [(record["level"], record["message"]) for record in _records(found)]
    assert shown == [
        ("INFO", "labelling"),
        ("INFO", "labelled"),
        ("WARNING", "in.jsonl line 1: not JSON (Expecting value)"),
    ]


def test_no_message_shows_a_secret_of_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_abcdefgh")
    for arguments in (("verify", "hf_abcdefgh"), ("--log-format", "json", "verify", "hf_abcdefgh")):
        found = run(*arguments)
        assert "hf_abcdefgh" not in found.err and "***" in found.err
