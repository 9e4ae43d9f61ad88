"""The review site as a whole: one folder whose links all lead to files in it, with every check, manifest and Data Docs page."""

import posixpath
import re
from dataclasses import replace
from typing import Any

import pytest

from codelewm_assets.claims.audit import audit_text
from codelewm_assets.dataset.shingles import shingles
from codelewm_assets.evaluation.rows import ScoreRow
from codelewm_assets.release.site_claims import claims_page
from codelewm_assets.release.site_pages import CheckRow, DataDocs, SiteContents, site_files
from codelewm_assets.release.site_pools import Program, ScoredPools, nearest_pair, programs_of
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


HOSTILE = "def f(x):\n    # </pre><script>alert(1)</script> ```\n    return x + 1\n"
PROGRAMS = {
    "HumanEval/3/c0": Program("def f(a):\n    # the same\n    return a\n", "f", {"pass": 3}),
    "HumanEval/3/c1": Program(HOSTILE, "f", {"pass": 1, "wrong_output": 2}),
    "HumanEval/3/c2": Program("while True: pass\n", "f", {"timeout": 3}),
}


def score_row(completion: str, *, passed: bool, p_pass: float, **changes: Any) -> ScoreRow:
    """A row of the pool `HumanEval/3::pool0`."""
    fields: dict[str, Any] = {
        "completion_id": completion, "problem_id": "HumanEval/3", "benchmark_id": "humaneval", "fold": 2, "passed": passed,
        "pool_id": "HumanEval/3::pool0", "completion_kind": "mutant_1", "operator_family": "<b>",
        "scores": {"p_pass": p_pass, "lexical": 0.25, "consensus": None},
    }  # fmt: skip
    return ScoreRow(**fields | changes)


def rows_of(shift: float) -> list[ScoreRow]:
    """A right program and two failing ones."""
    return [score_row(name, passed=place == 0, p_pass=0.5 + shift + place / 10) for place, name in enumerate(PROGRAMS)]


JUDGED = ScoredPools({42: rows_of(0.0), 1729: rows_of(0.1)}, {"HumanEval/3": "Say <i>x</i>."}, PROGRAMS, STAND_IN)


def site_contents() -> SiteContents:
    """A site of three artifacts and one judged pool, with no evidence."""
    return SiteContents(
        records=full_records(nothing_known(STAND_IN)),
        texts={"results_report": ("Results", "# Results\n\n![what it shows](roc.png)\n"), "model_card_42": ("Model 42", "# M\n")},
        pictures={"roc.png": b"png"},
        checks=CHECKS,
        manifests={found.digest: found for found in (PACK, SPLITS, SCORES)},
        data_docs=DOCS,
        claim_gates=b'{"claims": []}',
        pools=JUDGED,
    )  # fmt: skip


@pytest.fixture
def contents() -> SiteContents:
    return site_contents()


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
        if not link.startswith("#") and posixpath.normpath(posixpath.join(posixpath.dirname(path), link)) not in files
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


def test_a_manifests_page_links_all_its_parents(contents: SiteContents) -> None:
    text = site_files(contents)[f"manifests/problem_splits-all-{SPLITS.digest[:12]}.html"].decode()
    assert f'<a href="execution_pack-all-{PACK.digest[:12]}.html">execution_pack</a>' in text
    assert f'<a href="not-stored-{"f" * 12}.html">gone</a>' in text
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


def test_every_digest_that_is_named_has_a_page_and_is_a_link_where_it_stands(contents: SiteContents) -> None:
    files = site_files(contents)
    judged_elsewhere = files[f"manifests/not-stored-{'0' * 12}.html"].decode()
    assert "no_problem_crosses_folds on problem_splits judged it" in judged_elsewhere
    assert "problem_splits was made from it, as gone" in files[f"manifests/not-stored-{'f' * 12}.html"].decode()
    for path, data in files.items():
        if path.endswith(".html") and not path.startswith("data_docs/"):
            known = [*contents.manifests, *(file.sha256 for m in contents.manifests.values() for file in m.files)]
            text = re.sub(r"<a .*?</a>", "", data.decode())
            own = [digest for digest in known if path.endswith(f"{digest[:12]}.html")]
            own += [
                file.sha256
                for digest in own
                if digest in contents.manifests
                for file in contents.manifests[digest].files
            ]
            assert [digest for digest in known if digest in text and digest not in own] == []


def test_the_claims_page_has_every_reason_of_every_closed_claim_and_says_no_more_than_the_gates(
    contents: SiteContents,
) -> None:
    text, records = claims_page(contents.records), contents.records
    for name in records.keys("claim"):
        section = text.split(f"## {name}\n")[1].split("\n## ")[0]
        reasons = records.at(f"claim.{name}.reasons")
        assert len(reasons) > 0
        assert [r for r in reasons if f"| {r['code']} | {r['detail']} |" not in section.replace("\\|", "|")] == []
    assert audit_text(text, {name: records.at(f"claim.{name}.status") for name in records.keys("claim")}) == []
    assert site_files(contents)["claim_gates.json"] == contents.claim_gates


def test_a_problems_page_has_prompt_verdicts_scores_programs_and_the_diff_to_the_nearest_failing_program(
    contents: SiteContents,
) -> None:
    files = site_files(contents)
    assert '<a href="pools/HumanEval-3.html">HumanEval/3</a>' in files["pools.html"].decode()
    text = files["pools/HumanEval-3.html"].decode()
    assert "fold 2. Split of the scored rows: test." in text and "it was not trained on" in text
    assert "<pre>Say &lt;i&gt;x&lt;/i&gt;.</pre>" in text
    assert '<td class="num">0.600 / 0.700</td><td class="num">–</td><td class="num">0.250</td>' in text  # c1, by seed
    assert '<span class="state good">passes</span>' in text and '<span class="state bad">fails</span>' in text
    assert "From the right program HumanEval/3/c0 to its nearest failing one, HumanEval/3/c1, both" in text
    assert '<span class="removed">-    return v0</span>' in text
    assert re.findall(r'<span class="added">(.*?)</span>', text) == [
        "+    return v0 + 1"
    ]  # names and comments do not count
    assert "pass 1, wrong_output 2." in text


def test_nothing_that_a_program_holds_becomes_html(contents: SiteContents) -> None:
    text = site_files(contents)["pools/HumanEval-3.html"].decode()
    assert "<script" not in text and "&lt;/pre&gt;&lt;script&gt;" in text
    assert "<b>" not in text and "&lt;b&gt;" in text
    assert text.count("<pre") == text.count("</pre>") == 5  # prompt, diff, three programs


def test_a_problem_with_a_row_outside_of_test_is_not_said_to_be_held_out(contents: SiteContents) -> None:
    rows = [row.model_copy(update={"split": "val"}) for row in rows_of(0.0)]
    files = site_files(replace(contents, pools=replace(JUDGED, rows={42: rows})))
    assert "it was not trained on" not in files["pools/HumanEval-3.html"].decode()
    assert "Not excluded: 1 scored problems" in files["index.html"].decode()


def test_a_pool_without_a_right_or_a_failing_program_has_no_diff_and_no_pools_have_a_page(
    contents: SiteContents,
) -> None:
    right, failing, _ = ([row] for row in rows_of(0.0))
    grams = {name: shingles(program.code) for name, program in PROGRAMS.items()}
    assert nearest_pair([right], PROGRAMS, grams) is None
    assert nearest_pair([failing], PROGRAMS, grams) is None
    assert "(none)" in site_files(replace(contents, pools=ScoredPools({}, {}, {}, {})))["pools.html"].decode()


def test_programs_are_those_that_were_scored_with_outcomes_counted_by_input() -> None:
    rows = [
        {
            "source_submission_id": name,
            "code_tokens": f"code of {name}",
            "function_name": "f",
            "execution_status": outcome,
        }
        for name, outcome in (("a", "pass"), ("a", "timeout"), ("a", "pass"), ("b", "pass"))
    ]
    assert programs_of(rows, {"a", "c"}) == {"a": Program("code of a", "f", {"pass": 2, "timeout": 1})}
