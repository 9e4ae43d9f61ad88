"""What a profile can open is known before it trains."""

from codelewm_assets.claims.prospects import Plan, prospects
from codelewm_assets.claims.register import CLAIMS
from codelewm_assets.core.ids import BENCHMARKS
from codelewm_assets_tests.claims.evidence import LABELS, STAND_IN

WHOLE = {name: dict.fromkeys(BENCHMARKS, 150) for name in ("codelewm", "critic")}

MANY = dict.fromkeys(BENCHMARKS, 150)


def can_open(plan: Plan) -> set[str]:
    return {row.claim_id for row in prospects(plan) if not row.reasons}


def test_with_everything_every_claim_can_open() -> None:
    both = frozenset({"codelewm", "critic"})
    plan = Plan(LABELS, WHOLE, both, model_problems=MANY, held_out_models=both)
    assert can_open(plan) == {claim.claim_id for claim in CLAIMS}


def test_fold_0_alone_opens_no_order_of_the_model_and_says_how_many_problems_it_lacks() -> None:
    plan = Plan(LABELS, {"codelewm": dict.fromkeys(BENCHMARKS, 31), "critic": dict.fromkeys(BENCHMARKS, 150)})
    found = {row.claim_id: row.reasons for row in prospects(plan)}
    assert found["codelewm_tells_known_bugs_on_humaneval"] == (
        "codelewm scores 31 problems of humaneval, at least 100 are needed",
    )
    assert can_open(plan) == {
        "critic_tells_known_bugs_on_humaneval", "critic_tells_known_bugs_on_mbpp_plus", "critic_tells_known_bugs",
        "p_pass_is_calibrated", "retrieves_outputs", "is_surprised_by_decoys", "latents_carry_semantics", "is_non_collapsed",
    }  # fmt: skip


def test_a_stand_in_leaves_the_claims_on_humaneval_and_on_the_weights() -> None:
    plan = Plan(STAND_IN, {"codelewm": {"humaneval": 31}, "critic": {"humaneval": 156}})
    assert can_open(plan) == {"critic_tells_known_bugs_on_humaneval", "is_non_collapsed"}


def test_completions_need_programs_that_models_wrote_and_unseen_bugs_a_family_held_out() -> None:
    found = {row.claim_id: row.reasons for row in prospects(Plan(LABELS, WHOLE))}
    assert found["improves_reranking"] == ("there are no pools of programs that models wrote",)
    assert found["critic_tells_unseen_bugs"] == ("critic is not fitted without any operator family",)


def test_completions_need_models_held_out() -> None:
    found = {row.claim_id: row.reasons for row in prospects(Plan(LABELS, WHOLE, model_problems=MANY))}
    assert found["critic_improves_reranking"] == ("critic is not fitted without the models that wrote the programs",)


def test_an_encoder_that_may_have_seen_the_benchmarks_closes_the_models_claims_alone() -> None:
    seen = Plan(LABELS, WHOLE, may_have_seen=True)
    lost = can_open(Plan(LABELS, WHOLE)) - can_open(seen)
    assert lost == {
        "codelewm_tells_known_bugs", "codelewm_tells_known_bugs_on_humaneval", "codelewm_tells_known_bugs_on_mbpp_plus",
        "p_pass_is_calibrated",
    }  # fmt: skip


def test_pools_of_models_programs_on_one_benchmark_alone_open_nothing_about_programs() -> None:
    both = frozenset({"codelewm", "critic"})
    plan = Plan(LABELS, WHOLE, both, model_problems={"humaneval": 150}, held_out_models=both)
    reasons = {row.claim_id: row.reasons for row in prospects(plan)}
    assert reasons["critic_improves_reranking"] == (
        "0 problems of mbpp_plus have pools of programs that models wrote, at least 100 are needed",
    )
