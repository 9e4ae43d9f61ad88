"""Thresholds, gates and claims, fixed before training. Changing one is a reviewed commit; docs/claims.md shows all of them.

Each threshold carries its source and the day it was fixed: a published list of CodeLeWM, or the reason given beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from codelewm_assets.core.ids import BENCHMARKS, SEEDS, BenchmarkId

TRACKED: tuple[BenchmarkId, ...] = ("humaneval", "mbpp_plus")
"""Both benchmarks that the general claim and CodeLeWM's tracker ask for. A further one has a gate and a claim of its own."""

V09 = "CodeLeWM v0.9, claim_gates of codelewm_execution_v0_9_short_a10g.yaml"
V09_ON = "2026-06-06"
RFC15 = "CodeLeWM RFC-0015, acceptance"
RFC15_ON = "2026-06-02"
OURS_ON = "2026-11-24"
TWINS_ON = "2026-11-30"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A figure that decides, where it comes from, and the day (ISO) it was fixed there."""

    value: float
    source: str
    fixed_on: str


EFFECTIVE_RANK_RATIO = Threshold(0.20, V09, V09_ON)
MEDIAN_VARIANCE = Threshold(1e-8, V09, V09_ON)
NEIGHBOUR_ENTROPY = Threshold(0.10, V09, V09_ON)
COLLAPSE_FLOORS = {
    "effective_rank_ratio": EFFECTIVE_RANK_RATIO.value,
    "median_variance": MEDIAN_VARIANCE.value,
    "neighbour_entropy": NEIGHBOUR_ENTROPY.value,
}
RETRIEVAL_MARGIN = Threshold(0.05, V09, V09_ON)
SURPRISE_AUC = {
    "mutation": Threshold(0.65, V09, V09_ON),
    "same_problem_different_submission": Threshold(0.60, V09, V09_ON),
    "same_code_different_input": Threshold(0.70, V09, V09_ON),
}
SURPRISE_PAIRS = Threshold(100, "CodeLeWM issue 321; v0.9 scored 0 of 358 pairs, and an AUC needs pairs", "2026-06-01")
SURPRISE_PROBLEMS = Threshold(
    30, "CodeLeWM issue 321: pairs of one problem are not independent; asked of different submissions", "2026-06-01"
)
PROBE_MARGIN = Threshold(0.05, RFC15, RFC15_ON)
PROBE_TARGETS = Threshold(5, RFC15, RFC15_ON)
CALIBRATION_MARGIN = Threshold(0.05, "this project: over surface_lr, which reads the text alone", OURS_ON)
CALIBRATION_STATIC = Threshold(
    0.0, "this project: static reads counts and surprisal of the same program, fitted on the same folds", TWINS_ON
)
CALIBRATION_ERROR = Threshold(0.10, "this project: v0.9 had no gate on calibration", OURS_ON)
RERANK_POINTS = Threshold(3.0, V09, V09_ON)
RERANK_PROBLEMS = Threshold(100, "CodeLeWM RFC-0016: a headline slice has at least 100 locked problems", TWINS_ON)
RERANK_MRR = Threshold(0.0, "CodeLeWM RFC-0016: a lift in MRR too", TWINS_ON)
HELD_OUT_R2 = Threshold(
    0.0, "this project: an untrained network is not collapsed either, and predicts nothing", TWINS_ON
)
ABOVE_CONTROL = Threshold(0.0, "this project: a figure that a control reaches shows nothing of the scorer", TWINS_ON)
FAMILIES = Threshold(
    3, "this project: the mean over fewer held-out operator families says little of unseen ones", TWINS_ON
)
EQUIVALENT_AUC = Threshold(
    0.55, "this project: a scorer that reads 'was edited' reaches 0.67 (docs/critic.md)", TWINS_ON
)
EQUIVALENT_PAIRS = Threshold(30, "this project: with fewer pairs the area is within 0.10 of chance by chance", TWINS_ON)
MODEL_AUC = Threshold(0.5, "this project: chance", TWINS_ON)


@dataclass(frozen=True, slots=True)
class Scorer:
    """A candidate: a scorer that claims are about.

    Attributes:
        prefix: of the names of its gates; CodeLeWM's have none.
        score: its name in score rows.
        subject: how claims call it, with what it reads.
    """

    name: str
    prefix: str
    score: str
    subject: str


CODELEWM = Scorer("codelewm", "", "p_pass", "CodeLeWM, which reads a prompt, a program and an input,")
CRITIC = Scorer("critic", "critic:", "critic", "The critic, which reads a program and its prompt,")
SCORERS = (CODELEWM, CRITIC)


def named_scorer(name: str, reads: str) -> Scorer:
    """A candidate that a profile names. Args: reads: what it reads, as in "the program and its prompt"."""
    return Scorer(name, f"{name}:", name, f"{name}, which reads {reads.strip().rstrip('.')},")


@dataclass(frozen=True, slots=True)
class GateRule:
    """A gate: its rule in one sentence, its thresholds, and the seeds and benchmarks whose evidence it needs.

    Seeds: each of them, or the gate is UNDECIDED; none: the evidence belongs to no seed.
    """

    name: str
    rule: str
    thresholds: tuple[tuple[str, Threshold], ...] = ()
    seeds: tuple[int, ...] = SEEDS
    benchmarks: tuple[BenchmarkId, ...] = tuple(BENCHMARKS)


def _scorer_rules(scorer: Scorer) -> tuple[GateRule, ...]:
    """Gates that every candidate has."""
    name = scorer.score
    return (
        GateRule(
            f"{scorer.prefix}calibration",
            f"ROC-AUC of {name} is at least the margin above surface_lr and above static, both 95% intervals are above 0, its "
            f"calibration error is at most the ceiling, and no row lacks {name}.",
            (
                ("margin over surface_lr", CALIBRATION_MARGIN),
                ("margin over static, above", CALIBRATION_STATIC),
                ("calibration error, at most", CALIBRATION_ERROR),
            ),
        ),
        *(
            GateRule(
                f"{scorer.prefix}rerank:{benchmark}",
                f"Pass@1 of {name} is at least the points above the best control and its MRR above it, both 95% intervals over "
                "problems are above 0, the pools are not saturated, every control has a score in every pool, and the benchmark "
                "is no stand-in.",
                (
                    ("points over the best control", RERANK_POINTS),
                    ("MRR over the best control, above", RERANK_MRR),
                    ("problems", RERANK_PROBLEMS),
                ),
                benchmarks=(benchmark,),
            )
            for benchmark in BENCHMARKS
        ),
        GateRule(
            f"{scorer.prefix}unseen_operators",
            f"On twins of operator families that {name} was trained without, its pass@1 is above that of lm in the mean over "
            "families, with a 95% interval above 0.",
            (("points over lm, above", ABOVE_CONTROL), ("operator families held out", FAMILIES)),
        ),
        GateRule(
            f"{scorer.prefix}equivalent_edits",
            f"Where an edited program passes as the unedited one does, {name} prefers the unedited one with an AUC of at most "
            "the ceiling.",
            (("AUC of unedited over edited, at most", EQUIVALENT_AUC), ("pairs", EQUIVALENT_PAIRS)),
        ),
        GateRule(
            f"{scorer.prefix}model_programs",
            f"On programs that models wrote the 95% interval of the ROC-AUC of {name} is above 0.5, and reranking holds as on "
            "twins with problem_consensus and model_prior among the controls, on each benchmark.",
            (("ROC-AUC, lower bound above", MODEL_AUC), ("points over the best control", RERANK_POINTS),
             ("problems", RERANK_PROBLEMS)),
        ),
    )  # fmt: skip


def named_rules(scorer: Scorer) -> tuple[GateRule, ...]:
    """Gates of a candidate that a profile names: those of every candidate, and what it was trained on."""
    return (
        *_scorer_rules(scorer),
        GateRule(
            f"{scorer.prefix}contamination",
            f"What {scorer.score} was trained on is stated, and holds no scored problem and no near-duplicate of one.",
        ),
    )


GATE_RULES: tuple[GateRule, ...] = (
    GateRule(
        "collapse",
        "Effective-rank ratio, median variance per dimension and nearest-neighbour entropy of z_pred are at their floors or "
        "above, every weight is finite, and R² of z_pred against z_out on held-out records is above 0 and above the untrained "
        "network's, both 95% intervals above 0.",
        (
            ("effective-rank ratio", EFFECTIVE_RANK_RATIO),
            ("median variance", MEDIAN_VARIANCE),
            ("neighbour entropy", NEIGHBOUR_ENTROPY),
            ("held-out R², above", HELD_OUT_R2),
        ),
    ),
    GateRule(
        "retrieval",
        "Recall@1 and MRR are each at least the margin above no_action and above lexical, and the 95% intervals are above 0.",
        (("margin over no_action and lexical", RETRIEVAL_MARGIN),),
    ),
    GateRule(
        "surprise",
        "Pairwise AUC of each decoy category is at its floor or above, and above no_action and the outputs' frequency with 95% "
        "intervals above 0, on pairs and problems enough; half of the true outputs are failing programs'.",
        (
            *((f"AUC of {name}", threshold) for name, threshold in SURPRISE_AUC.items()),
            ("pairs a category", SURPRISE_PAIRS),
            ("problems", SURPRISE_PROBLEMS),
        ),
    ),
    GateRule(
        "probe",
        "One of the labelled targets is decoded from z_pred better than from every control by more than the margin, and the "
        "99% interval of that lift is above 0.",
        (("margin over the best control", PROBE_MARGIN), ("labelled targets", PROBE_TARGETS)),
    ),
    GateRule(
        "action_use",
        "On each benchmark pass@1 or within-problem AUC of p_pass is above no_action and shuffled_action, and its AUC within a "
        "completion above a prior that reads the input alone, each with a 95% interval above 0.",
        (("difference, above", ABOVE_CONTROL),),
    ),
    GateRule(
        "contamination",
        "The encoder starts from scratch, or from weights that cannot have seen a benchmark. What was trained on here, integrity "
        "says.",
    ),
    *(rule for scorer in SCORERS for rule in _scorer_rules(scorer)),
    GateRule(
        "integrity",
        "Every artifact behind the reports verifies with its parents, secret scans are clean, and no scored problem was "
        "trained on.",
        seeds=(),
    ),
)


@dataclass(frozen=True, slots=True)
class Claim:
    """Sentences that may be said in public, word for word, the gates they need, and the groups of which one gate must hold.

    `needs_published_benchmarks`: closed while any benchmark of the run is a stand-in, since the sentence speaks of the model
    in general; False where the sentence is of a benchmark without a stand-in alone, or of the trained weights themselves.
    `reach`: the data that it speaks of. "completions" are programs that models wrote, and no others. Gate names are those of
    `GATE_RULES`.
    """

    claim_id: str
    wordings: tuple[str, ...]
    gates: tuple[str, ...]
    any_of: tuple[str, ...] = ()
    needs_published_benchmarks: bool = True
    reach: str = "trained weights"  # what it speaks of

    @property
    def sentence(self) -> str:
        """The first wording: what reports call the claim."""
        return self.wordings[0]


KNOWN, UNSEEN, PROGRAMS = (
    "generated bugs of known operators",
    "generated bugs of unseen operators",
    "programs that models wrote",
)


def _reach_claims(scorer: Scorer, more: tuple[str, ...] = (), any_of: tuple[str, ...] = ()) -> tuple[Claim, ...]:
    """Claims about a scorer's order of programs, the narrowest reach first.

    Args:
        more: gates that its claims need besides those of every candidate.
        any_of: one of these too, where both benchmarks are spoken of.
    """
    own, of_twins = scorer.prefix, f"tells {KNOWN}"
    both = (*(f"{own}rerank:{name}" for name in TRACKED), f"{own}calibration", *more, "integrity")
    unseen = (*both, f"{own}unseen_operators", f"{own}equivalent_edits")
    of_one = tuple(gate for gate in more if gate.rpartition(":")[2] in ("collapse", "action_use", "contamination"))
    return (
        *(
            Claim(
                f"{scorer.name}_tells_known_bugs_on_{benchmark}",
                (f"{scorer.subject} {of_twins} on {entry.title}.",),
                (f"{own}rerank:{benchmark}", *of_one, "integrity"),
                needs_published_benchmarks="stand_in" in entry.sources,
                reach=f"{KNOWN}, {entry.title}",
            )
            for benchmark, entry in BENCHMARKS.items()
        ),
        Claim(f"{scorer.name}_tells_known_bugs", (f"{scorer.subject} {of_twins}.",), both, any_of, reach=KNOWN),
        Claim(
            f"{scorer.name}_tells_unseen_bugs",
            (f"{scorer.subject} tells {UNSEEN}.",),
            unseen,
            any_of,
            reach=UNSEEN,
        ),
    )


def named_claims(scorer: Scorer) -> tuple[Claim, ...]:
    """Claims about a candidate that a profile names."""
    own, contamination = scorer.prefix, f"{scorer.prefix}contamination"
    return (
        *_reach_claims(scorer, (contamination,)),
        Claim(
            f"{scorer.name}_improves_reranking",
            (f"{scorer.subject} improves reranking of Python completions.",),
            (*(f"{own}rerank:{name}" for name in TRACKED), f"{own}calibration", contamination, f"{own}model_programs",
             "integrity"),
            reach=PROGRAMS,
        ),
    )  # fmt: skip


def gate_rules(named: Sequence[Scorer] = ()) -> tuple[GateRule, ...]:
    """Every gate, with those of candidates that a profile names before `integrity`."""
    return (*GATE_RULES[:-1], *(rule for scorer in named for rule in named_rules(scorer)), GATE_RULES[-1])


def claims(named: Sequence[Scorer] = ()) -> tuple[Claim, ...]:
    """Every claim, with those of candidates that a profile names."""
    return (*CLAIMS, *(claim for scorer in named for claim in named_claims(scorer)))


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "improves_reranking",
        (
            "CodeLeWM improves reranking of Python completions.",
            "p_pass reranks Python completions better than every control.",
        ),
        (
            *(f"rerank:{name}" for name in TRACKED),
            "collapse",
            "retrieval",
            "calibration",
            "action_use",
            "contamination",
            "model_programs",
            "integrity",
        ),
        ("probe", "surprise"),
        reach=PROGRAMS,
    ),
    *(
        Claim(
            f"improves_reranking_on_{benchmark}",
            (
                f"CodeLeWM improves reranking of Python completions on {own.title}.",
                f"On {own.title}, p_pass reranks Python completions better than every control.",
            ),
            (f"rerank:{benchmark}", "collapse", "action_use", "contamination", "model_programs", "integrity"),
            needs_published_benchmarks="stand_in" in own.sources,
            reach=f"{PROGRAMS}, {own.title}",
        )
        for benchmark, own in BENCHMARKS.items()
    ),
    *_reach_claims(CODELEWM, ("collapse", "retrieval", "action_use", "contamination"), ("probe", "surprise")),
    *_reach_claims(CRITIC),
    Claim(
        "critic_improves_reranking",
        ("The critic improves reranking of Python completions.",),
        (*(f"critic:rerank:{name}" for name in TRACKED), "critic:calibration", "critic:model_programs", "integrity"),
        reach=PROGRAMS,
    ),
    Claim(
        "p_pass_is_calibrated",
        ("p_pass is calibrated and beats surface features.", "p_pass is calibrated."),
        ("calibration", "contamination", "integrity"),
    ),
    Claim(
        "retrieves_outputs",
        (
            "The predicted latent retrieves the real output.",
            "The predicted latent retrieves the real output better than no_action.",
        ),
        ("retrieval", "collapse", "integrity"),
    ),
    Claim(
        "is_surprised_by_decoys",
        ("Semantic decoys surprise the model.", "The model is surprised by semantic decoys."),
        ("surprise", "collapse", "integrity"),
    ),
    Claim(
        "latents_carry_semantics",
        ("The latents carry execution semantics.",),
        ("probe", "collapse", "integrity"),
    ),
    Claim(
        "is_non_collapsed",
        ("The latent space is non-collapsed.", "The latents have not collapsed."),
        ("collapse", "integrity"),
        needs_published_benchmarks=False,
    ),
)
