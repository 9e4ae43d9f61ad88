"""Markup round the program of an answer: reasoning, end tokens, Markdown fences and prompts of the interpreter."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

REASONING = r"(?:think|thinking|thought|reasoning|reflection|scratchpad)"
REASONING_TAG = re.compile(rf"<(/?){REASONING}>", re.IGNORECASE)
SPECIAL_TOKEN = re.compile(r"<[|｜][\w▁ ./-]{1,40}[|｜]>|</?s>|<(?:end_of_turn|start_of_turn|eos|eot|EOT|eom)>")
ROLE = re.compile(r"\A\s*(?:assistant|model|user|system)\s*(?:\n|\Z)")
PYTHON_TAG = re.compile(r"\[/?PYTHON\]")
FENCE = re.compile(r"^(?P<indent>[ \t>]*)(?P<mark>`{3,}|~{3,})[ \t]*(?P<info>[^`\n]*)$")
INTERPRETER_PROMPT = re.compile(r"^\s*(?:>>>|\.\.\.)(?: |$)")


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of an answer: the inside of a fence, or text outside of all."""

    text: str
    is_fenced: bool


def turns(text: str) -> list[str]:
    """The parts of a text between special tokens, such as `<|im_end|>`, without names of roles."""
    parts = (ROLE.sub("", part) for part in SPECIAL_TOKEN.split(PYTHON_TAG.sub("\n```\n", text)))
    return [part for part in parts if part.strip()]


def without_reasoning(text: str) -> tuple[str, str]:
    """The answer, and the reasoning before it.

    Reasoning that is not closed reaches to the end; a closing tag without an opening one ends what began in the prompt.
    """
    answer, reasoning, place, is_open = list[str](), list[str](), 0, False
    for tag in REASONING_TAG.finditer(text):
        (reasoning if is_open else answer).append(text[place : tag.start()])
        if tag[1] and not is_open:
            reasoning, answer = reasoning + answer, []
        place, is_open = tag.end(), not tag[1]
    (reasoning if is_open else answer).append(text[place:])
    return "\n".join(filter(None, answer)), "\n".join(filter(None, reasoning))


def segments(text: str) -> list[Segment]:
    """The parts of a Markdown text in order, fences as CommonMark has them; one that is not closed reaches to the end."""
    parts, lines = list[Segment](), list[str]()
    opening: re.Match[str] | None = None

    def end() -> None:
        if any(line.strip() for line in lines):
            indent = len(opening["indent"].expandtabs()) if opening else 0
            inside = "\n".join(_unindented(line, indent) for line in lines)
            parts.append(Segment(textwrap.dedent(inside) if opening else inside, opening is not None))
        lines.clear()

    for line in text.split("\n"):
        fence = FENCE.match(line.rstrip())
        if fence is None:
            lines.append(line)
        elif opening is None:
            end()
            opening = fence
        elif fence["mark"].startswith(opening["mark"]) and not fence["info"]:
            end()
            opening = None
        else:
            lines.append(line)
    end()
    return parts


def _unindented(line: str, width: int) -> str:
    stripped = line.lstrip(" \t>")
    return line[min(width, len(line) - len(stripped)) :]


def typed_lines(text: str) -> str | None:
    """The input lines of a session of the interpreter (`>>> ` and `... `); None where the text shows none."""
    lines = text.split("\n")
    typed = [INTERPRETER_PROMPT.sub("", line) for line in lines if INTERPRETER_PROMPT.match(line)]
    return "\n".join(typed) if typed else None


def indented_blocks(text: str) -> Iterator[str]:
    """Runs of lines that are indented under prose, each without its indentation."""
    for match in re.finditer(r"(?:^[ \t]+\S.*\n?|^[ \t]*\n)+", text, re.MULTILINE):
        if match[0].strip():
            yield textwrap.dedent(match[0])
