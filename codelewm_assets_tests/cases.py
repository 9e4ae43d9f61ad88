"""One test over many rows of data, which fails with every row that fails."""

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

FAILURES = (Exception, SystemExit, pytest.fail.Exception)
MAX_MESSAGE_CHARACTERS = 600


def each_case(
    argnames: str | Sequence[str], rows: Iterable[Any], *, ids: Callable[[Any], object] | Iterable[object] | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Like `pytest.mark.parametrize`, but all rows in one test: for a rule that holds of each row of a table.

    The rows share the test's fixtures, so a test that changes a fixture is parametrized instead.

    Args:
        argnames: as in `pytest.mark.parametrize`.
        rows: of one value, or of a tuple of values where there are several names.
        ids: names of the rows in the failure, or a function of a row's value; by default its repr.
    """
    names = [name.strip() for name in argnames.split(",")] if isinstance(argnames, str) else list(argnames)
    cases = [tuple(row) if len(names) > 1 else (row,) for row in rows]
    if callable(ids):
        shown = ["-".join(str(ids(value)) for value in case) for case in cases]
    else:
        shown = [str(name) for name in ids] if ids is not None else [", ".join(map(repr, case)) for case in cases]

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def folded(**fixtures: Any) -> None:
            assert cases, "there is no row to look at"
            failed: list[tuple[str, BaseException]] = []
            for name, case in zip(shown, cases, strict=True):
                try:
                    test(**fixtures, **dict(zip(names, case, strict=True)))
                except FAILURES as error:
                    failed.append((name, error))
            if failed:
                told = "\n".join(
                    f"[{name[:MAX_MESSAGE_CHARACTERS]}] {type(error).__name__}: {str(error)[:MAX_MESSAGE_CHARACTERS]}"
                    for name, error in failed
                )
                raise AssertionError(f"{len(failed)} of {len(cases)} rows fail:\n{told}") from failed[0][1]

        signature = inspect.signature(test)
        others = [parameter for name, parameter in signature.parameters.items() if name not in names]
        assert len(others) == len(signature.parameters) - len(names), f"{test.__name__} does not take all of {names}"
        folded.__signature__ = signature.replace(parameters=others)  # type: ignore[attr-defined]
        return folded

    return decorate
