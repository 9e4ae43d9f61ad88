"""Records for tests: single ones by keyword, and a small world in which every rule is green.

Nothing here runs a program: outcomes are written down, so that a test knows what it judges.
"""

import random
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

from codelewm_assets.baselines.control_scores import ControlRow, control_rows
from codelewm_assets.baselines.structure import twin_pool_scores
from codelewm_assets.core.ids import BENCHMARKS
from codelewm_assets.core.records import (
    Completion,
    CompletionKind,
    Decoy,
    LabelledCompletion,
    LabelledInput,
    LibraryFunction,
    LibraryVariant,
    LibraryVariantKind,
    Outcome,
    PackRow,
    PoolMember,
    Problem,
)
from codelewm_assets.core.sample_records import ImportedSample, SourceReading
from codelewm_assets.dataset.coverage import VALUES
from codelewm_assets.dataset.decoys import make_decoys
from codelewm_assets.dataset.folds import ProblemSplit, assign_folds
from codelewm_assets.dataset.near_duplicates import (
    NearDuplicate,
    Thresholds,
    near_duplicates_of_pack,
    pairs_with_reasons,
)
from codelewm_assets.dataset.pack import build_pack
from codelewm_assets.dataset.pools import make_pools

OUTPUTS = ("-5", "0", "3", "50", "5000")  # one of each magnitude bucket
DRAW = 3  # of all programs: with it no control stands far from chance on the few pools of fold 0
KINDS: tuple[CompletionKind, ...] = ("reference", "rewrite", "rewrite", "mutant_1", "mutant_1", "model")
TWINS = (None, "b0p0", "b0p1", "b0p0", "b0p1", None)  # of the same completions: two pairs of one bug

FLOORS = {name: {value: 0 if value == "magnitude not_a_number" else 5 for value in VALUES} for name in BENCHMARKS}


def random_program(seed: str, name: str = "solve") -> str:
    """A program of ten random statements: two of them are never near-duplicates, and nothing tells right from wrong."""
    rng = random.Random(seed)
    names = ["a", "b", "c", "d"]
    lines = [
        f"    {rng.choice(names)} = {rng.choice(names)} {rng.choice('+-*%')} ({rng.randint(1, 999)} {rng.choice('+-*')} x)"
        for _ in range(10)
    ]
    return f"def {name}(x):\n    a = b = c = d = x\n" + "\n".join(lines) + "\n    return a"


def random_words(seed: str, count: int = 12) -> str:
    """Words that no other seed gives, so that two prompts are never near-duplicates."""
    rng = random.Random(seed)
    return " ".join(f"{rng.getrandbits(24):06x}" for _ in range(count))


def make_problem(number: int = 0, benchmark: str = "humaneval", **changes: Any) -> Problem:
    """One problem with five inputs."""
    fields: dict[str, Any] = {
        "problem_id": f"{benchmark}/{number:03d}",
        "benchmark_id": benchmark,
        "benchmark_label": benchmark,
        "prompt": f"Task {number}: return a number for x. {random_words(f'{benchmark} {number}')}",
        "entry_point": "solve",
        "reference": random_program(f"{benchmark} {number}{DRAW}"),
        "inputs": tuple(f"[{value}]" for value in range(len(OUTPUTS))),
        "expected": (None,) * len(OUTPUTS),
        "atol": 0.0,
        "license": "MIT",
        "license_attribution_url": "https://example.org/license",
        "source_revision": "test source 1",
    }
    return Problem(**fields | changes)


def make_completion(problem: Problem, number: int = 0, kind: CompletionKind = "rewrite", **changes: Any) -> Completion:
    """One completion with a random program."""
    fields: dict[str, Any] = {
        "completion_id": f"{problem.problem_id}/c{number:03d}",
        "problem_id": problem.problem_id,
        "benchmark_id": problem.benchmark_id,
        "completion_kind": kind,
        "operator_family": "rename",
        "operators": ("rename_locals",),
        "code": problem.reference
        if kind == "reference"
        else random_program(f"{problem.problem_id} text {number}{DRAW}"),
        "entry_point": problem.entry_point,
    }
    return Completion(**fields | changes)


def make_labelled(completion: Completion, *, passed: bool, shift: int = 1, **changes: Any) -> LabelledCompletion:
    """A labelled completion: right outputs when it passed, else each output moved by `shift` times its magnitude."""
    outcome: Outcome = "pass" if passed else "wrong_output"
    values = [int(text) for text in OUTPUTS]
    outputs = OUTPUTS if passed else tuple(str(v + shift * (1 if v >= 0 else -1) * max(1, abs(v))) for v in values)
    inputs = tuple(
        LabelledInput(
            input_id=f"i{i}", outcome=outcome, output=text, output_type="int", exception_class=None, passed=passed
        )
        for i, text in enumerate(outputs)
    )
    fields: dict[str, Any] = {
        "completion": completion,
        "outcome": outcome,
        "passed": passed,
        "is_deterministic": True,
        "inputs": inputs,
    }
    return LabelledCompletion(**fields | changes)


LIBRARY = tuple(random_program(f"library {number}", f"f{number}") for number in range(40))
"""Programs that the controls' language model is fitted on."""


def library_functions() -> list[LibraryFunction]:
    """A function of each of these programs."""
    fields = {"package": "small", "version": "1.0", "license": "MIT", "module": "small.core", "prompt": ""}
    return [
        LibraryFunction(function_id=f"small:small.core:f{number}", entry_point=f"f{number}", code=code, **fields)
        for number, code in enumerate(LIBRARY)
    ]


def library_variants() -> list[LibraryVariant]:
    """The function itself and a mutant of each, labelled by running."""
    kinds: tuple[LibraryVariantKind, ...] = ("reference", "mutant")
    return [
        LibraryVariant(
            variant_id=f"{function.function_id}/v{place:03d}", function_id=function.function_id, code=code,
            entry_point=function.entry_point, kind=kind, family=family, operator=family, twin=None, passed=not place,
            labelled_by="running",
        )
        for function in library_functions()
        for place, (code, kind, family) in enumerate(
            zip((function.code, function.code.replace("+", "-")), kinds, ("reference", "arithmetic"), strict=True)
        )
    ]  # fmt: skip


@dataclass(frozen=True)
class World:
    """Consistent records of both benchmarks. `replace` one field to make exactly one fault."""

    problems: tuple[Problem, ...]
    completions: tuple[Completion, ...]
    labelled: tuple[LabelledCompletion, ...]
    rows: tuple[PackRow, ...]
    splits: tuple[ProblemSplit, ...]
    decoys: tuple[Decoy, ...]
    pools: tuple[PoolMember, ...]
    samples: tuple[ImportedSample, ...] = ()
    readings: tuple[SourceReading, ...] = ()

    def changed(self, **changes: Any) -> "World":
        """A copy with other records in the named fields."""
        return replace(self, **changes)

    @property
    def references(self) -> dict[str, str]:
        """Problem id → reference."""
        return {p.problem_id: p.reference for p in self.problems}

    @property
    def prompts(self) -> dict[str, str]:
        """Problem id → prompt."""
        return {p.problem_id: p.prompt for p in self.problems}

    @cached_property
    def near_duplicates(self) -> list[NearDuplicate]:
        """Near-duplicates of this world's programs and prompts, under the default thresholds; not to be changed."""
        return near_duplicates_of_pack(self.problems, self.rows, Thresholds())

    @cached_property
    def controls(self) -> list[ControlRow]:
        """The controls' scores of this world's completions and pools; not to be changed."""
        orders = twin_pool_scores(self.pools, self.rows)
        return control_rows(self.rows, self.pools, self.splits, self.prompts, {}, LIBRARY, orders)

    @property
    def codes(self) -> dict[str, str]:
        """Completion id → program."""
        return {c.completion_id: c.code for c in self.completions}


@cache
def make_world(problems_per_benchmark: int = 40) -> World:
    """A world in which every data rule is green under `tiny.yaml` beside this file; one object for each size."""
    problems = [make_problem(n, b) for b in BENCHMARKS for n in range(problems_per_benchmark)]
    completions = [
        make_completion(p, n, kind, twin=TWINS[n], bug=0 if TWINS[n] else None)
        for p in problems
        for n, kind in enumerate(KINDS)
    ]
    labelled = [
        make_labelled(c, passed=c.completion_kind in ("reference", "rewrite"), shift=1 + int(c.completion_id[-1]) % 3)
        for c in completions
    ]
    rows = build_pack(labelled, {p.problem_id: p for p in problems})
    near = pairs_with_reasons(near_duplicates_of_pack(problems, rows, Thresholds()))
    splits = assign_folds(rows, near, floors=FLOORS, seed=0, seed_search=1).splits
    return World(
        tuple(problems),
        tuple(completions),
        tuple(labelled),
        tuple(rows),
        splits,
        tuple(make_decoys(rows, pairs_per_query=3, pairs_per_problem=2)),
        tuple(make_pools(labelled, pool_pairs=2, pools_per_problem=2)),
    )
