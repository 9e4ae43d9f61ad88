"""A small causal language model that is trained in a second to go on with one text after any of a few prompts."""

from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from tokenizers.decoders import ByteLevel
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

CHAT_TEMPLATE = "{% for m in messages %}{{ m['content'] }}{% endfor %}"


def train_writer(folder: Path, prompts: Sequence[str], continuation: str, *, chat: bool = False) -> Path:
    """The folder, with the model and its tokenizer. Args: chat: give it a chat template, which only repeats what is said."""
    own = Tokenizer(models.BPE(unk_token="[UNK]"))
    own.pre_tokenizer, own.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), ByteLevel()
    own.train_from_iterator(
        [*prompts, continuation],
        trainers.BpeTrainer(vocab_size=400, special_tokens=["[PAD]", "[UNK]", "[EOS]"], show_progress=False,
                            initial_alphabet=pre_tokenizers.ByteLevel.alphabet()),
    )  # fmt: skip
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=own, pad_token="[PAD]", unk_token="[UNK]", eos_token="[EOS]")
    if chat:
        tokenizer.chat_template = CHAT_TEMPLATE
    end = tokenizer.eos_token_id
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LlamaForCausalLM(
            LlamaConfig(vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
                        num_key_value_heads=2, max_position_embeddings=256, bos_token_id=None, eos_token_id=end,
                        pad_token_id=tokenizer.pad_token_id)
        )  # fmt: skip
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
        rows = [(tokenizer(p)["input_ids"], tokenizer(continuation)["input_ids"] + [end]) for p in prompts]
        for _ in range(60):
            loss = torch.stack(
                [
                    model(
                        input_ids=torch.tensor([given + said]), labels=torch.tensor([[-100] * len(given) + said])
                    ).loss
                    for given, said in rows
                ]
            ).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
