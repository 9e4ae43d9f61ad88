"""Cache of label shards: a killed run resumes, and unchanged problems are not run again."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

from pydantic import ValidationError

from codelewm_assets.completions.label import LabelShard, by_problem, label_problem
from codelewm_assets.core.digests import digest_of
from codelewm_assets.core.files import write_atomically
from codelewm_assets.core.records import Completion, Problem
from codelewm_assets.core.tables import R
from codelewm_assets.sandbox.pool import SandboxPool


class ShardFolder(Generic[R]):
    """Finished shards of labelling runs, a file each, named by the digest of all that the labels depend on.

    Files are written atomically; unreadable ones count as missing.

    Args:
        folder: where the files lie.
        model: record of a shard.
    """

    def __init__(self, folder: Path, model: type[R]) -> None:
        self._folder, self._model = folder, model

    def get(self, key: str) -> R | None:
        """The shard of this key; None when missing or damaged."""
        try:
            return self._model.model_validate_json((self._folder / f"{key}.json").read_bytes())
        except (OSError, ValidationError):
            return None

    def put(self, key: str, shard: R) -> None:
        """Store a shard. Raises: StoreError: it cannot be written."""
        write_atomically(self._folder / f"{key}.json", shard.model_dump_json().encode())


def shard_key(problem: Problem, completions: list[Completion], settings: Mapping[str, object]) -> str:
    """Cache key of a shard: digest of the problem, its completions and the settings."""
    rows = [completion.model_dump(mode="json") for completion in completions]
    return digest_of({"problem": problem.model_dump(mode="json"), "completions": rows, "settings": dict(settings)})


@dataclass(frozen=True, slots=True)
class ShardJob:
    """One shard to label."""

    key: str  # digest of all that its labels depend on
    problem: Problem
    completions: tuple[Completion, ...]  # of this one problem, in the order given
    cpu_floor_s: float


def shard_jobs(
    completions: Iterable[Completion],
    problems: Mapping[str, Problem],
    *,
    cpu_floor_s: float,
    settings: Mapping[str, object],
) -> Iterator[ShardJob]:
    """The shards of these completions, in the order of their problems, read lazily.

    Args:
        completions: grouped by problem.
        settings: all that the labels depend on besides problems and completions.
    """
    depends_on = {**settings, "cpu_floor_s": cpu_floor_s}
    for problem_id, group in by_problem(completions):
        problem = problems[problem_id]
        yield ShardJob(shard_key(problem, group, depends_on), problem, tuple(group), cpu_floor_s)


def label_with_cache(
    jobs: Iterable[ShardJob],
    *,
    pool: SandboxPool,
    folder: ShardFolder[LabelShard],
    on_shard: Callable[[int], None] = lambda count: None,
) -> Iterator[LabelShard]:
    """A shard for each job, in order, from the cache in `folder` or labelled and cached.

    As many at a time as the pool has workers; memory holds only those.

    Args:
        on_shard: called with the number of completions of each finished shard.
    """

    def label(job: ShardJob) -> LabelShard:
        shard = folder.get(job.key)
        if shard is None:
            shard = label_problem(job.problem, job.completions, pool, cpu_floor_s=job.cpu_floor_s)
            folder.put(job.key, shard)
        return shard

    for shard in pool.imap(label, jobs):
        on_shard(len(shard.labelled))
        yield shard
