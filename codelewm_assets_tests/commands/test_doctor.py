"""`doctor`: a row per finding."""

import json
from collections import Counter

import pytest

from codelewm_assets_tests.command import Run


@pytest.mark.slow
def test_doctor_gives_a_row_per_finding_and_status_1_on_a_failure(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    found = run("doctor", "--json")
    said = json.loads(found.out)
    assert set(said["findings"][0]) == {"name", "state", "found", "wanted", "remedy"}
    states = {row["name"]: row["state"] for row in said["findings"]}
    assert said["counts"] == dict(Counter(states.values()))
    assert (states["hub"], states["instance_storage"], found.status) == ("warn", "ok", int("fail" in said["counts"]))
    monkeypatch.setenv("CODELEWM_PROFILE", "huge")
    found = run("doctor")
    assert (found.status, found.err) == (1, "")
    assert "\nprofile\tfail\tNo profile 'huge'" in found.out
    assert " 1 fail." in found.out.splitlines()[-1]
