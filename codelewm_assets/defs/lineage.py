"""Which columns of a parent each column of a table comes from, as Dagster shows it. Tests hold it against the records."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

Sources = Mapping[str, Sequence[tuple[str, str]]]  # column → (asset, column) of each parent column it is made from

PROBLEMS, CANDIDATES, LABELS = "benchmark_problems", "candidate_completions", "labelled_completions"
PACK, SPLITS = "execution_pack", "problem_splits"

LINEAGE: Mapping[str, Sources] = {
    CANDIDATES: {
        "completion_id": [(PROBLEMS, "problem_id")],
        "problem_id": [(PROBLEMS, "problem_id")],
        "benchmark_id": [(PROBLEMS, "benchmark_id")],
        "code": [(PROBLEMS, "reference")],
        "entry_point": [(PROBLEMS, "entry_point")],
    },
    LABELS: {
        "completion": [(CANDIDATES, "completion_id"), (CANDIDATES, "code")],
        "outcome": [(CANDIDATES, "code"), (PROBLEMS, "inputs"), (PROBLEMS, "reference"), (PROBLEMS, "atol")],
        "passed": [(CANDIDATES, "code"), (PROBLEMS, "inputs"), (PROBLEMS, "reference"), (PROBLEMS, "atol")],
        "is_deterministic": [(CANDIDATES, "code"), (PROBLEMS, "inputs")],
        "inputs": [(CANDIDATES, "code"), (PROBLEMS, "inputs"), (PROBLEMS, "reference"), (PROBLEMS, "atol")],
    },
    PACK: {
        "record_id": [(LABELS, "completion"), (LABELS, "inputs")],
        "source_dataset": [(LABELS, "completion")],
        "source_problem_id": [(LABELS, "completion")],
        "source_submission_id": [(LABELS, "completion")],
        "input_id": [(LABELS, "inputs")],
        "code_tokens": [(LABELS, "completion")],
        "code_checksum": [(LABELS, "completion")],
        "input_tokens": [(PROBLEMS, "inputs")],
        "input_repr_checksum": [(PROBLEMS, "inputs")],
        "function_name": [(LABELS, "completion")],
        "output_tokens": [(LABELS, "inputs")],
        "output_repr_checksum": [(LABELS, "inputs")],
        "output_kind": [(LABELS, "inputs")],
        "output_type": [(LABELS, "inputs")],
        "execution_status": [(LABELS, "inputs")],
        "determinism_check": [(LABELS, "is_deterministic")],
        "license": [(PROBLEMS, "license")],
        "license_attribution_url": [(PROBLEMS, "license_attribution_url")],
        "output_magnitude_bucket": [(LABELS, "inputs")],
        "output_length_bucket": [(LABELS, "inputs")],
        "passed": [(LABELS, "inputs")],
        "completion_passed": [(LABELS, "passed")],
        "completion_kind": [(LABELS, "completion")],
        "operator_family": [(LABELS, "completion")],
    },
    SPLITS: {
        "problem_id": [(PACK, "source_problem_id")],
        "benchmark_id": [(PACK, "source_dataset")],
        "cluster": [(PROBLEMS, "reference"), (PROBLEMS, "prompt"), (PACK, "code_tokens")],
        "fold": [(PACK, "source_dataset"), (PACK, "passed"), (PACK, "output_magnitude_bucket")],
    },
    "semantic_decoys": {
        "decoy_id": [(PACK, "record_id")],
        "source_problem_id": [(PACK, "source_problem_id")],
        "query_record_id": [(PACK, "record_id")],
        "decoy_record_id": [(PACK, "record_id")],
        "category": [(PACK, "completion_kind"), (PACK, "input_id")],
        "output_relation": [(PACK, "output_repr_checksum")],
    },
    "rerank_pools": {
        "pool_id": [(PACK, "source_problem_id")],
        "problem_id": [(LABELS, "completion")],
        "benchmark_id": [(LABELS, "completion")],
        "completion_id": [(PACK, "source_submission_id"), (LABELS, "completion")],
        "passed": [(LABELS, "passed")],
        "is_pivot": [(LABELS, "completion"), (LABELS, "passed")],
    },
}


def column_lineage(asset: str) -> dict[str, Any]:
    """`dagster/column_lineage` of a table; empty for what is none, or has no parents."""
    if asset not in LINEAGE:
        return {}
    columns = {
        column: [dg.TableColumnDep(asset_key=dg.AssetKey(parent), column_name=name) for parent, name in sources]
        for column, sources in LINEAGE[asset].items()
    }
    return {"dagster/column_lineage": dg.TableColumnLineage(columns)}
