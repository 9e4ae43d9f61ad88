"""`verify`: a row per mismatch."""

import json
import shutil
from pathlib import Path

import pytest

from codelewm_assets_tests.command import Run
from codelewm_assets_tests.commands.made import stored


def test_verify_of_a_whole_store_counts_its_artifacts(run: Run, tmp_path: Path) -> None:
    pack = stored(tmp_path, "execution_pack", {"pack.parquet": b"rows"})
    stored(tmp_path, "problem_splits", {"splits.parquet": b"folds"}, {"execution_pack": pack.digest})
    found = run("verify")
    assert (found.status, found.out, found.err) == (0, "2 artifacts verified, 0 mismatches.\n", "")
    assert run("verify", "execution_pack").out == "1 artifacts verified, 0 mismatches.\n"
    assert run("verify", "problem_splits").out == "2 artifacts verified, 0 mismatches.\n"


def test_verify_of_an_empty_store_says_which_one_it_checked(run: Run, tmp_path: Path) -> None:
    (tmp_path / "artifacts").mkdir()
    found = run("verify")
    said = f"0 artifacts verified, 0 mismatches. {tmp_path / 'artifacts'} holds no artifact.\n"
    assert (found.status, found.out) == (0, said)


def test_verify_of_a_store_that_does_not_exist_is_a_row_and_status_1(run: Run, tmp_path: Path) -> None:
    found = run("verify")
    assert (found.status, found.err) == (1, "")
    assert found.out.startswith(f"store\t{tmp_path / 'artifacts'}\tfound missing\twanted an artifact store\n")


@pytest.mark.parametrize("arguments", [(), ("results_report",)])
def test_verify_names_an_artifact_that_is_gone_though_its_cache_key_note_is_there(
    arguments: tuple[str, ...], run: Run, tmp_path: Path
) -> None:
    stored(tmp_path, "execution_pack", {"pack.parquet": b"rows"})
    report = stored(tmp_path, "results_report", {"report.md": b"text"})
    shutil.rmtree(report.folder)
    found = run("verify", *arguments)
    assert (found.status, found.err) == (1, "")
    assert found.out.startswith(
        f"results_report {report.digest[:12]}\tmanifest.json\tfound missing\twanted the artifact "
    )


def test_verify_gives_a_row_per_mismatch_and_status_1(run: Run, tmp_path: Path) -> None:
    pack = stored(tmp_path, "execution_pack", {"pack.parquet": b"rows", "gone.txt": b"x"})
    (pack.folder / "pack.parquet").write_bytes(b"other")
    (pack.folder / "gone.txt").unlink()
    (pack.folder / "extra.txt").write_bytes(b"x")
    stored(tmp_path, "problem_splits", {"splits.parquet": b"folds"}, {"execution_pack": "0" * 64})
    found = run("verify")
    assert found.status == 1
    assert [line.split("\t")[1] for line in found.out.splitlines()[:-1]] == [
        "gone.txt", "pack.parquet", "extra.txt", "parent execution_pack",
    ]  # fmt: skip
    assert found.out.splitlines()[-1] == "2 artifacts verified, 4 mismatches."


@pytest.mark.parametrize("content", [b"{", b'{"files": 3}', b"\xff\xfe"], ids=["cut off", "altered", "no text"])
def test_verify_reports_a_damaged_manifest_and_continues(run: Run, tmp_path: Path, content: bytes) -> None:
    pack = stored(tmp_path, "execution_pack", {"pack.parquet": b"rows"})
    stored(tmp_path, "problem_splits", {"splits.parquet": b"folds"})
    (pack.folder / "manifest.json").write_bytes(content)
    found = run("verify")
    assert (found.status, found.err) == (1, "")
    assert found.out.splitlines()[0].split("\t")[1] == "manifest.json"
    assert found.out.splitlines()[-1] == "2 artifacts verified, 1 mismatches."


def test_verify_of_a_name_that_is_not_stored_is_one_line(run: Run) -> None:
    run("verify", "execution_pakc").is_one_line_error("No stored artifact is called execution_pakc")


def test_verify_gives_one_json_object_and_the_same_status(run: Run, tmp_path: Path) -> None:
    pack = stored(tmp_path, "execution_pack", {"pack.parquet": b"rows"})
    found = run("verify", "--json")
    assert (found.status, json.loads(found.out)) == (0, {"verified_count": 1, "mismatches": [], "leftovers": []})
    (pack.folder / "pack.parquet").unlink()
    found = run("verify", "--json")
    row = {
        "artifact": f"execution_pack {pack.digest[:12]}", "file": "pack.parquet", "found": "missing",
        "wanted": pack.manifest.files[0].sha256,
    }  # fmt: skip
    assert (found.status, json.loads(found.out)) == (1, {"verified_count": 1, "mismatches": [row], "leftovers": []})
