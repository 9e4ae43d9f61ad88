"""A profile that this machine cannot run is refused, as far as the assets that are asked for need it."""

import sys
from collections.abc import Collection
from pathlib import Path

import pytest

from codelewm_assets.commands.runnable import require_runnable
from codelewm_assets.core.errors import ProfileError
from codelewm_assets.profiles.profile import Profile, load_profile


@pytest.fixture(autouse=True)
def no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No nvidia-smi is found."""
    monkeypatch.setenv("PATH", str(tmp_path))


def refusal(profile: Profile, assets: Collection[str], environment: dict[str, str], cache: Path) -> str:
    try:
        require_runnable(profile, assets, environment, cache)
    except ProfileError as error:
        return str(error)
    return ""


def with_imported(name: str) -> Profile:
    raw = load_profile("sample").model_dump()
    raw["completions"]["imported"] = [{"file": name}]
    return Profile.model_validate(raw)


def on_hf_jobs() -> Profile:
    settings = {"backend": "hf_jobs"}
    profile = load_profile("sample")
    return profile.model_copy(update={"compute": profile.compute.model_copy(update=settings)})


def test_a_gpu_that_is_not_here_refuses_training_and_nothing_else(tmp_path: Path) -> None:
    full = load_profile("full")
    said = refusal(full, ["checkpoint"], {}, tmp_path)
    assert said.startswith("Profile full cannot be built on this machine; nothing was started. gpu: none")
    assert "expected 1 GPUs and a torch with CUDA" in said and "profile sample" in said
    assert refusal(full, ["execution_pack"], {}, tmp_path) == ""
    assert refusal(load_profile("sample"), ["benchmark_problems", "checkpoint"], {}, tmp_path) == ""


def test_all_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    environment = {"CODELEWM_HUMANEVAL_PLUS_FILE": str(tmp_path / "absent.jsonl.gz")}
    said = refusal(load_profile("full"), ["benchmark_problems", "checkpoint"], environment, tmp_path)
    assert "evalplus_humaneval: " in said and "gpu: " in said
    assert refusal(load_profile("sample"), ["benchmark_problems"], environment, tmp_path) == ""  # it does not read it


def test_what_a_scorer_names_and_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "there.jsonl").write_text("", encoding="utf-8")
    external = {"kind": "external", "role": "candidate", "reads": "the program", "file": str(tmp_path / "there.jsonl")}
    model = {"kind": "lm_likelihood", "role": "control", "reads": "the program"}
    scorers = {
        "there": external,
        "file": external | {"file": "absent.jsonl", "trained_on": {"problems_file": "absent.txt"}},
        "folder": model | {"source": "./absent"},
        "package": model | {"source": "package:no_such_package"},
        "hub": model | {"source": "someone/model", "revision": "a" * 40},
    }
    profile = Profile.model_validate(load_profile("sample").model_dump() | {"scorers": scorers})
    said = refusal(profile, ["scorer_scores"], {}, tmp_path)
    for part in (
        "scorer file: no absent.txt",
        "no absent.jsonl",
        "scorer folder: no ./absent",
        "no package:no_such_package",
    ):
        assert part in said
    assert "scorer there" not in said and "scorer hub" not in said
    assert refusal(profile, ["critic"], {}, tmp_path) == ""


def test_a_file_of_completions_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "there.jsonl").write_text("", encoding="utf-8")
    assert refusal(with_imported(str(tmp_path / "there.jsonl")), ["candidate_completions"], {}, tmp_path) == ""
    absent = with_imported("absent.jsonl")
    assert "no file absent.jsonl" in refusal(absent, ["candidate_completions"], {}, tmp_path)
    assert refusal(absent, ["labelled_completions"], {}, tmp_path) == ""
    environment = {"CODELEWM_IMPORTED_COMPLETIONS": "other.jsonl"}
    assert "no file other.jsonl" in refusal(load_profile("sample"), ["candidate_completions"], environment, tmp_path)


def test_a_model_to_sample_that_is_not_there_is_named(tmp_path: Path) -> None:
    raw = load_profile("sample").model_dump()
    raw["completions"]["sampled"] = [
        {"source": str(tmp_path), "model": "here"},
        {"source": "./absent", "model": "gone"},
    ]
    profile = Profile.model_validate(raw)
    said = refusal(profile, ["sampled_completions"], {}, tmp_path)
    assert "sampled model gone: no ./absent" in said and "here" not in said.partition("nothing was started.")[2]
    assert refusal(profile, ["candidate_completions"], {}, tmp_path) == ""


def test_a_job_on_the_hub_needs_a_token(tmp_path: Path) -> None:
    assert "HF_TOKEN is not set" in refusal(on_hf_jobs(), ["checkpoint"], {}, tmp_path)
    assert refusal(on_hf_jobs(), ["checkpoint"], {"HF_TOKEN": "x"}, tmp_path) == ""


def test_a_training_command_and_a_folder_of_published_files_must_be_there(tmp_path: Path) -> None:
    def with_both(program: str, folder: Path) -> Profile:
        raw = load_profile("sample").model_dump()
        raw["compute"] |= {"backend": "command", "command": {"argv": [program, "{seed}"]}}
        return Profile.model_validate(raw | {"published": {"folder": str(folder)}})

    assets = ["checkpoint", "published_evidence"]
    said = refusal(with_both("no-such-trainer", tmp_path / "absent"), assets, {}, tmp_path)
    assert "no program no-such-trainer" in said and f"no folder {tmp_path / 'absent'}" in said
    assert refusal(with_both(sys.executable, tmp_path), assets, {}, tmp_path) == ""


def test_a_library_package_that_is_not_installed_is_named(tmp_path: Path) -> None:
    raw = load_profile("sample").model_dump()
    raw["library"]["packages"] = ["pydantic", "no-such-library"]
    profile = Profile.model_validate(raw)
    said = refusal(profile, ["library_functions"], {}, tmp_path)
    assert "no-such-library is not installed" in said and "pydantic" not in said
    assert refusal(profile, ["library_variants"], {}, tmp_path) == ""
