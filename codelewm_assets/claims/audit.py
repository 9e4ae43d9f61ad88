"""Claim audit of Markdown texts: finds sentences that claim more than the gates allow, and links each to the register.

It detects claims by their words (lexicon.py), clause by clause (clauses.py): the usual phrasings, not every one. Figures are not
compared: those of reports and cards are rendered from records.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from codelewm_assets.claims.clauses import ClaimPhrase, find_claims
from codelewm_assets.claims.lexicon import BENCHMARK_WORDS, BEYOND
from codelewm_assets.claims.register import GATE_RULES, claims, named_scorer
from codelewm_assets.claims.sentences import Passage, passages
from codelewm_assets.claims.verdicts import ClaimGates
from codelewm_assets.core.ids import BENCHMARKS
from codelewm_assets.core.records import Record

NOT_IN_REGISTER = "not_in_register"
Why = Literal["CLOSED", "NOT_IN_REGISTER", "BEYOND_WORDING"]
KINDS = {
    "non_collapsed": "is_non_collapsed",
    "calibrated": "p_pass_is_calibrated",
    "retrieves": "retrieves_outputs",
    "surprise": "is_surprised_by_decoys",
    "semantics": "latents_carry_semantics",
}
"""Kind of claim word → its claim, for kinds that belong to one claim."""
TOPICS: tuple[tuple[str, str], ...] = (
    (r"re-?rank|pass@\d|completions?\b|candidates?\b|llm_order|programs?\b", "improves_reranking"),
    (r"retriev|recall@\d+|\bmrr\b", "retrieves_outputs"),
    (r"decoys?\b|surpris", "is_surprised_by_decoys"),
    (r"\bprob(?:e|es|ing)\b|representations?\b", "latents_carry_semantics"),
    (r"roc-auc|calibrat|surface features|surface_lr", "p_pass_is_calibrated"),
    (rf"controls?\b|baselines?\b|no_action|shuffled_action|lexical|consensus|{BENCHMARK_WORDS}", "improves_reranking"),
    (r"latents?\b", "latents_carry_semantics"),
)
"""Topic pattern of a comparison → its claim, tried in this order; without a match it belongs to no claim."""
TITLES = {own.words: name for name, own in BENCHMARKS.items()}
CRITIC = re.compile(r"\bcritics?\b", re.IGNORECASE)
ANYTHING = "ANYTHING"  # in place of what a named scorer reads
KNOWN_BUGS = "_tells_known_bugs"  # how the claim id of every scorer ends, after its name
UNSEEN = re.compile(r"\bunseen|held[- ]out|other operators|new operators|never (?:saw|seen)", re.IGNORECASE)
GATE_WORDS: tuple[tuple[str, str], ...] = (
    *((own.words, f"rerank:{name}") for name, own in BENCHMARKS.items()),
    (r"collapse", "collapse"),
    (r"retriev", "retrieval"),
    (r"surpris|decoy", "surprise"),
    (r"prob(?:e|es|ing)\b", "probe"),
    (r"calibrat", "calibration"),
    (r"integrity", "integrity"),
    (r"action[- _]use", "action_use"),
    (r"contaminat", "contamination"),
    (r"unseen[- _]operators?", "unseen_operators"),
    (r"equivalent[- _]edits?", "equivalent_edits"),
    (r"model[- _]programs?", "model_programs"),
)
GATE_NAMES = frozenset(rule.name for rule in GATE_RULES)
PASSED = re.compile(r"^\W*(?:pass(?:ed|es)?|holds?|met|open|✓|✔|✅)\b\W*", re.IGNORECASE)


class AuditedSentence(Record):
    """A sentence beyond the gates, in a document."""

    document: str  # artifact id and file, or path in the checkout
    line: int
    claim_id: str  # claim or gate
    status: str
    sentence: str


class ClaimAudit(Record):
    """`claim_audit.json`."""

    documents: tuple[str, ...]  # that were read
    overclaims: tuple[AuditedSentence, ...]


class Overclaim(NamedTuple):
    """A sentence beyond the gates: line, claim or gate, reason, and the sentence.

    `status`: CLOSED: the claim, or `gate:<name>`, does not hold; NOT_IN_REGISTER: the register has no such claim; BEYOND_WORDING:
    the claim is OPEN and the sentence says more.
    """

    line: int
    claim_id: str
    status: Why
    sentence: str


def claim_statuses(gates: ClaimGates) -> dict[str, str]:
    """Claim id → OPEN or CLOSED, and `gate:<name>` and `gate:<name>@<seed>` → HOLDS, FAILS or UNDECIDED."""
    statuses: dict[str, str] = {claim.claim_id: claim.status for claim in gates.claims}
    for gate in gates.gates:
        statuses[f"gate:{gate.gate}"] = gate.state
        statuses |= {f"gate:{gate.gate}@{row.seed}": row.state for row in gate.seeds if row.seed is not None}
    return statuses


def audit_text(markdown: str, statuses: Mapping[str, str]) -> list[Overclaim]:
    """Sentences that state a claim which is not OPEN or not in the register, or more than an OPEN claim says.

    Denials, questions and conditions state nothing, nor do sentences listed under words that forbid them.
    Args: statuses: from `claim_statuses`; an absent claim or gate counts as CLOSED.
    """
    overclaims = []
    for passage in passages(markdown):
        if passage.is_quoted:
            continue
        verdicts = [
            check_claim(claim, passage.text, statuses) for claim in find_claims(passage.text, passage.subject_hint)
        ]
        verdicts += _gate_rows(passage, statuses)
        bad = [verdict for verdict in verdicts if verdict is not None]
        if bad:
            claim_id, status = bad[0]
            overclaims.append(Overclaim(passage.line, claim_id, status, passage.text))
    return overclaims


def check_claim(claim: ClaimPhrase, sentence: str, statuses: Mapping[str, str]) -> tuple[str, Why] | None:
    """(claim id, reason) of a claim that must not be stated; None: it may be stated."""
    claim_id = linked(claim, sentence, named_in(statuses))
    if claim_id == NOT_IN_REGISTER:
        return claim_id, "NOT_IN_REGISTER"
    if statuses.get(claim_id) not in ("OPEN", "HOLDS"):
        return claim_id, "CLOSED"
    if not _is_worded(sentence, claim_id, named_in(statuses)) and BEYOND.search(sentence):
        return claim_id, "BEYOND_WORDING"
    return None


def named_in(statuses: Mapping[str, str]) -> list[str]:
    """Names of the candidates that the profile of these statuses names."""
    own = {"codelewm", "critic"}
    return sorted({key.removesuffix(KNOWN_BUGS) for key in statuses if key.endswith(KNOWN_BUGS)} - own)


def _is_worded(sentence: str, claim_id: str, named: Sequence[str]) -> bool:
    """The sentence is one of the claim's, as the headline shows it or by itself; a named scorer may read anything."""
    every = claims([named_scorer(name, ANYTHING) for name in named])
    wordings = next((entry.wordings for entry in every if entry.claim_id == claim_id), ())
    text = sentence.removeprefix("OPEN: ")
    return any(re.fullmatch(re.escape(wording).replace(ANYTHING, "[^.]+"), text) for wording in wordings)


def linked(claim: ClaimPhrase, sentence: str, named: Sequence[str] = ()) -> str:
    """The register's claim or gate that the phrase is about; `not_in_register` if there is none.

    Args:
        named: candidates that a profile names.
    """
    if claim.kind == "boast":
        return NOT_IN_REGISTER
    if claim.kind == "gate":
        named = _gates_named(claim.clause)
        return f"gate:{named[0]}" if len(named) == 1 else NOT_IN_REGISTER
    scorer = _scorer(claim.clause, named) or _scorer(sentence, named) or "codelewm"
    benchmarks = _benchmarks(claim.clause) or _benchmarks(sentence)
    if claim.kind == "bugs":
        if UNSEEN.search(sentence):
            return f"{scorer}_tells_unseen_bugs"
        return f"{scorer}_tells_known_bugs" + (f"_on_{benchmarks[0]}" if len(benchmarks) == 1 else "")
    if scorer != "codelewm":
        return f"{scorer}_improves_reranking"
    topic = KINDS.get(claim.kind) or _topic(claim.clause) or _topic(sentence) or NOT_IN_REGISTER
    if topic == "improves_reranking" and len(benchmarks) == 1:
        return f"{topic}_on_{benchmarks[0]}"
    return topic


def _scorer(text: str, named: Sequence[str]) -> str | None:
    """The scorer other than CodeLeWM that a text names."""
    if CRITIC.search(text):
        return "critic"
    return next((name for name in named if re.search(rf"\b{name}\b", text, re.IGNORECASE)), None)


def _benchmarks(text: str) -> list[str]:
    """The benchmarks that a text mentions, without those that it excludes."""
    scope = re.sub(r"\b(?:not|undecided|closed|except|nothing) (?:on|for|of) \S+", "", text.lower())
    return [name for words, name in TITLES.items() if re.search(words, scope)]


def _gates_named(text: str) -> list[str]:
    """Gates that a text names; the critic's where it speaks of the critic."""
    prefix = "critic:" if CRITIC.search(text) else ""
    named = [f"{prefix}{gate}" for words, gate in GATE_WORDS if re.search(words, text, re.IGNORECASE)]
    return [gate for gate in named if gate in GATE_NAMES]


def _topic(text: str) -> str | None:
    return next((claim_id for words, claim_id in TOPICS if re.search(words, text, re.IGNORECASE)), None)


def _gate_rows(passage: Passage, statuses: Mapping[str, str]) -> list[tuple[str, Why]]:
    """A table row that names a gate in one cell and says in another that it passed, though it does not hold."""
    cell = passage.text.strip().lower()
    named = [rule.name for rule in GATE_RULES if rule.name == cell]
    if not named and re.search(r"\bgates?\b", passage.column, re.IGNORECASE):
        named = _gates_named(cell)
    if len(named) != 1 or not any(PASSED.fullmatch(cell) for cell in passage.row):
        return []
    seed = next((text for text in passage.row if re.fullmatch(r"\d+", text)), None)
    key = f"gate:{named[0]}" if seed is None else f"gate:{named[0]}@{seed}"
    return [] if statuses.get(key) == "HOLDS" else [(key, "CLOSED")]
