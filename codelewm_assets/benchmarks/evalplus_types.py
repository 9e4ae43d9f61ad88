"""The types of MBPP-Plus inputs that JSON loses (tuples, sets, complex numbers, floats), as a table.

Source: EvalPlus' published list of which problems need which change; each row is checked against the problem's own
assertion by `codelewm_assets_tests/benchmarks/test_evalplus.py`.
"""

from collections.abc import Callable
from typing import Any

from codelewm_assets.core.errors import SourceFormatError

Arguments = list[Any]


def _as_tuples(value: Any) -> Any:
    return tuple(_as_tuples(item) for item in value) if isinstance(value, list) else value


TYPE_CHANGES: tuple[tuple[Callable[[Arguments], Arguments], tuple[int, ...]], ...] = (
    (lambda a: [tuple(value) for value in a],
     (2, 116, 132, 143, 222, 261, 273, 394, 399, 421, 424, 429, 470, 560, 579, 596, 616, 630, 726, 740, 744, 809)),
    (lambda a: [[tuple(item) for item in value] for value in a],
     (63, 64, 70, 94, 120, 237, 272, 299, 400, 409, 417, 438, 473, 614, 780)),
    (lambda a: [[tuple(item) for item in a[0]], *a[1:]], (75, 413, 444, 753)),
    (lambda a: [a[0], tuple(a[1]), *a[2:]], (106, 750)),
    (lambda a: [[set(item) if isinstance(item, list) and item else {} for item in a[0]]], (115,)),
    (lambda a: [float(a[0]), complex(a[1])], (124,)),
    (lambda a: [tuple(a[0]), *a[1:]], (250, 307, 405, 446, 617, 720, 763, 808)),
    (lambda a: [tuple(tuple(item) for item in value) for value in a], (259, 401, 445)),
    (lambda a: [tuple(tuple(item) if isinstance(item, list) else item for item in a[0]), *a[1:]], (278,)),
    (lambda a: [{key: tuple(value) for key, value in a[0].items()}, *a[1:]], (722,)),
    (lambda a: [complex(a[0])], (252,)),
    (lambda a: [_as_tuples(value) for value in a], (580, 615, 791)),
)  # fmt: skip
"""(change of the arguments, task numbers) of every MBPP-Plus problem that needs one."""

_CHANGE_OF = {number: change for change, numbers in TYPE_CHANGES for number in numbers}


def restore_types(task_id: str, arguments: Arguments) -> Arguments:
    """The positional arguments of one MBPP-Plus input with the types that the task has.

    Raises: SourceFormatError: the input does not have the shape that the table expects.
    """
    change = _CHANGE_OF.get(int(task_id.split("/")[1])) if task_id.startswith("Mbpp/") else None
    if change is None:
        return arguments
    try:
        return change(arguments)
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        raise SourceFormatError(
            f"{task_id}: an input does not have the shape that benchmarks/evalplus_types.py expects ({error}). "
            "The source changed; correct the table in a reviewed commit."
        ) from error
