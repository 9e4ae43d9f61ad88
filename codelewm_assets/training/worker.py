"""Training in a process of its own: `python -m codelewm_assets.training.worker SPEC.json`.

The guard comes first, before torch is imported: whoever starts this module, training on artifacts that the preflight
report did not clear ends with exit status 3 and one line. Exit 0: files written. Exit 1: training failed.
"""

import ctypes
import json
import os
import platform
import signal
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from codelewm_assets.core.digests import pretty_json, sha256_file
from codelewm_assets.core.errors import AssetsError, PreflightError, TrainingError
from codelewm_assets.core.store import ArtifactStore
from codelewm_assets.preflight.clearance import require_clear_artifacts
from codelewm_assets.training.config import TrainingConfig
from codelewm_assets.training.progress import event_line
from codelewm_assets.training.sidecar import Sidecar

REFUSED = 3
PR_SET_PDEATHSIG = 1


class WorkerSpec(BaseModel):
    """What one training process is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    store_root: str
    digests: dict[str, str]
    seed: int
    config: TrainingConfig
    output_folder: str
    revision: str


def train(spec: WorkerSpec) -> None:
    """Judge the artifacts, train each fold, write weights, sidecar and event stream into the output folder.

    Raises: PreflightError: refused. TrainingError, StoreError: as the loop and the store.
    """
    store = ArtifactStore(Path(spec.store_root))
    require_clear_artifacts(store, spec.digests, folds=spec.config.folds)

    import torch
    from safetensors.torch import save_file

    from codelewm_assets.training.data import load_fold
    from codelewm_assets.training.loop import train_fold

    if spec.config.device == "cuda" and not torch.cuda.is_available():
        raise TrainingError(
            "The profile asks for device cuda and none is here. Train where there is one, or use sample."
        )
    torch.set_num_threads(spec.config.threads)
    torch.use_deterministic_algorithms(True)
    folder = Path(spec.output_folder)
    tokenized = store.load("tokenized_pack", spec.digests["tokenized_pack"])
    weights, tokenizers, parameters = dict[str, str](), dict[str, str](), 0
    with (folder / "progress.jsonl").open("w", encoding="utf-8", buffering=1) as stream:

        def emit(event: dict[str, Any]) -> None:
            stream.write(event_line(event))
            print(event_line(event), end="", flush=True)

        emit({"event": "started", "seed": spec.seed, "folds": list(spec.config.folds), "device": spec.config.device})
        for fold in spec.config.folds:
            model = train_fold(
                load_fold(tokenized, fold), spec.config, seed=spec.seed, emit=emit, device=spec.config.device
            )
            path = folder / f"fold{fold}.safetensors"
            save_file({name: tensor.contiguous().cpu() for name, tensor in model.state_dict().items()}, path)
            weights[str(fold)] = sha256_file(path)
            tokenizers[str(fold)] = sha256_file(tokenized.path(f"fold{fold}_tokenizer.json"))
            parameters = sum(p.numel() for p in model.parameters() if p.requires_grad)
        emit({"event": "finished", "seed": spec.seed})
    require_clear_artifacts(store, spec.digests, folds=spec.config.folds)  # again: bytes may have changed meanwhile
    sidecar = Sidecar(
        seed=spec.seed,
        folds=spec.config.folds,
        config=spec.config,
        execution_pack=spec.digests["execution_pack"],
        problem_splits=spec.digests["problem_splits"],
        tokenized_pack=spec.digests["tokenized_pack"],
        preflight_report=spec.digests["preflight_report"],
        tokenizer_sha256=tokenizers,
        weights_sha256=weights,
        parameter_count=parameters,
        revision=spec.revision,
        versions={name: version(name) for name in ("torch", "transformers", "tokenizers", "numpy")},
        device=f"{spec.config.device} ({platform.machine()})",
    )
    (folder / "sidecar.json").write_bytes(pretty_json(sidecar.model_dump(mode="json")))


def main() -> int:
    """Run from the command line with the path of a JSON spec."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # an interrupted build leaves no training behind
    try:
        spec = WorkerSpec.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
        train(spec)
    except PreflightError as error:
        print(json.dumps({"event": "refused", "message": str(error)}), file=sys.stderr)
        return REFUSED
    except (AssetsError, OSError, ValueError) as error:
        print(json.dumps({"event": "failed", "message": f"{type(error).__name__}: {error}"}), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
