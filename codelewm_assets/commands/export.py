"""`export`: the latest build in CodeLeWM's own forms."""

import argparse
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codelewm_assets.commands.base import command, open_instance, open_store, print_json
from codelewm_assets.core.errors import AssetsError
from codelewm_assets.core.files import WRITE_PREFIX

if TYPE_CHECKING:
    from codelewm_assets.published.export import Build


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a folder that does not exist, or is empty")
    parser.add_argument("--as", dest="form", required=True, choices=["codelewm-v1"], help="the forms to write")
    parser.add_argument(
        "--fold", type=int, metavar="K", help="fold whose split and scores are exported (default: the first scored)"
    )


@command(
    "export --as codelewm-v1 exported",
    "Write the latest build in CodeLeWM's forms: pack, decoys, job progress, score rows, rerank and calibration reports.",
    _add_arguments,
)
def run(options: argparse.Namespace) -> int:
    from codelewm_assets.published.export import export_files

    folder: Path = options.folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise AssetsError(f"{folder} exists and is not empty. Name a new folder.")
    files = export_files(_latest_build(open_instance(), open_store(), options.fold))
    _write(folder, files)
    if options.json:
        print_json({"folder": str(folder), "files": sorted(files)})
    else:
        print(f"{len(files)} files in {folder}; `codelewm-assets recheck {folder}` judges them.")
    return 0


def _write(folder: Path, files: dict[str, bytes]) -> None:
    """All files, or none: they are written beside the folder and renamed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=WRITE_PREFIX))
    try:
        for name, data in files.items():
            path = temporary / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        temporary.chmod(0o755)
        os.replace(temporary, folder)
    except OSError:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _latest_build(instance: Any, store: Any, fold: int | None) -> "Build":
    """Latest artifacts as records. Raises: AssetsError: one was never materialized, or is damaged."""
    from codelewm_assets.core.ids import SEEDS
    from codelewm_assets.core.records import Decoy, PackRow
    from codelewm_assets.core.tables import read_table
    from codelewm_assets.dataset.folds import ProblemSplit
    from codelewm_assets.defs.inputs import latest_version
    from codelewm_assets.evaluation.score_files import read_twin_rows
    from codelewm_assets.published.export import Build, SeedRun
    from codelewm_assets.training.progress import read_events
    from codelewm_assets.training.sidecar import read_sidecar

    def latest(kind: str, partition: str | None = None) -> Any:
        version = latest_version(instance, kind, partition)
        if version is None:
            raise AssetsError(f"{kind} has not been materialized. Run `codelewm-assets build` first.")
        artifact = store.load(kind, version, partition=partition)
        for fault in store.verify(artifact):
            raise AssetsError(
                f"{fault.artifact} is damaged: {fault.file} is {fault.found}, expected {fault.wanted}. Build again."
            )
        return artifact

    scored = {seed: latest("heldout_scores", str(seed)) for seed in SEEDS}
    rows = {seed: read_twin_rows(artifact.path("score_rows.jsonl")) for seed, artifact in scored.items()}
    chosen = min(row.fold for row in rows[SEEDS[0]]) if fold is None else fold
    runs = {}
    for seed in SEEDS:
        trained = latest("checkpoint", str(seed))
        weights = read_sidecar(trained).weights_sha256
        if str(chosen) not in weights:
            raise AssetsError(f"Fold {chosen} was not trained; the build trained folds {', '.join(sorted(weights))}.")
        events = read_events(trained.path("progress.jsonl"))[0]
        runs[seed] = SeedRun(events, weights[str(chosen)], rows[seed], trained.manifest, scored[seed].manifest)
    pack, decoys = latest("execution_pack"), latest("semantic_decoys")
    splits = read_table(latest("problem_splits").path("splits.parquet"), ProblemSplit)
    return Build(
        fold=chosen,
        pack=read_table(pack.path("pack.parquet"), PackRow),
        folds={split.problem_id: split.fold for split in splits},
        decoys=read_table(decoys.path("decoys.parquet"), Decoy),
        runs=runs,
        packed=pack.manifest,
        paired=decoys.manifest,
    )
