"""Writes the lock files of this folder and constraints.txt from pyproject.toml: `make lock`.

One resolution for all of them, so a package has one version in the project. torch is left out: its build is the machine's (CPU,
CUDA), and each build has a hash of its own. The resolution needs a CPU build, from PIP_FIND_LINKS or by UV_TORCH_BACKEND=cpu.
"""

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
CONSTRAINTS = ROOT / "constraints.txt"
HEAD = "# Written by `make lock` from pyproject.toml.\n"
# file → the extra that it locks and the file that it begins with
LOCKS = {"run": (None, None), "check": ("check", "run"), "docs": ("docs", "run"), "deploy": ("deploy", "run"),
         "test": ("test", "deploy")}  # fmt: skip


def resolve(*options: str, preferred: str) -> dict[str, str]:
    """Name → its lines of a lock file, by `uv pip compile`.

    Args:
        preferred: lines `name==version`, kept where pyproject.toml allows them.
    """
    uv = Path(sys.executable).parent / "uv"
    env = os.environ | {"UV_FIND_LINKS": os.environ.get("PIP_FIND_LINKS", "")}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "requirements.txt"
        path.write_text(preferred, encoding="utf-8")
        command = [uv, "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--python-version", "3.11",
                   "--no-emit-package", "torch", *options, "--output-file", path, ROOT / "pyproject.toml"]  # fmt: skip
        subprocess.run(command, check=True, env=env, stdout=subprocess.DEVNULL)
        blocks = re.split(r"^(?=[a-z0-9])", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {block.partition("==")[0]: block for block in blocks if "==" in block}


def main() -> None:
    """Resolves everything once with hashes, then each extra at those versions, and writes a file for each."""
    kept = [] if "--upgrade" in sys.argv else CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    preferred = "\n".join(line for line in kept if not line.startswith("torch=="))
    locked = resolve("--all-extras", "--generate-hashes", preferred=preferred)
    if cuda := sorted(name for name in locked if name.startswith("nvidia-")):
        sys.exit(f"Resolved against a CUDA build of torch ({', '.join(cuda)}). See the docstring of {__file__}.")
    pins = "".join(f"{block.split()[0]}\n" for block in locked.values())
    written: dict[str, set[str]] = {}
    for name, (extra, base) in LOCKS.items():
        packages = set(resolve(*([f"--extra={extra}"] if extra else []), preferred=pins))
        own = packages - (written[base] if base else set())
        lines = [HEAD, f"-r {base}.txt\n" if base else "", *(locked[package] for package in sorted(own))]
        (HERE / f"{name}.txt").write_text("".join(lines), encoding="utf-8")
        written[name] = packages | (written[base] if base else set())
    (HERE / "uv.txt").write_text(HEAD + locked["uv"], encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (torch,) = (row for row in project["dependencies"] if row.startswith("torch=="))
    CONSTRAINTS.write_text("".join(sorted([*pins.splitlines(keepends=True), f"{torch}\n"])), encoding="utf-8")


if __name__ == "__main__":
    main()
