"""Interpreter and packages: what does not fit is named with what was wanted."""

import sys
from pathlib import Path

import pytest

from codelewm_assets.doctor.finding import HealthFinding
from codelewm_assets.doctor.installed import (
    CONSTRAINTS,
    installed_version,
    pins_finding,
    pip_check_finding,
    python_finding,
    requirements_finding,
)


def test_a_finding_has_a_remedy_exactly_when_it_is_not_ok() -> None:
    with pytest.raises(ValueError, match="disk is warn with remedy ''"):
        HealthFinding("disk", "warn", "little", "much")
    with pytest.raises(ValueError, match="disk is ok with remedy 'buy'"):
        HealthFinding("disk", "ok", "much", "much", "buy")


@pytest.mark.parametrize(("version", "state"), [("3.11.9", "ok"), ("3.10.14", "fail"), ("3.12.0", "fail")])
def test_an_interpreter_outside_of_the_projects_range_fails(version: str, state: str) -> None:
    found = python_finding(version)
    assert (found.state, found.found) == (state, version)
    assert "3.11" in found.wanted


def test_a_requirement_that_is_not_installed_or_does_not_fit_is_named() -> None:
    def version_of(name: str) -> str | None:
        return {"pyarrow": None, "dagster": "1.12.0", "ruff": None}.get(name, installed_version(name))

    found = requirements_finding(version_of)
    assert found.state == "fail"
    assert (
        found.found == "dagster 1.12.0, wanted ==1.13.27; pyarrow is not installed, wanted >=26"
    )  # ruff is an extra's


def test_an_extras_package_that_is_installed_must_fit() -> None:
    found = requirements_finding(lambda name: "0.1" if name == "ruff" else installed_version(name))
    assert (found.state, found.found) == ("fail", "ruff 0.1, wanted >=0.17")


def test_this_environment_fits_the_projects_requirements() -> None:
    assert requirements_finding().state == "ok"


def test_a_package_that_is_not_at_its_pin_is_named_and_one_that_is_not_installed_is_not(tmp_path: Path) -> None:
    path = tmp_path / "constraints.txt"
    path.write_text("# pins\nnumpy==2.4.6\ntorch==2.13.0\nabsent==1.0  # of another machine\n", encoding="utf-8")
    versions = {"numpy": "2.4.6", "torch": "2.13.0+cpu"}
    assert pins_finding(path, versions.get).state == "ok"
    found = pins_finding(path, (versions | {"numpy": "2.4.5"}).get)
    assert (found.state, found.found) == ("fail", "numpy 2.4.5, wanted ==2.4.6")


def test_pins_of_which_nothing_is_installed_and_a_package_without_pins_are_not_ok(tmp_path: Path) -> None:
    (tmp_path / "constraints.txt").write_text("numpy==2.4.6\n", encoding="utf-8")
    assert pins_finding(tmp_path / "constraints.txt", lambda name: None).state == "fail"
    absent = pins_finding(tmp_path / "absent.txt")
    assert (absent.state, absent.remedy) == ("warn", "run from a checkout")


def test_the_projects_own_pins_can_be_read() -> None:
    assert " pinned packages are installed" in pins_finding(CONSTRAINTS, lambda name: _pinned(name)).found


def _pinned(name: str) -> str:
    rows = dict(line.split("==") for line in CONSTRAINTS.read_text(encoding="utf-8").split())
    return rows[name]


@pytest.mark.parametrize(
    ("line", "state", "remedy"),
    [
        (
            "Great_Expectations 1.24 has requirement pandas<3, but you have pandas 3.1.",
            "fail",
            "install again with the pins",
        ),
        ("stranger 0.3.1 requires openai, which is not installed.", "warn", "uninstall the package that wants it"),
    ],
)
def test_a_broken_requirement_fails_where_the_package_is_pinned_and_warns_elsewhere(
    line: str, state: str, remedy: str, tmp_path: Path
) -> None:
    path = tmp_path / "constraints.txt"
    path.write_text("great-expectations==1.24.1\n", encoding="utf-8")
    found = pip_check_finding(path, [sys.executable, "-c", f"print({line!r}); raise SystemExit(1)"])
    assert (found.name, found.state, found.found) == ("pip_check", state, line)
    assert remedy in found.remedy


def test_without_a_broken_requirement_the_finding_is_ok_and_without_pip_it_warns() -> None:
    assert pip_check_finding(command=[sys.executable, "-c", ""]).state == "ok"
    found = pip_check_finding(command=[sys.executable, "-m", "there_is_no_pip"])
    assert found.state == "warn" and "there_is_no_pip" in found.found
    assert pip_check_finding(command=["/nonexistent/python"]).state == "warn"


@pytest.mark.slow
def test_the_pip_of_this_environment_is_asked() -> None:
    assert "No module" not in pip_check_finding().found
