"""The faults that spoilt earlier evidence, planted one at a time: exactly the rules that are meant turn red, by their type."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from codelewm_assets.baselines.controls import agreement_scores
from codelewm_assets.core.records import Completion
from codelewm_assets.defs.checks import evaluate_rules
from codelewm_assets_tests.defs.stored_world import StoredWorld
from codelewm_assets_tests.factories import World, make_world, random_program

UNDERPOWERED = ("rerank_can_decide", "rerank_underpowered")


@dataclass(frozen=True)
class Planted:
    """A fault, and every rule that must turn red with the type of its blocker; all others must stay green."""

    name: str
    fault: Callable[[World], World]
    red: frozenset[tuple[str, str]]


def _fold(world: World) -> dict[str, int]:
    return {split.problem_id: split.fold for split in world.splits}


def _of_folds_0_and_1(world: World) -> tuple[str, str]:
    """A problem of the scored fold and one of the validation fold: what is shared between them is not trained on."""
    fold = _fold(world)
    return next(n for n in sorted(fold) if fold[n] == 0), next(n for n in sorted(fold) if fold[n] == 1)


def _with_problem(world: World, name: str, **changes: str) -> World:
    problems = tuple(p.model_copy(update=changes) if p.problem_id == name else p for p in world.problems)
    return world.changed(problems=problems)


def _renamed(program: str) -> str:
    """The same program under other names, otherwise spaced."""
    names = {"a": "first", "b": "second", "c": "third", "d": "fourth", "x": "argument"}
    text = re.sub(r"\b[abcdx]\b", lambda match: names[match[0]], program)
    return text.replace(" = ", "  =  ")


def _problem_renamed_and_copied_into_another_fold(world: World) -> World:
    first, second = _of_folds_0_and_1(world)
    return _with_problem(world, second, reference=_renamed(world.references[first]))


def _prompt_copied_into_another_fold(world: World) -> World:
    first, second = _of_folds_0_and_1(world)
    return _with_problem(world, second, prompt=world.prompts[first] + " Please.")


def _reference_pasted_in_the_prompt_of_another_fold(world: World) -> World:
    first, second = _of_folds_0_and_1(world)
    return _with_problem(world, second, prompt=f"{world.prompts[second]}\n\n{world.references[first]}\n")


def _passing_program_pasted_in_its_own_prompt(world: World) -> World:
    passing = {m.problem_id: m.completion_id for m in world.pools if m.passed}
    for name, completion in passing.items():
        world = _with_problem(world, name, prompt=f"{world.prompts[name]}\n\n{world.codes[completion]}\n")
    return world


def _pools_with_the_reference_in_the_middle(world: World) -> World:
    """Every passing completion is its reference but for one constant of its own, each failing one is a program apart."""

    def centred(completion: Completion, number: int) -> Completion:
        if completion.completion_kind != "rewrite":
            return completion
        return completion.model_copy(update={"code": f"{world.references[completion.problem_id]} + 0 * {number}"})

    completions = {c.completion_id: centred(c, n) for n, c in enumerate(world.completions)}
    rows = tuple(
        row.model_copy(update={"code_tokens": completions[row.source_submission_id].code}) for row in world.rows
    )
    labelled = tuple(
        item.model_copy(update={"completion": completions[item.completion.completion_id]}) for item in world.labelled
    )
    return world.changed(completions=tuple(completions.values()), rows=rows, labelled=labelled)


def _one_magnitude_cell_emptied(world: World) -> World:
    fold = _fold(world)
    rows = tuple(
        row.model_copy(update={"output_magnitude_bucket": "zero"})
        if (fold[row.source_problem_id], row.source_dataset, row.output_magnitude_bucket)
        == (3, "mbpp_plus", "negative")
        else row
        for row in world.rows
    )
    return world.changed(rows=rows)


def _pair_from_another_pack_version(world: World) -> World:
    """As in v0.9: the input ids of the other version counted otherwise."""
    last = world.decoys[-1]
    stale = last.model_copy(update={"query_record_id": re.sub(r"::i\d+$", "::i90", last.query_record_id)})
    return world.changed(decoys=(*world.decoys[:-1], stale))


def _token_in_a_completion(world: World) -> World:
    last = world.completions[-1]
    token = "gh" + "p_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    return world.changed(
        completions=(*world.completions[:-1], last.model_copy(update={"code": f"{last.code}\nTOKEN = '{token}'"}))
    )


def _pools_of_8_problems(world: World) -> World:
    kept = {p.problem_id for p in world.problems if int(p.problem_id[-3:]) < 8}
    return world.changed(pools=tuple(m for m in world.pools if m.problem_id in kept))


def _reds(*pairs: tuple[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset(pairs)


PLANTED = (
    Planted("a problem renamed and copied into another fold", _problem_renamed_and_copied_into_another_fold,
            _reds(("no_near_duplicate_crosses_folds", "near_duplicate_crosses_folds"))),
    Planted("a prompt copied into another fold", _prompt_copied_into_another_fold,
            _reds(("no_near_duplicate_crosses_folds", "near_duplicate_crosses_folds"))),
    Planted("a reference pasted in a prompt of another fold", _reference_pasted_in_the_prompt_of_another_fold,
            _reds(("no_near_duplicate_crosses_folds", "near_duplicate_crosses_folds"))),
    # where a control is always right there is nothing to gain over it: no lift can be shown
    Planted("a passing program pasted in its own prompt", _passing_program_pasted_in_its_own_prompt,
            _reds(("controls_leave_headroom", "benchmark_saturated"), UNDERPOWERED)),
    Planted("pools with the reference in the middle", _pools_with_the_reference_in_the_middle,
            _reds(("controls_leave_headroom", "benchmark_saturated"), UNDERPOWERED)),
    Planted("one magnitude cell emptied", _one_magnitude_cell_emptied,
            _reds(("folds_cover_every_cell", "coverage_below_floor"))),
    # a pair that does not join is also no reference to a row of the pack, which is the table's contract
    Planted("a pair from another pack version", _pair_from_another_pack_version,
            _reds(("decoys_join_the_pack", "decoy_does_not_join"), ("decoys_keep_their_contract", "contract_broken"))),
    Planted("a token in a completion", _token_in_a_completion, _reds(("no_secrets", "secret_found"))),
    # on the one or two pools of a fold some control is always right by chance
    Planted("pools of 8 problems of each benchmark only", _pools_of_8_problems,
            _reds(UNDERPOWERED, ("controls_leave_headroom", "benchmark_saturated"))),
    # three or four problems in a fold have no five problems of a decoy category, and pools on which chance is as often right
    Planted("a world of 17 problems of each benchmark only", lambda _: make_world(17),
            _reds(("controls_leave_headroom", "benchmark_saturated"), ("decoy_coverage", "coverage_below_floor"))),
)  # fmt: skip


def _red(stored: StoredWorld, world: World) -> set[tuple[str, str]]:
    stored.put_data(world)
    return {(found.rule, str(found.blocker)) for found in evaluate_rules(stored.inputs()) if not found.passed}


def test_nothing_is_red_before_a_fault_is_planted(stored: StoredWorld, world: World) -> None:
    assert _red(stored, world) == set()


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name)
def test_a_planted_fault_turns_exactly_its_rules_red(planted: Planted, stored: StoredWorld, world: World) -> None:
    assert _red(stored, planted.fault(world)) == planted.red


def test_consensus_wins_the_pools_that_have_the_reference_in_the_middle(world: World) -> None:
    faulty = _pools_with_the_reference_in_the_middle(world)
    first = faulty.pools[0].pool_id
    members = {m.completion_id: m.passed for m in faulty.pools if m.pool_id == first}
    scores = agreement_scores({name: faulty.codes[name] for name in members})
    assert members[max(members, key=lambda name: scores[name].consensus or 0.0)]


def test_a_renamed_program_is_another_text_of_the_same_program() -> None:
    program = random_program("any")
    assert _renamed(program) != program
    results = []
    for text in (program, _renamed(program)):
        names: dict[str, Callable[[int], int]] = {}
        exec(text, names)
        results.append([names["solve"](x) for x in range(1, 4)])
    assert results[0] == results[1]
