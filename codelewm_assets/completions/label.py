"""Labels by running: every completion on every input, twice under different hash seeds, judged by the parent."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from typing import Any

from codelewm_assets.completions.oracles import OracleName, judge, oracle_of, outputs_equal, why_not_judged
from codelewm_assets.core.digests import sha256_text
from codelewm_assets.core.literals import read_arguments, read_value
from codelewm_assets.core.records import (
    Completion,
    LabelledCompletion,
    LabelledInput,
    LeftOut,
    Outcome,
    Problem,
    Record,
)
from codelewm_assets.sandbox.limits import MAX_CPU_S, MEBIBYTE, Limits
from codelewm_assets.sandbox.outcome import InputRun, Program, ProgramRun
from codelewm_assets.sandbox.pool import SandboxPool, encode_inputs

REFERENCE_LIMITS = Limits(input_cpu_s=10.0, cpu_s=MAX_CPU_S, output_bytes=64 * MEBIBYTE)
MOST_CHARACTERS = 100_000  # of an output that judges: no model reads a longer one, and every completion would send it
CPU_MULTIPLE = 10.0  # a call may use this many times its reference's longest, and never less than the floor
KEPT_MULTIPLE, MIN_KEPT_BYTES = 16, 1 << 16
"""Of an output the parent reads this many times the right one's literal, and 64 KiB in any case: a longer one is not equal.
Reading those 64 KiB costs it at most 50 ms and 5 MB (docs/sandbox.md)."""


@dataclass(frozen=True)
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

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The inputs that can judge, in order."""
        return tuple(self.problem.inputs[index] for index in sorted(self.outputs))

    @cached_property
    def encoded_inputs(self) -> bytes:
        """The same as the sandbox takes them, made once for all programs."""
        return encode_inputs(self.inputs)

    @cached_property
    def judges(self) -> tuple["Judge", ...]:
        """For each of these inputs, what says whether a call is right. The tolerance is that of the one input alone."""
        return tuple(
            Judge(self.oracle, self.problem.inputs[index], self.outputs[index], self.problem.atol)
            for index in sorted(self.outputs)
        )

    @property
    def oracle(self) -> OracleName:
        """How outputs of this problem compare."""
        return oracle_of(self.problem.benchmark_id, self.problem.problem_id)

    @cached_property
    def kept_bytes(self) -> tuple[int, ...]:
        """How many bytes of each output the parent reads."""
        return tuple(map(kept_bytes, (self.outputs[index] for index in sorted(self.outputs))))


class LabelShard(Record):
    """One problem's labels: the unit that is labelled, kept and taken up again.

    Attributes:
        labelled: in the order in which the completions were given.
        left_out: the problem, when its reference cannot judge.
        dropped_input_count: inputs that cannot judge.
        cpu_ms: CPU time of the first run of all completions, in milliseconds.
    """

    labelled: tuple[LabelledCompletion, ...]
    left_out: tuple[LeftOut, ...] = ()
    dropped_input_count: int = 0
    cpu_ms: float = 0.0


@dataclass(frozen=True)
class Judge:
    """Says whether a call returned what is right for one input.

    Attributes:
        oracle: how outputs compare.
        arguments: literal of the list of positional arguments.
        expected: canonical literal of the output that is right.
        atol: absolute tolerance on numbers.
    """

    oracle: OracleName
    arguments: str
    expected: str
    atol: float

    def __call__(self, run: InputRun) -> bool:
        """Whether the call's value is right. Equal literals are equal values; values are read and compared only else."""
        if run.output == self.expected and self.oracle != "root_of_polynomial":
            return True
        return judge(self.oracle, self._arguments, run.value, self._expected, self.atol)

    @cached_property
    def expected_sha256(self) -> str:
        """Digest of the literal of the right output."""
        return sha256_text(self.expected)

    @cached_property
    def _arguments(self) -> list[Any]:
        return read_arguments(self.arguments)

    @cached_property
    def _expected(self) -> Any:
        return read_value(self.expected)


def cpu_limit_s(reference_ms: float, floor_s: float) -> float:
    """CPU limit: ten times the reference's time, rounded up to the floor times a power of two.

    The steps keep the limit, and with it the label of a slow program, the same from run to run.
    """
    if not reference_ms:
        return floor_s
    return floor_s * float(2 ** max(0, math.ceil(math.log2(CPU_MULTIPLE * reference_ms / 1000 / floor_s))))


def longest_ms(run: ProgramRun) -> float:
    """CPU time of the longest call, in milliseconds."""
    return max((call.cpu_ms for call in run.inputs), default=0.0)


def limits_for(reference_ms: float, floor_s: float) -> Limits:
    """Limits of a completion: those of one call from the CPU time of its reference's longest.

    The limit over all calls is the same for every program, so that no call within its own limit is ended by a sum that the
    reference itself would reach on a slower machine.
    """
    return Limits(input_cpu_s=min(cpu_limit_s(reference_ms, floor_s), MAX_CPU_S), cpu_s=MAX_CPU_S)


def kept_bytes(expected: str | None) -> int:
    """How many bytes of an output the parent reads, from the literal of the right one; the program never learns it."""
    return max(MIN_KEPT_BYTES, KEPT_MULTIPLE * len(expected or ""))


def judge_reference(problem: Problem, pool: SandboxPool, *, cpu_floor_s: float) -> Judged | LeftOut:
    """Run the reference twice; a problem whose reference contradicts its published outputs is left out."""
    if oracle_of(problem.benchmark_id, problem.problem_id) == "any_value":
        return LeftOut(problem_id=problem.problem_id, reason="EvalPlus lets every answer pass: it cannot judge")
    excepted = {
        index: reason
        for index, text in enumerate(problem.inputs)
        if (reason := why_not_judged(problem.benchmark_id, problem.problem_id, text)) is not None
    }
    asked = [index for index in range(len(problem.inputs)) if index not in excepted]
    program = Program(problem.reference, problem.entry_point, tuple(problem.inputs[index] for index in asked))
    first, second = pool.run_twice(program, REFERENCE_LIMITS)
    outputs, dropped, wrong = _reference_outputs(problem, asked, first, second)
    dropped |= excepted
    if wrong is not None:
        return LeftOut(problem_id=problem.problem_id, reason=wrong)
    if not outputs:
        reasons = ", ".join(sorted(set(dropped.values())))
        return LeftOut(problem_id=problem.problem_id, reason=f"no usable input: {reasons}")
    return Judged(problem, outputs, dropped, limits_for(longest_ms(first), cpu_floor_s))


def _reference_outputs(
    problem: Problem, asked: Sequence[int], first: ProgramRun, second: ProgramRun
) -> tuple[dict[int, str], dict[int, str], str | None]:
    outputs, dropped = dict[int, str](), dict[int, str]()
    oracle = oracle_of(problem.benchmark_id, problem.problem_id)
    for index, one, two in zip(asked, as_compared(oracle, first), as_compared(oracle, second), strict=True):
        expected = problem.expected[index]
        if one.output is not None and len(one.output) > MOST_CHARACTERS:
            dropped[index] = f"the reference's output is longer than {MOST_CHARACTERS} characters"
        elif one.outcome != "finished":
            dropped[index] = f"the reference ends in {one.exception_class or one.outcome}"
        elif one.output is None:
            dropped[index] = f"the reference returns a {one.output_type}, which has no literal"
        elif not same_output(one, two, oracle):
            dropped[index] = "the reference is not deterministic"
        elif expected is not None and not Judge(oracle, problem.inputs[index], expected, problem.atol)(one):
            wrong = (
                f"its reference fails its own tests: input {index} gives {one.output[:60]}, published {expected[:60]}"
            )
            return {}, {}, wrong
        else:
            outputs[index] = one.output
    return outputs, dropped, None


def label_problem(
    problem: Problem, completions: Sequence[Completion], pool: SandboxPool, *, cpu_floor_s: float
) -> LabelShard:
    """Label one problem's completions.

    Args: cpu_floor_s: least CPU limit of one call in seconds.
    """
    judged = judge_reference(problem, pool, cpu_floor_s=cpu_floor_s)
    if isinstance(judged, LeftOut):
        return LabelShard(labelled=(), left_out=(judged,))
    labelled, cpu_ms = list[LabelledCompletion](), 0.0
    for completion in completions:
        program = Program(completion.code, completion.entry_point, judged.inputs, judged.encoded_inputs)
        runs = pool.run_twice(program, judged.limits, kept_bytes=judged.kept_bytes)
        labelled.append(_labelled(completion, judged, *runs))
        cpu_ms += runs[0].cpu_ms
    return LabelShard(labelled=tuple(labelled), dropped_input_count=len(judged.dropped), cpu_ms=cpu_ms)


def by_problem(completions: Iterable[Completion]) -> Iterator[tuple[str, list[Completion]]]:
    """(problem_id, its completions), as they follow each other."""
    for problem_id, group in groupby(completions, lambda completion: completion.problem_id):
        yield problem_id, list(group)


def _labelled(completion: Completion, judged: Judged, first: ProgramRun, second: ProgramRun) -> LabelledCompletion:
    oracle = judged.oracle
    runs, is_deterministic = as_agreed(oracle, first, second)
    rows = []
    for index, run, is_right in zip(sorted(judged.outputs), runs, judged.judges, strict=True):
        outcome: Outcome = outcome_of(run, is_right) if is_deterministic else "nondeterministic"
        rows.append(
            LabelledInput(
                input_id=f"i{index}",
                outcome=outcome,
                output=run.output,
                output_type=run.output_type,
                exception_class=run.exception_class,
                passed=outcome == "pass",
                was_called=run.was_called,
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


def outcome_of(run: InputRun, is_right: Callable[[InputRun], bool]) -> Outcome:
    """The outcome of one call, given what says whether one that returned a value is right."""
    if run.outcome != "finished":
        return run.outcome
    return "pass" if run.output is not None and is_right(run) else "wrong_output"


def as_compared(oracle: OracleName, run: ProgramRun) -> tuple[InputRun, ...]:
    """The calls as the oracle sees them: where it asks only for a match or none, every value is True and None is False."""
    return run.inputs if oracle != "is_none_or_not" else tuple(call_as_compared(oracle, call) for call in run.inputs)


def call_as_compared(oracle: OracleName, call: InputRun) -> InputRun:
    """One call as the oracle sees it."""
    return _as_match(call) if oracle == "is_none_or_not" and call.outcome == "finished" else call


def as_agreed(oracle: OracleName, first: ProgramRun, second: ProgramRun) -> tuple[tuple[InputRun, ...], bool]:
    """The calls of two runs as one, and whether the runs agree.

    A call that was over its time in either run is over its time: a call as long as its limit lasts can end on either side
    of it, which says nothing about what the program answers.
    """
    calls, agree = list[InputRun](), True
    for one, two in zip(as_compared(oracle, first), as_compared(oracle, second), strict=True):
        late = [call for call in (one, two) if call.outcome == "timeout"]
        calls.append(min(late, key=lambda call: call.was_called) if late else one)
        agree = agree and (bool(late) or same_output(one, two, oracle))
    return tuple(calls), agree


def _as_match(call: InputRun) -> InputRun:
    is_match = call.output is None or (call.value is not None and call.value is not False)  # no literal: some object
    return replace(call, output=str(is_match), output_type="bool", value=is_match)


def same_output(one: InputRun, two: InputRun, oracle: OracleName = "equal") -> bool:
    """Whether two runs of one call did the same: outcome, type, exception and value, a set's order apart."""
    if (one.outcome, one.output_type, one.exception_class) != (two.outcome, two.output_type, two.exception_class):
        return False
    if one.output is None or two.output is None or one.output == two.output:
        return one.output == two.output
    return outputs_equal(one.value, two.value, 0.0) or (
        oracle == "same_set" and judge(oracle, [], one.value, two.value, 0.0)
    )
