"""Same inputs, same bytes: two builds in two folders, in processes with different hash seeds, give the same data versions.

Up to the critics and checkpoints of both seeds and the inspection of these, trained by the real worker on two threads.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from codelewm_assets.core.ids import SEEDS
from codelewm_assets.defs.assemble import build_defs
from codelewm_assets.instance.build import planned_runs

ROOT = Path(__file__).parents[2]
PROFILE = """
name: same_bytes
description: Both benchmarks with few completions and floors that are easily met.
sources: {humaneval: wheel, mbpp_plus: stand_in, max_inputs_per_problem: 5}
completions: {bugs: 1, pairs_per_bug: 2, seed: 0}
sandbox: {workers: 2, cpu_floor_s: 0.5}
splits: {near_duplicate_threshold: 0.7, seed: 0}
decoys: {pairs_per_problem: 2, pool_pairs: 2}
preflight:
  {floors: {humaneval: {passed: 10, failed: 10, magnitude: {negative: 1, zero: 1, small: 1, medium: 1, large: 1, not_a_number: 1}},
            mbpp_plus: {passed: 10, failed: 10, magnitude: {negative: 1, zero: 1, small: 1, medium: 1, large: 1, not_a_number: 1}},
            decoy_category: {pairs: 1, problems: 1}},
   control_ceiling: 0.999, chance_margin: 0.9,
   target_lift_points: 95.0}
training:
  {vocab_size: 1024, steps: 4, log_every: 4, checkpoint_every: 2, completions_per_batch: 8, threads: 2,
   hidden: 16, layers: 2, heads: 2, feedforward: 16, latent: 16, predictor_hidden: 16}
"""


SEEDED = ("checkpoint", "checkpoint_inspection", "critic")
SELECTION = '+key:"checkpoint_inspection" or +key:"critic"'


def _start_build(home: Path, *, hash_seed: int) -> subprocess.Popen[str]:
    home.mkdir()
    (home / "dagster.yaml").write_bytes((ROOT / "dagster.yaml").read_bytes())
    (home / "profile.yaml").write_text(PROFILE)
    environment = os.environ | {
        "DAGSTER_HOME": str(home), "CODELEWM_ARTIFACTS": str(home / "artifacts"), "PYTHONHASHSEED": str(hash_seed)
    }  # fmt: skip
    command = [sys.executable, "-m", "codelewm_assets.cli", "build", "--profile", "profile.yaml"]
    with (home / "said.txt").open("w") as said:
        return subprocess.Popen(
            [*command, "--select", SELECTION],
            cwd=home, env=environment, stdout=said, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip


def _versions(home: Path) -> dict[tuple[str, str], str]:
    """(kind, partition) of everything stored → its digest."""
    found: dict[tuple[str, str], str] = {}
    for manifest in sorted((home / "artifacts").glob("*/*/*/manifest.json")):
        kind, partition = manifest.parts[-4], manifest.parts[-3]
        assert (kind, partition) not in found, "one artifact each"
        found[kind, partition] = manifest.parts[-2]
        assert json.loads(manifest.read_text())["artifact_kind"] == kind
    return found


@pytest.mark.slow
def test_two_builds_in_two_folders_give_the_same_data_versions(tmp_path: Path) -> None:
    """They run side by side, so neither has the machine to itself."""
    homes = [tmp_path / f"home{number}" for number in (1, 2)]
    builds = [_start_build(home, hash_seed=number) for number, home in enumerate(homes, start=1)]
    try:
        for build, home in zip(builds, homes, strict=True):
            assert build.wait() == 0, (home / "said.txt").read_text()
    finally:
        for build in builds:
            build.kill()  # the other one, when the first has failed
            build.wait()
    first, second = map(_versions, homes)
    selected = {key.to_user_string() for run in planned_runs(build_defs(), SELECTION) for key in run.assets}
    partitions = {kind: map(str, SEEDS) if kind in SEEDED else ["all"] for kind in selected}
    assert first.keys() == {(kind, partition) for kind, own in partitions.items() for partition in own}
    assert first == second
    assert len(set(first.values())) == len(first)  # the two seeds are not the same training
