"""Decides if a claim word in a sentence claims: no negation governs its clause, and its subject is the model.

"It is not slow, and it outperforms every control" claims; "it is slow and does not outperform any control" does not.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from codelewm_assets.claims import lexicon
from codelewm_assets.claims.lexicon import CLAIM_WORDS, ClaimWord, denies, states_status

BREAK = re.compile(
    r"[;]|\s[–—-]{1,2}\s|—|(?:,\s|\sand\s)yet\b"
    r"|,?\s\b(?:but|whereas|while|although|though|however|because|since|so that|which|who)\b"
    rf"|,\s(?:and|so|or|then)\b|\s(?:and|or)\s(?={lexicon.FINITE}\b)", re.IGNORECASE,
)  # fmt: skip
"""Clause boundaries. A comma alone is not one: it also separates list items and phrases before the verb."""
ASIDE = re.compile(
    r",\s(?!(?:and|or|nor)\b)(?:which|who|whose|that|where|though|although|even|while|unlike|like|not|with|without|despite|on|in|for"
    r"|at|by|over|as|of|we|to|under|from|after|before|if|however|therefore|moreover|notably|indeed|alas|surely|clearly|obviously"
    r"|a|an|the|its|trained|\w+ly)\b[^,;:()]*,|\([^()]*\)|\s[–—]\s[^–—]*\s[–—]\s", re.IGNORECASE,
)  # fmt: skip
"""Parenthetical phrases, which do not affect the verb after them."""
SAME_SUBJECT = re.compile(rf"\s*(?:that\b|(?:also |even |is |are |has |have )*{lexicon.FINITE_VERB}\b)", re.IGNORECASE)
"""A further verb with the subject of the previous clause."""
BASE_FORM = re.compile(
    r"(?:improve|outperform|beat|surpass|exceed|generali[sz]e|achieve|attain|win|boost|excel|understand)$", re.I
)


class ClaimPhrase(NamedTuple):
    """A claim word that claims: its kind and its clause."""

    kind: str
    clause: str


def find_claims(sentence: str, hint: str) -> Iterator[ClaimPhrase]:
    """Every claim of a sentence. Args: hint: the subject of a sentence that names none."""
    text = re.sub(r"\bno[- ]action\b", "no_action", sentence, flags=re.IGNORECASE)
    text = re.sub(r"\bshuffled[- ]action\b", "shuffled_action", text, flags=re.IGNORECASE)
    if text.rstrip("\"')*_ ").endswith("?") and not re.match(r"\W*(?:why|how)\b", text, re.IGNORECASE):
        return  # a question states nothing; "why does it win?" does
    text = lexicon.NO_DENIAL.sub(lambda m: "~" * len(m[0]), text)
    for word in CLAIM_WORDS:
        for match in word.pattern.finditer(text):
            left, right, earlier = _clause(text, match.start(), match.end())
            if _is_of_the_model(word, left, match[0], right, earlier or hint) and not _is_retracted(
                left, match[0], right
            ):
                yield ClaimPhrase(word.kind, f"{left}{match[0]}{right}".strip())
                break


def _clause(text: str, start: int, end: int) -> tuple[str, str, str]:
    """The text before and after the words in their clause, and the sentence before that clause."""
    before = ASIDE.sub(lambda m: " " * len(m[0]) if ":" not in m[0] else m[0], text[:start])
    opened = before.rfind("(")
    begins = opened + 1
    for match in BREAK.finditer(before + text[start:], begins):
        continues = lexicon.DENIES_THAT.search(before[begins : match.start()]) and SAME_SUBJECT.match(text, match.end())
        if match.end() <= start and not continues:  # "we do not claim that it wins, or is robust" denies both
            begins = match.end()
    colon = before.rfind(":", begins)
    if colon >= 0:
        label = before[begins:colon]
        if not (denies(label + ":") or states_status(label)):  # a denying label denies all that follows
            begins = colon + 1
    ends = next((match.start() for match in BREAK.finditer(text, end)), len(text))
    closed = text.find(")", end, ends) if opened >= 0 else -1
    return before[begins:start], text[end : closed if closed >= 0 else ends], text[:begins].strip()


def _is_retracted(left: str, word: str, right: str) -> bool:
    """A negation, wish, condition or status governs the claim word."""
    if re.search(r"\b(?:is|are|was|were) (?:now )?(?:open|allowed)\b", right, re.IGNORECASE):
        left = re.sub(r"\bthe claims? (?:that|of)\b", "", left, flags=re.IGNORECASE)
    auxiliary = word if re.match(r"(?:has|have|had|did|is|are|no)\b", word, re.IGNORECASE) else ""
    if lexicon.CONDITION.search(left) or lexicon.CONDITION_AFTER.search(right):
        return True
    if re.match(r"\s(?:when|once|if)\b", right) and re.search(r"(?:holds?|pass(?:es)?)$", word):
        return True  # a rule, not a result
    if _is_beaten(left, word, right):
        return not lexicon.NEGATION.search(left)  # "is not beaten by any control" claims, "is beaten by one" does not
    if lexicon.MODAL.search(left):
        return True
    nearest = left
    if "," in left and not (BASE_FORM.search(word) or lexicon.DENIES_THAT.search(left) or ":" in left):
        nearest = left.rpartition(",")[2]  # a phrase before the verb does not negate it
    for negation in lexicon.NEGATION.finditer(nearest):
        if not _is_of_a_rival(negation[0], nearest[negation.end() :], right):
            return True
    if not auxiliary and re.search(r"\b(?:no|little|zero|neither)\b", word, re.IGNORECASE):
        return True  # "shows no lift"
    return bool(lexicon.DENIED_AFTER.search(right)) and not auxiliary.lower().startswith("no")


def _is_beaten(left: str, word: str, right: str) -> bool:
    """The model is the one that is beaten."""
    passive = re.match(r"(?:beaten|outperformed|surpassed|exceeded)$", word, re.IGNORECASE) and re.match(
        r"\W*by\b", right
    )
    return bool(passive and lexicon.MODEL.search(left) and not lexicon.MODEL.search(right))


def _is_of_a_rival(negation: str, after: str, right: str) -> bool:
    """The negation is of a rival that beats the model: "no control beats p_pass", "nothing outperforms CodeLeWM"."""
    if not lexicon.RIVAL_NO.fullmatch(negation) or lexicon.MODEL.search(after) or not lexicon.MODEL.search(right):
        return False
    return bool(lexicon.OTHER_SUBJECT.search(after)) or (
        negation.lower() in ("nothing", "none", "nobody") and not after.strip()
    )


def _is_of_the_model(word: ClaimWord, left: str, match: str, right: str, earlier: str) -> bool:
    """The claim is about the model, not about a control, a program or the project's software."""
    if not word.needs_subject or word.kind in ("non_collapsed", "calibrated", "retrieves", "surprise", "semantics"):
        return bool(lexicon.MODEL.search(f"{left} {match} {right} {earlier}")) or word.kind == "calibrated"
    measured = bool(lexicon.EVALUATION.search(ASIDE.sub(" ", right).partition(",")[0]))
    if lexicon.SOFTWARE.search(left) and not (lexicon.MODEL.search(left) or re.search(r"re-?rank|pass@1", right, re.I)):
        return False
    if re.search(r"(?:en|ed)$", match, re.I) and re.search(r"\bby\b", right, re.I) and lexicon.MODEL.search(right):
        return True  # "every control is beaten by p_pass"
    is_noun = re.search(r"(?:ment|ments|ity|ness|art|sota|ation|ations|through)$", match, re.I)
    if lexicon.MODEL.search(left) or (is_noun and lexicon.MODEL.search(right)):
        return True
    if lexicon.OTHER_SUBJECT.search(left):
        return bool(lexicon.RIVAL_NO.search(left) and lexicon.MODEL.search(right))  # "no control beats p_pass"
    of_software, of_model = lexicon.SOFTWARE.search(right), lexicon.MODEL.search(right)
    if of_software and not (of_model and of_model.start() < of_software.start()):
        return False
    if word.kind == "gate" and re.search(lexicon.SETS["<AREA>"], f"{match} {right}", re.I):
        return True
    if word.kind == "gate" and re.match(r"gates?\b", match, re.I):
        return bool(re.search(r"\b(?:all|every|each|both)\b", left, re.I))
    if lexicon.PRONOUN.match(left):
        if not earlier and re.match(r"out-?perform|surpass", match, re.I):
            return True  # its subject is not named
        return measured or bool(lexicon.MODEL.search(f"{right} {earlier}"))
    return measured
