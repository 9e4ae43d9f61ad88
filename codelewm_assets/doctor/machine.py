"""Findings about this machine: the sandbox's layers, GPUs, the store's disk, and access to the Hub."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from urllib.parse import urlsplit

from codelewm_assets.core.errors import AssetsError, SandboxError
from codelewm_assets.doctor.finding import HealthFinding, State, health_finding
from codelewm_assets.doctor.installed import installed_version
from codelewm_assets.profiles.profile import Profile
from codelewm_assets.sandbox.isolation import STRICT_LAYERS, Isolation, remedy
from codelewm_assets.sandbox.pool import SandboxPool
from codelewm_assets.store.cache_key import CacheKey
from codelewm_assets.store.store import ArtifactStore

GIB = 1 << 30
MIN_FREE_BYTES, RECOMMENDED_FREE_BYTES = GIB, 5 * GIB
HUB = "https://huggingface.co"
HUB_TIMEOUT_S = 5.0
SMI_TIMEOUT_S = 20.0


def isolation_finding(profile: Profile) -> HealthFinding:
    """The sandbox starts with every layer of isolation."""
    try:
        with SandboxPool(1) as pool:
            return layers_finding(profile, pool.isolation)
    except SandboxError as error:
        return HealthFinding("isolation", "fail", str(error), "a sandbox that starts", remedy(("mount_namespace",)))


def layers_finding(profile: Profile, isolation: Isolation) -> HealthFinding:
    """Every layer of isolation is active; a failure if the profile's isolation is strict."""
    missing = isolation.missing_for_strict
    otherwise: State = "fail" if profile.sandbox.isolation == "strict" else "warn"
    return health_finding(
        "isolation", not missing, otherwise,
        found=f"missing: {', '.join(missing)}" if missing else f"all {len(STRICT_LAYERS)} layers in force",
        wanted=", ".join(STRICT_LAYERS), remedy=remedy(missing),
    )  # fmt: skip


def gpu_finding(profile: Profile, torch_version: str | None = None) -> HealthFinding:
    """The GPUs that the profile trains on are present, by the driver's tool; torch is not imported.

    Args:
        torch_version: installed version of torch; None: looked up.
    """
    config, torch_version = profile.training_config(), torch_version or installed_version("torch") or "none"
    gpus, trouble = _gpus()
    found = trouble or "; ".join(gpus) or "none"
    if config.device == "cpu" or profile.compute.backend != "local":
        wanted = f"none: profile {profile.name} trains {'on the CPU' if config.device == 'cpu' else 'elsewhere'}"
        return health_finding("gpu", not trouble, "warn", found=found, wanted=wanted, remedy="repair the GPU's driver")
    lacks_cuda = torch_version.endswith("+cpu")
    is_ok = len(gpus) >= config.processes and not lacks_cuda
    return health_finding(
        "gpu", is_ok, "fail", found=f"{found}; torch {torch_version}",
        wanted=f"{config.processes} GPUs and a torch with CUDA, for profile {profile.name}",
        remedy="install a torch with CUDA" if lacks_cuda and gpus else "train where there are GPUs, or use profile sample",
    )  # fmt: skip


def _gpus() -> tuple[list[str], str]:
    """(name and memory of each GPU, fault of the tool that lists them)."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return [], ""
    command = [program, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        process = subprocess.run(command, capture_output=True, text=True, timeout=SMI_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return [], f"nvidia-smi could not be run ({type(error).__name__})"
    lines = [line.strip() for line in process.stdout.splitlines() if line.strip()]
    if process.returncode:
        return (
            [],
            f"nvidia-smi ended with status {process.returncode}: {' '.join(lines or process.stderr.split())[:200]}",
        )
    return lines, ""


def store_findings(store: ArtifactStore) -> list[HealthFinding]:
    """Object storage answers, and the local folder, or its nearest existing parent, is writable and has space."""
    root = store.work
    # not Path.exists, which raises below a folder that may not be entered
    folder = next(path for path in (root, *root.parents) if os.path.exists(path))
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-"):
            found, is_ok = "can be written", True
    except OSError as error:
        found, is_ok = f"{error.strerror or error}", False
    writable = health_finding(
        "store_is_writable", is_ok, "fail", found=f"{root}: {found}", wanted="a folder that can be written",
        remedy="make it writable, or name another folder in CODELEWM_ARTIFACTS (beside object storage: CODELEWM_WORK)",
    )  # fmt: skip
    remote = [object_storage_finding(store)] if "://" in store.address else []
    return [*remote, writable, missing_artifacts_finding(store), disk_finding(shutil.disk_usage(folder).free)]


def missing_artifacts_finding(store: ArtifactStore) -> HealthFinding:
    """Every artifact of a cache entry is stored. Contents are not read; `verify` does that."""
    try:
        rows = store.missing()
        found, is_ok = (
            "; ".join(f"{row.artifact} {row.file} is {row.found}" for row in rows) or "all are there",
            not rows,
        )
    except AssetsError as error:
        found, is_ok = str(error), False
    return health_finding(
        "stored_artifacts", is_ok, "fail", found=found, wanted="the artifact of every cache entry",
        remedy="build again, or restore it from a copy; `codelewm-assets verify` checks the contents too",
    )  # fmt: skip


def object_storage_finding(store: ArtifactStore) -> HealthFinding:
    """The server accepts the credentials and has the bucket: checked by reading an object that does not exist."""
    absent_key = CacheKey(kind="doctor", partition=None, parents={}, config={}, code_version="0")
    try:
        store.find(absent_key)
        found, is_ok = f"{store.address} answers", True
    except AssetsError as error:
        found, is_ok = str(error), False
    return health_finding(
        "object_storage", is_ok, "fail", found=found, wanted="a bucket that can be listed, read and written",
        remedy="docs/artifacts.md lists the variables; the message above says which of them is at fault",
    )  # fmt: skip


def disk_finding(free_bytes: int) -> HealthFinding:
    """The store's disk has space for a build."""
    return health_finding(
        "disk", free_bytes >= RECOMMENDED_FREE_BYTES, "fail" if free_bytes < MIN_FREE_BYTES else "warn",
        found=f"{free_bytes / GIB:.1f} GiB free", wanted=f"{RECOMMENDED_FREE_BYTES // GIB} GiB free",
        remedy="free space: `codelewm-assets prune` shows what can go; or name another disk in CODELEWM_ARTIFACTS",
    )  # fmt: skip


def hub_finding(environment: Mapping[str, str], *, timeout_s: float = HUB_TIMEOUT_S) -> HealthFinding:
    """The Hugging Face Hub answers; not needed for a build from the wheel or from files.

    Args:
        environment: HF_ENDPOINT names another Hub.
    """
    import requests

    endpoint = environment.get("HF_ENDPOINT") or HUB
    parts = urlsplit(endpoint)
    shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"  # a user and password in it stay unsaid
    try:
        status = requests.get(f"{endpoint.rstrip('/')}/api/models?limit=1", timeout=timeout_s).status_code
        found, is_ok = f"{shown} answers with status {status}", status < 400
    except (requests.RequestException, ValueError) as error:
        found, is_ok = f"{shown} cannot be reached ({type(error).__name__})", False
    return health_finding(
        "hub", is_ok, "warn", found=found, wanted="an answer",
        remedy="needed by publish, Hub datasets and hf_jobs alone: check the network and HF_ENDPOINT, or read local files",
    )  # fmt: skip
