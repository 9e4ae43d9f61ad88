"""Whether a Markdown text says more than the gates allow. Reads sentences; knows the claims by their wording."""

import re
from collections.abc import Mapping
from typing import NamedTuple

WORDINGS: dict[str, tuple[str, ...]] = {
    "improves_reranking": (
        r"\bimprov\w+\b.*\brerank",
        r"\brerank\w*\b.*\b(improv\w+|outperform\w*|beats?|better than|wins?)\b",
        r"\boutperform\w*\b",
        r"\bimprov\w+\b.*\bpass@1\b",
        r"\bstate[- ]of[- ]the[- ]art\b",
        r"\bbeats? (every|all|the best) (control|baseline)s?\b",
    ),
    "p_pass_is_calibrated": (r"\bp_pass\b.*\bis (well[- ])?calibrated\b", r"\bwell[- ]calibrated\b"),
    "retrieves_outputs": (r"\blatents?\b.*\bretrieves?\b",),
    "is_surprised_by_decoys": (
        r"\bdecoys?\b.*\bsurprise the model\b",
        r"\bdetects? (semantic )?(decoys|mutations)\b",
    ),
    "latents_carry_semantics": (r"\blatents?\b.*\b(carry|encode|capture)s?\b.*\bsemantics?\b",),
    "is_non_collapsed": (r"\bnon-collapsed\b", r"\b(has|have|did) not collapsed?\b"),
}
NARROWER = {"humaneval": "improves_reranking_on_humaneval", "mbpp": "improves_reranking_on_mbpp_plus"}
HEDGE = re.compile(
    r"\b(not|never|cannot|can't|whether|unless|until|if|closed|undecided|fails?|unproven|would|only when|the claims? that)\b"
    r"|^(no|none|neither)\b|\?",
    re.IGNORECASE,
)
NOT_COLLAPSED = re.compile(r"\b(has|have|did) not collapsed?\b", re.IGNORECASE)  # here "not" is the claim, no denial
FENCE = re.compile(r"^(```|~~~)")


class Overclaim(NamedTuple):
    """A sentence that is beyond the gates."""

    line: int
    claim_id: str
    sentence: str


def sentences(markdown: str) -> list[tuple[int, str]]:
    """(line number, sentence) of running text, list items and table cells; code is left out."""
    found: list[tuple[int, str]] = []
    in_code, paragraph, start = False, list[str](), 0

    def flush() -> None:
        text = " ".join(paragraph)
        found.extend((start, part.strip()) for part in re.split(r"(?<=[.!?])\s+|\s*\|\s*", text) if part.strip())
        paragraph.clear()

    for number, line in enumerate(markdown.splitlines(), 1):
        if FENCE.match(line.strip()):
            flush()
            in_code = not in_code
        elif in_code:
            continue
        elif not line.strip() or re.match(r"\s*([-*#|]|\d+\.)", line):
            flush()
            start = number
            if line.strip():
                paragraph.append(re.sub(r"^\s*([-*#]+|\d+\.)\s*", "", line))
        else:
            start = start if paragraph else number
            paragraph.append(line.strip())
    flush()
    return [(line, re.sub(r"`([^`]*)`", _code_span, text)) for line, text in found]


def _code_span(span: re.Match[str]) -> str:
    return span[1] if span[1] == "p_pass" else ""  # a claim may be made of p_pass set as code


def audit_text(markdown: str, claims: Mapping[str, str]) -> list[Overclaim]:
    """Sentences that state a claim which is not OPEN.

    A sentence that denies, asks or conditions states nothing. A claim that is not in `claims` counts as CLOSED.
    Args: claims: claim id → OPEN or CLOSED.
    """
    found = []
    for line, sentence in sentences(markdown):
        if HEDGE.search(NOT_COLLAPSED.sub("", sentence)):
            continue
        for claim_id, patterns in WORDINGS.items():
            if not any(re.search(pattern, sentence, re.IGNORECASE) for pattern in patterns):
                continue
            allowed = {claim_id}
            if claim_id == "improves_reranking":
                named = [narrow for word, narrow in NARROWER.items() if word in sentence.lower()]
                allowed |= set(named) if len(named) == 1 else set()
            if not any(claims.get(name) == "OPEN" for name in allowed):
                found.append(Overclaim(line, claim_id, sentence))
                break
    return found
