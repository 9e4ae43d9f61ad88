"""The command line: help with an example, one line for what is wrong, exit statuses, never a traceback."""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from codelewm_assets_tests.command import Ran, Run

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
NO_PORT = {name: value for name, value in os.environ.items() if name != "PORT"}


def _records(found: Ran) -> list[dict[str, Any]]:
    return [json.loads(line) for line in found.err.splitlines()]


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


def test_the_version_is_the_packages(run: Run) -> None:
    found = run("--version")
    assert (found.status, found.out) == (0, f"codelewm-assets {version('codelewm_assets')}\n")


@pytest.mark.parametrize("target", ["ui", "review"])
def test_make_takes_a_port(target: str) -> None:
    """The recipe is printed and not run."""
    command = ["make", "--dry-run", "-C", str(Path(__file__).parents[1]), target]
    assert " --port 3000 " in subprocess.run(command, capture_output=True, text=True, check=True, env=NO_PORT).stdout
    asked = [*command, "PORT=4123"]
    assert " --port 4123 " in subprocess.run(asked, capture_output=True, text=True, check=True, env=NO_PORT).stdout


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


def test_without_an_instance_commands_that_need_one_say_so_in_one_line(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME")
    (tmp_path / "dagster.yaml").unlink()
    for arguments in (("status",), ("publish",)):
        run(*arguments).is_one_line_error("No dagster.yaml here, and DAGSTER_HOME is not set")


@pytest.mark.parametrize("home", ["relative", "/nonexistent/dagster-home"])
def test_a_dagster_home_that_is_not_a_folder_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    monkeypatch.setenv("DAGSTER_HOME", home)
    run("status").is_one_line_error("DAGSTER_HOME")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_json_and_its_help_says_so(run: Run, command: str) -> None:
    assert "--json" in run(command, "--help").out


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


@pytest.mark.slow
def test_a_build_writes_a_record_of_each_asset_and_check_with_its_run(run: Run) -> None:
    found = run("--log-format", "json", "build", "--profile", TINY, "--select", "key:benchmark_problems", "--json")
    assert found.status == 0
    records = [record for record in _records(found) if record["logger"] == "codelewm_assets.instance.build"]
    kinds = {record["kind"] for record in records}
    assert {"started", "finished", "check_passed"} <= kinds and "failed" not in kinds
    assert {(record["asset"], record.get("partition")) for record in records} == {
        ("benchmark_problems", None),
    }
    stored = [record for record in _records(found) if record["message"] == "stored"]
    assert {record["run_id"] for record in stored} == {record["run_id"] for record in records}
    assert json.loads(found.out)["failures"] == []


def test_no_message_shows_a_secret_of_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_abcdefgh")
    for arguments in (("verify", "hf_abcdefgh"), ("--log-format", "json", "verify", "hf_abcdefgh")):
        found = run(*arguments)
        assert "hf_abcdefgh" not in found.err and "***" in found.err


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_leaves_early_is_not_a_fault_to_report(unbuffered: str, tmp_path: Path) -> None:
    stream = tmp_path / "progress.jsonl"
    stream.write_text('{"event": "start", "seq": 0, "time_s": 0, "seed": 42}\n', encoding="utf-8")
    reader, writer = os.pipe()
    os.close(reader)
    try:
        found = subprocess.run(
            [sys.executable, "-m", "codelewm_assets.cli", "job-status", str(stream)],
            stdout=writer, stderr=subprocess.PIPE, text=True, check=False,
            env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
        )  # fmt: skip
    finally:
        os.close(writer)
    assert (found.returncode, found.stderr) == (1, "")


@pytest.mark.parametrize(("given", "used"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_wait_without_spinning_unless_the_environment_says_otherwise(given: str | None, used: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    environment |= {} if given is None else {"OMP_WAIT_POLICY": given}
    command = "import codelewm_assets, os; print(os.environ['OMP_WAIT_POLICY'])"
    found = subprocess.run([sys.executable, "-c", command], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == used
