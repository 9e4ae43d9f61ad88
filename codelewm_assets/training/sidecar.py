"""The sidecar of a checkpoint: provenance of its weights, and checks against it. No torch here."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from codelewm_assets.core.digests import sha256_file
from codelewm_assets.core.errors import TrainingError
from codelewm_assets.store.store import Artifact
from codelewm_assets.training.config import TrainingConfig

MODULES = ("configuration_codelewm.py", "modeling_codelewm.py")  # named by auto_map of the configuration
FOLDER_FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", *MODULES)
"""Files of one fold's folder."""


def fold_folder(fold: int) -> str:
    """Folder of one fold's model in a checkpoint, which `AutoModel.from_pretrained` loads."""
    return f"fold{fold}"


def weights_path(fold: int) -> str:
    """Path of one fold's weights in a checkpoint."""
    return f"{fold_folder(fold)}/model.safetensors"


class Sidecar(BaseModel):
    """Provenance of a checkpoint, stored beside its weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    schema_version: Literal["codelewm.checkpoint_sidecar.v2"] = "codelewm.checkpoint_sidecar.v2"
    seed: int
    folds: tuple[int, ...]
    config: TrainingConfig
    execution_pack: str  # digest
    problem_splits: str  # digest
    tokenized_pack: str  # digest
    preflight_report: str  # digest
    tokenizer_sha256: dict[str, str]  # fold → sha256 of its tokenizer
    weights_sha256: dict[str, str]  # fold → sha256 of its weights
    parameter_count: int  # of those that are trained
    encoder_may_have_seen_benchmarks: Literal["true", "false", "unknown"] = "unknown"  # where a trainer does not say so
    revision: str
    versions: dict[str, str]
    device: str


def read_sidecar(checkpoint: Artifact) -> Sidecar:
    """The sidecar of a stored checkpoint. Raises: TrainingError: it is malformed, or of a version before 0.2."""
    try:
        raw = checkpoint.read_json("sidecar.json")
        if isinstance(raw, dict) and raw.get("schema_version") == "codelewm.checkpoint_sidecar.v1":
            raise TrainingError(
                f"{checkpoint.manifest.artifact_id} {checkpoint.digest[:12]} is of the model before 0.2, with its sidecar "
                "codelewm.checkpoint_sidecar.v1; expected v2. Train it again."
            )
        return Sidecar.model_validate(raw)
    except (ValidationError, ValueError) as error:
        raise TrainingError(
            f"{checkpoint.manifest.artifact_id} {checkpoint.digest[:12]}: its sidecar is malformed. Train it again."
        ) from error


def sidecar_mismatches(checkpoint: Artifact, tokenized_pack: Artifact) -> list[str]:
    """Every mismatch between sidecar, weights and token arrays; empty when they match."""
    sidecar = read_sidecar(checkpoint)
    compared: list[tuple[str, Any, Any]] = [("tokenized_pack", sidecar.tokenized_pack, tokenized_pack.digest)]
    parents = tokenized_pack.manifest.parent_artifacts
    compared += [(name, getattr(sidecar, name), parents.get(name)) for name in ("execution_pack", "problem_splits")]
    for fold in sidecar.folds:
        weights = sha256_file(checkpoint.path(weights_path(fold)))
        tokenizer = sha256_file(tokenized_pack.path(f"fold{fold}_tokenizer.json"))
        compared.append((f"weights of fold {fold}", sidecar.weights_sha256.get(str(fold)), weights))
        compared.append((f"tokenizer of fold {fold}", sidecar.tokenizer_sha256.get(str(fold)), tokenizer))
    return [
        f"{name}: the sidecar says {str(recorded)[:12]}, found {str(actual)[:12]}"
        for name, recorded, actual in compared
        if recorded != actual
    ]


def require_matching(checkpoint: Artifact, tokenized_pack: Artifact) -> Sidecar:
    """The sidecar, if everything matches. Raises: TrainingError: every mismatch in one message."""
    faults = sidecar_mismatches(checkpoint, tokenized_pack)
    if faults:
        raise TrainingError(
            f"{checkpoint.manifest.artifact_id} {checkpoint.digest[:12]} does not belong to this tokenized_pack: "
            + "; ".join(faults)
            + ". Train on this pack, or score on the pack it was trained on."
        )
    return read_sidecar(checkpoint)


def require_same_training(sidecar: Sidecar, *, seed: int, digests: Mapping[str, str], config: TrainingConfig) -> None:
    """Raises: TrainingError: the weights belong to another training; every difference in one message."""
    names = ("execution_pack", "problem_splits", "tokenized_pack", "preflight_report")
    expected = {"seed": seed, "folds": config.folds, **config.settings, **{name: digests[name] for name in names}}
    actual = sidecar.model_dump(include={"seed", "folds", *names}) | sidecar.config.settings
    faults = [
        f"{name} is {actual[name]}, expected {value}" for name, value in expected.items() if actual[name] != value
    ]
    if faults:
        raise TrainingError(f"The checkpoint is of another training: {'; '.join(faults)}.")


def altered_files(folder: Path, expected: Mapping[str, str]) -> list[str]:
    """Fault of each file whose sha256 differs.

    Args:
        expected: name → sha256.
    """
    digests = {name: sha256_file(folder / name) for name in sorted(expected)}
    return [f"{n} is {digests[n][:12]}, expected {expected[n][:12]}" for n in digests if digests[n] != expected[n]]


def require_trained(
    folder: Path, files: Mapping[str, str], *, seed: int, digests: Mapping[str, str], config: TrainingConfig
) -> None:
    """Raises: TrainingError: a worker's files differ from its `complete` event, or belong to another training.

    Args:
        files: name → sha256, of the received `complete` event.
    """
    faults = altered_files(folder, files) or ([] if "sidecar.json" in files else ["no sidecar.json was named"])
    if faults:
        raise TrainingError(
            f"Training of seed {seed} wrote other files: {'; '.join(faults)}. Nothing was kept; train again."
        )
    sidecar = Sidecar.model_validate_json((folder / "sidecar.json").read_bytes())
    require_same_training(sidecar, seed=seed, digests=digests, config=config)
