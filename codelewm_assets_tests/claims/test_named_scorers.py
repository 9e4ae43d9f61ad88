"""Gates and claims of scorers that a profile names: as for those of the project, and by what is stated of their training."""

import pytest

from codelewm_assets.claims.audit import audit_text, claim_statuses
from codelewm_assets.claims.gates import inconsistencies
from codelewm_assets.claims.headline import headline
from codelewm_assets.claims.verdicts import ClaimGates, ClaimResult
from codelewm_assets.core.ids import BENCHMARKS, CONTROLS
from codelewm_assets_tests.claims.evidence import calibration, named, rerank_of, state_of, with_named

GATES = {
    "ranker:calibration", *(f"ranker:rerank:{name}" for name in BENCHMARKS), "ranker:unseen_operators",
    "ranker:equivalent_edits", "ranker:model_programs", "ranker:contamination",
}  # fmt: skip
CLAIMS = {
    *(f"ranker_tells_known_bugs_on_{name}" for name in BENCHMARKS), "ranker_tells_known_bugs", "ranker_tells_unseen_bugs",
    "ranker_improves_reranking",
}  # fmt: skip


def claims_of(gates: ClaimGates) -> dict[str, ClaimResult]:
    """The claims about the ranker."""
    return {claim.claim_id: claim for claim in gates.claims if claim.claim_id.startswith("ranker")}


def test_a_candidate_has_every_gate_of_a_candidate_and_its_claims_open_on_good_evidence() -> None:
    gates = with_named(named("ranker"))
    assert {gate.gate for gate in gates.gates if gate.gate.startswith("ranker")} == GATES
    assert {claim.claim_id: claim.status for claim in claims_of(gates).values()} == dict.fromkeys(CLAIMS, "OPEN")
    assert gates.gates[-1].gate == "integrity"
    assert inconsistencies(gates) == []
    sentence = "ranker, which reads the program and its prompt, tells generated bugs of known operators on HumanEval."
    assert claims_of(gates)["ranker_tells_known_bugs_on_humaneval"].sentence == sentence
    assert f"OPEN: {sentence} It speaks of generated bugs of known operators, HumanEval." in headline(gates)


def test_a_cheat_whose_training_set_is_declared_is_caught_by_contamination() -> None:
    """Its figures are as good as above; it was trained on two of the problems that it scored."""
    report = named("ranker", statement="problems", reason=None, declared_problem_count=200,
                   scored_problems_trained_on=["HumanEval/1", "HumanEval/2"])  # fmt: skip
    gates = with_named(report)
    assert state_of(gates, "ranker:contamination") == "FAILS"
    claims = claims_of(gates)
    assert {claim.status for claim in claims.values()} == {"CLOSED"}
    for claim in claims.values():
        assert {reason.code for reason in claim.reasons} == {"scored_problem_trained_on"}
        assert all(reason.figure == 2 and "HumanEval/1, HumanEval/2" in reason.detail for reason in claim.reasons)


def test_a_cheat_whose_training_set_is_not_declared_leaves_its_gate_undecided_and_its_claims_closed() -> None:
    gates = with_named(named("ranker", statement="unknown", reason=None))
    assert state_of(gates, "ranker:contamination") == "UNDECIDED"
    claims = claims_of(gates)
    assert {claim.status for claim in claims.values()} == {"CLOSED"}
    assert {reason.code for claim in claims.values() for reason in claim.reasons} == {"contamination_unknown"}


def test_a_declared_training_set_without_a_scored_problem_holds() -> None:
    report = named("ranker", statement="problems", reason=None, declared_problem_count=60)
    assert state_of(with_named(report), "ranker:contamination") == "HOLDS"


def test_a_named_control_that_lacks_pools_leaves_reranking_undecided() -> None:
    """Leaving a score out of a strong control's file must not take it out of the comparison."""
    both = {"complete_pool_count": dict.fromkeys(("ranker", *CONTROLS), 100) | {"smollm2": 99}}
    report = rerank_of("ranker", **both).model_copy(update={"named_controls": ("smollm2",)})
    gates = with_named(named("ranker"), rerank=report)
    (gate,) = (gate for gate in gates.gates if gate.gate == "ranker:rerank:humaneval")
    assert gate.state == "UNDECIDED"
    assert {reason.detail.partition(": ")[2] for reason in gate.reasons} == {
        "smollm2 has a score in 99 of 100 pools; all are needed."
    }


def test_a_score_that_is_no_probability_leaves_calibration_undecided() -> None:
    gates = with_named(named("ranker"), calibration=calibration(error=None, score="ranker"))
    assert state_of(gates, "ranker:calibration") == "UNDECIDED"
    assert claims_of(gates)["ranker_tells_known_bugs_on_humaneval"].status == "OPEN"
    assert claims_of(gates)["ranker_tells_known_bugs"].status == "CLOSED"


def test_a_control_has_no_gates_and_no_claims() -> None:
    gates = with_named(named("smollm2", role="control"))
    assert not [gate for gate in gates.gates if gate.gate.startswith("smollm2")]
    assert gates.named_candidates == ()


@pytest.mark.parametrize(("statement", "count"), [("none_of_the_benchmarks", 0), ("unknown", 1)])
def test_a_sentence_about_a_named_scorer_is_held_against_its_own_claims(statement: str, count: int) -> None:
    gates = with_named(named("ranker", statement=statement))
    text = "The model ranker tells generated bugs of known operators on HumanEval."
    found = audit_text(text, claim_statuses(gates))
    assert len(found) == count
    assert all(row.claim_id == "ranker_tells_known_bugs_on_humaneval" for row in found)


def test_more_than_an_open_claim_of_a_named_scorer_says_is_beyond_its_wording() -> None:
    statuses = claim_statuses(with_named(named("ranker")))
    sentence = "ranker, which reads the program and its prompt, tells generated bugs of unseen operators"
    assert audit_text(f"OPEN: {sentence}.", statuses) == []
    (found,) = audit_text(f"The model {sentence} in production.", statuses)
    assert (found.claim_id, found.status) == ("ranker_tells_unseen_bugs", "BEYOND_WORDING")
