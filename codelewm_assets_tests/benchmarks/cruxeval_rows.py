"""Rows in CRUXEval's form, written for the tests: arguments of two kinds, so that a problem can borrow inputs of others."""

import json
from collections.abc import Mapping
from pathlib import Path

_PROGRAMS: tuple[tuple[str, str, str], ...] = (
    ("def f(numbers):\n    return [n for n in numbers if n % 2]", "[1, 2, 3, 4]", "[1, 3]"),
    ("def f(numbers):\n    total = 0\n    for n in numbers:\n        total += n * n\n    return total", "[3, 4]", "25"),
    ("def f(numbers):\n    return sorted(numbers, reverse=True)[:2]", "[5, 9, 1]", "[9, 5]"),
    ("def f(numbers):\n    seen = {}\n    for n in numbers:\n        seen[n] = seen.get(n, 0) + 1\n    return seen", "[7, 7, 8]",
     "{7: 2, 8: 1}"),
    ("def f(numbers):\n    return max(numbers) - min(numbers)", "[10, -4, 6]", "14"),
    ("def f(numbers):\n    steps = []\n    for a, b in zip(numbers, numbers[1:]):\n        steps.append(b - a)\n    return steps",
     "[2, 5, 11]", "[3, 6]"),
    ("def f(numbers):\n    while len(numbers) > 1:\n        numbers = numbers[::2]\n    return numbers", "[4, 8, 15, 16]", "[4]"),
    ("def f(text):\n    return ' '.join(word.capitalize() for word in text.split())", "'one two'", "'One Two'"),
    ("def f(text):\n    return ''.join(c for c in text if c not in 'aeiou')", "'banana split'", "'bnn splt'"),
    ("def f(text):\n    half = len(text) // 2\n    return text[half:] + text[:half]", "'abcdef'", "'defabc'"),
    ("def f(text):\n    return {c: text.index(c) for c in sorted(set(text))}", "'noon'", "{'n': 0, 'o': 1}"),
    ("def f(text):\n    return text.count('o') if 'o' in text else None", "'foot'", "2"),
    ("def f(text):\n    if not text.isdigit():\n        return -1\n    return int(text[::-1])", "'120'", "21"),
    ("def f(text):\n    return tuple(ord(c) - 96 for c in text.lower() if c.isalpha())", "'Ace!'", "(1, 3, 5)"),
    ("def f(text):\n    kept = []\n    for c in text:\n        if not kept or kept[-1] != c:\n            kept.append(c)\n"
     "    return ''.join(kept)", "'aabbba'", "'aba'"),
)  # fmt: skip


def cruxeval_row(number: int = 0, **changes: object) -> dict[str, object]:
    """Row `sample_<number>`, with some columns changed."""
    code, given, output = _PROGRAMS[number]
    return {"code": code, "input": given, "output": output, "id": f"sample_{number}"} | changes


def cruxeval_rows() -> list[dict[str, object]]:
    """All rows: seven take a list of numbers, eight a text."""
    return [cruxeval_row(number) for number in range(len(_PROGRAMS))]


def write_rows(path: Path, rows: list[Mapping[str, object]] | list[dict[str, object]]) -> Path:
    """The rows as JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path
