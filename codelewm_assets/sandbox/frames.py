"""What a child sends back: frames on a pipe, written by the child and read by the parent.

A frame is a header (length of the body, the run's token, kind, index of the input, CPU time of the call) and a body. The
token is drawn per run by the parent; bytes without it came from something that is not the harness, and end the run as
`killed`. Standard library only: this file is copied into the box.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

HEADER = struct.Struct(">I8sBIQ")  # body bytes, token, kind, index, microseconds
TOKEN_BYTES = 8
LOADED, VALUE, NO_LITERAL, EXCEPTION, MEMORY, NOT_LOADED, END = range(7)


class FrameError(ValueError):
    """Bytes that the harness did not write."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: its kind, which input it answers, CPU microseconds of the call, a type's or exception's name, a value."""

    kind: int
    index: int
    cpu_us: int
    name: str
    value: bytes


def pack_frame(token: bytes, kind: int, index: int = 0, cpu_us: int = 0, name: str = "", value: bytes = b"") -> bytes:
    """The bytes of a frame; `name` is cut at 80 characters."""
    label = name[:80].encode("utf-8", "replace")
    body = struct.pack(">H", len(label)) + label + value
    return HEADER.pack(len(body), token, kind, index, cpu_us) + body


class FrameReader:
    """Takes bytes as they come, gives whole frames."""

    def __init__(self, token: bytes, most_bytes: int) -> None:
        self._token, self._most_bytes = token, most_bytes
        self._parts: list[bytes] = []
        self._received = self._taken = self._waiting = 0
        self._wanted = HEADER.size

    @property
    def is_over(self) -> bool:
        """Whether more bytes came than the output limit allows."""
        return self._received > self._most_bytes

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Frames that are whole now, as far as the output limit goes. Raises: FrameError: not the harness's."""
        self._received += len(data)
        self._parts.append(data)
        self._waiting += len(data)
        if self._waiting < self._wanted:  # a long frame is joined once, when it is all here
            return
        waiting, at = b"".join(self._parts), 0
        try:
            while len(waiting) - at >= HEADER.size:
                size, token, kind, index, cpu_us = HEADER.unpack_from(waiting, at)
                if token != self._token or kind > END or size > self._most_bytes + 4096:
                    raise FrameError("a frame without the run's token")
                end = at + HEADER.size + size
                self._wanted = end - at
                if len(waiting) < end:
                    return
                self._taken += end - at
                self._wanted = HEADER.size
                if self._taken > self._most_bytes:
                    return
                yield _frame(kind, index, cpu_us, waiting[at + HEADER.size : end])
                at = end
        finally:
            self._parts = [waiting[at:]]
            self._waiting = len(waiting) - at


def _frame(kind: int, index: int, cpu_us: int, body: bytes) -> Frame:
    end = 2 + struct.unpack_from(">H", body)[0] if len(body) >= 2 else 2
    if len(body) < end:
        raise FrameError("a frame without its name")
    return Frame(kind, index, cpu_us, body[2:end].decode("utf-8", "replace"), body[end:])
