"""The command line in a folder of its own, and a bucket of its own."""

import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from codelewm_assets.cli import main
from codelewm_assets_tests.command import Ran, Run
from codelewm_assets_tests.object_storage import environment_of, s3_client, s3_server
from codelewm_assets_tests.tiers import has_slow_fixture, slow

HERE = Path(__file__).parent
SLOW_FILES = {
    "defs/test_checks.py",
    "defs/test_evidence.py",
    "defs/test_guards.py",
    "defs/test_planted_faults.py",
    "sandbox/test_hostile.py",
}
"""Files whose tests are slow by what they do and by no fixture.

Those of `defs` store a whole world in each test, with its fault, and judge it: nothing is left to share. The hostile programs run
in processes of pytest's own, one for each set of layers.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of slow fixtures and of `SLOW_FILES`; a single slow test elsewhere has the mark itself."""
    for item in items:
        if has_slow_fixture(item) or item.path.relative_to(HERE).as_posix() in SLOW_FILES:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
@slow
def s3_endpoint() -> Iterator[str]:
    """URL of a server that speaks S3, for all tests."""
    with s3_server() as endpoint:
        yield endpoint


@pytest.fixture
def s3_root(s3_endpoint: str) -> Iterator[str]:
    """URL of a folder in a new bucket; the environment names the server, for this process and those it starts."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment_of(s3_endpoint).items():
            patch.setenv(name, value)
        bucket = f"codelewm-{uuid.uuid4().hex}"
        s3_client().create_bucket(Bucket=bucket)
        yield f"s3://{bucket}/evidence"


@pytest.fixture
def disk_calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """`fsync content`, `rename` and `fsync folder` in the order of the calls, each of which is made.

    A power cut between a rename and the fsync of the content would leave an empty file under the name.
    """
    calls: list[str] = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(descriptor: int) -> None:
        calls.append("fsync folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "fsync content")
        fsync(descriptor)

    def noted_replace(source: Path, target: Path) -> None:
        calls.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    return calls


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
