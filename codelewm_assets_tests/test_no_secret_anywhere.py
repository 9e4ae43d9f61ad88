"""Secrets that the environment holds are in nothing that a whole run leaves or shows: files, tables, databases, logs, the UI.

The whole cycle is built with planted secrets in every variable that the product or its libraries read one from, then a run
fails under the daemon and its receivers too, so that errors are written as well. Then everything is searched.
"""

import base64
import gzip
import json
import sqlite3
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from codelewm_assets_tests.command import Run
from codelewm_assets_tests.instance.web import UI, free_port, graphql, served

HERE = Path(__file__).parent
VARIABLES = (
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "CODELEWM_POSTGRES_PASSWORD",
    "PLANTED_WEBHOOK_URL",
    "PLANTED_WEBHOOK_TOKEN",
    "PLANTED_SMTP_PASSWORD",
)
LAUNCH = """mutation Launch($params: ExecutionParams!) { launchPipelineExecution(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } } }"""
RUNS = """{ runsOrError(limit: 500) { ... on Runs { results { runId status runConfigYaml tags { key value }
  eventConnection(limit: 1000) { events { __typename ... on MessageEvent { message }
    ... on ErrorEvent { error { message stack } } ... on MaterializationEvent { metadataEntries { label
      ... on TextMetadataEntry { text } ... on JsonMetadataEntry { jsonString } ... on PathMetadataEntry { path }
      ... on MarkdownMetadataEntry { mdStr } } } } }
  } } } }"""
TICKS = """{ sensorsOrError(repositorySelector: {repositoryName: "__repository__", repositoryLocationName: "codelewm_assets"}) {
  ... on Sensors { results { name sensorState { ticks(limit: 50) { status skipReason error { message stack }
    logEvents { events { message } } } } } } }
  instance { info daemonHealth { allDaemonStatuses { daemonType lastHeartbeatErrors { message } } } } }"""


def planted(variable: str) -> str:
    """A secret that looks like none, so that no scanner refuses it: one that is found was carried there."""
    word = f"planted-{variable.lower().replace('_', '-')}-7f3a9c"
    return f"json://127.0.0.1:1/{word}" if variable.endswith("URL") else word


def forms(variable: str) -> list[bytes]:
    """How a secret may lie somewhere."""
    word = planted(variable).rpartition("/")[2].encode()
    return [word, base64.b64encode(word)[:-4], urllib.parse.quote(word).encode(), word.hex().encode(), word[::-1]]


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Everything under a folder as bytes that can be searched: tables and databases are read, not their pages."""
    import pyarrow.parquet as pq

    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_file():
            continue
        yield name, name.encode() + path.read_bytes()
        if path.suffix == ".parquet":
            yield name, json.dumps(pq.read_table(path).to_pylist(), default=str).encode()
        elif path.suffix == ".gz":
            yield name, gzip.decompress(path.read_bytes())
        elif path.suffix == ".db":
            with sqlite3.connect(path) as database:
                yield name, "\n".join(database.iterdump()).encode()


def findings(found: Iterator[tuple[str, bytes]]) -> list[str]:
    """`variable in place` for each planted secret that lies somewhere."""
    wanted = [(variable, form) for variable in VARIABLES for form in forms(variable)]
    return [f"{variable} in {name}" for name, data in found for variable, form in wanted if form in data]


@pytest.mark.parametrize("form", range(5))
def test_the_search_finds_a_secret_in_each_of_its_forms(tmp_path: Path, form: int) -> None:
    (tmp_path / "log.txt").write_bytes(b"before " + forms("HF_TOKEN")[form] + b" after")
    assert set(findings(contents(tmp_path))) == {"HF_TOKEN in log.txt"}


def test_the_search_finds_a_secret_in_tables_databases_and_archives(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    secret = planted("AWS_SECRET_ACCESS_KEY")
    pq.write_table(pa.table({"text": [secret]}), tmp_path / "rows.parquet", compression="zstd")
    (tmp_path / "rows.gz").write_bytes(gzip.compress(secret.encode()))
    with sqlite3.connect(tmp_path / "events.db") as database:
        database.execute("create table events (body text)")
        database.execute("insert into events values (?)", ("x" * 5000 + secret,))
    found = {line.rpartition(" ")[2] for line in findings(contents(tmp_path))}
    assert found >= {"rows.parquet", "rows.gz", "events.db"}


@pytest.mark.slow
def test_no_secret_is_anywhere_after_a_whole_run(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.setenv(variable, planted(variable))
    profile = (HERE / "upgrade" / "profile.yaml").read_text(encoding="utf-8") + (
        "operations:\n  notify:\n"
        '    - "${PLANTED_WEBHOOK_URL}"\n'
        f'    - "json://127.0.0.1:{free_port()}?+Authorization=Bearer%20${{PLANTED_WEBHOOK_TOKEN}}"\n'
        f'    - "mailto://someone:${{PLANTED_SMTP_PASSWORD}}@127.0.0.1:{free_port()}?from=a@b.c&to=d@e.f"\n'
    )
    (tmp_path / "profile.yaml").write_text(profile, encoding="utf-8")
    monkeypatch.setenv("CODELEWM_PROFILE", str(tmp_path / "profile.yaml"))

    built = run("build", "--profile", tmp_path / "profile.yaml")
    assert built.status == 0, built.err
    said = built.out + built.err
    for command in ("status", "doctor", "verify", "publish"):
        shown = run(command, "--json")
        said += shown.out + shown.err
    (tmp_path / "said.txt").write_text(said, encoding="utf-8")

    with served(tmp_path, UI) as server:
        run_id = _launch_what_fails(server.address)
        ticks = _ticks_that_failed_to_tell(server.address)
        shown = [json.dumps(graphql(server.address, query)) for query in (RUNS, TICKS)]
        with urllib.request.urlopen(f"{server.address}/download_debug/{run_id}", timeout=60) as dump:
            shown.append(gzip.decompress(dump.read()).decode())
    tried = ("${PLANTED_WEBHOOK_URL}: ", "${PLANTED_WEBHOOK_TOKEN}: ", "mailto://***@127.0.0.1")
    assert run_id in shown[0] and all(receiver in ticks for receiver in tried)  # they failed, and said so
    (tmp_path / "shown.json").write_text("\n".join(shown), encoding="utf-8")

    found = list(contents(tmp_path))
    names = [name for name, _ in found]
    for must in ("said.txt", "server.txt", "shown.json", ".parquet", "manifest.json", ".db"):
        assert any(name.endswith(must) for name in names), f"{must} was not searched"
    assert findings(iter((name, data) for name, data in found if name != "profile.yaml")) == []


def _launch_what_fails(address: str) -> str:
    """A run that fails: a seed that there is not."""
    selector = {
        "repositoryLocationName": "codelewm_assets",
        "repositoryName": "__repository__",
        "pipelineName": "train_and_evaluate",
    }
    params = {"selector": selector, "runConfigData": "{}", "executionMetadata": {"tags": []}}
    launched = graphql(address, LAUNCH, {"params": params})["launchPipelineExecution"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    return str(launched["run"]["runId"])


def _ticks_that_failed_to_tell(address: str) -> str:
    """The ticks of `send_notices`, when one of them has tried."""
    text = ""
    for _ in range(300):
        sensors = graphql(address, TICKS)["sensorsOrError"]["results"]
        text = json.dumps(next(sensor for sensor in sensors if sensor["name"] == "send_notices"))
        if "did not take the notice" in text:
            return text
        time.sleep(1)  # the daemon's tick comes twice a minute
    pytest.fail(f"nobody tried to tell: {text}")
