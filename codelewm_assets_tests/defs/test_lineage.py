"""Column lineage names columns that exist, of parents that the asset has."""

import dagster as dg
import pytest

from codelewm_assets.core.records import Completion, Decoy, LabelledCompletion, PackRow, PoolMember, Problem
from codelewm_assets.definitions import defs
from codelewm_assets.defs.lineage import LINEAGE, column_lineage
from codelewm_assets.splits.folds import ProblemSplit

TABLES = {
    "benchmark_problems": Problem,
    "candidate_completions": Completion,
    "labelled_completions": LabelledCompletion,
    "execution_pack": PackRow,
    "problem_splits": ProblemSplit,
    "semantic_decoys": Decoy,
    "rerank_pools": PoolMember,
}


@pytest.mark.parametrize("asset", sorted(TABLES))
def test_every_table_that_has_parents_says_where_its_columns_come_from(asset: str) -> None:
    if asset == "benchmark_problems":
        assert column_lineage(asset) == {}
        return
    parents = {key.to_user_string() for key in defs.resolve_asset_graph().get(dg.AssetKey(asset)).parent_keys}
    assert LINEAGE[asset]
    for column, sources in LINEAGE[asset].items():
        assert column in TABLES[asset].model_fields
        for parent, name in sources:
            assert parent in parents and name in TABLES[parent].model_fields, (asset, column, parent, name)


def test_a_report_has_no_column_lineage() -> None:
    assert column_lineage("preflight_report") == {}
