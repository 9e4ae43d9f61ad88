"""All findings about the installation and the machine, in the order in which they are shown."""

from collections.abc import Mapping

from codelewm_assets.core.errors import ProfileError
from codelewm_assets.doctor.data import dataset_findings, evalplus_findings, wheel_finding
from codelewm_assets.doctor.finding import HealthFinding
from codelewm_assets.doctor.installed import pins_finding, pip_check_finding, python_finding, requirements_finding
from codelewm_assets.doctor.machine import gpu_finding, hub_finding, isolation_finding, store_findings
from codelewm_assets.profiles.profile import Profile, load_profile, profile_names
from codelewm_assets.store.store import ArtifactStore

DEFAULT_PROFILE = "sample"


def checkup(store: ArtifactStore, environment: Mapping[str, str]) -> list[HealthFinding]:
    """Every finding, for the profile that the environment names.

    Args:
        store: read only.
        environment: the process's variables.
    """
    profile, finding = profile_finding(environment.get("CODELEWM_PROFILE") or DEFAULT_PROFILE)
    return [
        python_finding(),
        requirements_finding(),
        pins_finding(),
        pip_check_finding(),
        finding,
        wheel_finding(profile),
        *evalplus_findings(profile, environment, store.work / "downloads"),
        *dataset_findings(profile, environment),
        isolation_finding(profile),
        gpu_finding(profile),
        *store_findings(store),
        hub_finding(environment),
    ]


def profile_finding(name: str) -> tuple[Profile, HealthFinding]:
    """The profile, or the default one when it is invalid, and the finding about it."""
    wanted = f"one of {', '.join(profile_names())}, or the path of a .yaml file"
    try:
        return load_profile(name), HealthFinding("profile", "ok", name, wanted)
    except ProfileError as error:
        remedy = f"correct CODELEWM_PROFILE; until then other findings are for profile {DEFAULT_PROFILE}"
        return load_profile(DEFAULT_PROFILE), HealthFinding("profile", "fail", str(error), wanted, remedy)
