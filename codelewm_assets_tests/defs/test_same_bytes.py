"""Same inputs, same bytes: two builds in two folders, in processes with different hash seeds, give the same data versions."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROFILE = """
name: same_bytes
description: Both benchmarks with few completions and floors that are easily met.
sources: {humaneval: wheel, mbpp_plus: stand_in, max_inputs_per_problem: 5}
completions: {rewrites: 2, one_bug: 2, two_bug: 1, seed: 0}
sandbox: {workers: 2, cpu_floor_s: 0.5}
splits: {near_duplicate_threshold: 0.7, seed: 0}
decoys: {pairs_per_problem: 2, pool_passing: 2, pool_failing: 3}
preflight:
  {floors: {humaneval: {passed: 10, failed: 10, magnitude: {negative: 1, zero: 1, small: 1, medium: 1, large: 1, not_a_number: 1}},
            mbpp_plus: {passed: 10, failed: 10, magnitude: {negative: 1, zero: 1, small: 1, medium: 1, large: 1, not_a_number: 1}},
            decoy_category: {pairs: 1, problems: 1}},
   control_ceiling: 0.999, chance_margin: 0.9,
   target_lift_points: 95.0}
training: {vocab_size: 1024, steps: 2}
"""


@pytest.mark.slow
def test_two_builds_in_two_folders_give_the_same_data_versions(tmp_path: Path) -> None:
    versions = []
    for number in (1, 2):
        home = tmp_path / f"home{number}"
        home.mkdir()
        (home / "dagster.yaml").write_bytes((ROOT / "dagster.yaml").read_bytes())
        (home / "profile.yaml").write_text(PROFILE)
        environment = os.environ | {
            "DAGSTER_HOME": str(home), "CODELEWM_ARTIFACTS": str(home / "artifacts"), "PYTHONHASHSEED": str(number)
        }  # fmt: skip
        command = [
            sys.executable,
            "-m",
            "codelewm_assets.cli",
            "build",
            "--profile",
            "profile.yaml",
            "--select",
            '+key:"tokenized_pack"',
        ]
        done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        found = {}
        for manifest in sorted((home / "artifacts").glob("*/*/*/manifest.json")):
            kind, partition = manifest.parts[-4], manifest.parts[-3]
            assert (kind, partition) not in found, "one artifact each"
            found[kind, partition] = manifest.parts[-2]
            assert json.loads(manifest.read_text())["artifact_kind"] == kind
        versions.append(found)
    assert len(versions[0]) == 9
    assert versions[0] == versions[1]
