"""What the UI alone shows of an artifact is worked out once and changes no digest."""

import json
from pathlib import Path

from codelewm_assets.core.records import PackRow, PoolMember
from codelewm_assets.core.tables import arrow_schema, sample_rows, write_table
from codelewm_assets.defs import ui_metadata
from codelewm_assets.evaluation.score_files import sample_score_rows
from codelewm_assets_tests.defs.stored_world import StoredWorld
from codelewm_assets_tests.factories import World


def test_twenty_rows_are_spread_over_the_table_and_long_texts_are_cut(
    stored: StoredWorld, world: World, tmp_path: Path
) -> None:
    stored.put_data(world)
    pack = stored.latest["execution_pack"]
    table = ui_metadata.sample(stored.inputs(), pack, lambda: sample_rows(pack.path("pack.parquet")), PackRow)[
        "sample_rows"
    ]
    assert len(table.records) == 20
    problems = [record.data["source_problem_id"] for record in table.records]
    assert problems[0] == world.rows[0].source_problem_id and len(set(problems)) > 10
    assert max(len(value) for record in table.records for value in record.data.values() if isinstance(value, str)) == 80
    columns = {column.name: column for column in table.schema.columns}
    assert columns["passed"].type == "bool"
    assert columns["input_tokens"].description == "literal of the list of positional arguments"
    assert stored.store.load("execution_pack", pack.digest).manifest == pack.manifest

    few = tmp_path / "few.parquet"
    few.write_bytes(write_table(world.pools[:3]))
    assert sample_rows(few) == [member.model_dump() for member in world.pools[:3]]
    few.write_bytes(write_table([], arrow_schema(PoolMember)))
    assert sample_rows(few) == []


def test_score_rows_have_a_column_for_each_score(tmp_path: Path) -> None:
    row = {"completion_id": "c", "passed": True, "pool_id": None, "scores": {"p_pass": 0.5, "consensus": None}}
    path = tmp_path / "rows.jsonl"
    path.write_text(f"{json.dumps(row)}\n" * 41, encoding="utf-8")
    rows = sample_score_rows(path)
    assert rows == [{"completion_id": "c", "passed": True, "p_pass": 0.5, "consensus": None}] * 20


def test_what_is_shown_is_computed_once_and_again_for_another_artifact(stored: StoredWorld, world: World) -> None:
    stored.put_data(world)
    drawn: list[str] = []

    def draw() -> dict[str, bytes]:
        drawn.append("again")
        return {"roc": b"png"}

    first = ui_metadata.plots(stored.inputs(), stored.latest["rerank_pools"], draw)
    assert first["roc"].md_str == "![](data:image/png;base64,cG5n)"
    assert ui_metadata.plots(stored.inputs(), stored.latest["rerank_pools"], draw) == first
    assert len(drawn) == 1
    ui_metadata.plots(stored.inputs(), stored.latest["execution_pack"], draw)
    assert len(drawn) == 2
