"""Calls to the Hugging Face Hub: the client, which failures pass by themselves, and patience with those.

The client is imported inside functions: profiles are validated, and local training runs, without it. No torch here.
"""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from codelewm_assets.core.errors import TrainingError

TRIES = 8
LONGEST_PAUSE_S = 60.0
PASSING_STATUS = (408, 429)  # and every 5xx
Answer = TypeVar("Answer")


def hub_api(token: str, endpoint: str | None) -> Any:
    """A client. Args: endpoint: address of the Hub; None is the client's own. Raises: TrainingError: not installed."""
    try:
        from huggingface_hub import HfApi
        from huggingface_hub.utils import disable_progress_bars
    except ModuleNotFoundError as error:
        raise TrainingError("Hugging Face Jobs need `huggingface_hub`: install codelewm_assets[hub].") from error
    disable_progress_bars()
    return HfApi(token=token, endpoint=endpoint)


def is_transient(error: BaseException | None) -> bool:
    """Whether the same call may succeed later: 5xx, too many requests, timeouts, connections that broke."""
    import httpx2

    while error is not None:
        if isinstance(error, httpx2.TimeoutException | httpx2.NetworkError | httpx2.RemoteProtocolError):
            return True
        status = getattr(getattr(error, "response", None), "status_code", None)
        if isinstance(status, int):
            return status >= 500 or status in PASSING_STATUS
        error = error.__cause__  # a download that could not connect says so in its cause
    return False


def pause_after(failures: int, pause_s: float) -> float:
    """Seconds to wait after so many failures in a row (1 or more): doubling from `pause_s`, with an upper bound."""
    return min(pause_s * 2.0 ** min(failures - 1, 30), LONGEST_PAUSE_S)


def patiently(call: Callable[[], Answer], doing: str, *, pause_s: float, tries: int = TRIES) -> Answer:
    """The call's answer, asked for again after failures that pass.

    Args: call: one request that may be repeated. doing: what it is for, as `could not <doing>` reads.
    Raises: TrainingError: a failure that does not pass, or the last of `tries`.
    """
    import httpx2

    failures = 0
    while True:
        try:
            return call()
        except (httpx2.HTTPError, OSError, ValueError, RuntimeError) as error:  # the last is large transfers'
            failures += 1
            if failures >= tries or not is_transient(error):
                raise TrainingError(f"Could not {doing}{_after(failures)}: {one_line(error)}") from error
        time.sleep(pause_after(failures, pause_s))


def one_line(error: BaseException) -> str:
    """An error's kind and message on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def _after(failures: int) -> str:
    return f" after {failures} tries" if failures > 1 else ""
