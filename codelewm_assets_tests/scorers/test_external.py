"""Scores from a file: by completion id or digest, by seed, and every broken row named by its line."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from codelewm_assets.core.digests import sha256_text
from codelewm_assets.core.errors import ScorerError
from codelewm_assets.scorers.external import read_external, scores_of_seed

DIGEST = sha256_text("def f(): pass")


def file_of(folder: Path, *rows: dict[str, Any] | str) -> Path:
    """A file of JSON lines."""
    path = folder / "scores.jsonl"
    path.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8"
    )
    return path


def test_a_completion_has_the_score_of_its_id_its_digest_and_its_seed(tmp_path: Path) -> None:
    """a: by id, b: by digest, c: none. A score of the seed comes before one of all seeds."""
    rows = [{"completion_id": "a", "score": 1}, {"program_sha256": DIGEST, "score": -2.5},
            {"completion_id": "a", "score": 0.5, "seed": 42}]  # fmt: skip
    scores = read_external(file_of(tmp_path, *rows))
    programs = {"a": "0" * 64, "b": DIGEST, "c": "1" * 64}
    assert scores_of_seed(scores, programs, seed=42, file="x") == {"a": 0.5, "b": -2.5}
    assert scores_of_seed(scores, programs, seed=1729, file="x") == {"a": 1.0, "b": -2.5}


def test_a_parquet_file_holds_the_same(tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    pq.write_table(pa.table({"completion_id": ["a", "b"], "score": [0.25, 0.75], "seed": [None, 42]}), path)
    assert read_external(path) == {("a", None): 0.25, ("b", 42): 0.75}


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ('{"completion_id": "b", "score": NaN}', "line 2: score: Input should be a finite number, found nan"),
        ({"completion_id": "b", "score": None}, "line 2: score: Input should be a valid number, found None"),
        ({"completion_id": "b"}, "line 2: score: Field required"),
        ({"score": 1}, "line 2: expected either completion_id or program_sha256"),
        ({"completion_id": "b", "program_sha256": DIGEST, "score": 1}, "line 2: expected either completion_id or"),
        ({"program_sha256": "abc", "score": 1}, "line 2: program_sha256: String should match"),
        ({"completion_id": "b", "score": 1, "seed": 7}, "line 2: seed is 7; expected 42 or 1729, or none"),
        ({"completion_id": "b", "score": 1, "model": "x"}, "line 2: model: Extra inputs are not permitted"),
        ({"completion_id": "a", "score": 2}, "line 2: 'a' has a score in line 1 already"),
        ("[1]", "line 2: no JSON object"),
        ("{", "line 2: not JSON"),
    ],
)
def test_a_broken_row_is_named_by_its_line(tmp_path: Path, row: dict[str, Any] | str, fault: str) -> None:
    with pytest.raises(ScorerError) as caught:
        read_external(file_of(tmp_path, {"completion_id": "a", "score": 1}, row))
    assert fault in str(caught.value)


def test_no_file_no_scores_and_scores_of_other_pools_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ScorerError, match="cannot be read"):
        read_external(tmp_path / "absent.jsonl")
    with pytest.raises(ScorerError, match="holds no score"):
        read_external(file_of(tmp_path, ""))
    with pytest.raises(
        ScorerError, match=r"scores.jsonl holds 1 scores, such as of 'other', and none is of a program of this"
    ):
        scores_of_seed({("other", None): 1.0}, {"a": DIGEST}, seed=None, file="scores.jsonl")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    with pytest.raises(ScorerError, match=r"broken.parquet is no Parquet file"):
        read_external(tmp_path / "broken.parquet")
