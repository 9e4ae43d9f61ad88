"""The record of one stand-in problem.

What belongs here: the shape of a problem. What does not: the problems (one module a theme) and the reading
of published benchmarks. The fields follow the columns of a benchmark row, so that a stand-in problem can
take the place of a published one.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StandInProblem:
    """One small Python problem of our own, with its reference program and the inputs it is judged on.

    Attributes:
        task_id: "StandIn/<n>", unique and stable: a problem that is dropped leaves its number unused.
        entry_point: name of the function to write, unique among the problems.
        prompt: the task as a quoted docstring, its last line before the closing quotes one `assert`.
        canonical_solution: a whole program that defines `entry_point`; standard library only,
            deterministic, prints nothing, raises nothing on `inputs`.
        inputs: each the Python literal of the list of positional arguments, such as "[[1, 2, 3], 2]".
        atol: absolute tolerance for numbers in the output; 0.0 leaves it to the comparison's default.
    """

    task_id: str
    entry_point: str
    prompt: str
    canonical_solution: str
    inputs: tuple[str, ...]
    atol: float = 0.0
