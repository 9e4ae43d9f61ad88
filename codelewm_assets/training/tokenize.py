"""Token arrays of a pack. One tokenizer per model fold, trained on that fold's train texts only; no torch here.

Arrays hold each distinct text once, concatenated without padding; a record refers to its code, input, output and prompt by
row. Shapes: N texts, T tokens in total.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from codelewm_assets.core.errors import TrainingError
from codelewm_assets.core.ids import OUTPUT_BENCHMARKS, split_of
from codelewm_assets.core.records import PackRow, Record
from codelewm_assets.training.config import TrainingConfig

PAD, UNKNOWN = "<pad>", "<unk>"
FIELDS = ("code", "input", "output", "prompt")
EMPTY_ACTION = "[]"  # the fixed input of the no_action ablation
EMPTY_ACTION_ROW = 0  # of the input array
RECORDS, VARIANTS = "records.parquet", "variants.parquet"  # files of tokenized_pack; the second may be absent
MAX_CHARACTERS = 4000  # that a text is cut at before it is encoded
NO_FOLD = -1  # of a library variant, which is of no benchmark


class TokenRecord(Record):
    """Model input of one pack row: rows of the token arrays, labels, and the problem's fold."""

    record_id: str
    problem_id: str
    completion_id: str
    benchmark_id: str
    fold: int
    code: int
    input: int
    output: int
    prompt: int
    passed: bool
    completion_passed: bool
    is_train_usable: bool  # the encoder of outputs sees values and outcomes alike; False for the reference's own row
    twin: str | None = None  # of a twin pair of the problem: the pair
    has_output: bool = True  # False for a library variant, of which only the label is known


@dataclass(frozen=True, slots=True)
class Texts:
    """The distinct texts of each field in order of their rows; row 0 of `input` is the empty action."""

    by_field: Mapping[str, tuple[str, ...]]
    records: tuple[TokenRecord, ...]
    variants: tuple[TokenRecord, ...] = ()


class Variant(Protocol):
    """A program of the library corpus and its label; `function_id` groups the variants of one function."""

    @property
    def variant_id(self) -> str:
        """Unique."""

    @property
    def function_id(self) -> str:
        """Of the function that it is a variant of."""

    @property
    def code(self) -> str:
        """Program text."""

    @property
    def twin(self) -> str | None:
        """Name, within the function, of those that differ from it by a bug or a neutral edit alone."""

    @property
    def passed(self) -> bool:
        """True if it behaves as the function does."""


def collect_texts(
    rows: Sequence[PackRow],
    folds: Mapping[str, int],
    prompts: Mapping[str, str],
    variants: Sequence[Variant] = (),
) -> Texts:
    """Distinct texts and the records that refer to them.

    Args:
        variants: of stage 1; each is a record with an empty prompt and the empty action.
    Raises: TrainingError: a problem has no fold or prompt.
    """
    unknown_ids = sorted({r.source_problem_id for r in rows} - (set(folds) & set(prompts)))
    if unknown_ids:
        raise TrainingError(f"{len(unknown_ids)} problems have no fold or no prompt, first {unknown_ids[0]}.")
    index: dict[str, dict[str, int]] = {name: {} for name in FIELDS}
    index["input"][EMPTY_ACTION] = 0

    def row_of(field: str, text: str) -> int:
        return index[field].setdefault(text, len(index[field]))

    records = tuple(
        TokenRecord(
            record_id=row.record_id,
            problem_id=row.source_problem_id,
            completion_id=row.source_submission_id,
            benchmark_id=row.source_dataset,
            fold=folds[row.source_problem_id],
            code=row_of("code", row.code_tokens),
            input=row_of("input", row.input_tokens),
            output=row_of("output", row.output_tokens),
            prompt=row_of("prompt", prompts[row.source_problem_id]),
            passed=row.passed,
            completion_passed=row.completion_passed,
            is_train_usable=row.completion_kind != "reference",
            twin=row.twin,
        )
        for row in sorted(rows, key=lambda r: r.record_id)
    )
    of_variants = tuple(
        TokenRecord(
            record_id=variant.variant_id,
            problem_id=variant.function_id,
            completion_id=variant.variant_id,
            benchmark_id="library",
            fold=NO_FOLD,
            code=row_of("code", variant.code),
            input=EMPTY_ACTION_ROW,
            output=0,
            prompt=row_of("prompt", ""),
            passed=variant.passed,
            completion_passed=variant.passed,
            is_train_usable=True,
            twin=variant.twin,
            has_output=False,
        )
        for variant in sorted(variants, key=lambda v: v.variant_id)
    )
    return Texts({name: tuple(rows) for name, rows in index.items()}, records, of_variants)


def train_tokenizer(texts: Sequence[str], vocab_size: int) -> Tokenizer:
    """A byte-level BPE tokenizer; the same texts in the same order give the same tokenizer.

    Source: Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units"; `tokenizers`.
    """
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[PAD, UNKNOWN],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


@dataclass(frozen=True, slots=True)
class TokenArray:
    """Concatenated texts of one field: `tokens` (T,) uint16, and `starts` (N + 1,) int64, the offsets of the texts."""

    tokens: NDArray[np.uint16]
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, row: int) -> NDArray[np.uint16]:
        """(length of the text,) tokens, at least one."""
        return self.tokens[self.starts[row] : self.starts[row + 1]]


def encode(tokenizer: Tokenizer, texts: Sequence[str], length: int) -> TokenArray:
    """Token ids, cut at `length`; an empty text is one unknown token."""
    unknown = int(tokenizer.token_to_id(UNKNOWN) or 0)
    ids = [e.ids[:length] or [unknown] for e in tokenizer.encode_batch(list(texts), add_special_tokens=False)]
    starts = np.zeros(len(ids) + 1, dtype=np.int64)
    np.cumsum([len(row) for row in ids], out=starts[1:])
    return TokenArray(np.fromiter(chain.from_iterable(ids), dtype=np.uint16, count=int(starts[-1])), starts)


def tokenize_fold(
    texts: Texts, config: TrainingConfig, *, model_fold: int, max_characters: int = MAX_CHARACTERS
) -> tuple[str, dict[str, TokenArray]]:
    """The tokenizer of one model fold as JSON, and the token arrays of all four fields; a pretrained encoder has its own.

    The tokenizer is trained on texts of this fold's train problems and of the variants only, and on none of a problem that
    asks for outputs. Texts are first cut at
    `max_characters`.
    Raises: TrainingError: the fold has no train records, or the pretrained encoder is not there.
    """
    train = [
        r
        for r in texts.records
        if split_of(r.fold, model_fold=model_fold) == "train" and r.benchmark_id not in OUTPUT_BENCHMARKS
    ]
    if not train:
        raise TrainingError(f"Fold {model_fold} has no train records; expected problems in at least three folds.")
    seen = []
    for name in FIELDS:
        rows = sorted({getattr(record, name) for record in (*train, *texts.variants)})
        seen += [texts.by_field[name][row][:max_characters] for row in rows]
    if config.pretrained is None:
        tokenizer = train_tokenizer(seen, config.vocab_size)
    else:
        from codelewm_assets.training.pretrained import load_tokenizer

        tokenizer = load_tokenizer(config.pretrained)
    arrays = {
        name: encode(tokenizer, [text[:max_characters] for text in texts.by_field[name]], config.lengths[name])
        for name in FIELDS
    }
    return tokenizer.to_str(), arrays


def token_files(model_fold: int, tokenizer: str, arrays: Mapping[str, TokenArray]) -> dict[str, bytes]:
    """The files of one model fold in `tokenized_pack`: its tokenizer, and two arrays a field that can be memory-mapped."""
    files = {f"fold{model_fold}_tokenizer.json": tokenizer.encode("utf-8")}
    for name, array in arrays.items():
        files[f"fold{model_fold}_{name}_tokens.npy"] = _npy(array.tokens)
        files[f"fold{model_fold}_{name}_starts.npy"] = _npy(array.starts)
    return files


def _npy(array: NDArray[np.generic]) -> bytes:
    sink = io.BytesIO()
    np.save(sink, array, allow_pickle=False)
    return sink.getvalue()
