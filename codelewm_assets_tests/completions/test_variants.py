"""Variants: one normal form, the kinds and counts that were asked for, and the same ones in every process."""

import ast
import os
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codelewm_assets.benchmarks.stand_in import stand_in_problems
from codelewm_assets.completions.candidates import make_completions
from codelewm_assets.completions.generate import MAX_REWRITES, generate_variants
from codelewm_assets.completions.mutations import MUTATIONS
from codelewm_assets.completions.renaming import alpha_normalise, rename_surface
from codelewm_assets.completions.rewrites import REWRITES
from codelewm_assets.completions.variants import CompletionSourceError, bound_names, normalise
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
from codelewm_assets.completions.generate import generate_variants
from codelewm_assets.core.digests import digest_of
from codelewm_assets.benchmarks.stand_in import stand_in_problems
from dataclasses import asdict
print(digest_of([
    asdict(variant) for p in stand_in_problems()[:12]
    for variant in generate_variants(p.canonical_solution, p.entry_point, rewrites=4, one_bug=4, two_bug=2, seed=0)
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


def test_as_many_of_each_kind_are_made_as_were_asked_for() -> None:
    made = generate_variants(REFERENCE, "solve", rewrites=8, one_bug=7, two_bug=5, seed=0)
    assert [v.kind for v in made] == ["reference"] + ["rewrite"] * 8 + ["mutant_1"] * 7 + ["mutant_2"] * 5


def test_the_first_is_the_reference_in_normal_form() -> None:
    first = generate_variants(REFERENCE, "solve", rewrites=1, one_bug=1, two_bug=0, seed=0)[0]
    assert first.code == normalise(REFERENCE, "solve")
    assert (first.kind, first.operator_family, first.operators) == ("reference", "reference", ())


def test_all_programs_differ_so_no_mutant_is_its_reference() -> None:
    made = generate_variants(REFERENCE, "solve", rewrites=20, one_bug=20, two_bug=20, seed=3)
    codes = [variant.code for variant in made]
    assert len({alpha_normalise(code, "solve") for code in codes}) == len(codes) > 40


@pytest.mark.slow
def test_rewrites_and_mutants_keep_the_references_names_equally_often() -> None:
    """Each program is renamed or not with the same chance, so the shares that stay as they were lie near 1 - 0.8.

    With 160 programs of a kind the standard error of each share is sqrt(0.2 * 0.8 / 160) = 0.03; four of the difference's
    (0.045) are allowed.
    """
    own = {"numbers", "number", "limit", "total"}
    shares = {}
    for kind in ("rewrite", "mutant_1", "mutant_2"):
        kept = [
            own <= set(re.findall(r"\w+", variant.code))
            for seed in range(16)
            for variant in generate_variants(REFERENCE, "solve", rewrites=10, one_bug=10, two_bug=10, seed=seed)
            if variant.kind == kind
        ]
        shares[kind] = sum(kept) / len(kept)
    assert max(shares.values()) - min(shares.values()) < 0.18
    assert max(shares.values()) < 0.35


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
    for variant in generate_variants(REFERENCE, "solve", rewrites=10, one_bug=10, two_bug=10, seed=1):
        compile(variant.code, "<variant>", "exec")
        assert normalise(variant.code, "solve") == variant.code


def test_operators_and_families_say_what_was_applied() -> None:
    rewrites = {operator.__name__: family for family, row in REWRITES.items() for operator in row}
    bugs = {operator.__name__: family for family, row in MUTATIONS.items() for operator in row}
    for variant in generate_variants(REFERENCE, "solve", rewrites=10, one_bug=10, two_bug=10, seed=1)[1:]:
        known = rewrites if variant.kind == "rewrite" else bugs
        assert variant.operator_family == known[variant.operators[0]]
        assert set(variant.operators) <= set(known)
        wanted = {"rewrite": range(1, MAX_REWRITES + 1), "mutant_1": [1], "mutant_2": [2]}[variant.kind]
        assert len(variant.operators) in wanted


@pytest.mark.slow
def test_a_program_too_short_for_so_many_has_fewer() -> None:
    made = generate_variants("def f(*a): pass", "f", rewrites=64, one_bug=64, two_bug=64, seed=0)
    assert 1 <= len(made) < 193
    assert len({variant.code for variant in made}) == len(made)


def test_a_program_with_no_place_for_a_bug_has_no_mutant() -> None:
    made = generate_variants("def f(): pass", "f", rewrites=2, one_bug=2, two_bug=2, seed=0)
    assert {variant.kind for variant in made} <= {"reference", "rewrite"}


def test_another_seed_makes_other_variants() -> None:
    zero, one = (generate_variants(REFERENCE, "solve", rewrites=6, one_bug=6, two_bug=6, seed=s) for s in (0, 1))
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
    one = make_completions(problems, rewrites=2, one_bug=2, two_bug=1, seed=0)
    two = make_completions(problems[::-1], rewrites=2, one_bug=2, two_bug=1, seed=0)
    assert sorted(one, key=lambda c: c.completion_id) == sorted(two, key=lambda c: c.completion_id)


def test_completion_ids_count_within_a_problem() -> None:
    problems = [make_problem(n, reference=REFERENCE) for n in range(2)]
    made = make_completions(problems, rewrites=2, one_bug=1, two_bug=1, seed=0)
    assert [c.completion_id for c in made] == [f"humaneval/{n:03d}/c{k:03d}" for n in range(2) for k in range(5)]
    assert {c.entry_point for c in made} == {"solve"}
    assert [c.completion_kind for c in made[:5]] == ["reference", "rewrite", "rewrite", "mutant_1", "mutant_2"]


def test_no_problems_are_an_error() -> None:
    with pytest.raises(CompletionSourceError, match="No problems; expected at least one"):
        make_completions([], rewrites=2, one_bug=2, two_bug=1, seed=0)


def test_a_two_bug_mutant_is_a_one_bug_mutant_with_another_bug() -> None:
    for number in range(0, 129, 16):
        problem = stand_in_problems()[number]
        made = generate_variants(
            problem.canonical_solution, problem.entry_point, rewrites=3, one_bug=6, two_bug=4, seed=0
        )
        first_bugs = {(v.operator_family, v.operators) for v in made if v.kind == "mutant_1"}
        doubles = [v for v in made if v.kind == "mutant_2"]
        assert doubles
        assert all((v.operator_family, v.operators[:1]) in first_bugs and len(v.operators) == 2 for v in doubles)
