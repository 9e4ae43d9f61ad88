"""What the soak counts is found when it is there: each planted fault gives its own finding, and a sound deployment none."""

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from codelewm_assets.defs.guards import BLOCKING_CHECKS
from codelewm_assets_tests.defs.conftest import green, started, world, worlds
from codelewm_assets_tests.defs.deployment import Deployment

__all__ = ["green", "started", "world", "worlds"]  # fixtures of the tests of defs, used here as they are
FOLDER = Path(__file__).parents[1] / "benchmarks" / "soak"


@pytest.fixture(scope="module")
def soak() -> ModuleType:
    """benchmarks/soak/findings.py, which is no package."""
    spec = importlib.util.spec_from_file_location("findings", FOLDER / "findings.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["findings"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def _training(soak: ModuleType, green: Deployment, **changes: Any) -> Any:
    """A training on everything that the deployment holds, after all of its checks."""
    gating = {asset for asset, _ in BLOCKING_CHECKS}
    digests = {
        name: artifact.digest for name, artifact in green.stored.latest.items() if name.partition("[")[0] in gating
    }
    after = max(one.at_s for one in soak.evaluations(green.instance)) + 1
    return soak.Training(**({"at_s": after, "run_id": "run", "seed": 42, "digests": digests} | changes))


def _on_red(soak: ModuleType, green: Deployment, training: Any) -> list[str]:
    return list(soak.trained_on_red([training], soak.evaluations(green.instance), BLOCKING_CHECKS))


def test_a_training_on_green_is_not_a_finding(soak: ModuleType, green: Deployment) -> None:
    assert _on_red(soak, green, _training(soak, green)) == []


def test_a_training_before_a_check_had_a_result_is_found(soak: ModuleType, green: Deployment) -> None:
    found = _on_red(soak, green, _training(soak, green, at_s=0.0))
    assert len(found) >= len(BLOCKING_CHECKS) and all("without a result" in line for line in found)


def test_a_training_on_a_red_check_is_found(soak: ModuleType, green: Deployment) -> None:
    training, results = _training(soak, green), soak.evaluations(green.instance)
    red = soak.Evaluation(training.at_s - 0.5, results[0].asset, results[0].check, results[0].judged, False)
    (line,) = soak.trained_on_red([training], [*results, red], BLOCKING_CHECKS)
    assert line.endswith(f"{results[0].check} was red")


def test_a_training_on_another_artifact_than_was_judged_is_found(soak: ModuleType, green: Deployment) -> None:
    training = _training(soak, green)
    other = _training(soak, green, digests=dict(training.digests) | {"execution_pack": "f" * 64})
    found = _on_red(soak, green, other)
    assert found and all("execution_pack:" in line for line in found)


def test_a_training_that_names_no_artifact_of_a_gate_is_found(soak: ModuleType, green: Deployment) -> None:
    training = _training(soak, green)
    fewer = {name: digest for name, digest in training.digests.items() if name != "problem_splits"}
    assert _on_red(soak, green, _training(soak, green, digests=fewer)) == [
        "run run seed 42: nothing is known of problem_splits"
    ]


def test_an_artifact_that_is_gone_or_damaged_is_found(soak: ModuleType, green: Deployment) -> None:
    assert soak.lost_artifacts(green.instance, green.stored.store) == []
    pack = green.stored.latest["execution_pack"]
    next(pack.folder.glob("*.parquet")).write_bytes(b"half")
    assert soak.lost_artifacts(green.instance, green.stored.store) == [
        f"execution_pack {pack.digest[:12]} {pack.manifest.files[0].path}"
    ]
    shutil.rmtree(pack.folder)
    (line,) = soak.lost_artifacts(green.instance, green.stored.store)
    assert "not in the store" in line


def test_failures_that_were_reported_never_or_twice_are_found(soak: ModuleType) -> None:
    assert soak.notification_faults(["a", "b"], ["b", "a"]) == []
    assert soak.notification_faults(["a", "b"], ["a", "a", "c"]) == [
        "run b failed and nobody was told",
        "run a was told 2 times",
        "c was told and is no failed run",
    ]
