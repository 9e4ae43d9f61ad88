"""Requirements of a profile that this machine does not meet, for the assets to be built."""

import shutil
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from codelewm_assets.core.errors import ProfileError, SourceMissingError
from codelewm_assets.doctor.data import dataset_findings, evalplus_findings, wheel_finding
from codelewm_assets.doctor.finding import HealthFinding
from codelewm_assets.doctor.machine import gpu_finding, isolation_finding
from codelewm_assets.library.packages import package_versions
from codelewm_assets.profiles.profile import Profile
from codelewm_assets.scorers.declared import is_model_there, missing_paths


def require_runnable(profile: Profile, assets: Collection[str], environment: Mapping[str, str], cache: Path) -> None:
    """Refuse a build that cannot succeed on this machine, before any work.

    Args:
        profile: the profile to build.
        assets: names of the assets to build.
        environment: environment variables, with files and the Hub's token.
        cache: folder of downloaded benchmark files.

    Raises:
        ProfileError: requirements are not met; names each with its remedy.
    """
    faults = [row for row in _findings(profile, assets, environment, cache) if row.state == "fail"]
    if faults:
        rows = "; ".join(f"{row.name}: {row.found} (expected {row.wanted}; {row.remedy})" for row in faults)
        raise ProfileError(f"Profile {profile.name} cannot be built on this machine; nothing was started. {rows}.")


def _findings(
    profile: Profile, assets: Collection[str], environment: Mapping[str, str], cache: Path
) -> Iterator[HealthFinding]:
    if "benchmark_problems" in assets:
        yield wheel_finding(profile)
        yield from evalplus_findings(profile, environment, cache)
        yield from dataset_findings(profile, environment)
    yield from _path_findings(profile, assets, environment)
    if "library_functions" in assets:
        yield from _package_findings(profile)
    if (
        {"labelled_completions", "library_variants"} & set(assets)
        and profile.sandbox.isolation == "strict"
        and profile.sandbox.spread == "in_process"
    ):
        yield isolation_finding(profile)
    if "checkpoint" in assets:
        yield gpu_finding(profile)
        if profile.compute.backend == "hf_jobs" and not environment.get("HF_TOKEN"):
            yield HealthFinding(
                "hf_jobs", "fail", "HF_TOKEN is not set", "a token of the Hugging Face Hub", "set HF_TOKEN"
            )
        command = profile.compute.command
        if profile.compute.backend == "command" and command is not None and shutil.which(command.argv[0]) is None:
            yield HealthFinding("command", "fail", f"no program {command.argv[0]}", "the program of compute.command",
                                "install it, or name its path")  # fmt: skip


def _path_findings(
    profile: Profile, assets: Collection[str], environment: Mapping[str, str]
) -> Iterator[HealthFinding]:
    if "candidate_completions" in assets:
        named = [source.file for source in profile.completions.imported if source.repository is None]
        for name in [*named, environment.get("CODELEWM_IMPORTED_COMPLETIONS")]:
            if name and not Path(name).exists():
                yield HealthFinding("imported completions", "fail", f"no file {name}", "a file or a folder of samples",
                                    "correct completions.imported of the profile, or CODELEWM_IMPORTED_COMPLETIONS")  # fmt: skip
    if "sampled_completions" in assets:
        for model in profile.completions.sampled:
            if not is_model_there(model):
                yield HealthFinding(f"sampled model {model.model}", "fail", f"no {model.source}",
                                    "a folder, or an installed package", "correct completions.sampled of the profile")  # fmt: skip
    if "scorer_scores" in assets:
        for name, scorer in profile.scorers.items():
            for path in missing_paths(scorer):
                yield HealthFinding(f"scorer {name}", "fail", f"no {path}", "what the profile names",
                                    f"correct scorers.{name} of the profile")  # fmt: skip
    folder = profile.published.folder
    if "published_evidence" in assets and folder is not None and not Path(folder).is_dir():
        yield HealthFinding("published evidence", "fail", f"no folder {folder}", "a folder of published files",
                            "correct published.folder of the profile")  # fmt: skip


def _package_findings(profile: Profile) -> Iterator[HealthFinding]:
    for package in profile.library.packages:
        try:
            package_versions([package])
        except SourceMissingError:
            yield HealthFinding("library packages", "fail", f"{package} is not installed", "every package that the profile names",
                                "install it, or remove it from library.packages of the profile")  # fmt: skip
