"""Everything Dagster loads, put together. No environment variable changes the graph."""

import os

import dagster as dg

from codelewm_assets.defs import (
    claims,
    completions,
    decoys,
    evaluation,
    hub_release,
    packs,
    preflight,
    release,
    sources,
    splits,
    training,
)
from codelewm_assets.defs.jobs import make_jobs, read_job_tags
from codelewm_assets.defs.resources import default_resources

STAGE_MODULES = (
    sources, completions, packs, splits, decoys, preflight, training, evaluation, claims, release, hub_release,
)  # fmt: skip


def build_defs(*, resources: dict[str, dg.ConfigurableResource] | None = None) -> dg.Definitions:
    """The definitions. Args: resources: `store` and `profile`; from the environment when left out."""
    return dg.Definitions(
        assets=[asset for module in STAGE_MODULES for asset in module.ASSETS],
        asset_checks=[check for module in STAGE_MODULES for check in module.CHECKS],
        jobs=make_jobs(read_job_tags(os.environ.get("CODELEWM_JOB_TAGS"))),
        resources=resources or default_resources(),
        executor=dg.in_process_executor,
    )
