"""The code that runs: a digest over this package's own source, the commit of its checkout, versions of other packages."""

import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

from codelewm_assets.core.digests import digest_of, sha256_file
from codelewm_assets.core.errors import StoreError

PACKAGE = Path(__file__).parents[1]
CHECKOUT = PACKAGE.parent
REGISTER = ("claims/register.py", "core/ids.py")  # thresholds, gates and claims; seeds, benchmarks and controls by name
SOURCE_SUFFIXES = (".py", ".yaml", ".j2")  # code, and the profiles and templates that are shipped with it


@cache  # once a process: an edit after the import does not change what runs
def package_sha256(root: Path = PACKAGE) -> str:
    """Hex digest of every source file below `root`: relative names and bytes.

    Independent of the package's location, compiled files and installation.
    Raises: StoreError: there is no source file, as in an installation of bytecode only.
    """
    paths = (path for path in root.rglob("*") if path.suffix in SOURCE_SUFFIXES and path.is_file())
    files = {path.relative_to(root).as_posix(): sha256_file(path) for path in paths}
    if not files:
        raise StoreError(
            f"{root} holds no source file ({', '.join(SOURCE_SUFFIXES)}), so its code has no digest. Install the package "
            "with its sources."
        )
    return digest_of(files)


@cache  # as `package_sha256`
def register_digest(root: Path = PACKAGE) -> str:
    """Hex digest of the register's source, to the byte: what training is preregistered under."""
    return digest_of({name: sha256_file(root / name) for name in REGISTER})


@cache
def source_revision() -> str:
    """Commit of the checkout that runs, "unknown" outside one."""
    found = subprocess.run(
        ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False, cwd=Path(__file__).parent
    )
    return found.stdout.strip() if found.returncode == 0 else "unknown"


@cache  # once a process: what is installed is looked up on the disk
def _version(package: str) -> str:
    return python_version() if package == "python" else version(package)


def versions(*packages: str) -> dict[str, Any]:
    """Versions of packages whose results an artifact holds, for its cache key; `python` gives the interpreter's."""
    return {"versions": {package: _version(package) for package in packages}}


def checkout_documents() -> list[Path]:
    """README, CHANGELOG and docs of the checkout; none when the package is installed without one."""
    return sorted([*CHECKOUT.glob("README.md"), *CHECKOUT.glob("CHANGELOG.md"), *CHECKOUT.glob("docs/**/*.md")])
