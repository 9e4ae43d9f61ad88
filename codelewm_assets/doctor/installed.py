"""The interpreter and the installed packages, against the project's metadata and the pins of constraints.txt."""

import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from codelewm_assets.core.package import PACKAGE
from codelewm_assets.doctor.finding import HealthFinding, health_finding

PROJECT = "codelewm_assets"
CONSTRAINTS = PACKAGE.parent / "constraints.txt"
PIP_TIMEOUT_S = 60.0
INSTALL = "install again with the pins: pip install -c constraints.txt -e ."


def installed_version(name: str) -> str | None:
    """Version of an installed package; None when it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def python_finding(found: str | None = None) -> HealthFinding:
    """The interpreter's version is supported.

    Args:
        found: version of the interpreter; None: of the running one.
    """
    found = found or platform.python_version()
    try:
        wanted = metadata(PROJECT)["Requires-Python"] or ""
    except PackageNotFoundError:
        return HealthFinding(
            "python", "warn", f"{found}, and {PROJECT} is not installed", "the project, installed", INSTALL
        )
    remedy = f"make the environment again with a Python {wanted}"
    is_ok = SpecifierSet(wanted).contains(found)
    return health_finding("python", is_ok, "fail", found=found, wanted=wanted, remedy=remedy)


def requirements_finding(version_of: Callable[[str], str | None] = installed_version) -> HealthFinding:
    """The project's requirements are installed, and installed packages of its extras have allowed versions.

    Args:
        version_of: installed version of a package; None when it is not installed.
    """
    try:
        rows = [Requirement(text) for text in requires(PROJECT) or []]
    except PackageNotFoundError:
        rows = []
    faults, count = [], 0
    for row in rows:
        is_required = row.marker is None or row.marker.evaluate({"extra": ""})
        found = version_of(row.name)
        count += is_required or found is not None
        if found is None and is_required:
            faults.append(f"{row.name} is not installed, wanted {row.specifier or 'any'}")
        elif found is not None and not row.specifier.contains(found, prereleases=True):
            faults.append(f"{row.name} {found}, wanted {row.specifier}")
    found_text = "; ".join(faults) or f"{count} packages fit"
    wanted = f"the {len(rows)} requirements of {PROJECT}"
    return health_finding(
        "requirements", bool(rows) and not faults, "fail", found=found_text, wanted=wanted, remedy=INSTALL
    )


def pins_finding(
    constraints: Path = CONSTRAINTS, version_of: Callable[[str], str | None] = installed_version
) -> HealthFinding:
    """Every installed package that constraints.txt pins has the pinned version.

    Args:
        version_of: as `requirements_finding`.
    """
    try:
        text = constraints.read_text(encoding="utf-8")
    except OSError:
        return HealthFinding(
            "pins", "warn", "no constraints.txt beside the package", "the pinned versions", "run from a checkout"
        )
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    pins = [Requirement(line) for line in lines if line]
    installed = {pin: found for pin in pins if (found := version_of(pin.name)) is not None}
    faults = [
        f"{pin.name} {found}, wanted {pin.specifier}"
        for pin, found in installed.items()
        if not pin.specifier.contains(found, prereleases=True)
    ]
    return health_finding(
        "pins",
        bool(installed) and not faults,
        "fail",
        found="; ".join(faults) or f"{len(installed)} of {len(pins)} pinned packages are installed",
        wanted="every installed package at its pin in constraints.txt",
        remedy=INSTALL,
    )


def pip_check_finding(
    constraints: Path = CONSTRAINTS, command: Sequence[str] = (sys.executable, "-m", "pip", "check")
) -> HealthFinding:
    """The requirements of every installed package are met; a failure if constraints.txt pins the package.

    Args:
        command: prints a line for each broken requirement and exits with a status other than 0.
    """
    wanted = "no broken requirement in `pip check`"
    try:
        process = subprocess.run(command, capture_output=True, text=True, timeout=PIP_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return HealthFinding("pip_check", "warn", f"pip could not be run ({type(error).__name__})", wanted, INSTALL)
    broken = [line.strip() for line in process.stdout.splitlines() if line.strip()] if process.returncode else []
    if process.returncode and not broken:  # as where pip is not installed
        return HealthFinding(
            "pip_check", "warn", " ".join(process.stderr.split())[-200:] or "no answer", wanted, INSTALL
        )
    pinned = constraints.read_text(encoding="utf-8").lower().splitlines() if constraints.is_file() else []
    names = {canonicalize_name(line.split("==")[0].strip()) for line in pinned if "==" in line} | {
        canonicalize_name(PROJECT)
    }
    is_ours = any(canonicalize_name(line.split()[0]) in names for line in broken)
    return health_finding(
        "pip_check", not broken, "fail" if is_ours else "warn", found="; ".join(broken) or "none is broken", wanted=wanted,
        remedy=INSTALL if is_ours else "install what is missing, or uninstall the package that wants it: this project does not",
    )  # fmt: skip
