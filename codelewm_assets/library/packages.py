"""Python files of the standard library and of installed packages, with version and licence. Nothing is imported."""

import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path, PurePosixPath
from platform import python_version

from codelewm_assets.core.errors import SourceError, SourceMissingError

STANDARD_LIBRARY = "python"
STANDARD_LIBRARY_LICENSE = "PSF-2.0"
MAX_LICENSE_CHARACTERS = 80  # of the field `License`: a longer one is the licence's text, not its name
SKIPPED_FOLDERS = frozenset(
    {
        "__pycache__", "_vendor", "benchmarks", "dist-packages", "ensurepip", "examples", "externals", "idlelib", "lib2to3",
        "site-packages", "test", "testing", "tests", "turtledemo", "vendored",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LibraryFile:
    """A Python file of a package.

    Attributes:
        package: name of the distribution, or `python` for the standard library.
        version: of the distribution, or of Python.
        license: as the distribution states it.
        module: dotted name.
        path: where the file lies on this machine.
    """

    package: str
    version: str
    license: str
    module: str
    path: Path


def library_files(packages: Sequence[str]) -> list[LibraryFile]:
    """Files of the standard library, then of these distributions, each sorted by module; tests and vendored code excluded.

    Raises:
        SourceMissingError: a distribution is not installed, or has no Python files.
        SourceError: a distribution does not state its licence.
    """
    files = list(_standard_library())
    for package in packages:
        files += _distribution(package, _installed(package))
    return files


def package_versions(packages: Sequence[str]) -> dict[str, str]:
    """Package → installed version. Raises: SourceMissingError: a distribution is not installed."""
    return {package: _installed(package).version for package in packages}


def _installed(package: str) -> Distribution:
    try:
        return distribution(package)
    except PackageNotFoundError as error:
        raise SourceMissingError(
            f"Package {package!r} of library.packages is not installed. Install it, or remove it from the profile."
        ) from error


def _standard_library() -> Iterator[LibraryFile]:
    root = Path(sysconfig.get_path("stdlib"))
    for path in sorted(root.rglob("*.py")):
        place = PurePosixPath(path.relative_to(root))
        if _is_library(place):
            yield LibraryFile(STANDARD_LIBRARY, python_version(), STANDARD_LIBRARY_LICENSE, _module(place), path)


def _distribution(package: str, installed: Distribution) -> list[LibraryFile]:
    license_name = stated_license(installed)
    if license_name is None:
        raise SourceError(
            f"Package {package!r} {installed.version} states no licence; expected License-Expression, License or a classifier "
            "in its metadata. Remove it from library.packages in the profile."
        )
    places = sorted(PurePosixPath(file) for file in installed.files or () if file.suffix == ".py")
    files = [
        LibraryFile(package, installed.version, license_name, _module(place), Path(str(installed.locate_file(place))))
        for place in places
        if _is_library(place)
    ]
    if not files:
        raise SourceMissingError(
            f"Package {package!r} lists no Python files. Install it from a wheel, or remove it from library.packages."
        )
    return files


def stated_license(installed: Distribution) -> str | None:
    """The licence's name from License-Expression, License or a classifier of the metadata; None without any."""
    metadata = installed.metadata
    fields = [*(metadata.get_all("License-Expression") or ()), *(metadata.get_all("License") or ())]
    classifiers = [row for row in metadata.get_all("Classifier") or () if row.startswith("License ::")]
    for text in [*fields, *(row.rpartition("::")[2] for row in classifiers)]:
        name = str(text).strip()
        if name and name != "UNKNOWN" and "\n" not in name and len(name) <= MAX_LICENSE_CHARACTERS:
            return name
    return None


def _is_library(place: PurePosixPath) -> bool:
    is_test = place.name.startswith("test_") or place.name in ("conftest.py", "setup.py")
    return not is_test and not place.is_absolute() and not {*place.parts, ".."} & {*SKIPPED_FOLDERS}


def _module(place: PurePosixPath) -> str:
    parts = place.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
