"""Tables of the latest artifacts against their contracts, and the pages that show it. The contracts are the domain's."""

from collections import Counter
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from codelewm_assets.core.records import Finding
from codelewm_assets.defs.inputs import Inputs
from codelewm_assets.preflight.contracts.pages import data_docs_page
from codelewm_assets.preflight.contracts.suites import CONTRACTS, Contract
from codelewm_assets.preflight.contracts.validation import Validation, validate
from codelewm_assets.store.store import Artifact

FILES: Mapping[str, str] = {contract.asset: contract.file for contract in CONTRACTS}


def contract_finding(contract: Contract, inputs: Inputs, partition: str | None) -> Finding:
    """What was found. Raises: ContractError: an expectation could not be evaluated."""
    return _validated(contract, inputs).finding


def contract_page(contract: Contract, inputs: Inputs, partition: str | None, found: Finding) -> Mapping[str, str]:
    """The Data Docs page of the table."""
    artifact = inputs.artifact(contract.asset)
    title = f"{artifact.manifest.artifact_id} {artifact.digest[:12]}"
    source = f"{contract.file} of artifact {artifact.digest}"
    page = data_docs_page(_validated(contract, inputs), title=title, source=source)
    return {"data_docs": page.decode("utf-8")}


def _validated(contract: Contract, inputs: Inputs) -> Validation:
    """Finding and page are of one validation."""

    def judge() -> Validation:
        artifact = inputs.artifact(contract.asset)
        allowed = {}
        for column, name in contract.references.items():
            asset, _, wanted = name.partition(".")
            allowed[column] = set(_rows(inputs.artifact(asset), [wanted])[wanted].to_pylist())
        return validate(contract, _rows(artifact), allowed, misplaced=_strays(artifact))

    return inputs.known(contract.rule, judge)


def _files(artifact: Artifact) -> list[str]:
    """Names of the files that its table lies in: one, or one for each benchmark."""
    file = FILES[artifact.manifest.artifact_kind]
    return [f.path for f in artifact.manifest.files if f.path == file or f.path.endswith(f"/{file}")]


def _rows(artifact: Artifact, columns: Sequence[str] | None = None) -> pa.Table:
    """All rows of its table."""
    tables = [pq.read_table(artifact.path(name), columns=columns) for name in _files(artifact)]
    return pa.concat_tables(tables, promote_options="permissive")


def _strays(artifact: Artifact) -> list[str]:
    """Files of a benchmark that hold rows of another."""
    return [
        f"{name}: {count} rows of {benchmark}"
        for name in _files(artifact)
        if "/" in name
        for benchmark, count in Counter(
            pq.read_table(artifact.path(name), columns=["benchmark_id"])["benchmark_id"].to_pylist()
        ).items()
        if benchmark != name.partition("/")[0]
    ]
