"""The program in a model's answer: the code that parses and defines the entry point, wherever it stands.

Belongs here: the order in which the parts of an answer are tried. Not here: markup (markup.py), syntax (statements.py).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from codelewm_assets.completions.samples.markup import (
    indented_blocks,
    segments,
    turns,
    typed_lines,
    without_reasoning,
)
from codelewm_assets.completions.samples.statements import (
    NEWLINE,
    Statement,
    definition_of,
    is_stray,
    is_stub,
    parsed,
    reached,
    regions,
    statements,
    without_demonstration,
)
from codelewm_assets.core.sample_records import PromptForm

AnswerFault = Literal["no_program", "does_not_parse", "no_entry_point"]
INDENT = "    "
MAX_SEARCHED_CHARACTERS = 60_000
"""Of an answer and of its reasoning, what is searched: a model that repeats itself writes without end."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The program of an answer.

    Attributes:
        code: what is run; None: the answer holds no code.
        fault: of a program that is not usable; None: it parses and defines its entry point.
    """

    code: str | None
    fault: AnswerFault | None = None


def program_of(text: str, *, prompt: str, entry_point: str, form: PromptForm, is_continuation: bool = False) -> Answer:
    """The program of a sample.

    A text that is a program as it stands is not touched. Else the last complete definition of the entry point wins, in a fence
    before outside of all, in the answer before its reasoning; names that it needs are taken from the answer's other parts
    and from the prompt; calls and assertions that only show it are left out.

    Args:
        prompt: of the problem; its imports and helpers are known to the answer.
        form: relation of the text to the prompt; `continuation` and `program` are not searched.
        is_continuation: of form `auto`, whether the text stands in a field for what goes after the prompt.
    """
    if form in ("continuation", "program"):
        return _as_it_is(prompt + text if form == "continuation" else text, entry_point)
    whole = [prompt + text, text] if is_continuation else [text]
    if form == "auto":
        for code in whole:
            if _is_program(code, entry_point):
                return Answer(code)
    known = statements(prompt) if parsed(prompt) else []
    stubs, answers = list[str](), list[str]()
    for turn in turns(NEWLINE.sub("\n", text.lstrip("\ufeff"))):
        for part in (part[:MAX_SEARCHED_CHARACTERS] for part in without_reasoning(turn) if part.strip()):
            answers.append(part)
            candidates = [*_candidates(part, entry_point, known)]
            for code in chain(candidates, _continuations(part, prompt)):
                if _is_program(code, entry_point):
                    return Answer(code)
            stubs += [code for code in candidates if _defines(code, entry_point)]
    if stubs:
        return Answer(stubs[0])
    return _unusable(answers[0] if answers else "", whole[0], entry_point, is_continuation=is_continuation)


def _as_it_is(code: str, entry_point: str) -> Answer:
    if not code.strip():
        return Answer(None, "no_program")
    if parsed(code) is None:
        return Answer(code, "does_not_parse")
    return Answer(code, None if _defines(code, entry_point) else "no_entry_point")


def _unusable(answer: str, whole: str, entry_point: str, *, is_continuation: bool) -> Answer:
    """The text that is run where no part is a program: the longest block or the text itself; nothing where there is only prose."""
    blocks = [segment.text for segment in segments(answer) if segment.is_fenced]
    if blocks:
        return _as_it_is(max(blocks, key=len), entry_point)
    if not answer.strip() or (not is_continuation and not regions(answer) and f"def {entry_point}" not in answer):
        return Answer(None, "no_program")
    result = _as_it_is(whole, entry_point)
    return Answer(result.code, result.fault or "no_entry_point")


def _is_program(code: str, entry_point: str) -> bool:
    """The code parses, defines the entry point with a body, and has no stray words of a sentence."""
    if entry_point not in code or parsed(code) is None:
        return False
    body = statements(code)
    definition = definition_of(body, entry_point)
    return definition is not None and not is_stub(definition) and not any(is_stray(s.node) for s in body)


def _defines(code: str, entry_point: str) -> bool:
    return entry_point in code and parsed(code) is not None and definition_of(statements(code), entry_point) is not None


def _candidates(text: str, entry_point: str, known: Sequence[Statement]) -> Iterator[str]:
    """Programs put together from the parts of a text, the likeliest first."""
    parts = [(segment, _pieces(segment.text)) for segment in segments(text)]
    fenced = [segment.text for segment, _ in parts if segment.is_fenced]
    pieces = [[piece for segment, own in parts if segment.is_fenced is kind for piece in own] for kind in (True, False)]
    in_order = [piece for _, own in parts for piece in own]
    if len(fenced) > 1 and not any(_defines(piece, entry_point) for piece in pieces[0]):
        yield from _assembled(["\n".join(fenced)], [], entry_point, known)  # one program over several blocks
    for group in pieces:
        yield from _assembled(group, in_order, entry_point, known)
    yield from _assembled([*chain.from_iterable(map(_pieces, indented_blocks(text)))], in_order, entry_point, known)


def _pieces(text: str) -> list[str]:
    """Stretches of a text that parse; of a session of the interpreter, what was typed."""
    if parsed(text) is not None:
        return [text]
    pieces = regions(text)
    session = typed_lines(text)
    if session is not None and not any("def " in piece for piece in pieces):
        return regions(session)
    return pieces


def _assembled(
    pieces: Sequence[str], others: Iterable[str], entry_point: str, known: Sequence[Statement]
) -> Iterator[str]:
    """Each piece that defines the entry point, the last first, with the statements of others that it needs."""
    bodies = {piece: statements(piece) for piece in (*pieces, *others) if parsed(piece) is not None}
    for piece in reversed(pieces):
        body = bodies.get(piece, [])
        if definition_of(body, entry_point) is None:
            continue
        kept = without_demonstration(body, entry_point)
        rest = [s for other, own in bodies.items() if other != piece for s in own]
        before = _needed(kept, [*known, *rest], entry_point)
        code = piece if len(kept) == len(body) else "\n\n".join(s.text for s in kept)
        joined = "\n\n".join([*(s.text for s in before), code])
        yield joined if parsed(joined) is not None else code


def _needed(body: Sequence[Statement], others: Sequence[Statement], entry_point: str) -> list[Statement]:
    """The statements of others that bind what the body needs and does not bind, directly or through each other."""
    bound = frozenset[str]().union(*(s.binds for s in body))
    usable = [s for s in others if entry_point not in s.binds]
    missing = frozenset[str]().union(*(s.needs for s in body)) - bound
    wanted = reached(usable, missing) - bound
    latest = {name: s for s in usable for name in s.binds if name in wanted}
    chosen = {id(s) for s in latest.values()}
    return [s for s in usable if id(s) in chosen]


def _continuations(text: str, prompt: str) -> Iterator[str]:
    """Bodies after the prompt: as they are, in a fence, with the first line's or every line's indentation lost, or cut after it."""
    if not prompt.strip():
        return
    stub = prompt.rstrip("\n")
    bodies = [
        body for body in (text, *(segment.text for segment in segments(text))) if "return" in body or "yield" in body
    ]
    for body in bodies:
        inner = body.strip("\n")
        yield prompt + body
        yield prompt + INDENT + inner.lstrip()
        yield prompt + "\n".join(INDENT + line if line.strip() else line for line in inner.split("\n"))
    for body in bodies:
        for start in (body.strip("\n"), INDENT + body.strip("\n").lstrip()):
            yield from regions(f"{stub}\n{start}")
