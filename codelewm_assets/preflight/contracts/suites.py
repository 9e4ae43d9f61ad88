"""The contracts as code. Columns, types, required values and choices are derived from the record."""

import sys
import types
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Union, get_args, get_origin

import pyarrow as pa

from codelewm_assets.core.ids import ALL_BENCHMARKS, FOLDS
from codelewm_assets.core.records import Completion, Decoy, PackRow, PoolMember, Problem, Record, choices
from codelewm_assets.core.tables import arrow_schema
from codelewm_assets.dataset.folds import ProblemSplit

SHA256 = "^[0-9a-f]{64}$"
RECORD_ID = "^.+::.+::i[0-9]+$"


@dataclass(frozen=True, slots=True)
class Contract:
    """Contract of one table beyond its record: keys, ranges, patterns and references."""

    rule: str
    asset: str
    file: str
    model: type[Record]
    description: str
    keys: tuple[tuple[str, ...], ...]  # columns that name a row together
    references: Mapping[str, str]  # column → "asset.column" whose values it takes
    ranges: Mapping[str, tuple[float, float | None]] = field(default_factory=dict)  # column → smallest, largest value
    patterns: Mapping[str, str] = field(default_factory=dict)  # column → regular expression
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)  # closed, though the record says text only


CONTRACTS: tuple[Contract, ...] = (
    Contract(
        rule="problems_keep_their_contract",
        asset="benchmark_problems",
        file="problems.parquet",
        model=Problem,
        description="Problems have their columns, types and values, an id each, and lie in the file of their benchmark.",
        keys=(("problem_id",),),
        references={},
        ranges={"atol": (0, sys.float_info.max)},  # an infinite tolerance would pass anything
    ),
    Contract(
        rule="completions_keep_their_contract",
        asset="candidate_completions",
        file="completions.parquet",
        model=Completion,
        description="Completions have their columns, types and values, an id each, and belong to a problem of their benchmark.",
        keys=(("completion_id",),),
        references={"problem_id": "benchmark_problems.problem_id"},
    ),
    Contract(
        rule="pack_keeps_its_contract",
        asset="execution_pack",
        file="pack.parquet",
        model=PackRow,
        description="Pack rows have their columns, types and values, an id each, and a known problem and completion.",
        keys=(("record_id",), ("source_submission_id", "input_id")),
        references={
            "source_problem_id": "benchmark_problems.problem_id",
            "source_submission_id": "candidate_completions.completion_id",
        },
        patterns={
            "record_id": RECORD_ID,
            "input_id": "^i[0-9]+$",
            "code_checksum": SHA256,
            "input_repr_checksum": SHA256,
            "output_repr_checksum": SHA256,
        },
        choices={"input_kind": ("positional_arguments",), "output_kind": ("value", "no_value")},
    ),
    Contract(
        rule="splits_keep_their_contract",
        asset="problem_splits",
        file="splits.parquet",
        model=ProblemSplit,
        description="Splits have their columns, types and values, one fold for a problem, and problems of the pack only.",
        keys=(("problem_id",),),
        references={"problem_id": "execution_pack.source_problem_id"},
        ranges={"fold": (FOLDS[0], FOLDS[-1]), "cluster": (0, None)},
        choices={"benchmark_id": tuple(ALL_BENCHMARKS)},
    ),
    Contract(
        rule="decoys_keep_their_contract",
        asset="semantic_decoys",
        file="decoys.parquet",
        model=Decoy,
        description="Decoy pairs have their columns, types and values, an id each, and records of the pack only.",
        keys=(("decoy_id",),),
        references={
            "source_problem_id": "execution_pack.source_problem_id",
            "query_record_id": "execution_pack.record_id",
            "decoy_record_id": "execution_pack.record_id",
        },
        patterns={"decoy_id": "^[a-z_]+::[0-9a-f]{16}$", "query_record_id": RECORD_ID, "decoy_record_id": RECORD_ID},
    ),
    Contract(
        rule="pools_keep_their_contract",
        asset="rerank_pools",
        file="pools.parquet",
        model=PoolMember,
        description="Pool members have their columns, types and values, come once a pool, and are of the pack.",
        keys=(("pool_id", "completion_id"),),
        references={
            "problem_id": "execution_pack.source_problem_id",
            "completion_id": "execution_pack.source_submission_id",
        },
    ),
)


def type_name(kind: pa.DataType) -> str:
    """An Arrow type in words that do not depend on how a list names its elements, e.g. `list<string>`."""
    return f"list<{type_name(kind.value_type)}>" if pa.types.is_list(kind) else str(kind)


def column_types(model: type[Record]) -> dict[str, tuple[str, ...]]:
    """Column → allowed stored types: its own, and `null` for optional values."""
    stored_types = {column.name: type_name(column.type) for column in arrow_schema(model)}
    result = {}
    for name, declared in model.model_fields.items():
        elements = get_args(declared.annotation)[:1] if get_origin(declared.annotation) is tuple else ()
        empty = ["null"] if _is_optional(declared.annotation) else []
        empty += ["list<null>"] if elements and _is_optional(elements[0]) else []
        result[name] = (stored_types[name], *empty)
    return result


def column_suite(contract: Contract, present: Collection[str]) -> Any:
    """Suite on a table's columns, as one row of column → type name: exactly the record's columns, each of its type."""
    from great_expectations import ExpectationSuite
    from great_expectations import expectations as expect

    expected_types = column_types(contract.model)
    columns = expect.ExpectTableColumnsToMatchSet(
        column_set=sorted(expected_types),
        exact_match=True,
        description=f"has the columns of {contract.model.__name__} and no other",
    )
    of_type = [
        expect.ExpectColumnValuesToBeInSet(
            column=name, value_set=list(kinds), description=f"is stored as {' or '.join(kinds)}"
        )
        for name, kinds in expected_types.items()
        if name in present  # an absent one is what the first expectation names
    ]
    return ExpectationSuite(name=contract.rule, expectations=[columns, *of_type])


def row_suite(contract: Contract, columns: Collection[str], allowed: Mapping[str, Sequence[str]]) -> Any:
    """Suite on the rows, over the valid columns.

    Args:
        allowed: column of `contract.references` → the values it may take.
    """
    from great_expectations import ExpectationSuite
    from great_expectations import expectations as expect

    fields = {name: info.annotation for name, info in contract.model.model_fields.items() if name in columns}
    chosen = {name: values for name, info in contract.model.model_fields.items() if (values := choices(info))}
    closed = {name: kinds for name, kinds in (chosen | dict(contract.choices)).items() if name in columns}
    result = [expect.ExpectTableRowCountToBeBetween(min_value=1, description="has a row")]
    result += [
        expect.ExpectColumnValuesToNotBeNull(column=name, description="is there in every row")
        for name, kind in fields.items()
        if not _is_optional(kind)
    ]
    result += [
        expect.ExpectColumnValuesToBeInSet(
            column=name, value_set=list(values), description=f"is one of {', '.join(values)}"
        )
        for name, values in closed.items()
    ]
    result += [
        expect.ExpectColumnValuesToBeBetween(
            column=name,
            min_value=low,
            max_value=high,
            description=f"is at least {low:g}{_up_to(high)}",
        )
        for name, (low, high) in contract.ranges.items()
        if name in columns
    ]
    result += [
        expect.ExpectColumnValuesToMatchRegex(column=name, regex=pattern, description=f"matches {pattern}")
        for name, pattern in contract.patterns.items()
        if name in columns
    ]
    result += [_unique(key) for key in contract.keys if set(key) <= set(columns)]
    result += [
        expect.ExpectColumnValuesToBeInSet(
            column=name,
            value_set=list(allowed[name]),
            description=f"is one of {parent}",
        )
        for name, parent in contract.references.items()
        if name in columns
    ]
    return ExpectationSuite(name=contract.rule, expectations=result)


def _up_to(high: float | None) -> str:
    if high is None:
        return ""
    return " and finite" if high == sys.float_info.max else f" and at most {high:g}"


def _unique(key: tuple[str, ...]) -> Any:
    from great_expectations import expectations as expect

    if len(key) == 1:
        return expect.ExpectColumnValuesToBeUnique(column=key[0], description="names one row")
    return expect.ExpectCompoundColumnsToBeUnique(
        column_list=list(key), description=f"{' and '.join(key)} name one row together"
    )


def _is_optional(kind: Any) -> bool:
    return get_origin(kind) in (Union, types.UnionType) and type(None) in get_args(kind)
