"""Variants: twins share their rewrites, a neutral edit stands beside the bug, and all depends on the seed alone."""

import os
import subprocess
import sys
from collections import defaultdict

import pytest

from codelewm_assets.completions.neutral_edits import NEUTRAL_EDITS
from codelewm_assets.completions.renaming import alpha_normalise
from codelewm_assets.completions.twins import token_count
from codelewm_assets.library.coverage import changed_lines
from codelewm_assets.library.variants import UnlabelledVariant, make_variants
from codelewm_assets_tests.library.library_code import CLAMP, make_function

Twins = dict[str, UnlabelledVariant]
DIGEST = """
from codelewm_assets.core.digests import sha256_text
from codelewm_assets.library.functions import library_functions
from codelewm_assets.library.inputs import candidate_inputs
from codelewm_assets.library.variants import make_variants
functions = library_functions([], most=6, seed=0)
rows = [(v.variant_id, v.code, v.operator, sorted(v.changed_lines)) for f in functions for v in make_variants(f, twins=2, seed=0)]
print(sha256_text(repr([functions, rows, [candidate_inputs(f, seed=0) for f in functions]])))
"""


@pytest.fixture(scope="module")
def variants() -> list[UnlabelledVariant]:
    """Those of one function."""
    return make_variants(make_function(), twins=6, seed=0)


@pytest.fixture(scope="module")
def twins(variants: list[UnlabelledVariant]) -> list[Twins]:
    """The twins of that function, each by kind."""
    found: dict[str, Twins] = defaultdict(dict)
    for variant in variants[1:]:
        assert variant.twin is not None and variant.kind not in found[variant.twin]
        found[variant.twin][variant.kind] = variant
    return list(found.values())


def test_the_first_is_the_function_itself_and_ids_count(variants: list[UnlabelledVariant]) -> None:
    assert (variants[0].code, variants[0].kind, variants[0].twin) == (CLAMP, "reference", None)
    assert [v.variant_id for v in variants] == [f"small:small.core:clamp/v{n:03d}" for n in range(len(variants))]


def test_all_programs_are_distinct_up_to_names(variants: list[UnlabelledVariant]) -> None:
    assert len(variants) > 12
    assert len({alpha_normalise(variant.code, "clamp") for variant in variants}) == len(variants)


def test_twins_are_a_right_side_a_bug_and_mostly_a_neutral_edit_of_the_bug_s_family(twins: list[Twins]) -> None:
    assert all({"rewrite", "mutant"} <= set(own) for own in twins)
    with_neutral = [own for own in twins if "neutral_edit" in own]
    assert len(with_neutral) >= len(twins) - 1
    for own in with_neutral:
        assert own["neutral_edit"].family == own["mutant"].family
        assert own["neutral_edit"].operator in {edit.__name__ for row in NEUTRAL_EDITS.values() for edit in row}
        assert own["mutant"].operator in NEUTRAL_EDITS


def test_the_order_says_nothing_of_the_kind() -> None:
    first = [make_variants(make_function(), twins=4, seed=seed)[1].kind for seed in range(12)]
    assert set(first) == {"rewrite", "mutant", "neutral_edit"}


def test_a_bug_changes_as_many_tokens_under_the_rewrites_as_without(twins: list[Twins]) -> None:
    for own in twins:
        assert own["mutant"].changed_lines and max(own["mutant"].changed_lines) <= len(CLAMP.splitlines())
        assert abs(token_count(own["mutant"].code) - token_count(own["rewrite"].code)) <= 12


def test_variants_depend_on_function_and_seed_alone(variants: list[UnlabelledVariant]) -> None:
    assert make_variants(make_function(), twins=6, seed=0) == variants
    assert make_variants(make_function(), twins=6, seed=1) != variants


def test_a_function_without_a_place_for_a_bug_is_alone() -> None:
    assert [v.kind for v in make_variants(make_function("def f(a):\n    return a", "f"), twins=3, seed=0)] == [
        "reference"
    ]


def test_changed_lines_are_those_of_the_function_from_one() -> None:
    assert changed_lines("a\nb\nc", "a\nB\nc") == {2}
    assert changed_lines("a\nb\nc", "a\nc") == {2}
    assert changed_lines("a\nb", "a\nnew\nb") == {1}  # after the line before it
    assert changed_lines("a", "a") == frozenset()


@pytest.mark.slow
def test_functions_variants_and_inputs_are_the_same_in_every_process() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1
