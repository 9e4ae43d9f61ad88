"""Pretrained encoders: from a folder, a GGUF file, an installed package, or the Hub at a pinned revision."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from tokenizers import Tokenizer
from torch import nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedConfig,
)
from transformers.utils import logging

from codelewm_assets.core.digests import digest_of, sha256_file
from codelewm_assets.core.errors import TrainingError
from codelewm_assets.training.config import PACKAGE, ModelSource, PretrainedEncoder

MAX_VOCABULARY = 65_536  # token arrays are uint16


def arguments(encoder: ModelSource) -> tuple[str, dict[str, Any]]:
    """Name or folder, and keywords, for `from_pretrained`. Raises: TrainingError: package, folder or file is missing."""
    source = encoder.source
    if source.startswith(PACKAGE):
        spec = find_spec(source.removeprefix(PACKAGE))  # does not import a package of the top level
        if spec is None or not spec.submodule_search_locations:
            raise TrainingError(
                f"{source} is not installed. Install the extra [pretrained], or name a folder in the profile."
            )
        source = spec.submodule_search_locations[0]
    if encoder.is_on_hub:
        return source, {"revision": encoder.revision} | ({"gguf_file": encoder.gguf_file} if encoder.gguf_file else {})
    wanted = Path(source) / (encoder.gguf_file or "config.json")
    if not wanted.is_file():
        raise TrainingError(
            f"The pretrained model has no {wanted.name} in {source}. Name its folder as source, and gguf_file if it is one, in "
            "the profile."
        )
    return source, {"gguf_file": encoder.gguf_file} if encoder.gguf_file else {}


def identity(model: ModelSource) -> dict[str, str]:
    """Determinants of a model: its revision on the Hub, or the digest of its files here. Raises: TrainingError: it is missing."""
    named = model.model_dump(mode="json", include={"source", "revision", "gguf_file"}, exclude_none=True)
    if model.is_on_hub:
        return named
    folder = Path(arguments(model)[0])
    files = (
        [model.gguf_file]
        if model.gguf_file
        else sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    )
    return named | {"files_sha256": digest_of({name: sha256_file(folder / name) for name in files})}


def body_config(encoder: PretrainedEncoder) -> PreTrainedConfig:
    """Its configuration. Raises: TrainingError: it is missing, cannot be read, or its vocabulary is too large."""
    config: PreTrainedConfig = load_by(AutoConfig, encoder)
    if config.vocab_size > MAX_VOCABULARY:
        raise TrainingError(f"{encoder.source} has {config.vocab_size} tokens; expected at most {MAX_VOCABULARY}.")
    return config


def load_body(encoder: PretrainedEncoder) -> nn.Module:
    """Its layers with float32 weights, in evaluation mode. Raises: TrainingError: as `body_config`."""
    body: nn.Module = load_by(AutoModel, encoder, dtype="float32")
    return body.eval().requires_grad_(not encoder.is_frozen)


def load_tokenizer(encoder: PretrainedEncoder) -> Tokenizer:
    """Its fast tokenizer, without special tokens around a text. Raises: TrainingError: as `body_config`."""
    fast = load_by(AutoTokenizer, encoder)
    tokenizer = Tokenizer.from_str(fast.backend_tokenizer.to_str())
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def load_by(kind: Any, encoder: ModelSource, **more: Any) -> Any:
    """The object that an auto class of `transformers` loads from there. Raises: TrainingError: it is missing, or cannot be read."""
    source, keywords = arguments(encoder)
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    has_head = kind in (AutoModelForCausalLM, AutoModelForSequenceClassification)
    try:
        if not has_head:
            return kind.from_pretrained(source, **keywords, **more)
        model, info = kind.from_pretrained(source, output_loading_info=True, **keywords, **more)
    except (OSError, ValueError, ImportError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        fault = (
            "has no tokenizer that can be loaded"
            if kind is AutoTokenizer
            else f"could not be loaded by {kind.__name__}"
        )
        raise TrainingError(f"{encoder.source} {fault}: {' '.join(str(error).split())}") from error
    if info["missing_keys"]:
        names = ", ".join(sorted(info["missing_keys"])[:3])
        raise TrainingError(
            f"{encoder.source} lacks {len(info['missing_keys'])} weights of its model, first {names}. Save it again."
        )
    return model
