"""No order by structure says anything of twin pools, and each way of building pools that was seen to be read turns a rule red."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence

import pytest

from codelewm_assets.baselines.structure import twin_pool_scores
from codelewm_assets.benchmarks.stand_in import stand_in_problems
from codelewm_assets.completions.edits import apply_random
from codelewm_assets.completions.mutations import MUTATIONS
from codelewm_assets.completions.twins import make_twins
from codelewm_assets.core.ids import BENCHMARKS
from codelewm_assets.core.records import Finding, PackRow, PoolMember
from codelewm_assets.preflight.structure_rules import (
    TwinPools,
    fitted_structure_says_nothing,
    structure_says_nothing_across_pools,
    structure_says_nothing_within_pools,
    twin_pools,
)
from codelewm_assets_tests.factories import World, make_completion, make_labelled, make_problem

PROBLEM_COUNT = 40
MARGIN = 0.2  # twenty problems a benchmark with two pools each: three standard errors of 0.5 / √40
WITHIN, ACROSS, FITTED = (
    structure_says_nothing_within_pools,
    structure_says_nothing_across_pools,
    fitted_structure_says_nothing,
)
Programs = Mapping[tuple[int, int, bool], str]  # (bug, pair, is right) → program


@pytest.fixture(scope="module")
def programs() -> dict[str, Programs]:
    """Problem id → four pairs of each of two bugs. Nothing is run: a right side passes here."""
    found = {}
    for number, problem in enumerate(stand_in_problems()[: 3 * PROBLEM_COUNT : 3]):
        twins = make_twins(problem.canonical_solution, problem.entry_point, bugs=2, pairs_per_bug=4, seed=0)[1:]
        sides = {
            (int(str(t.twin)[1]), int(str(t.twin)[3:]), t.kind == "rewrite"): t.code for t in twins if t.bug is not None
        }
        if len(sides) == 16:
            found[f"{tuple(BENCHMARKS)[number % 2]}/{number}"] = sides
    assert len(found) >= 0.8 * PROBLEM_COUNT
    return found


Pool = Sequence[tuple[str, bool]]  # program, passed


def finding(
    rule: Callable[..., Finding],
    pools: Mapping[str, Sequence[Pool]],
    *,
    named: Callable[[str, bool, int], str] = lambda problem, passed, number: f"{problem}/c{number:03d}",
    margin: float = MARGIN,
) -> Finding:
    """The rule on these pools, all of whose members are scored. Args: named: problem, label and number → completion id."""
    members, codes = list[PoolMember](), dict[str, str]()
    for problem, own in pools.items():
        numbers = dict[str, int]()
        for place, pool in enumerate(own):
            for code, passed in pool:
                name = named(problem, passed, numbers.setdefault(code, len(numbers)))
                codes[name] = code
                benchmark = "humaneval" if problem.startswith("humaneval") else "mbpp_plus"
                members.append(
                    PoolMember(
                        pool_id=f"{problem}::pool{place}", problem_id=problem, benchmark_id=benchmark,
                        completion_id=name, passed=passed, pool_kind="twin",
                    )
                )  # fmt: skip
    return rule(
        pools_of(members, [row_of(m.completion_id, m.problem_id, codes[m.completion_id]) for m in members]),
        margin=margin,
    )


def pools_of(members: Sequence[PoolMember], rows: Sequence[PackRow]) -> TwinPools:
    """The twin pools of a pack with every order's scores."""
    return twin_pools(members, twin_pool_scores(members, rows))


def row_of(name: str, problem_id: str, code: str) -> PackRow:
    """A pack row that may be scored; of a row the rules read these fields alone."""
    return PackRow.model_construct(
        source_submission_id=name, source_problem_id=problem_id, code_tokens=code, is_scored=True, twin="b0p0"
    )


def shuffled(problem: str, pool: Iterable[tuple[str, bool]]) -> Pool:
    """The pool in an order drawn by problem."""
    drawn = list(pool)
    random.Random(problem).shuffle(drawn)
    return drawn


def sound(problem: str, sides: Programs) -> list[Pool]:
    """Two pools of two pairs of one bug each."""
    return [
        shuffled(
            f"{problem} {first}",
            [(sides[0, pair, right], right) for pair in (first, first + 1) for right in (True, False)],
        )
        for first in (0, 2)
    ]


def several_bugs_a_problem(problem: str, sides: Programs) -> list[Pool]:
    """Each pool has another bug."""
    return [
        shuffled(f"{problem} {bug}", [(sides[bug, pair, right], right) for pair in (0, 1) for right in (True, False)])
        for bug in (0, 1)
    ]


def several_bugs_a_pool(problem: str, sides: Programs) -> list[Pool]:
    """Each wrong side has a bug of its own."""
    return [
        shuffled(f"{problem} {pair}", [(sides[bug, pair, right], right) for bug in (0, 1) for right in (True, False)])
        for pair in (0, 1)
    ]


def one_right_side_in_every_pool(problem: str, sides: Programs) -> list[Pool]:
    """The right sides are the same in both pools, the wrong ones are of two bugs."""
    return [
        shuffled(f"{problem} {bug}", [*((sides[0, pair, True], True) for pair in (0, 1)),
                                      *((sides[bug, pair, False], False) for pair in (0, 1))])
        for bug in (0, 1)
    ]  # fmt: skip


def failing_pivot(problem: str, sides: Programs) -> list[Pool]:
    """As up to 0.1: a failing pivot, failing completions most like it (the same bug and another one), and passing ones."""
    pools = []
    for first in (0, 2):
        pivot, rng = sides[0, first, False], random.Random(problem)
        entry_point = pivot.split("def ")[-1].split("(")[0]
        relatives = [found[0] for _ in range(2) if (found := apply_random(pivot, entry_point, MUTATIONS, rng))]
        passing = [sides[bug, pair, True] for bug, pair in ((0, first + 1), (1, first), (1, first + 1))]
        pools.append(
            shuffled(
                f"{problem} {first}", [*((code, False) for code in (pivot, *relatives)), *((c, True) for c in passing)]
            )
        )
    return pools


def longer_wrong_sides(problem: str, sides: Programs) -> list[Pool]:
    """Every wrong side ends in statements that do nothing."""
    return [
        [(code if passed else code + "\nvalue = 1" * 40, passed) for code, passed in pool]
        for pool in sound(problem, sides)
    ]


def passing_members_first(problem: str, sides: Programs) -> list[Pool]:
    """The stored order says the label."""
    return [sorted(pool, key=lambda member: not member[1]) for pool in sound(problem, sides)]


def built(programs: Mapping[str, Programs], how: Callable[[str, Programs], list[Pool]]) -> dict[str, list[Pool]]:
    return {problem: how(problem, sides) for problem, sides in programs.items()}


@pytest.mark.parametrize("rule", [WITHIN, ACROSS, FITTED])
def test_twins_of_one_bug_a_problem_are_green(rule: Callable[..., Finding], programs: dict[str, Programs]) -> None:
    found = finding(rule, built(programs, sound))
    assert (found.passed, found.blocker, found.offenders) == (True, None, ())


@pytest.mark.parametrize(
    ("rule", "how", "offender"),
    [
        (WITHIN, failing_pivot, "consensus_alpha reversed: pass@1"),
        (WITHIN, failing_pivot, "isolation_alpha: AUC"),
        (FITTED, failing_pivot, "fitted: AUC"),
        (WITHIN, several_bugs_a_pool, "consensus_alpha: AUC"),
        (FITTED, several_bugs_a_pool, "fitted: AUC"),
        (ACROSS, several_bugs_a_problem, "other_pools_alpha: AUC"),
        (ACROSS, several_bugs_a_problem, "problem_consensus_alpha: AUC"),
        (ACROSS, one_right_side_in_every_pool, "pool_count: pass@1 1.000"),
        (WITHIN, longer_wrong_sides, "length reversed: pass@1 1.000"),
        (WITHIN, longer_wrong_sides, "token_count: AUC 0.000"),
        (FITTED, longer_wrong_sides, "fitted: pass@1"),
        (WITHIN, passing_members_first, "position: AUC 0.000"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_way_of_building_pools_that_structure_reads_is_red(
    rule: Callable[..., Finding],
    how: Callable[[str, Programs], list[Pool]],
    offender: str,
    programs: dict[str, Programs],
) -> None:
    found = finding(rule, built(programs, how))
    assert (found.passed, found.blocker) == (False, "structure_tells_the_label")
    assert any(offender in name for name in (*found.offenders, *_all_offenders(found))), found.offenders


def _all_offenders(found: Finding) -> list[str]:
    """A finding names twenty offenders at most; the others are in its figures."""
    names = []
    for key, value in found.figures.items():
        benchmark, _, order = key.partition(".")
        if isinstance(value, float) and abs(value - 0.5) > MARGIN:
            kind = "AUC" if order.endswith("_auc") else "pass@1"
            plain = order.removesuffix("_auc").removesuffix("_reversed")
            names.append(f"{benchmark} {plain}{' reversed' * order.endswith('_reversed')}: {kind} {value:.3f}")
    return names


def test_ids_that_are_counted_by_label_are_red(programs: dict[str, Programs]) -> None:
    found = finding(
        WITHIN,
        built(programs, sound),
        named=lambda problem, passed, number: f"{problem}/{'cm'[not passed]}{number:03d}",
    )
    assert not found.passed and any("completion_id: AUC 0.000" in name for name in found.offenders)


def test_another_bugs_twins_beside_the_pools_are_red_across_the_problem_alone(programs: dict[str, Programs]) -> None:
    """The pools are sound, and the twins of a second bug may be scored or published beside them."""
    members, rows = list[PoolMember](), list[PackRow]()
    for problem, sides in programs.items():
        benchmark = "humaneval" if problem.startswith("humaneval") else "mbpp_plus"
        for (bug, pair, right), code in sides.items():
            name = f"{problem}/{random.Random(code).getrandbits(40)}"
            rows.append(row_of(name, problem, code))
            if bug == 0:
                members.append(
                    PoolMember(pool_id=f"{problem}::pool{pair // 2}", problem_id=problem, benchmark_id=benchmark,
                               completion_id=name, passed=right, pool_kind="twin")
                )  # fmt: skip
    found = ACROSS(pools_of(members, rows), margin=MARGIN)
    assert not found.passed and any("problem_consensus_alpha: AUC" in name for name in found.offenders)


@pytest.mark.parametrize("rule", [WITHIN, ACROSS, FITTED])
def test_a_benchmark_without_twin_pools_is_red(rule: Callable[..., Finding], programs: dict[str, Programs]) -> None:
    found = finding(
        rule, {name: pools for name, pools in built(programs, sound).items() if name.startswith("humaneval")}
    )
    assert not found.passed and any(name.startswith("mbpp_plus: ") for name in found.offenders)


@pytest.mark.parametrize("rule", [WITHIN, ACROSS, FITTED])
def test_the_rules_are_green_on_the_green_world(rule: Callable[..., Finding], world: World) -> None:
    """Its margin is that of its profile, since right sides stand first in it."""
    assert rule(pools_of(world.pools, world.rows), margin=0.5).passed


def test_a_pool_of_models_completions_is_not_judged() -> None:
    problem = make_problem(0)
    items = [make_labelled(make_completion(problem, n, "model"), passed=n == 0) for n in range(2)]
    members = [
        PoolMember(pool_id="p::pool0", problem_id=problem.problem_id, benchmark_id="humaneval",
                   completion_id=item.completion.completion_id, passed=item.passed, pool_kind="model")
        for item in items
    ]  # fmt: skip
    assert pools_of(members, []).scores == {}
