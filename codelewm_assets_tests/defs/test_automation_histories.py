"""Histories of automation, played tick by tick on a small part of the product's graph with its own conditions and jobs.

What an asset does is a stand-in's; what a tick requests is run as the daemon does, one run a partition.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from codelewm_assets.core.ids import SEEDS
from codelewm_assets.defs.automation import IMPORTED_COMPLETIONS, RELEASES
from codelewm_assets.defs.inputs import DATA_VERSION_TAG
from codelewm_assets.defs.jobs import BUILD_ORDER
from codelewm_assets_tests.defs import stub_graph
from codelewm_assets_tests.defs.deployment import deployed
from codelewm_assets_tests.defs.stored_world import QUIET, TINY
from codelewm_assets_tests.defs.stub_graph import CODE, set_contents, set_faults, stub_defs
from codelewm_assets_tests.tiers import slow

BOTH_SEEDS = sorted(str(seed) for seed in SEEDS)
OF_DATA = ["benchmark_problems", "candidate_completions", "labelled_completions", "execution_pack", "problem_splits",
           "preflight_report", "tokenized_pack"]  # fmt: skip
OF_A_SEED, OF_BOTH = ["checkpoint", "heldout_scores", "rerank_report"], ["claim_gates", "model_card"]
NAMES = [*OF_DATA, "scorer_scores", *OF_A_SEED, *OF_BOTH]
ONCE_EACH = Counter([f"{name}[{seed}]" for name in OF_A_SEED for seed in BOTH_SEEDS] + OF_BOTH)
"""What is to follow from new data: each seed once, and what is said of both seeds once after both."""
Requested = dict[str | None, list[str]]


class History:
    """An instance in memory, and the cursor of its automation."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        self.folder, self.instance = folder, instance
        self._cursor: dg.AutomationConditionCursor | None = None  # type: ignore[name-defined]
        self.load()

    def load(self) -> None:
        """Load the definitions, as the code server does when it starts."""
        self.defs = stub_defs(str(self.folder / "artifacts"), TINY, only=NAMES)
        self._assets = self.defs.resolve_implicit_global_asset_job_def()

    def build(self) -> None:
        """Observe and make everything; automation sees it once, and wants nothing of it."""
        for source in (*RELEASES.values(), IMPORTED_COMPLETIONS):
            self.observe(source, "1")
        for step in BUILD_ORDER:
            assert all(self.run(step.job, seed) for seed in step.partitions), step.job
        assert self.tick() == {}

    def tick(self) -> Requested:
        """Partition → assets that are requested now."""
        result = dg.evaluate_automation_conditions(self.defs, self.instance, cursor=self._cursor)
        self._cursor = result.cursor
        found: Requested = {}
        for own in result.results:
            for key in own.true_subset.expensively_compute_asset_partitions():
                found.setdefault(key.partition_key, []).append(own.key.to_user_string())
        return {partition: sorted(assets) for partition, assets in found.items()}

    def follow(self) -> Counter[str]:
        """Launch what is requested until nothing is any more. Returns: how often each asset was requested."""
        requested = Counter[str]()
        for _ in range(30):
            found = self.tick()
            if not found:
                return requested
            for partition, assets in found.items():
                self.make(assets, partition)
                requested.update(name if partition is None else f"{name}[{partition}]" for name in assets)
        pytest.fail(f"automation does not come to an end: {requested}")

    def make(self, assets: list[str], partition: str | None = None) -> bool:
        """Materialize assets in one run, with their checks. Returns: whether it succeeded."""
        keys = [dg.AssetKey(name) for name in assets]
        return self._run(self._assets.get_subset(asset_selection=set(keys)), partition)

    def check(self, asset: str) -> bool:
        """Run the check of an asset alone."""
        key = dg.AssetCheckKey(dg.AssetKey(asset), "is_sound")
        return self._run(self._assets.get_subset(asset_selection=set(), asset_check_selection={key}), None)

    def run(self, job: str, seed: str | None = None) -> bool:
        """Run a whole job. Returns: whether it succeeded."""
        return self._run(self.defs.resolve_job_def(job), seed)

    def _run(self, job: dg.JobDefinition, partition: str | None) -> bool:
        return job.execute_in_process(
            instance=self.instance, partition_key=partition, raise_on_error=False, run_config=QUIET
        ).success

    def observe(self, source: str, version: str) -> None:
        """An observation of a source outside the project."""
        tags = {DATA_VERSION_TAG: version}
        self.instance.report_runless_asset_event(dg.AssetObservation(source, tags=tags))


@pytest.fixture
@slow
def history(tmp_path: Path) -> Iterator[History]:
    """Everything is observed, built and green."""
    with dg.DagsterInstance.ephemeral() as instance:
        own = History(tmp_path, instance)
        own.build()
        yield own


def test_data_that_is_rebuilt_unchanged_wakes_nothing(history: History) -> None:
    assert history.run("refresh_data")
    assert history.follow() == {}


def test_data_that_changed_trains_each_seed_once_and_judges_both_once(history: History) -> None:
    set_contents(history.folder, execution_pack="new")
    assert history.run("refresh_data")
    assert history.follow() == ONCE_EACH


def test_while_one_seed_fails_nothing_is_judged_and_once_it_is_mended_claims_follow_once(history: History) -> None:
    set_contents(history.folder, execution_pack="new")
    set_faults(history.folder, **{"checkpoint[42]": "fails"})
    assert history.run("refresh_data")
    assert history.follow() == ONCE_EACH - Counter(OF_BOTH)
    set_faults(history.folder)
    assert history.run("train_and_evaluate", "42")
    assert history.follow() == Counter(OF_BOTH)


def test_half_of_the_data_rebuilt_trains_nothing_until_the_rest_is(history: History) -> None:
    """A person materializes the pack alone: the rest of the data is requested with nothing of the training, which comes after."""
    set_contents(history.folder, execution_pack="new")
    assert history.make(["execution_pack"])
    assert history.tick() == {None: ["preflight_report", "problem_splits", "scorer_scores", "tokenized_pack"]}
    for asset in ("problem_splits", "scorer_scores", "preflight_report"):
        assert history.make([asset])
        assert history.tick() == {}
    assert history.make(["tokenized_pack"])
    assert history.follow() == ONCE_EACH


def _red(history: History, asset: str) -> None:
    set_contents(history.folder, execution_pack="new")
    set_faults(history.folder, **{asset: "red"})
    assert not history.run("refresh_data")
    requested = history.follow()
    assert not [name for name in requested if name.partition("[")[0] in OF_A_SEED + OF_BOTH]


@pytest.mark.parametrize("asset", ["execution_pack", "problem_splits", "preflight_report", "tokenized_pack"])
def test_red_data_trains_nothing_and_mended_by_the_whole_job_it_does(history: History, asset: str) -> None:
    _red(history, asset)
    set_faults(history.folder)
    assert history.run("refresh_data")
    assert history.follow() == ONCE_EACH


@pytest.mark.slow
def test_red_data_that_is_mended_by_reexecution_from_failure_trains(tmp_path: Path) -> None:
    """The new run judges the red asset again, and makes what did not start. It is launched as the UI does, and queued."""
    with deployed(tmp_path, CODE.replace("profile!r})", f"profile!r}}, only={NAMES})"), TINY) as made:
        own = History(tmp_path, made.instance)
        own.build()
        set_contents(tmp_path, execution_pack="new")
        set_faults(tmp_path, problem_splits="red")
        failed = made.launch_job("refresh_data")
        made.drain()
        assert not made.succeeded(failed) and own.follow() == {}
        set_faults(tmp_path)
        assert made.succeeded(made.reexecute_from_failure(failed))
        assert own.follow() == ONCE_EACH


def test_a_check_that_is_run_alone_on_what_is_green_wakes_nothing(history: History) -> None:
    assert history.check("execution_pack")
    assert history.follow() == {}


def test_a_check_that_is_run_alone_wakes_no_request_that_a_failed_run_used_up(history: History) -> None:
    set_contents(history.folder, execution_pack="new")
    set_faults(history.folder, checkpoint="fails")
    assert history.run("refresh_data")
    history.follow()
    set_faults(history.folder)
    assert history.check("preflight_report")
    assert history.follow() == {}


def test_training_that_waited_for_a_red_check_follows_when_the_check_is_green_on_the_same_data(
    history: History,
) -> None:
    """Nothing was requested while it was red, so nothing was used up."""
    _red(history, "preflight_report")
    set_faults(history.folder)
    assert history.check("preflight_report")
    assert history.follow() == ONCE_EACH


@pytest.mark.parametrize("asset", ["problem_splits", "preflight_report", "tokenized_pack"])
def test_one_asset_of_the_data_that_a_person_changes_is_judged_once_after_both_seeds(
    history: History, asset: str
) -> None:
    """Claims read the splits themselves: they wait for the scores, which are two steps away."""
    set_contents(history.folder, **{asset: "new"})
    assert history.make([asset])
    requested = history.follow()
    assert Counter({name: count for name, count in requested.items() if name in ONCE_EACH}) == ONCE_EACH


def test_another_code_version_wakes_nothing_until_a_run_makes_other_data_by_it(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What runs is for people or the schedule to say; a change of code that gives the same data costs nothing."""

    def bumped(asset: dg.AssetsDefinition, *others: object) -> dg.AssetsDefinition:
        found = stub(asset, *others)
        if asset.key != dg.AssetKey("execution_pack"):
            return found
        return found.map_asset_specs(lambda spec: spec.replace_attributes(code_version="99"))

    stub = stub_graph._stub
    monkeypatch.setattr(stub_graph, "_stub", bumped)
    history.load()
    assert history.follow() == {}
    assert history.run("refresh_data")
    assert history.follow() == {}
    set_contents(history.folder, execution_pack="by the new code")
    assert history.run("refresh_data")
    assert history.follow() == ONCE_EACH


def test_another_pin_of_one_benchmark_is_followed_up_to_the_claims(history: History) -> None:
    history.observe(RELEASES["mbpp_plus"], "2")
    requested = history.follow()
    assert requested["benchmark_problems"] == 1 and requested["execution_pack"] == 1
    assert Counter({name: count for name, count in requested.items() if name in ONCE_EACH}) == ONCE_EACH


def test_a_source_that_is_observed_again_as_it_was_wakes_nothing(history: History) -> None:
    """As is a pinned source that moved upstream: its data version is the pin."""
    for source in (*RELEASES.values(), IMPORTED_COMPLETIONS):
        history.observe(source, "1")
    assert history.follow() == {}


def test_other_completions_of_a_model_are_followed_and_the_problems_are_not_made_again(history: History) -> None:
    history.observe(IMPORTED_COMPLETIONS, "2")
    requested = history.follow()
    assert requested["candidate_completions"] == 1 and requested["benchmark_problems"] == 0
    assert Counter({name: count for name, count in requested.items() if name in ONCE_EACH}) == ONCE_EACH


def test_other_data_of_one_benchmark_trains_once_where_the_splits_came_out_the_same(history: History) -> None:
    """What came out the same is not behind, and holds nothing up."""
    same = {"problem_splits": "same"}
    set_contents(history.folder, **same)
    assert history.run("refresh_data")
    history.follow()
    set_contents(history.folder, **same, benchmark_problems="one benchmark changed")
    assert history.run("refresh_data")
    assert history.follow() == ONCE_EACH


def test_a_night_that_fails_starts_nothing_and_the_next_that_is_green_is_followed_once(history: History) -> None:
    """The first night's failure is in the middle of the data, the second's is the same, the third is mended."""
    set_contents(history.folder, candidate_completions="new")
    set_faults(history.folder, labelled_completions="fails")
    for _ in range(2):
        assert not history.run("refresh_data")
        requested = history.follow()
        assert not [name for name in requested if name.partition("[")[0] in OF_A_SEED + OF_BOTH]
    set_faults(history.folder)
    assert history.run("refresh_data")
    assert history.follow() == ONCE_EACH


@pytest.mark.slow
def test_sources_that_are_never_observed_hold_nothing_up(tmp_path: Path) -> None:
    """As in a profile whose sources cannot change."""
    with dg.DagsterInstance.ephemeral() as instance:
        own = History(tmp_path, instance)
        assert own.run("refresh_data") and own.tick() == {}
        set_contents(tmp_path, benchmark_problems="new")
        assert own.make(["benchmark_problems"])
        assert own.tick() == {None: sorted({*OF_DATA, "scorer_scores"} - {"benchmark_problems"})}
