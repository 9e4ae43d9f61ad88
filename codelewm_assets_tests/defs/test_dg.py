"""`dg`, Dagster's own command line, finds the graph by `[tool.dg]` in pyproject.toml."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from codelewm_assets.defs.assemble import build_defs
from codelewm_assets_tests.docs.pages import ROOT

pytestmark = pytest.mark.slow


def dg(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    """A command of dg in the project's folder, with an instance of its own."""
    command = [Path(sys.executable).parent / "dg", *arguments]
    env = os.environ | {"DAGSTER_HOME": str(home)}
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=env)


def test_dg_checks_and_lists_the_definitions(tmp_path: Path) -> None:
    checked = dg("check", "defs", home=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    listed = dg("list", "defs", "--json", home=tmp_path)
    assert listed.returncode == 0, listed.stderr
    keys = {row["asset_key"] for row in json.loads(listed.stdout)["assets"]}
    assert keys == {key.to_user_string() for key in build_defs().resolve_asset_graph().get_all_asset_keys()}
