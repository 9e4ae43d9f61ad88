"""Pack rows from labelled completions: one per (problem, completion, input). No folds and no scores here."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence, Set

from codelewm_assets.core.digests import sha256_text, unit_interval
from codelewm_assets.core.errors import LiteralError, PackError
from codelewm_assets.core.ids import OUTPUT_BENCHMARKS, record_id
from codelewm_assets.core.literals import read_value
from codelewm_assets.core.records import (
    Completion,
    LabelledCompletion,
    LabelledInput,
    MagnitudeBucket,
    PackRow,
    Problem,
    length_bucket,
    magnitude_bucket,
)
from codelewm_assets.dataset.model_pools import model_of
from codelewm_assets.dataset.twins import scored_completions

KNOWN_LICENSES = frozenset({"MIT", "Apache-2.0", "CC-BY-4.0", "Apache-2.0 AND MIT", "Apache-2.0 AND CC-BY-4.0"})


def output_text(run: LabelledInput) -> str:
    """Input of the output encoder: the output's literal, or the outcome in angle brackets without one."""
    if run.output is not None:
        return run.output
    if run.exception_class is not None:
        return f"<exception {run.exception_class}>"
    return f"<{run.outcome}>" if run.output_type is None else f"<unwritable {run.output_type}>"


def output_magnitude(run: LabelledInput) -> MagnitudeBucket:
    """Magnitude bucket of an int or float output; anything else is not a number."""
    if run.output is None or run.output_type not in ("int", "float"):
        return "not_a_number"
    try:
        return magnitude_bucket(read_value(run.output))
    except LiteralError:
        return "not_a_number"


def build_pack(
    labelled: Sequence[LabelledCompletion],
    problems: Mapping[str, Problem],
    *,
    model_programs_per_problem: int | None = None,
) -> list[PackRow]:
    """All rows, sorted by record id.

    Args:
        model_programs_per_problem: most programs that models wrote of one problem, drawn by a hash of the program; None for all.

    Raises: PackError: no labelled completions, a missing problem or input, or duplicate record ids.
    """
    if not labelled:
        raise PackError("No labelled completions; expected at least one. Materialize labelled_completions first.")
    unknown = sorted({item.completion.problem_id for item in labelled} - set(problems))
    if unknown:
        raise PackError(
            f"{len(unknown)} labelled problems are not in benchmark_problems, first {unknown[0]}. "
            "Materialize labelled_completions again from these problems."
        )
    labelled = _within_cap(labelled, model_programs_per_problem)
    scored = scored_completions(labelled)
    rows = [
        _row(item, run, problems[item.completion.problem_id], is_scored=_is_scored(item.completion, scored))
        for item in labelled
        if item.outcome != "nondeterministic"  # no label to trust; counted by labels_are_deterministic
        for run in item.inputs
        if run.was_called  # nothing is known of the others
    ]
    duplicates = [name for name, count in Counter(row.record_id for row in rows).items() if count > 1]
    if duplicates:
        raise PackError(
            f"{len(duplicates)} record ids occur twice, first {min(duplicates)}. Completion ids must be unique."
        )
    return sorted(rows, key=lambda row: row.record_id)


def _is_scored(completion: Completion, twins: Set[str]) -> bool:
    """A scored twin, or the program of a problem that asks for its outputs."""
    return completion.completion_id in twins or completion.benchmark_id in OUTPUT_BENCHMARKS


def _within_cap(labelled: Sequence[LabelledCompletion], most: int | None) -> list[LabelledCompletion]:
    by_problem: dict[str, list[LabelledCompletion]] = defaultdict(list)
    for item in labelled:
        if item.completion.completion_kind == "model":
            by_problem[item.completion.problem_id].append(item)
    drawn = {
        item.completion.completion_id
        for items in by_problem.values()
        for item in sorted(items, key=lambda item: unit_interval("pack", item.completion.completion_id))[:most]
    }
    return [i for i in labelled if i.completion.completion_kind != "model" or i.completion.completion_id in drawn]


def _row(item: LabelledCompletion, run: LabelledInput, problem: Problem, *, is_scored: bool) -> PackRow:
    completion = item.completion
    text = output_text(run)
    number = int(run.input_id.removeprefix("i"))
    if number >= len(problem.inputs):
        raise PackError(
            f"{completion.completion_id} was labelled on input {run.input_id}; {problem.problem_id} has "
            f"{len(problem.inputs)} inputs. Materialize labelled_completions again from these problems."
        )
    source = problem.inputs[number]
    return PackRow(
        record_id=record_id(completion.problem_id, completion.completion_id, run.input_id),
        source_dataset=completion.benchmark_id,
        source_problem_id=completion.problem_id,
        source_submission_id=completion.completion_id,
        input_id=run.input_id,
        code_tokens=completion.code,
        code_checksum=sha256_text(completion.code),
        input_tokens=source,
        input_repr_checksum=sha256_text(source),
        input_kind="positional_arguments",
        function_name=completion.entry_point,
        output_tokens=text,
        output_repr_checksum=sha256_text(text),
        output_kind="value" if run.output_type is not None else "no_value",
        output_type=run.output_type or "none",
        execution_status=run.outcome,
        determinism_check=item.is_deterministic,
        license=problem.license,
        license_attribution_url=problem.license_attribution_url,
        output_magnitude_bucket=output_magnitude(run),
        output_length_bucket=length_bucket(text),
        passed=run.passed,
        completion_passed=item.passed,
        completion_kind=completion.completion_kind,
        operator_family=completion.operator_family,
        twin=completion.twin,
        is_scored=is_scored,
        llm=model_of(completion) if completion.completion_kind == "model" else None,
    )


def pack_summary(rows: list[PackRow], labels: Mapping[str, str]) -> dict[str, object]:
    """Counts that the manifest carries."""
    outcomes = Counter(f"{labels[row.source_dataset]}: {row.execution_status}" for row in rows)
    scored = {row.source_submission_id: row.source_problem_id for row in rows if row.is_scored}
    return {
        "benchmark_labels": dict(labels),
        "row_count": len(rows),
        "problem_count": len({row.source_problem_id for row in rows}),
        "scored_problem_count": len(set(scored.values())),
        "completion_count": len({row.source_submission_id for row in rows}),
        "scored_completion_count": len(scored),
        "by_benchmark_and_outcome": dict(sorted(outcomes.items())),
    }
