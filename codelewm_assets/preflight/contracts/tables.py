"""Tables that contracts are about: of one file of an artifact, or of one per benchmark."""

from collections import Counter
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from codelewm_assets.preflight.contracts.suites import CONTRACTS
from codelewm_assets.store.store import Artifact

FILES: Mapping[str, str] = {contract.asset: contract.file for contract in CONTRACTS}


def _files(artifact: Artifact) -> list[str]:
    file = FILES[artifact.manifest.artifact_kind]
    return [f.path for f in artifact.manifest.files if f.path == file or f.path.endswith(f"/{file}")]


def table_of(artifact: Artifact, columns: Sequence[str] | None = None) -> pa.Table:
    """All rows of an artifact's table. Args: columns: those to read; None = all."""
    tables = [pq.read_table(artifact.path(name), columns=columns) for name in _files(artifact)]
    return pa.concat_tables(tables, promote_options="permissive")


def misplaced_rows(artifact: Artifact) -> list[str]:
    """Files of a benchmark that hold rows of another."""
    return [
        f"{name}: {count} rows of {benchmark}"
        for name in _files(artifact)
        if "/" in name
        for benchmark, count in Counter(_column(artifact, name, "benchmark_id")).items()
        if benchmark != name.partition("/")[0]
    ]


def _column(artifact: Artifact, file: str, column: str) -> list[str]:
    values: list[str] = pq.read_table(artifact.path(file), columns=[column])[column].to_pylist()
    return values
