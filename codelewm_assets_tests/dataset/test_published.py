"""The published view: every field of the pack and the fold, and no text that could be run."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from codelewm_assets.core.digests import sha256_text
from codelewm_assets.core.errors import PackError
from codelewm_assets.core.records import PackRow
from codelewm_assets.core.tables import arrow_schema, in_groups, read_table, write_groups
from codelewm_assets.dataset.published import HASHED, PublishedRow, hashed_tokens, published_rows
from codelewm_assets_tests.factories import World, make_world


@pytest.fixture(scope="module")
def world() -> World:
    return make_world()


@pytest.fixture(scope="module")
def published(world: World) -> list[PublishedRow]:
    return list(published_rows(world.rows, {split.problem_id: split.fold for split in world.splits}))


def test_tokens_by_hand() -> None:
    """Three tokens, `f`, `(`, `1`, each its SHA-256's first eight hexadecimal digits without the last bit."""
    wanted = tuple(int(sha256_text(token)[:8], 16) // 2 for token in ("f", "(", "1"))
    assert hashed_tokens(" f( 1 ") == wanted
    assert all(0 <= token < 2**31 for token in wanted)
    assert hashed_tokens("") == ()
    assert hashed_tokens("a b") != hashed_tokens("b a")


def test_the_view_has_every_field_of_the_pack_and_the_fold() -> None:
    assert set(PublishedRow.model_fields) == set(PackRow.model_fields) | {"fold"}


def test_every_other_field_is_the_packs_and_the_fold_is_the_splits(world: World, published: list[PublishedRow]) -> None:
    fold = {split.problem_id: split.fold for split in world.splits}
    scored = [row for row in world.rows if row.is_scored]
    for row, view in zip(scored, published, strict=True):
        plain = row.model_dump(exclude=set(HASHED))
        assert view.model_dump(exclude={*HASHED, "fold"}) == plain
        assert view.fold == fold[row.source_problem_id]


def test_no_reference_no_models_program_and_no_twin_that_is_not_scored_is_published(world: World) -> None:
    fold = {split.problem_id: split.fold for split in world.splits}
    lost = next(row.source_submission_id for row in world.rows if row.is_scored)
    rows = [
        row.model_copy(update={"is_scored": False}) if row.source_submission_id == lost else row for row in world.rows
    ]
    names = {row.source_submission_id for row in published_rows(rows, fold)}
    others = {row.source_submission_id for row in world.rows if row.completion_kind in ("reference", "model")}
    assert others and names == {row.source_submission_id for row in world.rows} - others - {lost}


def test_no_program_input_or_output_stands_in_what_is_written(
    world: World, published: list[PublishedRow], tmp_path: Path
) -> None:
    path = tmp_path / "published.parquet"
    write_groups(path, in_groups(published, 100), PublishedRow)
    assert read_table(path, PublishedRow) == published
    table = pq.read_table(path)
    assert table.schema.equals(arrow_schema(PublishedRow))
    texts = {value or "" for column in table.columns if str(column.type) == "string" for value in column.to_pylist()}
    programs = {row.code_tokens for row in world.rows}
    assert programs and not programs & texts
    assert not any("def " in text or "\n" in text for text in texts)


def test_a_problem_without_a_fold_is_refused(world: World) -> None:
    with pytest.raises(PackError, match=r"has no fold\. Materialize problem_splits again"):
        list(published_rows(world.rows, {}))
