"""In a browser: a nightly run that failed is red in Runs, in the job and in the schedule's history, and told once by job and check.

The daemon, the web server and the schedule are the product's, what assets do is a stand-in's, so that a night takes seconds. How
automation carries on when the fault is mended is played in `defs/test_automation_histories.py`.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Page, expect

from codelewm_assets_tests.browser import CHROMIUM, open_browser
from codelewm_assets_tests.defs.operating_profile import profile_with
from codelewm_assets_tests.defs.stub_graph import CODE, set_faults
from codelewm_assets_tests.instance.web import ROOT, graphql, served
from codelewm_assets_tests.notify.loopback import Hook, hook
from codelewm_assets_tests.tiers import slow

LIMIT_S = 240
RUNS = "{ runsOrError { ... on Runs { results { id jobName status tags { key value } } } } }"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed here: apt-get install chromium"),
]


@pytest.fixture
@slow
def receiver() -> Iterator[Hook]:
    with hook() as found:
        yield found


@pytest.fixture
@slow
def page() -> Iterator[Page]:
    with open_browser() as browser:
        shown = browser.new_page(viewport={"width": 1600, "height": 1000})
        shown.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        yield shown


def _write_location(home: Path, receiver: Hook) -> None:
    """A code location with the stand-ins, whose night comes in a minute or two, and whose pack is red."""
    night = datetime.now(UTC) + timedelta(minutes=1, seconds=30)
    profile = profile_with(
        home, schedules_on=True, nightly_cron=f"{night.minute} {night.hour} * * *", weekly_cron="0 0 29 2 *",
        notify=[receiver.apprise_url],
    )  # fmt: skip
    code = CODE.format(root=str(home / "artifacts"), profile=profile)
    (home / "location.py").write_text(code, encoding="utf-8")
    target = {"relative_path": "location.py", "attribute": "defs", "location_name": "codelewm_assets"}
    (home / "workspace.yaml").write_text(yaml.safe_dump({"load_from": [{"python_file": target}]}), encoding="utf-8")
    set_faults(home, execution_pack="red")


def _ended(address: str) -> dict[str, str]:
    """The run of the nightly schedule, when it has ended."""
    for _ in range(LIMIT_S):
        runs = graphql(address, RUNS)["runsOrError"]["results"]
        nightly = [
            run for run in runs if {"key": "dagster/schedule_name", "value": "nightly_refresh_data"} in run["tags"]
        ]
        if nightly and nightly[0]["status"] in {"FAILURE", "SUCCESS"}:
            assert len(nightly) == 1
            return nightly[0]
        time.sleep(1)  # the daemon does the work
    pytest.fail("the night did not come")


def test_a_nightly_run_that_failed_is_red_wherever_an_operator_looks_and_reported_once(
    tmp_path: Path, page: Page, receiver: Hook
) -> None:
    _write_location(tmp_path, receiver)
    server = (
        "-m",
        "codelewm_assets.instance.web_server",
        "--workspace",
        str(tmp_path / "workspace.yaml"),
        "--with-daemon",
        "--port",
    )
    with served(tmp_path, server, PYTHONPATH=str(ROOT)) as ui:
        run = _ended(ui.address)
        assert (run["jobName"], run["status"]) == ("refresh_data", "FAILURE")

        location = f"{ui.address}/locations/codelewm_assets"
        pages = (
            f"{ui.address}/runs",
            f"{location}/jobs/refresh_data/runs",
            f"{location}/schedules/nightly_refresh_data",
        )
        for where in pages:  # it is the only run
            page.goto(where)
            expect(page.get_by_text(run["id"][:8]).first).to_be_visible()
            expect(page.get_by_role("img", name="run_failed").first).to_be_visible()

        for _ in range(LIMIT_S):
            if receiver.got:
                break
            time.sleep(1)
        time.sleep(31)  # another tick of the sender, which has nothing more to send
    (notice,) = receiver.got
    assert notice["title"] == "refresh_data failed: execution_pack:is_sound is red: 3 rows are of no problem."
    assert "Of schedule nightly_refresh_data." in notice["message"] and run["id"] in notice["message"]
