"""The gallery of scored pools: a page for each problem with its prompt, pools, verdicts, scores and programs.

Programs may be untrusted model output: templates that end in `.html.j2` escape every value.
"""

import difflib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from codelewm_assets.completions.renaming import alpha_normalise
from codelewm_assets.core.ids import kind_and_partition
from codelewm_assets.core.tables import read_rows
from codelewm_assets.dataset.shingles import jaccard, shingles
from codelewm_assets.evaluation.rows import MODEL_SCORES, ScoreRow
from codelewm_assets.evaluation.score_files import read_score_rows
from codelewm_assets.release.markdown import cell, render
from codelewm_assets.store.store import Artifact

DIFF_CONTEXT = 3  # lines of unchanged program around each change
_CHANGE = {"+": "added", "-": "removed", "@": "place"}


@dataclass(frozen=True, slots=True)
class Program:
    """A program of a scored pool.

    Attributes:
        code: its text.
        entry_point: name of the function that is called.
        outcomes: outcome → number of inputs.
    """

    code: str
    entry_point: str
    outcomes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ScoredPools:
    """The score rows of all seeds, with their prompts and programs.

    Attributes:
        rows: seed → score rows of pool members.
        prompts: problem id → prompt.
        programs: completion id → program.
        labels: benchmark id → its name in reports.
    """

    rows: Mapping[int, Sequence[ScoreRow]]
    prompts: Mapping[str, str]
    programs: Mapping[str, Program]
    labels: Mapping[str, str]

    def of_problems(self) -> dict[str, list[list[ScoreRow]]]:
        """Problem id → a list for each pool member, with its score row of each seed that scored it."""
        by_problem: dict[str, dict[tuple[str, str], list[ScoreRow]]] = defaultdict(lambda: defaultdict(list))
        for _, rows in sorted(self.rows.items()):
            for row in rows:
                by_problem[row.problem_id][row.pool_id or row.problem_id, row.completion_id].append(row)
        return {
            name: [members[key] for key in sorted(members)]
            for name, members in sorted(by_problem.items(), key=_natural)
        }


def _natural(item: tuple[str, object]) -> list[int | str]:
    """Sort key of an item by its name, with numbers in numeric order."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", item[0])]


def problem_path(problem_id: str) -> str:
    """Path of a problem's page in the site."""
    return f"pools/{re.sub(r'[^a-zA-Z0-9_.-]+', '-', problem_id)}.html"


def pool_pages(scored: ScoredPools) -> dict[str, tuple[str, str]]:
    """Path → (title, HTML) of the page of each scored problem, and of their list."""
    problems = scored.of_problems()
    pages = {problem_path(name): (name, _problem(name, members, scored)) for name, members in problems.items()}
    listed = [_line(name, members, scored) for name, members in problems.items()]
    return pages | {"pools.html": ("Pools", render("pools.html.j2", problems=listed, seeds=sorted(scored.rows)))}


def _line(name: str, members: Sequence[Sequence[ScoreRow]], scored: ScoredPools) -> dict[str, object]:
    first = members[0][0]
    return {
        "name": name, "path": problem_path(name), "benchmark": scored.labels.get(first.benchmark_id, first.benchmark_id),
        "fold": first.fold, "splits": _splits(members), "pools": len({rows[0].pool_id for rows in members}),
        "programs": len({rows[0].completion_id for rows in members}),
    }  # fmt: skip


def _splits(members: Iterable[Sequence[ScoreRow]]) -> list[str]:
    return sorted({row.split for rows in members for row in rows})


def _problem(name: str, members: Sequence[Sequence[ScoreRow]], scored: ScoredPools) -> str:
    pools: dict[str, list[Sequence[ScoreRow]]] = defaultdict(list)
    for rows in members:
        pools[rows[0].pool_id or name].append(rows)
    kinds = {rows[0].completion_id: (rows[0].completion_kind, rows[0].operator_family) for rows in members}
    grams = {
        completion: shingles(scored.programs[completion].code) for completion in kinds if completion in scored.programs
    }
    return render(
        "problem.html.j2",
        **_line(name, members, scored),
        prompt=scored.prompts.get(name, ""),
        seeds=sorted(scored.rows),
        pool_tables=[
            (pool, _scores(pool_members), nearest_pair(pool_members, scored.programs, grams))
            for pool, pool_members in pools.items()
        ],
        program_list=[
            (completion, scored.programs[completion], [kind for kind in kinds[completion] if kind])
            for completion in dict.fromkeys(rows[0].completion_id for rows in members)
            if completion in scored.programs
        ],
        verdicts={rows[0].completion_id: rows[0].passed for rows in members},
    )


def _scores(members: Sequence[Sequence[ScoreRow]]) -> tuple[list[str], list[tuple[str, bool, list[str]]]]:
    """(names of the scores, a row per member: completion, verdict, a cell per score)."""
    names = {name for rows in members for row in rows for name in row.scores}
    ordered = [name for name in MODEL_SCORES if name in names] + sorted(names - set(MODEL_SCORES))
    return ordered, [
        (rows[0].completion_id, rows[0].passed, [_of_seeds([row.scores.get(name) for row in rows]) for name in ordered])
        for rows in members
    ]


def _of_seeds(values: Sequence[float | None]) -> str:
    """One figure if all seeds agree, else a figure for each seed."""
    cells = [cell(value) for value in values]
    return cells[0] if len(set(cells)) == 1 else " / ".join(cells)


def nearest_pair(
    members: Sequence[Sequence[ScoreRow]], programs: Mapping[str, Program], grams: Mapping[str, set[str]]
) -> tuple[str, str, list[tuple[str, str]]] | None:
    """The most similar passing and failing program of a pool, with the diff of their normal forms as (kind, line).

    Similarity is the Jaccard of alpha-normalised token 3-grams; ties go to the first pair by id. Normal forms number a program's
    own names, so that renamed variables are no difference.
    Args: grams: completion id → its token 3-grams.
    Returns: None for a pool without a passing or without a failing program.
    """
    verdicts = {rows[0].completion_id: rows[0].passed for rows in members if rows[0].completion_id in programs}
    pairs = product(sorted(n for n in verdicts if verdicts[n]), sorted(n for n in verdicts if not verdicts[n]))
    best = min(pairs, key=lambda pair: (-jaccard(grams[pair[0]], grams[pair[1]]), pair), default=None)
    if best is None:
        return None
    right, failing = (alpha_normalise(programs[name].code, programs[name].entry_point).splitlines() for name in best)
    lines = list(difflib.unified_diff(right, failing, n=DIFF_CONTEXT, lineterm=""))[2:]
    return *best, [(_CHANGE.get(line[:1], "same"), line) for line in lines]


def programs_of(rows: Iterable[Mapping[str, str]], completion_ids: set[str]) -> dict[str, Program]:
    """Completion id → program. Args: rows: of the execution pack, with at least the columns used here."""
    texts, outcomes = dict[str, tuple[str, str]](), defaultdict[str, Counter[str]](Counter)
    for row in rows:
        name = row["source_submission_id"]
        if name in completion_ids:
            texts[name] = row["code_tokens"], row["function_name"]
            outcomes[name][row["execution_status"]] += 1
    return {name: Program(*text, dict(sorted(outcomes[name].items()))) for name, text in texts.items()}


def scored_pools(lineage: Mapping[str, Artifact], labels: Mapping[str, str]) -> ScoredPools:
    """Score rows of every seed in a lineage, with prompts and programs from their parent artifacts."""
    scored = [artifact for artifact in lineage.values() if artifact.manifest.artifact_kind == "heldout_scores"]
    rows = {
        int(kind_and_partition(artifact.manifest.artifact_id)[1] or 0): read_score_rows(
            artifact.path("score_rows.jsonl")
        )
        for artifact in scored
    }
    completion_ids = {row.completion_id for seed_rows in rows.values() for row in seed_rows}
    prompts, programs = dict[str, str](), dict[str, Program]()
    for kind, digest in {(k, d) for artifact in scored for k, d in artifact.manifest.parent_artifacts.items()}:
        if kind == "execution_pack":
            columns = ["source_submission_id", "code_tokens", "function_name", "execution_status"]
            programs |= programs_of(read_rows(lineage[digest].path("pack.parquet"), columns), completion_ids)
        elif kind == "benchmark_problems":
            for file in lineage[digest].manifest.files:
                if file.path.endswith("problems.parquet"):
                    table = read_rows(lineage[digest].path(file.path), ["problem_id", "prompt"])
                    prompts |= {row["problem_id"]: row["prompt"] for row in table}
    return ScoredPools(rows, prompts, programs, labels)
