"""The review site as a whole: one folder whose links all lead to files in it, with every check, manifest and Data Docs page."""

import posixpath
import re
from dataclasses import replace

import pytest

from codelewm_assets.claims.audit import audit_text
from codelewm_assets.release.site_pages import CheckRow, DataDocs, SiteContents, site_files
from codelewm_assets_tests.claims.evidence import STAND_IN, nothing_known
from codelewm_assets_tests.release.full import full_records
from codelewm_assets_tests.release.records import manifest

PACK = manifest("execution_pack", {"pack.parquet": b"rows"})
SPLITS = manifest("problem_splits", {"splits.parquet": b"123"}, {"execution_pack": PACK.digest, "gone": "f" * 64})
SCORES = manifest("rerank_report[42]", {"rerank_report.json": b"{}"})
CHECKS = [
    CheckRow("packs", "execution_pack", "pack_keeps_its_contract", None, "Rows have their columns.", "GREEN", "unseen",
             PACK.digest, {"rows": 3, "judged": PACK.digest}),
    CheckRow("splits", "problem_splits", "no_problem_crosses_folds", None, "No problem lies in two folds.", "RED",
             "problem_crosses_folds: humaneval/1", "0" * 64),
    CheckRow("release", "hub_release", "nothing_stands_against_the_release", None, "Nothing holds a secret.",
             "JUDGED_AFTER_THIS", "", None),
]  # fmt: skip
DOCS = [
    DataDocs("execution_pack", PACK.digest, b"<html><body><h1>execution_pack</h1></body></html>"),
    DataDocs("candidate_completions", "a" * 64, None),
]


@pytest.fixture
def contents() -> SiteContents:
    return SiteContents(
        records=full_records(nothing_known(STAND_IN)),
        texts={"results_report": ("Results", "# Results\n\n![what it shows](roc.png)\n"), "model_card_42": ("Model 42", "# M\n")},
        pictures={"roc.png": b"png"},
        checks=CHECKS,
        manifests={found.digest: found for found in (PACK, SPLITS, SCORES)},
        data_docs=DOCS,
    )  # fmt: skip


def test_every_link_and_picture_leads_to_a_file_of_the_folder(contents: SiteContents) -> None:
    files = site_files(contents)
    links = [
        (path, link)
        for path, data in files.items()
        if path.endswith(".html")
        for link in re.findall(r'(?:href|src)="([^"]+)"', data.decode())
    ]
    assert len(links) > 60
    broken = [
        (path, link)
        for path, link in links
        if posixpath.normpath(posixpath.join(posixpath.dirname(path), link)) not in files
    ]
    assert broken == []


def test_every_page_can_be_reached_from_the_overview(contents: SiteContents) -> None:
    files = site_files(contents)
    seen, waiting = set[str](), ["index.html"]
    while waiting:
        path = waiting.pop()
        if path in seen or not path.endswith(".html"):
            continue
        seen.add(path)
        links = re.findall(r'href="([^"]+)"', files[path].decode())
        waiting += [posixpath.normpath(posixpath.join(posixpath.dirname(path), link)) for link in links]
    assert seen == {path for path in files if path.endswith(".html")}


def test_the_checks_page_has_each_state_what_was_judged_and_why(contents: SiteContents) -> None:
    text = site_files(contents)["checks.html"].decode()
    assert '<span class="state good">GREEN</span>' in text
    assert "No problem lies in two folds. problem_crosses_folds: humaneval/1" in text
    assert f"manifests/execution_pack-all-{PACK.digest[:12]}.html" in text
    assert f"data_docs/execution_pack-all-{PACK.digest[:12]}.html" in text
    assert '<span class="state unsure">JUDGED_AFTER_THIS</span>' in text
    assert "no_problem_crosses_folds on problem_splits" in text
    assert "unseen" not in text  # the detail of a green check is empty talk


def test_a_manifests_page_links_the_parents_that_are_there_and_names_the_others(contents: SiteContents) -> None:
    text = site_files(contents)[f"manifests/problem_splits-all-{SPLITS.digest[:12]}.html"].decode()
    assert f'<a href="execution_pack-all-{PACK.digest[:12]}.html">execution_pack</a>' in text
    assert '<td class="short">gone</td>' in text
    assert SPLITS.files[0].sha256 in text
    assert "created_at" not in text


def test_file_names_hold_no_character_that_a_disk_or_a_link_takes_otherwise(contents: SiteContents) -> None:
    assert all(re.fullmatch(r"[\w./-]+", path) for path in site_files(contents))
    assert any(path.startswith("manifests/rerank_report-42-") for path in site_files(contents))


def test_data_docs_have_a_link_back_and_a_missing_page_says_what_to_run(contents: SiteContents) -> None:
    files = site_files(contents)
    assert b'<a href="../data_docs.html">' in files[f"data_docs/execution_pack-all-{PACK.digest[:12]}.html"]
    assert "no page: run the table" in files["data_docs.html"].decode()


def test_the_same_contents_give_the_same_bytes_and_another_state_other_ones(contents: SiteContents) -> None:
    assert site_files(contents) == site_files(contents)
    changed = replace(contents, checks=[CHECKS[0], replace(CHECKS[1], state="GREEN"), CHECKS[2]])
    assert site_files(changed)["checks.html"] != site_files(contents)["checks.html"]


def test_the_overview_says_no_more_than_the_gates(contents: SiteContents) -> None:
    from codelewm_assets.release.site_pages import _overview

    status = {name: contents.records.at(f"claim.{name}.status") for name in contents.records.keys("claim")}
    assert set(status.values()) == {"CLOSED"}
    assert audit_text(_overview(contents), status) == []
