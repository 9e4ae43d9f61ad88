"""Files of packages: found without an import, tests excluded, and only with a stated licence."""

import platform
import sys
from importlib.metadata import PathDistribution
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from codelewm_assets.core.errors import SourceError, SourceMissingError
from codelewm_assets.library.packages import library_files, package_versions, stated_license
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.library.library_code import install

RAISES = "raise RuntimeError('imported')\n"
FILES = {
    "small_library/__init__.py": RAISES,
    "small_library/core.py": RAISES,
    "small_library/tests/test_core.py": RAISES,
    "small_library/test_more.py": RAISES,
    "small_library/_vendor/other.py": RAISES,
    "small_library/notes.txt": "",
}


def test_files_of_a_package_are_found_without_importing_it_and_without_its_tests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, metadata="Name: small-library\nVersion: 1.0\nLicense-Expression: MIT", files=FILES)
    monkeypatch.syspath_prepend(str(tmp_path))
    found = [file for file in library_files(["small-library"]) if file.package == "small-library"]
    assert [(file.module, file.version, file.license) for file in found] == [
        ("small_library", "1.0", "MIT"),
        ("small_library.core", "1.0", "MIT"),
    ]
    assert found[0].path == tmp_path / "small_library" / "__init__.py"
    assert package_versions(["small-library"]) == {"small-library": "1.0"}
    assert "small_library" not in sys.modules


def test_the_standard_library_is_always_in_without_its_tests() -> None:
    found = library_files([])
    assert {(file.package, file.version, file.license) for file in found} == {
        ("python", platform.python_version(), "PSF-2.0")
    }
    modules = [file.module for file in found]
    assert {"bisect", "json", "json.decoder"} <= set(modules) and len(modules) == len(set(modules))
    assert not any(module.startswith(("test.", "idlelib", "site-packages")) for module in modules)


@each_case(
    "metadata, expected",
    [
        ("License-Expression: BSD-3-Clause", "BSD-3-Clause"),
        ("License: MIT", "MIT"),
        ("License: UNKNOWN\nClassifier: License :: OSI Approved :: Apache Software License", "Apache Software License"),
        ("Classifier: License :: OSI Approved :: BSD License\nClassifier: Topic :: Text", "BSD License"),
    ],
)
def test_the_licence_is_the_one_that_the_metadata_states(metadata: str, expected: str) -> None:
    with TemporaryDirectory() as folder:
        install(Path(folder), metadata=f"Name: small-library\nVersion: 1.0\n{metadata}", files={})
        assert stated_license(PathDistribution(Path(folder) / "small_library-1.0.dist-info")) == expected


def test_a_package_without_a_stated_licence_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, metadata="Name: small-library\nVersion: 1.0\nLicense: UNKNOWN", files=FILES)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(SourceError, match=r"'small-library' 1\.0 states no licence.*Remove it from library\.packages"):
        library_files(["small-library"])


def test_a_package_that_is_not_installed_or_has_no_files_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SourceMissingError, match=r"'no-such-library' of library\.packages is not installed"):
        library_files(["no-such-library"])
    install(tmp_path, metadata="Name: small-library\nVersion: 1.0\nLicense: MIT", files={"small_library/data.txt": ""})
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(SourceMissingError, match="lists no Python files"):
        library_files(["small-library"])
