"""Scorers that are not the project's, through a part of the graph: a classifier trained here on train folds, and files of scores.

Programs of the small world are random, so what is asked is which verdict each gate gives and for which reason.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from transformers import BertConfig, BertForSequenceClassification

from codelewm_assets.claims.verdicts import ClaimGates
from codelewm_assets.completions.program_rows import ProgramRow
from codelewm_assets.core.tables import read_table
from codelewm_assets.dataset.near_duplicates import Thresholds
from codelewm_assets.defs.inputs import Inputs
from codelewm_assets.evaluation.own_programs import checkpoint_scores, critic_scores
from codelewm_assets.evaluation.reports import ContaminationReport, RerankReport, TransferReport
from codelewm_assets.evaluation.score_files import read_score_rows
from codelewm_assets.profiles.profile import load_profile
from codelewm_assets.scorers.fitting import CriticScore
from codelewm_assets.store.store import ArtifactStore
from codelewm_assets_tests.defs.deployment import deployed
from codelewm_assets_tests.defs.stored_world import TINY
from codelewm_assets_tests.factories import World
from codelewm_assets_tests.scorers.test_published_models import tokenizer
from codelewm_assets_tests.tiers import slow

EVALUATED = ["checkpoint", "critic", "heldout_scores", "p_pass_calibration", "rerank_report"]


def train_classifier(folder: Path, world: World) -> list[str]:
    """Train a small classifier on the train problems of fold 0's model and save it. Returns: the ids of these problems."""
    fold = {split.problem_id: split.fold for split in world.splits}
    rows = [row for row in {c.completion_id: c for c in world.controls}.values() if fold[row.problem_id] in (2, 3, 4)]
    own = tokenizer()
    torch.manual_seed(0)
    model = BertForSequenceClassification(
        BertConfig(vocab_size=320, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=1,
                   max_position_embeddings=128, id2label={0: "wrong", 1: "right"}, label2id={"wrong": 0, "right": 1})
    )  # fmt: skip
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for start in range(0, 96, 16):
        batch = rows[start : start + 16]
        texts = [world.codes[row.completion_id] for row in batch]
        encoded = own(texts, truncation=True, max_length=64, padding="max_length", return_tensors="pt")
        model(**encoded, labels=torch.tensor([int(row.passed) for row in batch])).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)
    own.save_pretrained(folder)
    return sorted({row.problem_id for row in rows})


def profile_of(folder: Path, world: World) -> Path:
    """The tiny profile with five scorers: how each came about stands in its `reads`."""
    labels = {row.completion_id: row.passed for row in world.controls}
    trained = train_classifier(folder / "classifier", world)
    (folder / "trained.txt").write_text("\n".join(trained), encoding="utf-8")

    def scores(name: str, among: list[str]) -> str:
        rows = (json.dumps({"completion_id": own, "score": float(labels[own])}) + "\n" for own in among)
        (folder / name).write_text("".join(rows), encoding="utf-8")
        return str(folder / name)

    everything = sorted(labels)
    pooled = sorted({member.completion_id for member in world.pools})
    external = {"kind": "external", "role": "candidate", "folds": [0]}
    scorers: dict[str, Any] = {
        "ranker": {"kind": "classifier", "role": "candidate", "reads": "the program", "source": str(folder / "classifier"),
                   "label": "right", "max_tokens": 100,
                   "no_generated_bugs": "said for the test", "folds": [0],
                   "trained_on": {"problems_file": str(folder / "trained.txt")}},
        "cheat": external | {"reads": "the labels", "file": scores("cheat.jsonl", everything),
                             "trained_on": {"problems": [p.problem_id for p in world.problems]}},
        "silent": external | {"reads": "the labels", "file": scores("silent.jsonl", everything)},
        "gaps": {"kind": "external", "role": "control", "reads": "the labels", "file": scores("gaps.jsonl", pooled[:40])},
    }  # fmt: skip
    raw = yaml.safe_load(Path(TINY).read_text(encoding="utf-8"))
    path = folder / "profile.yaml"
    path.write_text(yaml.safe_dump(raw | {"scorers": scorers}), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
@slow
def judged(
    worlds: dict[str, Path], world: World, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[ArtifactStore, Inputs]]:
    """The green world with a profile that names scorers, trained and evaluated on one seed."""
    folder = tmp_path_factory.mktemp("named")
    profile = str(profile_of(folder, world))
    with deployed(Path(shutil.copytree(worlds["green"], folder / "green")), profile=profile) as made:
        for assets, seed in ((["scorer_scores"], None), (EVALUATED, "42"), (["claim_gates"], None)):
            assert made.failures(made.launch(assets, seed)) == {}
        yield made.stored.store, Inputs(made.instance, made.stored.store, load_profile(profile))


def test_each_scorer_has_its_verdict_for_a_stated_reason(judged: tuple[ArtifactStore, Inputs], world: World) -> None:
    _, inputs = judged
    report = inputs.artifact("rerank_report", "42")
    stated = ContaminationReport.model_validate(report.read_json("scorers/ranker/contamination_report.json"))
    assert (stated.statement, stated.scored_problems_trained_on) == ("problems", [])
    of_ranker = RerankReport.model_validate(report.read_json("scorers/ranker/rerank_report.json"))
    assert of_ranker.named_controls == ("gaps",)
    for own in of_ranker.benchmarks.values():
        assert own.complete_pool_count["ranker"] == own.pool_count > own.not_compared["gaps"]
        assert own.best_control not in ("gaps", "cheat", "silent", "critic")
        assert own.lift["cheat"].pool_count == own.pool_count
    gates = ClaimGates.model_validate(inputs.artifact("claim_gates").read_json("claim_gates.json"))
    states = {
        (gate.gate, row.seed): (row.state, {reason.code for reason in row.reasons})
        for gate in gates.gates
        for row in gate.seeds
    }
    assert states["ranker:contamination", 42] == ("HOLDS", set())
    assert states["cheat:contamination", 42] == ("FAILS", {"scored_problem_trained_on"})
    assert states["silent:contamination", 42] == ("UNDECIDED", {"contamination_unknown"})
    of_operators = TransferReport.model_validate(report.read_json("scorers/ranker/transfer_report.json"))
    assert set(of_operators.families) == {
        row.operator_family for row in world.controls if row.completion_kind == "mutant_1"
    }
    assert states["ranker:unseen_operators", 42] == ("UNDECIDED", {"too_few_families"})
    assert states["silent:unseen_operators", 42] == ("UNDECIDED", {"evidence_missing"})
    assert states["cheat:calibration", 42][0] == "HOLDS"  # its figures alone would have let it through
    assert states["ranker:rerank:humaneval", 42] == ("UNDECIDED", {"evidence_missing", "too_few_problems"})
    assert {
        claim.claim_id: claim.status for claim in gates.claims if claim.claim_id.startswith(("cheat", "silent"))
    } != {}
    assert {claim.status for claim in gates.claims if claim.claim_id.startswith(("ranker", "cheat", "silent"))} == {
        "CLOSED"
    }
    assert not [gate for gate in gates.gates if gate.gate.startswith("gaps")]


def rows_of(world: World, fold: int) -> list[ProgramRow]:
    """Scored twins of a fold's problems, as `score` reads them, with the inputs that they have in the pack.

    No program that a model wrote passes here, so nothing is calibrated on them and `score` takes the twins' scaling.
    """
    folds = {split.problem_id: split.fold for split in world.splits}
    inputs = {problem.problem_id: problem.inputs for problem in world.problems}
    return [
        ProgramRow(completion_id=row.completion_id, problem_id=row.problem_id, benchmark_id=row.benchmark_id,
                   code=world.codes[row.completion_id], prompt=world.prompts[row.problem_id], entry_point="solve",
                   inputs=inputs[row.problem_id])
        for row in world.controls
        if row.pool_id is None and folds[row.problem_id] == fold and row.completion_kind != "model"
    ]  # fmt: skip


def test_a_stored_critic_gives_programs_of_the_build_the_scores_that_the_build_gave_them(
    judged: tuple[ArtifactStore, Inputs], world: World
) -> None:
    store, inputs = judged
    critic = inputs.artifact("critic", "42")
    stored = {row.completion_id: row.critic for row in read_table(critic.path("scores.parquet"), CriticScore)}
    rows = [*rows_of(world, 0)[:6], *rows_of(world, 3)[:6]]
    found = critic_scores(store, critic, rows, thresholds=Thresholds())
    assert [score for score, _ in found] == pytest.approx([stored[row.completion_id] for row in rows], rel=1e-9)
    assert {trained_on for _, trained_on in found} == {False}


def test_a_stored_checkpoint_gives_them_the_same_too_and_marks_problems_of_its_train_part(
    judged: tuple[ArtifactStore, Inputs], world: World
) -> None:
    """There is a model of fold 0 alone: problems of fold 3 are in its train part, those of fold 1 chose its weights."""
    store, inputs = judged
    scored = read_score_rows(inputs.artifact("heldout_scores", "42").path("completion_scores.jsonl"))
    expected = {row.completion_id: row.scores["p_pass"] for row in scored}
    held, seen = rows_of(world, 0)[:8], [*rows_of(world, 3)[:2], *rows_of(world, 1)[:2]]
    found = checkpoint_scores(store, inputs.artifact("checkpoint", "42"), [*held, *seen], thresholds=Thresholds())
    assert [score for score, _ in found[:8]] == pytest.approx([expected[row.completion_id] for row in held], rel=1e-5)
    assert [trained_on for _, trained_on in found] == [False] * 8 + [True] * 4
