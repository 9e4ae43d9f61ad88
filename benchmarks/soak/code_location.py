"""Code location of the soak's daemon: the product on few problems, and a line in a file for every training that starts."""

import json
import os
import time
from dataclasses import replace
from typing import Any

import dagster as dg

from codelewm_assets.benchmarks import problem
from codelewm_assets.defs import training
from codelewm_assets.defs.assemble import build_defs
from codelewm_assets.defs.guards import BLOCKING_CHECKS
from codelewm_assets.defs.inputs import AssetOutput, Inputs

PROBLEMS = 40  # of each benchmark; all five folds are trained, so that they suffice for a lift to show
GATING = {asset for asset, _ in BLOCKING_CHECKS}
_load_benchmark, _train = problem.load_benchmark, training._train


def _few_problems(*args: Any, **how: Any) -> Any:
    read = _load_benchmark(*args, **how)
    return replace(read, problems=read.problems[:PROBLEMS])


def _noted(context: dg.AssetExecutionContext, inputs: Inputs, store: Any, seed: int) -> AssetOutput:
    """Write down what is trained on, by digest, before the worker starts."""
    behind = inputs.store.lineage(inputs.artifact("tokenized_pack")) | inputs.store.lineage(
        inputs.artifact("preflight_report")
    )
    digests = {
        artifact.manifest.artifact_id: digest
        for digest, artifact in behind.items()
        if artifact.manifest.artifact_kind in GATING
    }
    line = json.dumps({"at_s": time.time(), "run_id": context.run_id, "seed": seed, "digests": digests}) + "\n"
    with open(os.environ["SOAK_TRAININGS"], "a", encoding="utf-8") as log:
        log.write(line)
    return _train(context, inputs, store, seed)


problem.load_benchmark = _few_problems
training._train = _noted
defs = build_defs()
