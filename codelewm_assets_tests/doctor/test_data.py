"""Benchmark data: a fault fails where the profile reads the data, and warns where it does not."""

from dataclasses import replace
from pathlib import Path

import pytest

from codelewm_assets.benchmarks.pins import EVALPLUS_FILES
from codelewm_assets.core.digests import sha256_bytes
from codelewm_assets.core.errors import SourceDigestError
from codelewm_assets.doctor import data
from codelewm_assets.doctor.finding import HealthFinding
from codelewm_assets.profiles.profile import load_profile

FILE = "CODELEWM_HUMANEVAL_PLUS_FILE"
REVISION = "CODELEWM_HUMANEVAL_PLUS_REVISION"
PINNED = b"the pinned file"


@pytest.fixture
def pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another pin, of a file that can be made here."""
    pin = replace(EVALPLUS_FILES["humaneval"], sha256=sha256_bytes(PINNED))
    monkeypatch.setitem(EVALPLUS_FILES, "humaneval", pin)


def humaneval(profile: str, cache: Path, **environment: str) -> HealthFinding:
    found = data.evalplus_findings(load_profile(profile), environment, cache)
    assert [finding.name for finding in found] == ["evalplus_humaneval", "evalplus_mbpp_plus"]
    return found[0]


def test_the_wheel_is_ok_when_it_holds_the_pinned_bytes() -> None:
    assert data.wheel_finding(load_profile("sample")).found == "164 problems, the pinned bytes"


@pytest.mark.parametrize(("profile", "state"), [("sample", "fail"), ("full", "warn")])
def test_a_wheel_that_is_not_the_pinned_one(profile: str, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def altered() -> None:
        raise SourceDigestError("sha256 is 0, the pin says 1")

    monkeypatch.setattr(data, "read_wheel_rows", altered)
    found = data.wheel_finding(load_profile(profile))
    assert (found.state, found.found) == (state, "sha256 is 0, the pin says 1")


@pytest.mark.usefixtures("pinned")
@pytest.mark.parametrize(("profile", "bad"), [("sample", "warn"), ("full", "fail")])
def test_a_file_that_is_named_must_be_there_with_the_pinned_bytes(tmp_path: Path, profile: str, bad: str) -> None:
    path = tmp_path / "HumanEvalPlus.jsonl.gz"
    absent = humaneval(profile, tmp_path, **{FILE: str(path)})
    assert (absent.state, FILE in absent.found, FILE in absent.remedy) == (bad, True, True)
    path.write_bytes(b"another file")
    other = humaneval(profile, tmp_path / "cache", **{FILE: str(path)})
    assert other.state == bad and "sha256 is" in other.found
    path.write_bytes(PINNED)
    assert humaneval(profile, tmp_path / "cache", **{FILE: str(path)}).state == "ok"


@pytest.mark.parametrize(("revision", "state"), [("main", "fail"), ("d" * 40, "ok")])
def test_a_revision_that_is_named_must_be_a_whole_one(tmp_path: Path, revision: str, state: str) -> None:
    assert humaneval("full", tmp_path, **{REVISION: revision}).state == state


@pytest.mark.usefixtures("pinned")
def test_a_download_must_be_the_pinned_file(tmp_path: Path) -> None:
    (tmp_path / "HumanEvalPlus.jsonl.gz").write_bytes(b"cut off")
    assert humaneval("full", tmp_path).state == "fail"
    assert humaneval("sample", tmp_path).state == "warn"
    (tmp_path / "HumanEvalPlus.jsonl.gz").write_bytes(PINNED)
    assert humaneval("full", tmp_path).state == "ok"


def test_without_a_file_a_profile_that_reads_it_would_download_it_and_another_needs_nothing(tmp_path: Path) -> None:
    assert humaneval("full", tmp_path).state == "warn"
    assert humaneval("sample", tmp_path).state == "ok"


def test_a_dataset_is_looked_at_where_the_profile_reads_it_and_its_named_file_must_be_there(tmp_path: Path) -> None:
    sample = load_profile("sample")
    assert data.dataset_findings(sample, {}) == []
    reading = sample.model_copy(update={"sources": sample.sources.model_copy(update={"cruxeval_o": "cruxeval"})})
    path = tmp_path / "cruxeval.jsonl"
    (hub,), (absent,) = (data.dataset_findings(reading, own) for own in ({}, {"CODELEWM_CRUXEVAL_O_FILE": str(path)}))
    assert (hub.state, hub.found) == ("ok", "cruxeval-org/cruxeval of the Hub at b96af0450242")
    assert absent.state == "fail" and "is not a file" in absent.found
    path.write_bytes(b"")
    (named,) = data.dataset_findings(reading, {"CODELEWM_CRUXEVAL_O_FILE": str(path)})
    assert (named.state, named.found) == ("ok", f"a file of sha256 {sha256_bytes(b'')[:12]}")
