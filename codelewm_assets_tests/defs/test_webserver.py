"""The UI is served on loopback, and its GraphQL endpoint knows every asset and every check."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from codelewm_assets.defs.assemble import STAGE_MODULES

ROOT = Path(__file__).parents[2]
QUERY = """{ assetNodes { assetKey { path } groupName
  assetChecksOrError { ... on AssetChecks { checks { name blocking } } } } }"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A read-only web server on a free loopback port, as `make review` starts it."""
    home = tmp_path_factory.mktemp("home")
    (home / "dagster.yaml").write_bytes((ROOT / "dagster.yaml").read_bytes())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "dagster_webserver",
        "-w",
        str(ROOT / "workspace.yaml"),
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
        "--read-only",
    ]
    log = (home / "log.txt").open("w")
    server = subprocess.Popen(
        command, cwd=home, env=os.environ | {"DAGSTER_HOME": str(home)}, stdout=log, stderr=log, start_new_session=True
    )
    try:
        for _ in range(300):
            assert server.poll() is None, (home / "log.txt").read_text()
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=2).close()
                break
            except OSError:
                time.sleep(0.2)
        else:
            pytest.fail("the web server did not answer: " + (home / "log.txt").read_text())
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        log.close()


def _graphql(address: str, query: str) -> dict[str, list[dict[str, object]]]:
    request = urllib.request.Request(
        f"{address}/graphql", data=json.dumps({"query": query}).encode(), headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        answer = json.loads(response.read())
    assert "errors" not in answer, answer
    return dict(answer["data"])


def test_graphql_knows_every_asset_and_check(address: str) -> None:
    nodes = _graphql(address, QUERY)["assetNodes"]
    found = {node["assetKey"]["path"][0]: node for node in nodes}  # type: ignore[index]
    assert set(found) == {asset.key.to_user_string() for module in STAGE_MODULES for asset in module.ASSETS}
    served = {
        (name, check["name"]) for name, node in found.items() for check in node["assetChecksOrError"].get("checks", [])
    }  # type: ignore[attr-defined]
    wanted = {
        (key.asset_key.to_user_string(), key.name)
        for module in STAGE_MODULES
        for check in module.CHECKS
        for key in check.check_keys
    }
    assert served == wanted


def test_review_refuses_to_launch_a_run(address: str) -> None:
    launch = """mutation { launchRun(executionParams: {selector: {repositoryLocationName: "codelewm_assets",
      repositoryName: "__repository__", jobName: "make_pack"}, runConfigData: {}}) { __typename } }"""
    assert _graphql(address, launch)["launchRun"]["__typename"] == "UnauthorizedError"  # type: ignore[call-overload]
