"""Cache of `label`: outputs of published references, which take minutes to compute, and parsed problems."""

import contextlib
import gzip
import hashlib
import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from codelewm_assets.core.errors import StoreError
from codelewm_assets.core.files import write_atomically
from codelewm_assets.core.records import Problem

PROBLEMS = TypeAdapter(list[Problem])


@dataclass(frozen=True, slots=True)
class ReferenceOutputs:
    """Outputs of a reference.

    Attributes:
        outputs: literal for each input; None without a usable output.
        digests: digest of each output's encoding; None without one.
        longest_ms: CPU time of its longest call, in milliseconds.
        encoded_inputs: the inputs as `sandbox.pool.encode_inputs` gives them.
    """

    outputs: tuple[str | None, ...]
    digests: tuple[bytes | None, ...]
    longest_ms: float
    encoded_inputs: bytes


class ReferenceCache:
    """A folder with a file for each reference, named by the digest of all that its outputs depend on.

    Damaged files are recomputed; failed writes are ignored.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: Sequence[object], compute: Callable[[], ReferenceOutputs]) -> ReferenceOutputs:
        """The outputs under this key, computed on a miss.

        Args:
            key: everything that the outputs depend on; each part has a stable `repr`.
        """
        path = self._path(key)
        kept = _read(path)
        if kept is None:
            kept = compute()
            body = json.dumps(
                {
                    "outputs": kept.outputs,
                    "digests": [digest and digest.hex() for digest in kept.digests],
                    "longest_ms": kept.longest_ms,
                    "packed_inputs": b64encode(kept.encoded_inputs).decode(),
                }
            ).encode()
            _write(path, body)
        return kept

    def problems(self, key: Sequence[object], read: Callable[[], Sequence[Problem]]) -> list[Problem]:
        """The problems under this key, read from their source on a miss."""
        path = self._path(("problems", *key))
        try:
            return PROBLEMS.validate_json(gzip.decompress(path.read_bytes()))
        except (OSError, EOFError, ValueError, zlib.error):
            problems = list(read())
            _write(path, PROBLEMS.dump_json(problems))
            return problems

    def _path(self, key: Sequence[object]) -> Path:
        digest = hashlib.sha256()
        for part in key:
            digest.update(repr(part).encode("utf-8", "surrogatepass") + b"\0")
        return self._folder / f"{digest.hexdigest()}.json.gz"


def _write(path: Path, body: bytes) -> None:
    with contextlib.suppress(StoreError):
        # Not compressed, as unpacking outputs of 147 MB takes a second: gzip is here for its checksum.
        write_atomically(path, gzip.compress(body, 0, mtime=0))


def _read(path: Path) -> ReferenceOutputs | None:
    try:
        kept = json.loads(gzip.decompress(path.read_bytes()))
        digests = tuple(digest and bytes.fromhex(digest) for digest in kept["digests"])
        inputs = b64decode(kept["packed_inputs"], validate=True)
        return ReferenceOutputs(tuple(kept["outputs"]), digests, float(kept["longest_ms"]), inputs)
    except (OSError, EOFError, ValueError, TypeError, KeyError, zlib.error):
        return None
