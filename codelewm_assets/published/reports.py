"""Published reports and rows besides score rows: which follow from what is here."""

import json
import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, combinations, islice, permutations

from codelewm_assets.core.digests import pretty_json, sha256_bytes, sha256_text
from codelewm_assets.core.errors import ReportError
from codelewm_assets.published.calibration_recompute import calibration_document, score_metrics
from codelewm_assets.published.evidence import CONFIG, Evidence, EvidenceError, EvidenceFile, validated
from codelewm_assets.published.forms import (
    CALIBRATION,
    DECOY_PAIR,
    DECOY_SUMMARY,
    DEMO_GATE,
    LABEL_ROW,
    PACK_RECORD,
    PROBE,
    RERANK,
    RETRIEVAL,
    SCORES,
    SECRET_SCAN,
    SURPRISE,
    TRAIN_CONFIG,
    PublishedCalibration,
    PublishedDecoyPair,
    PublishedDecoySummary,
    PublishedLabel,
    PublishedRerank,
    PublishedScan,
    PublishedSurprise,
    RerankConfig,
    SurpriseExample,
)
from codelewm_assets.published.lineage import Lineage, Rows
from codelewm_assets.published.pools import published_pools
from codelewm_assets.published.records import ReportCheck
from codelewm_assets.published.rerank_recompute import RerankSettings, rerank_document

NOT_FROM_ROWS = {
    RETRIEVAL: "it holds no rank of any query, so its figures do not follow from it",
    PROBE: "its latents and labels are not published",
    TRAIN_CONFIG: "a configuration follows from nothing",
    DEMO_GATE: "its figures are those of the rerank reports that it replays",
    PACK_RECORD: "rows of the pack are not recomputed; they are read for their split",
}
MAX_SETS = 5000  # of row files that a calibration report may have been computed from
MAX_ORDERS = 60  # of the files of such sets


def check_reports(evidence: Evidence, lineage: Lineage) -> list[ReportCheck]:
    """A check of each report. Raises: EvidenceError: the rows beside a rerank report are of other pools."""
    checks: list[ReportCheck] = []
    faults: list[str] = []
    for file in evidence.files:
        try:
            if file.schema_id in CHECKS:
                checks.append(CHECKS[file.schema_id](evidence, lineage, file))
            elif file.schema_id in NOT_FROM_ROWS:
                checks.append(_check(file, None, NOT_FROM_ROWS[file.schema_id]))
        except ReportError as error:
            faults.append(str(error))
    if faults:
        raise EvidenceError(faults)
    return checks


def _check(file: EvidenceFile, recomputes: bool | None, reason: str, *rows: EvidenceFile) -> ReportCheck:
    return ReportCheck(
        path=file.name,
        schema_id=str(file.schema_id),
        recomputes=recomputes,
        from_rows=[r.name for r in rows],
        reason=reason,
    )


def _rerank(evidence: Evidence, lineage: Lineage, file: EvidenceFile) -> ReportCheck:
    report = file.records[0]
    assert isinstance(report, PublishedRerank)
    beside = lineage.rows_beside(file)
    if len(beside) == 1:
        _same_pools(file, report, *beside[0])
    candidates = [(at, rows) for at, rows in beside or lineage.rows if not _other_pools(report, rows)]
    settings = _settings(lineage, file, report)
    for at, rows in candidates:
        if file.sha256 == sha256_bytes(rerank_bytes(report, rows, settings)):
            return _check(file, True, "byte for byte from its rows", at)
    if len(beside) != 1:
        return _check(file, None, "no score rows here give it; its own are not among the files")
    at, rows = beside[0]
    return _check(file, False, _difference(file, rerank_bytes(report, rows, settings)), at)


def rerank_bytes(report: PublishedRerank, rows: Rows, settings: RerankSettings) -> bytes:
    """The report that rows give, as its file."""
    pools = {pool.pool_id: pool.members for pool in published_pools(rows, with_failed=True)}
    summary = report.scoring_summary.model_dump(mode="json")
    return pretty_json(rerank_document(pools, settings, benchmark=report.benchmark, scoring_summary=summary))


def _settings(lineage: Lineage, file: EvidenceFile, report: PublishedRerank) -> RerankSettings:
    configs = [mate for mate in lineage.mates(file) if mate.path.name == CONFIG]
    config = RerankConfig()
    if configs:
        config = validated(RerankConfig, configs[0].document, configs[0].name, "configuration of a rerank run")
    return RerankSettings(
        seed=report.bootstrap_seed,
        pass_at_k=report.pass_at_k,
        bootstrap_samples=config.bootstrap_samples,
        min_lift_for_claim=config.min_lift_for_claim,
    )


def _other_pools(report: PublishedRerank, rows: Rows) -> str | None:
    """The difference between the pools of rows and those of a report, in words; None: there is none."""
    problems, benchmarks = {row.problem_id for row in rows}, {row.benchmark_id for row in rows} - {None}
    expected = report.problem_count, report.scoring_summary.completion_count
    if (len(problems), len(rows)) != expected or not benchmarks <= {report.benchmark}:
        stated = ", ".join(sorted(map(str, benchmarks))) or "no benchmark"
        here = f"{len(problems)} problems with {len(rows)} completions of {stated}"
        return f"{here}, the report has {expected[0]} with {expected[1]} of {report.benchmark}"
    lacking = [name for name in SCORES if any(name not in row.scores for row in rows)]
    return f"rows without {', '.join(lacking)}" if lacking else None


def _same_pools(file: EvidenceFile, report: PublishedRerank, at: EvidenceFile, rows: Rows) -> None:
    if (difference := _other_pools(report, rows)) is not None:
        raise ReportError(f"{at.name}: rows of other pools than {file.name}: {difference}.")


def _calibration(evidence: Evidence, lineage: Lineage, file: EvidenceFile) -> ReportCheck:
    report = file.records[0]
    assert isinstance(report, PublishedCalibration)
    manifest = lineage.manifest_of(file)
    parents = [lineage.rows_of_artifact(parent) for parent in manifest.parent_artifacts] if manifest else []
    named = [pair for pair in parents if pair is not None]
    is_complete = bool(named) and len(named) == len(report.score_paths)
    orders = [named] if is_complete else _orders(lineage, report)
    for order in orders:
        rows = [row for _, rows in order for row in rows]
        if file.sha256 == sha256_bytes(pretty_json(calibration_document(rows, report))):
            return _check(file, True, "byte for byte from its rows, texts taken over", *(at for at, _ in order))
    if not is_complete:
        return _check(file, None, "no score rows here give it; its own are not all among the files")
    rows = [row for _, rows in named for row in rows]
    difference = _difference(file, pretty_json(calibration_document(rows, report)))
    return _check(file, False, difference, *(at for at, _ in named))


def _orders(lineage: Lineage, report: PublishedCalibration) -> Iterator[list[tuple[EvidenceFile, Rows]]]:
    """Row files in the orders that the report may have been computed from, some at most.

    Only ties in the average precision depend on the order, so sets of files are tried first, by their rows and one Brier score.
    """
    if not report.score_paths:
        return
    sets = islice(combinations(lineage.rows, len(report.score_paths)), MAX_SETS)
    fitting = (chosen for chosen in sets if sum(len(rows) for _, rows in chosen) == report.row_count)
    orders = chain.from_iterable(permutations(chosen) for chosen in fitting if _has_the_brier_score(chosen, report))
    yield from map(list, islice(orders, MAX_ORDERS))


def _has_the_brier_score(chosen: Sequence[tuple[EvidenceFile, Rows]], report: PublishedCalibration) -> bool:
    name = next((name for name, figures in report.overall.baselines.items() if figures.status == "ok"), None)
    if name is None:
        return True
    computed = score_metrics([row for _, rows in chosen for row in rows], name)["brier_score"]
    return computed is not None and _equal(report.overall.baselines[name].brier_score, computed)


def _difference(file: EvidenceFile, computed: bytes) -> str:
    """The first fields in which a document differs from what its rows give."""
    document = json.loads(computed)
    names = sorted(key for key in document.keys() | file.document.keys() if document.get(key) != file.document.get(key))
    fields = ", ".join(names[:4]) or "only in how it is written"
    return f"differs from what its rows give: {fields}"


def _surprise(evidence: Evidence, lineage: Lineage, file: EvidenceFile) -> ReportCheck:
    report = file.records[0]
    assert isinstance(report, PublishedSurprise)
    wins: dict[str, list[float]] = {}
    ranks = [example.true_rank for example in report.examples]
    for example in report.examples:
        for category, scores in example.decoy_scores_by_category.items():
            wins.setdefault(category, []).extend(_win(example.true_score, score) for score in scores)
    misplaced = [example.transition_id for example in report.examples if not _is_at_its_rank(example)]
    if misplaced:
        return _check(file, False, f"{len(misplaced)} ranks do not follow from the energies, first {misplaced[0]}")
    every = [win for values in wins.values() for win in values]
    computed = {
        "example_count": len(ranks),
        "mean_true_rank": sum(ranks) / len(ranks) if ranks else None,
        "median_true_rank": statistics.median(ranks) if ranks else None,
        "recall_at_1": sum(rank == 1 for rank in ranks) / len(ranks) if ranks else None,
        "pairwise_auc_overall": sum(every) / len(every) if every else None,
        "pairwise_auc_by_category": {name: sum(values) / len(values) for name, values in wins.items() if values},
    }
    stated = file.document["metrics"]
    differing = [name for name, value in computed.items() if not _equal(stated.get(name), value)]
    if differing:
        return _check(file, False, f"differs from what its examples give: {', '.join(differing)}")
    return _check(file, True, f"metrics from its own {len(ranks)} examples; how these were chosen is not shown")


def _is_at_its_rank(example: SurpriseExample) -> bool:
    """The rank is one that the energies allow: ties may stand on either side."""
    decoys = [score for scores in example.decoy_scores_by_category.values() for score in scores]
    below = sum(score < example.true_score for score in decoys)
    return 1 + below <= example.true_rank <= 1 + below + decoys.count(example.true_score)


def _equal(stated: object, computed: object) -> bool:
    """Equal, numbers to 12 digits."""
    if isinstance(stated, dict) and isinstance(computed, dict):
        return stated.keys() == computed.keys() and all(_equal(stated[key], computed[key]) for key in stated)
    if isinstance(stated, int | float) and isinstance(computed, int | float):
        return math.isclose(stated, computed, rel_tol=1e-12)
    return stated == computed


def _win(true: float, decoy: float) -> float:
    return 1.0 if decoy > true else 0.5 if decoy == true else 0.0


def _labels(evidence: Evidence, lineage: Lineage, file: EvidenceFile) -> ReportCheck:
    wrong = [
        row.completion_id
        for row in file.records
        if isinstance(row, PublishedLabel)
        and (
            sha256_text(row.completion_text) != row.completion_sha256
            or row.passed != (row.label == "pass")
            or row.passed != (bool(row.test_results) and all(result.passed for result in row.test_results))
        )
    ]
    if wrong:
        return _check(file, False, f"text, label and results disagree: {', '.join(wrong[:3])}")
    return _check(file, True, f"{len(file.records)} rows: text digests, labels and results agree; nothing was run")


def _decoy_summary(evidence: Evidence, lineage: Lineage, file: EvidenceFile) -> ReportCheck:
    summary = file.records[0]
    assert isinstance(summary, PublishedDecoySummary)
    paths = {mate.path for mate in lineage.mates(file)}
    pairs = next((p for p in evidence.rows_of(DECOY_PAIR, PublishedDecoyPair) if p[0].path in paths), None)
    if pairs is None:
        return _check(file, None, "its pairs are not among the files")
    counts = dict(Counter(pair.category for pair in pairs[1]))
    problems = len({pair.source_problem_id for pair in pairs[1]})
    agrees = (summary.pair_count, summary.pair_count_by_category, summary.distinct_problem_count) == (
        len(pairs[1]),
        counts,
        problems,
    )
    return _check(file, agrees, "counts from its pairs" if agrees else "counts differ from its pairs", pairs[0])


def _scan(evidence: Evidence, lineage: Lineage, file: EvidenceFile) -> ReportCheck:
    scan = file.records[0]
    assert isinstance(scan, PublishedScan)
    agrees = scan.ok == (not scan.findings)
    count = len(scan.paths_scanned)
    reason = f"says {'clean' if scan.ok else 'not clean'} of {count} paths as its writer named them; none is opened"
    return _check(file, agrees, reason if agrees else "ok and findings disagree")


CHECKS: dict[str, Callable[[Evidence, Lineage, EvidenceFile], ReportCheck]] = {
    RERANK: _rerank, CALIBRATION: _calibration, SURPRISE: _surprise, LABEL_ROW: _labels, DECOY_SUMMARY: _decoy_summary,
    SECRET_SCAN: _scan,
}  # fmt: skip
