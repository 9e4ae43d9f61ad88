"""Stage `training`: token arrays, checkpoints per seed, and a look at their weights."""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from codelewm_assets.core.cleanup import remove_tree
from codelewm_assets.core.digests import digest_of, pretty_json, sha256_text
from codelewm_assets.core.errors import AssetsError, TrainingKilledError
from codelewm_assets.core.findings import finding
from codelewm_assets.core.records import Finding
from codelewm_assets.core.tables import read_rows, write_table
from codelewm_assets.defs.artifact_asset import AssetRun, Plan, artifact_asset
from codelewm_assets.defs.checks import check_of, rule_of
from codelewm_assets.defs.guards import require_clear
from codelewm_assets.defs.inputs import Inputs, preflight_settings
from codelewm_assets.defs.plumbing import Made, inline_png, latest_version, versions
from codelewm_assets.defs.resources import StoreResource, source_revision
from codelewm_assets.preflight.clearance import BEFORE_THE_PACK, JUDGED
from codelewm_assets.profiles.profile import ComputeSection
from codelewm_assets.store.store import Artifact
from codelewm_assets.training.config import TrainingConfig

if TYPE_CHECKING:
    from codelewm_assets.training.worker import WorkerSpec

TRAINED_ON = ("preflight_report", "tokenized_pack")


@artifact_asset(
    "training", deps=["execution_pack", "problem_splits", "benchmark_problems"], kinds={"huggingface", "parquet"},
    code_version="2",
)  # fmt: skip
def tokenized_pack(run: AssetRun) -> Plan:
    """Per model fold a BPE tokenizer trained on its train texts only, and the token arrays of the whole pack."""
    inputs, training = run.inputs, run.profile.training_config()
    names = ("vocab_size", "code_length", "input_length", "output_length", "prompt_length", "folds")

    def make() -> Made:
        from codelewm_assets.training.tokenize import collect_texts, token_files, tokenize_fold

        folds = {split.problem_id: split.fold for split in inputs.splits()}
        texts = collect_texts(inputs.pack(), folds, inputs.prompts())
        files: dict[str, bytes] = {"records.parquet": write_table(texts.records)}
        tokenizers = {}
        for fold in training.folds:
            tokenizer, arrays = tokenize_fold(texts, training, model_fold=fold)
            files |= token_files(fold, tokenizer, arrays)
            tokenizers[f"fold {fold}"] = sha256_text(tokenizer)
        counts = {f"{name}_count": len(found) for name, found in texts.by_field.items()}
        return Made(files, {"record_count": len(texts.records), **counts, "tokenizer_sha256": tokenizers})

    return Plan(make, training.model_dump(mode="json", include=set(names)) | versions("tokenizers"))


def tokens_join_the_pack(inputs: Inputs, partition: str | None) -> Finding:
    """The token records are exactly the pack's rows, each under its problem's fold."""
    fold = {split.problem_id: split.fold for split in inputs.splits()}
    wanted = {row.record_id: fold.get(row.source_problem_id) for row in inputs.pack()}
    found = {
        row["record_id"]: row["fold"] for row in read_rows(inputs.artifact("tokenized_pack").path("records.parquet"))
    }
    bad = sorted(name for name in set(wanted) | set(found) if wanted.get(name, -1) != found.get(name, -2))
    return finding(
        "tokens_join_the_pack",
        bad,
        blocker="tokens_do_not_join",
        message="Every pack row is tokenized, and nothing else.",
        figures={"records": len(found)},
    )


@artifact_asset(
    "training", deps=[*TRAINED_ON, *JUDGED], gated_by=BEFORE_THE_PACK, kinds={"pytorch"}, code_version="3", is_seeded=True,
    pool="gpu",
)  # fmt: skip
def checkpoint(run: AssetRun) -> Plan:
    """Weights per fold and sidecar of one seed; starts only when every check on exactly its data is green."""
    context, inputs = run.context, run.inputs
    require_clear(context.instance)
    _require_clear_artifacts(inputs, run.parents())

    def make() -> Made:
        with _retried_when_killed(context, run.profile.operations.infrastructure_retries):
            made = _train(context, inputs, run.store, int(run.seed))
        require_clear(context.instance)  # judged again: the data may have been rebuilt while training ran
        _require_unchanged(context.instance, made.metadata["judged"])
        return made

    return Plan(make, _settings(run.profile.training_config()) | versions("torch"))


@contextmanager
def _retried_when_killed(context: dg.AssetExecutionContext, times: int) -> Iterator[None]:
    """The step is tried again, from the guard on, when its training process was ended from outside; by nothing else.

    Dagster's own retries of runs do not see to it: the process of the run lives, and its step has failed.
    """
    try:
        yield
    except TrainingKilledError as error:
        if context.retry_number < times:
            raise dg.RetryRequested(max_retries=times) from error
        raise


def _settings(config: TrainingConfig) -> dict[str, Any]:
    """What of a configuration the weights depend on: a longer time limit makes no other checkpoint, and goes on from its states."""
    return config.model_dump(mode="json", exclude={"wall_limit_s"})


def _require_clear_artifacts(inputs: Inputs, parents: list[Any]) -> None:
    from codelewm_assets.preflight.clearance import require_clear_artifacts

    report = inputs.artifact("preflight_report").read_json("preflight_report.json")
    if report.get("settings") != preflight_settings(inputs.profile):
        raise dg.Failure(
            f"Training is refused: preflight_report judged under other settings than profile {inputs.profile.name} has. "
            "Materialize preflight_report under this profile.",
            allow_retries=False,
        )
    digests = {parent.manifest.artifact_id: parent.digest for parent in parents}
    try:
        require_clear_artifacts(inputs.store, digests, folds=inputs.profile.folds)
    except AssetsError as error:
        raise dg.Failure(str(error), allow_retries=False) from error


def _require_unchanged(instance: dg.DagsterInstance, judged: dict[str, str]) -> None:
    rebuilt = sorted(name for name, digest in judged.items() if latest_version(instance, name) != digest)
    if rebuilt:
        raise dg.Failure(f"{', '.join(rebuilt)} were rebuilt while training ran. Train again.", allow_retries=False)


def _train(context: dg.AssetExecutionContext, inputs: Inputs, store: StoreResource, seed: int) -> Made:
    from codelewm_assets.training.progress import STREAM, event_line, read_events, timeless
    from codelewm_assets.training.worker import WorkerSpec, result_names

    started, config = time.monotonic(), inputs.profile.training_config()
    digests = {name: inputs.artifact(name).digest for name in (*JUDGED, *TRAINED_ON)}
    key = digest_of({"digests": digests, "config": _settings(config)} | versions("torch"))
    folder = store.partial_folder(f"checkpoint-{seed}") / key[:16]  # the same for a run that goes on after a kill
    folder.mkdir(parents=True, exist_ok=True)
    spec = WorkerSpec(
        store_root=inputs.store.address,
        work_folder=str(inputs.store.work),
        digests=digests,
        seed=seed,
        config=config,
        output_folder=str(folder),
        revision=source_revision(),
    )
    path = store.progress_path(f"checkpoint-{seed}")
    with path.open("w", encoding="utf-8", buffering=1) as stream, _scalars(context, path) as write_scalars:

        def on_event(event: dict[str, Any]) -> None:
            stream.write(event_line(event))
            write_scalars(event)

        _run_on(inputs.profile.compute, context, spec, on_event)
    files: dict[str, bytes | Path] = {name: folder / name for name in result_names(config.folds)}
    events, _ = read_events(folder / STREAM)
    files["progress.jsonl"] = "".join(map(event_line, timeless(events))).encode("utf-8")
    metadata = {"seed": seed, "judged": digests, "folds": list(config.folds)}
    return Made(
        files,
        metadata,
        {"wall_s": time.monotonic() - started},
        done=lambda: remove_tree(str(folder.parent)),
    )


def _scalars(
    context: dg.AssetExecutionContext, stream: Path
) -> AbstractContextManager[Callable[[Mapping[str, Any]], None]]:
    """What writes scalars for TensorBoard beside the stream; where it is not installed the log says so."""
    from codelewm_assets.training.scalars import is_available, scalar_writer

    if is_available():
        return scalar_writer(stream.parent / "tensorboard" / stream.stem / context.run_id[:8])
    context.log.info("No scalars for TensorBoard: it is not installed. pip install codelewm_assets[tensorboard]")
    return nullcontext(lambda event: None)


def _run_on(
    compute: ComputeSection,
    context: dg.AssetExecutionContext,
    spec: "WorkerSpec",
    on_event: Callable[[dict[str, Any]], None],
) -> None:
    """Run the worker where the profile says; the run's log shows each event as it comes."""
    if compute.hf_jobs is not None and compute.backend == "hf_jobs":
        from codelewm_assets.training.hf_jobs import HfJobs

        def logged(event: dict[str, Any]) -> None:
            context.log.info(json.dumps(event, sort_keys=True))
            on_event(event)

        HfJobs(compute.hf_jobs, token=os.environ.get("HF_TOKEN")).run(spec, on_event=logged)
        return
    from codelewm_assets.training.launch import run_worker

    with dg.open_pipes_session(
        context=context,
        context_injector=dg.PipesTempFileContextInjector(),
        message_reader=dg.PipesTempFileMessageReader(),
    ) as session:
        run_worker(spec, on_event=on_event, environment=session.get_bootstrap_env_vars())


def sidecar_matches(inputs: Inputs, partition: str | None) -> Finding:
    """The sidecar names exactly these weights, this tokenizer, pack and folds."""
    from codelewm_assets.training.sidecar import sidecar_mismatches

    made = inputs.artifact("checkpoint", partition)
    return finding(
        "sidecar_matches",
        sidecar_mismatches(made, inputs.artifact("tokenized_pack")),
        blocker="sidecar_mismatch",
        message="Weights, sidecar and tokens belong together.",
        figures={"files": len(made.manifest.files)},
    )


@artifact_asset(
    "training", deps=["checkpoint", "tokenized_pack"], kinds={"numpy", "json"}, code_version="2", is_seeded=True
)
def checkpoint_inspection(run: AssetRun) -> Plan:
    """The tensor table, whether every weight is finite, and whether the latents have collapsed."""
    trained, tokens = run.parents()

    def make() -> Made:
        from codelewm_assets.plots.reports import training_curve
        from codelewm_assets.training.inspect import inspect_checkpoint
        from codelewm_assets.training.progress import read_events

        rows, report = inspect_checkpoint(trained, tokens)
        curve = training_curve({int(run.seed): read_events(trained.path("progress.jsonl"))[0]})
        return Made(
            {
                "tensors.parquet": write_table(rows),
                "checkpoint_inspection.json": pretty_json(report),
                "training_curve.png": curve,
            },
            {
                name: report[name]
                for name in ("effective_rank_ratio", "median_variance", "neighbour_entropy", "parameter_count")
            },
        )

    def show(artifact: Artifact) -> dict[str, Any]:
        return {"training_curve": inline_png(artifact.path("training_curve.png").read_bytes())}

    return Plan(make, show=show)


def weights_are_finite(inputs: Inputs, partition: str | None) -> Finding:
    """Every tensor of the checkpoint holds finite numbers only."""
    report = inputs.artifact("checkpoint_inspection", partition).read_json("checkpoint_inspection.json")
    return finding(
        "weights_are_finite",
        report["nonfinite_tensors"],
        blocker="weights_not_finite",
        message="All weights are finite.",
        figures={"tensors": report["tensor_count"]},
    )


def latents_have_not_collapsed(inputs: Inputs, partition: str | None) -> Finding:
    """Effective rank, variance and neighbour entropy of z_pred are above the collapse gate's floors; absent is red."""
    from codelewm_assets.claims.gate_rules import collapse_gate
    from codelewm_assets.evaluation.reports import CollapseReport, SeedEvidence

    raw = inputs.artifact("checkpoint_inspection", partition).read_json("checkpoint_inspection.json")
    state, reasons, figures = collapse_gate(SeedEvidence(collapse=CollapseReport.model_validate(raw)))
    return finding(
        "latents_have_not_collapsed",
        [f"{reason.code}: {reason.detail}" for reason in reasons] if state != "HOLDS" else [],
        blocker="collapsed",
        message="The latents have not collapsed.",
        figures=figures,
    )


ASSETS = [tokenized_pack, checkpoint, checkpoint_inspection]
CHECKS = [
    check_of(rule_of("tokenized_pack", tokens_join_the_pack, is_stored=True)),
    check_of(rule_of("checkpoint", sidecar_matches), is_seeded=True),
    check_of(rule_of("checkpoint_inspection", weights_are_finite), is_seeded=True),
    check_of(rule_of("checkpoint_inspection", sidecar_matches), is_seeded=True),
    check_of(rule_of("checkpoint_inspection", latents_have_not_collapsed), is_seeded=True, blocking=False),
]
