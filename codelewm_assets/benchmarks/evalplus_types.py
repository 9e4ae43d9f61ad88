"""The types of MBPP-Plus inputs that JSON loses (tuples, sets, complex numbers, floats), as a table.

Source: EvalPlus' published list of which problems need which change; each row is checked against the problem's own
assertion by `codelewm_assets_tests/benchmarks/test_evalplus.py`.
"""

from collections.abc import Callable
from typing import Any

from codelewm_assets.core.errors import SourceFormatError

Arguments = list[Any]


def _tuple_each(arguments: Arguments) -> Arguments:
    return [tuple(value) for value in arguments]


def _list_of_tuples_first(arguments: Arguments) -> Arguments:
    return [[tuple(item) for item in arguments[0]], *arguments[1:]]


def _lists_of_tuples_each(arguments: Arguments) -> Arguments:
    return [[tuple(item) for item in value] for value in arguments]


def _tuple_first(arguments: Arguments) -> Arguments:
    return [tuple(arguments[0]), *arguments[1:]]


def _tuple_second(arguments: Arguments) -> Arguments:
    return [arguments[0], tuple(arguments[1]), *arguments[2:]]


def _list_of_sets(arguments: Arguments) -> Arguments:
    return [[set(item) if isinstance(item, list) and item else {} for item in arguments[0]]]


def _float_and_complex(arguments: Arguments) -> Arguments:
    return [float(arguments[0]), complex(arguments[1])]


def _complex(arguments: Arguments) -> Arguments:
    return [complex(arguments[0])]


def _tuple_of_tuples_each(arguments: Arguments) -> Arguments:
    return [tuple(tuple(item) for item in value) for value in arguments]


def _tuple_with_inner_tuples(arguments: Arguments) -> Arguments:
    return [tuple(tuple(item) if isinstance(item, list) else item for item in arguments[0]), *arguments[1:]]


def _map_of_tuples(arguments: Arguments) -> Arguments:
    return [{key: tuple(value) for key, value in arguments[0].items()}, *arguments[1:]]


def _tuples_throughout(arguments: Arguments) -> Arguments:
    return [_as_tuples(value) for value in arguments]


def _as_tuples(value: Any) -> Any:
    return tuple(_as_tuples(item) for item in value) if isinstance(value, list) else value


TYPE_CHANGES: tuple[tuple[Callable[[Arguments], Arguments], tuple[int, ...]], ...] = (
    (
        _tuple_each,
        (2, 116, 132, 143, 222, 261, 273, 394, 399, 421, 424, 429, 470, 560, 579, 596, 616, 630, 726, 740, 744, 809),
    ),
    (_lists_of_tuples_each, (63, 64, 70, 94, 120, 237, 272, 299, 400, 409, 417, 438, 473, 614, 780)),
    (_list_of_tuples_first, (75, 413, 444, 753)),
    (_tuple_second, (106, 750)),
    (_list_of_sets, (115,)),
    (_float_and_complex, (124,)),
    (_tuple_first, (250, 307, 405, 446, 617, 720, 763, 808)),
    (_tuple_of_tuples_each, (259, 401, 445)),
    (_tuple_with_inner_tuples, (278,)),
    (_map_of_tuples, (722,)),
    (_complex, (252,)),
    (_tuples_throughout, (580, 615, 791)),
)
"""(change, task numbers) of every MBPP-Plus problem that needs one."""

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
            f"{task_id}: an input does not have the shape that sources/evalplus_types.py expects ({error}). "
            "The source changed; correct the table in a reviewed commit."
        ) from error
