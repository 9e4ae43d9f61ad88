"""The difference of two builds: the gate that moved, the artifact that it moved by, and the score rows behind it."""

import json
from pathlib import Path
from typing import Any

import pytest

from codelewm_assets.claims.register import GATE_RULES, SCORERS
from codelewm_assets.core.digests import pretty_json
from codelewm_assets.release.build_diff import READS, BuildDiff, FigureChange, RowChange, build_diff
from codelewm_assets.store.store import Artifact, ArtifactStore, CacheKey
from codelewm_assets_tests.claims.evidence import gates_of, rerank, together

SCORES: dict[str, float] = {"c0": 0.9, "c1": 0.2}


def put(store: ArtifactStore, name: str, files: dict[str, bytes], *parents: Artifact) -> Artifact:
    """An artifact of these parents."""
    kind, _, partition = name.removesuffix("]").partition("[")
    made_from = {parent.manifest.artifact_id: parent.digest for parent in parents}
    return store.write(CacheKey(kind, partition or None, made_from, {}, "test"), files, {})


def build(
    store: ArtifactStore, scores: dict[str, float] = SCORES, lower: float = 0.001, pack: bytes = b"pack"
) -> Artifact:
    """`claim_gates` of a build of one seed with these score rows."""
    rows: list[dict[str, Any]] = [
        {"completion_id": name, "problem_id": "p", "benchmark_id": "humaneval", "fold": 0, "passed": name == "c0",
         "pool_id": "p::pool0", "scores": {"p_pass": score, "random": 0.5}}
        for name, score in scores.items()
    ]  # fmt: skip
    of_pack = put(store, "execution_pack", {"pack.parquet": pack})
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    scored = put(store, "heldout_scores[42]", {"score_rows.jsonl": lines}, of_pack)
    report = put(store, "rerank_report[42]", {"rerank_report.json": f"{lower} {scores}".encode()}, scored)
    reports = together([rerank("humaneval", lower=lower), rerank("mbpp_plus")])
    gates = gates_of({42: {"rerank": reports}}) if lower != 0.001 else gates_of()
    files = {"claim_gates.json": pretty_json(gates.model_dump(mode="json"))}
    return put(store, "claim_gates", files, report, of_pack)


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path)


def test_a_build_does_not_differ_from_itself(store: ArtifactStore) -> None:
    gates = build(store)
    nothing = BuildDiff(before=gates.digest, after=gates.digest, gates=(), artifacts=(), rows=())
    assert build_diff(store, gates, gates) == nothing


def test_the_gate_that_moved_is_named_with_its_figure_its_report_and_its_rows(store: ArtifactStore) -> None:
    difference = build_diff(store, build(store), build(store, {"c0": 0.1, "c2": 0.3}, lower=-0.5))
    (gate,) = difference.gates
    assert (gate.gate, gate.seed, gate.before, gate.after) == ("rerank:humaneval", 42, "HOLDS", "FAILS")
    moved = {figure.name: (figure.before, figure.after) for figure in gate.figures}
    assert (0.001, -0.5) in moved.values() and all(isinstance(figure, FigureChange) for figure in gate.figures)
    assert gate.artifacts == ("rerank_report[42]",)
    origins = {change.artifact_id: change.is_origin for change in difference.artifacts}
    assert origins == {"claim_gates": False, "rerank_report[42]": False, "heldout_scores[42]": True}
    (rows,) = difference.rows
    assert (rows.artifact_id, rows.file) == ("heldout_scores[42]", "score_rows.jsonl")
    # c0 has another p_pass, c1 is gone, c2 is new: three of the three rows of both builds
    assert (rows.row_count, rows.changed, rows.removed, rows.added) == (3, 1, 1, 1)
    assert rows.first[0] == RowChange(
        pool_id="p::pool0", problem_id="p", completion_id="c0", before={"p_pass": 0.9}, after={"p_pass": 0.1}
    )
    assert (rows.first[1].completion_id, rows.first[1].after, rows.first[2].before) == ("c1", None, None)


def test_the_change_begins_at_the_artifact_whose_parents_are_the_same(store: ArtifactStore) -> None:
    difference = build_diff(store, build(store), build(store, pack=b"another pack"))
    origins = [change.artifact_id for change in difference.artifacts if change.is_origin]
    assert origins == ["execution_pack"]
    assert difference.gates == () and difference.rows == ()


def test_gates_that_moved_without_a_report_moved_by_their_rules(store: ArtifactStore) -> None:
    before = build(store)
    other = gates_of({42: {"collapse": None}})
    files = {"claim_gates.json": pretty_json(other.model_dump(mode="json"))}
    after = put(store, "claim_gates", files, *store.parents(before).values())
    moved = {gate.gate: gate for gate in build_diff(store, before, after).gates}
    assert (moved["collapse"].before, moved["collapse"].after) == ("HOLDS", "UNDECIDED")
    assert {gate.artifacts for gate in moved.values()} == {("claim_gates",)}


def test_at_most_ten_rows_are_shown_and_all_are_counted(store: ArtifactStore) -> None:
    before, after = ({f"c{n:02}": score for n in range(25)} for score in (0.1, 0.2))
    (rows,) = build_diff(store, build(store, before), build(store, after)).rows
    assert (rows.changed, len(rows.first)) == (25, 10)
    assert [row.completion_id for row in rows.first] == [f"c{n:02}" for n in range(10)]


def test_every_gate_has_the_reports_that_it_reads() -> None:
    bases = {rule.name.removeprefix(SCORERS[1].prefix).partition(":")[0] for rule in GATE_RULES}
    assert bases == READS.keys()
