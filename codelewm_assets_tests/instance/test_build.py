"""A build that is interrupted ends at once, and leaves no run behind that holds a pool."""

import os
import signal
import time

import dagster as dg
import pytest

from codelewm_assets.defs.jobs import Step
from codelewm_assets.instance import build as module
from codelewm_assets.instance.build import build
from codelewm_assets.instance.launcher import TAGS


def test_an_interrupt_ends_the_build_and_its_run(monkeypatch: pytest.MonkeyPatch) -> None:
    made = list[str]()

    @dg.asset
    def first() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(30)
        made.append("first")

    @dg.asset
    def second() -> None:
        made.append("second")

    steps = [Step(name, "", dg.AssetSelection.assets(name), (None,)) for name in ("first", "second")]
    jobs = [dg.define_asset_job(step.job, step.assets, executor_def=dg.in_process_executor) for step in steps]
    monkeypatch.setattr(module, "BUILD_ORDER", tuple(steps))
    with dg.DagsterInstance.ephemeral() as instance:
        with pytest.raises(KeyboardInterrupt):
            build(dg.Definitions(assets=[first, second], jobs=jobs), instance)
        (record,) = instance.get_run_records()
        assert record.dagster_run.status == dg.DagsterRunStatus.FAILURE
        assert set(TAGS.values()) <= record.dagster_run.tags.keys()
    assert made == []
