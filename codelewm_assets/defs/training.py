"""Stage `training`: token arrays, checkpoints per seed, and diagnostics of their weights."""

import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import dagster as dg

from codelewm_assets.core.cleanup import remove_tree
from codelewm_assets.core.digests import digest_of, pretty_json, sha256_text
from codelewm_assets.core.errors import AssetsError, TrainingKilledError
from codelewm_assets.core.findings import finding
from codelewm_assets.core.logs import VARIABLE, format_in_force
from codelewm_assets.core.package import source_revision, versions
from codelewm_assets.core.records import Finding
from codelewm_assets.core.tables import read_rows, write_table
from codelewm_assets.defs.artifact_asset import AssetRun, Plan, artifact_asset
from codelewm_assets.defs.checks import check_of, rule_of
from codelewm_assets.defs.guards import require_clear, require_same_settings
from codelewm_assets.defs.inputs import AssetOutput, Inputs, inline_png, latest_version
from codelewm_assets.defs.resources import StoreResource
from codelewm_assets.defs.ui_metadata import plots
from codelewm_assets.preflight.clearance import BEFORE_THE_PACK, BESIDE_THE_PACK, TRAINING_INPUTS
from codelewm_assets.profiles.profile import ComputeSection
from codelewm_assets.release.preregistration import preregister
from codelewm_assets.store.store import Artifact
from codelewm_assets.training.config import CODE_VERSION

if TYPE_CHECKING:
    from codelewm_assets.training.worker import WorkerSpec

TRAINED_ON = ("preflight_report", "tokenized_pack")
PIPES_STATUS = re.compile(r"External execution process failed with code (-?\d+)")  # only the message holds the status


@artifact_asset(
    "training", deps=["execution_pack", "problem_splits", "benchmark_problems", "library_variants"],
    kinds={"huggingface", "parquet"}, code_version="4",
)  # fmt: skip
def tokenized_pack(run: AssetRun) -> Plan:
    """Per model fold a BPE tokenizer trained on its train texts only, and the token arrays of the whole pack."""
    inputs, training = run.inputs, run.profile.training_config()
    names = ("variant_steps", "vocab_size", "code_length", "input_length", "output_length", "prompt_length", "folds")

    def make() -> AssetOutput:
        from codelewm_assets.training.tokenize import RECORDS, VARIANTS, collect_texts, token_files, tokenize_fold

        folds = {split.problem_id: split.fold for split in inputs.splits()}
        variants = inputs.library_variants() if training.variant_steps else ()
        texts = collect_texts(inputs.pack(), folds, inputs.prompts(), variants)
        files: dict[str, bytes] = {RECORDS: write_table(texts.records)}
        if texts.variants:
            files[VARIANTS] = write_table(texts.variants)
        tokenizers = {}
        for fold in training.folds:
            tokenizer, arrays = tokenize_fold(texts, training, model_fold=fold)
            files |= token_files(fold, tokenizer, arrays)
            tokenizers[f"fold {fold}"] = sha256_text(tokenizer)
        counts = {f"{name}_count": len(field_texts) for name, field_texts in texts.by_field.items()}
        return AssetOutput(files, {"record_count": len(texts.records), **counts, "tokenizer_sha256": tokenizers})

    return Plan(make, training.model_dump(mode="json", include=set(names)) | versions("tokenizers"))


def tokens_join_the_pack(inputs: Inputs, partition: str | None) -> Finding:
    """The token records are exactly the pack's rows, each under its problem's fold."""
    fold = {split.problem_id: split.fold for split in inputs.splits()}
    expected = {row.record_id: fold.get(row.source_problem_id) for row in inputs.pack()}
    tokenized = {
        row["record_id"]: row["fold"] for row in read_rows(inputs.artifact("tokenized_pack").path("records.parquet"))
    }
    bad = sorted(name for name in set(expected) | set(tokenized) if expected.get(name, -1) != tokenized.get(name, -2))
    return finding(
        "tokens_join_the_pack",
        bad,
        blocker="tokens_do_not_join",
        message="Every pack row is tokenized, and nothing else.",
        figures={"records": len(tokenized)},
    )


@artifact_asset(
    "training", deps=[*TRAINED_ON, *TRAINING_INPUTS], gated_by=(*BEFORE_THE_PACK, *BESIDE_THE_PACK), kinds={"pytorch"},
    code_version=CODE_VERSION, is_seeded=True, pool="gpu",
)  # fmt: skip
def checkpoint(run: AssetRun) -> Plan:
    """Weights per fold and sidecar of one seed; starts only when every check on exactly its inputs is green."""
    context, inputs = run.context, run.inputs
    require_clear(context.instance)
    _require_clear_artifacts(inputs, run.parents())

    def make() -> AssetOutput:
        preregister(inputs.store.work, inputs.artifact("preflight_report").digest, datetime.now(UTC))
        with _retried_when_killed(context, run.profile.operations.infrastructure_retries):
            output = _train(context, inputs, run.store, int(run.seed))
        require_clear(context.instance)  # again: the data may have been rebuilt while training ran
        _require_unchanged(context.instance, output.metadata["judged"])
        return output

    def show(artifact: Artifact) -> dict[str, Any]:
        from codelewm_assets.plots.reports import training_curve
        from codelewm_assets.training.progress import read_events

        _require_of_this_run(artifact, run)

        def draw() -> dict[str, bytes]:
            events = read_events(artifact.path("progress.jsonl"))[0]
            return {
                "loss": training_curve({int(run.seed): events}, on=" and ".join(inputs.benchmark_labels().values()))
            }

        return {**plots(inputs, artifact, draw)}

    compute = run.profile.compute
    trainer = {"command": compute.command.argv} if compute.command is not None and compute.backend == "command" else {}
    return Plan(make, run.profile.training_config().settings | versions("torch", "transformers") | trainer, show=show)


def _require_of_this_run(artifact: Artifact, run: AssetRun) -> None:
    """Raises: dg.Failure: the weights, new or reused, do not match this seed, data and profile."""
    from codelewm_assets.training.sidecar import require_matching, require_same_training

    digests = {parent.manifest.artifact_id: parent.digest for parent in run.parents()}
    try:
        sidecar = require_matching(artifact, run.inputs.artifact("tokenized_pack"))
        require_same_training(sidecar, seed=int(run.seed), digests=digests, config=run.profile.training_config())
    except AssetsError as error:
        raise dg.Failure(
            f"{artifact.address} is refused: {error} Delete it and train again.", allow_retries=False
        ) from error


@contextmanager
def _retried_when_killed(context: dg.AssetExecutionContext, times: int) -> Iterator[None]:
    """Retry the step, from the guard on, when its training process was killed, and for no other reason.

    Dagster's run retries do not cover this: the run's process is alive, and its step has failed.
    """
    try:
        yield
    except TrainingKilledError as error:
        if context.retry_number < times:
            raise dg.RetryRequested(max_retries=times) from error
        raise


def _require_clear_artifacts(inputs: Inputs, parents: list[Any]) -> None:
    from codelewm_assets.preflight.clearance import require_clear_artifacts

    require_same_settings(inputs)
    digests = {parent.manifest.artifact_id: parent.digest for parent in parents}
    require_clear_artifacts(inputs.store, digests, folds=inputs.profile.folds)


def _require_unchanged(instance: dg.DagsterInstance, judged: dict[str, str]) -> None:
    rebuilt = sorted(name for name, digest in judged.items() if latest_version(instance, name) != digest)
    if rebuilt:
        raise dg.Failure(f"{', '.join(rebuilt)} were rebuilt while training ran. Train again.", allow_retries=False)


def _train(context: dg.AssetExecutionContext, inputs: Inputs, store: StoreResource, seed: int) -> AssetOutput:
    from codelewm_assets.training.progress import STREAM, event_line, event_log, read_events, timeless
    from codelewm_assets.training.sidecar import require_trained
    from codelewm_assets.training.worker import WorkerSpec, result_names

    started, config = time.monotonic(), inputs.profile.training_config()
    digests = {name: inputs.artifact(name).digest for name in (*TRAINING_INPUTS, *TRAINED_ON)}
    of_states = {"digests": digests, "config": config.settings, "code_version": CODE_VERSION}
    key = digest_of(of_states | versions("torch", "transformers", "tokenizers", "numpy"))
    folder = store.partial_folder(f"checkpoint-{seed}") / key[:16]  # the same for a run resumed after a kill
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
    scalars = path.parent / "tensorboard" / path.stem / context.run_id[:8]
    with event_log(path, scalars, log=context.log.info) as (on_event, completed):
        _run_on_backend(context, inputs.profile.compute, spec, on_event)
    require_trained(folder, completed, seed=seed, digests=digests, config=config)
    files: dict[str, bytes | Path] = {name: folder / name for name in result_names(config.folds)}
    events, _ = read_events(folder / STREAM)
    files["progress.jsonl"] = "".join(map(event_line, timeless(events))).encode("utf-8")
    metadata = {"seed": seed, "judged": digests, "folds": list(config.folds)}
    return AssetOutput(
        files,
        metadata,
        {"wall_s": time.monotonic() - started},
        on_stored=lambda: remove_tree(str(folder.parent)),
    )


def _run_on_backend(
    context: dg.AssetExecutionContext,
    compute: ComputeSection,
    spec: "WorkerSpec",
    on_event: Callable[[dict[str, Any]], None],
) -> None:
    """Train where the profile says; each backend asks for the clearance itself and writes into `spec.output_folder`."""
    if compute.backend == "hf_jobs" and compute.hf_jobs is not None:
        from codelewm_assets.training.hf_jobs import HfJobs

        HfJobs(compute.hf_jobs, token=os.environ.get("HF_TOKEN")).run(spec, on_event=on_event)
    elif compute.backend == "command" and compute.command is not None:
        from codelewm_assets.training.command import run_command

        run_command(spec, compute.command, on_event=on_event, log=context.log.info)
    else:
        run_worker(context, spec, on_event=on_event)


def run_worker(
    context: dg.AssetExecutionContext, spec: "WorkerSpec", *, on_event: Callable[[dict[str, Any]], None]
) -> None:
    """Run the worker, or the agent of several workers, on this machine; it writes into `spec.output_folder`.

    Args: on_event: called with each event of the stream, in the thread that reads Dagster's messages.
    Raises: PreflightError: the worker's guard refused. TrainingError: it failed or ran too long. TrainingKilledError: it was
        killed.
    """
    from codelewm_assets.training.worker import PARENT, exit_error

    module, writers = ("worker", 1) if spec.config.processes == 1 else ("agent", 2)  # the first rank writes too
    reader = _EventReader(on_event, writers)
    with TemporaryDirectory(prefix="codelewm-training-") as folder:
        path = Path(folder) / "spec.json"
        path.write_text(spec.model_dump_json(), encoding="utf-8")
        try:
            dg.PipesSubprocessClient(message_reader=reader).run(
                context=context,
                command=[sys.executable, "-m", f"codelewm_assets.training.{module}", str(path)],
                env={PARENT: str(os.getpid()), VARIABLE: format_in_force()},
            )
        except Exception as error:
            status = PIPES_STATUS.search(str(error))
            if status is None:  # the process did not exit by itself
                raise
            raise exit_error(spec, int(status[1]), reader.end) from None


class _EventReader(dg.PipesTempFileMessageReader):
    """Reads the worker's messages, passes each event on, and keeps the worker's final message."""

    def __init__(self, on_event: Callable[[dict[str, Any]], None], writers: int) -> None:
        super().__init__()
        self._on_event, self._writers = on_event, writers
        self.end: dict[str, Any] = {}

    @property
    def expected_writer_count(self) -> int:
        """Number of processes that open and close the session."""
        return self._writers

    @contextmanager
    def read_messages(self, handler: dg.PipesMessageHandler) -> Iterator[Mapping[str, Any]]:
        """As the base class, inspecting each message before Dagster's handler."""
        from codelewm_assets.training.worker import END

        handle = handler.handle_message

        def observe(message: Any) -> None:
            payload = message["params"]["payload"] if message["method"] == "report_custom_message" else None
            if payload is not None and END in payload:
                self.end = payload[END]
            elif payload is not None:
                self._on_event(payload)
            handle(message)

        handler.handle_message = observe  # type: ignore[method-assign]  # a reader has no other place for live messages
        with super().read_messages(handler) as parameters:
            yield parameters


def sidecar_matches(inputs: Inputs, partition: str | None) -> Finding:
    """The sidecar names exactly these weights, this tokenizer, pack and folds."""
    from codelewm_assets.training.sidecar import sidecar_mismatches

    trained = inputs.artifact("checkpoint", partition)
    return finding(
        "sidecar_matches",
        sidecar_mismatches(trained, inputs.artifact("tokenized_pack")),
        blocker="sidecar_mismatch",
        message="Weights, sidecar and tokens belong together.",
        figures={"files": len(trained.manifest.files)},
    )


@artifact_asset(
    "training", deps=["checkpoint", "tokenized_pack"], kinds={"numpy", "json"}, code_version="5", is_seeded=True
)
def checkpoint_inspection(run: AssetRun) -> Plan:
    """The tensor table, the check of finite weights, and the collapse diagnostics of the latents."""
    trained, tokens = run.parents()

    def make() -> AssetOutput:
        from codelewm_assets.evaluation.explained import explained_figures
        from codelewm_assets.plots.reports import training_curve
        from codelewm_assets.training.inspect import held_out_latents, inspect_checkpoint
        from codelewm_assets.training.progress import read_events

        rows, report = inspect_checkpoint(trained, tokens)
        if not report["nonfinite_tensors"]:
            after, before = held_out_latents(trained, tokens)
            report |= explained_figures((after.z_pred, after.z_out), (before.z_pred, before.z_out), after.problems)
        pack = run.inputs.store.load("execution_pack", tokens.manifest.parent_artifacts["execution_pack"])
        on = " and ".join(pack.manifest.metadata["benchmark_labels"].values())
        curve = training_curve({int(run.seed): read_events(trained.path("progress.jsonl"))[0]}, on=on)
        return AssetOutput(
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
    verdict = collapse_gate(SeedEvidence(collapse=CollapseReport.model_validate(raw)))
    return finding(
        "latents_have_not_collapsed",
        [f"{reason.code}: {reason.detail}" for reason in verdict.reasons],
        blocker=verdict.reasons[0].code if verdict.reasons else "collapsed",
        message="The latents have not collapsed.",
        figures=verdict.figures,
    )


ASSETS = [tokenized_pack, checkpoint, checkpoint_inspection]
CHECKS = [
    check_of(rule_of("tokenized_pack", tokens_join_the_pack, is_stored=True)),
    check_of(rule_of("checkpoint", sidecar_matches), is_seeded=True),
    check_of(rule_of("checkpoint_inspection", weights_are_finite), is_seeded=True),
    check_of(rule_of("checkpoint_inspection", sidecar_matches), is_seeded=True),
    check_of(rule_of("checkpoint_inspection", latents_have_not_collapsed), is_seeded=True, blocking=False),
]
