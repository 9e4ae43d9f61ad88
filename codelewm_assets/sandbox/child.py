"""The forked child: closes what it inherited, takes its limits, runs the program, and sends its outputs as lines.

Standard library only: this file is copied into the box. It holds nothing that would tell right from wrong.
"""

import json
import math
import os
import resource
from collections import Counter, OrderedDict, defaultdict
from typing import Any

from codelewm_assets.core.errors import LiteralError
from codelewm_assets.core.literals import read_arguments, write_value

PIPE = 3  # the one descriptor the program has besides the null device


def run_child(pipe: int, request: dict[str, Any], folder: str) -> None:
    """Never returns: ends the process. One JSON line per input; fewer lines than inputs mean it did not get there."""
    try:
        os.setsid()
        os.chdir(folder)
        _take_descriptors(pipe)
        _take_limits(request["limits"])
        _run(request["code"], request["entry_point"], request["inputs"])
    except MemoryError:
        _send({"o": "memory", "all": True})
    except BaseException as error:
        _send({"o": "exception", "e": type(error).__name__, "all": True})
    finally:
        os._exit(0)


def _take_descriptors(pipe: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    moved = os.dup2(pipe, 200)  # out of the way first: `pipe` or `null` may itself be one of 0..3
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.dup2(moved, PIPE)
    os.closerange(PIPE + 1, 4096)


def _take_limits(limits: dict[str, Any]) -> None:
    cpu_s = math.ceil(limits["cpu_s"]) + 1  # whole seconds only: the server's clock is the precise one
    for kind, value in (
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_AS, limits["memory_bytes"]),
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_NOFILE, limits["open_files"]),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (value, value))


def _run(code: str, entry_point: str, inputs: list[str]) -> None:
    space: dict[str, Any] = {"__name__": "__main__", "__builtins__": __builtins__}
    exec(compile(code, "<completion>", "exec"), space)
    function = space[entry_point]
    for text in inputs:
        arguments = read_arguments(text)
        try:
            value = function(*arguments)
        except MemoryError:
            line: dict[str, Any] = {"o": "memory"}
        except BaseException as error:
            line = {"o": "exception", "e": type(error).__name__}
        else:
            line = _encoded(value)
        _send(line)


def _encoded(value: Any) -> dict[str, Any]:
    kind = type(value).__name__
    if type(value) in (Counter, OrderedDict, defaultdict):
        value = dict(dict.items(value))
    try:
        return {"o": "value", "t": kind, "v": write_value(value)}
    except (LiteralError, ValueError, RecursionError, MemoryError):
        return {"o": "value", "t": kind}


def _send(line: dict[str, Any]) -> None:
    data = json.dumps(line).encode("ascii") + b"\n"
    while data:
        data = data[os.write(PIPE, data) :]
