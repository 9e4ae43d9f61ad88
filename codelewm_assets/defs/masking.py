"""What Dagster writes down of an error, in its event log and ticks, names no secret of the environment."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from codelewm_assets.core.secrets import masked

P = ParamSpec("P")
R = TypeVar("R")
OF_FILES = ("strerror", "filename", "filename2")  # what the text of an OSError is made of


def keeps_secrets(function: Callable[P, R]) -> Callable[P, R]:
    """What the function of an asset, a check or a sensor raises has secrets masked, and so has all that led to it.

    Libraries put addresses and answers of servers into messages, and Dagster stores messages as they are.
    """

    @wraps(function)
    def kept(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            shown = without_secrets(error)
            if shown is error:
                raise
            raise shown from shown.__cause__

    return kept


def without_secrets(error: BaseException) -> BaseException:
    """The error, its texts masked in place; one of another kind in its place where they cannot be changed."""
    return _masked(error, {})


def _masked(error: BaseException, done: dict[int, BaseException]) -> BaseException:
    if id(error) in done:
        return done[id(error)]
    done[id(error)] = error
    error.args = tuple(masked(part) if isinstance(part, str) else part for part in error.args)
    for name in {*vars(error), *(OF_FILES if isinstance(error, OSError) else ())} - {"__notes__"}:
        value = getattr(error, name, None)
        if isinstance(value, str) and masked(value) != value:
            setattr(error, name, masked(value))
    if notes := getattr(error, "__notes__", None):
        notes[:] = [masked(str(note)) for note in notes]
    found = error
    if masked(str(error)) != str(error):
        found = RuntimeError(f"{type(error).__name__}: {masked(str(error))}").with_traceback(error.__traceback__)
        found.__cause__, found.__context__ = error.__cause__, error.__context__
        found.__suppress_context__ = error.__suppress_context__
        done[id(error)] = found
    is_suppressed = found.__suppress_context__
    if found.__cause__ is not None:
        found.__cause__ = _masked(found.__cause__, done)
    if found.__context__ is not None:
        found.__context__ = _masked(found.__context__, done)
    found.__suppress_context__ = is_suppressed  # which setting a cause turns on
    return found
