"""Every way in which a file of JSON lines is spoiled one step at a time: values, fields, lines and bytes."""

import copy
import json
from collections.abc import Iterator, Sequence
from typing import Any

VALUES = (
    None, "x", "", "\ud800\n", True, -1, 0, 0.5, 2.0, 10**30, 10**400, -1e308, 1e308, float("nan"), float("inf"), [], {},
    [[1]], {"a": {"b": [None]}},
)  # fmt: skip


def mutants(rows: Sequence[dict[str, Any]]) -> Iterator[tuple[str, bytes]]:
    """(What was done, the file) for each mutant of a file with these rows."""
    encoded = [json.dumps(row).encode() for row in rows]

    def file(number: int, *lines: bytes) -> bytes:
        return b"".join(line + b"\n" for line in (*encoded[:number], *lines, *encoded[number + 1 :]))

    for number, row in enumerate(rows):
        for place in _places(row):
            spoiled = copy.deepcopy(row)
            del _parent(spoiled, place)[place[-1]]
            yield f"{number} {place} is gone", file(number, json.dumps(spoiled).encode())
            for value in VALUES:
                spoiled = copy.deepcopy(row)
                _parent(spoiled, place)[place[-1]] = value
                yield f"{number} {place} = {value!r:.20}", file(number, json.dumps(spoiled).encode())
        line = encoded[number]
        for cut in range(0, len(line), 5):
            yield f"{number} cut at {cut}", file(number, line[:cut])
            yield f"all after {number}, {cut} is gone", b"".join(x + b"\n" for x in encoded[:number]) + line[:cut]
        yield f"{number} twice", file(number, line, line)
        yield f"{number} gone", file(number)
        yield f"{number} with another key", file(number, json.dumps(row | {"unknown": [1]}).encode())
        for other in (b"[" + line + b"]", b"[]", b"null", b"1", b'"x"', b"", b"nonsense", b"\xff", b"\x00", line + line,
                      b"[" * 100_000, b"9" * 5000, line[:-1] + b"\xc3\x28}", b'{"a":' * 100_000, line.replace(b": ", b":\x00"),
                      line.replace(b'"', b"'"), b"\xe2\x80\xa8" + line):  # fmt: skip
            yield f"{number} is {other[:20]!r}", file(number, other)
    whole = file(len(rows))
    yield "empty", b""
    yield "blank", b"\n \n\n"
    yield "one line", whole.replace(b"\n", b"")
    yield "UTF-16", whole.decode().encode("utf-16")
    yield "binary", bytes(range(256)) * 8
    yield "byte order mark", b"\xef\xbb\xbf" + whole
    yield "other line ends", whole.replace(b"\n", b"\r\n")
    yield "a list", json.dumps(rows).encode()
    yield "indented", json.dumps(rows[0], indent=1).encode()


def _places(value: Any) -> Iterator[tuple[str | int, ...]]:
    keys: Any = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield (key,)
        yield from ((key, *rest) for rest in _places(value[key]))


def _parent(row: Any, place: tuple[str | int, ...]) -> Any:
    for key in place[:-1]:
        row = row[key]
    return row
