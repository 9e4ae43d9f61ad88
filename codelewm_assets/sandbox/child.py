"""The forked child: closes what it inherited, takes its limits, runs the program, and sends its outputs as frames.

Standard library only: this file is copied into the box. It holds nothing that would tell right from wrong.
"""

import ctypes
import math
import os
import resource
import struct
import time
from collections import Counter, OrderedDict, defaultdict
from mmap import mmap
from typing import Any

from codelewm_assets.sandbox.codec import CodecError, decode, encode
from codelewm_assets.sandbox.frames import (
    END,
    EXCEPTION,
    LOADED,
    MEMORY,
    NO_LITERAL,
    NOT_LOADED,
    TOKEN_BYTES,
    VALUE,
    pack_frame,
)

PIPE = 3  # the one descriptor that the program has besides the null device
PROGRESS = struct.Struct("=d")  # CPU seconds of the process at the start of the current call; loading starts at 0
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
OWN_PID = 0x7EA51D01  # stands in the system call filter where the child puts its own process id


LIMITS = struct.Struct("=dddQQQQ")  # the fields of `Limits` in their order


class SockFilterProgram(ctypes.Structure):
    """`struct sock_fprog` of linux/filter.h."""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


class Filter:
    """A system call filter, made ready before the fork so that loading it takes one call."""

    def __init__(self, code: bytes) -> None:
        self._places = [at for at in range(0, len(code), 4) if code[at : at + 4] == struct.pack("=I", OWN_PID)]
        self._code = ctypes.create_string_buffer(code, len(code))
        self._program = SockFilterProgram(len(code) // 8, ctypes.addressof(self._code))
        self._prctl = ctypes.CDLL(None).prctl

    def load(self) -> None:
        """Put it in force for this process and its children. Raises: OSError: the kernel refused it."""
        for at in self._places:
            struct.pack_into("=I", self._code, at, os.getpid())
        if self._prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(self._program), 0, 0) != 0:
            raise OSError("the kernel refused the system call filter")


def run_child(
    request: int, pipe: int, folder: str, progress: mmap, limits: tuple[Any, ...], filter_: Filter | None
) -> None:
    """Never returns: ends the process. One frame per input; fewer frames than inputs mean it did not get there."""
    token = bytes(TOKEN_BYTES)
    try:
        os.setsid()
        os.chdir(folder)
        data = os.pread(request, os.fstat(request).st_size, 0)
        token, (start, entry_point, code, *inputs) = data[:TOKEN_BYTES], _parts(data[TOKEN_BYTES:])
        _take_descriptors(pipe)
        _take_limits(limits)
        if filter_ is not None:
            filter_.load()
        text = code.decode("utf-8", "surrogatepass")
        _run(text, entry_point.decode("utf-8", "surrogatepass"), inputs, int(start), token, progress, limits[4])
    except MemoryError:
        _send(pack_frame(token, MEMORY))
    except BaseException as error:
        _send(pack_frame(token, NOT_LOADED, name=type(error).__name__))
    finally:
        os._exit(0)


def _parts(data: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        found.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return found


def _take_descriptors(pipe: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    moved = os.dup2(pipe, 200)  # out of the way first: `pipe` or `null` may itself be one of 0..3
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.dup2(moved, PIPE)
    os.closerange(PIPE + 1, 1024)


def _take_limits(limits: tuple[Any, ...]) -> None:
    _, cpu_s, _, memory_bytes, _, file_bytes, open_files = limits
    whole_s = math.ceil(cpu_s) + 1  # whole seconds only: the server's clock is the precise one
    for kind, value in (
        (resource.RLIMIT_CPU, whole_s),
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_NOFILE, open_files),
        (resource.RLIMIT_NPROC, 1),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (value, value))


def _run(
    code: str, entry_point: str, inputs: list[bytes], start: int, token: bytes, progress: mmap, most_bytes: int
) -> None:
    clock, put, space = time.process_time, PROGRESS.pack_into, {"__name__": "__main__", "__builtins__": __builtins__}
    exec(compile(code, "<completion>", "exec"), space)
    function: Any = space[entry_point]
    send, exit_ = _send, os._exit
    send(pack_frame(token, LOADED))
    for index, data in enumerate(inputs[start:], start):
        arguments = decode(data)
        started = clock()
        put(progress, 0, started)
        try:
            value = function(*arguments)
        except MemoryError:
            frame = pack_frame(token, MEMORY, index, _since(started))
        except BaseException as error:
            frame = pack_frame(token, EXCEPTION, index, _since(started), type(error).__name__)
        else:
            used_us = _since(started)
            put(progress, 0, clock())  # writing a large output down is not the call: it has the same time again
            frame = _answer(value, token, index, used_us, most_bytes)
        send(frame)
    send(pack_frame(token, END))
    exit_(0)


def _since(started: float) -> int:
    return int(1e6 * (time.process_time() - started))


def _answer(value: Any, token: bytes, index: int, cpu_us: int, most_bytes: int) -> bytes:
    kind = type(value).__name__
    if type(value) in (Counter, OrderedDict, defaultdict):
        value = dict(dict.items(value))
    try:
        return pack_frame(token, VALUE, index, cpu_us, kind, encode(value, most_bytes))
    except (CodecError, RecursionError, MemoryError, RuntimeError):
        return pack_frame(token, NO_LITERAL, index, cpu_us, kind)


def _send(data: bytes) -> None:
    while data:
        data = data[os.write(PIPE, data) :]
