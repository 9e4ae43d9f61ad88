"""In a browser, from the data to the report: a red check, a refused training, the data mended, the cycle run, the report read.

Everything is done as a person does it, in the UI that `make ui` serves, with the daemon that comes with it; the report is read
where `make review` serves it.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Response, expect

from codelewm_assets_tests.browser import CHROMIUM, open_browser
from codelewm_assets_tests.instance.web import UI, graphql, served
from codelewm_assets_tests.tiers import slow

HERE = Path(__file__).parent
PLANTED = "ghp_" + "0123456789abcdefghijABCDEFGHIJ012345"  # has the form of a token and is none
LIMIT_S = 900  # what a rebuild may take on a busy machine
RUNS = """query Runs($tags: [ExecutionTag!]) { runsOrError(filter: {tags: $tags}) {
  ... on Runs { results { id jobName status } } } }"""
RUN_STATUS = "query Run($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed here: apt-get install chromium"),
]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with a small profile that reads completions of a model from a file."""
    profile = (HERE / "upgrade" / "profile.yaml").read_text(encoding="utf-8")
    imported = f"two_bug: 1, seed: 0, imported: [{{file: {tmp_path / 'imported.jsonl'}}}]}}"
    assert "two_bug: 1, seed: 0}" in profile
    (tmp_path / "profile.yaml").write_text(profile.replace("two_bug: 1, seed: 0}", imported), encoding="utf-8")
    return tmp_path


@pytest.fixture
@slow
def page() -> Iterator[Page]:
    """A page of a browser."""
    with open_browser() as browser:
        shown = browser.new_page(viewport={"width": 1600, "height": 1000})
        shown.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        yield shown


def _write_completions(home: Path, more: str) -> None:
    row = {"problem_id": "HumanEval/0", "code": f"def has_close_elements(*args):\n    return True\n{more}"}
    (home / "imported.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")


def _launch(page: Page, address: str, job: str) -> str:
    """Press the button of a job's launchpad. Returns: the run's id."""
    page.goto(f"{address}/locations/codelewm_assets/jobs/{job}/playground")
    button = page.get_by_role("button", name="Launch Run")
    expect(button).to_be_enabled()
    with page.expect_response(_is_launch) as told:
        button.click()
    (launched,) = told.value.json()["data"].values()
    return str(launched["run"]["id"])


def _is_launch(answer: Response) -> bool:
    return "launchPipelineExecution" in (answer.request.post_data or "")


def _ended(address: str, run_id: str) -> str:
    """The status of a run, when it has ended."""
    status = ""
    for _ in range(LIMIT_S):
        status = graphql(address, RUN_STATUS, {"id": run_id})["runOrError"]["status"]
        if status in {"FAILURE", "SUCCESS"}:
            return status
        time.sleep(1)  # a daemon does the work
    pytest.fail(f"run {run_id} did not end: {status}")


def _run_of_seed(address: str, seed: str) -> dict[str, str]:
    """The run of a seed, when it has ended."""
    runs: list[dict[str, str]] = []
    for _ in range(LIMIT_S):
        runs = graphql(address, RUNS, {"tags": [{"key": "dagster/partition", "value": seed}]})["runsOrError"]["results"]
        if runs and runs[0]["status"] in {"FAILURE", "SUCCESS"}:
            return runs[0]
        time.sleep(1)
    pytest.fail(f"no run of seed {seed} has ended: {runs}")


def test_a_red_check_refuses_training_until_the_data_is_mended(home: Path, page: Page) -> None:
    with served(home, UI, CODELEWM_PROFILE=str(home / "profile.yaml"), OMP_NUM_THREADS="1") as server:
        address = server.address

        # the data is built, with what looks like a token in a completion
        _write_completions(home, f"token = '{PLANTED}'\n")
        assert _ended(address, _launch(page, address, "refresh_data")) == "FAILURE"

        # the check is red, and says where
        page.goto(f"{address}/assets/candidate_completions?view=checks&checkDetail=no_secrets")
        expect(page.get_by_text("No program holds a token, a key or a password.").first).to_be_visible()
        expect(page.get_by_text("Failed", exact=True).first).to_be_visible()
        page.get_by_text("Execution history").first.click()
        expect(page.get_by_text("secret_found: HumanEval/0/imported/m000:3 GitHub Token").first).to_be_visible()
        assert PLANTED not in page.content()

        # training is refused with its reason
        page.goto(f"{address}/assets/checkpoint")
        page.get_by_role("button", name="Materialize…").click()
        page.get_by_role("button", name="Confirm").click()  # its parents were never made
        page.get_by_role("button", name="All", exact=True).click()
        page.get_by_role("button", name="Launch backfill").click()
        refused = _run_of_seed(address, "42")
        assert refused["status"] == "FAILURE"
        page.goto(f"{address}/runs/{refused['id']}")
        expect(page.get_by_text("Training is refused").first).to_be_visible()
        expect(page.get_by_text("candidate_completions:no_secrets RED").first).to_be_visible()

        # the data is mended, and everything runs
        _write_completions(home, "")
        assert _ended(address, _launch(page, address, "refresh_data")) == "SUCCESS"
        command = [sys.executable, "-m", "codelewm_assets.cli", "build"]
        own = {"DAGSTER_HOME": str(home), "CODELEWM_PROFILE": str(home / "profile.yaml"), "OMP_NUM_THREADS": "1"}
        subprocess.run(command, cwd=home, env=os.environ | own, check=True, capture_output=True)
        page.goto(f"{address}/assets/checkpoint?partition=42")
        expect(page.get_by_text("judged", exact=True).first).to_be_visible()

    with served(home) as review:
        # a reviewer goes from the asset to the report
        page.goto(f"{review.address}/assets/results_report")
        page.get_by_role("link", name="the review site").first.click()
        page.wait_for_url("**/review_site/index.html")
        expect(page.get_by_role("heading", level=1).first).to_be_visible()
        expect(page.get_by_text("stand-in").first).to_be_visible()
