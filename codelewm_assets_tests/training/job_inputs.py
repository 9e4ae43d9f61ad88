"""What a job is given and what it gives: a small store that is clear, a spec on it, and a run's files and log."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from codelewm_assets.core.digests import pretty_json, sha256_bytes
from codelewm_assets.core.package import register_digest
from codelewm_assets.preflight.clearance import REQUIRED_RULES, TRAINING_INPUTS
from codelewm_assets.store.store import ArtifactStore, CacheKey
from codelewm_assets.training.config import TrainingConfig
from codelewm_assets.training.progress import STREAM, event_line, job_event_line
from codelewm_assets.training.worker import WorkerSpec

RESULTS = {"fold0.safetensors": b"weights", "sidecar.json": b"{}"}


def put_clear_chain(store: ArtifactStore, **report: Any) -> dict[str, str]:
    """Labels, pack, what is made from it, tokens, and a report that judged them, with fields changed: name → digest."""
    labels = _put(store, "labelled_completions", {}, {"labels.parquet": b"labels"})
    digests = {"execution_pack": _put(store, "execution_pack", {"labelled_completions": labels})}
    own = {"execution_pack": digests["execution_pack"]}
    digests |= {kind: _put(store, kind, own) for kind in TRAINING_INPUTS if kind != "execution_pack"}
    judged = {name: digests[name] for name in TRAINING_INPUTS}
    own |= {"problem_splits": digests["problem_splits"]}
    digests["tokenized_pack"] = _put(store, "tokenized_pack", own, {"fold0_tokens.safetensors": b"tokens"})
    fields = {
        "clear": True,
        "red": [],
        "folds": [0],
        "findings": [{"rule": rule, "passed": True} for rule in REQUIRED_RULES],
        "judged": judged | {"labelled_completions": labels},
        "register_digest": register_digest(),
    } | report
    files = {"preflight_report.json": pretty_json(fields)}
    return digests | {"preflight_report": _put(store, "preflight_report", judged, files)}


def _put(
    store: ArtifactStore,
    kind: str,
    parents: Mapping[str, str],
    files: Mapping[str, bytes] | None = None,
    partition: str | None = None,
) -> str:
    content = dict(files or {f"{kind}.parquet": kind.encode()})
    return store.write(CacheKey(kind, partition, parents, {}, "test"), content, {}).digest


def spec_on(store: ArtifactStore, digests: Mapping[str, str], output: Path) -> WorkerSpec:
    """A spec on the chain that writes to an empty folder, which is made."""
    output.mkdir()
    return WorkerSpec(
        store_root=str(store.root),
        digests=dict(digests),
        seed=42,
        config=TrainingConfig(),
        output_folder=str(output),
        revision="test",
    )


def events_of(results: Mapping[str, bytes], *, steps: int = 3, first_s: float = 1000.0) -> list[dict[str, Any]]:
    """The events of a run that ends well."""
    files = {name: sha256_bytes(data) for name, data in results.items()}
    events: list[dict[str, Any]] = [{"event": "start", "seed": 42}]
    for step in range(1, steps + 1):
        events.append(
            {"event": "progress", "fold": 0, "step": step, "steps": steps, "metrics": {"loss": 0.5}, "elapsed_s": step}
        )
    events.append({"event": "complete", "seed": 42, "files": files})
    return [event | {"seq": seq, "time_s": first_s + seq} for seq, event in enumerate(events)]


def log_of(events: list[dict[str, Any]]) -> list[str]:
    """The lines of a job's log with these events, and others between them."""
    return ["Pulling the image", *(line for e in events for line in (job_event_line(e).strip(), "a warning"))]


def outputs_of(results: Mapping[str, bytes], events: list[dict[str, Any]]) -> dict[str, bytes]:
    """The files that the run leaves: its results, and its stream."""
    return dict(results) | {STREAM: "".join(map(event_line, events)).encode()}
