"""Fitted scorers as bytes of named arrays (safetensors): loading executes nothing, and the same arrays give the same bytes."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codelewm_assets.core.errors import ModelFileError

Arrays = Mapping[str, NDArray[Any]]


def dump_arrays(arrays: Arrays) -> bytes:
    """Bytes of a safetensors file."""
    from safetensors.numpy import save

    return bytes(save({name: np.ascontiguousarray(array) for name, array in arrays.items()}))


def load_arrays(data: bytes) -> dict[str, NDArray[Any]]:
    """Raises: ModelFileError: not a safetensors file."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return dict(load(data))
    except (SafetensorError, KeyError, ValueError) as error:
        raise ModelFileError(f"Not a file of arrays ({error}); expected safetensors. Fit the scorer again.") from error


def text_array(texts: Sequence[str]) -> NDArray[np.uint8]:
    """Texts as bytes of a JSON list."""
    return np.frombuffer(json.dumps(list(texts)).encode(), dtype=np.uint8)


def texts_of(array: NDArray[Any]) -> list[str]:
    """Texts of `text_array`."""
    return [str(text) for text in json.loads(array.tobytes())]
