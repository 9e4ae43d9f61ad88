"""The digest of a package's source: the same wherever it lies, another one for every edit."""

import hashlib
import shutil
from pathlib import Path

import pytest

from codelewm_assets.core.errors import StoreError
from codelewm_assets.core.package import PACKAGE, package_sha256

FILES = {"__init__.py": b"", "a/b.py": b"x = 1\n", "profiles/sample.yaml": b"name: sample\n"}


def put(root: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def test_the_digest_is_that_of_names_and_digests_as_sorted_json(tmp_path: Path) -> None:
    # sha256 of b"" is e3b0c442…, known from everywhere; the others are taken here; names in the order of their bytes
    rows = [
        '"__init__.py":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"',
        f'"a/b.py":"{hashlib.sha256(FILES["a/b.py"]).hexdigest()}"',
        f'"profiles/sample.yaml":"{hashlib.sha256(FILES["profiles/sample.yaml"]).hexdigest()}"',
    ]
    wanted = hashlib.sha256(("{" + ",".join(rows) + "}").encode()).hexdigest()
    assert package_sha256(put(tmp_path, FILES)) == wanted


def test_where_it_lies_the_order_of_writing_and_what_is_no_source_do_not_count(tmp_path: Path) -> None:
    backwards = dict(reversed(FILES.items()))
    beside = {"__pycache__/b.cpython-311.pyc": b"compiled", "py.typed": b"", "a/page.css": b"page"}
    assert package_sha256(put(tmp_path / "one", FILES)) == package_sha256(put(tmp_path / "two", backwards | beside))


@pytest.mark.parametrize(
    "changed",
    [
        FILES | {"a/b.py": b"x = 2\n"},
        FILES | {"profiles/sample.yaml": b"name: other\n"},
        FILES | {"a/more.py": b""},
        FILES | {"a/page.j2": b"page"},
        {name: data for name, data in FILES.items() if name != "a/b.py"},
        {("a/c.py" if name == "a/b.py" else name): data for name, data in FILES.items()},
    ],
    ids=["code edited", "profile edited", "file more", "template more", "file less", "file renamed"],
)
def test_every_edit_is_another_digest(tmp_path: Path, changed: dict[str, bytes]) -> None:
    assert package_sha256(put(tmp_path / "one", FILES)) != package_sha256(put(tmp_path / "two", changed))


def test_a_folder_without_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        StoreError, match=r"holds no source file \(\.py, \.yaml, \.j2\).*Install the package with its sources"
    ):
        package_sha256(put(tmp_path, {"a.pyc": b"compiled"}))


def test_a_copy_of_this_package_has_the_digest_of_this_package(tmp_path: Path) -> None:
    copy = shutil.copytree(PACKAGE, tmp_path / "installed", ignore=shutil.ignore_patterns("__pycache__"))
    assert package_sha256(copy) == package_sha256()
    assert {"training/remote.py", "preflight/clearance.py", "profiles/sample.yaml"} <= {
        path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.[py][ya]*")
    }
