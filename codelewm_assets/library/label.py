"""Labels of variants: by running them in the sandbox on inputs that the function itself answers, else by construction."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from codelewm_assets.completions.label import (
    GRAPH_MULTIPLE,
    GRAPH_STEP,
    OutputComparator,
    kept_bytes,
    limits_for,
    longest_ms,
    outcome_of,
    same_output,
)
from codelewm_assets.completions.shards import ShardFolder
from codelewm_assets.core.digests import digest_of
from codelewm_assets.core.literals import PARSING
from codelewm_assets.core.records import LibraryFunction, LibraryVariant, Record
from codelewm_assets.library.coverage import executed_lines
from codelewm_assets.library.inputs import candidate_inputs
from codelewm_assets.library.variants import UnlabelledVariant, make_variants
from codelewm_assets.sandbox.limits import Limits
from codelewm_assets.sandbox.outcome import InputRun, Program
from codelewm_assets.sandbox.pool import SandboxPool, encode_inputs

PROBE_LIMITS = Limits(input_cpu_s=0.5, cpu_s=2.0)  # of the function itself on all candidate inputs
MIN_INPUTS, MAX_INPUTS = 4, 80  # on which variants are run
MIN_OUTPUTS = 2  # different ones: a function with one answer tells no variant apart
MAX_OUTPUT_CHARACTERS = 2_000


class LibraryShard(Record):
    """One function's variants: the unit of labelling, caching and resuming.

    Attributes:
        variants: in the order of their ids.
        input_count: inputs that they were run on; 0: labelled by construction.
    """

    variants: tuple[LibraryVariant, ...]
    input_count: int


@dataclass(frozen=True, slots=True)
class VariantSettings:
    """Settings that the variants of a function depend on besides its code.

    Attributes:
        twins: bugs of each function.
        seed: of all draws.
        cpu_floor_s: minimum CPU limit of one call in seconds.
    """

    twins: int
    seed: int
    cpu_floor_s: float


@dataclass(frozen=True, slots=True)
class UsableInputs:
    """Inputs on which a function returns a literal, each with its output.

    Attributes:
        lines: lines of the function that they execute together.
        longest_ms: CPU time of the longest call, in milliseconds.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    lines: frozenset[int]
    longest_ms: float


def label_function(function: LibraryFunction, settings: VariantSettings, pool: SandboxPool) -> LibraryShard:
    """The variants of one function with their labels.

    A mutant that behaves like the function while no input executes a line that its bug changes is labelled by construction, and
    so is every variant of a function that does not give its own outputs again.
    """
    with PARSING:
        variants = make_variants(function, twins=settings.twins, seed=settings.seed)
    usable = usable_inputs(function, pool, seed=settings.seed)
    is_equal = _comparison(function, usable, pool, settings.cpu_floor_s) if usable else None
    if usable is None or is_equal is None or not is_equal(function.code):
        rows = [_labelled(function, v, passed=v.kind != "mutant", by_running=False) for v in variants]
        return LibraryShard(variants=tuple(rows), input_count=0)
    rows = []
    for variant in variants:
        passed = variant.kind == "reference" or is_equal(variant.code)
        is_shown = not passed or variant.kind != "mutant" or bool(variant.changed_lines & usable.lines)
        rows.append(_labelled(function, variant, passed=passed and is_shown, by_running=is_shown))
    return LibraryShard(variants=tuple(rows), input_count=len(usable.inputs))


def _labelled(
    function: LibraryFunction, variant: UnlabelledVariant, *, passed: bool, by_running: bool
) -> LibraryVariant:
    return LibraryVariant(
        variant_id=variant.variant_id,
        function_id=function.function_id,
        entry_point=function.entry_point,
        code=variant.code,
        kind=variant.kind,
        family=variant.family,
        operator=variant.operator,
        twin=variant.twin,
        passed=passed,
        labelled_by="running" if by_running else "construction",
    )


def usable_inputs(function: LibraryFunction, pool: SandboxPool, *, seed: int) -> UsableInputs | None:
    """At most `MAX_INPUTS` inputs on which two runs return the same literal: all lines and all outputs before repetitions.

    None: there are fewer than `MIN_INPUTS` such inputs, or fewer than `MIN_OUTPUTS` different outputs.
    """
    with PARSING:
        candidates = candidate_inputs(function, seed=seed)
    if not candidates:
        return None
    first, second = pool.run_twice(Program(function.code, function.entry_point, candidates), PROBE_LIMITS)
    by_output = dict[str, list[int]]()
    for index, (a, b) in enumerate(zip(first.inputs, second.inputs, strict=True)):
        is_literal = a.outcome == "finished" and a.output is not None and len(a.output) <= MAX_OUTPUT_CHARACTERS
        if is_literal and same_output(a, b):
            by_output.setdefault(str(a.output), []).append(index)
    if len(by_output) < MIN_OUTPUTS or sum(map(len, by_output.values())) < MIN_INPUTS:
        return None
    ranked = [index for _, index in sorted((rank, i[rank]) for i in by_output.values() for rank in range(len(i)))]
    literals = [candidates[index] for index in ranked]
    lines = executed_lines(function.code, function.entry_point, literals, pool)
    kept = _covering(lines)
    outputs = [str(first.inputs[ranked[place]].output) for place in kept]
    return UsableInputs(
        inputs=tuple(literals[place] for place in kept),
        outputs=tuple(outputs),
        lines=frozenset().union(*(lines[place] for place in kept)),
        longest_ms=longest_ms(first),
    )


def _covering(lines: Sequence[frozenset[int]]) -> list[int]:
    """At most `MAX_INPUTS` places: first those that execute a line that none before them does, then the others."""
    seen, adding, rest = set[int](), list[int](), list[int]()
    for place, executed in enumerate(lines):
        (rest if executed <= seen else adding).append(place)
        seen |= executed
    return sorted([*adding, *rest][:MAX_INPUTS])


def _comparison(
    function: LibraryFunction, usable: UsableInputs, pool: SandboxPool, cpu_floor_s: float
) -> Callable[[str], bool]:
    """A function from a program to True if two runs of it give the usable outputs on all inputs."""
    encoded = encode_inputs(usable.inputs)
    limits = replace(limits_for(usable.longest_ms, cpu_floor_s, GRAPH_STEP, GRAPH_MULTIPLE), max_timeouts=1)
    kept = tuple(map(kept_bytes, usable.outputs))
    comparators = [
        OutputComparator("equal", arguments, output, 0.0)
        for arguments, output in zip(usable.inputs, usable.outputs, strict=True)
    ]

    def has_failed(index: int, run: InputRun) -> bool:
        return outcome_of(run, comparators[index]) != "pass"

    def is_equal(code: str) -> bool:
        program = Program(code, function.entry_point, usable.inputs, encoded)
        runs = pool.run_twice(program, limits, kept_bytes=kept, has_failed=has_failed, ends_at_failure=True)
        return not any(has_failed(index, call) for run in runs for index, call in enumerate(run.inputs))

    return is_equal


def label_library(
    functions: Iterable[LibraryFunction],
    settings: VariantSettings,
    *,
    pool: SandboxPool,
    folder: ShardFolder[LibraryShard],
    depends_on: Mapping[str, object],
) -> Iterator[LibraryShard]:
    """A shard for each function, in order, from the cache in `folder` or labelled and cached.

    Args:
        depends_on: all that the labels depend on besides functions and settings.
    """

    def label(function: LibraryFunction) -> LibraryShard:
        key = digest_of({"function": function.model_dump(mode="json"), "settings": asdict(settings), **depends_on})
        shard = folder.get(key)
        if shard is None:
            shard = label_function(function, settings, pool)
            folder.put(key, shard)
        return shard

    return pool.imap(label, functions)
