"""Records of this project in CodeLeWM's own forms: pack records, score rows, decoy pairs, job events, manifests."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from codelewm_assets.core.digests import canonical_json, digest_of, sha256_bytes, sha256_text, unit_interval
from codelewm_assets.core.errors import LiteralError, ReportError
from codelewm_assets.core.ids import record_id
from codelewm_assets.core.literals import read_value
from codelewm_assets.core.records import Decoy, PackRow
from codelewm_assets.dataset.published import TOKEN
from codelewm_assets.evaluation.rows import ScoreRow
from codelewm_assets.published.forms import DECOY_PAIR, DECOY_SUMMARY, MANIFEST, PACK_RECORD, SCORE_ROW
from codelewm_assets.published.manifests import artifact_id_of
from codelewm_assets.store.manifest import Manifest
from codelewm_assets.training.codelewm_events import KINDS, PREFIXES, RANK_RATIO

STATUS = {"pass": "ok", "wrong_output": "ok", "exception": "raised"}
"""Outcome → status; rows of other outcomes are rejected, as CodeLeWM rejects time-outs."""
MEASURED = (str, list, tuple, dict, set, frozenset, bytes)
LENGTHS = ((0, "empty"), (5, "short"), (50, "medium"), (1000, "long"))
OF_MODEL = {"codelewm": "p_pass", "p_pass": "p_pass", "no_action": "no_action", "shuffled_action": "shuffled_action",
            "lexical": "lexical"}  # fmt: skip
"""Their score → ours."""


def hashed_tokens(text: str) -> list[int]:
    """Of each word run and mark the first four bytes of BLAKE2b, big-endian, without the top bit."""
    return [
        int.from_bytes(hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=4).digest()) & 0x7FFFFFFF
        for token in TOKEN.findall(text)
    ]


def random_score(completion_id: str) -> float:
    """Their random control: the first 8 bytes of SHA-256 of the id over 2^64 - 1."""
    return int.from_bytes(hashlib.sha256(completion_id.encode()).digest()[:8]) / (2**64 - 1)


def input_name(benchmark_id: str, input_id: str) -> str:
    """`i0` of this project as `humaneval/case-0`."""
    return f"{benchmark_id}/case-{input_id.removeprefix('i')}"


def pack_record(row: PackRow, split: str) -> dict[str, Any] | None:
    """One record of the pack; None for an outcome that their pack has no status for."""
    if row.execution_status not in STATUS:
        return None
    name = input_name(row.source_dataset, row.input_id)
    raised = row.output_tokens.removeprefix("<exception ").removesuffix(">")
    output = row.output_tokens if STATUS[row.execution_status] == "ok" else f"{raised}: "
    return {
        "code_checksum": row.code_checksum,
        "code_tokens": hashed_tokens(row.code_tokens),
        "determinism_check": row.determinism_check,
        "execution_status": STATUS[row.execution_status],
        "function_name": row.function_name,
        "held_out_for_eval": split != "train",
        "input_id": name,
        "input_kind": "function_call",
        "input_repr_checksum": row.input_repr_checksum,
        "input_tokens": hashed_tokens(row.input_tokens),
        "judge_verdict": "pass" if row.completion_passed else "fail",
        "license": row.license,
        "license_attribution_url": row.license_attribution_url,
        "output_kind": row.output_kind,
        "output_length_bucket": length_bucket(row),
        "output_magnitude_bucket": None
        if row.output_magnitude_bucket == "not_a_number"
        else row.output_magnitude_bucket,
        "output_repr_checksum": sha256_text(output),
        "output_tokens": hashed_tokens(output),
        "output_type": row.output_type,
        "passed": row.passed,
        "peak_rss_kb": None,
        "record_id": record_id(row.source_problem_id, row.source_submission_id, name),
        "schema_version": PACK_RECORD,
        "source_dataset": row.source_dataset,
        "source_problem_id": row.source_problem_id,
        "source_submission_id": row.source_submission_id,
        "split": split,
        "wall_time_ms": None,
    }


def length_bucket(row: PackRow) -> str | None:
    """Their bucket: of the length of the value, for texts and collections alone."""
    if row.output_kind != "value":
        return None
    try:
        value = read_value(row.output_tokens)
    except LiteralError:
        return None
    if not isinstance(value, MEASURED):
        return None
    return next((name for bound, name in LENGTHS if len(value) <= bound), "huge")


def score_rows(rows: Sequence[ScoreRow]) -> list[dict[str, Any]]:
    """Score rows of pools, sorted by pool and completion.

    `codelewm` and `p_pass` are this project's p_pass. `problem_id` names the pool where a problem has several. Where no model gave
    an order, a hash of the id stands in for it, as WS-D's order is a shuffle.

    Raises:
        ReportError: a row lacks one of the scores, or a completion stands in two pools of a problem.
    """
    pools: dict[str, set[str]] = {}
    for row in rows:
        pools.setdefault(row.problem_id, set()).add(row.pool_id or row.problem_id)
    members: dict[str, list[ScoreRow]] = {}
    for row in rows:
        name = row.problem_id if len(pools[row.problem_id]) == 1 else str(row.pool_id)
        members.setdefault(name, []).append(row)
    twice = [name for name, count in Counter(row.completion_id for row in rows).items() if count > 1]
    if twice:
        raise ReportError(
            f"{len(twice)} completions stand in two pools, first {twice[0]}; their rows are one a completion."
        )
    return [
        document
        for name in sorted(members)
        for document in sorted(_pool_rows(name, members[name]), key=lambda document: str(document["completion_id"]))
    ]


def _pool_rows(name: str, rows: Sequence[ScoreRow]) -> Iterator[dict[str, Any]]:
    ordered = sorted(
        rows, key=lambda row: (-(row.finite("llm_order") or 0.0), unit_interval("llm_order", row.completion_id))
    )
    for rank, row in enumerate(ordered):
        scores = {theirs: row.finite(ours) for theirs, ours in OF_MODEL.items()}
        absent = sorted({OF_MODEL[theirs] for theirs, value in scores.items() if value is None})
        if absent:
            raise ReportError(
                f"{row.completion_id} has no score {', '.join(absent)}; their rows have every score. Build again."
            )
        yield {
            "benchmark_id": row.benchmark_id,
            "completion_id": row.completion_id,
            "errors": {},
            "llm_order_rank": rank,
            "passed": row.passed,
            "problem_id": name,
            "schema_version": SCORE_ROW,
            "scores": scores | {"llm_order": -float(rank), "random": random_score(row.completion_id)},
            "split": row.split,
        }


def decoy_pairs(decoys: Iterable[Decoy], records: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Semantic decoy pairs whose records are both in the exported pack.

    Args:
        records: this project's record id → exported record.
    """
    pairs = []
    for decoy in decoys:
        query, other = records.get(decoy.query_record_id), records.get(decoy.decoy_record_id)
        if decoy.category != "mutation" and query is not None and other is not None:
            pairs.append(_pair(decoy, query, other))
    return sorted(pairs, key=lambda pair: str(pair["decoy_id"]))


def _pair(decoy: Decoy, query: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    sides = {
        f"{side}_{field}": value
        for side, record in (("query", query), ("decoy", other))
        for field, value in (
            ("input_id", record["input_id"]),
            ("output_fingerprint", f"sha256:{record['output_repr_checksum']}"),
            ("record_id", record["record_id"]),
            ("source_submission_id", record["source_submission_id"]),
        )
    }
    return sides | {
        "category": decoy.category,
        "control_category": None,
        "decoy_id": f"semantic-decoy-{sha256_text(decoy.decoy_id)[:24]}",
        "input_relation": decoy.input_relation,
        "output_relation": decoy.output_relation,
        "rationale": decoy.rationale,
        "schema_version": DECOY_PAIR,
        "semantic_adversarial_reason": decoy.rationale,
        "source_problem_id": decoy.source_problem_id,
    }


def decoy_summary(pairs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Counts of semantic decoy pairs."""
    counts = Counter(str(pair["category"]) for pair in pairs)
    return {
        "categories": sorted(counts),
        "distinct_problem_count": len({pair["source_problem_id"] for pair in pairs}),
        "pair_count": len(pairs),
        "pair_count_by_category": dict(counts),
        "pair_schema_version": DECOY_PAIR,
        "schema_version": DECOY_SUMMARY,
    }


def job_events(events: Iterable[Mapping[str, Any]], fold: int) -> Iterator[dict[str, Any]]:
    """A training's events of one fold as those of their trainer."""
    names = {"step": "step", "steps": "max_steps", "seed": "seed", "metrics": "metrics",
             "effective_rank_ratio": RANK_RATIO}  # fmt: skip
    for event in events:
        if event.get("fold", fold) == fold and event["event"] in KINDS:
            fields = {theirs: event[ours] for ours, theirs in names.items() if ours in event}
            yield {"event": f"{PREFIXES[0]}.{event['event']}", "fields": fields}


def json_line(document: Mapping[str, Any]) -> bytes:
    """One line as their writer gives it: keys sorted, `", "` and `": "` between."""
    canonical_json(document)  # refuses what JSON has not
    return (json.dumps(document, sort_keys=True) + "\n").encode("ascii")


def manifest(
    kind: str, files: Mapping[str, bytes], config: Mapping[str, Any], parents: Sequence[str], metadata: Mapping[str, Any],
    source: Manifest,
) -> dict[str, Any]:  # fmt: skip
    """A manifest of an artifact.

    Args:
        files: path → bytes, `config.json` among them.
        source: manifest of the artifact that it was made from; gives time, commit and command.
    """
    created = source.created or datetime.fromtimestamp(0, UTC)
    document: dict[str, Any] = {
        "artifact_kind": kind,
        "command": [source.command or "codelewm-assets", "export"],
        "config_sha256": digest_of(dict(config)),
        "created_at": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "files": [{"bytes": len(data), "path": path, "sha256": sha256_bytes(data)} for path, data in files.items()],
        "metadata": dict(metadata),
        "parent_artifacts": list(parents),
        "schema_version": MANIFEST,
        "source_git_sha": source.source_git_sha,
    }
    return document | {"artifact_id": artifact_id_of(document, kind)}
