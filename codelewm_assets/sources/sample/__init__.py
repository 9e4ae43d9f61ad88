"""Our own small Python problems, in the schema of MBPP-Plus and standing in for it offline.

What belongs here: the problems as data, one module a theme (long modules, as they hold nothing but data), and
`STAND_IN_PROBLEMS`, which lists them all in the order of their ids. What does not: anything from a published
benchmark, and running the programs. Scores on these problems say nothing about MBPP-Plus and may not be
reported under its name.
"""

from codelewm_assets.sources.sample import (
    accounts,
    arithmetic,
    encodings,
    grids,
    mappings,
    measures,
    predicates,
    sequences,
    text,
    tuples,
)
from codelewm_assets.sources.sample.schema import StandInProblem

STAND_IN_PROBLEMS: tuple[StandInProblem, ...] = (
    *accounts.PROBLEMS,
    *arithmetic.PROBLEMS,
    *encodings.PROBLEMS,
    *grids.PROBLEMS,
    *measures.PROBLEMS,
    *text.PROBLEMS,
    *sequences.PROBLEMS,
    *mappings.PROBLEMS,
    *tuples.PROBLEMS,
    *predicates.PROBLEMS,
)

__all__ = ["STAND_IN_PROBLEMS", "StandInProblem"]
