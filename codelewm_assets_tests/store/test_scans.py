"""Stored files are scanned for patterns once, and for the values of secret variables each time."""

from pathlib import Path

import pytest

from codelewm_assets.store import scans
from codelewm_assets.store.scans import secrets_in_files
from codelewm_assets.store.store import ArtifactStore
from codelewm_assets_tests.store.test_store import cache_key

AWS_KEY = "AKIA" + "QYLPMN5HHHFPZAM2"


@pytest.fixture
def scanned(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The names of the files of each scan for patterns."""
    found: list[list[str]] = []
    real = scans.pattern_findings

    def counted(texts: dict[str, Path]) -> list[str]:
        found.append(sorted(texts))
        return real(texts)

    monkeypatch.setattr(scans, "pattern_findings", counted)
    return found


def test_the_same_bytes_are_scanned_once(tmp_path: Path, scanned: list[list[str]]) -> None:
    store = ArtifactStore(tmp_path)
    written = store.write(cache_key(), {"42/card.md": f"x\n{AWS_KEY}\n".encode(), "rows.parquet": b"x"}, {})
    found = ["42/card.md:2 AWS Access Key"]
    assert [secrets_in_files(ArtifactStore(tmp_path), written) for _ in range(2)] == [found, found]
    assert scanned == [["42/card.md"]]


def test_altered_bytes_and_another_scanner_are_scanned_again(
    tmp_path: Path, scanned: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ArtifactStore(tmp_path)
    written = store.write(cache_key(), {"card.md": b"clean"}, {})
    assert secrets_in_files(store, written) == []
    written.path("card.md").write_text(AWS_KEY)
    assert secrets_in_files(store, written) == ["card.md:1 AWS Access Key"]
    monkeypatch.setattr(scans, "scanner_version", lambda: "another")
    secrets_in_files(store, written)
    assert len(scanned) == 3


def test_a_variable_that_is_set_later_is_found(
    tmp_path: Path, scanned: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ArtifactStore(tmp_path)
    written = store.write(cache_key(), {"card.md": b"one\nsee Tr0ub4dor-and-3 there\n"}, {})
    assert secrets_in_files(store, written) == []
    monkeypatch.setenv("MIRROR_PASSPHRASE", "Tr0ub4dor-and-3")
    assert secrets_in_files(store, written) == ["card.md:2 Value of MIRROR_PASSPHRASE"]
    assert len(scanned) == 1
