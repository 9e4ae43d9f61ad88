"""Pools of programs that models wrote: different models, both labels, drawn without looking at labels."""

from collections import defaultdict
from typing import Any

import pytest

from codelewm_assets.core.records import LabelledCompletion, PoolMember
from codelewm_assets.dataset.model_pools import make_model_pools, model_family
from codelewm_assets_tests.factories import make_completion, make_labelled, make_problem

PROBLEM = make_problem(0)


def sample(number: int, model: str | None, *, passed: bool, **changes: Any) -> LabelledCompletion:
    """Program `number` of a model."""
    return make_labelled(make_completion(PROBLEM, number, "model", llm=model), passed=passed, **changes)


def pools_of(items: list[LabelledCompletion], *, size: int = 4, most: int = 2) -> list[list[PoolMember]]:
    """Members of each pool."""
    pools: dict[str, list[PoolMember]] = defaultdict(list)
    for member in make_model_pools(items, pool_size=size, pools_per_problem=most):
        pools[member.pool_id].append(member)
    return list(pools.values())


def test_members_of_a_pool_are_by_different_models_and_pass_and_fail() -> None:
    """Eight models with two samples each, one passing: 16 programs make four groups of four, of which two are pools."""
    items = [sample(2 * model + i, f"model {model}", passed=i == 0) for model in range(8) for i in range(2)]
    model_of = {item.completion.completion_id: item.completion.llm for item in items}
    pools = pools_of(items)
    assert [len(pool) for pool in pools] == [4, 4]
    for pool in pools:
        assert len({model_of[member.completion_id] for member in pool}) == 4
        assert {member.passed for member in pool} == {True, False}
        assert {member.pool_kind for member in pool} == {"model"}
    ids = [member.completion_id for pool in pools for member in pool]
    assert len(set(ids)) == len(ids)


def test_a_pool_of_one_class_is_no_pool_and_is_not_mended() -> None:
    """Nine programs of nine models, one failing: of three groups of three, one has both labels."""
    (pool,) = pools_of([sample(n, f"model {n}", passed=n != 4) for n in range(9)], size=3, most=3)
    assert sorted(member.passed for member in pool) == [False, True, True]


def test_labels_do_not_decide_who_is_drawn() -> None:
    """With all labels turned round the same programs meet in the same pools."""
    items = [sample(n, f"model {n}", passed=n % 2 == 0) for n in range(12)]
    turned = [sample(n, f"model {n}", passed=n % 2 == 1) for n in range(12)]
    ids = [[[m.completion_id for m in pool] for pool in pools_of(some, most=9)] for some in (items, turned)]
    assert ids[0] == ids[1]
    assert ids[0]


def test_samples_of_one_model_alone_are_its_pools() -> None:
    pools = pools_of([sample(n, "one", passed=n % 2 == 0) for n in range(8)])
    assert [len(pool) for pool in pools] == [4, 4]


def test_two_models_make_no_pool_of_three() -> None:
    assert pools_of([sample(n, f"model {n % 2}", passed=n < 2) for n in range(6)]) == []


@pytest.mark.parametrize("items", [[], [sample(0, "a", passed=True), sample(1, "b", passed=False)]])
def test_fewer_than_three_programs_make_no_pool(items: list[LabelledCompletion]) -> None:
    assert pools_of(items) == []


def test_programs_without_a_label_to_trust_and_twins_are_in_no_pool() -> None:
    items = [sample(n, f"model {n}", passed=n == 0) for n in range(3)]
    unsure = sample(3, "model 3", passed=False, is_deterministic=False)
    twin = make_labelled(make_completion(PROBLEM, 4, "mutant_1"), passed=False)
    (pool,) = pools_of([*items, unsure, twin])
    assert {member.completion_id for member in pool} == {item.completion.completion_id for item in items}


@pytest.mark.parametrize(
    ("family", "names"),
    [
        (
            "wizardlm",
            [
                "TheBloke_WizardLM-30B-GPTQ_VICUNA_MARKDOWN",
                "TheBloke_wizardLM-7B-GPTQ_ALPACA_MEDIUM",
                "org/WizardLM-13B",
            ],
        ),
        ("guanaco", ["TheBloke_guanaco-65B-GPTQ_SHORT_", "TheBloke_guanaco-7B-GPTQ_ALPACA_MARKDOWN"]),
        ("gpt", ["gpt-4", "gpt-4+reflexion (3)", "GPT4/MapCoder/plus", "ChatGPT/CoT", "gpt3_final_500c_long"]),
        ("codegen", ["codegen-16B-mono", "sahil2801_instruct-codegen-16B_ALPACA_PREFIX1_MEDIUM"]),
        ("claude", ["Claude_custom", "Claude_Plus_custom_md"]),
        ("7", ["7"]),
    ],
)
def test_runs_sizes_and_strategies_of_a_model_are_one_family(family: str, names: list[str]) -> None:
    assert {model_family(name) for name in names} == {family}
