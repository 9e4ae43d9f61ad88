"""The assets of library code: excluded problems, resumed shards, refused packages, and a planted function is red."""

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from codelewm_assets.core.digests import pretty_json
from codelewm_assets.core.records import LibraryFunction, LibraryVariant
from codelewm_assets.core.tables import read_table, write_table
from codelewm_assets.defs.library import library_functions, library_variants
from codelewm_assets.defs.resources import ProfileResource
from codelewm_assets_tests.defs.stored_world import QUIET, StoredWorld
from codelewm_assets_tests.defs.test_completions import TINY, failure
from codelewm_assets_tests.factories import make_problem, make_world
from codelewm_assets_tests.library.library_code import CLAMP, make_function


def profile(folder: Path, library: str) -> ProfileResource:
    """The tiny profile with this library section."""
    path = folder / "tiny.yaml"
    text = TINY.replace("ISOLATION", "auto").replace("SPREAD", "in_process")
    path.write_text(text.replace("splits:", f"library: {library}\nsplits:"))
    return ProfileResource(name=str(path))


def materialize(stored: StoredWorld, asset: dg.AssetsDefinition, used: ProfileResource) -> dg.ExecuteInProcessResult:
    """One of the assets."""
    return dg.materialize(
        [asset], instance=stored.instance, resources=stored.resources | {"profile": used}, run_config=QUIET,
        raise_on_error=False,
    )  # fmt: skip


def shown(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    """Metadata of the one asset that was made."""
    assert result.success
    (event,) = result.get_asset_materialization_events()
    node = event.step_materialization_data.materialization
    return {name: value.value for name, value in node.metadata.items()}


def put_problems(stored: StoredWorld, *problems: Any) -> None:
    """These problems as the latest of HumanEval, and none of the other benchmark."""
    world = make_world()
    rows = [*problems, *(p for p in world.problems if p.benchmark_id == "humaneval")]
    others = [p for p in world.problems if p.benchmark_id != "humaneval"]
    files = {"humaneval/problems.parquet": write_table(rows), "mbpp_plus/problems.parquet": write_table(others)}
    stored.put("benchmark_problems", files | {"left_out.json": pretty_json([])}, {})


def put_functions(stored: StoredWorld, *functions: LibraryFunction) -> None:
    """These functions as the latest library."""
    stored.put("library_functions", {"functions.parquet": write_table(functions)}, {})


@pytest.mark.slow
def test_what_a_benchmark_has_is_left_out_with_its_reason(stored: StoredWorld, tmp_path: Path) -> None:
    put_problems(stored)
    used = profile(tmp_path, "{functions: 8, seed: 0}")
    before = shown(materialize(stored, library_functions, used))
    functions = read_table(Path(before["folder"]) / "functions.parquet", LibraryFunction)
    assert before["function_count"] == len(functions) == 8 and before["licences"] == {"python": "PSF-2.0"}
    taken = functions[3]
    put_problems(stored, make_problem(900, entry_point=taken.entry_point, reference=taken.code))
    after = shown(materialize(stored, library_functions, used))
    kept = read_table(Path(after["folder"]) / "functions.parquet", LibraryFunction)
    excluded = json.loads((Path(after["folder"]) / "left_out.json").read_text())
    names = {row["function_id"] for row in excluded}
    assert kept == [row for row in functions if row.function_id not in names] and len(names) == after["left_out_count"]
    assert {row["reason"] for row in excluded if row["function_id"] == taken.function_id} >= {"namesake", "same_ast"}


def test_a_package_that_is_not_installed_is_refused_in_one_line(stored: StoredWorld, tmp_path: Path) -> None:
    put_problems(stored)
    used = profile(tmp_path, "{packages: [no-such-library]}")
    assert failure(materialize(stored, library_functions, used)).startswith(
        "Package 'no-such-library' of library.packages is not"
    )


@pytest.mark.slow
def test_variants_are_labelled_once_and_taken_from_their_shards(
    stored: StoredWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from codelewm_assets.library import label

    labelled, label_function = list[str](), label.label_function

    def counting(function: LibraryFunction, *arguments: Any) -> Any:
        labelled.append(function.entry_point)
        return label_function(function, *arguments)

    monkeypatch.setattr(label, "label_function", counting)
    used = profile(tmp_path, "{twins_per_function: 3}")
    put_functions(stored, make_function())
    first = shown(materialize(stored, library_variants, used))
    variants = read_table(Path(first["folder"]) / "variants.parquet", LibraryVariant)
    assert first["variant_count"] == len(variants) and first["run_function_count"] == 1
    assert {variant.labelled_by for variant in variants} == {"running"} and first["run_share"] == 1.0
    put_functions(stored, make_function(), make_function(CLAMP.replace("clamp", "keep"), "keep"))
    materialize(stored, library_variants, used)
    assert labelled == ["clamp", "keep"]
    assert shown(materialize(stored, library_variants, used))["is_reused"]


def test_a_planted_benchmark_problem_turns_the_check_red_and_the_run_stops(stored: StoredWorld) -> None:
    put_problems(stored)
    put_functions(stored, make_function())
    assert stored.run_check("library_functions", "library_holds_no_benchmark_problem").passed
    problem = make_world().problems[0]
    put_functions(stored, make_function(), make_function(problem.reference, problem.entry_point))
    check = stored.run_check("library_functions", "library_holds_no_benchmark_problem")
    assert not check.passed and check.blocking
    assert "library_repeats_problem" in check.description


def test_variants_without_a_wrong_one_turn_the_check_red(stored: StoredWorld) -> None:
    right = LibraryVariant(
        variant_id="a/v000", function_id="a", entry_point="clamp", code=CLAMP, kind="reference", family="reference",
        operator="reference", twin=None, passed=True, labelled_by="running",
    )  # fmt: skip
    wrong = right.model_copy(update={"variant_id": "a/v001", "kind": "mutant", "passed": False})
    stored.put("library_variants", {"variants.parquet": write_table([right, wrong])}, {})
    assert stored.run_check("library_variants", "variants_were_labelled").passed
    stored.put("library_variants", {"variants.parquet": write_table([right])}, {})
    check = stored.run_check("library_variants", "variants_were_labelled")
    assert not check.passed and "no variant that fails" in check.description


def test_a_function_without_a_licence_turns_the_check_red(stored: StoredWorld) -> None:
    stored.put("library_functions", {"functions.parquet": write_table([make_function(license="")])}, {})
    assert not stored.run_check("library_functions", "library_states_licences").passed
