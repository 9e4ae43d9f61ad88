"""Errors of assets, checks, sensors and jobs are written down by Dagster without the secrets of the environment."""

import errno
import inspect
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from pydantic import BaseModel

from codelewm_assets.defs import resources
from codelewm_assets.defs.assemble import build_defs
from codelewm_assets.defs.resources import masks_secrets, without_secrets
from codelewm_assets_tests.cases import each_case

SECRET = "planted-7f3a9c-secret"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)


def _shown(error: BaseException) -> str:
    """As Dagster shows it: message, stack, and what led to it."""
    from dagster._utils.error import serializable_error_info_from_exc_info

    try:
        raise error
    except BaseException:
        return str(serializable_error_info_from_exc_info(sys.exc_info()))


def _raised(make: Callable[[], Exception]) -> BaseException:
    """What comes out of a function that raises it."""

    @masks_secrets
    def function() -> None:
        raise make()

    with pytest.raises(Exception) as caught:  # noqa: PT011  # whatever make() makes
        function()
    return caught.value


class _Model(BaseModel):
    number: int


def _invalid() -> Exception:
    with pytest.raises(ValueError, match="number") as caught:
        _Model.model_validate({"number": SECRET})
    return caught.value


def _noted() -> Exception:
    error = ValueError("wrong")
    error.add_note(f"while {SECRET} was sent")
    return error


MAKERS: dict[str, Callable[[], Exception]] = {
    "message": lambda: ValueError(f"the server said {SECRET}"),
    "failure": lambda: dg.Failure(f"the server said {SECRET}", allow_retries=False),
    "file": lambda: FileNotFoundError(errno.ENOENT, "No such file", f"/cache/{SECRET}/rows"),
    "note": _noted,
    "text that nobody can change": _invalid,
}


@each_case("name", MAKERS)
@each_case("place", ["itself", "cause", "context"])
def test_no_text_of_an_error_or_of_what_led_to_it_has_the_secret(name: str, place: str) -> None:
    def nested() -> Exception:
        if place == "itself":
            return MAKERS[name]()
        try:
            try:
                raise MAKERS[name]()
            except Exception as error:
                if place == "cause":
                    raise KeyError("outer") from error
                raise KeyError("outer")  # noqa: B904
        except KeyError as outer:
            return outer

    assert SECRET in _shown(nested())
    error = _raised(nested)
    assert SECRET not in _shown(error)
    assert ("outer" in _shown(error)) == (place != "itself")


def test_what_has_no_secret_stays_itself_with_its_type_and_what_led_to_it() -> None:
    error, cause = ValueError("plain"), KeyError("why")
    error.__cause__ = cause
    error.__suppress_context__ = False
    assert without_secrets(error) is error
    assert (error.__cause__, error.args, error.__suppress_context__) == (cause, ("plain",), False)


def test_errors_that_lead_to_each_other_end() -> None:
    one, other = ValueError(SECRET), KeyError(SECRET)
    one.__context__, other.__context__ = other, one
    assert SECRET not in str(without_secrets(one)) + str(one.__context__)


def test_the_event_log_of_a_failed_asset_and_a_failed_check_has_no_secret(tmp_path: Path) -> None:
    @dg.asset
    @masks_secrets
    def broken() -> None:
        raise RuntimeError(f"401 for {SECRET}") from OSError(f"https://user:{SECRET}@host/")

    @dg.asset(check_specs=[dg.AssetCheckSpec("looked_at", asset="whole")])
    def whole() -> dg.MaterializeResult:
        return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True)])

    @dg.asset_check(asset=whole)
    @masks_secrets
    def judged() -> dg.AssetCheckResult:
        raise RuntimeError(f"403 for {SECRET}")

    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        for assets in ([broken], [whole, judged]):
            result = dg.materialize(assets, instance=instance, raise_on_error=False)
            assert not result.success
    written = ""
    for path in tmp_path.rglob("*.db"):
        with sqlite3.connect(path) as database:
            written += "\n".join(database.iterdump())
    assert "401 for ***" in written and "403 for ***" in written
    assert SECRET not in written


def test_every_asset_check_sensor_and_op_of_the_product_keeps_secrets() -> None:
    defs = build_defs()
    repository = defs.get_repository_def()
    functions: dict[str, Any] = {}
    observed = set[str]()
    for asset in defs.assets or []:
        if isinstance(asset, dg.SourceAsset):
            functions[str(asset.key)] = asset.observe_fn  # a job has it within a function of Dagster's
            observed.add(asset.key.to_user_string())
            continue
        assert isinstance(asset, dg.AssetsDefinition)
        functions[str(asset.key)] = asset.op.compute_fn.decorated_fn  # type: ignore[union-attr]
    for check in defs.asset_checks or []:
        (key,) = check.check_keys
        functions[str(key)] = check.op.compute_fn.decorated_fn  # type: ignore[union-attr]
    for job in repository.get_all_jobs():
        for node in job.all_node_defs:
            if isinstance(node, dg.OpDefinition) and node.name not in observed:
                functions[f"{job.name}: {node.name}"] = node.compute_fn.decorated_fn  # type: ignore[union-attr]
    for sensor in repository.sensor_defs:
        if not isinstance(sensor, dg.AutomationConditionSensorDefinition):
            functions[sensor.name] = sensor._raw_fn
        if isinstance(sensor, dg.RunStatusSensorDefinition):  # holds its function within one of Dagster's
            (functions[sensor.name],) = inspect.getclosurevars(sensor._run_status_sensor_fn).nonlocals.values()
    assert len(functions) > 80
    assert [name for name, function in functions.items() if function.__code__.co_filename != resources.__file__] == []
