"""Labels by running: every completion on every input, twice under different hash seeds, compared by the parent."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from typing import Any

from codelewm_assets.completions.oracles import OracleName, compare_output, exclusion_reason, oracle_of, outputs_equal
from codelewm_assets.core.digests import sha256_text
from codelewm_assets.core.literals import read_arguments, read_value
from codelewm_assets.core.records import (
    Completion,
    ExcludedProblem,
    LabelledCompletion,
    LabelledInput,
    Outcome,
    Problem,
    Record,
)
from codelewm_assets.sandbox.limits import MAX_CPU_S, MEBIBYTE, Limits
from codelewm_assets.sandbox.outcome import InputRun, Program, ProgramRun
from codelewm_assets.sandbox.pool import SandboxPool, encode_inputs

REFERENCE_LIMITS = Limits(input_cpu_s=10.0, cpu_s=MAX_CPU_S, output_bytes=64 * MEBIBYTE)
MAX_OUTPUT_CHARACTERS = 100_000  # of an expected output: no model reads a longer one, and each completion would send it
CPU_MULTIPLE = 10.0  # of the reference's longest call; the floor applies below
GRAPH_STEP, GRAPH_MULTIPLE = 8.0, 32.0
"""The same for the graph, where few programs lie near a limit: a program that takes 0.3 to 0.9 s by the machine's load, where the
reference takes 40 ms, had another label from build to build with a limit of 0.4 or 0.8 s, and every digest after it differed."""
KEPT_MULTIPLE, MIN_KEPT_BYTES = 16, 1 << 16
"""Of an output the parent reads this multiple of the expected literal's length, at least 64 KiB: a longer one is not equal.
Reading those 64 KiB costs it at most 50 ms and 5 MB (docs/sandbox.md)."""


@dataclass(frozen=True)
class ReferenceRun:
    """A problem with the outputs of its reference.

    Attributes:
        problem: as read.
        outputs: input index → the reference's output literal, for the usable inputs.
        excluded_inputs: input index → reason.
        limits: of each completion's run.
    """

    problem: Problem
    outputs: Mapping[int, str]
    excluded_inputs: Mapping[int, str]
    limits: Limits

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The usable inputs, in order."""
        return tuple(self.problem.inputs[index] for index in sorted(self.outputs))

    @cached_property
    def encoded_inputs(self) -> bytes:
        """The usable inputs, encoded once for all programs."""
        return encode_inputs(self.inputs)

    @cached_property
    def comparators(self) -> tuple["OutputComparator", ...]:
        """A comparator for each usable input."""
        return tuple(
            OutputComparator(self.oracle, self.problem.inputs[index], self.outputs[index], self.problem.atol)
            for index in sorted(self.outputs)
        )

    @property
    def oracle(self) -> OracleName:
        """The problem's comparison rule."""
        return oracle_of(self.problem.benchmark_id, self.problem.problem_id)

    @cached_property
    def kept_bytes(self) -> tuple[int, ...]:
        """Bytes of each output that the parent reads."""
        return tuple(map(kept_bytes, (self.outputs[index] for index in sorted(self.outputs))))


class LabelShard(Record):
    """One problem's labels: the unit of labelling, caching and resuming.

    Attributes:
        labelled: in the order of the completions.
        excluded: the problem, when its reference is unusable.
        excluded_input_count: number of unusable inputs.
        cpu_ms: CPU time of the first run of all completions, in milliseconds.
    """

    labelled: tuple[LabelledCompletion, ...]
    excluded: tuple[ExcludedProblem, ...] = ()
    excluded_input_count: int = 0
    cpu_ms: float = 0.0


@dataclass(frozen=True)
class OutputComparator:
    """Comparator of a call's output with the expected one for one input.

    Attributes:
        oracle: comparison rule.
        arguments: literal of the list of positional arguments.
        expected: canonical literal of the expected output.
        atol: absolute tolerance on numbers.
    """

    oracle: OracleName
    arguments: str
    expected: str
    atol: float

    def __call__(self, run: InputRun) -> bool:
        """True if the output is correct. Equal literals are equal values; otherwise the values are compared."""
        if run.output == self.expected and self.oracle != "root_of_polynomial":
            return True
        return compare_output(self.oracle, self._arguments, run.value, self._expected, self.atol)

    @cached_property
    def expected_sha256(self) -> str:
        """Digest of the expected literal."""
        return sha256_text(self.expected)

    @cached_property
    def _arguments(self) -> list[Any]:
        return read_arguments(self.arguments)

    @cached_property
    def _expected(self) -> Any:
        return read_value(self.expected)


def cpu_limit_s(reference_ms: float, floor_s: float, step: float = 2.0, multiple: float = CPU_MULTIPLE) -> float:
    """CPU limit of a call: a multiple of the reference's time, rounded up to the floor times a power of `step`.

    The steps keep the limit, and with it the label of a slow program, the same from run to run.

    Args:
        reference_ms: CPU time of the reference's longest call, in milliseconds; 0 = not measured.
        floor_s: minimum limit in seconds.
        step: ratio of two neighbouring limits, above 1.
        multiple: of the reference's time, above 0.

    Returns: seconds.
    """
    if not reference_ms:
        return floor_s
    return floor_s * step ** max(0, math.ceil(math.log2(multiple * reference_ms / 1000 / floor_s) / math.log2(step)))


def longest_ms(run: ProgramRun) -> float:
    """CPU time of the longest call, in milliseconds."""
    return max((call.cpu_ms for call in run.inputs), default=0.0)


def limits_for(reference_ms: float, floor_s: float, step: float = 2.0, multiple: float = CPU_MULTIPLE) -> Limits:
    """Limits of a completion, from the CPU time of its reference's longest call; `step` and `multiple` as in `cpu_limit_s`.

    The limit over all calls is the same for every program, so that no call within its own limit is ended by a total that
    the reference itself would reach on a slower machine.
    """
    return Limits(input_cpu_s=min(cpu_limit_s(reference_ms, floor_s, step, multiple), MAX_CPU_S), cpu_s=MAX_CPU_S)


def kept_bytes(expected: str | None) -> int:
    """Bytes of an output that the parent reads, from the expected literal; not visible to the program."""
    return max(MIN_KEPT_BYTES, KEPT_MULTIPLE * len(expected or ""))


def run_reference(problem: Problem, pool: SandboxPool, *, cpu_floor_s: float) -> ReferenceRun | ExcludedProblem:
    """Run the reference twice; a problem whose reference contradicts its published outputs is excluded."""
    if oracle_of(problem.benchmark_id, problem.problem_id) == "any_value":
        return ExcludedProblem(problem_id=problem.problem_id, reason="EvalPlus lets every answer pass: it cannot judge")
    exceptions = {
        index: reason
        for index, text in enumerate(problem.inputs)
        if (reason := exclusion_reason(problem.benchmark_id, problem.problem_id, text)) is not None
    }
    indices = [index for index in range(len(problem.inputs)) if index not in exceptions]
    program = Program(problem.reference, problem.entry_point, tuple(problem.inputs[index] for index in indices))
    first, second = pool.run_twice(program, REFERENCE_LIMITS)
    outputs, excluded_inputs, wrong = _reference_outputs(problem, indices, first, second)
    excluded_inputs |= exceptions
    if wrong is not None:
        return ExcludedProblem(problem_id=problem.problem_id, reason=wrong)
    if not outputs:
        reasons = ", ".join(sorted(set(excluded_inputs.values())))
        return ExcludedProblem(problem_id=problem.problem_id, reason=f"no usable input: {reasons}")
    limits = limits_for(longest_ms(first), cpu_floor_s, GRAPH_STEP, GRAPH_MULTIPLE)
    return ReferenceRun(problem, outputs, excluded_inputs, limits)


def _reference_outputs(
    problem: Problem, indices: Sequence[int], first: ProgramRun, second: ProgramRun
) -> tuple[dict[int, str], dict[int, str], str | None]:
    outputs, excluded_inputs = dict[int, str](), dict[int, str]()
    oracle = oracle_of(problem.benchmark_id, problem.problem_id)
    for index, a, b in zip(indices, canonical_calls(oracle, first), canonical_calls(oracle, second), strict=True):
        expected = problem.expected[index]
        if a.output is not None and len(a.output) > MAX_OUTPUT_CHARACTERS:
            excluded_inputs[index] = f"the reference's output is longer than {MAX_OUTPUT_CHARACTERS} characters"
        elif a.outcome != "finished":
            excluded_inputs[index] = f"the reference ends in {a.exception_class or a.outcome}"
        elif a.output is None:
            excluded_inputs[index] = f"the reference returns a {a.output_type}, which has no literal"
        elif not same_output(a, b, oracle):
            excluded_inputs[index] = "the reference is not deterministic"
        elif expected is not None and not OutputComparator(oracle, problem.inputs[index], expected, problem.atol)(a):
            wrong = f"its reference fails its own tests: input {index} gives {a.output[:60]}, published {expected[:60]}"
            return {}, {}, wrong
        else:
            outputs[index] = a.output
    return outputs, excluded_inputs, None


def label_problem(
    problem: Problem, completions: Sequence[Completion], pool: SandboxPool, *, cpu_floor_s: float
) -> LabelShard:
    """Label one problem's completions.

    Args:
        cpu_floor_s: minimum CPU limit of one call in seconds.
    """
    reference_run = run_reference(problem, pool, cpu_floor_s=cpu_floor_s)
    if isinstance(reference_run, ExcludedProblem):
        return LabelShard(labelled=(), excluded=(reference_run,))
    labelled, cpu_ms = list[LabelledCompletion](), 0.0
    for completion in completions:
        program = Program(completion.code, completion.entry_point, reference_run.inputs, reference_run.encoded_inputs)
        runs = pool.run_twice(program, reference_run.limits, kept_bytes=reference_run.kept_bytes)
        labelled.append(_labelled(completion, reference_run, *runs))
        cpu_ms += runs[0].cpu_ms
    return LabelShard(labelled=tuple(labelled), excluded_input_count=len(reference_run.excluded_inputs), cpu_ms=cpu_ms)


def by_problem(completions: Iterable[Completion]) -> Iterator[tuple[str, list[Completion]]]:
    """(problem_id, its completions) of consecutive completions."""
    for problem_id, group in groupby(completions, lambda completion: completion.problem_id):
        yield problem_id, list(group)


def _labelled(
    completion: Completion, reference_run: ReferenceRun, first: ProgramRun, second: ProgramRun
) -> LabelledCompletion:
    oracle = reference_run.oracle
    runs, is_deterministic = agreed_calls(oracle, first, second)
    rows = []
    for index, run, is_right in zip(sorted(reference_run.outputs), runs, reference_run.comparators, strict=True):
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
    """The outcome of one call.

    Args:
        is_right: comparator of a call that returned a value.
    """
    if run.outcome != "finished":
        return run.outcome
    return "pass" if run.output is not None and is_right(run) else "wrong_output"


def canonical_calls(oracle: OracleName, run: ProgramRun) -> tuple[InputRun, ...]:
    """The calls in the oracle's canonical form: for match or None, every value is True and None is False."""
    return run.inputs if oracle != "is_none_or_not" else tuple(canonical_call(oracle, call) for call in run.inputs)


def canonical_call(oracle: OracleName, call: InputRun) -> InputRun:
    """One call in the oracle's canonical form."""
    return _match_call(call) if oracle == "is_none_or_not" and call.outcome == "finished" else call


def agreed_calls(oracle: OracleName, first: ProgramRun, second: ProgramRun) -> tuple[tuple[InputRun, ...], bool]:
    """Merge the calls of two runs. Returns: the calls, and True if the runs agree.

    A timeout in either run is a timeout: a call about as long as its limit can end on either side of it.
    """
    calls, agree = list[InputRun](), True
    for a, b in zip(canonical_calls(oracle, first), canonical_calls(oracle, second), strict=True):
        late = [call for call in (a, b) if call.outcome == "timeout"]
        calls.append(min(late, key=lambda call: call.was_called) if late else a)
        agree = agree and (bool(late) or same_output(a, b, oracle))
    return tuple(calls), agree


def _match_call(call: InputRun) -> InputRun:
    is_match = call.output is None or (call.value is not None and call.value is not False)  # no literal: some object
    return replace(call, output=str(is_match), output_type="bool", value=is_match)


def same_output(a: InputRun, b: InputRun, oracle: OracleName = "equal") -> bool:
    """True if two runs of one call agree in outcome, type, exception and value, ignoring the order of sets."""
    if (a.outcome, a.output_type, a.exception_class) != (b.outcome, b.output_type, b.exception_class):
        return False
    if a.output is None or b.output is None or a.output == b.output:
        return a.output == b.output
    return outputs_equal(a.value, b.value, 0.0) or (
        oracle == "same_set" and compare_output(oracle, [], a.value, b.value, 0.0)
    )
