"""Notices of a failed run and of a changed source."""

from collections.abc import Mapping, Sequence

from codelewm_assets.benchmarks.watch import MISSING, Watched
from codelewm_assets.core.secrets import masked
from codelewm_assets.notify.notice import Notice

MAX_CAUSES = 5
MAX_CAUSE_CHARS = 1500
PARTITION_TAG = "dagster/partition"
RETRIED = {"true": "It is retried.", "false": "It is not retried.", "unknown": "It may be retried."}


def run_notice(
    job: str, run_id: str, tags: Mapping[str, str], causes: Sequence[str], *, will_retry: str, ui_url: str | None
) -> Notice:
    """A failed run: job, seed, causes with secrets masked, whether it is retried, and its address.

    Args:
        job: name of its job.
        tags: Dagster's, of the run.
        causes: messages of red checks and failed steps.
        will_retry: "true", "false" or "unknown".
        ui_url: address of the UI; None = the id alone is given.
    """
    # masked before it is cut: the beginning of a secret at the cut would stay
    causes = [masked(text)[:MAX_CAUSE_CHARS] for text in causes]
    seed = f"[{tags[PARTITION_TAG]}]" if PARTITION_TAG in tags else ""
    names = {"dagster/schedule_name": "Of schedule", "dagster/backfill": "Of backfill"}
    lines = [
        *causes[:MAX_CAUSES],
        *([f"… and {len(causes) - MAX_CAUSES} more."] if len(causes) > MAX_CAUSES else []),
        *(f"{name} {tags[tag]}." for tag, name in names.items() if tag in tags),
        RETRIED[will_retry],
        f"{ui_url.rstrip('/')}/runs/{run_id}" if ui_url else f"Run {run_id}.",
    ]
    first = causes[0].splitlines()[0] if causes else "no cause was stored"
    return Notice(key=run_id, title=f"{job}{seed} failed: {first}", body="\n".join(lines))


def source_notice(source: Watched, fingerprint: str) -> Notice:
    """A source outside the project that changed. Args: fingerprint: its current one, or "missing"."""
    if source.kind == "dataset":
        text = (f"{source.place} is at commit {fingerprint[:12]} on the Hub; builds read {str(source.expected)[:12]}. "
                "Review it, then change the revision, or leave it.")  # fmt: skip
    elif fingerprint == MISSING:
        text = f"The file of {source.name} is gone; the next build will refuse. Put it back, or name another."
    else:
        text = (
            f"The file of {source.name} has sha256 {fingerprint[:12]}…, the pin says {str(source.expected)[:12]}…; builds refuse "
            "it. Put the pinned file back, or change the pin in a reviewed commit."
        )
    return Notice(key=f"source:{source.name}:{fingerprint}", title=text.partition(";")[0], body=text)
