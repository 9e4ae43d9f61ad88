"""Cards, tracker status and index, rendered from tiny records."""

import pytest
import yaml

from codelewm_assets.claims.audit import audit_text
from codelewm_assets.core.records import LeftOut
from codelewm_assets.release.cards import artifact_index, dataset_card, model_card, tracker_status
from codelewm_assets_tests.claims.evidence import LABELS, STAND_IN, collapse, gates_of, nothing_known
from codelewm_assets_tests.factories import World, make_world
from codelewm_assets_tests.release.records import manifest, sidecar


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(3)


def _header(card: str) -> dict[str, object]:
    assert card.startswith("---\n")
    found: dict[str, object] = yaml.safe_load(card.split("---\n")[1])
    return found


def test_the_dataset_card_counts_every_row_once(world: World) -> None:
    card = dataset_card(world.rows, world.splits, [], nothing_known(), labels=LABELS)
    rows = card.split("## Rows")[1].split("## Outcomes")[0].splitlines()
    counts = [int(line.split("|")[4]) for line in rows if line.startswith("| ") and "benchmark" not in line]
    assert sum(counts) == len(world.rows)
    assert "## Problems left out\n\n(none)\n" in card
    assert "| humaneval | MIT | https://example.org/license |" in card
    assert _header(card)["license"] == "other"


def test_the_dataset_card_names_what_was_left_out_and_the_stand_in(world: World) -> None:
    left_out = [LeftOut(problem_id="humaneval/099", reason="no | inputs")]
    card = dataset_card(world.rows, world.splits, left_out, nothing_known(STAND_IN), labels=STAND_IN)
    assert "| humaneval/099 | no \\| inputs |" in card
    assert "`mbpp_plus (stand-in)`" in card
    assert "| mbpp_plus |" not in card


def test_the_model_card_is_rendered_from_its_sidecar() -> None:
    card = model_card(sidecar(1729), collapse(effective_rank_ratio=None), gates_of(), labels=LABELS)
    assert "# CodeLeWM transition model, seed 1729" in card
    assert "123456 parameters" in card
    assert "folds [0, 1]" in card
    for name, letter in (("execution_pack", "a"), ("problem_splits", "b"), ("tokenized_pack", "c")):
        assert f"| {name} | {letter * 64} |" in card
    assert "| torch | 9.8.7 |" in card
    assert "| hidden | 96 |" in card
    assert "| – | 0.000 |" in card  # the absent effective rank ratio is no zero
    assert _header(card)["license"] == "apache-2.0"


def test_no_card_says_more_than_the_gates_when_all_claims_are_closed(world: World) -> None:
    gates = nothing_known(STAND_IN)
    status = {claim.claim_id: claim.status for claim in gates.claims}
    cards = [
        dataset_card(world.rows, world.splits, [], gates, labels=STAND_IN),
        model_card(sidecar(), collapse(), gates, labels=STAND_IN),
        tracker_status(gates),
    ]
    for card in cards:
        assert audit_text(card, status) == []
        assert all(f"CLOSED: {claim.sentence}" in card for claim in gates.claims)


def test_the_tracker_status_counts_open_claims() -> None:
    assert tracker_status(gates_of()).startswith("## Status of profile `tiny`: 8 of 8 claims OPEN")
    assert tracker_status(nothing_known()).startswith("## Status of profile `tiny`: 0 of 8 claims OPEN")


def test_the_index_has_a_row_per_artifact_in_order_of_ids() -> None:
    made = [
        manifest("problem_splits", {"splits.parquet": b"123"}, {"execution_pack": "e" * 64}),
        manifest("checkpoint[42]", {"a": b"12", "b": b"3456"}),
    ]
    text = artifact_index({found.digest: found for found in made})
    assert text.splitlines()[4:] == [
        f"| checkpoint[42] | {made[1].digest} | 2 | 6 | 0 |",
        f"| problem_splits | {made[0].digest} | 1 | 3 | 1 |",
    ]
