"""Lines of a function that a call executes, as the sandboxed program itself reports them, and the lines that an edit changes.

A bug on a line that no input executes is not shown to be harmless by equal outputs.
"""

from collections.abc import Sequence
from difflib import SequenceMatcher

from codelewm_assets.core.literals import read_value
from codelewm_assets.sandbox.limits import Limits
from codelewm_assets.sandbox.outcome import Program
from codelewm_assets.sandbox.pool import SandboxPool

TRACED = "executed_lines_of_call"
TRACED_CODE = """
def {traced}(*arguments):
    import sys
    lines = set()
    file = {entry_point}.__code__.co_filename

    def trace(frame, event, argument):
        if frame.f_code.co_filename != file:
            return None
        lines.add(frame.f_lineno)
        return trace
    sys.settrace(trace)
    try:
        {entry_point}(*arguments)
    finally:
        sys.settrace(None)
    return sorted(lines)
"""
TRACE_LIMITS = Limits(input_cpu_s=1.0, cpu_s=4.0)


def executed_lines(code: str, entry_point: str, inputs: Sequence[str], pool: SandboxPool) -> list[frozenset[int]]:
    """The lines of `code`, from 1, that each call executes; empty for a call that does not return while it is traced."""
    traced = code + "\n" + TRACED_CODE.format(traced=TRACED, entry_point=entry_point)
    run = pool.run(Program(traced, TRACED, tuple(inputs)), TRACE_LIMITS)
    lines = [read_value(call.output) if call.output is not None else [] for call in run.inputs]
    return [frozenset(row) if isinstance(row, list) else frozenset() for row in lines]


def changed_lines(old: str, new: str) -> frozenset[int]:
    """Lines of `old`, from 1, that differ in `new`; of lines that are only in `new`, the one before them."""
    before, after = old.splitlines(), new.splitlines()
    changed = set[int]()
    for kind, start, end, _, _ in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "insert":
            changed.add(max(start, 1))
        elif kind != "equal":
            changed |= set(range(start + 1, end + 1))
    return frozenset(changed)
