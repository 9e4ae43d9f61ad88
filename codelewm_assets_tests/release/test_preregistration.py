"""Preregistration: the register's digest is dated before training, once, and the report shows the order."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from codelewm_assets.core.errors import SigningError
from codelewm_assets.core.package import PACKAGE, REGISTER, register_digest
from codelewm_assets.release.preregistration import Order, preregister, preregistration_order
from codelewm_assets.release.report_records import report_records, run_facts
from codelewm_assets.release.results_report import results_files
from codelewm_assets.release.signing import SIGN_KEY, read_statement
from codelewm_assets.store.manifest import Manifest
from codelewm_assets_tests.claims.evidence import gates_of
from codelewm_assets_tests.release.keys import put_keys
from codelewm_assets_tests.release.records import manifest

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
REPORT = "7" * 64


def _made(kind: str, created_at: str, **metadata: str) -> Manifest:
    return manifest(kind, {}).model_copy(update={"created_at": created_at, "metadata": metadata})


def _lineage(preflight: str, gates_under: str = "r1") -> list[Manifest]:
    return [
        _made("preflight_report", preflight, register_digest="r1"),
        _made("checkpoint", "2026-03-02T10:00:00+00:00"),
        _made("critic", "2026-03-02T09:00:00+00:00"),
        _made("claim_gates", "2026-03-03T10:00:00+00:00", register_digest=gates_under),
    ]


def test_one_byte_of_the_register_gives_another_digest(tmp_path: Path) -> None:
    for name in REGISTER:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((PACKAGE / name).read_bytes())
    assert register_digest(tmp_path) == register_digest()
    path = tmp_path / REGISTER[0]
    other = tmp_path / "other"
    for name in REGISTER:
        (other / name).parent.mkdir(parents=True, exist_ok=True)
        (other / name).write_bytes((tmp_path / name).read_bytes())
    (other / REGISTER[0]).write_bytes(path.read_bytes().replace(b"Threshold(0.20", b"Threshold(0.30", 1))
    assert register_digest(other) != register_digest()


def test_the_order_is_that_of_the_preflight_report_and_the_first_weights() -> None:
    order = preregistration_order(_lineage("2026-03-02T08:59:59+00:00"))
    assert order == Order(
        register_digest="r1", judged_under="r1", preregistered_on="2026-03-02", first_trained_on="2026-03-02", is_before=True
    )  # fmt: skip
    assert order.text == "r1 on 2026-03-02, before the first weights (2026-03-02)"
    late = preregistration_order(_lineage("2026-03-02T09:00:01+00:00", gates_under="r2"))  # a second after the critic
    assert late.is_before is False
    assert "NOT before the first weights" in str(late.text) and "under ANOTHER register" in str(late.text)


def test_without_a_report_or_weights_nothing_is_said() -> None:
    assert preregistration_order([]) == Order()
    assert preregistration_order(_lineage("2026-03-02T08:00:00+00:00")[:1]).text is None


def test_the_results_report_shows_the_order() -> None:
    lineage = _lineage("2026-03-01T08:00:00+00:00")
    run = run_facts(lineage[-1], lineage, version="1")
    text = results_files(report_records(gates_of(), {}, run=run), figures={})["results_report.md"]
    row = "| register of gates and claims, preregistered | r1 on 2026-03-01, before the first weights (2026-03-02) |"
    assert row in text


def test_a_register_is_dated_once(tmp_path: Path) -> None:
    path = preregister(tmp_path, REPORT, NOON)
    stated = json.loads(path.read_bytes())
    assert stated["predicate"] == {"register_digest": register_digest(), "dated": "2026-03-01T12:00:00+00:00"}
    assert {row["name"] for row in stated["subject"]} == {"preflight_report", "claims/register.py and core/ids.py"}
    before = path.read_bytes()
    assert preregister(tmp_path, "8" * 64, datetime(2027, 1, 1, tzinfo=UTC)) == path
    assert path.read_bytes() == before


def test_with_a_key_the_statement_is_signed_and_a_bad_key_stops_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private, public = put_keys(tmp_path)
    monkeypatch.setenv(SIGN_KEY, str(tmp_path / "absent.pem"))
    with pytest.raises(SigningError, match=r"absent\.pem is no private key"):
        preregister(tmp_path, REPORT, NOON)
    assert not (tmp_path / "preregistered").exists()
    monkeypatch.setenv(SIGN_KEY, str(private))
    stated = read_statement(preregister(tmp_path, REPORT, NOON).read_bytes(), public)
    assert stated.predicate["register_digest"] == register_digest()
