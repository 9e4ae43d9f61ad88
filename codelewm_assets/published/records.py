"""Records of what `recheck` reports; written as JSON, and read by the page and the tables."""

from typing import Literal

from pydantic import Field

from codelewm_assets.evaluation.reports import Lift, Report

State = Literal["recomputes", "differs", "absent"]
Verdict = Literal["survives", "does_not_survive", "cannot_tell"]


class TieRules(Report):
    """A figure with ties to the lowest completion id (as published) and with ties that share credit."""

    published_ties: float
    shared_ties: float


class BestLift(Lift):
    """Lift over the best control, chosen in each resample; `control` is the best on all pools."""

    control: str


class PassingPlace(Report):
    """Place of the passing member of a pool by its id."""

    pool_count: int
    lowest_id_passes: int  # pools whose member with the lowest id passes
    only_lowest_id_passes: int  # and no other
    commonest_passing_ending: str | None  # of a passing member's id, after the last ::
    passing_with_that_ending: int  # pools


class RuleFigures(Report):
    """Figures of a set of pools. Lifts are of the subject; their intervals are paired bootstraps over problems."""

    problem_count: int
    pool_count: int
    pass_at_1: dict[str, TieRules]
    mrr: dict[str, TieRules]
    lift: dict[str, Lift]  # pass@1, shared ties
    mrr_lift: dict[str, Lift]  # hundredths of MRR, shared ties
    lift_published_ties: dict[str, Lift]  # with the published tie rule and generator
    lift_over_best: BestLift | None
    constant_score: TieRules
    place: PassingPlace


class Heldout(Report):
    """Problems of a row file that the training pack held in its train part, and the evidence for it.

    `status`: `pack` = the pack's own records; `confirmed` = the published split rule and the list of held-out records of a
    report agree; `listed` = the list alone; `if_these_problems` = the rule alone, which holds if the pack was made of these
    problems and no others; `unknown` = nothing tells.
    """

    status: Literal["pack", "confirmed", "listed", "if_these_problems", "unknown"]
    reason: str
    trained: list[str] = Field(default_factory=list)
    heldout: list[str] = Field(default_factory=list)


class ScoreRowsCheck(RuleFigures):
    """One file of score rows."""

    path: str
    form: str  # schema id, or the project's own
    row_count: int
    benchmarks: list[str]
    subject: str
    has_p_pass: bool
    random_recomputes: bool | None  # from the ids, by CodeLeWM's rule; None: other rows
    stated_splits: dict[str, int]
    by_benchmark: dict[str, RuleFigures] = Field(default_factory=dict)  # of a file with several
    split: Heldout
    slices: dict[Literal["heldout", "trained"], RuleFigures] = Field(default_factory=dict)
    notes: list[str] = Field(default_factory=list)


class FileState(Report):
    """A file that a manifest lists."""

    path: str
    state: State


class ManifestCheck(Report):
    """One manifest. `recomputes`: id, configuration, and every file that is here; absent files and parents do not count."""

    path: str
    artifact_id: str
    artifact_kind: str
    artifact_id_recomputes: bool | None  # None: a pack names itself
    config_sha256_recomputes: bool | None  # None: no config.json is here
    claim_allowed_agrees: bool | None  # with the report that it lists; None: one of the two states none
    files: list[FileState]
    absent_parents: list[str]
    recomputes: bool


class ReportCheck(Report):
    """One report or row file besides score rows. `recomputes` is None where nothing here lets one compute it."""

    path: str
    schema_id: str
    recomputes: bool | None
    from_rows: list[str] = Field(default_factory=list)
    reason: str


class Unread(Report):
    """A file that was not judged."""

    path: str
    reason: str


class PublishedClaim(Report):
    """A published statement, and what the files say of it."""

    claim: str
    source: str  # the file that it was read from
    verdict: Verdict
    reasons: list[str]


class Recheck(Report):
    """All that `recheck` found; no float is rounded."""

    schema_version: Literal["codelewm_assets.recheck.v1"] = "codelewm_assets.recheck.v1"
    manifests: list[ManifestCheck]
    reports: list[ReportCheck]
    score_rows: list[ScoreRowsCheck]
    claims: list[PublishedClaim]
    unread: list[Unread]

    @property
    def faults(self) -> list[str]:
        """Everything that does not recompute, a line each."""
        manifests = [f"{check.path}: {fault}" for check in self.manifests for fault in manifest_faults(check)]
        return manifests + [f"{r.path}: {r.reason}" for r in self.reports if r.recomputes is False]


def manifest_faults(check: ManifestCheck) -> list[str]:
    """The fields and files of a manifest that do not recompute; absent ones are no fault."""
    fields = {"artifact_id": check.artifact_id_recomputes, "config_sha256": check.config_sha256_recomputes}
    faults = [f"{name} does not recompute" for name, recomputes in fields.items() if recomputes is False]
    if check.claim_allowed_agrees is False:
        faults.append("metadata.claim_allowed is not its report's")
    return faults + [f"{file.path} has another sha256 or size" for file in check.files if file.state == "differs"]
