"""Our stand-in problems for MBPP-Plus, labelled as such everywhere.

The problems are the rows of `stand_in.jsonl` beside this module, in the columns of MBPP-Plus; none is taken from a published
benchmark. Scores on them say nothing about MBPP-Plus and may not be reported under its name.
"""

import json
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files

from codelewm_assets.core.digests import digest_of
from codelewm_assets.core.errors import SourceFormatError
from codelewm_assets.core.records import Problem

STAND_IN_LABEL = "mbpp_plus (stand-in)"
STAND_IN_REVISION = "codelewm stand-in 1"
ATTRIBUTION = "https://github.com/codelewm/codelewm_assets"


@dataclass(frozen=True, slots=True)
class StandInProblem:
    """One row of `stand_in.jsonl`: a small Python problem with its reference program and its inputs."""

    task_id: str  # "StandIn/<n>", unique and stable: a problem that is removed leaves its number unused
    entry_point: str  # name of the function to write, unique among the problems
    prompt: str  # the task as a quoted docstring, its last line before the closing quotes one `assert`
    canonical_solution: str  # a whole program of the standard library alone; no output, no chance, no exceptions
    inputs: tuple[str, ...]  # each the Python literal of the list of positional arguments, such as "[[1, 2, 3], 2]"
    atol: float = 0.0  # absolute tolerance for numbers in the output; 0.0 leaves it to the comparison's default


@cache
def stand_in_problems() -> tuple[StandInProblem, ...]:
    """All stand-in problems, in the order of their ids. Raises: SourceFormatError: as `parse_rows`."""
    return parse_rows((files("codelewm_assets.benchmarks") / "stand_in.jsonl").read_text(encoding="utf-8"))


def parse_rows(text: str) -> tuple[StandInProblem, ...]:
    """The problems of a JSONL text. Raises: SourceFormatError: a line is no JSON object of these fields."""
    problems = list[StandInProblem]()
    for number, line in enumerate(text.rstrip("\n").split("\n"), 1):
        try:
            row = json.loads(line)
            problems.append(StandInProblem(**{**row, "inputs": tuple(row["inputs"])}))
        except (ValueError, TypeError, KeyError) as error:
            raise SourceFormatError(
                f"stand_in.jsonl, line {number}: {error}. Expected one JSON object with task_id, entry_point, prompt, "
                "canonical_solution, inputs and, if not 0, atol; correct that line."
            ) from error
    return tuple(problems)


def stand_in_digest() -> str:
    """Digest of the stand-in problems."""
    return digest_of([asdict(row) for row in stand_in_problems()])


def read_stand_in(*, max_inputs: int | None) -> list[Problem]:
    """All stand-in problems, each with up to `max_inputs` of its inputs."""
    return [
        Problem(
            problem_id=row.task_id,
            benchmark_id="mbpp_plus",
            benchmark_label=STAND_IN_LABEL,
            prompt=row.prompt,
            entry_point=row.entry_point,
            reference=row.canonical_solution,
            inputs=row.inputs[:max_inputs],
            expected=(None,) * len(row.inputs[:max_inputs]),
            atol=row.atol,
            license="Apache-2.0",
            license_attribution_url=ATTRIBUTION,
            source_revision=STAND_IN_REVISION,
            base_input_count=len(row.inputs[:max_inputs]),
        )
        for row in stand_in_problems()
    ]
