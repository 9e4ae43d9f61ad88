"""Models and tokenizers in the form of `transformers`: made from a training configuration, and saved as a folder."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import PreTrainedTokenizerFast
from transformers.utils import logging

from codelewm_assets.core.files import write_atomically
from codelewm_assets.training.config import TrainingConfig
from codelewm_assets.training.configuration_codelewm import CodeLeWMConfig
from codelewm_assets.training.modeling_codelewm import SEGMENTS, CodeLeWMModel
from codelewm_assets.training.pretrained import body_config, load_body
from codelewm_assets.training.sidecar import FOLDER_FILES, fold_folder
from codelewm_assets.training.tokenize import PAD, UNKNOWN


def model_config(config: TrainingConfig) -> CodeLeWMConfig:
    """The model's sizes in a training configuration. Raises: TrainingError: the pretrained encoder is not there."""
    body = None if config.pretrained is None else body_config(config.pretrained)
    return CodeLeWMConfig(
        vocab_size=config.vocab_size if body is None else body.vocab_size,
        hidden_size=config.hidden if body is None else body.hidden_size,
        body=None if body is None else body.to_dict(),
        body_is_causal=config.pretrained is None or config.pretrained.is_causal,
        body_is_frozen=config.pretrained is not None and config.pretrained.is_frozen,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        intermediate_size=config.feedforward,
        latent_size=config.latent,
        head_size=config.predictor_hidden,
        output_values=config.output_values,
        ngram_size=config.ngram_size,
        dropout=config.dropout,
        max_segment_tokens={name: config.lengths[name] for name in SEGMENTS},
        block_masks=config.device == "cuda" and config.compile,  # uncompiled, flex attention is the slower one
    )


def new_model(config: TrainingConfig) -> CodeLeWMModel:
    """An untrained model, drawn from torch's generator; its target encoder equals its trunk.

    Raises: TrainingError: the pretrained encoder is not there.
    """
    model = CodeLeWMModel(model_config(config))
    model.reset_target()
    if config.pretrained is not None:
        body = load_body(config.pretrained)
        if config.pretrained.is_frozen:
            model.attach(body)
        else:
            model.body.load_state_dict(body.state_dict())
    return model


def scored_model(config: TrainingConfig, weights: Mapping[str, Tensor]) -> CodeLeWMModel:
    """The model with trained weights, in evaluation mode. Raises: RuntimeError: they do not fit, tensor by tensor."""
    model = CodeLeWMModel(model_config(config))
    if config.pretrained is not None and config.pretrained.is_frozen:
        model.attach(load_body(config.pretrained))
    model.load_state_dict(weights, strict=True)
    model.eval()
    return model


def untrained_model(config: TrainingConfig, *, seed: int, fold: int) -> CodeLeWMModel:
    """The model before its first step, with the weights that training starts from, in evaluation mode."""
    torch.manual_seed(seed * 1000 + fold)
    model = CodeLeWMModel(model_config(config))
    if config.pretrained is not None:
        model.attach(load_body(config.pretrained))
    model.eval()
    return model


def save_fold(model: CodeLeWMModel, tokenizer: str, fold: int, folder: Path) -> None:
    """Write one fold's folder: configuration, weights, tokenizer, and the two modules that define the model.

    `AutoModel.from_pretrained(folder, trust_remote_code=True)` loads it where this package is not installed. Each file is
    written atomically, and the same weights give the same bytes.

    Args:
        tokenizer: JSON of `tokenizers`.
    """
    logging.disable_progress_bar()
    parsed = Tokenizer.from_str(tokenizer)
    first = parsed.id_to_token(
        0
    )  # stands for an empty text and for padding where a pretrained tokenizer lacks our names
    pad, unknown = (name if parsed.token_to_id(name) is not None else first for name in (PAD, UNKNOWN))
    fast = PreTrainedTokenizerFast(
        tokenizer_object=parsed, pad_token=pad, unk_token=unknown, clean_up_tokenization_spaces=False
    )
    with TemporaryDirectory(prefix="codelewm-model-") as scratch:
        model.save_pretrained(scratch)
        fast.save_pretrained(scratch)
        for name in FOLDER_FILES:
            write_atomically(folder / fold_folder(fold) / name, (Path(scratch) / name).read_bytes())
