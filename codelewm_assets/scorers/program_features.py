"""The columns that the critic reads of a program and its prompt, each computed once for a distinct program."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codelewm_assets.baselines import code_features
from codelewm_assets.baselines.ngram_lm import SURPRISALS, NgramModel, token_stream
from codelewm_assets.scorers import edit_gains
from codelewm_assets.scorers.array_files import dump_arrays, load_arrays, text_array, texts_of

Floats = NDArray[np.float64]

GAIN_ORDER = 4  # of the n-gram model that edits are weighed by: a shorter context is more often known
NGRAMS = (1, 2, 3, 4)
NGRAM_COLUMNS = 2**18
NAMES: tuple[str, ...] = (
    *(f"surprisal_{name}" for name in SURPRISALS),
    *code_features.NAMES,
    *(f"gain_{name}" for name in edit_gains.NAMES),
)
"""Columns of `ProgramFeatures.dense`."""


@dataclass(slots=True)
class ProgramFeatures:
    """Features under two n-gram models of library code; rows are kept, so that folds and seeds share them.

    Attributes:
        model: whose surprisal is read.
        gain_model: by which edits are weighed.
    """

    model: NgramModel
    gain_model: NgramModel
    _rows: dict[tuple[str, str], Floats] = field(default_factory=dict, repr=False)
    _grams: dict[str, tuple[NDArray[np.int32], Floats]] = field(default_factory=dict, repr=False)

    @classmethod
    def fit(cls, library: Sequence[str]) -> "ProgramFeatures":
        """Language models of library functions. Raises: ValueError: no function."""
        return cls(NgramModel.fit(library), NgramModel.fit(library, order=GAIN_ORDER))

    def dumps(self) -> bytes:
        """Both language models as bytes; `loads` reads them."""
        models = {"model": self.model, "gain_model": self.gain_model}
        arrays = {f"{name}.{part}": array for name, model in models.items() for part, array in model.arrays().items()}
        texts = {name: text_array(array.tolist()) for name, array in arrays.items() if name.endswith("vocabulary")}
        return dump_arrays(arrays | texts)

    @classmethod
    def loads(cls, data: bytes) -> "ProgramFeatures":
        """Raises: ModelFileError: not bytes of `dumps`."""
        stored = load_arrays(data)
        models = list[NgramModel]()
        for name in ("model.", "gain_model."):
            arrays = {part.removeprefix(name): array for part, array in stored.items() if part.startswith(name)}
            if "vocabulary" in arrays:
                arrays["vocabulary"] = np.array(texts_of(arrays["vocabulary"]), dtype=np.str_)
            models.append(NgramModel.from_arrays(arrays))
        return cls(models[0], models[1])

    def dense(self, codes: Sequence[str], prompts: Sequence[str]) -> Floats:
        """(N, len(NAMES)) float64, finite: signed logarithms of statistics, counts and gains."""
        pairs = list(zip(codes, prompts, strict=True))
        new = [pair for pair in dict.fromkeys(pairs) if pair not in self._rows]
        if new:
            programs, asked = [code for code, _ in new], [prompt for _, prompt in new]
            rows = np.hstack(
                [
                    self.model.statistics(programs),
                    code_features.features(programs, asked),
                    edit_gains.edit_gains(self.gain_model, programs),
                ]
            )
            self._rows |= zip(new, np.sign(rows) * np.log1p(np.abs(rows)), strict=True)
        return np.array([self._rows[pair] for pair in pairs]).reshape(len(pairs), len(NAMES))

    def ngrams(self, codes: Sequence[str]) -> Any:
        """(N, NGRAM_COLUMNS) sparse: logarithm of 1 + the count of each hashed token n-gram.

        Source: scikit-learn HashingVectorizer.
        """
        from scipy.sparse import csr_array
        from sklearn.feature_extraction.text import HashingVectorizer

        new = [code for code in dict.fromkeys(codes) if code not in self._grams]
        if new:
            hasher = HashingVectorizer(
                analyzer=_ngrams_of, n_features=NGRAM_COLUMNS, alternate_sign=False, norm=None, dtype=np.float64
            )
            counts = hasher.transform(new)
            for code, start, end in zip(new, counts.indptr, counts.indptr[1:], strict=False):
                self._grams[code] = counts.indices[start:end], np.log1p(counts.data[start:end])
        rows = [self._grams[code] for code in codes]
        starts = np.concatenate([[0], np.cumsum([len(columns) for columns, _ in rows])])
        columns, values = (
            (np.concatenate(parts) for parts in zip(*rows, strict=True)) if rows else (np.zeros(0), np.zeros(0))
        )
        return csr_array((values, columns, starts), shape=(len(rows), NGRAM_COLUMNS))


def _ngrams_of(code: str) -> list[str]:
    tokens = token_stream(code)
    return [" ".join(tokens[start : start + n]) for n in NGRAMS for start in range(len(tokens) - n + 1)]
