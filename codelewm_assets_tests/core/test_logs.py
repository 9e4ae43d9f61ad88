"""Log records: one line each, known fields in JSON, no secret in any of them."""

import json
import logging
import subprocess
import sys
import warnings
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from codelewm_assets.core.logs import (
    LogFormatError,
    configured_format,
    format_in_force,
    log_context,
    set_up_logs,
)

LOG = logging.getLogger("codelewm_assets.somewhere")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    set_up_logs("text")


def test_text_is_the_programs_name_and_the_message_from_warnings_up(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("text", program="training")
    LOG.info("quiet")
    LOG.warning("the disk is nearly full")
    assert capsys.readouterr() == ("", "training: the disk is nearly full\n")


def test_json_is_one_object_a_line_with_what_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("json")
    with log_context(run_id="r1", asset="checkpoint", seed=42, partition=None):
        LOG.info("step\ntwo", extra={"fields": {"loss": 1.5}})
    LOG.warning("outside")
    out, err = capsys.readouterr()
    first, second = map(json.loads, err.splitlines())
    instant = datetime.fromisoformat(first.pop("ts"))
    assert instant.utcoffset() == timedelta(0)
    assert first == {
        "level": "INFO", "logger": "codelewm_assets.somewhere", "message": "step\ntwo", "run_id": "r1",
        "asset": "checkpoint", "seed": 42, "loss": 1.5,
    }  # fmt: skip
    assert set(second) == {"ts", "level", "logger", "message"}
    assert out == ""


def test_json_holds_tracebacks_and_warnings_of_libraries_and_of_python(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("json")
    try:
        raise ValueError("no number")
    except ValueError:
        LOG.exception("could not read")
    logging.getLogger("a_library").warning("old interface")
    logging.getLogger("a_library").info("chatter")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)  # catch_warnings has set it aside
        warnings.showwarning("late", UserWarning, "file.py", 3)
    rows = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [row["logger"] for row in rows] == ["codelewm_assets.somewhere", "a_library", "py.warnings"]
    assert rows[0]["exception"].endswith("ValueError: no number")


def test_setting_up_again_replaces_what_was_there(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        set_up_logs("json")
    LOG.info("once")
    assert len(capsys.readouterr().err.splitlines()) == 1
    set_up_logs("text")
    logging.getLogger("a_library").warning("not ours")
    assert "{" not in capsys.readouterr().err
    assert format_in_force() == "text"


@pytest.mark.parametrize("name", ["HF_TOKEN", "GITHUB_TOKEN", "PGPASSWORD", "client_secret", "AWS_SECRET_ACCESS_KEY"])
@pytest.mark.parametrize("log_format", ["json", "text"])
def test_no_record_holds_the_value_of_a_variable_that_is_named_as_a_secret(
    name: str, log_format: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = 's3cr"et\\value'  # which JSON writes otherwise
    monkeypatch.setenv(name, secret)
    set_up_logs("json" if log_format == "json" else "text")
    with log_context(asset=secret):
        try:
            raise ValueError(secret)
        except ValueError:
            LOG.exception(f"sent {secret}!", extra={"fields": {"deep": [{"er": secret}], "other": Exception(secret)}})
    err = capsys.readouterr().err
    assert "s3cr" not in err
    assert "sent ***!" in err


def test_a_format_that_there_is_not_is_refused() -> None:
    assert (configured_format({}), configured_format({"CODELEWM_LOG_FORMAT": "json"})) == ("text", "json")
    with pytest.raises(LogFormatError, match="CODELEWM_LOG_FORMAT is 'yaml'; expected one of text, json"):
        configured_format({"CODELEWM_LOG_FORMAT": "yaml"})


def test_the_training_process_writes_records_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODELEWM_LOG_FORMAT", "json")
    code = "import sys; from codelewm_assets.training.worker import main; sys.argv = ['worker', '/absent.json']; main()"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert json.loads(found.stderr.splitlines()[-1])["event"] == "error"  # no spec: the protocol's own line
    code = "from codelewm_assets.training import worker; worker.main(lambda outlet: worker.LOG.info('at work'))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(found.stderr)["logger"] == "codelewm_assets.training.worker"
