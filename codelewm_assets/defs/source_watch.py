"""Notices that a source changed outside the project: a named file has other bytes, or a Hub dataset has a newer commit.

A file that a build would read asks for `refresh_data`. A file whose digest is not the pinned one, and a commit beyond the
one that is read, are told to people: builds refuse the one and pass over the other until somebody changes the pin.
"""

import os

import dagster as dg
from pydantic import BaseModel

from codelewm_assets.benchmarks.watch import Watched, fingerprint, hub_head, watched_sources
from codelewm_assets.core.errors import SourceMissingError
from codelewm_assets.defs.failures import teller
from codelewm_assets.defs.masking import keeps_secrets
from codelewm_assets.defs.resources import ProfileResource, StoreResource
from codelewm_assets.notify.message import Message
from codelewm_assets.profiles.profile import Profile

INTERVAL_S = 300


class Seen(BaseModel):
    """The sensor's cursor."""

    known: dict[str, str] = {}  # name → fingerprint that has been acted on
    once: dict[str, str] = {}  # name → one that was seen at the last tick only: a file may still be written
    untold: list[Message] = []
    change_count: int = 0


def watched_by(profile: Profile) -> list[Watched]:
    """What of this profile's sources can change outside the project."""
    published = [benchmark for benchmark, source in profile.sources.by_benchmark.items() if source == "evalplus"]
    imported = [(own.file, own.repository, own.revision) for own in profile.completions.imported]
    return watched_sources(published, imported, os.environ)  # type: ignore[arg-type]


@dg.sensor(
    job_name="refresh_data",
    minimum_interval_seconds=INTERVAL_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for refresh_data when a source file changed; tells of bytes that are not pinned and of newer commits.",
)
@keeps_secrets
def watch_sources(
    context: dg.SensorEvaluationContext, store: StoreResource, profile: ProfileResource
) -> dg.SensorResult:
    """One tick. What is seen first is noted only; a change counts when two ticks see the same."""
    seen = Seen.model_validate_json(context.cursor) if context.cursor else Seen()
    watched, requests, faults = watched_by(profile.get()), list[dg.RunRequest](), list[str]()
    for own in watched:
        try:
            found = fingerprint(own, _head)
        except SourceMissingError as error:
            faults.append(str(error))
            continue
        except OSError as error:  # one file that this process may not read holds up no other
            faults.append(f"The file of {own.name} cannot be read ({error}). Make it readable, or name another.")
            continue
        before, earlier = seen.known.get(own.name), seen.once.pop(own.name, None)
        if before is None:
            seen.known[own.name] = found
            if own.kind == "dataset" and found != own.wanted:
                seen.untold.append(_message(own, found, seen.change_count))
        elif found != before and found != earlier:
            seen.once[own.name] = found
        elif found != before:
            seen.known[own.name], seen.change_count = found, seen.change_count + 1
            if own.kind == "file" and own.wanted in (None, found) and found != "missing":
                key = f"{own.name}:{found}:{seen.change_count}"
                requests.append(dg.RunRequest(run_key=key, tags={"codelewm/changed_source": own.name}))
            elif found != own.wanted:
                seen.untold.append(_message(own, found, seen.change_count))
    by = teller(store, profile, context)
    seen.untold = [message for message in seen.untold if not by.tell(message)]
    for fault in faults:
        context.log.error(fault)
    text = None if requests else "; ".join([f"{len(watched)} sources watched", *faults, *by.faults.values()])
    return dg.SensorResult(run_requests=requests, skip_reason=text, cursor=seen.model_dump_json())


def _head(repository: str) -> str:
    return hub_head(repository, endpoint=os.environ.get("HF_ENDPOINT"), token=os.environ.get("HF_TOKEN"))


def _message(own: Watched, found: str, change_count: int) -> Message:
    # a file can be mended and go bad again in the same way, which is news
    change = f":{change_count}" if own.kind == "file" else ""
    if own.kind == "dataset":
        text = (f"{own.place} is at commit {found[:12]} on the Hub; builds read {str(own.wanted)[:12]}. "
                "Review it, then change the revision, or leave it.")  # fmt: skip
    elif found == "missing":
        text = f"The file of {own.name} is gone; the next build will refuse. Put it back, or name another."
    else:
        text = (f"The file of {own.name} has sha256 {found[:12]}…, the pin says {str(own.wanted)[:12]}…; builds refuse it. "
                "Put the pinned file back, or change the pin in a reviewed commit.")  # fmt: skip
    return Message(
        key=f"source:{own.name}:{found}{change}",
        subject=text.partition(";")[0],
        text=text,
        facts={"source": own.name, "found": found},
    )
