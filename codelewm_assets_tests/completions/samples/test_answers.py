"""The program in an answer: each kind of answer with the program that is right for it."""

import random
from typing import Any

from codelewm_assets.completions.samples.answers import Answer, program_of
from codelewm_assets_tests.cases import each_case

PROMPT = (
    'from typing import List\n\n\ndef half(x):\n    return x / 2\n\n\ndef add(x: int, y: int):\n    """Add two."""\n'
)
RIGHT = "def add(x, y):\n    return x + y\n"
DRAFT = "def add(x, y):\n    return x - y\n"


def read(text: str, *, form: Any = "auto", is_continuation: bool = False, prompt: str = PROMPT) -> Answer:
    """The program of a text for `add`."""
    return program_of(text, prompt=prompt, entry_point="add", form=form, is_continuation=is_continuation)


def adds(code: str | None) -> bool:
    """The program adds. These are texts of this file, and safe to run."""
    if code is None:
        return False
    names: dict[str, Any] = {}
    exec(code, names)
    return bool(names["add"](2, 3) == 5)


def fence(code: str, mark: str = "```", info: str = "python") -> str:
    """A block."""
    return f"{mark}{info}\n{code}{mark}\n"


@each_case(
    ("kind", "text"),
    [
        ("a program", RIGHT),
        ("a program with a fence in a text", "TEXT = '''\n```\n'''\n" + RIGHT),
        ("a fence", fence(RIGHT)),
        ("prose around", f"Sure!\n\n{fence(RIGHT)}\nThis adds.\n"),
        ("CRLF", f"Here:\n{fence(RIGHT)}".replace("\n", "\r\n")),
        ("four backticks round three", f"````markdown\n{fence(RIGHT)}````\n"),
        ("tildes", fence(RIGHT, "~~~", "py")),
        ("another language first", fence("pip install x\n", info="bash") + fence(RIGHT)),
        ("a fence in a list", "1. Do:\n   ```python\n   def add(x, y):\n       return x + y\n   ```\n"),
        ("a quoted fence", "> ```python\n> def add(x, y):\n>     return x + y\n> ```\n"),
        ("a fence that is not closed", f"Here:\n```python\n{RIGHT}"),
        ("a closing fence alone", f"{RIGHT}```\n\nThis adds.\n"),
        ("draft, then final", f"Draft:\n{fence(DRAFT)}Final:\n{fence(RIGHT)}"),
        ("final that does not parse", f"{fence(RIGHT)}Shorter:\n{fence('def add(x, y): return x +')}"),
        ("stub after it", f"{fence(RIGHT)}Its signature:\n" + fence("def add(x, y):\n    ...\n")),
        ("two blocks", fence("def helper(a, b):\n    return a + b\n") + fence("def add(x, y):\n    return helper(x, y)\n")),
        ("helper of the draft", fence("def helper(a, b):\n    return a + b\n\n" + DRAFT)
         + fence("def add(x, y):\n    return helper(x, y)\n")),
        ("helper after it", fence("def add(x, y):\n    return helper(x, y)\n") + fence("def helper(a, b):\n    return a + b\n")),
        ("import in another block", fence("import operator\n") + fence("def add(x, y):\n    return operator.add(x, y)\n")),
        ("helper of the prompt", fence("def add(x, y):\n    return half(2 * x + 2 * y)\n")),
        ("import of the prompt", fence("def add(x: List, y: List):\n    return x + y\n")),
        ("one program over two blocks", fence("def add(x, y):\n") + fence("    return x + y\n")),
        ("example block", f"{fence(RIGHT)}Use it:\n{fence('print(add(1, 2))')}"),
        ("example in its block", fence(RIGHT + "\nvalue = input()\nassert add(1, 1) == 3\nprint(add(value, 1))\n")),
        ("main guard", fence(RIGHT + "\nif __name__ == '__main__':\n    raise SystemExit(add(1, 2))\n")),
        ("table that it needs", fence("T = {}\nfor n in range(9):\n    T[n] = n\ndef add(x, y):\n    return T[x] + T[y]\nT[9]\n")),
        ("setting of a module", fence("import sys\nsys.setrecursionlimit(9000)\n\n" + RIGHT)),
        ("decorated", fence("import functools\n\n@functools.lru_cache\ndef add(x, y):\n    return x + y\n\nprint(add('a'))")),
        ("two statements on a line", fence("k = 0; print(input())\ndef add(x, y):\n    return x + y + k\n")),
        ("reasoning", f"<think>\n{fence(DRAFT)}</think>\n{fence(RIGHT)}"),
        ("reasoning opened in the prompt", f"Hm.\n{fence(DRAFT)}</think>\n{RIGHT}"),
        ("reasoning that is not closed", f"<think>\nSo:\n{fence(RIGHT)}"),
        ("answer before reasoning that is not closed", f"{fence(RIGHT)}<think>\n{fence(DRAFT)}"),
        ("end token", f"{RIGHT}<|endoftext|>"),
        ("end token in the last line", f"{RIGHT.rstrip()}</s>"),
        ("end token, then another program", f"{RIGHT}<|endoftext|>{DRAFT}"),
        ("whole conversation", f"<|im_start|>user\nAdd.<|im_end|>\n<|im_start|>assistant\n{RIGHT}<|im_end|>"),
        ("tags", f"Here:\n[PYTHON]\n{RIGHT}[/PYTHON]\n"),
        ("prose without a fence", f"Let me see.\n\n{RIGHT}\nDone\n\nfrom here it is simple.\nx = 1 is enough.\n"),
        ("prose that reads like code", f"if all is well, it adds:\nimport what you need\n\n{RIGHT}\nfor example: add(1, 2) is 3"),
        ("word after the program", f"{RIGHT}\nDone\n"),
        ("cut off in the next function", f"{RIGHT}\ndef other(x):\n    return (x +"),
        ("session of the interpreter", ">>> def add(x, y):\n...     return x + y\n...\n>>> add(1, 2)\n3\n"),
        ("doctest in prose", "Well\n\ndef add(x, y):\n    '''\n    >>> add(1, 2)\n    3\n    '''\n    return x + y\n\nThat is all"),
        ("indented in prose", "Here it is:\n\n    def add(x, y):\n        return x + y\n\nDone.\n"),
    ],
    ids=lambda value: value.partition("\n")[0],
)  # fmt: skip
def test_the_program_is_taken_out_of_an_answer(kind: str, text: str) -> None:
    answer = read(text)
    assert answer.fault is None and adds(answer.code), answer


@each_case(
    ("kind", "text"),
    [
        ("a body", "    return x + y\n"),
        ("a body whose first indentation is lost", "z = x\n    return z + y\n"),
        ("a body without indentation", "z = x\nreturn z + y\n"),
        ("a body in a fence", fence("    return x + y\n")),
        ("a body, then prose", "    return x + y\n\nThis returns the sum.\n"),
        ("a body, then a function that is cut off", "    return x + y\n\n\ndef other(x):\n    return (x"),
        ("the prompt again", PROMPT + "    return x + y\n"),
        ("the whole function", RIGHT),
        ("an answer", f"Sure!\n{fence(RIGHT)}"),
    ],
)
def test_what_goes_after_the_prompt_is_completed_by_it(kind: str, text: str) -> None:
    answer = read(text, is_continuation=True)
    assert answer.fault is None and adds(answer.code), answer


@each_case(
    ("text", "answer"),
    [
        ("", Answer(None, "no_program")),
        ("I cannot help with that.", Answer(None, "no_program")),
        ("<think>\nHm.", Answer(None, "no_program")),
        ("def add(x, y:", Answer("def add(x, y:", "does_not_parse")),
        (fence("def add(x, y:\n"), Answer("def add(x, y:", "does_not_parse")),
        ("def other(x):\n    return x\n", Answer("def other(x):\n    return x\n", "no_entry_point")),
        ("def add(x, y):\n    pass\n", Answer("def add(x, y):\n    pass\n")),
    ],
)
def test_an_answer_without_a_usable_program_says_why(text: str, answer: Answer) -> None:
    assert read(text) == answer


@each_case(
    ("form", "text", "answer"),
    [
        ("program", fence(RIGHT), Answer(fence(RIGHT), "does_not_parse")),
        ("program", "x = 1\n", Answer("x = 1\n", "no_entry_point")),
        ("program", RIGHT + "Done", Answer(RIGHT + "Done")),
        ("program", " ", Answer(None, "no_program")),
        ("continuation", "    return x + y\n", Answer(PROMPT + "    return x + y\n")),
        ("continuation", "  return (", Answer(PROMPT + "  return (", "does_not_parse")),
    ],
)
def test_a_stated_form_is_taken_as_it_is(form: str, text: str, answer: Answer) -> None:
    assert read(text, form=form) == answer


def test_a_program_is_not_touched() -> None:
    text = "\ufeff# a comment\r\ndef add(x, y):\r\n    return x + y\r\n\r\nprint(add(1, 2))\r\n"
    assert read(text[1:]) == Answer(text[1:])


def test_a_prompt_that_is_no_code_completes_nothing() -> None:
    assert read("    return x + y\n", prompt="Write add.\n") == Answer(None, "no_program")


def test_no_text_makes_it_fail() -> None:
    """Texts put together from parts of answers, drawn with a seed."""
    rng = random.Random(0)
    parts = [
        RIGHT,
        DRAFT,
        "def add(",
        "    return x\n",
        "(",
        "@",
        "if x:\n",
        "x = 1; y\n",
        "'''",
        "\\",
        "prose it is\n",
        "é",
    ]
    parts += [
        "```python\n",
        "```\n",
        "~~~\n",
        "<think>",
        "</think>",
        "</s>",
        ">>> ",
        "... ",
        "> ",
        "\n",
        "\t",
        "\r",
        "\x0c",
        "\0",
    ]
    for _ in range(300):
        answer = read("".join(rng.choices(parts, k=rng.randint(1, 12))), is_continuation=rng.random() < 0.3)
        assert (answer.code is None) == (answer.fault == "no_program")
        if answer.fault is None:
            compile(answer.code or "", "answer", "exec")
