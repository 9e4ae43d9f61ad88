"""Training data of the critic: labelled programs, and pairs of a passing and a failing one that belong together."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codelewm_assets.core.digests import unit_interval

MAX_PAIRS = 32  # of programs that are no twins, in one group


@dataclass(frozen=True, slots=True)
class Example:
    """A program with its label.

    Attributes:
        code: the program.
        prompt: of its problem, or the docstring of its library function.
        passed: by running, or by construction where it could not be run.
        group: its problem or library function; groups are resampled as one.
        twin: name of its twins within the group; None: it is compared with any other of its group.
        family: of the bug or edit that it was made with; empty for none.
        is_library: made from a library function.
        is_scored: of the kind that scores are asked for; on these the probability is calibrated.
        author: the model that wrote it; empty for twins and library code.
    """

    code: str
    prompt: str
    passed: bool
    group: str
    twin: str | None = None
    family: str = ""
    is_library: bool = False
    is_scored: bool = True
    author: str = ""


def training_pairs(examples: Sequence[Example]) -> NDArray[np.int64]:
    """(P, 2) indices of a passing and a failing example of the same twins, or of the same group where there are no twins.

    Of a group without twins at most `MAX_PAIRS`, drawn by hash.
    """
    sets: dict[tuple[str, str | None], tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for index, example in enumerate(examples):
        sets[example.group, example.twin][0 if example.passed else 1].append(index)
    pairs = list[tuple[int, int]]()
    for (group, twin), (right, wrong) in sorted(sets.items(), key=lambda item: (item[0][0], item[0][1] or "")):
        own = [(a, b) for a in right for b in wrong]
        if twin is None and len(own) > MAX_PAIRS:
            own.sort(key=lambda pair: unit_interval("pair", group, examples[pair[0]].code, examples[pair[1]].code))
            own = own[:MAX_PAIRS]
        pairs += own
    return np.array(pairs, dtype=np.int64).reshape(len(pairs), 2)


def group_weights(examples: Sequence[Example], *, seed: int) -> NDArray[np.float64]:
    """(N,) weight of each example: one exponential draw for each group, mean 1.

    Source: Rubin 1981, "The Bayesian Bootstrap".
    """
    groups, place = np.unique([example.group for example in examples], return_inverse=True)
    draws = np.random.default_rng(seed).exponential(size=len(groups))
    return np.asarray(draws[place] / draws[place].mean(), dtype=np.float64)
