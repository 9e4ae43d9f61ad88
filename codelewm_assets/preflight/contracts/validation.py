"""Validation of a table by its contract, and the adapter from Great Expectations' result to a Finding.

No I/O: tables are Arrow, the context is ephemeral and its analytics are off.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from codelewm_assets.core.errors import ContractError
from codelewm_assets.core.findings import finding
from codelewm_assets.core.records import Finding
from codelewm_assets.preflight.contracts.suites import Contract, column_suite, column_types, row_suite, type_name

MAX_VALUES_SHOWN = 3  # unexpected values in an offender
MAX_CHARACTERS_SHOWN = 80  # of each


@dataclass(frozen=True, slots=True)
class Validation:
    """The finding, and Great Expectations' result for the page."""

    finding: Finding
    result: Any  # ExpectationSuiteValidationResult


def validate(
    contract: Contract, table: pa.Table, allowed: Mapping[str, Collection[str]], *, misplaced: Sequence[str] = ()
) -> Validation:
    """Validate a table: first its columns and their types, then the rows of the valid columns.

    Args:
        allowed: column of `contract.references` → the values of the parent.
        misplaced: rows in the wrong file, which are offenders too.

    Raises:
        ContractError: an expectation could not be evaluated.
        KeyError: `allowed` lacks a column of `contract.references`.
    """
    import pandas as pd

    kinds = {column.name: type_name(column.type) for column in table.schema}
    expected = column_types(contract.model)
    right = [name for name in expected if kinds.get(name) in expected[name]]
    frame = table.select(right).to_pandas()
    occurring = {name: _occurring(frame, name, allowed[name]) for name in contract.references}
    results = _evaluate(pd.DataFrame([kinds]), column_suite(contract, kinds))
    if right:
        results += _evaluate(frame, row_suite(contract, right, occurring))
    results = sorted(results, key=lambda result: (_columns(result), result.expectation_config.type))
    return Validation(_finding_of(contract, results, table.num_rows, misplaced), _merged(contract, results))


def _occurring(frame: Any, name: str, allowed: Collection[str]) -> list[str]:
    """The allowed values that occur in the column: the same verdict with short metric names."""
    return sorted(set(allowed) & set(frame[name].dropna())) if name in frame else []


def _context() -> Any:
    """An in-memory context without docs site, analytics and progress bars."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False, metric_calculations=False),
    )
    return gx.get_context(mode="ephemeral", project_config=config)


def _evaluate(frame: Any, suite: Any) -> list[Any]:
    asset = _context().data_sources.add_pandas("tables").add_dataframe_asset("table")
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch(batch_parameters={"dataframe": frame})
    results: list[Any] = batch.validate(suite, result_format="BASIC").results
    broken = [f"{_columns(result)}: {message}" for result in results for message in _raised(result)]
    if broken:
        raise ContractError(
            f"{suite.name}: {len(broken)} expectations could not be evaluated, first {broken[0]} "
            "The fault is in the contract, not in the data; correct preflight/contracts/suites.py."
        )
    return results


def _raised(result: Any) -> list[str]:
    """Messages of an expectation's exceptions: its info is one entry, or one entry per failed metric."""
    info = result.exception_info or {}
    entries = [info] if "raised_exception" in info else list(info.values())
    return [str(entry["exception_message"]) for entry in entries if entry["raised_exception"]]


def _merged(contract: Contract, results: list[Any]) -> Any:
    """One result of all expectations, without timestamps."""
    from great_expectations.core import ExpectationSuiteValidationResult

    good = sum(bool(result.success) for result in results)
    return ExpectationSuiteValidationResult(
        success=good == len(results),
        results=results,
        suite_name=contract.rule,
        statistics={
            "evaluated_expectations": len(results),
            "successful_expectations": good,
            "unsuccessful_expectations": len(results) - good,
            "success_percent": 100 * good / len(results),
        },
        meta={},
    )


def _finding_of(contract: Contract, results: list[Any], row_count: int, misplaced: Sequence[str]) -> Finding:
    """The finding of failed expectations, each with its column and the first unexpected values."""
    failed = [result for result in results if not result.success]
    return finding(
        contract.rule,
        [*misplaced, *(_offender(result) for result in failed)],
        blocker="contract_broken",
        message=contract.description,
        figures={
            "rows": int(row_count),
            "evaluated_expectations": len(results),
            "successful_expectations": len(results) - len(failed),
        },
    )


def _columns(result: Any) -> str:
    """Columns of an expectation; the whole table sorts first."""
    arguments = result.expectation_config.kwargs
    return arguments.get("column") or ", ".join(arguments.get("column_list", ())) or "(table)"


def _offender(result: Any) -> str:
    """`column: expectation; number of violating rows, and the first violating values`."""
    details, expected = result.result, result.expectation_config.description
    text = f"{_columns(result)}: wanted: {expected}"
    if "unexpected_count" in details:
        values = list(dict.fromkeys(_display(value) for value in details["partial_unexpected_list"]))[:MAX_VALUES_SHOWN]
        rows = f"{int(details['unexpected_count'])} of {int(details['element_count'])} rows"
        return f"{text}; not so in {rows}, first {', '.join(values)}"
    if mismatched := details.get("details", {}).get("mismatched"):
        return f"{text}; " + "; ".join(f"{kind} {', '.join(names)}" for kind, names in sorted(mismatched.items()))
    return f"{text}; found {_display(details['observed_value'])}"


def _display(value: Any) -> str:
    plain = value.item() if hasattr(value, "item") else value  # numpy's own numbers print otherwise
    if plain is None or plain != plain:  # an absent number or text is NaN in a frame
        return "nothing"
    return (str(plain) if isinstance(plain, str) else repr(plain))[:MAX_CHARACTERS_SHOWN]
