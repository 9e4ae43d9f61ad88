"""Logs of commands and of the processes that they start: one line a record on standard error, as text or JSON, secrets masked.

JSON records have `ts` (ISO 8601, UTC), `level`, `logger`, `message`, then what is known of `run_id, asset, partition, seed`
and other fields of the record, and `exception` with a traceback. Results that a command prints are no log records.
"""

import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Literal, get_args

from codelewm_assets.core.errors import AssetsError
from codelewm_assets.core.secrets import masked

LogFormat = Literal["text", "json"]
LOG_FORMATS: tuple[LogFormat, ...] = get_args(LogFormat)
VARIABLE = "CODELEWM_LOG_FORMAT"
LOGGER = "codelewm_assets"
RECORD_START = '{"ts": '  # of each JSON record, and of no other line that our processes write

_context: ContextVar[Mapping[str, Any]] = ContextVar("log_context", default=MappingProxyType({}))
_format: LogFormat | None = None


class LogFormatError(AssetsError):
    """The environment names an unknown log format."""


def configured_format(environment: Mapping[str, str]) -> LogFormat:
    """The log format named in the environment, text by default. Raises: LogFormatError."""
    requested = environment.get(VARIABLE) or "text"
    for known in LOG_FORMATS:
        if requested == known:
            return known
    raise LogFormatError(f"{VARIABLE} is {requested!r}; expected one of {', '.join(LOG_FORMATS)}. Correct or unset it.")


def format_in_force() -> LogFormat:
    """The current format, else the environment's; child processes inherit it."""
    return _format or configured_format(os.environ)


def set_up_logs(log_format: LogFormat, *, program: str = "codelewm-assets") -> None:
    """Send records to standard error, replacing the previous set-up.

    As text, warnings and errors of this project, each after the program's name. As JSON, its records from INFO up, and
    warnings of every library and of Python.
    """
    global _format
    _format = log_format
    ours, root = logging.getLogger(LOGGER), logging.getLogger()
    for logger in (ours, root):
        for handler in [handler for handler in logger.handlers if isinstance(handler, _StandardError)]:
            logger.removeHandler(handler)
    project_handler = _StandardError(TextFormatter(program) if log_format == "text" else JsonFormatter())
    ours.addHandler(project_handler)
    ours.setLevel(logging.WARNING if log_format == "text" else logging.INFO)
    ours.propagate = False
    logging.captureWarnings(log_format == "json")
    if log_format == "json":
        others = _StandardError(JsonFormatter())
        others.setLevel(logging.WARNING)
        root.addHandler(others)


@contextmanager
def log_context(**fields: Any) -> Iterator[None]:
    """Add fields, such as `run_id`, to the records of this thread; those that are None are excluded."""
    token = _context.set({**_context.get(), **{name: value for name, value in fields.items() if value is not None}})
    try:
        yield
    finally:
        _context.reset(token)


class JsonFormatter(logging.Formatter):
    """One JSON object a record."""

    def format(self, record: logging.LogRecord) -> str:
        """The record on one line."""
        payload: dict[str, Any] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_context.get(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            payload["exception"] = self.formatException(record.exc_info)
        return json.dumps(_mask(payload), default=str)


class TextFormatter(logging.Formatter):
    """The program's name and the message, on one line, with the traceback of an exception below."""

    def __init__(self, program: str) -> None:
        super().__init__(f"{program}: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        return masked(super().format(record))


class _StandardError(logging.Handler):
    """Writes to the current `sys.stderr`."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr, flush=True)


def _mask(value: Any) -> Any:
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, Mapping):
        return {name: _mask(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_mask(part) for part in value]
    return value if isinstance(value, bool | int | float | None) else masked(str(value))
