"""The command line in a folder of its own."""

import shutil
from pathlib import Path

import pytest

from codelewm_assets.cli import main
from codelewm_assets_tests.command import Ran, Run


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in a folder of its own, which is DAGSTER_HOME and holds the store."""
    shutil.copy(Path(__file__).parents[1] / "dagster.yaml", tmp_path / "dagster.yaml")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("CODELEWM_ARTIFACTS", str(tmp_path / "artifacts"))
    monkeypatch.delenv("CODELEWM_PROFILE", raising=False)

    def call(*arguments: object) -> Ran:
        capsys.readouterr()
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            status = stop.code if isinstance(stop.code, int) else 1
        found = capsys.readouterr()
        return Ran(status, found.out, found.err)

    return call
