"""Each contract is kept by the green world and broken by a table that has exactly one fault, which is then named."""

import dataclasses
import math
import re
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pytest

from codelewm_assets.core.errors import ContractError
from codelewm_assets.core.records import Completion, Problem
from codelewm_assets.core.tables import arrow_schema
from codelewm_assets.preflight.contracts.pages import data_docs_page
from codelewm_assets.preflight.contracts.suites import CONTRACTS, Contract, column_types, type_name
from codelewm_assets.preflight.contracts.validation import Validation, validate
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.factories import World

BY_RULE = {contract.rule: contract for contract in CONTRACTS}
Rows = list[dict[str, Any]]


def rows_of(contract: Contract, world: World) -> Rows:
    """The rows of a contract's table; of one benchmark where the asset has a partition for each."""
    records: dict[str, Any] = {
        "benchmark_problems": [p for p in world.problems if p.benchmark_id == "humaneval"],
        "candidate_completions": [c for c in world.completions if c.benchmark_id == "humaneval"],
        "execution_pack": world.rows,
        "problem_splits": world.splits,
        "semantic_decoys": world.decoys,
        "rerank_pools": world.pools,
    }
    return [record.model_dump(mode="json") for record in records[contract.asset]]


def parents_of(contract: Contract, world: World) -> dict[str, Collection[str]]:
    """What each referring column may hold."""
    values: dict[str, Collection[str]] = {
        "benchmark_problems.problem_id": {p.problem_id for p in world.problems},
        "candidate_completions.completion_id": {c.completion_id for c in world.completions},
        "execution_pack.record_id": {r.record_id for r in world.rows},
        "execution_pack.source_problem_id": {r.source_problem_id for r in world.rows},
        "execution_pack.source_submission_id": {r.source_submission_id for r in world.rows},
    }
    return {column: values[parent] for column, parent in contract.references.items()}


def judged(rule: str, world: World, change: Callable[[Rows], Rows] = lambda rows: rows) -> Validation:
    """The validation of the green world's table after a change of its rows."""
    contract = BY_RULE[rule]
    table = pa.Table.from_pylist(change(rows_of(contract, world)))
    return validate(contract, table, parents_of(contract, world))


def first(**changes: Any) -> Callable[[Rows], Rows]:
    """Change the first row."""
    return lambda rows: [rows[0] | changes, *rows[1:]]


def every(**changes: Callable[[Any], Any]) -> Callable[[Rows], Rows]:
    """Change a column in every row."""
    return lambda rows: [row | {name: change(row[name]) for name, change in changes.items()} for row in rows]


def without(column: str) -> Callable[[Rows], Rows]:
    """Leave a column out."""
    return lambda rows: [{name: value for name, value in row.items() if name != column} for row in rows]


def with_first_twice(rows: Rows) -> Rows:
    """The first row comes again."""
    return [*rows, rows[0]]


@each_case("rule", sorted(BY_RULE))
def test_the_green_world_keeps_the_contract(rule: str, world: World) -> None:
    found = judged(rule, world).finding
    assert (found.rule, found.passed, found.blocker, found.offenders) == (rule, True, None, ())
    assert found.figures["evaluated_expectations"] == found.figures["successful_expectations"] > 10


def test_the_number_of_expectations_is_that_of_the_contract(world: World) -> None:
    """Splits: the column set and 4 types; a row, 4 columns never empty, 1 choice, 2 ranges, 1 key, 1 reference."""
    assert judged("splits_keep_their_contract", world).finding.figures["evaluated_expectations"] == 1 + 4 + 10


@dataclass(frozen=True)
class Fault:
    """One fault in one table, and how the one offender it makes begins and ends."""

    rule: str
    change: Callable[[Rows], Rows]
    start: str
    end: str


PROBLEMS, COMPLETIONS, PACK, SPLITS, DECOYS, POOLS = BY_RULE
FAULTS = {
    "missing column": Fault(
        PROBLEMS, without("license"), "(table): wanted: has the columns of Problem", "; missing license"),
    "extra column": Fault(
        POOLS, lambda rows: [row | {"score": 1} for row in rows],
        "(table): wanted: has the columns of PoolMember", "; unexpected score"),
    "text for a number": Fault(SPLITS, every(fold=str), "fold: wanted: is stored as int64", "first string"),
    "number for a boolean": Fault(PACK, every(passed=int), "passed: wanted: is stored as bool", "first int64"),
    "list of other elements": Fault(
        PROBLEMS, every(inputs=lambda texts: [1 for _ in texts]),
        "inputs: wanted: is stored as list<string>", "first list<int64>"),
    "nothing where something must be": Fault(
        COMPLETIONS, first(code=None),
        "code: wanted: is there in every row", "not so in 1 of 240 rows, first nothing"),
    "no tolerance": Fault(PROBLEMS, first(atol=math.nan), "atol: wanted: is there in every row", "first nothing"),
    "negative tolerance": Fault(PROBLEMS, first(atol=-1.0), "atol: wanted: is at least 0", "1 of 40 rows, first -1.0"),
    "infinite tolerance": Fault(PROBLEMS, first(atol=math.inf), "atol: wanted: is at least 0", "first inf"),
    "fold out of range": Fault(
        SPLITS, first(fold=5), "fold: wanted: is at least 0 and at most 4", "1 of 80 rows, first 5"),
    "cluster out of range": Fault(SPLITS, first(cluster=-1), "cluster: wanted: is at least 0", "first -1"),
    "a value that is none of the record's": Fault(
        PACK, first(completion_kind="guess"), "completion_kind: wanted: is one of reference, rewrite", "first guess"),
    "a benchmark that is none": Fault(
        SPLITS, first(benchmark_id="other"), "benchmark_id: wanted: is one of humaneval", "first other"),
    "no checksum": Fault(
        PACK, first(code_checksum="0" * 63 + "G"), "code_checksum: wanted: matches ^[0-9a-f]{64}$", "0G"),
    "row twice in the problems": Fault(
        PROBLEMS, with_first_twice, "problem_id: wanted: names one row", "not so in 2 of 41 rows, first humaneval/000"),
    "two pack rows of one completion and input": Fault(
        PACK, lambda rows: [*rows, rows[0] | {"record_id": "a::b::i0"}],
        "source_submission_id, input_id: wanted: source_submission_id and input_id name one row", ""),
    "row twice in the pools": Fault(
        POOLS, with_first_twice, "pool_id, completion_id: wanted: pool_id and completion_id name one row", ""),
    "completion id twice": Fault(
        COMPLETIONS, first(completion_id="humaneval/000/c001"),
        "completion_id: wanted: names one row", "first humaneval/000/c001"),
    "completion of no problem": Fault(
        COMPLETIONS, first(problem_id="gone"),
        "problem_id: wanted: is one of benchmark_problems.problem_id", "first gone"),
    "pack row of no problem": Fault(
        PACK, first(source_problem_id="gone"),
        "source_problem_id: wanted: is one of benchmark_problems.problem_id", "first gone"),
    "pack row of no completion": Fault(
        PACK, first(source_submission_id="gone"),
        "source_submission_id: wanted: is one of candidate_completions.completion_id", "first gone"),
    "split of no problem of the pack": Fault(
        SPLITS, first(problem_id="gone"),
        "problem_id: wanted: is one of execution_pack.source_problem_id", "first gone"),
    "decoy of no record of the pack": Fault(
        DECOYS, first(decoy_record_id="a::b::i0"),
        "decoy_record_id: wanted: is one of execution_pack.record_id", "first a::b::i0"),
    "pool member that is not in the pack": Fault(
        POOLS, first(completion_id="gone"),
        "completion_id: wanted: is one of execution_pack.source_submission_id", "first gone"),
}  # fmt: skip


@each_case("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_breaks_the_contract_and_is_the_one_named(fault: Fault, world: World) -> None:
    found = judged(fault.rule, world, fault.change).finding
    assert (found.passed, found.blocker) == (False, "contract_broken")
    (offender,) = found.offenders
    assert offender.startswith(fault.start) and offender.endswith(fault.end), offender
    assert found.figures["evaluated_expectations"] - found.figures["successful_expectations"] == 1


def test_a_table_of_no_rows_breaks_the_contract(world: World) -> None:
    contract = BY_RULE[SPLITS]
    empty = arrow_schema(contract.model).empty_table()
    found = validate(contract, empty, parents_of(contract, world)).finding
    assert found.offenders == ("(table): wanted: has a row; found 0",)
    assert not validate(contract, pa.table({}), parents_of(contract, world)).finding.passed


def test_a_broken_contract_shows_its_first_values_and_counts_all(world: World) -> None:
    found = judged(SPLITS, world, every(fold=lambda fold: fold + 10)).finding
    (offender,) = found.offenders
    assert re.search(r"not so in 80 of 80 rows, first 1\d, 1\d, 1\d$", offender)
    assert all(type(value) in (int, float, str, bool) for value in found.figures.values())


def test_an_expectation_that_raises_is_an_error_and_no_finding(world: World) -> None:
    """`(` is no regular expression."""
    broken = dataclasses.replace(BY_RULE[PACK], patterns={"record_id": "("})
    table = pa.Table.from_pylist(rows_of(broken, world))
    with pytest.raises(
        ContractError, match=r"pack_keeps_its_contract: 1 expectations could not be evaluated.*record_id"
    ):
        validate(broken, table, parents_of(broken, world))


def test_the_values_of_a_parent_must_be_given(world: World) -> None:
    contract = BY_RULE[SPLITS]
    with pytest.raises(KeyError, match="problem_id"):
        validate(contract, pa.Table.from_pylist(rows_of(contract, world)), {})


@each_case("contract", CONTRACTS, ids=lambda contract: contract.rule)
def test_a_contract_names_columns_of_its_record_only(contract: Contract) -> None:
    named = {column for key in contract.keys for column in key} | set(contract.choices) | set(contract.references)
    assert named | set(contract.ranges) | set(contract.patterns) <= set(contract.model.model_fields)
    assert contract.keys and contract.description.endswith(".")


def test_types_come_from_the_record_and_optional_fields_may_be_empty() -> None:
    assert column_types(Problem)["expected"] == ("list<string>", "list<null>")
    assert column_types(Problem)["inputs"] == ("list<string>",)
    assert column_types(Completion)["llm_order_rank"] == ("int64", "null")
    assert type_name(pa.list_(pa.field("item", pa.string()))) == "list<string>"


def test_nothing_is_sent_and_no_progress_bar_is_drawn(
    world: World, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a validation opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    data_docs_page(judged(SPLITS, world), title="splits", source="splits.parquet")
    written = capfd.readouterr()
    assert (written.out, written.err) == ("", "")


def test_the_page_loads_nothing_and_is_the_same_bytes_each_time(world: World) -> None:
    said = {"title": "rerank_pools 0123", "source": "pools.parquet of artifact 0123"}
    pages = {data_docs_page(judged(POOLS, world), **said) for _ in range(2)}
    (page,) = (data.decode("utf-8") for data in pages)
    assert "rerank_pools 0123" in page and "Kept" in page and "pools.parquet of artifact 0123" in page
    assert re.search(r"(\d+) of \1 expectations hold in \d+ rows\.", page)
    for outside in ("http", "<script", "<link", "<img", "@import", "url("):
        assert outside not in page


def test_what_was_found_in_a_table_is_text_on_the_page_and_no_markup(world: World) -> None:
    hostile = "<script>alert(1)</script>"
    broken = judged(PACK, world, first(completion_kind=hostile, record_id=f"{hostile}::b::i0", input_id="<b>0</b>"))
    assert broken.finding.figures["offender_count"] == 2
    page = data_docs_page(broken, title="<i>pack</i>", source="<i>file</i>").decode("utf-8")
    assert "Broken" in page and "&lt;script&gt;alert(1)&lt;/script&gt;" in page and "&lt;i&gt;pack" in page
    assert "<li>completion_kind: wanted: is one of reference, rewrite," in page
    assert "<script" not in page and "<b>" not in page and "<i>pack" not in page and "<i>file" not in page


def test_a_type_in_angle_brackets_is_shown_as_written(world: World) -> None:
    page = data_docs_page(judged(PROBLEMS, world), title="problems", source="problems.parquet").decode("utf-8")
    assert "is stored as list&lt;string&gt; or list&lt;null&gt;" in page and "list<" not in page
    assert "is at least 0 and finite" in page


def test_rows_in_the_file_of_another_benchmark_break_the_contract(world: World) -> None:
    contract = BY_RULE[PROBLEMS]
    table, misplaced = (
        pa.Table.from_pylist(rows_of(contract, world)),
        ["humaneval/problems.parquet: 40 rows of mbpp_plus"],
    )
    found = validate(contract, table, {}, misplaced=misplaced).finding
    assert (found.passed, found.blocker, list(found.offenders)) == (False, "contract_broken", misplaced)
