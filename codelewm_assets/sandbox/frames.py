"""Wire format of a child's answers: frames on a pipe, written by the child and read by the parent.

A frame is a header (length of the body, the run's token, kind, index of the input, CPU time of the call) and a body. The
parent draws the token per run; bytes without it were not written by the harness and end the run as `killed`. Standard library
only: this file is copied into the box.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

HEADER = struct.Struct(">I8sBIQ")  # body bytes, token, kind, index, microseconds
NAME_BYTES = struct.Struct(">H")
TOKEN_BYTES = 8
MAX_NAME_BYTES = 400
LOADED, RETURNED, VALUE, NO_LITERAL, EXCEPTION, REFUSED, MEMORY, NOT_LOADED, END = range(9)


class FrameError(ValueError):
    """Bytes that the harness did not write."""


@dataclass(slots=True)
class Frame:
    """One frame.

    Attributes:
        index: of the input.
        cpu_us: CPU time of the call.
        name: of a type or an exception.
        value: of a `VALUE`; None when longer than the reader keeps.
    """

    kind: int
    index: int
    cpu_us: int
    name: str
    value: bytes | None


def pack_frame(token: bytes, kind: int, index: int = 0, cpu_us: int = 0, name: str = "", value: bytes = b"") -> bytes:
    """The bytes of a frame; `name` is cut at 80 characters."""
    label = name[:80].encode("utf-8", "replace")
    body = struct.pack(">H", len(label)) + label + value
    return HEADER.pack(len(body), token, kind, index, cpu_us) + body


class FrameReader:
    """Incremental parser of frames.

    Args:
        token: of this run.
        max_bytes: of one frame's value; the harness sends no longer one.
        max_sent_bytes: of all frames of one child.
        kept_bytes: input index → bytes of a value that are kept; a longer value is skipped.
    """

    def __init__(
        self, token: bytes, max_bytes: int, max_sent_bytes: int, kept_bytes: Callable[[int], int] | None = None
    ) -> None:
        self._token, self._max_bytes, self._max_sent_bytes = token, max_bytes + MAX_NAME_BYTES, max_sent_bytes
        self._kept_bytes = kept_bytes
        self._waiting = bytearray()
        self._received = self._to_skip = 0
        self._needed_bytes = HEADER.size

    @property
    def is_over(self) -> bool:
        """True if the child sent more than `max_sent_bytes`."""
        return self._received > self._max_sent_bytes

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames completed by `data`. Raises: FrameError: not the harness's."""
        self._received += len(data)
        if self._to_skip:
            skipped = min(self._to_skip, len(data))
            self._to_skip, data = self._to_skip - skipped, data[skipped:]
        self._waiting += data
        if len(self._waiting) < self._needed_bytes:
            return
        offset = 0
        try:
            while len(self._waiting) - offset >= HEADER.size:
                size, token, kind, index, cpu_us = HEADER.unpack_from(self._waiting, offset)
                if token != self._token or kind > END or size > self._max_bytes:
                    raise FrameError("a frame without the run's token")
                start, end = offset + HEADER.size, offset + HEADER.size + size
                if self._kept_bytes is not None and size > self._kept_bytes(index) + MAX_NAME_BYTES:
                    self._needed_bytes = HEADER.size + MAX_NAME_BYTES + 2
                    if len(self._waiting) - offset < self._needed_bytes:
                        return
                    name, _ = _name_and_value(self._waiting, start, start + MAX_NAME_BYTES + 2)
                    self._to_skip = max(0, end - len(self._waiting))
                    value = None
                else:
                    self._needed_bytes = end - offset
                    if len(self._waiting) < end:
                        return
                    name, value = _name_and_value(self._waiting, start, end)
                self._needed_bytes = HEADER.size
                yield Frame(kind, index, cpu_us, name, value)
                offset = min(end, len(self._waiting))
        finally:
            del self._waiting[:offset]


def _name_and_value(data: bytearray, start: int, end: int) -> tuple[str, bytes]:
    value_start = start + 2 + (NAME_BYTES.unpack_from(data, start)[0] if end - start >= 2 else 0)
    if value_start > end:
        raise FrameError("a frame without its name")
    with memoryview(data) as view:  # copied once
        return str(view[start + 2 : value_start], "utf-8", "replace"), bytes(view[value_start:end])
