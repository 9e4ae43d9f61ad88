"""Tables of the latest artifacts against their contracts, and the pages that show it. The contracts are the domain's."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq

from codelewm_assets.core.files import write_atomically
from codelewm_assets.core.ids import BENCHMARKS
from codelewm_assets.core.records import Finding
from codelewm_assets.defs.inputs import Inputs
from codelewm_assets.preflight.contracts.judge import Validation, validate
from codelewm_assets.preflight.contracts.pages import data_docs_page
from codelewm_assets.preflight.contracts.suites import CONTRACTS, PARTITION, Contract
from codelewm_assets.store.store import Artifact

FILES: Mapping[str, str] = {contract.asset: contract.file for contract in CONTRACTS}
PER_BENCHMARK = {"benchmark_problems", "candidate_completions"}


@dataclass(frozen=True, slots=True)
class _Table:
    """A stored table; what makes two of them one is the digest, which fixes the bytes."""

    digest: str
    path: Path = field(compare=False)


def contract_finding(contract: Contract, inputs: Inputs, partition: str | None) -> Finding:
    """What was found. Raises: ContractError: an expectation could not be evaluated."""
    return _latest(contract, inputs, partition).finding


def contract_page(contract: Contract, inputs: Inputs, partition: str | None, found: Finding) -> Mapping[str, Any]:
    """Write the Data Docs page into the local working folder, under the digest of the table it is about, and link it.

    The page is no artifact and in no digest; a later validation of the same table replaces it.
    """
    artifact = inputs.artifact(contract.asset, partition)
    folder = inputs.store.work / "data_docs" / contract.asset / (partition or "all") / artifact.digest
    title = f"{artifact.manifest.artifact_id} {artifact.digest[:12]}"
    source = f"{contract.file} of artifact {artifact.digest}"
    page = data_docs_page(_latest(contract, inputs, partition), title=title, source=source)
    write_atomically(folder / "index.html", page)
    return {"data_docs": dg.MetadataValue.path(str(folder / "index.html"))}


def _latest(contract: Contract, inputs: Inputs, partition: str | None) -> Validation:
    parents = {
        column: tuple(_table(artifact) for artifact in _parents(inputs, parent, partition))
        for column, parent in contract.references.items()
    }
    table = _table(inputs.artifact(contract.asset, partition))
    return _validated(contract.rule, partition, table, tuple(parents.items()))


@lru_cache(maxsize=32)
def _validated(
    rule: str, partition: str | None, table: _Table, parents: tuple[tuple[str, tuple[_Table, ...]], ...]
) -> Validation:
    """Judged once a process for the same digests: the preflight report asks again for what the checks have asked."""
    contract = next(contract for contract in CONTRACTS if contract.rule == rule)
    allowed: dict[str, Collection[str]] = {}
    for column, tables in parents:
        wanted = contract.references[column].partition(".")[2]
        allowed[column] = {partition or ""} if contract.references[column] == PARTITION else _values(tables, wanted)
    return validate(contract, pq.read_table(table.path), allowed)


def _parents(inputs: Inputs, parent: str, partition: str | None) -> list[Artifact]:
    """The artifacts whose values a column takes: of the same benchmark in a partition, else of both."""
    if parent == PARTITION:
        return []
    asset = parent.partition(".")[0]
    if asset not in PER_BENCHMARK:
        return [inputs.artifact(asset)]
    return [inputs.artifact(asset, benchmark) for benchmark in ([partition] if partition else BENCHMARKS)]


def _values(tables: tuple[_Table, ...], column: str) -> set[str]:
    return {value for table in tables for value in pq.read_table(table.path, columns=[column])[column].to_pylist()}


def _table(artifact: Artifact) -> _Table:
    return _Table(artifact.digest, artifact.path(FILES[artifact.manifest.artifact_kind]))
