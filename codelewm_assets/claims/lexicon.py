"""The words of the audit: claim words, subjects, negations. Tables; no logic but matching.

In a table alternatives are parted by two spaces or a line; each is a regular expression of whole words, in any case.
"""

import re
from typing import NamedTuple

from codelewm_assets.core.ids import BENCHMARKS

BENCHMARK_WORDS = "|".join(own.words for own in BENCHMARKS.values())
BENCHMARK_TITLES = "|".join(own.title.lower() for own in BENCHMARKS.values())
SETS = {
    "<GATE>": r"(?:gates?|bars?|thresholds?|floors?|margins?|criteri\w+|(?:health )?checks?)",
    "<AREA>": r"(?:(?:non-)?collapse|retrieval|surprise|prob(?:e|es|ing)|calibration|re-?rank\w*|integrity|<BENCHMARK>)",
    "<BENCHMARK>": f"(?:{BENCHMARK_WORDS})",  # after <AREA>, which holds it
    "<CLOSED>": r"(?:closed|blocked|forbidden|disallowed|prohibited|unsupported|unproven|undecided|rejected|retracted|withdrawn"
    r"|disproved|refuted|untrue|false|denied)",
    "<SAYING>": r"(?:claims?|statements?|wordings?|sentences?|conclusions?)",
    "<CONTROL>": r"(?:controls?|baselines?|no_action|shuffled_action|lexical|consensus|surface_lr|llm_order)",
    "<VERB>": r"(?:improve[sd]|outperform(?:s|ed)|beats|surpass(?:es|ed)|exceed(?:s|ed)|generali[sz]e[sd]|achieve[sd]"
    r"|attain(?:s|ed)|excels|wins|won|pass(?:es|ed)|clear(?:s|ed)|prove[sd]|demonstrate[sd]|boost(?:s|ed)|retrieve[sd]|detects"
    r"|carr(?:y|ies)|encode[sd]?|captures?|understands|robust|better|superior|state|well[- ]calibrated|non-collapsed"
    r"|succeed(?:s|ed))",
    "<RIGHT>": r"(?:right|correct|passing|best|good)",
    "<PROGRAM>": r"(?:programs?|completions?|candidates?|solutions?)",
    "<HAS>": r"(?:shows?|showed|has|have|had|gives?|gave|gets?|got|gains?|gained|yields?|yielded|brings?|brought|delivers?"
    r"|delivered|with)",
    "<TELLS>": r"(?:tells?|told|separates?|distinguish\w*|discriminat\w*)",
    "<NOT>": r"(?: not|n't)",
}
"""Sets of words that tables share."""


def _filled(pattern: str) -> str:
    for name, words in SETS.items():
        pattern = pattern.replace(name, words)
    return pattern


def _any(table: str) -> re.Pattern[str]:
    alternatives = re.split(r"\s{2,}|\n", table.strip())
    return re.compile(r"\b(?:" + "|".join(map(_filled, alternatives)) + r")\b", re.IGNORECASE)


def _all(*parts: str) -> re.Pattern[str]:
    """Any of the patterns, not only of whole words."""
    return re.compile("|".join(map(_filled, parts)), re.IGNORECASE)


MODEL = _any(r"""
    codelewm(?!(?:[_-]assets|[_ -]execution pack))  p_pass  z_pred\w*  latents?(?: spaces?)?  representations?  checkpoints?
    (?:world |transition |our |trained )?models?(?! (?:card|complet|wrote|config)\w*)  predictor  encoders?
    critics?  re-?rank(?:s|ed|er|ers|ing)?  both seeds  seeds? (?:42|1729)  each seed
    (?:our|this|the|its) (?:method|approach|score|scorer|scores|ranker|head|network|training run|results?)
""")
"""Subjects of a claim about the model."""
EVALUATION = _any(r"""
    <CONTROL>  surface features  pass@\d+  re-?rank\w*  completions?  recall@\d+  mrr  roc-auc  decoys?
    <BENCHMARK>(?:[- ]?plus)?  benchmarks?  coding  generated code
""")
"""Benchmarks, metrics and baselines: a claim about these with a pronoun or unknown subject is about the model."""
OTHER_SUBJECT = _any(r"""
    <CONTROL>  references?  programs?  completions?  rewrites?  mutants?  rules?  checks?  tests?  guard  problems?  pools?
    sensors?  runs?  jobs?  rows?
""")
"""Other subjects: a control that beats the model, a program that passes its tests. Not claims about the model."""
SOFTWARE = _any(r"""
    labell?ers?  labell?ing  sandbox(?:es)?  fork server  store  spread  workers?  cache  throughput  codelewm[_-]assets  harness
    padded rows  packed (?:documents|training)  packing  wall time  seconds  rows per second  tokens per second  tool  command  ui
    subprocess(?:es)?  docs?  documentation  pages?  messages?  plots?  isolation  build times?
""")
"""The project's software: that it is faster than a peer says nothing of the model."""
PRONOUN = re.compile(
    r"^\W*(?:(?:and|but|so|then|also|still|thus|hence|overall|again|here|now|clearly|indeed|which|who|that|it|they|this|these"
    r"|we|all|both|even|always|consistently|significantly|has|have|had|is|are|was|were|can|will|already|on|in|for|with|by"
    rf"|{BENCHMARK_TITLES}|each|either|seed|seeds|benchmark|benchmarks|a|the|to|of)\W*)*$",
    re.IGNORECASE,
)
"""The words before a claim word name nobody: its subject is the one that was spoken of before."""


class ClaimWord(NamedTuple):
    """A way to claim. `needs_subject`: only when it is of the model; else the words are about models by themselves."""

    kind: str
    pattern: re.Pattern[str]
    needs_subject: bool = True


CLAIM_WORDS: tuple[ClaimWord, ...] = (
    ClaimWord("non_collapsed", _any(r"""
        non-collapsed  (?:has|have|had|did)<NOT> (?:\w+ )?collapsed?  free of collapse  no (?:sign of )?collapse
    """)),
    ClaimWord("calibrated", _any(r"""
        (?:well[- ])?calibrated(?! to\b)
        <TELLS> (?:\w+ )?(?:pass\w*|<RIGHT>) (?:\w+ )?(?:from|and) (?:fail|wrong|incorrect|bad|buggy)\w*
    """)),
    ClaimWord("retrieves", _any(r"""
        retriev(?:es|ed|e) (?:the |its )?\w* ?(?:outputs?|results?)  finds? (?:the )?(?:real|right|true) outputs?
    """)),
    ClaimWord("surprise", _any(r"""
        (?:are|is|was|were|find\w*) (?:\w+ )?surpris\w+  surpris(?:es?|ed) (?:the )?\w* ?model
        (?:detects?|detected|spots?|recogni[sz]es?) (?:\w+ ){0,2}(?:decoys?|mutations?|mutants?)
    """)),
    ClaimWord("bugs", _any(r"""
        <TELLS> (?:\w+ ){0,4}(?:bugs?|mutants?|twins?|faults?|defects?)
        (?:finds?|found|detects?|detected|spots?|recogni[sz]es?|catch(?:es)?) (?:\w+ ){0,3}(?:bugs|faults|defects)
    """)),
    ClaimWord("semantics", _any(r"""
        (?:carr(?:y|ies|ied)|encod(?:es?|ed)|captur(?:es?|ed)) (?:\w+ ){0,3}(?:semantics?|meaning|correctness|magnitudes?|pass/fail)
        (?:represents?|expos(?:es?|ed)) (?:\w+ ){0,3}(?:semantics?|meaning|behaviou?r|correctness|pass/fail)
        (?:is|are) (?:\w+ )?decodable
    """)),
    ClaimWord("gate", _any(r"""
        (?:pass(?:es|ed)?|clear(?:s|ed)?|satisf(?:y|ies|ied)|meets?|met|reach(?:es|ed)?) (?:[\w/+-]+ ){0,5}<GATE>
        (?:pass(?:es|ed)?|clear(?:s|ed)?) (?:[\w/+-]+ ){0,4}(?:<AREA>|benchmarks?)
        <AREA> (?:[\w/+-]+ ){0,2}(?:pass(?:es|ed)|clears|cleared)(?! (?:all |the |its )*tests)
        <AREA> (?:[\w/+-]+ ){0,2}gates? (?:holds?|held)
        <GATE> (?:all |both )?(?:pass|passes|passed|held|(?:is|are|was|were) met)
    """)),
    ClaimWord("boast", _any(r"""
        state[- ]of[- ]the[- ]art  sota  best[- ](?:in[- ]class|performing|known)  world[- ]class  unmatched  unbeaten  unrivall?ed
        unsurpassed  second to none  break-?through  production[- ]ready  cutting[- ]edge  robust(?:ly|ness)?  healthy  reliabl[ey]
        generali[sz](?:es?|ed|ing|ations?)  transfers? to  excel(?:s|led)?  understand(?:s|ing)?  understood  reasons? about
        learn(?:s|ed|t)? (?:\w+ ){0,2}(?:semantics|meaning|to)  succeeds?  succeeded  useful(?:ness)? (?:for|in|to)
        demonstrat(?:es?|ed|ing) (?:that|its|the|strong|clear|real) (?:\w+ )?(?:value|ability|benefit|usefulness|power)
        demonstrat(?:es?|ed|ing) (?:that|its|the|strong|clear|real) (?:\w+ )?(?:superiority|advantage|gains?|performance|skill)
        prov(?:es?|ed|en) (?:\w+ )?(?:useful|effective|correct|superior|value|ability|itself)
        help(?:s|ed)? (?:\w+ )?(?:developers?|users?|coders?|coding|llms?)
        solv(?:es|ed) (?:\w+ )?(?:re-?ranking|execution|the task)
        predicts? (?:\w+ ){0,4}(?:accurately|correctly|reliably|well)  (?:accurately|correctly) (?:predicts?|ranks?|judges?|scores?)
    """)),
    ClaimWord("boast", _any(r"""
        improv\w+ (?:on|over|upon) (?:the )?state  (?:first|only) models? (?:to|that)
    """), needs_subject=False),
    ClaimWord("better", _any(r"""
        improv(?:es?|ed|ing|ements?)  out-?perform(?:s|ed|ing)?  beat(?:s|en|ing)?  surpass(?:es|ed|ing)?  exceed(?:s|ed|ing)?
        out-?(?:rank|scor)(?:s|es|ed|e|ing)?  better  superior(?:ity)?  wins?  won  winning  ahead of  achiev(?:es?|ed|ing)
        attain(?:s|ed|ing)?  boost(?:s|ed|ing)?  dominat(?:es?|ed) (?:\w+ ){0,2}<CONTROL>  (?:is|are|be) the best(?! control)
        (?:rais|increas|lift)(?:es?|ed|ing|s) (?:\w+ ){0,2}(?:pass@1|accuracy|mrr|recall)
        <HAS> (?:[\w.%+-]+ ){0,4}(?:lifts?|gains?|advantage|edge|uplift|points? (?:over|above))
        (?:picks?|selects?|chooses?|finds?|ranks?) (?:the )?<RIGHT> <PROGRAM>  strong(?:ly)? (?:\w+ )?re-?rank\w*
        no (?:control|baseline|other \w+|one|score)\w* (?:comes? close|match(?:es)?)  (?:is|are) (?:not|no|never) worse
    """)),
)  # fmt: skip
FINITE = _filled(
    r"(?:it |they |this |that |we |these |the model |also |even |still |thus |clearly |then |consistently |has |have |is |are )*"
    r"<VERB>"
)
"""A claim in a finite form: after "and" it starts a clause of its own, which an earlier "not" does not govern."""
FINITE_VERB = SETS["<VERB>"]
BEYOND = _any(r"""
    (?:all|any|every) (?:languages?|models?|benchmarks?|tasks?|problems?|code)  other (?:languages|models?)  java(?:script)?  c\+\+
    rust  generally  in general  always  consistently  significant(?:ly)?  substantial(?:ly)?  dramatic(?:ally)?  great(?:ly)?
    strong(?:ly)?  vastly  clear(?:ly)? (?:better|superior)  wide margin  far  much  real[- ]world  software engineering
    code generation  coding (?:benchmarks|assistants|ability)?  gpt\S*  llms?  language models?  unseen  beyond  swe-bench\w*
    livecodebench  bigcodebench  apps  ds-1000  codecontests  codenet  production  perfect(?:ly)?
""")
"""Scope and strength that no claim of the register has, whatever is open."""
NEGATION = _any(r"""
    not  \w+n't  cannot  never  no  none  neither  nor  nothing  nobody  nowhere  hardly  barely  scarcely  rarely  without
    fail(?:s|ed|ing)? to  unable to  far from  short of  rather than  instead of  lack(?:s|ed|ing)?  absence of  <CLOSED>  unclear
    unknown  refut\w+  refus\w+  forb\w+  den(?:y|ies)  retract\w*  withdr\w+  prevents?  avoid\w*  yet to  less  worse
    too (?:small|few|short|weak|noisy) to  the claims? (?:that|of)
""")
RIVAL_NO = re.compile(r"\b(?:no|nothing|none|nobody|not|neither|nor|never)\b", re.IGNORECASE)
"""Negations of who does it, which deny nothing of the model when they are of its rivals."""
DENIES_THAT = _all(
    r"\b(?:(?:do|does|did|must|should|may|can|could|will|would|is|are|was|were)<NOT>|cannot|never|no|nor|nobody|nothing)\b"
    r"[^,;:]*\bthat\b"
)
"""A denial of a whole sentence that follows."""
MODAL = _all(
    r"\b(?:would|could|may|might|should|must|shall|need(?:s|ed)? to|ha(?:s|ve) to|(?:aim|hope|want|try|tries|trie[ds]|seek|ask"
    r"|tuned|meant|designed|intended|trained|supposed|expected|required|order|goal|purpose|attempt|effort|task|plan)\w*"
    r"(?: \w+){0,3} to)\b(?:\W+[\w-]+){0,4}\W*$",
    r"^\W*to\W*$",
    r"^\W*(?:had|should|were) (?:it|p_pass|codelewm|the|a|any|both)\b",
)
"""Wishes, plans and duties right before the claim word."""
CONDITION = _any(r"""
    if  unless  until  whether  only (?:when|if|while|once|on)  once (?:the|its|all|both|every) gates?  supposing  provided that
    before (?:it|they|p_pass|codelewm|the|a|any)  (?:opens?|holds?) (?:when|once|as soon as)  say(?:s|ing)? (?:that|so)?  asks?
    how (?:often|much|far|well)
""")
CONDITION_AFTER = _any(r"""
    only (?:when|if|while|once)  unless  until
    if (?:the|its|all|both|every|each|a) (?:[\w-]+ ){0,3}(?:gates?|claims?|intervals?|rules?) (?:hold|open|were|was|is|are)\w*
""")
DENIED_AFTER = _all(
    r"^\W*(?:\w+\W+){0,3}(?:no|none|nothing|neither|nobody|few)\b(?! (?:less|fewer|doubt))",
    r"\b(?:on|for|in|over|against) (?:no|neither|none)\b",
    r"\b(?:by chance|nowhere|only by|fails?|failed|needs? \w+ gates?|(?:is|are|was|were) (?:an open|a) question)\b",
    r"\b(?:is|are|was|were|stays?|remains?|kept|has been|have been) (?:not|<CLOSED>|unknown|unclear|an open question)\b",
    r"\b(?:proves?|means?|says?|shows?) (?:little|nothing)\b|\b(?:is|are) (?:wanted|needed|planned|future work)\b",
)
"""Negations after the claim word: "beats none of", "on neither seed", "… is CLOSED"."""
NO_DENIAL = _all(
    r"\bnever before (?:has|have|had|did)\b|\bnever (?:loses?|lost|fails?|failed)\b|\bno[- ]op\b|\bas if\b",
    r"\bno (?:doubt|question|longer in doubt|matter \w+|wonder|surprise|less|fewer|exception|exaggeration)\b|\bnone other\b",
    r"\bnot (?:only|just|merely|least|surprising\w*|unlike\w*|to mention|yet (?:released|published|public))\b",
    r"\bcan(?:not|'t| not) be (?:denied|doubted|overstated)\b|\bnothing (?:but|less than|short of)\b",
    r"\b(?:without|with no|with little|with neither|despite no|using no|having no|at no)\b"
    r"(?! (?:improv|outperform|beat|generali|achiev|point|time))(?: (?!codelewm|p_pass|the model)[\w-]+){1,4}",
    r"\b(?:regardless of|no matter) (?:whether|if)\b|\beven (?:if|though|when)\b|\bif (?:anything|only|not|just|you)\b",
    r"\bwhether (?:[\w-]+ ){1,5}or (?:[\w-]+ ?){1,4},|\bless than (?:an? )?(?:day|hour|week|minute|gpu)\w*",
)
"""Negations and conditions in form alone; blanked before the others are looked for."""
STATUS = _all(
    r"^\W*(?:<CLOSED>|fail(?:s|ed)?|not[ _](?:met|recorded|evaluable|shown|run|supported|claimed|allowed))(?![\w-])"
    r"(?!.*\b(?:open|now|holds|passed)\b)"
)
DENYING = _any(r"""
    (?:do|does|did|should|must|may|can|could|will|is|are|was|were)<NOT>\b.{0,40}\b(?:<SAYING>|claim(?:ed|ing)|sa(?:y|id)|read|state[ds]?)
    (?:do|does|did|should|must|may|can|could|will|is|are|was|were)<NOT>\b.{0,40}\b(?:shown?|establish\w*|support\w*|hold|true|allowed)
    cannot\b.{0,30}\b(?:claim\w*|sa(?:y|id)|conclud\w*|be read)  <CLOSED>\b.{0,30}\b<SAYING>  <SAYING>\b.{0,40}\b<CLOSED>
    <SAYING>\b.{0,40}\bnot (?:made|allowed|supported|open|shown|established|claimed)  never (?:claim|say|write)
    not (?:to be )?(?:claimed|said|shown|supported|established|claiming|saying|proven|met)
    none of (?:this|these|the following|them)
    no (?:evidence|support|proof) (?:for|that|of)  (?:stay|remain|kept)s? closed  avoid (?:saying|claiming|these|the words?)
    overclaims?  non-?claims?  (?:holds?|opens?|passes) (?:when|once|if)  only (?:when|while|once|if)\b.{0,30}\b(?:open|hold\w*)
    (?:when|while|once|if)\b.{0,20}\b(?:is|are) open
""")
"""Headings, lead-ins and columns under which claims are listed so as not to be made, or only under a condition."""
REOPENED = _any(r"""
    (?:no longer|not|was|were|used to be|once|formerly|previously) <CLOSED>  re-?opened  now (?:open|allowed|supported|shown)
""")


def denies(lead: str) -> bool:
    """A list under these words is not claimed."""
    return bool(DENYING.search(lead)) and not REOPENED.search(lead)


def states_status(cell: str) -> bool:
    """The cell says that its row does not hold."""
    return bool(STATUS.match(cell)) and len(cell) < 60
