"""A build: the runs it plans, the events it reports, and its end by an interrupt, which leaves no run that holds a pool."""

import os
import signal
import time
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy

from codelewm_assets.core.ids import SEEDS
from codelewm_assets.defs.assemble import build_defs
from codelewm_assets.defs.jobs import Step
from codelewm_assets.instance import build as module
from codelewm_assets.instance.build import Progress, build, persistent_connections, planned_runs
from codelewm_assets.instance.launcher import TAGS
from codelewm_assets_tests.cases import each_case


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


def test_a_check_is_reported_when_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    @dg.asset
    def first() -> None: ...

    @dg.asset_check(asset=first)
    def is_there() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    step = Step("first_job", "", dg.AssetSelection.assets("first"), (None,))
    job = dg.define_asset_job(step.job, step.assets, executor_def=dg.in_process_executor)
    monkeypatch.setattr(module, "BUILD_ORDER", (step,))
    seen = list[Progress]()
    with dg.DagsterInstance.ephemeral() as instance:
        defs = dg.Definitions(assets=[first], asset_checks=[is_there], jobs=[job])
        assert build(defs, instance, on_progress=seen.append).is_success
    assert [(progress.kind, progress.name) for progress in seen] == [
        ("started", "first"), ("finished", "first"), ("check_started", "first:is_there"), ("check_passed", "first:is_there"),
    ]  # fmt: skip


DATA = {"benchmark_problems", "sampled_completions", "candidate_completions", "labelled_completions", "execution_pack"}


@each_case(
    ("select", "expected"),
    [
        ("rerank_pools", {"rerank_pools"}),
        ("+rerank_pools", DATA | {"rerank_pools"}),
        ('+key:"rerank_pools"', DATA | {"rerank_pools"}),
        ("1+rerank_pools", {"labelled_completions", "execution_pack", "rerank_pools"}),
        ("rerank_pools or execution_pack", {"rerank_pools", "execution_pack"}),
        ("+execution_pack and not benchmark_problems", DATA - {"benchmark_problems"}),
        ("roots(+rerank_pools)", {"benchmark_problems"}),
        ("key:execution_*", {"execution_pack"}),
        ("group:packs", {"execution_pack"}),
    ],
)
def test_a_selection_is_in_dagsters_syntax_with_bare_names(select: str, expected: set[str]) -> None:
    (run,) = planned_runs(build_defs(), select)
    assert {key.to_user_string() for key in run.assets} == expected


def test_what_follows_an_asset_is_run_for_each_seed() -> None:
    runs = planned_runs(build_defs(), "checkpoint+")
    assert [(run.job, run.partition) for run in runs] == [
        *(("train_and_evaluate", str(seed)) for seed in SEEDS), ("judge_and_publish", None),
    ]  # fmt: skip


def test_a_build_syncs_each_sqlite_database_at_checkpoints_and_keeps_it_open(tmp_path: Path) -> None:
    """Otherwise each of Dagster's queries, which has a connection of its own, writes the whole log back as it closes."""
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/one.db", poolclass=sqlalchemy.pool.NullPool)

    def synchronous() -> int:
        with engine.connect() as connection:
            return int(connection.exec_driver_sql("PRAGMA synchronous").scalar_one())

    with engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        connection.exec_driver_sql("CREATE TABLE events (id INTEGER)")
    with persistent_connections():
        assert synchronous() == 1  # NORMAL
        with engine.begin() as connection:
            connection.exec_driver_sql("INSERT INTO events VALUES (1)")
        assert (tmp_path / "one.db-wal").stat().st_size > 0  # the log is kept: a connection is open
    assert synchronous() == 2  # FULL
    assert not (tmp_path / "one.db-wal").exists()
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM events").scalar_one() == 1
