"""The services of compose.yaml as processes of this machine: their own commands, on a real PostgreSQL server.

What is not run here is containers: names of hosts and ports are put in place, and the sandbox is that of this machine.
"""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dagster as dg
import yaml

from codelewm_assets.defs.assemble import STAGE_MODULES
from codelewm_assets.defs.source_watch import SOURCES
from codelewm_assets.instance.web_server import READ_ONLY_MESSAGE
from codelewm_assets_tests.deploy.conftest import ROOT
from codelewm_assets_tests.instance.web import free_port, graphql, post

COMPOSE = yaml.safe_load((ROOT / "deploy/compose/compose.yaml").read_text(encoding="utf-8"))
DEADLINE_S = 90


def _command(service: str, ports: dict[str, int], home: Path) -> list[str]:
    """The command of a service, or of its image, with this machine's ports in place of the containers'."""
    told = COMPOSE["services"][service].get("command")
    if told is None:
        (line,) = (
            line
            for line in (ROOT / "deploy/images/data.Dockerfile").read_text().splitlines()
            if line.startswith("CMD ")
        )
        told = json.loads(line.removeprefix("CMD "))
    in_place = {"0.0.0.0": "127.0.0.1", "4000": str(ports["code"]), "3001": str(ports.get("review", 0))}
    in_place["deploy/compose/workspace.yaml"] = str(home / "workspace.yaml")
    program, *arguments = [in_place.get(part, part) for part in told]
    return [str(Path(sys.executable).parent / program), *arguments]


@contextmanager
def _process(command: list[str], home: Path, is_ready: Callable[[], bool]) -> Iterator[None]:
    log = home / f"{Path(command[0]).name}.txt"
    with log.open("w") as told:
        process = subprocess.Popen(
            command, cwd=home, env=os.environ | {"DAGSTER_HOME": str(home)}, stdout=told, stderr=told,
            start_new_session=True,
        )  # fmt: skip
        try:
            end = time.monotonic() + DEADLINE_S
            while not is_ready():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < end, f"{command} is not ready after {DEADLINE_S} s: {log.read_text()}"
                time.sleep(0.3)
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _succeeds(*command: str) -> Callable[[], bool]:
    program = str(Path(sys.executable).parent / command[0])
    return lambda: subprocess.run([program, *command[1:]], capture_output=True, check=False).returncode == 0


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(f"{address}/server_info", timeout=2).close()
    except OSError:
        return False
    return True


def test_code_location_daemon_and_review_run_on_one_instance(on_postgres: Path) -> None:
    ports = {"code": free_port(), "review": free_port()}
    workspace = (ROOT / "deploy/compose/workspace.yaml").read_text(encoding="utf-8")
    workspace = workspace.replace("host: code", "host: 127.0.0.1").replace("4000", str(ports["code"]))
    (on_postgres / "workspace.yaml").write_text(workspace, encoding="utf-8")
    review = f"http://127.0.0.1:{ports['review']}"
    code_answers = _succeeds("dagster", "api", "grpc-health-check", "-p", str(ports["code"]))

    with ExitStack() as running, dg.DagsterInstance.from_config(str(on_postgres)) as instance:
        start = [("code", code_answers), ("daemon", lambda: len(instance.get_daemon_statuses()) > 0 and all(
            status.healthy for status in instance.get_daemon_statuses().values() if status.required
        )), ("review", lambda: _answers(review))]  # fmt: skip
        for service, is_ready in start:
            running.enter_context(_process(_command(service, ports, on_postgres), on_postgres, is_ready))

        nodes = graphql(review, "{ assetNodes { assetKey { path } } }")["assetNodes"]
        assert len(nodes) == sum(len(module.ASSETS) for module in STAGE_MODULES) + len(SOURCES)
        launch = """mutation { launchRun(executionParams: {selector: {repositoryLocationName: "codelewm_assets",
          repositoryName: "__repository__", jobName: "refresh_data"}, runConfigData: {}}) { __typename } }"""
        status, answer = post(review, launch)
        assert status == 400 and READ_ONLY_MESSAGE in answer["errors"][0]["message"]
        assert instance.get_runs_count() == 0


def test_every_service_of_ours_is_run_above_or_differs_from_one_that_is() -> None:
    ours = {name for name, service in COMPOSE["services"].items() if service["image"].startswith("codelewm-")}
    assert ours == {"code", "daemon", "review", "webserver"}  # webserver: review without --read-only
