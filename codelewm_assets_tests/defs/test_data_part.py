"""The data part as its assets run it, from problems to the preflight report: what one problem more changes, and bad problems."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from codelewm_assets.benchmarks.stand_in import read_stand_in
from codelewm_assets.completions.label import LabelShard, label_problem
from codelewm_assets.core.digests import pretty_json
from codelewm_assets.core.ids import BENCHMARKS, BenchmarkId
from codelewm_assets.core.records import Completion, Decoy, LabelledCompletion, PackRow, PoolMember, Problem, Record
from codelewm_assets.core.tables import arrow_schema, read_table, write_table
from codelewm_assets.defs.completions import candidate_completions, labelled_completions, sampled_completions
from codelewm_assets.defs.dataset import execution_pack, problem_splits, rerank_pools, semantic_decoys
from codelewm_assets.defs.library import library_functions, library_variants
from codelewm_assets.defs.preflight import control_scores, preflight_report
from codelewm_assets.defs.resources import ProfileResource
from codelewm_assets_tests.defs.stored_world import QUIET, StoredWorld
from codelewm_assets_tests.tiers import slow

TABLES: dict[str, tuple[str, type[Record]]] = {
    "candidate_completions": ("completions.parquet", Completion),
    "labelled_completions": ("labelled.parquet", LabelledCompletion),
    "execution_pack": ("pack.parquet", PackRow),
    "semantic_decoys": ("decoys.parquet", Decoy),
    "rerank_pools": ("pools.parquet", PoolMember),
}
MADE = (
    *(sampled_completions, candidate_completions, labelled_completions, execution_pack, problem_splits),
    *(semantic_decoys, rerank_pools, library_functions, library_variants, control_scores, preflight_report),
)
PROFILE = """
name: few
description: Few problems of our own under the names of both benchmarks.
sources: {humaneval: wheel, mbpp_plus: stand_in, max_inputs_per_problem: 4}
completions: {bugs: 2, pairs_per_bug: 2, seed: 0}
sandbox: {workers: 2, cpu_floor_s: 0.5}
splits: {near_duplicate_threshold: 0.7, seed: 0}
decoys: {pairs_per_problem: 2, pool_pairs: 2, pools_per_problem: 1}
preflight:
  floors:
    humaneval: {passed: 1, failed: 1, magnitude: {negative: 0, zero: 0, small: 0, medium: 0, large: 0, not_a_number: 0}}
    mbpp_plus: {passed: 1, failed: 1, magnitude: {negative: 0, zero: 0, small: 0, medium: 0, large: 0, not_a_number: 0}}
    decoy_category: {pairs: 1, problems: 1}
  target_lift_points: 100
training: {}
"""


def problems_of(benchmark: BenchmarkId, count: int) -> list[Problem]:
    """Problems of our own as this benchmark's; the two benchmarks share none."""
    found = read_stand_in(max_inputs=4)
    chosen = found[: 2 * count : 2] if benchmark == "humaneval" else found[1 : 2 * count : 2]
    return [
        p.model_copy(update={"problem_id": f"{benchmark}/{n:03d}", "benchmark_id": benchmark})
        for n, p in enumerate(chosen)
    ]


class DataPart:
    """Problems put in the store, and the real assets materialized from them."""

    def __init__(self, stored: StoredWorld, folder: Path) -> None:
        self.stored = stored
        self._problems: dict[BenchmarkId, Sequence[Problem]] = {benchmark: () for benchmark in BENCHMARKS}
        path = folder / "few.yaml"
        path.write_text(PROFILE)
        self._resources = stored.resources | {"profile": ProfileResource(name=str(path))}

    def put_problems(self, benchmark: BenchmarkId, problems: Sequence[Problem]) -> None:
        """Report these problems as the benchmark's latest, beside the other benchmark's."""
        self._problems[benchmark] = problems
        files = {
            f"{name}/problems.parquet": write_table(rows, arrow_schema(Problem))
            for name, rows in self._problems.items()
        }
        self.stored.put("benchmark_problems", files | {"left_out.json": pretty_json([])}, {})

    def run(self) -> dict[str, dict[str, Any]] | str:
        """Each asset's metadata by artifact id, or the message of the step that failed."""
        shown: dict[str, dict[str, Any]] = {}
        for asset in MADE:
            result = dg.materialize(
                [asset],
                instance=self.stored.instance,
                resources=self._resources,
                run_config=QUIET,
                raise_on_error=False,
            )
            if not result.success:
                data = result.get_step_failure_events()[0].step_failure_data
                assert data.user_failure_data is not None, data.error
                return str(data.user_failure_data.description)
            name = asset.key.to_user_string()
            (made,) = result.asset_materializations_for_node(name)
            shown[name] = {key: value.value for key, value in made.metadata.items()}
        return shown

    def made(self) -> dict[str, dict[str, Any]]:
        """As `run`, when nothing failed."""
        found = self.run()
        assert isinstance(found, dict), found
        return found


def rows(shown: dict[str, dict[str, Any]], name: str) -> list[Any]:
    """The stored table of an artifact."""
    file, model = TABLES[name]
    return [row for path in sorted(Path(shown[name]["folder"]).rglob(file)) for row in read_table(path, model)]


def problem_of(row: Any) -> str:
    """The problem that a row of any table belongs to."""
    return str(getattr(row, "source_problem_id", None) or getattr(row, "problem_id", None) or row.completion.problem_id)


def _part(stored: StoredWorld, folder: Path) -> DataPart:
    part = DataPart(stored, folder)
    for benchmark in BENCHMARKS:
        part.put_problems(benchmark, problems_of(benchmark, 7))
    return part


@pytest.fixture
@slow
def part(stored: StoredWorld, tmp_path: Path) -> DataPart:
    """Seven problems of each benchmark."""
    return _part(stored, tmp_path)


@pytest.fixture(scope="module")
@slow
def made_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which all that is made of those problems lies."""
    folder = tmp_path_factory.mktemp("made")
    with dg.DagsterInstance.ephemeral() as instance:
        shown = _part(StoredWorld(folder / "artifacts", instance), folder).made()
    assert not any(found["is_reused"] for found in shown.values())
    return folder / "artifacts"


@pytest.fixture
def made_part(made_store: Path, stored: StoredWorld, tmp_path: Path) -> DataPart:
    """The same on a copy of that store: the first run takes from it what another run made."""
    shutil.copytree(made_store, stored.store.root)
    return _part(stored, tmp_path)


def _files(shown: dict[str, Any]) -> dict[str, bytes]:
    folder = Path(shown["folder"])
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.parquet")}


def test_one_problem_more_changes_what_derives_from_it_and_no_other_problem_is_labelled_again(
    part: DataPart, monkeypatch: pytest.MonkeyPatch
) -> None:
    labelled: list[str] = []

    def counting(problem: Problem, *arguments: Any, **options: Any) -> LabelShard:
        labelled.append(problem.problem_id)
        return label_problem(problem, *arguments, **options)

    monkeypatch.setattr("codelewm_assets.completions.shards.label_problem", counting)
    before = part.made()
    assert not any(shown["is_reused"] for shown in before.values()) and len(labelled) == 14
    part.put_problems("mbpp_plus", problems_of("mbpp_plus", 8))
    after = part.made()
    assert labelled[14:] == ["mbpp_plus/007"]
    for name in ("candidate_completions", "labelled_completions"):  # the other benchmark's file is the same
        old, new = _files(before[name]), _files(after[name])
        assert [file for file in old if old[file] == new[file]] == [
            file
            for file in old
            if file.startswith("humaneval/") or file == "mbpp_plus/samples.parquet"  # there are none
        ]
    for name in ("labelled_completions", "execution_pack", "semantic_decoys", "rerank_pools"):
        assert not after[name]["is_reused"]
        old, new = rows(before, name), rows(after, name)
        assert [row for row in new if problem_of(row) != "mbpp_plus/007"] == old
        assert len(new) > len(old)


def test_the_same_problems_again_are_nothing_to_do(made_part: DataPart) -> None:
    part, before = made_part, made_part.made()
    part.put_problems("mbpp_plus", problems_of("mbpp_plus", 7))
    after = part.made()
    assert all(shown["is_reused"] for shown in after.values())
    assert {name: shown["digest"] for name, shown in after.items()} == {
        name: shown["digest"] for name, shown in before.items()
    }


def findings(shown: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Rule → finding of the preflight report."""
    import json

    report = json.loads((Path(shown["preflight_report"]["folder"]) / "preflight_report.json").read_text())
    return {found["rule"]: found for found in report["findings"]}


def replaced(count: int, **changes: Any) -> list[Problem]:
    """MBPP-Plus problems of which the first has these fields."""
    first, *others = problems_of("mbpp_plus", count)
    return [first.model_copy(update=changes), *others]


def test_outputs_that_are_not_a_number_are_rows_like_others(part: DataPart) -> None:
    code = "def ratio(a, b):\n    c = float('nan')\n    if b == 0:\n        return c\n    return a / b"
    inputs = ("[1, 0]", "[1, 2]", "[0, 0]", "[9, 3]")
    part.put_problems(
        "mbpp_plus", replaced(7, reference=code, entry_point="ratio", inputs=inputs, expected=(None,) * 4)
    )
    shown = part.made()
    of_first = [row for row in rows(shown, "execution_pack") if row.source_problem_id == "mbpp_plus/000"]
    reference = [row for row in of_first if row.completion_kind == "reference"]
    assert [(row.output_tokens, row.output_magnitude_bucket, row.passed) for row in reference] == [
        ("nan", "not_a_number", True),
        ("0.5", "small", True),
        ("nan", "not_a_number", True),
        ("3.0", "small", True),
    ]
    assert any(row.passed and row.completion_kind == "rewrite" and row.output_tokens == "nan" for row in of_first)


def test_an_output_of_a_megabyte_is_dropped_with_its_input_and_counted(part: DataPart) -> None:
    code = "def fill(n):\n    text = 'x'\n    return text * n"
    inputs = ("[1]", "[1000000]", "[2]")
    part.put_problems("mbpp_plus", replaced(7, reference=code, entry_point="fill", inputs=inputs, expected=(None,) * 3))
    shown = part.made()
    assert shown["labelled_completions"]["dropped_input_count"] == 1
    kept = {row.input_id for row in rows(shown, "execution_pack") if row.source_problem_id == "mbpp_plus/000"}
    assert kept == {"i0", "i2"}
    assert max(len(row.output_tokens) for row in rows(shown, "execution_pack")) < 100_000


def test_a_problem_without_a_usable_input_is_excluded_by_name(part: DataPart) -> None:
    code = "def fill(n):\n    return 'x' * n"
    changes = {"reference": code, "entry_point": "fill", "inputs": ("[1000000]",), "expected": (None,)}
    part.put_problems("mbpp_plus", replaced(7, **changes))
    shown = part.made()
    left_out = Path(shown["labelled_completions"]["folder"]) / "left_out.json"
    assert "no usable input: the reference's output is longer than 100000 characters" in left_out.read_text()
    assert not [row for row in rows(shown, "execution_pack") if row.source_problem_id == "mbpp_plus/000"]


REFUSED: tuple[tuple[str, Callable[[], list[Problem]], str], ...] = (
    ("no problem of one benchmark", lambda: [], "No problems; expected at least one"),
    ("one id twice", lambda: [*problems_of("mbpp_plus", 7), problems_of("mbpp_plus", 1)[0]],
     "1 problem ids occur twice, first mbpp_plus/000"),
    ("a reference that does not parse", lambda: replaced(7, reference="def f(:"), "mbpp_plus/000: The program for"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "problems", "message"), REFUSED, ids=lambda value: value if isinstance(value, str) else ""
)
def test_problems_that_cannot_be_used_are_one_error_and_nothing_stored_is_lost(
    name: str, problems: Callable[[], list[Problem]], message: str, made_part: DataPart
) -> None:
    part, before = made_part, made_part.made()
    part.put_problems("mbpp_plus", problems())
    stored = list(part.stored.store.artifacts())
    found = part.run()
    assert isinstance(found, str) and message in found, found
    [(kind, *_)] = set(part.stored.store.artifacts()) - set(stored)
    assert kind == "sampled_completions"  # of no model; it is made from any problems
    assert part.stored.store.verify_all() == (len(stored) + 1, [])
    assert not list(part.stored.store.root.rglob(".writing-*"))
    part.put_problems("mbpp_plus", problems_of("mbpp_plus", 7))
    after = part.made()
    assert {name: shown["digest"] for name, shown in after.items()} == {
        name: shown["digest"] for name, shown in before.items()
    }


def test_fewer_problems_than_folds_is_one_error(part: DataPart) -> None:
    part.put_problems("humaneval", problems_of("humaneval", 2))
    part.put_problems("mbpp_plus", problems_of("mbpp_plus", 2))
    found = part.run()
    assert isinstance(found, str) and "4 clusters of problems; expected at least 5" in found


def test_a_pack_of_one_class_has_a_typed_blocker(part: DataPart) -> None:
    """References that return None whatever they are given: no mutant of them is wrong."""
    for benchmark in BENCHMARKS:
        changed = [
            p.model_copy(
                update={
                    "reference": f"def solve{n}(*values):\n    first = {1000 * n}\n    return None",
                    "entry_point": f"solve{n}",
                }
            )
            for n, p in enumerate(problems_of(benchmark, 7), start=10 if benchmark == "humaneval" else 100)
        ]
        part.put_problems(benchmark, changed)
    found = part.run()
    assert isinstance(found, dict), found
    red = {rule: f["blocker"] for rule, f in findings(found).items() if not f["passed"]}
    assert red["pack_has_both_classes"] == "single_class"
