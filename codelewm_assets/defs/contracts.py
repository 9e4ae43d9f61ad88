"""Tables of the latest artifacts against their contracts, and the pages that show it. The contracts are the domain's."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq

from codelewm_assets.core.files import write_atomically
from codelewm_assets.core.records import Finding
from codelewm_assets.defs.inputs import Inputs
from codelewm_assets.preflight.contracts.judge import Validation, validate
from codelewm_assets.preflight.contracts.pages import data_docs_page
from codelewm_assets.preflight.contracts.suites import CONTRACTS, Contract
from codelewm_assets.store.store import Artifact

FILES: Mapping[str, str] = {contract.asset: contract.file for contract in CONTRACTS}


@dataclass(frozen=True, slots=True)
class _Table:
    """A stored table, in one file or in one for each benchmark; what makes two of them one is the digest of the artifact."""

    digest: str
    paths: Mapping[str, Path] = field(compare=False)  # file → where it lies

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows."""
        return pa.concat_tables(
            [pq.read_table(path, columns=columns) for path in self.paths.values()], promote_options="permissive"
        )

    def strays(self) -> list[str]:
        """Files of a benchmark that hold rows of another."""
        return [
            f"{name}: {count} rows of {benchmark}"
            for name, path in self.paths.items()
            if "/" in name
            for benchmark, count in Counter(
                pq.read_table(path, columns=["benchmark_id"])["benchmark_id"].to_pylist()
            ).items()
            if benchmark != name.partition("/")[0]
        ]


def contract_finding(contract: Contract, inputs: Inputs, partition: str | None) -> Finding:
    """What was found. Raises: ContractError: an expectation could not be evaluated."""
    return _latest(contract, inputs).finding


def contract_page(contract: Contract, inputs: Inputs, partition: str | None, found: Finding) -> Mapping[str, Any]:
    """Write the Data Docs page into the local working folder, under the digest of the table it is about, and link it.

    The page is no artifact and in no digest; a later validation of the same table replaces it.
    """
    artifact = inputs.artifact(contract.asset)
    folder = inputs.store.work / "data_docs" / contract.asset / "all" / artifact.digest
    title = f"{artifact.manifest.artifact_id} {artifact.digest[:12]}"
    source = f"{contract.file} of artifact {artifact.digest}"
    page = data_docs_page(_latest(contract, inputs), title=title, source=source)
    write_atomically(folder / "index.html", page)
    return {"data_docs": dg.MetadataValue.path(str(folder / "index.html"))}


def _latest(contract: Contract, inputs: Inputs) -> Validation:
    parents = {column: _table(inputs.artifact(name.partition(".")[0])) for column, name in contract.references.items()}
    return _validated(contract.rule, _table(inputs.artifact(contract.asset)), tuple(parents.items()))


@lru_cache(maxsize=32)
def _validated(rule: str, table: _Table, parents: tuple[tuple[str, _Table], ...]) -> Validation:
    """Judged once a process for the same digests: the preflight report asks again for what the checks have asked."""
    contract = next(contract for contract in CONTRACTS if contract.rule == rule)
    allowed: dict[str, Collection[str]] = {}
    for column, parent in parents:
        wanted = contract.references[column].partition(".")[2]
        allowed[column] = set(parent.read([wanted])[wanted].to_pylist())
    return validate(contract, table.read(), allowed, strays=table.strays())


def _table(artifact: Artifact) -> _Table:
    file = FILES[artifact.manifest.artifact_kind]
    names = [f.path for f in artifact.manifest.files if f.path == file or f.path.endswith(f"/{file}")]
    return _Table(artifact.digest, {name: artifact.path(name) for name in names})
