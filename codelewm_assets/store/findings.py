"""Cached results about an artifact, stored under its digest and a key."""

import json
import logging
from collections.abc import Mapping
from typing import Any

from codelewm_assets.core.digests import digest_of, pretty_json
from codelewm_assets.core.errors import StoreAccessError, StoreError
from codelewm_assets.store.backend import Backend

LOG = logging.getLogger(__name__)
FOLDER = "findings"


class Findings:
    """Reads and writes `findings/<artifact digest>/<key>.json` of a store."""

    def __init__(self, backend: Backend, address: str) -> None:
        self._backend, self._address = backend, address

    def read(self, digest: str, key: Mapping[str, Any]) -> Any:
        """The JSON value that `write` stored under this key. None: missing, or damaged, which is logged."""
        name = _name(digest, key)
        try:
            data = self._backend.read(name)
            if data is None:
                return None
            stored = json.loads(data)
            if stored["sha256"] == digest_of([key, stored["value"]]):
                return stored["value"]
            reason = "the checksum does not match"
        except (StoreError, ValueError, KeyError, TypeError) as error:
            reason = f"{type(error).__name__}: {error}"
        LOG.warning(f"{self._address}/{name} is ignored ({reason}); its value is recomputed.")
        return None

    def write(self, digest: str, key: Mapping[str, Any], value: Any) -> None:
        """Store a JSON value about an artifact atomically, replacing an older one of the same key.

        A failed write is logged; the value is then recomputed the next time.
        """
        folder, _, name = _name(digest, key).rpartition("/")
        data = pretty_json({"key": key, "value": value, "sha256": digest_of([key, value])})
        try:
            self._backend.put(folder, {name: data})
        except (OSError, StoreAccessError) as error:
            LOG.warning(f"{self._address}/{folder}/{name} could not be written ({error}).")

    def delete(self, digest: str) -> None:
        """Delete every result about the artifact of a digest."""
        for name in (*self._backend.listing(f"{FOLDER}/{digest}"), f"{FOLDER}/{digest}"):
            self._backend.delete(name)


def _name(digest: str, key: Mapping[str, Any]) -> str:
    return f"{FOLDER}/{digest}/{digest_of(key)}.json"
