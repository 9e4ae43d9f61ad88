"""Labels: by running where the function answers, by construction where it does not or where no input reaches the bug."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from codelewm_assets.completions.shards import ShardFolder
from codelewm_assets.core.literals import PARSING
from codelewm_assets.core.records import LibraryFunction, LibraryVariant
from codelewm_assets.library import label
from codelewm_assets.library.coverage import executed_lines
from codelewm_assets.library.label import (
    MAX_INPUTS,
    LibraryShard,
    VariantSettings,
    label_function,
    label_library,
    usable_inputs,
)
from codelewm_assets.library.variants import UnlabelledVariant
from codelewm_assets.sandbox.pool import SandboxPool
from codelewm_assets_tests.library.library_code import CLAMP, make_function
from codelewm_assets_tests.tiers import slow

SETTINGS = VariantSettings(twins=4, seed=0, cpu_floor_s=0.1)
RARE = "def rare(number):\n    if number == 987654321:\n        return 1\n    return number * 2"
OPENS = "import os\n\ndef opens(path):\n    if not path:\n        return None\n    return os.path.getsize(path)"


@pytest.fixture(scope="module")
@slow
def pool() -> Iterator[SandboxPool]:
    """Two workers."""
    with SandboxPool(2) as started:
        yield started


def with_variants(monkeypatch: pytest.MonkeyPatch, *variants: tuple[str, str, frozenset[int]]) -> None:
    """Have these variants made: (code, kind, changed lines)."""
    rows = [
        UnlabelledVariant(f"v{n}", code, kind, "family", "operator", None, lines)  # type: ignore[arg-type]
        for n, (code, kind, lines) in enumerate(variants)
    ]
    monkeypatch.setattr(label, "make_variants", lambda function, **_: rows)


def labels(shard: LibraryShard) -> list[tuple[bool, str]]:
    """(passed, labelled_by) of each variant."""
    return [(variant.passed, variant.labelled_by) for variant in shard.variants]


def test_rewrites_and_neutral_edits_pass_and_bugs_that_show_fail(pool: SandboxPool) -> None:
    shard = label_function(make_function(), SETTINGS, pool)
    assert 4 <= shard.input_count <= MAX_INPUTS
    assert {v.labelled_by for v in shard.variants} == {"running"}
    assert all(v.passed for v in shard.variants if v.kind != "mutant")
    assert sum(not v.passed for v in shard.variants) >= 3


def test_a_bug_that_behaves_the_same_passes_where_inputs_reach_it(
    pool: SandboxPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = CLAMP.replace("number > high", "number >= high")  # returns the same number
    wrong = CLAMP.replace("return high", "return low")
    loops = CLAMP.replace("return number", "while True:\n        pass")
    with_variants(
        monkeypatch, (CLAMP, "reference", frozenset()), (same, "mutant", frozenset({4})), (wrong, "mutant", frozenset({5})),
        (loops, "mutant", frozenset({6})),
    )  # fmt: skip
    shard = label_function(make_function(), SETTINGS, pool)
    assert labels(shard) == [(True, "running"), (True, "running"), (False, "running"), (False, "running")]


def test_a_bug_that_no_input_reaches_is_labelled_by_construction(
    pool: SandboxPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = RARE.replace("return 1", "return 2")
    with_variants(
        monkeypatch,
        (RARE, "reference", frozenset()),
        (wrong, "mutant", frozenset({3})),
        (wrong, "neutral_edit", frozenset()),
    )
    monkeypatch.setattr("codelewm_assets.library.inputs.OWN_SHARE", 0.0)
    shard = label_function(make_function(RARE, "rare"), SETTINGS, pool)
    assert labels(shard) == [(True, "running"), (False, "construction"), (True, "running")]


def test_a_function_without_inputs_is_labelled_by_construction(pool: SandboxPool) -> None:
    shard = label_function(make_function(OPENS, "opens"), SETTINGS, pool)
    assert shard.input_count == 0
    assert {(v.passed, v.labelled_by) for v in shard.variants if v.kind == "mutant"} == {(False, "construction")}
    assert {(v.passed, v.labelled_by) for v in shard.variants if v.kind != "mutant"} == {(True, "construction")}


def test_a_function_that_does_not_give_its_outputs_again_is_labelled_by_construction(
    pool: SandboxPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(label, "_comparison", lambda *_: lambda code: code != CLAMP)
    shard = label_function(make_function(), SETTINGS, pool)
    assert shard.input_count == 0 and {v.labelled_by for v in shard.variants} == {"construction"}


def test_trees_are_made_by_one_thread_at_a_time(pool: SandboxPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """CPython 3.11 keeps the depth of its tree constructor per interpreter: two threads at once get a SystemError."""
    held: list[bool] = []
    for name in ("make_variants", "candidate_inputs"):
        real = getattr(label, name)
        monkeypatch.setattr(label, name, lambda *a, real=real, **k: (held.append(PARSING.locked()), real(*a, **k))[1])
    label_function(make_function(), SETTINGS, pool)
    assert held == [True, True]


def test_inputs_are_those_with_one_answer_each_time_and_reach_all_lines(pool: SandboxPool) -> None:
    code = "def f(text):\n    if not text:\n        raise ValueError(text)\n    return hash(text) if text == 'a' else len(text)"
    usable = usable_inputs(make_function(code, "f"), pool, seed=0)
    assert usable is not None
    assert "['']" not in usable.inputs and "['a']" not in usable.inputs  # an exception; another answer by hash seed
    assert set(usable.outputs) >= {"2", "3"} and len(usable.inputs) == len(usable.outputs)
    assert usable.lines == {1, 2, 4}


def test_a_function_with_one_answer_is_not_run(pool: SandboxPool) -> None:
    assert usable_inputs(make_function("def f(n):\n    n += 1\n    return None", "f"), pool, seed=0) is None


def test_executed_lines_are_of_the_function_s_own_code(pool: SandboxPool) -> None:
    code = "import textwrap\n\ndef f(a):\n    if a:\n        return textwrap.dedent(a)\n    return [b for b in (1, 2)]"
    assert executed_lines(code, "f", ["['x']", "['']", "[5]"], pool) == [{3, 4, 5}, {3, 4, 6}, frozenset()]


def test_a_second_run_takes_shards_from_the_folder(
    pool: SandboxPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    functions = [make_function(), make_function(RARE, "rare")]

    def run(some: list[LibraryFunction], version: str) -> list[LibraryShard]:
        folder = ShardFolder(tmp_path, LibraryShard)
        return list(label_library(some, SETTINGS, pool=pool, folder=folder, depends_on={"code_version": version}))

    first = run(functions[:1], "1")
    labelled: list[str] = []

    def counting(function: LibraryFunction, *arguments: object) -> LibraryShard:
        labelled.append(function.entry_point)
        return label_function(function, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(label, "label_function", counting)
    assert run(functions, "1")[:1] == first and labelled == ["rare"]
    run(functions, "2")
    assert labelled == ["rare", "clamp", "rare"]


def test_a_variant_s_record_refuses_unknown_kinds() -> None:
    with pytest.raises(ValueError, match="kind"):
        LibraryVariant(
            variant_id="a/v000", function_id="a", entry_point="f", code="", kind="mutant_1", family="", operator="", twin=None,
            passed=True, labelled_by="running",
        )  # type: ignore[arg-type]  # fmt: skip
