"""Thresholds, gates and claims, fixed before training. Changing one is a reviewed commit; docs/claims.md shows all of them.

Each threshold carries its source and the day it was fixed: a published list of CodeLeWM, or the reason given beside it.
"""

from dataclasses import dataclass

from codelewm_assets.core.ids import BENCHMARKS, SEEDS, BenchmarkId

TRACKED: tuple[BenchmarkId, ...] = ("humaneval", "mbpp_plus")
"""Both benchmarks that the general claim and CodeLeWM's tracker ask for. A further one has a gate and a claim of its own."""

V09 = "CodeLeWM v0.9, claim_gates of codelewm_execution_v0_9_short_a10g.yaml"
V09_ON = "2026-06-06"
RFC15 = "CodeLeWM RFC-0015, acceptance"
RFC15_ON = "2026-06-02"
OURS_ON = "2026-11-24"


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
CALIBRATION_ERROR = Threshold(0.10, "this project: v0.9 had no gate on calibration", OURS_ON)
RERANK_POINTS = Threshold(3.0, V09, V09_ON)
RERANK_PROBLEMS = Threshold(
    30, "this project: fewer problems cannot show a lift below 35 points (preflight/power.py)", OURS_ON
)
CONTROLS = ("consensus", "length", "lexical", "no_action", "random", "shuffled_action", "surface_lr")
"""Controls that must have a score in every pool before a lift over the best of them means anything."""


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


def _rerank_rule(benchmark: BenchmarkId) -> GateRule:
    return GateRule(
        f"rerank:{benchmark}",
        "Pass@1 of p_pass is at least the points above the best control, the 95% interval over problems is above 0, the pools "
        "are not saturated, every control has a score in every pool, and the benchmark is no stand-in.",
        (("points over the best control", RERANK_POINTS), ("problems", RERANK_PROBLEMS)),
        benchmarks=(benchmark,),
    )


GATE_RULES: tuple[GateRule, ...] = (
    GateRule(
        "collapse",
        "Effective-rank ratio, median variance per dimension and nearest-neighbour entropy of z_pred are at their floors or "
        "above, and every weight is finite.",
        (
            ("effective-rank ratio", EFFECTIVE_RANK_RATIO),
            ("median variance", MEDIAN_VARIANCE),
            ("neighbour entropy", NEIGHBOUR_ENTROPY),
        ),
    ),
    GateRule(
        "retrieval",
        "Recall@1 and MRR are each at least the margin above no_action.",
        (("margin over no_action", RETRIEVAL_MARGIN),),
    ),
    GateRule(
        "surprise",
        "Pairwise AUC of each decoy category is at its floor or above, on pairs and problems enough.",
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
        "calibration",
        "ROC-AUC of p_pass is at least the margin above surface_lr with the 95% interval above 0, its calibration error is at "
        "most the ceiling, and no row lacks p_pass.",
        (("margin over surface_lr", CALIBRATION_MARGIN), ("calibration error, at most", CALIBRATION_ERROR)),
    ),
    *(_rerank_rule(name) for name in BENCHMARKS),
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
    Gate names are those of `GATE_RULES`.
    """

    claim_id: str
    wordings: tuple[str, ...]
    gates: tuple[str, ...]
    any_of: tuple[str, ...] = ()
    needs_published_benchmarks: bool = True

    @property
    def sentence(self) -> str:
        """The first wording: what reports call the claim."""
        return self.wordings[0]


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "improves_reranking",
        (
            "CodeLeWM improves reranking of Python completions.",
            "p_pass reranks Python completions better than every control.",
        ),
        (*(f"rerank:{name}" for name in TRACKED), "collapse", "retrieval", "calibration", "integrity"),
        ("probe", "surprise"),
    ),
    *(
        Claim(
            f"improves_reranking_on_{benchmark}",
            (
                f"CodeLeWM improves reranking of Python completions on {own.title}.",
                f"On {own.title}, p_pass reranks Python completions better than every control.",
            ),
            (f"rerank:{benchmark}", "collapse", "integrity"),
            needs_published_benchmarks="stand_in" in own.sources,
        )
        for benchmark, own in BENCHMARKS.items()
    ),
    Claim(
        "p_pass_is_calibrated",
        ("p_pass is calibrated and beats surface features.", "p_pass is calibrated."),
        ("calibration", "integrity"),
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
