"""Small release files in EvalPlus' form for tests, the pins that fit them, and where real ones may lie."""

import gzip
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codelewm_assets.benchmarks.pins import EVALPLUS_FILES, FilePin
from codelewm_assets.core.digests import sha256_file
from codelewm_assets.core.ids import BenchmarkId

BESIDE_THE_REPOSITORY = Path(__file__).resolve().parents[3] / "shared" / "data"


def humaneval_row(number: int = 0, **changes: Any) -> dict[str, Any]:
    """One row of HumanEval-Plus."""
    fields = {
        "task_id": f"HumanEval/{number}",
        "prompt": "def f(x):\n",
        "entry_point": "f",
        "canonical_solution": "    return x\n",
        "base_input": [[1], [2]],
        "plus_input": [[3], [4]],
        "atol": 0,
    }
    return fields | changes


def mbpp_row(number: int = 3, **changes: Any) -> dict[str, Any]:
    """One row of MBPP-Plus."""
    fields = {
        "prompt": '"""\nReturn x.\nassert f(1) == 1\n"""\n',
        "canonical_solution": "def f(x):\n    return x\n",
        "assertion": "\nassert f(1) == 1\nassert f(9) == 9\n",
    }
    return humaneval_row(number, task_id=f"Mbpp/{number}") | fields | changes


def write_release(folder: Path, benchmark: BenchmarkId, rows: Sequence[dict[str, Any]]) -> tuple[Path, FilePin]:
    """The file of these rows, and the benchmark's pin with its digest and row count."""
    pin = EVALPLUS_FILES[benchmark]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / pin.file_name
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode(), mtime=0))
    return path, replace(pin, sha256=sha256_file(path), row_count=len(rows))


def real_release(benchmark: BenchmarkId) -> Path:
    """The published file where the environment names it or it lies beside the repository; else the test is skipped."""
    pin = EVALPLUS_FILES[benchmark]
    named = os.environ.get(pin.environment)
    path = Path(named) if named else BESIDE_THE_REPOSITORY / pin.file_name
    if not path.is_file():
        pytest.skip(f"{pin.file_name} {pin.version} is not here; name a copy in {pin.environment}")
    return path
