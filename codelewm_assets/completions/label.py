"""Labels by running: every completion on every input, twice under different hash seeds, judged by the parent."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from codelewm_assets.completions.oracles import OracleName, judge, oracle_of, outputs_equal
from codelewm_assets.core.literals import read_arguments, read_value
from codelewm_assets.core.records import Completion, LabelledCompletion, LabelledInput, LeftOut, Outcome, Problem
from codelewm_assets.sandbox.limits import Limits
from codelewm_assets.sandbox.outcome import InputRun, Program, ProgramRun
from codelewm_assets.sandbox.pool import SandboxPool

REFERENCE_LIMITS = Limits(cpu_s=10.0, wall_s=60.0)
CPU_MULTIPLE = 10.0  # a completion may use this many times its reference's CPU time, and never less than the floor


@dataclass(frozen=True, slots=True)
class Judged:
    """A problem with what its reference returned.

    Attributes:
        problem: as read.
        outputs: input index → the reference's output literal, for the inputs that can judge.
        dropped: input index → why it cannot.
        limits: of each completion's run.
    """

    problem: Problem
    outputs: Mapping[int, str]
    dropped: Mapping[int, str]
    limits: Limits


@dataclass(frozen=True, slots=True)
class LabelResult:
    """Labelled completions in the order given, problems left out, inputs dropped, and the CPU time each label took."""

    labelled: tuple[LabelledCompletion, ...]
    left_out: tuple[LeftOut, ...]
    dropped_input_count: int
    cpu_ms: Mapping[str, float]


def cpu_limit_s(reference_ms: float, floor_s: float) -> float:
    """CPU limit of a completion: ten times its reference's, rounded up to the floor times a power of two.

    The steps keep the limit, and with it the label of a slow program, the same from run to run.
    """
    return (
        floor_s * 2 ** max(0, math.ceil(math.log2(CPU_MULTIPLE * reference_ms / 1000 / floor_s)))
        if reference_ms
        else floor_s
    )


def judge_references(
    problems: Sequence[Problem], pools: tuple[SandboxPool, SandboxPool], *, cpu_floor_s: float
) -> tuple[list[Judged], list[LeftOut]]:
    """Run each reference in both pools; a problem whose reference contradicts its published outputs is left out."""
    programs = [(Program(p.reference, p.entry_point, p.inputs), REFERENCE_LIMITS) for p in problems]
    judged, left_out = list[Judged](), list[LeftOut]()
    for problem, first, second in zip(problems, pools[0].map(programs), pools[1].map(programs), strict=True):
        outputs, dropped, wrong = _reference_outputs(problem, first, second)
        if wrong is not None:
            left_out.append(LeftOut(problem_id=problem.problem_id, reason=wrong))
        elif not outputs:
            reasons = ", ".join(sorted(set(dropped.values())))
            left_out.append(LeftOut(problem_id=problem.problem_id, reason=f"no usable input: {reasons}"))
        else:
            cpu_s = cpu_limit_s(first.cpu_ms, cpu_floor_s)
            limits = Limits(cpu_s=cpu_s, wall_s=10 * cpu_s + 10)
            judged.append(Judged(problem, outputs, dropped, limits))
    return judged, left_out


def _reference_outputs(
    problem: Problem, first: ProgramRun, second: ProgramRun
) -> tuple[dict[int, str], dict[int, str], str | None]:
    outputs, dropped = dict[int, str](), dict[int, str]()
    oracle = oracle_of(problem.benchmark_id, problem.entry_point)
    for index, (one, two, expected) in enumerate(zip(first.inputs, second.inputs, problem.expected, strict=True)):
        if one.outcome != "finished":
            dropped[index] = f"the reference ends in {one.exception_class or one.outcome}"
        elif one.output is None:
            dropped[index] = f"the reference returns a {one.output_type}, which has no literal"
        elif not same_output(one, two):
            dropped[index] = "the reference is not deterministic"
        elif expected is not None and not judge(
            oracle, read_arguments(problem.inputs[index]), read_value(one.output), read_value(expected), problem.atol
        ):
            wrong = (
                f"its reference fails its own tests: input {index} gives {one.output[:60]}, published {expected[:60]}"
            )
            return {}, {}, wrong
        else:
            outputs[index] = one.output
    return outputs, dropped, None


def label_completions(
    completions: Sequence[Completion],
    problems: Mapping[str, Problem],
    *,
    pools: tuple[SandboxPool, SandboxPool],
    cpu_floor_s: float,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> LabelResult:
    """Label every completion whose problem has a usable reference.

    Args:
        pools: two pools with different hash seeds; the second run must agree with the first.
        cpu_floor_s: least CPU limit of a completion in seconds.
        on_progress: called with (labelled so far, all).
    """
    wanted = sorted({c.problem_id for c in completions})
    judged, left_out = judge_references([problems[i] for i in wanted], pools, cpu_floor_s=cpu_floor_s)
    by_problem = {item.problem.problem_id: item for item in judged}
    usable = [c for c in completions if c.problem_id in by_problem]
    jobs = [_job(c, by_problem[c.problem_id]) for c in usable]
    labelled, cpu_ms = list[LabelledCompletion](), dict[str, float]()
    runs: Iterable[tuple[ProgramRun, ProgramRun]] = zip(pools[0].map(jobs), pools[1].map(jobs), strict=True)
    for number, (completion, (first, second)) in enumerate(zip(usable, runs, strict=True), 1):
        labelled.append(_labelled(completion, by_problem[completion.problem_id], first, second))
        cpu_ms[completion.completion_id] = first.cpu_ms
        on_progress(number, len(usable))
    return LabelResult(tuple(labelled), tuple(left_out), sum(len(item.dropped) for item in judged), cpu_ms)


def _job(completion: Completion, judged: Judged) -> tuple[Program, Limits]:
    inputs = tuple(judged.problem.inputs[index] for index in sorted(judged.outputs))
    return Program(completion.code, completion.entry_point, inputs), judged.limits


def _labelled(completion: Completion, judged: Judged, first: ProgramRun, second: ProgramRun) -> LabelledCompletion:
    problem = judged.problem
    oracle = oracle_of(problem.benchmark_id, problem.entry_point)
    is_deterministic = all(same_output(a, b) for a, b in zip(first.inputs, second.inputs, strict=True))
    rows = []
    for index, run in zip(sorted(judged.outputs), first.inputs, strict=True):
        arguments, expected = read_arguments(problem.inputs[index]), read_value(judged.outputs[index])
        is_right = partial(_is_right, oracle, arguments, expected, problem.atol)
        outcome: Outcome = outcome_of(run, is_right) if is_deterministic else "nondeterministic"
        rows.append(
            LabelledInput(
                input_id=f"i{index}",
                outcome=outcome,
                output=run.output,
                output_type=run.output_type,
                exception_class=run.exception_class,
                passed=outcome == "pass",
            )
        )
    overall: Outcome = next((row.outcome for row in rows if row.outcome != "pass"), "pass")
    return LabelledCompletion(
        completion=completion,
        outcome=overall,
        passed=overall == "pass",
        is_deterministic=is_deterministic,
        inputs=tuple(rows),
    )


def _is_right(oracle: OracleName, arguments: list[Any], expected: Any, atol: float, found: Any) -> bool:
    return judge(oracle, arguments, found, expected, atol)


def outcome_of(run: InputRun, is_right: Callable[[Any], bool]) -> Outcome:
    """The outcome of one call, given what says whether a returned value is right."""
    if run.outcome != "finished":
        return run.outcome
    if run.output is None or not is_right(read_value(run.output)):
        return "wrong_output"
    return "pass"


def same_output(one: InputRun, two: InputRun) -> bool:
    """Whether two runs of one call did the same: outcome, type, exception and value."""
    if (one.outcome, one.output_type, one.exception_class) != (two.outcome, two.output_type, two.exception_class):
        return False
    if one.output is None or two.output is None or one.output == two.output:
        return one.output == two.output
    return outputs_equal(read_value(one.output), read_value(two.output), 0.0)
