"""Lock files: complete, hashed, of one version each, and without a trace of the machine that wrote them."""

import re
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.docs.pages import ROOT

FOLDER = ROOT / "requirements"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def locked(name: str) -> dict[str, str]:
    """Package → version of a lock file and of those that it includes."""
    text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    found = dict(re.findall(r"^([a-z0-9-]+)==(\S+) \\$", text, flags=re.MULTILINE))
    for base in re.findall(r"^-r (\w+)\.txt$", text, flags=re.MULTILINE):
        found |= locked(base)
    return found


def required(extra: str | None) -> list[Requirement]:
    """Direct requirements of the project with an extra, those of extras inside it too."""
    rows = [Requirement(row) for row in (EXTRAS[extra] if extra else PROJECT["dependencies"])]
    ours = [row for row in rows if canonicalize_name(row.name) == "codelewm-assets"]
    inner = [found for row in ours for name in row.extras for found in required(name)]
    return [row for row in rows if row not in ours] + inner


@each_case("name", ["run", "check", "docs", "deploy", "test"])
def test_a_lock_file_has_what_its_extra_requires_with_a_hash_for_each_line(name: str) -> None:
    versions = locked(name)
    for row in required(None) + (required(name) if name != "run" else []):
        if row.name != "torch":
            assert row.specifier.contains(versions[canonicalize_name(row.name)]), row
    assert "torch" not in versions and not [package for package in versions if package.startswith("nvidia")]
    text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        assert re.fullmatch(r"#.*|-r \w+\.txt|[a-z0-9-]+==\S+ \\|    --hash=sha256:[0-9a-f]{64}( \\)?", line), line


def test_constraints_are_the_lock_files_and_torch() -> None:
    rows = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").split())
    files = [
        path for path in FOLDER.glob("*.txt") if path.stem != "smollm2"
    ]  # a model's file, without what it asks for
    every = {package: version for path in files for package, version in locked(path.stem).items()}
    assert rows.pop("torch") == next(row for row in PROJECT["dependencies"] if row[:7] == "torch==")[7:]
    assert rows == every


def test_the_main_job_installs_no_package_of_tests_docs_or_other_machines() -> None:
    apart = {
        "ray",
        "s3fs",
        "dagster-k8s",
        "kubernetes",
        "psycopg2-binary",
        "mkdocs",
        "pytest",
        "playwright",
        "ruff",
        "moto",
    }
    assert not apart & set(locked("run"))
