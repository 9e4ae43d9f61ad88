"""The Hub's datasets: pinned by full commit hash, read by shape, and an error in words when the Hub is away."""

from typing import Any

import pytest

from codelewm_assets.benchmarks.hub import fetch_rows, read_hub, require_full_revision
from codelewm_assets.benchmarks.pins import EVALPLUS_FILES
from codelewm_assets.benchmarks.published_tests import Runner
from codelewm_assets.core.errors import SourceError, SourceFormatError, SourceMissingError
from codelewm_assets_tests.cases import each_case

HUMANEVAL, MBPP = EVALPLUS_FILES["humaneval"], EVALPLUS_FILES["mbpp_plus"]
REVISION = "0123456789abcdef0123456789abcdef01234567"
TABLE = """
inputs = [[1], [2]]
results = [1, 2]
for i, (inp, exp) in enumerate(zip(inputs, results)):
    assertion(f(*inp), exp, 0)
"""


def humaneval_row(test: str) -> dict[str, Any]:
    """A row in the shape of `evalplus/humanevalplus`."""
    return {
        "task_id": "HumanEval/0",
        "prompt": "def f(x):\n",
        "canonical_solution": "    return x\n",
        "test": test,
        "entry_point": "f",
    }


def mbpp_row(**changes: Any) -> dict[str, Any]:
    """A row in the shape of `evalplus/mbppplus`."""
    fields = {
        "task_id": 3,
        "code": "def f(x):\n    return x\n",
        "prompt": "Return x.",
        "source_file": "Benchmark Questions Verification V2.ipynb",
        "test_imports": [],
        "test_list": ["assert f(1) == 1", "assert f(2) == 2"],
        "test": TABLE,
    }
    return fields | changes


@each_case("given", ["", "main", "v0.2.0", "0123456", REVISION.upper(), REVISION + "0", REVISION + "\n"])
def test_a_revision_that_is_no_full_commit_hash_is_refused(given: str) -> None:
    require_full_revision(MBPP, REVISION)
    with pytest.raises(SourceError, match=r"expected a full 40-digit commit hash.*CODELEWM_MBPP_PLUS_REVISION"):
        require_full_revision(MBPP, given)


def test_tests_without_tables_are_read_from_their_assertions(run: Runner) -> None:
    row = humaneval_row("def check(candidate):\n    assert candidate(1) == 1\n")
    (problem,), excluded = read_hub(HUMANEVAL, [row], REVISION, run=run, max_inputs=4)
    assert (problem.inputs, problem.expected, excluded) == (("[1]",), ("1",), [])
    assert (problem.benchmark_id, problem.license) == ("humaneval", HUMANEVAL.license)


def test_humanevalplus_is_read_from_its_tables(run: Runner) -> None:
    test = "def check(candidate):\n    inputs = [[1], [2]]\n    results = [1, 2]\n    assertion(candidate(1), 1, 0)\n"
    (problem,), _ = read_hub(HUMANEVAL, [humaneval_row(test)], REVISION, run=run, max_inputs=4)
    assert (problem.inputs, problem.expected) == (("[1]", "[2]"), ("1", "2"))
    assert problem.license == EVALPLUS_FILES["humaneval"].license
    assert problem.source_revision == "evalplus/humanevalplus@0123456789ab"


def test_mbppplus_is_read_under_the_ids_and_prompts_of_its_release(run: Runner) -> None:
    (problem,), excluded = read_hub(MBPP, [mbpp_row()], REVISION, run=run, max_inputs=4)
    assert (problem.problem_id, problem.benchmark_id, problem.benchmark_label) == ("Mbpp/3", "mbpp_plus", "mbpp_plus")
    assert problem.prompt == '"""\nReturn x.\nassert f(1) == 1\n"""\n'
    assert problem.reference == "def f(x):\n    return x\n"
    assert (problem.inputs, problem.expected, excluded) == (("[1]", "[2]"), ("1", "2"), [])
    assert problem.license == EVALPLUS_FILES["mbpp_plus"].license


@each_case(
    ("name", "assertion"),
    [
        ("similar_elements", "assert set(similar_elements((3, 4),(5, 4))) == set((4,))"),
        ("volume_sphere", "assert math.isclose(volume_sphere(10), 4188.79, rel_tol=0.001)"),
        ("check_str", "assert not check_str('dawood')"),
        ("differ_At_One_Bit_Pos", "assert differ_At_One_Bit_Pos(13,9) == True"),
        ("find_max", "assert find_max ([1, 2]) == 2"),
        ("largest_subset", "assert largest_subset([ 1, 3, 6, 13, 17, 18 ]) == 4"),  # Mbpp/620
    ],
)
def test_the_entry_point_is_the_function_that_the_first_test_calls(run: Runner, name: str, assertion: str) -> None:
    row = mbpp_row(test_list=[assertion], code=f"def {name}(*x):\n    return x\n")
    (problem,), _ = read_hub(MBPP, [row], REVISION, run=run, max_inputs=4)
    assert problem.entry_point == name


def test_a_row_without_its_columns_is_refused(run: Runner) -> None:
    row = {key: value for key, value in mbpp_row().items() if key not in ("code", "test_list")}
    with pytest.raises(SourceFormatError, match=r"lacks \['code', 'test_list'\]"):
        read_hub(MBPP, [row], REVISION, run=run, max_inputs=4)


def test_a_test_list_that_calls_nothing_is_refused(run: Runner) -> None:
    with pytest.raises(SourceFormatError, match="task 3: its test list names no function"):
        read_hub(MBPP, [mbpp_row(test_list=["assert True"])], REVISION, run=run, max_inputs=4)


def test_rows_are_the_test_split_at_the_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets", reason="the extra `hub` is not installed")
    asked: list[tuple[str, dict[str, str]]] = []

    def load_dataset(repository: str, **options: str) -> list[dict[str, int]]:
        asked.append((repository, options))
        return [{"task_id": 3}]

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    assert fetch_rows("evalplus/mbppplus", REVISION) == [{"task_id": 3}]
    assert asked == [("evalplus/mbppplus", {"split": "test", "revision": REVISION})]


@pytest.mark.parametrize("error", [ConnectionError("no route"), ValueError("no split"), RuntimeError("offline mode")])
def test_a_hub_that_cannot_be_read_says_what_to_do(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets", reason="the extra `hub` is not installed")

    def load_dataset(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(SourceMissingError, match=rf"{type(error).__name__}: {error}.*name a local file instead"):
        fetch_rows("evalplus/mbppplus", REVISION)
