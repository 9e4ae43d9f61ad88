"""Texts as sets of token n-grams, and the similarity of two such sets."""

import builtins
import io
import keyword
import re
import tokenize
from collections.abc import Sequence, Set
from functools import lru_cache

SHINGLE_TOKENS = 3  # tokens of code in a shingle
SHINGLE_WORDS = 2  # words of prose in a shingle
FIXED_NAMES = frozenset(keyword.kwlist) | frozenset(dir(builtins))  # names that are not renamed
TOKEN = re.compile(
    r"""(?:\b[bfruBFRU]{1,2}|(?<!\w))(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""  # no apostrophe within a word
    r"""|[^\W\d]\w*|\d+(?:\.\d+)?|[^\w\s#]"""
)
WORD = re.compile(r"[a-z0-9]+")
CODE_LINE = re.compile(r"\s*(?:>>>|assert\b|@|def\s+\w+\s*\(|import\s|from\s+[\w.]+\s+import\b|class\s+\w+\s*[:(])")
BOILERPLATE = re.compile(r"\bwrite an? (?:python )?function (?:to|that|which)?\b")


@lru_cache(maxsize=20_000)
def normalised_tokens(source: str) -> tuple[str, ...]:
    """Tokens of a program with names replaced by their order of first use; comments and layout excluded."""
    names: dict[str, str] = {}
    tokens: list[str] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.NAME and not keyword.iskeyword(token.string):
                tokens.append(names.setdefault(token.string, f"v{len(names)}"))
            elif token.type in (tokenize.NAME, tokenize.OP, tokenize.NUMBER, tokenize.STRING):
                tokens.append(token.string)
    except (tokenize.TokenError, IndentationError):
        return tuple(source.split())
    return tuple(tokens)


def shingles(source: str, size: int = 3) -> set[str]:
    """The distinct token `size`-grams of a program; a shorter program is one shingle."""
    tokens = normalised_tokens(source)
    return {" ".join(tokens[i : i + size]) for i in range(max(1, len(tokens) - size + 1))}


def code_tokens(text: str) -> list[str]:
    """Names, numbers, strings and marks of a text, whether or not it parses; quotes are normalised."""
    return [_in_double_quotes(t) if t[-1] in "\"'" and len(t) > 1 else t for t in TOKEN.findall(text)]


def _in_double_quotes(string: str) -> str:
    start = string.index(string[-1])
    return f'{string[:start]}"{string[start + 1 : -1]}"'


def local_shingles(tokens: Sequence[str], size: int = SHINGLE_TOKENS) -> frozenset[str]:
    """The distinct `size`-grams of tokens, names numbered anew in each: invariant under renaming and moving code.

    Keywords, builtins and attributes are kept. A shorter text is one shingle, an empty one has none.
    """
    starts = range(max(1, len(tokens) - size + 1)) if tokens else range(0)
    return frozenset(_run(tokens, start, start + size) for start in starts)


def _run(tokens: Sequence[str], start: int, end: int) -> str:
    names: dict[str, str] = {}
    run = []
    for index in range(start, min(end, len(tokens))):
        token = tokens[index]
        is_attribute = index > 0 and tokens[index - 1] == "."
        if token.isidentifier() and token not in FIXED_NAMES and not is_attribute:
            token = names.setdefault(token, f"v{len(names)}")
        run.append(token)
    return " ".join(run)


def prompt_words(prompt: str) -> list[str]:
    """Lower-cased words of a prompt's prose, without examples, signatures, imports and "write a function to"."""
    prose = "\n".join(line for line in prompt.splitlines() if not CODE_LINE.match(line))
    return WORD.findall(BOILERPLATE.sub(" ", prose.lower()))


def prompt_shingles(prompt: str) -> frozenset[str]:
    """The distinct word bigrams of a prompt's prose; a single word is one shingle."""
    words = prompt_words(prompt)
    starts = range(max(1, len(words) - SHINGLE_WORDS + 1)) if words else range(0)
    return frozenset(" ".join(words[start : start + SHINGLE_WORDS]) for start in starts)


def jaccard(a: Set[str], b: Set[str]) -> float:
    """Size of the intersection over that of the union, in [0, 1]; two empty sets are equal (1.0)."""
    shared = len(a & b)
    return shared / (len(a) + len(b) - shared) if a or b else 1.0
