"""What is used by hand answers at once: its commands import no package that takes seconds to load."""

import json
import subprocess
import sys
from pathlib import Path

HEAVY = (
    "torch",
    "transformers",
    "datasets",
    "matplotlib",
    "great_expectations",
    "sklearn",
    "scipy",
    "pandas",
    "dagster",
    "ray",
)
PROGRAM = f"""
import sys
from codelewm_assets.cli import main
try:
    status = main(sys.argv[1:])
except SystemExit as end:
    status = end.code
print(status, sorted(set({HEAVY!r}) & set(sys.modules)))
"""


def imports(folder: Path, *arguments: str) -> str:
    """Exit status of a command and the heavy packages that its process imported."""
    command = [sys.executable, "-c", PROGRAM, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder).stdout.splitlines()[-1]


def test_help_imports_no_heavy_package(tmp_path: Path) -> None:
    assert imports(tmp_path, "--help") == "0 []"
    assert imports(tmp_path, "label", "--help") == "0 []"


def test_label_imports_no_heavy_package(tmp_path: Path) -> None:
    row = {"completion_id": "c", "problem_id": "p", "benchmark_id": "humaneval", "code": "def f(x):\n    return x\n",
           "entry_point": "f", "inputs": ["[1]"], "atol": 0, "expected": ["1"]}  # fmt: skip
    (tmp_path / "in.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    assert imports(tmp_path, "label", "in.jsonl", "--output", "out.jsonl") == "0 []"
    assert json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()[-1])["passed"] is True
