"""`audit`: claim sentences against the gates."""

import json
from pathlib import Path

import pytest

from codelewm_assets.claims.register import CLAIMS
from codelewm_assets.core.digests import pretty_json
from codelewm_assets_tests.claims.evidence import gates_of, nothing_known
from codelewm_assets_tests.command import Run
from codelewm_assets_tests.commands.made import materialized

OVERCLAIM = "# Title\n\nCodeLeWM improves reranking of Python completions.\n"


def test_audit_without_gates_takes_every_claim_as_closed(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    path.write_text(OVERCLAIM, encoding="utf-8")
    found = run("audit", path)
    assert (found.status, found.err) == (1, "")
    finding, summary = found.out.splitlines()
    assert finding == f"{path}:3: improves_reranking is CLOSED: CodeLeWM improves reranking of Python completions."
    assert summary.startswith("1 files audited, 1 sentences beyond the gates. No claim_gates here: every claim")
    assert all(claim.claim_id in summary for claim in CLAIMS)


@pytest.mark.parametrize(("is_open", "status"), [(True, 0), (False, 1)])
def test_audit_goes_by_the_latest_gates(run: Run, tmp_path: Path, is_open: bool, status: int) -> None:
    gates = gates_of() if is_open else nothing_known()
    materialized(tmp_path, "claim_gates", {"claim_gates.json": pretty_json(gates.model_dump(mode="json"))})
    (tmp_path / "report.md").write_text(OVERCLAIM, encoding="utf-8")
    found = run("audit", tmp_path / "report.md")
    assert found.status == status
    assert ("OPEN: improves_reranking, " in found.out) is is_open
    assert ("OPEN: none." in found.out) is not is_open


def test_audit_gives_one_json_object_with_where_its_statuses_come_from(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    path.write_text(OVERCLAIM, encoding="utf-8")
    row = {
        "file": str(path), "line": 3, "claim_id": "improves_reranking", "status": "CLOSED",
        "sentence": "CodeLeWM improves reranking of Python completions.",
    }  # fmt: skip
    assert json.loads(run("audit", "--json", path).out) == {
        "claim_gates": None, "statuses": {}, "files": [str(path)], "findings": [row],
    }  # fmt: skip
    gates = pretty_json(gates_of().model_dump(mode="json"))
    made = materialized(tmp_path, "claim_gates", {"claim_gates.json": gates})
    said = json.loads(run("audit", "--json", path).out)
    assert (said["claim_gates"], said["findings"]) == (made.digest, [])
    assert said["statuses"]["improves_reranking"] == "OPEN" and said["statuses"]["gate:collapse"] == "HOLDS"


def test_a_sentence_of_no_claim_in_the_register_is_beyond_the_gates_though_all_hold(run: Run, tmp_path: Path) -> None:
    gates = pretty_json(gates_of().model_dump(mode="json"))
    materialized(tmp_path, "claim_gates", {"claim_gates.json": gates})
    (tmp_path / "a.md").write_text("CodeLeWM is state of the art.\n", encoding="utf-8")
    found = run("audit", tmp_path / "a.md")
    assert found.status == 1
    assert ":1: not_in_register is NOT_IN_REGISTER: CodeLeWM is state of the art." in found.out


def test_audit_reads_every_markdown_file_of_a_folder_once(run: Run, tmp_path: Path) -> None:
    (tmp_path / "docs" / "deep").mkdir(parents=True)
    (tmp_path / "docs" / "a.md").write_text("Fine.\n", encoding="utf-8")
    (tmp_path / "docs" / "deep" / "b.md").write_text(OVERCLAIM, encoding="utf-8")
    (tmp_path / "docs" / "notes.txt").write_text(OVERCLAIM, encoding="utf-8")
    found = run("audit", tmp_path / "docs", tmp_path / "docs" / "a.md")
    assert found.status == 1
    assert found.out.splitlines()[-1].startswith("2 files audited, 1 sentences beyond the gates. ")


def test_audit_of_clean_text_is_status_0(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("The claim that it improves reranking is CLOSED.\n", encoding="utf-8")
    assert run("audit", tmp_path / "a.md").status == 0


def test_audit_of_what_is_not_there_names_all_of_it_in_one_line(run: Run) -> None:
    found = run("audit", "absent.md", "gone")
    found.is_one_line_error("absent.md: no such file or folder; gone: no such file or folder", status=2)
    assert found.out == ""


def test_audit_of_a_file_that_is_not_a_text_is_one_line_and_audits_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "binary.md").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "report.md").write_text(OVERCLAIM, encoding="utf-8")
    found = run("audit", tmp_path)
    found.is_one_line_error("binary.md: no UTF-8 text", status=2)
    assert found.out == ""


def test_audit_needs_no_instance_and_says_that_every_claim_is_closed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME")
    (tmp_path / "dagster.yaml").unlink()
    (tmp_path / "a.md").write_text("Fine.\n", encoding="utf-8")
    found = run("audit", "a.md")
    assert (found.status, found.err) == (0, "")
    assert "every claim counts as CLOSED (improves_reranking, " in found.out


SPOILED = {
    "empty": b"", "blank": b"\n \n", "binary": bytes(range(256)) * 8, "NUL": b"# A\x00B\n", "bad UTF-8": b"# Title \xff\n",
    "UTF-16": OVERCLAIM.encode("utf-16"), "byte order mark": b"\xef\xbb\xbf" + OVERCLAIM.encode(),
    "CRLF": OVERCLAIM.replace("\n", "\r\n").encode(), "separators": "a\u2028b\u2029c\x85d\x0ce\n".encode(),
    "open fence": b"```python\nx = 1\n", "open comment": b"<!-- open\n" + OVERCLAIM.encode(), "open link": b"[a](b [c](d\n",
    "deep quotes": b">" * 3000 + b" a\n", "deep lists": b"".join(b" " * 2 * n + b"- a\n" for n in range(300)),
    "brackets": b"[" * 5000, "stars": b"*a " * 3000, "backticks": b"`" * 3001, "table": b"|a|b|\n|-|\n|" + b"x|" * 3000 + b"\n",
    "long line": b"word " * 20000, "entities": b"&#0; &#xD800; &#99999999; &bogus;\n", "html": b"<a <b <c <" * 300,
    "front matter": b"---\na: [\n---\n" + OVERCLAIM.encode(),
}  # fmt: skip


@pytest.mark.parametrize("name", SPOILED)
def test_any_bytes_give_findings_or_one_line_and_never_a_traceback(run: Run, tmp_path: Path, name: str) -> None:
    path = tmp_path / "report.md"
    path.write_bytes(SPOILED[name])
    found = run("audit", "--json", path)
    if found.status == 2:
        found.is_one_line_error("codelewm-assets: ", "report.md", status=2)
    else:
        assert (found.status, found.err) == (1 if json.loads(found.out)["findings"] else 0, "")
