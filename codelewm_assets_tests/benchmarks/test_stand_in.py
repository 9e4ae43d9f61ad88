"""The stand-in problems: well formed, runnable, true to their examples, spread over the output labels.

What does not belong here: how the rows are read into the project's problem record.
"""

import ast
import time
import tomllib
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

import codelewm_assets
from codelewm_assets.benchmarks.stand_in import StandInProblem, parse_rows, stand_in_problems
from codelewm_assets.core.errors import SourceFormatError
from codelewm_assets_tests.cases import each_case

ROOT = Path(codelewm_assets.__file__).parents[1]
OUTPUT_TYPES = ("int", "float", "str", "list", "dict", "tuple", "bool")
MAGNITUDES = ("negative", "zero", "small", "medium", "large")

every_problem = each_case("problem", stand_in_problems(), ids=lambda problem: problem.entry_point)


def load(problem: StandInProblem) -> Callable[..., object]:
    """The function that the reference program defines under the entry point."""
    namespace: dict[str, object] = {}
    exec(compile(problem.canonical_solution, problem.task_id, "exec"), namespace)
    function = namespace[problem.entry_point]
    assert callable(function)
    return function


@cache
def outputs(problem: StandInProblem) -> tuple[object, ...]:
    """What the reference returns on each input, in the order of the inputs."""
    function = load(problem)
    return tuple(function(*ast.literal_eval(text)) for text in problem.inputs)


def main_type(problem: StandInProblem) -> str:
    """The name of the type that most of the outputs have."""
    return Counter(type(output).__name__ for output in outputs(problem)).most_common(1)[0][0]


def magnitude(number: int | float) -> str:
    """The bucket of a number: negative < 0, zero, small ≤ 10, medium ≤ 1000, large beyond."""
    if number < 0:
        return "negative"
    if number == 0:
        return "zero"
    if number <= 10:
        return "small"
    return "medium" if number <= 1000 else "large"


def test_there_are_at_least_a_hundred_problems() -> None:
    assert len(stand_in_problems()) >= 100


def test_ids_run_from_one_without_gap_or_repeat() -> None:
    expected = [f"StandIn/{number}" for number in range(1, len(stand_in_problems()) + 1)]
    assert [problem.task_id for problem in stand_in_problems()] == expected


def test_entry_points_are_unique() -> None:
    repeated = [name for name, n in Counter(p.entry_point for p in stand_in_problems()).items() if n > 1]
    assert repeated == []


def test_reference_programs_are_unique() -> None:
    bodies = Counter(p.canonical_solution.replace(p.entry_point, "f").replace(" ", "") for p in stand_in_problems())
    assert max(bodies.values()) == 1


@every_problem
def test_a_prompt_is_a_quoted_statement_with_one_example(problem: StandInProblem) -> None:
    lines = problem.prompt.splitlines()
    assert lines[0] == '"""' and lines[-1] == '"""'
    assert lines[1].startswith("Write a function to ")
    assert [line.startswith("assert ") for line in lines].count(True) == 1
    assert lines[-2].startswith(f"assert {problem.entry_point}(")


@every_problem
def test_the_prompt_does_not_contain_its_reference(problem: StandInProblem) -> None:
    body = [line.strip() for line in problem.canonical_solution.splitlines() if line.startswith(" ")]
    assert not [line for line in body if len(line) > 12 and line in problem.prompt]


@every_problem
def test_inputs_are_distinct_lists_of_arguments(problem: StandInProblem) -> None:
    arguments = [ast.literal_eval(text) for text in problem.inputs]
    assert len(arguments) >= 8
    assert all(type(argument) is list for argument in arguments)
    assert len({repr(argument) for argument in arguments}) == len(arguments)


@every_problem
def test_inputs_are_written_in_canonical_form(problem: StandInProblem) -> None:
    assert [repr(ast.literal_eval(text)) for text in problem.inputs] == list(problem.inputs)


@every_problem
def test_the_reference_gives_equal_outputs_when_loaded_again(problem: StandInProblem) -> None:
    function = load(problem)
    again = tuple(function(*ast.literal_eval(text)) for text in problem.inputs)
    # repr: True == 1 == 1.0, but an output's type is a label of its own
    assert repr(again) == repr(outputs(problem))


@every_problem
def test_the_reference_leaves_its_arguments_as_they_are(problem: StandInProblem) -> None:
    function = load(problem)
    for text in problem.inputs:
        arguments = ast.literal_eval(text)
        function(*arguments)
        assert arguments == ast.literal_eval(text)


@every_problem
def test_the_example_in_the_prompt_holds(problem: StandInProblem) -> None:
    example = ast.parse(problem.prompt.splitlines()[-2]).body[0]
    assert isinstance(example, ast.Assert) and isinstance(example.test, ast.Compare)
    call = example.test.left
    assert isinstance(call, ast.Call)
    actual = load(problem)(*[ast.literal_eval(argument) for argument in call.args])
    expected = ast.literal_eval(example.test.comparators[0])
    assert (type(actual), actual) == (type(expected), expected)


@every_problem
def test_all_outputs_of_a_problem_have_one_type(problem: StandInProblem) -> None:
    assert {type(output).__name__ for output in outputs(problem)} == {main_type(problem)}


@every_problem
def test_no_single_answer_covers_most_inputs(problem: StandInProblem) -> None:
    most_frequent = Counter(map(repr, outputs(problem))).most_common(1)[0][1]
    # a constant program must fail more than a fifth of the inputs, even for yes-or-no answers
    assert most_frequent < 0.8 * len(problem.inputs)


@every_problem
def test_the_reference_prints_nothing(problem: StandInProblem, capsys: pytest.CaptureFixture[str]) -> None:
    function = load(problem)
    for text in problem.inputs:
        function(*ast.literal_eval(text))
    assert capsys.readouterr().out == ""


def test_references_are_fast() -> None:
    started_s = time.process_time()
    for problem in stand_in_problems():
        function = load(problem)
        for text in problem.inputs:
            function(*ast.literal_eval(text))
    # 10 ms a problem, in CPU time so that a loaded machine changes nothing
    assert time.process_time() - started_s < 0.010 * len(stand_in_problems())


def test_references_import_pure_standard_modules_only() -> None:
    imported: set[str] = set()
    for problem in stand_in_problems():
        for node in ast.walk(ast.parse(problem.canonical_solution)):
            if isinstance(node, ast.Import):
                imported.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module or "")
    assert imported <= {"math", "re", "collections"}


@each_case("type_name", OUTPUT_TYPES)
def test_each_output_type_is_the_main_one_of_eight_problems(type_name: str) -> None:
    assert sum(main_type(problem) == type_name for problem in stand_in_problems()) >= 8


def test_numbers_are_the_most_frequent_output() -> None:
    counts = Counter(main_type(problem) for problem in stand_in_problems())
    assert counts["int"] == max(counts.values())
    assert counts["int"] + counts["float"] >= 45


@each_case("bucket", MAGNITUDES)
def test_each_magnitude_is_reached_by_thirty_problems(bucket: str) -> None:
    reaching = 0
    for problem in stand_in_problems():
        # bool is a subclass of int but carries no magnitude
        numbers = [o for o in outputs(problem) if isinstance(o, int | float) and not isinstance(o, bool)]
        reaching += bucket in {magnitude(number) for number in numbers}
    assert reaching >= 30


@each_case(
    ("line", "part"),
    [
        ('{"task_id": "StandIn/2"', "line 2: Expecting"),
        ('{"task_id": "StandIn/2", "entry_point": "f", "prompt": "", "inputs": []}', "line 2: .*canonical_solution"),
        ('{"task_id": "StandIn/2", "inputs": [], "tests": 1}', "line 2: .*'tests'"),
        ("[]", "line 2: "),
        ("", "line 2: "),
    ],
)
def test_a_faulty_line_is_named(line: str, part: str) -> None:
    good = '{"task_id": "StandIn/1", "entry_point": "f", "prompt": "", "canonical_solution": "", "inputs": ["[1]"]}'
    assert parse_rows(f"{good}\n")[0].inputs == ("[1]",)
    with pytest.raises(SourceFormatError, match=part):
        parse_rows(f"{good}\n{line}\n{good}\n")


def test_every_data_file_of_the_package_ships_in_the_wheel() -> None:
    shipped = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]
    patterns = [ROOT / package.replace(".", "/") / glob for package, globs in shipped.items() for glob in globs]
    listed = {path for pattern in patterns for path in pattern.parent.glob(pattern.name)}
    there = {
        path for path in (ROOT / "codelewm_assets").rglob("*") if path.is_file() and "__pycache__" not in path.parts
    }
    assert {path.relative_to(ROOT) for path in there - listed if path.suffix != ".py"} == set()
