"""Shards of labels: kept as they are done, taken up after a run that was killed, and the same bytes as without the kill."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from codelewm_assets.completions.label import LabelShard
from codelewm_assets.completions.shards import ShardFolder, ShardJob, label_with_cache, shard_jobs, shard_key
from codelewm_assets.core.errors import StoreError
from codelewm_assets.core.records import Completion, LabelledCompletion, Problem
from codelewm_assets.core.tables import iter_table, write_groups
from codelewm_assets.sandbox.pool import MAX_PENDING_PER_WORKER, SandboxPool
from codelewm_assets_tests.factories import make_completion, make_problem

PROBLEMS, EACH, KILLS = 24, 4, 20


def world() -> tuple[dict[str, Problem], list[Completion]]:
    """Problems of four completions: two right, one wrong, one that does not end on one input."""
    problems = [
        make_problem(n, reference=f"def solve(x):\n    return x + {n}", inputs=("[1]", "[2]"), expected=(None, None))
        for n in range(PROBLEMS)
    ]
    codes = ("return x + {n}", "return {n} + x", "return x * 7 - {n}", "while x == 2: pass\n    return x + {n}")
    rows = [
        make_completion(p, i, code=f"def solve(x):\n    {code.format(n=n)}")
        for n, p in enumerate(problems)
        for i, code in enumerate(codes)
    ]
    return {p.problem_id: p for p in problems}, rows


def jobs_of(
    rows: Iterable[Completion], problems: Mapping[str, Problem], settings: Mapping[str, object] = {}
) -> Iterator[ShardJob]:
    """The shards of these completions, under the CPU floor of these tests."""
    return shard_jobs(rows, problems, cpu_floor_s=0.05, settings=settings)


def write_labels(folder: Path, path: Path) -> int:
    """Label the world with shards kept in `folder`, and write the table."""
    problems, rows = world()
    with SandboxPool(2) as pool:
        shards = label_with_cache(
            jobs_of(rows, problems, {"version": 1}), pool=pool, folder=ShardFolder(folder, LabelShard)
        )
        return write_groups(path, (shard.labelled for shard in shards), LabelledCompletion)


@pytest.mark.slow
def test_a_killed_run_resumes_where_it_stopped_and_gives_the_same_bytes(tmp_path: Path) -> None:
    """`kill -9` at a random moment, twenty times; each run goes on with what the others kept."""
    assert write_labels(tmp_path / "calm", tmp_path / "calm.parquet") == PROBLEMS * EACH
    code = (
        "from pathlib import Path; from codelewm_assets_tests.completions.test_shards import write_labels; "
        f"write_labels(Path({str(tmp_path / 'kept')!r}), Path({str(tmp_path / 'killed.parquet')!r}))"
    )
    rng, counts = random.Random(5), [0]
    for _ in range(KILLS):
        run = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
        wanted = min(PROBLEMS - 1, counts[-1] + rng.randint(0, 1))
        deadline = time.monotonic() + 60
        while run.poll() is None and time.monotonic() < deadline:
            if len(list((tmp_path / "kept").glob("*.json"))) >= wanted:
                time.sleep(rng.random() * 0.3)
                break
            time.sleep(0.01)
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        counts.append(len(list((tmp_path / "kept").glob("*.json"))))
    assert counts == sorted(counts)  # nothing that was done is lost
    assert len(set(counts)) > 2  # some were killed at work
    assert write_labels(tmp_path / "kept", tmp_path / "killed.parquet") == PROBLEMS * EACH
    assert (tmp_path / "killed.parquet").read_bytes() == (tmp_path / "calm.parquet").read_bytes()


def test_labels_come_in_the_order_given_and_a_shard_for_each_problem(tmp_path: Path) -> None:
    problems, rows = world()
    asked = [rows[n] for n in (1, 2, 3, 6, 4, 5)]
    with SandboxPool(2) as pool:
        shards = list(label_with_cache(jobs_of(asked, problems), pool=pool, folder=ShardFolder(tmp_path, LabelShard)))
    assert [[row.completion for row in shard.labelled] for shard in shards] == [asked[:3], asked[3:]]
    assert [row.passed for shard in shards for row in shard.labelled] == [True, False, False, False, True, True]
    assert all(shard.cpu_ms > 0 for shard in shards)


def test_completions_are_read_as_they_are_needed(tmp_path: Path) -> None:
    problems, rows = world()
    read: list[Completion] = []

    def one_each() -> Iterator[Completion]:
        for row in rows[::EACH]:
            read.append(row)
            yield row

    with SandboxPool(1) as pool:
        shards = label_with_cache(jobs_of(one_each(), problems), pool=pool, folder=ShardFolder(tmp_path, LabelShard))
        assert [next(shards).labelled[0].passed for _ in range(3)] == [True] * 3
        assert len(read) <= 3 + MAX_PENDING_PER_WORKER + 2 < PROBLEMS


def test_a_shard_that_is_kept_is_not_labelled_again(tmp_path: Path) -> None:
    problems, rows = world()
    folder, seen = ShardFolder(tmp_path, LabelShard), list[int]()
    with SandboxPool(1) as pool:

        def labels(count: int) -> list[LabelShard]:
            jobs = jobs_of(rows[: count * EACH], problems)
            return list(label_with_cache(jobs, pool=pool, folder=folder, on_shard=seen.append))

        first = labels(2)
        before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
        again = labels(3)
    assert again[:2] == first  # the CPU time too, so these were read
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert seen == [EACH] * 5
    assert [[row.passed for row in shard.labelled] for shard in first] == [[True, True, False, False]] * 2


@pytest.mark.parametrize("damage", [b"", b"{", b'{"labelled": [{}]}', b"\xff"])
def test_a_damaged_shard_is_labelled_again(damage: bytes, tmp_path: Path) -> None:
    problems, rows = world()
    problem = problems[rows[0].problem_id]
    key = shard_key(problem, rows[:EACH], {"cpu_floor_s": 0.05})
    (tmp_path / f"{key}.json").write_bytes(damage)
    with SandboxPool(1) as pool:
        (shard,) = label_with_cache(jobs_of(rows[:EACH], problems), pool=pool, folder=ShardFolder(tmp_path, LabelShard))
    assert [row.passed for row in shard.labelled] == [True, True, False, False]
    assert ShardFolder(tmp_path, LabelShard).get(key) == shard


def test_the_key_changes_with_all_that_the_labels_depend_on() -> None:
    problems, rows = world()
    problem, group = problems[rows[0].problem_id], rows[:EACH]
    keys = {
        shard_key(problem, group, {"floor": 1}),
        shard_key(problem, group, {"floor": 2}),
        shard_key(problem, group[:-1], {"floor": 1}),
        shard_key(problem.model_copy(update={"atol": 0.5}), group, {"floor": 1}),
        shard_key(problem, [group[0].model_copy(update={"code": "x"}), *group[1:]], {"floor": 1}),
    }
    assert len(keys) == 5
    assert shard_key(problem, group, {"floor": 1}) in keys


def test_a_shard_that_cannot_be_kept_is_an_error(tmp_path: Path) -> None:
    folder = ShardFolder(tmp_path / "kept", LabelShard)
    folder.put("a", LabelShard(labelled=()))
    assert folder.get("a") == LabelShard(labelled=())
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"Could not write a\.json"):
        ShardFolder(tmp_path / "file", LabelShard).put("a", LabelShard(labelled=()))


def test_a_table_written_in_groups_is_read_back_row_by_row(tmp_path: Path) -> None:
    _, rows = world()
    assert write_groups(tmp_path / "t.parquet", [rows[:3], [], rows[3:]], Completion) == len(rows)
    assert list(iter_table(tmp_path / "t.parquet", Completion)) == rows
    assert write_groups(tmp_path / "empty.parquet", [], Completion) == 0
    assert list(iter_table(tmp_path / "empty.parquet", Completion)) == []
