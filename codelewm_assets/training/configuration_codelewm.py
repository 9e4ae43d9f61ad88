"""Configuration of the transition model in the form of `transformers`. The file is copied into every saved model's folder."""

from typing import Any

from transformers import PreTrainedConfig


class CodeLeWMConfig(PreTrainedConfig):
    """Sizes of a `CodeLeWMModel`; the names are those of `transformers`.

    Attributes:
        latent_size: dimensions of a latent (D).
        head_size: inner width of the predictor and of the heads.
        output_values: number of frequent outputs with a class of their own; another class holds the rest.
        ngram_size: rows of the table of hashed 2- and 3-grams of tokens, which are added to the embeddings.
        max_segment_tokens: segment → number of tokens at which training cut it; `CodeLeWMModel.segments` does the same.
        body: configuration of a pretrained transformer that takes the place of the layers; None: there is none.
        body_is_causal: it lets a token see no later one, as language models do.
        body_is_frozen: its weights are not part of the model's folder: `CodeLeWMModel.attach` takes them.
        block_masks: attention by blocks of the mask (flex attention), for a compiled model on a GPU.
    """

    model_type = "codelewm"
    vocab_size: int = 2048
    hidden_size: int = 96
    num_hidden_layers: int = 2
    num_attention_heads: int = 4
    intermediate_size: int = 256
    latent_size: int = 96
    head_size: int = 192
    output_values: int = 256
    ngram_size: int = 16_384
    dropout: float = 0.1
    initializer_range: float = 0.02
    max_segment_tokens: dict[str, int] | None = None
    block_masks: bool = False
    body: dict[str, Any] | None = None
    body_is_causal: bool = True
    body_is_frozen: bool = False
    pad_token_id: int | None = 0
