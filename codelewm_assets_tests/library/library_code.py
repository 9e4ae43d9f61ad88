"""Packages and functions of our own for tests of library code."""

from pathlib import Path

from codelewm_assets.core.records import LibraryFunction
from codelewm_assets.library.packages import LibraryFile

CLAMP = """def clamp(number, low=0, high=10):
    if number < low:
        return low
    if number > high:
        return high
    return number"""


def make_function(code: str = CLAMP, name: str = "clamp", prompt: str = "", **changes: str) -> LibraryFunction:
    """A function of package `small`."""
    fields = {
        "function_id": f"small:small.core:{name}", "package": "small", "version": "1.0", "license": "MIT", "module": "small.core",
        "entry_point": name, "code": code, "prompt": prompt,
    }  # fmt: skip
    return LibraryFunction(**(fields | changes))


def make_file(folder: Path, text: str, module: str = "small.core") -> LibraryFile:
    """A file of package `small`."""
    path = folder / f"{module}.py"
    path.write_text(text, encoding="utf-8")
    return LibraryFile("small", "1.0", "MIT", module, path)


def install(folder: Path, *, metadata: str, files: dict[str, str]) -> None:
    """Put a distribution into a folder, as a wheel's installation leaves it. Args: files: name → text."""
    name = next(line.removeprefix("Name: ") for line in metadata.splitlines() if line.startswith("Name: "))
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\n{metadata}\n")
    for place, text in files.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(text)
    (info / "RECORD").write_text("".join(f"{place},,\n" for place in files))
