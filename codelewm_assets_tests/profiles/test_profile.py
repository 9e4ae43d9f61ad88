"""Profiles: those that ship are sound, and a faulty one is refused with every fault named."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from codelewm_assets.core.errors import ProfileError
from codelewm_assets.core.ids import BENCHMARKS
from codelewm_assets.dataset.coverage import VALUES
from codelewm_assets.dataset.near_duplicates import Thresholds
from codelewm_assets.profiles.profile import Profile, load_profile, profile_names
from codelewm_assets_tests.cases import each_case

TINY = Path(__file__).parents[1] / "tiny.yaml"


def changed(folder: Path, **changes: Any) -> str:
    """Path of a profile like the tiny one with some top-level keys changed."""
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(TINY.read_text()) | changes))
    return str(path)


def section(name: str, **changes: Any) -> dict[str, Any]:
    """A section of the tiny profile with some keys changed."""
    return {name: yaml.safe_load(TINY.read_text())[name] | changes}


def test_the_shipped_profiles() -> None:
    assert profile_names() == ["full", "full_capped", "models", "overnight", "pretrained", "sample"]


@pytest.mark.parametrize("name", profile_names())
def test_a_shipped_profile_loads_under_its_own_name(name: str) -> None:
    profile = load_profile(name)
    assert profile.name == name
    assert len(profile.description) > 20
    assert profile.folds == profile.training_config().folds != ()


@pytest.mark.parametrize("name", profile_names())
def test_a_shipped_profile_has_a_floor_for_every_cell_and_searches_seeds(name: str) -> None:
    profile = load_profile(name)
    floors = profile.preflight.floors.of_cells
    assert set(floors) == set(BENCHMARKS)
    for own in floors.values():
        assert tuple(own) == VALUES and min(own.values()) > 1
    assert profile.splits.seed_search == 32
    assert profile.splits.thresholds == Thresholds()


def test_the_sample_profile_reads_nothing_from_outside() -> None:
    sources = load_profile("sample").sources
    assert sources.by_benchmark == {"humaneval": "wheel", "mbpp_plus": "stand_in"}


@pytest.mark.parametrize("name", ["full", "full_capped"])
def test_a_full_profile_reads_the_published_sources(name: str) -> None:
    sources = load_profile(name).sources
    assert sources.by_benchmark == {"humaneval": "evalplus", "mbpp_plus": "evalplus"}


def test_the_full_profile_scores_every_fold_and_the_smaller_ones_the_first() -> None:
    assert load_profile("full").folds == (0, 1, 2, 3, 4)
    assert load_profile("full_capped").folds == load_profile("sample").folds == (0,)


@pytest.mark.parametrize("name", profile_names())
def test_no_shipped_profile_lets_a_control_come_near_the_top_or_a_fold_go_without_decoys(name: str) -> None:
    rules = load_profile(name).preflight
    assert rules.control_ceiling <= 0.85
    assert rules.chance_margin <= 0.10
    assert rules.floors.decoy_category.problems >= 15


def test_the_full_profile_asks_for_a_hundred_pairs_a_cell() -> None:
    assert load_profile("full").preflight.floors.decoy_category.pairs >= 100


def test_a_profile_of_ones_own_is_read_from_its_path(tmp_path: Path) -> None:
    assert load_profile(str(TINY)).name == "tiny"
    assert load_profile(changed(tmp_path, name="mine")).name == "mine"


def test_what_a_profile_does_not_say_has_a_default(tmp_path: Path) -> None:
    profile = load_profile(changed(tmp_path, sandbox={}, splits={}, training={}))
    assert (profile.sandbox.workers, profile.sandbox.cpu_floor_s) == (2, 0.1)
    assert (profile.sandbox.spread, profile.sandbox.ray_address) == ("in_process", None)
    assert profile.splits.near_duplicate_threshold == 0.7
    assert profile.training_config().steps == 200


def test_training_runs_on_this_machine_unless_a_profile_says_otherwise(tmp_path: Path) -> None:
    assert {load_profile(name).compute.backend for name in profile_names()} == {"local"}
    job = {"repository": "lab/runs", "flavor": "a10g-small", "image": "train@sha256:" + "a" * 64, "timeout_s": 3600,
           "price_per_hour_usd": 1.0, "spend_cap_usd": 1.0}  # fmt: skip
    compute = load_profile(changed(tmp_path, compute={"backend": "hf_jobs", "hf_jobs": job})).compute
    assert compute.hf_jobs is not None and compute.hf_jobs.max_usd == 1.0


def test_settings_of_a_job_are_judged_when_the_profile_is_read(tmp_path: Path) -> None:
    job = {"repository": "lab/runs", "flavor": "a10g-small", "image": "train:latest", "timeout_s": 3600,
           "price_per_hour_usd": 1.0, "spend_cap_usd": 0.5}  # fmt: skip
    with pytest.raises(ProfileError, match=r"compute\.hf_jobs\.image: .*'train:latest' can change under its name"):
        load_profile(changed(tmp_path, compute={"hf_jobs": job}))
    job["image"] = "train@sha256:" + "a" * 64
    with pytest.raises(ProfileError, match=r"compute\.hf_jobs: .*could cost 1\.00 USD .* spend_cap_usd is 0\.50"):
        load_profile(changed(tmp_path, compute={"hf_jobs": job}))


def test_a_run_must_be_allowed_longer_than_its_job(tmp_path: Path) -> None:
    """Training on this machine may take 1800 s (the default), the job 7200 s: a run limit of 7201 s is the first that will do."""
    job = {"repository": "lab/runs", "flavor": "a10g-small", "image": "train@sha256:" + "a" * 64, "timeout_s": 7200,
           "price_per_hour_usd": 1.0, "spend_cap_usd": 9.0}  # fmt: skip

    def limited_to(limit_s: int, backend: str) -> Profile:
        operations = {"run_limits_s": {"train_and_evaluate": limit_s}}
        compute = {"backend": backend, "hf_jobs": job}
        return load_profile(changed(tmp_path, compute=compute, operations=operations))

    with pytest.raises(ProfileError, match="train_and_evaluate is 7200, training alone may take 7200; expected more"):
        limited_to(7200, "hf_jobs")
    assert limited_to(7201, "hf_jobs").operations.run_limits_s.train_and_evaluate == 7201
    assert limited_to(7200, "local").compute.backend == "local"  # the job's limit is of no run


def test_a_profile_cannot_be_changed() -> None:
    profile: Profile = load_profile("sample")
    with pytest.raises(ValidationError, match="frozen"):
        profile.name = "other"


@each_case("name", ["nothing", "nothing.yaml", "full.json", ""])
def test_a_missing_profile_is_refused_and_the_shipped_ones_are_named(name: str) -> None:
    with pytest.raises(
        ProfileError,
        match=rf"No profile {name!r}; expected one of \['full', 'full_capped', 'models', 'overnight', 'pretrained', 'sample'\]",
    ):
        load_profile(name)


@pytest.mark.parametrize("text", ["a: [1", "a: b: c", "\t- x", "'open", "a: \x07"])
def test_a_file_that_is_not_yaml_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ProfileError, match=r"mine\.yaml is not YAML: "):
        load_profile(str(path))


def test_a_profile_of_0_1_is_read_with_about_as_many_programs_and_members(tmp_path: Path) -> None:
    """Six mutants of five rewrites are two bugs under five rewrites each; pools of three and four members have three pairs."""
    old = {"completions": {"rewrites": 5, "one_bug": 6, "two_bug": 3, "seed": 7},
           "decoys": {"pairs_per_problem": 6, "pool_passing": 3, "pool_failing": 4}}  # fmt: skip
    profile = load_profile(changed(tmp_path, **old))
    assert profile.completions.model_dump(include={"bugs", "pairs_per_bug", "seed"}) == {
        "bugs": 2, "pairs_per_bug": 5, "seed": 7,
    }  # fmt: skip
    assert (profile.decoys.pool_pairs, profile.decoys.pairs_per_problem) == (3, 6)
    with pytest.raises(ProfileError, match="completions"):
        load_profile(changed(tmp_path, completions={"rewrites": "many", "one_bug": 6}))


def test_the_line_of_what_is_not_yaml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nsources: [\ndescription: one\n")
    with pytest.raises(ProfileError, match=r"^mine\.yaml is not YAML: line \d: .*expected ',' or '\]'"):
        load_profile(str(path))


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"name: \xff\xfe")
    with pytest.raises(ProfileError, match=r"mine\.yaml is not YAML"):
        load_profile(str(path))


@pytest.mark.parametrize("text", ["", "- a\n- b", "just a text", "5"])
def test_yaml_that_is_not_a_map_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ProfileError, match=r"mine\.yaml: mine\.yaml: Input should be a valid dictionary"):
        load_profile(str(path))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
        (section("sources", humaneval="hub"), r"sources\.humaneval: Input should be 'wheel' or 'evalplus'"),
        (
            section("sources", max_inputs_per_problem=2),
            r"sources\.max_inputs_per_problem: .*greater than or equal to 3",
        ),
        (section("completions", three_bug=1), r"completions\.three_bug: Extra inputs"),
        (section("sandbox", workers=0), r"sandbox\.workers: .*greater than or equal to 1"),
        (section("sandbox", spread="spark"), r"sandbox\.spread: Input should be 'in_process' or 'ray'"),
        (section("sandbox", spread="ray", ray_address="ray://a:1"), r"sandbox\.ray_address: String should match"),
        (section("sandbox", ray_address="127.0.0.1:6379"), r"sandbox: .*ray_address is set and spread is in_process"),
        (section("sandbox", cpu_floor_s=0), r"sandbox\.cpu_floor_s: .*greater than 0"),
        (
            section("splits", near_duplicate_threshold=1.5),
            r"splits\.near_duplicate_threshold: .*less than or equal to 1",
        ),
        (section("splits", prompt_threshold=0.1), r"splits\.prompt_threshold: .*greater than or equal to 0\.11"),
        (section("splits", seed_search=0), r"splits\.seed_search: .*greater than or equal to 1"),
        ({"compute": {"backend": "slurm"}}, r"compute\.backend: Input should be 'local', 'hf_jobs' or 'command'"),
        ({"compute": {"backend": "hf_jobs"}}, "compute: .*backend is hf_jobs and hf_jobs has no settings"),
        (section("preflight", floors={}), r"preflight\.floors\.humaneval: Field required"),
        (section("decoys", pool_pairs=1), r"decoys\.pool_pairs: .*greater than or equal to 2"),
        (section("completions", pairs_per_bug=1), r"completions\.pairs_per_bug: .*greater than or equal to 2"),
        (
            section("completions", sampled=[{"source": ".", "model": "a"}] * 2),
            "completions: .*sources of samples share the name sampled-a",
        ),
        (
            section("completions", sampled=[{"source": ".", "model": "a", "samples": 2}]),
            r"completions\.sampled\.0: .*2 samples at temperature 0 are the same",
        ),
        (section("preflight", control_ceiling=1.0), r"preflight\.control_ceiling: .*less than 1"),
        ({"bootstrap_resamples": 99}, "bootstrap_resamples: .*greater than or equal to 100"),
        ({"training": None}, "training: Input should be a valid dictionary"),
    ],
)
def test_an_unknown_key_or_a_value_out_of_range_is_named(changes: dict[str, Any], fault: str, tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=rf"mine\.yaml: {fault}.*Correct the profile"):
        load_profile(changed(tmp_path, **changes))


@pytest.mark.parametrize(
    ("training", "fault"),
    [
        ({"momentum": 0.9}, r"training\.momentum: Extra inputs are not permitted"),
        ({"steps": 0}, r"training\.steps: Input should be greater than or equal to 1"),
        ({"device": "tpu"}, r"training\.device: Input should be 'cpu' or 'cuda'"),
        ({"hidden": 10, "heads": 4}, "hidden 10 is no multiple of heads 4"),
        ({"folds": [0, 0]}, r"folds \(0, 0\): expected some of \(0, 1, 2, 3, 4\), each once"),
        ({"folds": [5]}, r"folds \(5,\): expected some of"),
        ({"folds": []}, r"folds \(\): expected some of"),
    ],
)
def test_an_unknown_or_wrong_training_key_is_named(training: dict[str, Any], fault: str, tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=rf"mine\.yaml: .*{fault}.*Correct the profile"):
        load_profile(changed(tmp_path, training=training))


def test_all_faults_of_the_sections_are_named_at_once(tmp_path: Path) -> None:
    path = changed(tmp_path, colour="red", **section("sandbox", workers=0), **section("splits", rule="x"))
    with pytest.raises(ProfileError) as caught:
        load_profile(path)
    for fault in ("colour: ", "sandbox.workers: ", "splits.rule: "):
        assert fault in str(caught.value)


def test_all_faults_of_the_training_section_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ProfileError) as caught:
        load_profile(changed(tmp_path, training={"steps": 0, "momentum": 1, "device": "tpu"}))
    for fault in ("training.steps: ", "training.momentum: ", "training.device: "):
        assert fault in str(caught.value)


def test_faults_of_the_training_section_are_named_together_with_the_others(tmp_path: Path) -> None:
    with pytest.raises(ProfileError) as caught:
        load_profile(changed(tmp_path, colour="red", training={"momentum": 1}))
    assert "colour: " in str(caught.value)
    assert "training.momentum: " in str(caught.value)
