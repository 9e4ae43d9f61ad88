"""The profile's `operations` section: off by default, faults named, no room for a secret."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from codelewm_assets.core.errors import ProfileError
from codelewm_assets.profiles.profile import load_profile, profile_names

TINY = Path(__file__).parents[1] / "tiny.yaml"
HOOK = "jsons://hooks.test/in"


def with_operations(folder: Path, **operations: Any) -> str:
    """Path of a profile like the tiny one with an `operations` section."""
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(TINY.read_text()) | {"operations": operations}))
    return str(path)


@pytest.mark.parametrize("name", profile_names())
def test_a_shipped_profile_has_schedules_and_automation_off_and_notifies_the_log(name: str) -> None:
    operations = load_profile(name).operations
    assert not operations.schedules_on and not operations.automation_on
    assert operations.notify == ("log",)


def test_a_profile_can_have_several_receivers(tmp_path: Path) -> None:
    receivers = ["log", HOOK, "${CHAT_HOOK}", "mailtos://graph:${MAIL_PASSWORD}@mail.test?to=team@lab.test"]
    assert list(load_profile(with_operations(tmp_path, notify=receivers)).operations.notify) == receivers


@pytest.mark.parametrize(
    ("operations", "fault"),
    [
        ({"crons": 1}, r"operations\.crons: Extra inputs"),
        ({"time_zone": "Mars/Olympus"}, r"operations\.time_zone: .*'Mars/Olympus' is no time zone"),
        ({"time_zone": ""}, r"operations\.time_zone: .*'' is no time zone"),
        ({"nightly_cron": "at night"}, r"operations\.nightly_cron: .*'at night' is no cron line; expected five fields"),
        ({"weekly_cron": "0 0 * *"}, r"operations\.weekly_cron: .*is no cron line"),
        (
            {"notify": [HOOK, HOOK]},
            r"operations\.notify: .*notify has jsons://hooks.test/in twice; expected each receiver once",
        ),
        ({"notify": ["mailtos://a:s3cret@b.test"]}, r"operations\.notify\.0: .*a secret stands in"),
        ({"notify": [{"kind": "webhook"}]}, r"operations\.notify\.0: "),
        ({"infrastructure_retries": 9}, r"operations\.infrastructure_retries: .*less than or equal to 5"),
        ({"run_limits_s": {"training": 60}}, r"operations\.run_limits_s\.training: Extra inputs"),
        (
            {"run_limits_s": {"refresh_data": 1}},
            r"operations\.run_limits_s\.refresh_data: .*greater than or equal to 60",
        ),
        (
            {"run_limits_s": {"train_and_evaluate": 1800}},
            "train_and_evaluate is 1800, training alone may take 1800; expected more",
        ),
    ],
)
def test_a_fault_is_named(operations: dict[str, Any], fault: str, tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=rf"mine\.yaml: .*{fault}.*Correct the profile") as caught:
        load_profile(with_operations(tmp_path, **operations))
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("name", profile_names())
def test_a_run_of_training_may_take_longer_than_training_itself(name: str) -> None:
    """Else monitoring would end it before its own limit does, which keeps states and is no fault of the infrastructure."""
    profile = load_profile(name)
    assert profile.operations.run_limits_s.train_and_evaluate > profile.training_config().wall_limit_s
