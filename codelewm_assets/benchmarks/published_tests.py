"""Recovery of inputs and expected outputs from tests that are published as code.

They are parsed from the text where possible, else recorded while the reference runs the tests.
"""

import ast
from collections.abc import Callable
from dataclasses import dataclass

from codelewm_assets.core.errors import LiteralError, SourceFormatError
from codelewm_assets.core.literals import read_value, write_value

Runner = Callable[[str, str, tuple[str, ...]], list[str | None]]
"""(code, entry point, inputs) → the literal of each output, None where the call did not finish. Must isolate what it runs."""

RECORDER = """

def __record_calls__():
    import copy, random
    random.seed(0)
    calls = []
    target = {entry_point}
    def candidate(*arguments):
        if len(calls) < 400:
            calls.append(copy.deepcopy(list(arguments)))
        return target(*arguments)
    check(candidate)
    return calls
"""


@dataclass(frozen=True, slots=True)
class TestCase:
    """One call of the published tests: its arguments, and the expected output if it can be parsed."""

    __test__ = False
    arguments: str
    expected: str | None


@dataclass(frozen=True, slots=True)
class RecoveredTests:
    """Test cases, the tolerance that the tests use, and how they were recovered ("parsed" or "recorded")."""

    cases: tuple[TestCase, ...]
    atol: float
    method: str


def recover_tests(reference: str, test_code: str, entry_point: str, run: Runner) -> RecoveredTests:
    """Every distinct call of the published tests, in order.

    Raises: SourceFormatError: the tests do not parse, or the reference fails them when they are recorded.
    """
    try:
        tree = ast.parse(test_code)
    except (SyntaxError, ValueError) as error:
        raise SourceFormatError(f"the published tests do not parse: {error}") from error
    tables = _from_tables(tree)
    if tables is not None:
        return RecoveredTests(_distinct(tables), _table_tolerance(tree), "parsed")
    cases, atol, is_complete = _from_assertions(tree, entry_point)
    if is_complete and cases:
        return RecoveredTests(_distinct(cases), atol, "parsed")
    recorder = reference + "\n\n" + test_code + RECORDER.replace("{entry_point}", entry_point)
    recording = run(recorder, "__record_calls__", ("[]",))[0]
    if recording is None:
        raise SourceFormatError("its reference fails its own published tests, or passes arguments that have no literal")
    recorded = [TestCase(write_value(arguments), None) for arguments in read_value(recording)]
    return RecoveredTests(_distinct([*cases, *recorded]), atol, "recorded")


def _distinct(cases: list[TestCase]) -> tuple[TestCase, ...]:
    """The first case for each list of arguments."""
    first: dict[str, TestCase] = {}
    return tuple(case for case in cases if first.setdefault(case.arguments, case) is case)


def _from_tables(tree: ast.Module) -> list[TestCase] | None:
    """The `inputs = […]` and `results = […]` that EvalPlus' tests carry, or None when there are none."""
    tables: dict[str, list[object]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name in ("inputs", "results") and isinstance(node.value, ast.List):
                try:
                    tables[name] = read_value(ast.unparse(node.value))
                except LiteralError:
                    return None
    if "inputs" not in tables:
        return None
    results = tables.get("results", [])
    cases = []
    for index, arguments in enumerate(tables["inputs"]):
        if not isinstance(arguments, list):
            return None
        expected = write_value(results[index]) if index < len(results) else None
        cases.append(TestCase(write_value(arguments), expected))
    return cases


def _table_tolerance(tree: ast.Module) -> float:
    """The `atol` of EvalPlus' `assertion(out, exp, atol)`; 0.0 when the tests have no such call."""
    tolerances = [0.0]
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="assertion"), args=[_, _, ast.Constant(value=int() | float() as tolerance)]):
                tolerances.append(float(tolerance))
    return max(tolerances)


def _from_assertions(tree: ast.Module, entry_point: str) -> tuple[list[TestCase], float, bool]:
    """(cases, tolerance, True if every statement of the tests was parsed)."""
    check = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "check"]
    cases, atol, is_complete = list[TestCase](), 0.0, True
    for statement in check[0].body if check else tree.body:
        match statement:
            case ast.Expr(value=ast.Constant()) | ast.Assert(test=ast.Constant()):
                continue
            case ast.Pass() | ast.Import() | ast.ImportFrom():
                continue
            case ast.Assert(test=test) if read := _from_assertion(test, {"candidate", entry_point}):
                cases.append(read[0])
                atol = max(atol, read[1])
            case _:
                is_complete = False
    return cases, atol, is_complete


def _from_assertion(test: ast.expr, names: set[str]) -> tuple[TestCase, float] | None:
    match test:
        case ast.Compare(left=ast.Call() as call, ops=[ast.Eq() | ast.Is()], comparators=[expected]) if _calls(
            call, names
        ):
            return _case(call, expected, 0.0)
        case ast.Compare(left=expected, ops=[ast.Eq()], comparators=[ast.Call() as call]) if _calls(call, names):
            return _case(call, expected, 0.0)
        case ast.Compare(
            left=ast.Call(
                func=ast.Name(id="abs"), args=[ast.BinOp(left=ast.Call() as call, op=ast.Sub(), right=expected)]
            ),
            ops=[ast.Lt() | ast.LtE()],
            comparators=[ast.Constant(value=float() as tolerance)],
        ) if _calls(call, names):
            return _case(call, expected, tolerance)
        case (ast.Call() as call) | ast.UnaryOp(op=ast.Not(), operand=ast.Call() as call) if _calls(call, names):
            return _case(call, None, 0.0)
        case _:
            return None


def _calls(call: ast.Call, names: set[str]) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id in names and not call.keywords


def _case(call: ast.Call, expected: ast.expr | None, tolerance: float) -> tuple[TestCase, float] | None:
    try:
        arguments = [read_value(ast.unparse(node)) for node in call.args]
        expected_output = None if expected is None else write_value(read_value(ast.unparse(expected)))
        return TestCase(write_value(arguments), expected_output), tolerance
    except LiteralError:
        return None
