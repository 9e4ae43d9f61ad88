"""Twins: one normal form, pairs that differ by their bug alone, and the same ones in every process."""

import ast
import os
import random
import re
import subprocess
import sys
from collections import Counter, defaultdict
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import pytest

from codelewm_assets.benchmarks.stand_in import stand_in_problems
from codelewm_assets.completions import candidates
from codelewm_assets.completions.candidates import make_completions
from codelewm_assets.completions.mutations import MUTATIONS
from codelewm_assets.completions.renaming import alpha_normalise, rename_surface
from codelewm_assets.completions.rewrites import REWRITES
from codelewm_assets.completions.twins import MAX_REWRITES, NOT_SCORED, SCORED_MUTATIONS, make_twins
from codelewm_assets.completions.variants import CompletionSourceError, Variant, bound_names, normalise
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.factories import make_problem

REFERENCE = '''
import math

def is_good(number):
    """Says whether."""
    return number % 3 == 1 and number > 2

def solve(numbers, limit=10):
    """Adds up the good ones."""
    # a comment
    total = 0
    for number in numbers:
        if is_good(number) or number == limit:
            total += number
    return total if total < limit else limit
'''
DIGEST_OF_VARIANTS = """
from codelewm_assets.completions.twins import make_twins
from codelewm_assets.core.digests import digest_of
from codelewm_assets.benchmarks.stand_in import stand_in_problems
from dataclasses import asdict
print(digest_of([
    asdict(variant) for p in stand_in_problems()[:12]
    for variant in make_twins(p.canonical_solution, p.entry_point, bugs=2, pairs_per_bug=3, seed=0)
]))
"""


def test_the_normal_form_has_no_comments_and_no_docstrings() -> None:
    assert normalise("def f( a ):\n    'doc'\n    # why\n    return (a)\n", "f") == "def f(a):\n    return a"


def test_every_bare_string_goes_wherever_it_stands() -> None:
    source = "'module'\nclass A:\n    'class'\ndef f():\n    if 1:\n        'note'\n    else:\n        'other'\n"
    source += "    return 'kept'"
    assert normalise(source, "f") == "class A:\n    pass\n\ndef f():\n    if 1:\n        pass\n    return 'kept'"


def test_the_normal_form_of_a_normal_form_is_itself() -> None:
    normal = normalise(REFERENCE, "solve")
    assert normalise(normal, "solve") == normal
    assert '"""' not in normal and "#" not in normal


@each_case(
    "source", ["def f(): pass", "async def f(): pass", "class f: pass", "f = 5", "f: int = 5", "import f", "import f.g",
               "from a import b as f", "f, g = 1, 2"],
)  # fmt: skip
def test_an_entry_point_may_be_bound_in_every_way_of_a_module(source: str) -> None:
    assert "f" in bound_names(ast.parse(source).body[0])
    assert normalise(source, "f") == ast.unparse(ast.parse(source))


@each_case("source", ["def f(:", "def f():\n\x00", "return", "(" * 3000, "f = '\ud800'"])
def test_a_source_that_does_not_parse_is_refused(source: str) -> None:
    if source == "return":  # parses, and binds nothing
        with pytest.raises(CompletionSourceError, match="The program defines nothing, not its entry point 'f'"):
            normalise(source, "f")
    else:
        with pytest.raises(
            CompletionSourceError, match=r"The program for 'f' does not parse .*Expected Python 3.11 source"
        ):
            normalise(source, "f")


def test_a_source_without_its_entry_point_is_refused_and_says_what_it_defines() -> None:
    with pytest.raises(CompletionSourceError, match=r"defines g, h, not its entry point 'f'\. Correct the reference"):
        normalise("def h(): pass\ng = 1\nif 1:\n    f = 2", "f")


def twins_of(
    source: str = REFERENCE, name: str = "solve", *, bugs: int = 2, pairs: int = 5, seed: int = 0
) -> list[Variant]:
    return make_twins(source, name, bugs=bugs, pairs_per_bug=pairs, seed=seed)


def pairs_of(made: list[Variant]) -> list[tuple[Variant, Variant]]:
    """Right and wrong side of each pair."""
    sides = {(variant.twin, variant.kind): variant for variant in made[1:]}
    return [
        (sides[twin, "rewrite"], sides[twin, "mutant_1"])
        for twin in sorted({str(variant.twin) for variant in made[1:]})
    ]


def test_as_many_pairs_of_each_bug_are_made_as_were_asked_for() -> None:
    made = twins_of(bugs=3, pairs=4)
    assert Counter(variant.kind for variant in made) == {"reference": 1, "rewrite": 12, "mutant_1": 12}
    assert {str(variant.twin) for variant in made[1:]} == {f"b{bug}p{pair}" for bug in range(3) for pair in range(4)}
    assert all(right.bug == wrong.bug == int(str(right.twin)[1]) for right, wrong in pairs_of(made))


def test_the_first_is_the_reference_in_normal_form() -> None:
    first = twins_of()[0]
    assert first.code == normalise(REFERENCE, "solve")
    assert (first.kind, first.operator_family, first.operators) == ("reference", "reference", ())
    assert (first.bug, first.twin) == (None, None)


def test_all_programs_differ_up_to_names() -> None:
    made = twins_of(bugs=3, pairs=10, seed=3)
    assert len({alpha_normalise(variant.code, "solve") for variant in made}) == len(made) == 61


def test_the_sides_of_a_pair_differ_by_the_bug_and_by_nothing_else() -> None:
    """A right side becomes its wrong one by a change of a few tokens at most, as long in tokens for each pair of a bug."""
    tokens = re.compile(r"\w+|[^\w\s]")
    for number in range(0, 129, 16):
        problem = stand_in_problems()[number]
        made = twins_of(problem.canonical_solution, problem.entry_point)
        changes: dict[int | None, set[int]] = defaultdict(set)
        for right, wrong in pairs_of(made):
            a, b = tokens.findall(right.code), tokens.findall(wrong.code)
            changes[right.bug].add(len(b) - len(a))
            blocks = SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks()
            assert min(len(a), len(b)) - sum(block.size for block in blocks) <= 6
        assert all(len(change) == 1 for change in changes.values())


def test_pairs_of_one_bug_have_the_same_bug_and_another_bug_is_another() -> None:
    made = twins_of(bugs=2, pairs=5)
    applied = {(wrong.bug, wrong.operator_family, wrong.operators) for _, wrong in pairs_of(made)}
    assert {bug for bug, *_ in applied} == {0, 1} and len(applied) == 2


def test_the_order_says_nothing_of_side_and_pair() -> None:
    """Of 40 problems' first programs after the reference about half are right: 20 ± 3.2; three deviations are allowed."""
    firsts = [twins_of(p.canonical_solution, p.entry_point, pairs=2, bugs=1)[1].kind for p in stand_in_problems()[:40]]
    assert 10 <= firsts.count("rewrite") <= 30


def test_a_bug_lengthens_its_program_about_as_often_as_it_shortens_it() -> None:
    """The difference of two counts that share n by fair coins has a standard deviation of √n; three are allowed."""
    changes = []
    for problem in stand_in_problems()[:60]:
        made = twins_of(problem.canonical_solution, problem.entry_point, bugs=1, pairs=2)
        changes += [len(wrong.code) - len(right.code) for right, wrong in pairs_of(made)[:1]]
    longer, shorter = sum(change > 0 for change in changes), sum(change < 0 for change in changes)
    assert abs(longer - shorter) <= 3 * (longer + shorter) ** 0.5


def test_operators_that_structure_reads_are_in_no_twin() -> None:
    names = {operator.__name__ for row in MUTATIONS.values() for operator in row}
    scored = {operator.__name__ for row in SCORED_MUTATIONS.values() for operator in row}
    assert set(NOT_SCORED) < names and scored == names - set(NOT_SCORED)
    assert {"forgotten_call", "statement_left_out", "shifted_index", "shifted_range", "dropped_operand", "loop_left_early",
            "shifted_slice"} <= set(NOT_SCORED)  # fmt: skip
    assert not any(wrong.operators[0] in NOT_SCORED for _, wrong in pairs_of(twins_of(bugs=4)))


@each_case("number", range(0, 129, 8))
def test_renaming_the_surface_changes_names_alone(number: int) -> None:
    problem = stand_in_problems()[number]
    normal = normalise(problem.canonical_solution, problem.entry_point)
    texts = {rename_surface(normal, problem.entry_point, random.Random(seed)) for seed in range(8)}
    assert len(texts) > 2
    assert {alpha_normalise(text, problem.entry_point) for text in texts} == {
        alpha_normalise(normal, problem.entry_point)
    }


def test_renaming_reaches_arguments_helpers_and_keywords_of_own_calls_and_nothing_else() -> None:
    code = (
        "import math\n\ndef helper(x, *, scale):\n    return math.floor(x) * scale\n\n"
        "def f(a):\n    return sorted(a, key=lambda t: helper(t, scale=2))"
    )
    texts = [rename_surface(code, "f", random.Random(seed)) for seed in range(20)]
    changed = [text for text in texts if text != code]
    assert changed
    for text in changed:
        assert not {"helper", "scale"} & set(re.findall(r"\w+", text))
        space: dict[str, Any] = {}
        exec(compile(text, "<test>", "exec"), space)
        assert space["f"]([2.5, 1.5, 3.5]) == [1.5, 2.5, 3.5]


def test_every_program_is_in_normal_form_and_compiles() -> None:
    for variant in twins_of(seed=1):
        compile(variant.code, "<variant>", "exec")
        assert normalise(variant.code, "solve") == variant.code


def test_operators_and_families_say_what_was_applied() -> None:
    rewrites = {operator.__name__: family for family, row in REWRITES.items() for operator in row}
    bugs = {operator.__name__: family for family, row in MUTATIONS.items() for operator in row}
    for variant in twins_of(seed=1)[1:]:
        known = rewrites if variant.kind == "rewrite" else bugs
        assert variant.operator_family == known[variant.operators[0]]
        assert set(variant.operators) <= set(known)
        assert len(variant.operators) in (range(1, MAX_REWRITES + 1) if variant.kind == "rewrite" else [1])


@pytest.mark.slow
def test_a_program_too_short_for_so_many_has_fewer() -> None:
    """Four bugs with 64 pairs each and the reference would be 513 programs; `a` has fewer bugs and forms than that."""
    made = twins_of("def f(a): return a", "f", bugs=4, pairs=64)
    assert 1 <= len(made) < 4 * 64 * 2 + 1
    assert len({variant.code for variant in made}) == len(made)


def test_a_program_with_no_place_for_a_bug_has_rewrites_alone() -> None:
    made = twins_of("def f(text):\n    return len(text)", "f", pairs=2)
    assert [variant.kind for variant in made] == ["reference", "rewrite", "rewrite"]
    assert {(variant.bug, variant.twin) for variant in made} == {(None, None)}


def test_another_seed_makes_other_twins() -> None:
    zero, one = (twins_of(seed=s) for s in (0, 1))
    assert zero[0] == one[0]
    assert zero[1:] != one[1:]


@pytest.mark.slow
def test_two_processes_with_different_hash_seeds_make_the_same_variants() -> None:
    root = Path(__file__).parents[2]
    found = [
        subprocess.run(
            [sys.executable, "-c", DIGEST_OF_VARIANTS],
            capture_output=True,
            text=True,
            check=True,
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
        ).stdout
        for seed in ("1", "2")
    ]
    assert found[0] == found[1]
    assert len(found[0].strip()) == 64


def test_the_order_of_problems_does_not_change_their_variants() -> None:
    problems = [make_problem(n, reference=p.canonical_solution, entry_point=p.entry_point)
                for n, p in enumerate(stand_in_problems()[:4])]  # fmt: skip
    one = make_completions(problems, bugs=2, pairs_per_bug=2, seed=0)
    two = make_completions(problems[::-1], bugs=2, pairs_per_bug=2, seed=0)
    assert sorted(one, key=lambda c: c.completion_id) == sorted(two, key=lambda c: c.completion_id)


def test_completion_ids_count_within_a_problem() -> None:
    problems = [make_problem(n, reference=REFERENCE) for n in range(2)]
    made = make_completions(problems, bugs=1, pairs_per_bug=2, seed=0)
    assert [c.completion_id for c in made] == [f"humaneval/{n:03d}/c{k:03d}" for n in range(2) for k in range(5)]
    assert {c.entry_point for c in made} == {"solve"}
    assert sorted(c.completion_kind for c in made[1:5]) == ["mutant_1", "mutant_1", "rewrite", "rewrite"]
    assert sorted(str(c.twin) for c in made[1:5]) == ["b0p0", "b0p0", "b0p1", "b0p1"]
    assert (made[0].completion_kind, made[0].bug, made[0].twin) == ("reference", None, None)


def test_no_problems_are_an_error() -> None:
    with pytest.raises(CompletionSourceError, match="No problems; expected at least one"):
        make_completions([], bugs=2, pairs_per_bug=2, seed=0)


PROBLEMS_SHARED = [make_problem(number) for number in range(6)]


def test_processes_that_share_the_problems_make_the_same_completions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "MIN_PARALLEL", 2)
    alone = candidates.make_completions(PROBLEMS_SHARED, bugs=1, pairs_per_bug=2, seed=0)
    assert candidates.make_completions(PROBLEMS_SHARED, bugs=1, pairs_per_bug=2, seed=0, workers=2) == alone


def test_a_reference_that_does_not_parse_is_named_from_another_process_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "MIN_PARALLEL", 2)
    broken = [*PROBLEMS_SHARED[:3], make_problem(99, reference="def solve(")]
    with pytest.raises(CompletionSourceError, match="099"):
        candidates.make_completions(broken, bugs=1, pairs_per_bug=2, seed=0, workers=2)
