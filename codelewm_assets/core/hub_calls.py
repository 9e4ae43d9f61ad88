"""Calls to the Hugging Face Hub: the client, retries of transient failures, and file hashes.

The client is imported inside functions: profiles are validated, and local training runs, without it. Repositories and paths
belong to the callers.
"""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from codelewm_assets.core.digests import sha256_file
from codelewm_assets.core.errors import AssetsError

MAX_TRIES = 8
MAX_PAUSE_S = 60.0
TRANSIENT_STATUS = (408, 429)  # and every 5xx
Answer = TypeVar("Answer")


def hub_api(token: str | bool, endpoint: str | None) -> Any:
    """A client.

    Args:
        token: False: none is sent.
        endpoint: address of the Hub; None: the client's default.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.utils import disable_progress_bars, logging

    disable_progress_bars()
    logging.set_verbosity_error()  # its warnings name signed addresses
    return HfApi(token=token, endpoint=endpoint)


def is_transient(error: BaseException | None) -> bool:
    """True if the same call may succeed later: 5xx, too many requests, timeouts, broken connections."""
    import httpx2

    while error is not None:
        if isinstance(error, httpx2.TimeoutException | httpx2.NetworkError | httpx2.RemoteProtocolError):
            return True
        status = getattr(getattr(error, "response", None), "status_code", None)
        if isinstance(status, int):
            return status >= 500 or status in TRANSIENT_STATUS
        error = error.__cause__  # a download that could not connect says so in its cause
    return False


def backoff_s(failures: int, pause_s: float) -> float:
    """Seconds to wait after so many failures in a row (1 or more): doubling from `pause_s`, with an upper bound."""
    return min(pause_s * 2.0 ** min(failures - 1, 30), MAX_PAUSE_S)


def retry_transient(
    call: Callable[[], Answer], action: str, *, pause_s: float, error: type[AssetsError], tries: int = MAX_TRIES
) -> Answer:
    """Result of a call, retried with backoff after transient failures.

    Args:
        call: one idempotent request.
        action: for the message `Could not <action>`.

    Raises: error: a permanent failure, or the last of `tries`.
    """
    import httpx2

    failures = 0
    while True:
        try:
            return call()
        except (httpx2.HTTPError, OSError, ValueError, RuntimeError) as failed:  # the last is large transfers'
            failures += 1
            if failures >= tries or not is_transient(failed):
                after = f" after {failures} tries" if failures > 1 else ""
                raise error(f"Could not {action}{after}: {one_line(failed)}") from failed
        time.sleep(backoff_s(failures, pause_s))


def file_hashes(
    api: Any, repository: str, repository_type: str, revision: str, folder: str | None = None
) -> dict[str, str]:
    """Path → hash of every file at a revision, or in a folder of it: sha256 of a large file, else git's blob hash."""
    from huggingface_hub.errors import EntryNotFoundError

    try:
        rows = list(
            api.list_repo_tree(repository, folder, recursive=True, revision=revision, repo_type=repository_type)
        )
    except EntryNotFoundError:  # there is no such folder
        return {}
    files = [row for row in rows if hasattr(row, "blob_id")]  # folders have none
    return {row.path: row.lfs.sha256 if row.lfs else row.blob_id for row in files}


def matches_hash(path: Path, remote_hash: str | None) -> bool:
    """True if the Hub's hash of a file (None: no such file) is that of the file at `path`."""
    if remote_hash is None or len(remote_hash) == 64:
        return remote_hash == sha256_file(path)
    content = path.read_bytes()
    return remote_hash == hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def one_line(error: BaseException) -> str:
    """An error's kind and message on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
