"""Values as bytes: a closed, length-prefixed encoding of exact built-in types. Reading it runs nothing.

One tag byte, then: `N` None, `T` `F` booleans, `f` 8 bytes, `c` 16 bytes, `i` `s` `b` a 4-byte length and that many bytes
(two's complement, UTF-8 with lone surrogates, raw), `l` `t` `S` `Z` a 4-byte count and the items of a list, tuple, set or
frozenset, `d` a 4-byte count and the keys and values of a dict in their order. All big-endian. An instance of a subclass
has no encoding. Standard library only: this file is copied into the box.
"""

import struct
from typing import Any

DEEPEST = 100
U32 = struct.Struct(">I")
F64 = struct.Struct(">d")
C128 = struct.Struct(">dd")
SEQUENCES: dict[type, bytes] = {list: b"l", tuple: b"t", set: b"S", frozenset: b"Z"}
MAKERS: dict[int, type] = {tag[0]: kind for kind, tag in SEQUENCES.items()}


class CodecError(ValueError):
    """A value that has no encoding, or bytes that are none."""


def encode(value: Any, most_bytes: int = 1 << 20) -> bytes:
    """The bytes of a value.

    Raises: CodecError: a type that has none, deeper than 100, or longer than `most_bytes`.
    """
    out = bytearray()
    _put(value, out, most_bytes, DEEPEST)
    return bytes(out)


def _put(value: Any, out: bytearray, most: int, depth: int) -> None:
    kind = type(value)
    if kind is int:
        _put_sized(b"i", int.to_bytes(value, (int.bit_length(value) + 8) // 8, "big", signed=True), out)
    elif kind is str:
        _put_sized(b"s", str.encode(value, "utf-8", "surrogatepass"), out)
    elif value is None:
        out += b"N"
    elif kind is bool:
        out += b"T" if value else b"F"
    elif kind is float:
        out += b"f" + F64.pack(value)
    elif kind in SEQUENCES or kind is dict:
        _put_items(value, kind, out, most, depth - 1)
    elif kind is bytes:
        _put_sized(b"b", value, out)
    elif kind is complex:
        out += b"c" + C128.pack(value.real, value.imag)
    else:
        raise CodecError(f"a {kind.__name__} has no encoding")
    if len(out) > most:
        raise CodecError(f"longer than {most} bytes")


def _put_sized(tag: bytes, data: bytes, out: bytearray) -> None:
    out += tag + U32.pack(len(data))
    out += data


def _put_items(value: Any, kind: type, out: bytearray, most: int, depth: int) -> None:
    if depth < 0:
        raise CodecError(f"deeper than {DEEPEST}")
    if kind is dict:
        out += b"d" + U32.pack(len(value))
        for key, item in value.items():
            _put(key, out, most, depth)
            _put(item, out, most, depth)
    else:
        out += SEQUENCES[kind] + U32.pack(len(value))
        for item in value:
            _put(item, out, most, depth)


def decode(data: bytes) -> Any:
    """The value that `encode` wrote. Raises: CodecError: not one whole value, or deeper than 100."""
    try:
        value, at = _take(data, 0, DEEPEST)
    except (IndexError, struct.error, UnicodeDecodeError, TypeError) as error:  # TypeError: an unhashable key or member
        raise CodecError(f"malformed: {error}") from None
    if at != len(data):
        raise CodecError(f"{len(data) - at} bytes follow the value")
    return value


def _take(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    tag = data[at]
    at += 1
    if tag == 0x69:  # i
        part, at = _take_sized(data, at)
        return int.from_bytes(part, "big", signed=True), at
    if tag == 0x73:  # s
        part, at = _take_sized(data, at)
        return part.decode("utf-8", "surrogatepass"), at
    if tag in MAKERS or tag == 0x64:  # d
        return _take_items(data, at, tag, depth - 1)
    if tag == 0x66:  # f
        return F64.unpack_from(data, at)[0], at + 8
    if tag == 0x4E:  # N
        return None, at
    if tag in (0x54, 0x46):  # T F
        return tag == 0x54, at
    if tag == 0x62:  # b
        return _take_sized(data, at)
    if tag == 0x63:  # c
        return complex(*C128.unpack_from(data, at)), at + 16
    raise CodecError(f"unknown tag {tag}")


def _take_sized(data: bytes, at: int) -> tuple[bytes, int]:
    (size,) = U32.unpack_from(data, at)
    end = at + 4 + size
    if end > len(data):
        raise CodecError("cut short")
    return data[at + 4 : end], end


def _take_items(data: bytes, at: int, tag: int, depth: int) -> tuple[Any, int]:
    (count,) = U32.unpack_from(data, at)
    at += 4
    if depth < 0 or count > len(data) - at:  # every item takes a byte at least: a count cannot reserve memory
        raise CodecError(f"deeper than {DEEPEST}" if depth < 0 else "cut short")
    items = []
    for _ in range(count * 2 if tag == 0x64 else count):
        item, at = _take(data, at, depth)
        items.append(item)
    if tag == 0x64:
        return dict(zip(items[::2], items[1::2], strict=True)), at
    return MAKERS[tag](items), at
