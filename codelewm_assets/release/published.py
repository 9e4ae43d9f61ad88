"""Figures that CodeLeWM published for its v0.8 and v0.9 cycles, the comparability of each with ours, and the comparison table.

Figures and facts only, from the result pages in SOURCES; trackers #385 and #392 list their known faults.
"""

from dataclasses import dataclass
from typing import Any, Literal

from codelewm_assets.core.ids import SEEDS
from codelewm_assets.release.lookup import Records
from codelewm_assets.release.markdown import ABSENT, Cell, table, with_interval

BEST = "probe.targets.passed.best_control"
SOURCES = {
    "v0.8": "CodeLeWM repository, docs/benchmark/EXECUTION_V0_8_RESULTS_2026-06-05.md",
    "v0.9": "CodeLeWM repository, docs/benchmark/EXECUTION_V0_9_RESULTS_2026-06-07.md",
}
Reason = Literal["trained_on", "lexical_reads_reference", "lexical_ties",
                 "other_lift", "other_pools", "other_probe", "no_semantic_pairs",
                 "no_p_pass", "other_candidates", "other_model", "stand_in"]  # fmt: skip
REASONS: dict[Reason, str] = {
    "trained_on": "the pack that was trained on was made of the completions that were then reranked (of MBPP-Plus all 306 "
    "records of v0.9 are of the 17 scored problems), and its split reads no held-out list: 40 of 47 HumanEval problems and 14 of "
    "17 of MBPP-Plus are in train, and on the others the lift over no_action is 0.00 (v0.8 trained on HumanEval alone); here a "
    "problem is scored only by a model that had it in test",
    "lexical_reads_reference": "there the lexical control compared with a prompt that holds the reference, and on MBPP-Plus "
    "only the unchanged reference passes; here a pool has several rewrites that pass and the prompt alone is compared",
    "lexical_ties": "there ties went to the lowest completion id, which is the passing program in every pool: a score that is the "
    "same for every program reaches 1.0000 by that rule; with shared ties this row is 0.3408 (`codelewm-assets recheck`)",
    "other_lift": "there over no_action on 47 and 17 problems, here over every control on other pools",
    "other_pools": "other completions and pools; there 47 problems of HumanEval and 17 of MBPP-Plus",
    "other_probe": "there the accuracy of a nearest-centroid probe, here the balanced accuracy of a logistic one; v0.8 "
    "had no labels to probe the magnitude on",
    "no_semantic_pairs": "there no pair of the two semantic categories could be scored, and mutations lay far apart from real "
    "outputs (energies up to 4 against 100 to 750)",
    "no_p_pass": "the published score rows have no `p_pass`; the figure is of another score",
    "other_candidates": "there the number of candidates of a query is not stated, here each query has 64 distinct ones",
    "stand_in": "the problems here are written for this project and are no MBPP-Plus",
    "other_model": "same definition and floor, on another model and other records",
}


OF_LEXICAL: dict[str, tuple[Reason, ...]] = {
    "humaneval": ("lexical_ties", "other_pools"),
    "mbpp_plus": ("lexical_reads_reference",),
}


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """One figure of both cycles for both seeds, and its comparability.

    Our figure is under `seed.<seed>.`; `{best}` is the best control.
    """

    figure: str
    scope: str
    v08: tuple[float | None, float | None]
    v09: tuple[float | None, float | None]
    ours: str | None
    reasons: tuple[Reason, ...]
    v08_ci95: tuple[tuple[float, float], tuple[float, float]] | None = None
    v09_ci95: tuple[tuple[float, float], tuple[float, float]] | None = None
    ours_ci95: str | None = None

    @property
    def is_comparable(self) -> bool:
        """The two figures have the same definition, though on another model and other records."""
        return self.reasons == ("other_model",)

    def values(self) -> dict[str, Any]:
        """Cycle → seed → value and interval, for lookup by path."""
        cycles = {"v0.8": (self.v08, self.v08_ci95), "v0.9": (self.v09, self.v09_ci95)}
        return {
            cycle: {
                str(seed): {"value": by_seed[place], "ci95": None if bounds is None else list(bounds[place])}
                for place, seed in enumerate(SEEDS)
            }
            for cycle, (by_seed, bounds) in cycles.items()
        }


def _pass(benchmark: str, score: str, v08: tuple[float | None, float | None], v09: tuple[float, float]) -> PublishedRow:
    own = {"codelewm": "p_pass"}.get(score, score)
    reasons: tuple[Reason, ...] = OF_LEXICAL[benchmark] if score == "lexical" else ("other_pools",)
    if score in ("codelewm", "no_action", "shuffled_action"):
        reasons = ("trained_on", *reasons)
    return PublishedRow("pass@1", f"{benchmark}, {score}", v08, v09, f"rerank.{benchmark}.pass_at_1.{own}", reasons)


PUBLISHED: tuple[PublishedRow, ...] = (
    _pass("humaneval", "codelewm", (0.9787, 0.9787), (0.9787, 0.9787)),
    _pass("humaneval", "no_action", (0.8723, 0.8723), (0.8723, 0.8936)),
    _pass("humaneval", "shuffled_action", (0.8723, 0.8936), (0.8936, 0.9149)),
    _pass("humaneval", "lexical", (0.6596, 0.6596), (0.6596, 0.6596)),
    _pass("humaneval", "llm_order", (0.1489, 0.1489), (0.1489, 0.1489)),
    _pass("humaneval", "random", (None, None), (0.2128, 0.2128)),
    PublishedRow(
        "lift over no_action, points", "humaneval", (10.64, 10.64), (10.64, 8.51), "rerank.humaneval.lift.no_action.points",
        ("trained_on", "other_lift"), ((2.13, 19.15), (2.13, 19.15)), ((2.13, 21.28), (2.13, 17.02)),
        ours_ci95="rerank.humaneval.lift.no_action.ci95",
    ),
    _pass("mbpp_plus", "codelewm", (0.3529, 0.3529), (1.0, 1.0)),
    _pass("mbpp_plus", "no_action", (0.1176, 0.2941), (1.0, 1.0)),
    _pass("mbpp_plus", "shuffled_action", (0.1765, 0.3529), (1.0, 0.9412)),
    _pass("mbpp_plus", "lexical", (1.0, 1.0), (1.0, 1.0)),
    _pass("mbpp_plus", "llm_order", (0.1765, 0.1765), (0.1765, 0.1765)),
    _pass("mbpp_plus", "random", (None, None), (0.2353, 0.2353)),
    PublishedRow(
        "lift over no_action, points", "mbpp_plus", (23.53, 5.88), (0.0, 0.0), "rerank.mbpp_plus.lift.no_action.points",
        ("trained_on", "other_lift"), ((5.88, 47.06), (-17.65, 29.41)), ((0.0, 0.0), (0.0, 0.0)),
        ours_ci95="rerank.mbpp_plus.lift.no_action.ci95",
    ),
    PublishedRow("Recall@1", "model", (0.2754, 0.2924), (0.2538, 0.2731), "retrieval.scores.model.recall_at_1",
                 ("other_candidates",)),
    PublishedRow("Recall@5", "model", (0.5593, 0.5678), (0.5115, 0.5346), "retrieval.scores.model.recall_at_5",
                 ("other_candidates",)),
    PublishedRow("Recall@10", "model", (0.6568, 0.6441), (0.6038, 0.5923), "retrieval.scores.model.recall_at_10",
                 ("other_candidates",)),
    PublishedRow("MRR of retrieval", "model", (0.4125, 0.4213), (0.3804, 0.3982), "retrieval.scores.model.mrr",
                 ("other_candidates",)),
    PublishedRow("Recall@1", "no_action", (0.0085, 0.0169), (0.0115, 0.0192), "retrieval.scores.no_action.recall_at_1",
                 ("other_candidates",)),
    PublishedRow("surprise AUC", "mutation", (1.0, 1.0), (1.0, 1.0), "surprise.categories.mutation.auc", ("no_semantic_pairs",)),
    PublishedRow("scored pairs", "mutation", (236, 236), (260, 260), "surprise.categories.mutation.pair_count",
                 ("no_semantic_pairs",)),
    PublishedRow("scored pairs", "same_problem_different_submission", (0, 0), (0, 0),
                 "surprise.categories.same_problem_different_submission.pair_count", ("no_semantic_pairs",)),
    PublishedRow("scored pairs", "same_code_different_input", (0, 0), (0, 0),
                 "surprise.categories.same_code_different_input.pair_count", ("no_semantic_pairs",)),
    PublishedRow("effective-rank ratio of z_pred", "all records", (0.3843, 0.3928), (0.388272, 0.405622),
                 "collapse.effective_rank_ratio", ("other_model",)),
    PublishedRow("probe of `passed`", "z_pred", (0.5081, 0.5892), (0.6552, 0.6158), "probe.targets.passed.model",
                 ("other_probe",)),
    PublishedRow("probe of `passed`", "best control", (0.6216, 0.6486), (0.6897, 0.7980),
                 "probe.targets.passed.controls.{best}", ("other_probe",)),
    PublishedRow("probe of magnitude", "z_pred", (None, None), (0.5000, 0.8421),
                 "probe.targets.output_magnitude_bucket.model", ("other_probe",)),
    PublishedRow("ROC-AUC of completions", "codelewm", (None, None), (0.9352, 0.9746),
                 "calibration.overall.p_pass.roc_auc", ("trained_on", "no_p_pass"),
                 ours_ci95="calibration.overall.p_pass.roc_auc_ci95"),
    PublishedRow("ROC-AUC of completions", "no_action", (None, None), (0.9482, 0.9731),
                 "calibration.overall.no_action.roc_auc", ("trained_on", "no_p_pass")),
    PublishedRow("ROC-AUC of completions", "codelewm on humaneval", (0.9622, 0.9699), (0.9196, 0.9717),
                 "calibration.slices.benchmark.humaneval.p_pass.roc_auc", ("trained_on", "no_p_pass")),
    PublishedRow("ROC-AUC of completions", "codelewm on mbpp_plus", (0.5772, 0.6941), (0.9730, 0.9945),
                 "calibration.slices.benchmark.mbpp_plus.p_pass.roc_auc", ("trained_on", "no_p_pass")),
)  # fmt: skip


def comparison_table(records: Records) -> str:
    """A row per published figure: v0.8, v0.9 and ours for both seeds; below it each reason in words."""
    header = ["figure", "of", "v0.8", "v0.9", "here", "comparable?", "why"]
    reasons = {reason for row in PUBLISHED for reason in _reasons(records, row)}
    words = [f"- `{reason}`: {text}" for reason, text in REASONS.items() if reason in reasons]
    return "\n".join([table(header, [_row(records, row) for row in PUBLISHED]), *words]) + "\n"


def _row(records: Records, row: PublishedRow) -> list[Cell]:
    def formatted(cycle: str, seed: int) -> str:
        path = ("published", f"{row.figure}, {row.scope}", cycle, str(seed))
        return with_interval(records.at((*path, "value")), records.at((*path, "ci95")), _digits(row))

    published = [" / ".join(formatted(cycle, seed) for seed in SEEDS) for cycle in ("v0.8", "v0.9")]
    comparable = "same definition" if row.is_comparable else "no"
    why = ", ".join(f"`{reason}`" for reason in _reasons(records, row))
    return [row.figure, row.scope, *published, _ours(records, row), comparable, why]


def _reasons(records: Records, row: PublishedRow) -> tuple[Reason, ...]:
    """Reasons why the figures differ in definition: the row's own, and a stand-in for its benchmark in our run."""
    labels = records.labels
    is_stand_in = any("stand-in" in label for name, label in labels.items() if name in row.scope)
    return ("stand_in", *row.reasons) if is_stand_in else row.reasons


def _ours(records: Records, row: PublishedRow) -> str:
    if row.ours is None:
        return ABSENT
    formatted = [
        with_interval(
            records.get(f"seed.{seed}.{row.ours.format(best=records.get(f'seed.{seed}.{BEST}'))}"),
            records.get(f"seed.{seed}.{row.ours_ci95}") if row.ours_ci95 else None,
            _digits(row),
        )
        for seed in SEEDS
    ]
    return " / ".join(formatted)


def _digits(row: PublishedRow) -> int:
    return 2 if "points" in row.figure else 4
