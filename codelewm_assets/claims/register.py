"""Thresholds and claims, fixed before training. Changing one is a reviewed commit; docs/claims.md says why each stands.

Each threshold carries its source: the published v0.9 gate list of CodeLeWM, or the reason given beside it.
"""

from dataclasses import dataclass

V09 = "gate list of the CodeLeWM v0.9 cycle"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A figure that decides, and where it comes from."""

    value: float
    source: str


EFFECTIVE_RANK_RATIO = Threshold(0.20, V09)
MEDIAN_VARIANCE = Threshold(1e-8, V09)
NEIGHBOUR_ENTROPY = Threshold(0.10, V09)
COLLAPSE_FLOORS = {
    "effective_rank_ratio": EFFECTIVE_RANK_RATIO.value,
    "median_variance": MEDIAN_VARIANCE.value,
    "neighbour_entropy": NEIGHBOUR_ENTROPY.value,
}
RETRIEVAL_MARGIN = Threshold(0.05, V09)
SURPRISE_AUC = {
    "mutation": Threshold(0.65, V09),
    "same_problem_different_submission": Threshold(0.60, V09),
    "same_code_different_input": Threshold(0.70, V09),
}
SURPRISE_PAIRS = Threshold(100, "v0.9 scored 0 of 358 pairs: an AUC needs pairs enough to be told from 0.5")
SURPRISE_PROBLEMS = Threshold(30, "pairs of one problem are not independent; asked of different submissions")
PROBE_MARGIN = Threshold(0.05, V09)
PROBE_TARGETS = Threshold(5, V09)
CALIBRATION_MARGIN = Threshold(0.05, "over surface_lr, which reads the text alone")
CALIBRATION_ERROR = Threshold(0.10, V09)
RERANK_POINTS = Threshold(3.0, V09)
RERANK_PROBLEMS = Threshold(30, "fewer held-out problems cannot show a lift below 35 points (preflight/power.py)")
CONTROLS = ("consensus", "length", "lexical", "no_action", "random", "shuffled_action", "surface_lr")
"""Controls that must have a score in every pool before a lift over the best of them means anything."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence that may be said in public, the gates it needs, and the groups of which one gate must hold.

    `needs_published_benchmarks`: closed while any benchmark of the run is a stand-in, since the sentence speaks of the model
    in general; False where the sentence is of HumanEval alone, or of the trained weights themselves.
    Gate names: `collapse, retrieval, surprise, probe, calibration, integrity, rerank:<benchmark>`.
    """

    claim_id: str
    sentence: str
    gates: tuple[str, ...]
    any_of: tuple[str, ...] = ()
    needs_published_benchmarks: bool = True


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "improves_reranking",
        "CodeLeWM improves reranking of Python completions.",
        ("rerank:humaneval", "rerank:mbpp_plus", "collapse", "retrieval", "calibration", "integrity"),
        ("probe", "surprise"),
    ),
    Claim(
        "improves_reranking_on_humaneval",
        "CodeLeWM improves reranking of Python completions on HumanEval.",
        ("rerank:humaneval", "collapse", "integrity"),
        needs_published_benchmarks=False,
    ),
    Claim(
        "improves_reranking_on_mbpp_plus",
        "CodeLeWM improves reranking of Python completions on MBPP-Plus.",
        ("rerank:mbpp_plus", "collapse", "integrity"),
    ),
    Claim("p_pass_is_calibrated", "p_pass is calibrated and beats surface features.", ("calibration", "integrity")),
    Claim(
        "retrieves_outputs", "The predicted latent retrieves the real output.", ("retrieval", "collapse", "integrity")
    ),
    Claim("is_surprised_by_decoys", "Semantic decoys surprise the model.", ("surprise", "collapse", "integrity")),
    Claim("latents_carry_semantics", "The latents carry execution semantics.", ("probe", "collapse", "integrity")),
    Claim(
        "is_non_collapsed",
        "The latent space is non-collapsed.",
        ("collapse", "integrity"),
        needs_published_benchmarks=False,
    ),
)
