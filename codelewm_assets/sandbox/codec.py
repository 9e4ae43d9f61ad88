"""Values as bytes: a closed, length-prefixed encoding. Decoding executes no code.

One tag byte, then: `N` None, `T` `F` booleans, `f` 8 bytes, `c` 16 bytes, `i` `s` `b` a 4-byte length and that many bytes
(two's complement, UTF-8 with lone surrogates, raw), `l` `t` `S` `Z` a 4-byte count and the items of a list, tuple, set or
frozenset, `d` a 4-byte count and the keys and values of a dict in their order, `q` `D` a Fraction or
Decimal as a 4-byte length and its text. All big-endian. Values of other types of the standard library and of numpy are
written as the built-in value that they equal; an instance of a class of the program has no encoding. Standard library
only: this file is copied into the box.
"""

import marshal
import struct
import sys
from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

MAX_DEPTH = 100
LONG_BYTES = 1 << 16  # beyond it encoding takes noticeable time
MARSHAL_VERSION = 2  # later ones write an object that stands twice once, and it would be shared
MAX_COLLISIONS = 64  # keys of one set or map whose hash another key of it has; n such keys cost n² comparisons to build
MAX_NUMBER_CHARACTERS = 4300  # of a fraction or decimal; Python's own limit on reading an integer
U32 = struct.Struct(">I")
F64 = struct.Struct(">d")
C128 = struct.Struct(">dd")
SEQUENCES: dict[type, bytes] = {list: b"l", tuple: b"t", set: b"S", frozenset: b"Z"}
CONSTRUCTORS: dict[int, type] = {tag[0]: kind for kind, tag in SEQUENCES.items()}
HASHED = (SEQUENCES[set][0], SEQUENCES[frozenset][0])


class CodecError(ValueError):
    """A value without an encoding, or an invalid encoding."""


def encode(value: Any, max_bytes: int = 1 << 20, *, on_long: Callable[[], None] | None = None) -> bytes:
    """The bytes of a value.

    Args:
        on_long: called once when the encoding reaches `LONG_BYTES`.

    Raises: CodecError: a type without an encoding, deeper than 100, or longer than `max_bytes`. Exceptions of the program's
        classes pass through.
    """
    out = _Output(max_bytes, on_long)
    _write_value(value, out, MAX_DEPTH)
    return bytes(out)


class _Output(bytearray):
    """Output buffer with a size limit."""

    __slots__ = ("max_bytes", "next_check", "on_long")

    def __init__(self, max_bytes: int, on_long: Callable[[], None] | None) -> None:
        self.max_bytes, self.on_long = max_bytes, on_long
        self.next_check = min(LONG_BYTES, max_bytes) if on_long else max_bytes

    def check_size(self) -> None:
        """Called beyond `next_check`. Raises: CodecError: longer than `max_bytes`."""
        if len(self) > self.max_bytes:
            raise CodecError(f"longer than {self.max_bytes} bytes")
        self.next_check = self.max_bytes
        if self.on_long is not None:
            self.on_long()
            self.on_long = None


def _write_value(value: Any, out: _Output, depth: int) -> None:
    kind = type(value)
    if kind is int:
        _write_sized(b"i", int.to_bytes(value, (int.bit_length(value) + 8) // 8, "big", signed=True), out)
    elif kind is str:
        _write_sized(b"s", str.encode(value, "utf-8", "surrogatepass"), out)
    elif value is None:
        out += b"N"
    elif kind is bool:
        out += b"T" if value else b"F"
    elif kind is float:
        out += b"f" + F64.pack(value)
    elif kind in SEQUENCES or kind is dict:
        _write_items(value, kind, out, depth - 1)
    elif kind is bytes:
        _write_sized(b"b", value, out)
    elif kind is complex:
        out += b"c" + C128.pack(value.real, value.imag)
    elif kind is Fraction:
        _write_sized(b"q", f"{value.numerator}/{value.denominator}".encode(), out)
    elif kind is Decimal:
        _write_sized(b"D", Decimal.__str__(value).encode(), out)
    elif depth > 0:
        _write_value(equal_value(value), out, depth - 1)
    else:
        raise CodecError(f"deeper than {MAX_DEPTH}")
    if len(out) > out.next_check:
        out.check_size()


def _write_sized(tag: bytes, data: bytes, out: _Output) -> None:
    out += tag + U32.pack(len(data))
    out += data


def _write_items(value: Any, kind: type, out: _Output, depth: int) -> None:
    if depth < 0:
        raise CodecError(f"deeper than {MAX_DEPTH}")
    if kind is dict:
        out += b"d" + U32.pack(len(value))
        for key, item in value.items():
            _write_value(key, out, depth)
            _write_value(item, out, depth)
    else:
        out += SEQUENCES[kind] + U32.pack(len(value))
        for item in value:
            _write_value(item, out, depth)


def equal_value(value: Any) -> Any:
    """The built-in value that equals an instance of another type, one level deep.

    Supported are types of the standard library and of numpy, named tuples, and enumerations of numbers and texts, unless the
    program overrides their `__eq__`.

    Raises: CodecError: the type has no such value.
    """
    kind = type(value)
    module = sys.modules.get(kind.__module__)
    if kind.__module__.split(".")[0] == "numpy":
        return value.tolist()  # a scalar or an array
    if kind.__module__ in ("builtins", "collections") and kind.__name__ in _VIEWS:
        return _VIEWS[kind.__name__](value)
    is_standard = (
        kind.__module__.split(".")[0] in sys.stdlib_module_names and getattr(module, kind.__name__, None) is kind
    )
    if is_standard and kind.__module__ == "collections" and kind.__name__ in _WRAPPERS:
        return _WRAPPERS[kind.__name__](value)
    for base, as_base in _AS_BASE.items():
        if issubclass(kind, base) and (is_standard or _equals_as(base, kind)):
            return as_base(value)
    raise CodecError(f"a {kind.__name__} has no encoding")


def _equals_as(base: type, kind: type) -> bool:
    """True if a generated class (named tuple, enumeration) compares as its base."""
    enum = sys.modules["enum"]
    is_named_tuple = kind.__mro__ == (kind, tuple, object) and "_fields" in kind.__dict__
    return (is_named_tuple or isinstance(kind, enum.EnumMeta)) and kind.__eq__ is base.__eq__


# Views and wrappers, by the name of their type, which has no public name for some.
_VIEWS: dict[str, Any] = {
    "dict_keys": set, "dict_items": set, "odict_keys": set, "odict_items": set, "mappingproxy": dict, "bytearray": bytes,
    "memoryview": bytes,
}  # fmt: skip
_WRAPPERS: dict[str, Any] = {
    "ChainMap": dict, "UserDict": lambda value: value.data, "UserList": lambda value: value.data,
    "UserString": lambda value: value.data,
}  # fmt: skip
_AS_BASE: dict[type, Any] = {
    int: int.__index__, str: str.__str__, float: float.__float__,
    tuple: lambda value: tuple(tuple.__iter__(value)), dict: lambda value: dict(dict.items(value)),
}  # fmt: skip


def decode(data: bytes) -> Any:
    """The value that `encode` wrote.

    Time and memory are bounded by the length of `data`: no count reserves memory, and a set or map of many keys of one hash
    is refused before it is built.

    Raises: CodecError: not exactly one value, deeper than 100, or too many equal hashes.
    """
    try:
        value, offset = _read_value(data, 0, MAX_DEPTH)
    except (IndexError, struct.error, ValueError, TypeError, ArithmeticError) as error:  # TypeError: an unhashable key
        raise CodecError(f"malformed: {error}") from None
    if offset != len(data):
        raise CodecError(f"{len(data) - offset} bytes follow the value")
    return value


def pack_arguments(arguments: list[Any], max_bytes: int) -> bytes:
    """The arguments of a call, for a child: by `marshal` where possible, which is ten times as fast to read.

    A child's answers are never read that way: `marshal` trusts its input.

    Raises: CodecError: as `encode`.
    """
    encoded = encode(arguments, max_bytes)
    try:
        return b"m" + marshal.dumps(arguments, MARSHAL_VERSION)
    except ValueError:  # a Fraction or Decimal is among them
        return b"e" + encoded


def unpack_arguments(data: bytes) -> list[Any]:
    """The arguments that `pack_arguments` wrote, nothing of them shared."""
    arguments: list[Any] = marshal.loads(data[1:]) if data[:1] == b"m" else decode(data[1:])
    return arguments


def _read_value(data: bytes, offset: int, depth: int) -> tuple[Any, int]:
    tag = data[offset]
    offset += 1
    if tag == 0x69:  # i
        part, offset = _read_sized(data, offset)
        return int.from_bytes(part, "big", signed=True), offset
    if tag == 0x73:  # s
        part, offset = _read_sized(data, offset)
        return part.decode("utf-8", "surrogatepass"), offset
    if tag in CONSTRUCTORS or tag == 0x64:  # d
        return _read_items(data, offset, tag, depth - 1)
    if tag == 0x66:  # f
        return F64.unpack_from(data, offset)[0], offset + 8
    if tag == 0x4E:  # N
        return None, offset
    if tag in (0x54, 0x46):  # T F
        return tag == 0x54, offset
    if tag == 0x62:  # b
        return _read_sized(data, offset)
    if tag == 0x63:  # c
        return complex(*C128.unpack_from(data, offset)), offset + 16
    if tag == 0x71:  # q
        part, offset = _read_sized(data, offset)
        return Fraction(_number_text(part)), offset
    if tag == 0x44:  # D
        part, offset = _read_sized(data, offset)
        number = Decimal(_number_text(part))
        if number.is_snan():
            raise CodecError("a signalling NaN, which compares with nothing")
        return number, offset
    raise CodecError(f"unknown tag {tag}")


def _number_text(part: bytes) -> str:
    if len(part) > MAX_NUMBER_CHARACTERS:
        raise CodecError(f"a fraction or decimal of more than {MAX_NUMBER_CHARACTERS} characters")
    return part.decode("ascii")


def _read_sized(data: bytes, offset: int) -> tuple[bytes, int]:
    (size,) = U32.unpack_from(data, offset)
    end = offset + 4 + size
    if end > len(data):
        raise CodecError("cut short")
    return data[offset + 4 : end], end


def _read_items(data: bytes, offset: int, tag: int, depth: int) -> tuple[Any, int]:
    (count,) = U32.unpack_from(data, offset)
    offset += 4
    if depth < 0 or count > len(data) - offset:  # every item takes a byte at least: a count cannot reserve memory
        raise CodecError(f"deeper than {MAX_DEPTH}" if depth < 0 else "cut short")
    items = []
    for _ in range(count * 2 if tag == 0x64 else count):
        item, offset = _read_value(data, offset, depth)
        items.append(item)
    if tag == 0x64:
        check_hashes(items[::2])
        return dict(zip(items[::2], items[1::2], strict=True)), offset
    if tag in HASHED:
        check_hashes(items)
    return CONSTRUCTORS[tag](items), offset


def check_hashes(keys: Iterable[Any]) -> None:
    """Refuse keys that would take quadratic time to put into a set. Raises: CodecError: too many have one hash."""
    hashes = list(map(hash, keys))
    if len(hashes) - len(set(hashes)) > MAX_COLLISIONS:
        raise CodecError(f"more than {MAX_COLLISIONS} keys whose hash another key has")
