"""The artifact index: every artifact and file, in order of ids, with links where pages exist."""

from codelewm_assets.release.site_pages import artifact_index, index_rows
from codelewm_assets_tests.release.records import manifest

MADE = [
    manifest("problem_splits", {"splits.parquet": b"123"}, {"execution_pack": "e" * 64}),
    manifest("checkpoint[42]", {"a": b"12", "b": b"3456"}),
]
MANIFESTS = {found.digest: found for found in MADE}


def test_the_index_has_a_row_per_artifact_and_per_file_in_order_of_ids() -> None:
    artifacts, files = artifact_index(MANIFESTS).split("## Files")
    assert [line for line in artifacts.splitlines() if line.startswith("| ")][1:] == [
        f"| checkpoint[42] | {MADE[1].digest} | 2 | 6 | 0 |",
        f"| problem_splits | {MADE[0].digest} | 1 | 3 | 1 |",
    ]
    assert [line.split(" | ")[1] for line in files.splitlines()[4:]] == ["a", "b", "splits.parquet"]
    assert MADE[0].files[0].sha256 in files


def test_a_linked_index_escapes_the_brackets_of_a_partition() -> None:
    text = artifact_index(MANIFESTS, link=lambda found, digest: f"manifests/{found.artifact_kind}.html")
    assert "| [checkpoint\\[42\\]](manifests/checkpoint.html) |" in text


def test_the_rows_leave_out_when_and_where_an_artifact_was_made() -> None:
    row = index_rows(MANIFESTS)[MADE[0].digest]
    assert row["artifact_id"] == "problem_splits"
    assert row["parent_artifacts"] == {"execution_pack": "e" * 64}
    assert not {"created_at", "source_git_sha", "command"} & set(row)
