"""Our stand-in for MBPP-Plus, as problems. Its label says what it is wherever it shows."""

from dataclasses import asdict

from codelewm_assets.core.digests import digest_of
from codelewm_assets.core.records import Problem
from codelewm_assets.sources.sample import STAND_IN_PROBLEMS

STAND_IN_LABEL = "mbpp_plus (stand-in)"
STAND_IN_REVISION = "codelewm stand-in 1"
ATTRIBUTION = "https://github.com/codelewm/codelewm_assets"


def stand_in_digest() -> str:
    """Digest of the stand-in problems as they stand in the code."""
    return digest_of([asdict(row) for row in STAND_IN_PROBLEMS])


def read_stand_in(*, max_inputs: int | None) -> list[Problem]:
    """All stand-in problems, each with up to `max_inputs` of its inputs."""
    return [
        Problem(
            problem_id=row.task_id,
            benchmark_id="mbpp_plus",
            benchmark_label=STAND_IN_LABEL,
            prompt=row.prompt,
            entry_point=row.entry_point,
            reference=row.canonical_solution,
            inputs=row.inputs[:max_inputs],
            expected=(None,) * len(row.inputs[:max_inputs]),
            atol=row.atol,
            license="Apache-2.0",
            license_attribution_url=ATTRIBUTION,
            source_revision=STAND_IN_REVISION,
        )
        for row in STAND_IN_PROBLEMS
    ]
