"""In a browser: a reviewer's five questions, answered from the site alone as a folder on the disk, each by at most two clicks."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from codelewm_assets.release.site_pages import CheckRow, site_files
from codelewm_assets_tests.browser import CHROMIUM, open_browser
from codelewm_assets_tests.release.test_site_pages import CHECKS, site_contents
from codelewm_assets_tests.tiers import slow

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed here: apt-get install chromium"),
]
TRAINED_ON = CheckRow(
    "decoys", "rerank_pools", "no_scored_problem_was_trained_on", None, "No scored problem was trained on.", "GREEN", "", None
)  # fmt: skip
ISOLATED = CheckRow(
    "completions", "labelled_completions", "labels_were_isolated", None, "Labels were isolated.", "RED", "no landlock", None
)  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> str:
    """Address of the overview of a written site."""
    for name, data in site_files(replace(site_contents(), checks=[*CHECKS, TRAINED_ON, ISOLATED])).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return (tmp_path / "index.html").as_uri()


@pytest.fixture
@slow
def page() -> Iterator[Page]:
    """A page of a browser that reaches no network."""
    with open_browser() as browser:
        context = browser.new_context(offline=True)
        shown = context.new_page()
        shown.set_default_timeout(10_000)
        expect.set_options(timeout=10_000)
        yield shown


def test_five_questions_of_a_reviewer_are_answered_from_the_site(site: str, page: Page) -> None:
    records, main = site_contents().records, page.locator("main")
    claims = records.keys("claim")

    page.goto(site)
    expect(main.get_by_text(f"Which claims are open? 0 of {len(claims)}.")).to_be_visible()

    main.get_by_role("link", name="Claims", exact=True).first.click()
    for name in claims:
        expect(main.get_by_role("heading", name=name, exact=True)).to_be_visible()
    rows = {tuple(row.split("\t")[:2]) for row in main.get_by_role("row").all_inner_texts()}
    reasons = {(row["code"], row["detail"]) for name in claims for row in records.at(f"claim.{name}.reasons")}
    assert reasons <= rows
    assert main.locator("li .state.bad").all_inner_texts() == ["CLOSED"] * len(claims)

    page.goto(site)
    expect(main.get_by_text("1 problem of fold 2 with 1 pool of 3 programs.")).to_be_visible()
    main.get_by_role("link", name="Pools", exact=True).first.click()
    main.get_by_role("link", name="HumanEval/3").click()
    expect(main.get_by_role("row").filter(has_text="HumanEval/3/c1")).to_contain_text("fails")
    assert main.locator(".diff .added").all_text_contents()[-1] == "+    return v0 + 1"
    assert page.locator("script").count() == 0  # a program holds one as text

    page.goto(site)
    answer = main.get_by_text("Was a scored problem trained on?")
    expect(answer.locator("..")).to_contain_text(
        "No. Every scored row is of the test split of the model that scored it"
    )
    expect(answer.locator("..")).to_contain_text("no_scored_problem_was_trained_on on rerank_pools GREEN")

    trust = main.get_by_text("Who may trust it?").locator("..")
    expect(trust).to_contain_text("mbpp_plus (stand-in) is no published benchmark")
    expect(trust).to_contain_text("labels_were_isolated on labelled_completions RED")
    trust.get_by_role("link", name="Artifacts").click()
    main.get_by_role("link", name="execution_pack", exact=True).first.click()
    expect(main.get_by_text("codelewm-assets verify")).to_be_visible()
