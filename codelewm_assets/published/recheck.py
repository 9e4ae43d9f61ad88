"""A body of evidence, judged: manifests, reports, score rows, and what of the published claims survives."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from codelewm_assets.core.ids import ABLATIONS
from codelewm_assets.evaluation.rows import MODEL_SCORES, ScoreRow
from codelewm_assets.published.codelewm_forms import random_score
from codelewm_assets.published.evidence import (
    OWN_ROWS,
    Evidence,
    EvidenceError,
    EvidenceFile,
    own_subject,
    read_evidence,
)
from codelewm_assets.published.figures import rule_figures, score_names
from codelewm_assets.published.forms import DECOY_PAIR, JOB_EVENTS, PublishedScoreRow
from codelewm_assets.published.lineage import Lineage
from codelewm_assets.published.manifests import check_manifests
from codelewm_assets.published.pools import Pool, own_pools, published_pools
from codelewm_assets.published.records import Heldout, Recheck, RuleFigures, ScoreRowsCheck, Unread
from codelewm_assets.published.reports import check_reports
from codelewm_assets.published.rerank_recompute import RerankSettings
from codelewm_assets.published.split_rule import heldout_of
from codelewm_assets.published.verdict import claims_of

PUBLISHED_SUBJECT = "codelewm"
UNJUDGED = {
    JOB_EVENTS: "an event stream; `codelewm-assets job-status` reads it",
    DECOY_PAIR: "pairs are read for their summary",
}


def recheck(paths: Iterable[Path], *, subject: str | None = None) -> Recheck:
    """Read and judge files, and all files below folders.

    Args:
        subject: the score to compare with all others, in rows of the project's own form; None: `p_pass`, or the only score of
            the rows that is no control.

    Raises:
        EvidenceError: a file cannot be judged; every such file is named.
    """
    evidence = read_evidence(paths, subject=subject)
    lineage = Lineage(evidence)
    rows, faults = list[ScoreRowsCheck](), list[str]()
    for file in evidence.files:
        if file.schema_id == OWN_ROWS:
            rows.append(_own(file, subject))
    for file, published in lineage.rows:
        fault = _unusable(published)
        if fault is not None:
            faults.append(f"{file.name}: {fault}.")
        else:
            rows.append(_published(lineage, file, published))
    if faults:
        raise EvidenceError(faults)
    reports = check_reports(evidence, lineage)
    manifests = check_manifests(evidence)
    return Recheck(
        manifests=manifests,
        reports=reports,
        score_rows=sorted(rows, key=lambda check: check.path),
        claims=claims_of(evidence, lineage, manifests, reports, rows),
        unread=list(_unread(evidence)),
    )


def nothing_named() -> Recheck:
    """The result where no evidence is named."""
    return Recheck(manifests=[], reports=[], score_rows=[], claims=[], unread=[])


def _unread(evidence: Evidence) -> Iterator[Unread]:
    for file in evidence.files:
        if file.schema_id is None:
            yield Unread(path=file.name, reason=file.reason)
        elif file.schema_id in UNJUDGED:
            yield Unread(path=file.name, reason=UNJUDGED[file.schema_id])


def _unusable(rows: Sequence[PublishedScoreRow]) -> str | None:
    lacking = sum(PUBLISHED_SUBJECT not in row.scores for row in rows)
    return f"{lacking} rows have no score {PUBLISHED_SUBJECT}; expected it in every row" if lacking else None


def _published(lineage: Lineage, file: EvidenceFile, rows: tuple[PublishedScoreRow, ...]) -> ScoreRowsCheck:
    pools = published_pools(rows)
    split = heldout_of(lineage, file)
    stated = Counter(row.split for row in rows if row.split is not None)
    check = _rows_check(file, pools, rows, PUBLISHED_SUBJECT, split, dict(stated), (), RerankSettings())
    known = [(row.scores["random"], random_score(row.completion_id)) for row in rows if "random" in row.scores]
    return check.model_copy(update={"random_recomputes": all(a == b for a, b in known) if known else None})


def _own(file: EvidenceFile, subject: str | None) -> ScoreRowsCheck:
    rows = [row for row in file.records if isinstance(row, ScoreRow)]
    subject = subject or own_subject(rows[0].scores)
    pools = own_pools(rows)
    stated = dict(Counter(row.split for row in rows if "split" in row.model_fields_set))
    reason = "no file here shows what the scorer was trained on"
    split = Heldout(status="unknown", reason=f"the rows state a split; {reason}" if stated else reason)
    has_one_pool_each = len(pools) == len({(pool.benchmark_id, pool.problem_id) for pool in pools})
    settings = RerankSettings() if has_one_pool_each else None
    no_best = (*MODEL_SCORES, *ABLATIONS)
    return _rows_check(file, pools, rows, subject, split, stated, no_best, settings)


def _rows_check(
    file: EvidenceFile, pools: list[Pool], rows: Sequence[PublishedScoreRow | ScoreRow], subject: str, split: Heldout,
    stated: dict[str, int], no_best: tuple[str, ...], settings: RerankSettings | None,
) -> ScoreRowsCheck:  # fmt: skip
    def figures(chosen: Sequence[Pool]) -> RuleFigures:
        return rule_figures(chosen, subject=subject, no_best=no_best, settings=settings)

    benchmarks = sorted({pool.benchmark_id for pool in pools})
    parts = {"heldout": set(split.heldout), "trained": set(split.trained)}
    return ScoreRowsCheck.model_validate(
        figures(pools).model_dump()
        | {
            "path": file.name,
            "form": str(file.schema_id),
            "row_count": len(rows),
            "benchmarks": benchmarks,
            "subject": subject,
            "random_recomputes": None,
            "has_p_pass": all(pool.has("p_pass") for pool in pools),
            "stated_splits": stated,
            "split": split,
            "by_benchmark": {b: figures([pool for pool in pools if pool.benchmark_id == b]) for b in benchmarks}
            if len(benchmarks) > 1
            else {},
            "slices": {
                name: figures(chosen)
                for name, problems in parts.items()
                if (chosen := [pool for pool in pools if pool.problem_id in problems])
            },
            "notes": [*_notes(pools, subject), *_failed(rows)],
        }
    )


def _failed(rows: Sequence[PublishedScoreRow | ScoreRow]) -> list[str]:
    counts = Counter(name for row in rows for name in row.errors or ())
    names = ", ".join(f"{count} of {name}" for name, count in sorted(counts.items()))
    return [f"scores that failed, by `errors`, count as missing: {names}"] if counts else []


def _notes(pools: Sequence[Pool], subject: str) -> list[str]:
    notes = []
    sizes = Counter(len(pool.members) for pool in pools)
    if len(sizes) > 1:
        counts = ", ".join(f"{count} of {size}" for size, count in sorted(sizes.items()))
        notes.append(f"pools differ in size: {counts}")
    without = sum(not any(member.passed for member in pool.members) for pool in pools)
    if without:
        notes.append(f"{without} pools have no passing member: nobody reaches pass@1 1.0")
    incomplete = {name for pool in pools for member in pool.members for name in member.scores} - set(score_names(pools))
    if incomplete:
        notes.append(f"not in every row, so not judged: {', '.join(sorted(incomplete))}")
    if subject in incomplete or not any(subject in member.scores for pool in pools for member in pool.members):
        notes.append(f"{subject} is not in every row, so there is no lift")
    return notes
