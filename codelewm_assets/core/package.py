"""Digest of this package's source, to compare the code of two machines. No git, no imports."""

from functools import cache
from pathlib import Path

from codelewm_assets.core.digests import digest_of, sha256_file
from codelewm_assets.core.errors import StoreError

PACKAGE = Path(__file__).parents[1]
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
