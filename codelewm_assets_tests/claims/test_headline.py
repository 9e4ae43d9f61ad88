"""The verdict in one sentence."""

from codelewm_assets.claims.headline import headline
from codelewm_assets.claims.register import CLAIMS
from codelewm_assets.core.ids import SEEDS
from codelewm_assets_tests.claims.evidence import collapse, gates_of, nothing_known, with_scorer


def test_every_open_claim_is_said_with_the_data_that_it_speaks_of() -> None:
    text = headline(gates_of())
    assert text.count("OPEN: ") == len(CLAIMS)
    assert (
        "OPEN: The critic, which reads a program and its prompt, tells generated bugs of known operators on HumanEval. "
        "It speaks of generated bugs of known operators, HumanEval." in text
    )


def test_without_an_open_claim_the_nearest_and_what_it_lacks_are_named() -> None:
    without_critic = {"collapse": collapse(effective_rank_ratio=0.1)} | {"scorers": {}}
    found = gates_of({seed: without_critic | {"calibration": None, "retrieval": None} for seed in SEEDS})
    text = headline(found)
    assert text.startswith("No claim is OPEN. The nearest, `")
    assert "what it lacks first: " in text and text.endswith(".")
    assert headline(nothing_known()).startswith("No claim is OPEN.")


def test_a_narrow_claim_that_is_open_is_not_widened() -> None:
    changed = {
        seed: with_scorer("critic", transfer=None, unseen_model_rerank=None) | {"rerank": None} for seed in SEEDS
    }
    text = headline(gates_of(changed))
    assert "unseen" not in text and "models wrote" not in text
