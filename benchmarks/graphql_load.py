"""The reviewer's web server under load: many clients ask what the UI's pages ask, on an instance with a long past.

    python benchmarks/graphql_load.py --home FOLDER [--clients 50] [--rounds 4] [--materializations 5000]

FOLDER holds a finished build: `dagster.yaml`, `.dagster/` and `artifacts/`. Its instance is copied, and its runs are written
again with new ids until there are that many materializations; each run keeps its materializations, checks and states.
Chromium opens the pages once and what it asks is noted; then each client asks all of it `rounds` times, in an order of its
own. The peer is the same load on the copy before its past was added.
"""

import argparse
import http.client
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
from dagster import DagsterEventType
from sections import rewrite

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from codelewm_assets_tests.browser import open_browser  # noqa: E402
from codelewm_assets_tests.instance.web import served  # noqa: E402

PAGES = (
    "/overview",
    "/asset-groups",
    "/assets",
    "/assets/problem_splits?view=checks",
    "/assets/rerank_report?view=partitions",
    "/assets/claim_gates?view=events",
    "/runs",
)
KEPT = {
    DagsterEventType.RUN_START,
    DagsterEventType.RUN_SUCCESS,
    DagsterEventType.RUN_FAILURE,
    DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    DagsterEventType.ASSET_MATERIALIZATION,
    DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED,
    DagsterEventType.ASSET_CHECK_EVALUATION,
}


@dataclass
class Load:
    """What the clients saw. Seconds by GraphQL operation."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    wall_s: float = 0.0

    @property
    def all_seconds(self) -> list[float]:
        """Every request's, in no order."""
        return [second for seconds in self.seconds.values() for second in seconds]

    def percentile(self, percent: int) -> float:
        """Seconds that this share of the requests took at most."""
        return statistics.quantiles(self.all_seconds, n=100, method="inclusive")[percent - 1]


def age(home: Path, wanted: int) -> int:
    """Write the instance's runs again until it has `wanted` materializations. Returns: how many it has."""
    with dg.DagsterInstance.from_config(str(home)) as instance:
        runs = [
            (run, [e for e in instance.all_logs(run.run_id) if e.dagster_event and e.dagster_event.event_type in KEPT])
            for run in reversed(instance.get_runs())
        ]
        per_build = sum(_materializations(events) for _, events in runs)
        if not per_build:
            raise SystemExit(f"{home} holds no build: run `make run` there first.")
        count = per_build
        while count < wanted:
            for run, events in runs:
                copy = run.with_tags({**run.tags, "benchmark/copy": "true"})._replace(run_id=str(uuid4()))
                instance.add_run(copy)
                for event in events:
                    instance.event_log_storage.store_event(event._replace(run_id=copy.run_id, timestamp=time.time()))
                    instance.run_storage.handle_run_event(copy.run_id, event.get_dagster_event())
                count += _materializations(events)
            print(f"{count} materializations", flush=True)
    return count


def _materializations(events: list[Any]) -> int:
    return sum(e.dagster_event.event_type == DagsterEventType.ASSET_MATERIALIZATION for e in events)


def asked(address: str) -> list[tuple[str, str]]:
    """(operation, request body) of what the UI asks on the pages, each body once."""
    found: dict[str, str] = {}
    with open_browser() as browser:
        page = browser.new_page()
        page.on("request", lambda sent: _note(found, sent.url, sent.post_data))
        for path in PAGES:
            page.goto(address + path)
            page.wait_for_load_state("networkidle")
    return sorted((operation, body) for body, operation in found.items())


def _note(found: dict[str, str], url: str, body: str | None) -> None:
    if body and "/graphql" in url and not json.loads(body)["query"].lstrip().startswith("mutation"):
        found[body] = str(json.loads(body)["operationName"])


def load(address: str, bodies: list[tuple[str, str]], *, clients: int, rounds: int) -> Load:
    """All clients at once, each with a connection of its own."""
    found, lock = Load(), threading.Lock()

    def client(number: int) -> None:
        connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=300)
        order = random.Random(number)
        for _ in range(rounds):
            for operation, body in order.sample(bodies, len(bodies)):
                begun = time.perf_counter()
                try:
                    connection.request("POST", "/graphql", body, {"Content-Type": "application/json"})
                    response = connection.getresponse()
                    answer = json.loads(response.read())
                    fault = "" if response.status == 200 and "errors" not in answer else f"{response.status} {answer}"
                except (OSError, http.client.HTTPException, ValueError) as error:
                    connection.close()
                    fault = repr(error)
                with lock:
                    found.seconds.setdefault(operation, []).append(time.perf_counter() - begun)
                    if fault:
                        found.errors.append(f"{operation}: {fault[:300]}")

    begun = time.perf_counter()
    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found.wall_s = time.perf_counter() - begun
    return found


def definitions_load() -> tuple[list[float], list[float]]:
    """Seconds to load the definitions in a new process, and to import dagster alone, five times in turn."""
    ours, peer = [], []
    for _ in range(5):
        for times, module in ((ours, "codelewm_assets.definitions"), (peer, "dagster")):
            begun = time.perf_counter()
            subprocess.run([sys.executable, "-c", f"import {module}"], check=True, cwd=ROOT)
            times.append(time.perf_counter() - begun)
    return ours, peer


def ticks(home: Path, artifacts: Path, *, wait_s: float) -> dict[str, list[float]]:
    """Seconds of each tick of the daemon's sensors and schedules, all of them switched on, in `wait_s` seconds."""
    environment = os.environ | {"DAGSTER_HOME": str(home), "CODELEWM_ARTIFACTS": str(artifacts)}
    workspace = str(ROOT / "workspace.yaml")
    with (home / "daemon.txt").open("w") as log:
        for kind, name in _instigators():
            command = [sys.executable, "-m", "dagster", kind, "start", name, "-w", workspace]
            subprocess.run(command, cwd=home, env=environment, check=True, stdout=log, stderr=log)
        daemon = subprocess.Popen(
            [sys.executable, "-m", "dagster._daemon", "run", "-w", workspace],
            cwd=home,
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            time.sleep(wait_s)
        finally:
            daemon.terminate()
            daemon.wait()
    found: dict[str, list[float]] = {}
    with dg.DagsterInstance.from_config(str(home)) as instance:
        for state in instance.all_instigator_state():
            for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id):
                if tick.end_timestamp is not None:
                    found.setdefault(state.instigator_name, []).append(tick.end_timestamp - tick.timestamp)
    return found


def _instigators() -> Iterator[tuple[str, str]]:
    from codelewm_assets.definitions import defs

    repository = defs.get_repository_def()
    for sensor in repository.sensor_defs:
        yield "sensor", sensor.name
    for schedule in repository.schedule_defs:
        yield "schedule", schedule.name


def section(
    options: argparse.Namespace,
    asked_count: int,
    loads: dict[int, Load],
    defs_s: tuple[list[float], list[float]],
    tick_s: dict[str, list[float]],
) -> list[str]:
    """What docs/performance.md says. Args: loads: past materializations → what the clients saw, the shorter past first."""
    ours, peer = (statistics.median(times) for times in defs_s)
    often = "once" if options.rounds == 1 else f"{options.rounds} times"
    young, past = loads[min(loads)], max(loads)
    by_median = sorted(loads[past].seconds.items(), key=lambda item: -statistics.median(item[1]))
    slowest = ", ".join(f"{name} {statistics.median(seconds):.2f}" for name, seconds in by_median[:5])
    longest = "; ".join(f"`{name}` {max(times):.2f} s of {len(times)}" for name, times in sorted(tick_s.items()))
    rows = (
        f"| {count:,} | {len(load.all_seconds):,} | {len(load.errors)} | {len(load.all_seconds) / load.wall_s:.0f} "
        f"| {load.percentile(50):.2f} | {load.percentile(95):.2f} | {load.percentile(50) / young.percentile(50):.2f} |"
        for count, load in sorted(loads.items())
    )
    command = f"`python benchmarks/graphql_load.py --home FOLDER --rounds {options.rounds}`"
    return [
        "## The web server under load",
        "",
        f"{command}: the {asked_count} requests that the UI sends",
        f"for {len(PAGES)} pages, asked by {options.clients} clients at once, {often} each, on SQLite and 2 shared",
        "cores, where the clients are threads of one process. A client waits for its turn: with that many, the time of a",
        "request is nearly all queue.",
        "",
        "| past materializations | requests | errors | requests/s | median s | p95 s | ratio of medians |",
        "|---:|---:|---:|---:|---:|---:|---:|",
        *rows,
        "",
        f"Slowest operations at {past:,} (median s): {slowest}.",
        "",
        f"Definitions load in a new process: {ours:.2f} s, of which `import dagster` alone {peer:.2f} s (ratio {ours / peer:.1f};",
        f"medians of 5). Ticks of the daemon on that instance, everything switched on, longest of each: {longest}.",
        "",
    ]


def main() -> None:
    """Measure and write the section."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--materializations", type=int, default=5000)
    parser.add_argument("--tick-wait", type=float, default=150.0, help="seconds for which the daemon runs")
    options = parser.parse_args()
    artifacts = (options.home / "artifacts").resolve()
    defs_s = definitions_load()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        shutil.copy(options.home / "dagster.yaml", home)
        shutil.copytree(options.home / ".dagster", home / ".dagster")
        os.chdir(home)
        young_count = age(home, 0)
        with served(home, CODELEWM_ARTIFACTS=str(artifacts)) as server:
            bodies = asked(server.address)
            young = load(server.address, bodies, clients=options.clients, rounds=options.rounds)
        aged_count = age(home, options.materializations)
        with served(home, CODELEWM_ARTIFACTS=str(artifacts)) as server:
            aged = load(server.address, bodies, clients=options.clients, rounds=options.rounds)
        tick_s = ticks(home, artifacts, wait_s=options.tick_wait)
    lines = section(options, len(bodies), {young_count: young, aged_count: aged}, defs_s, tick_s)
    for error in aged.errors[:5] + young.errors[:5]:
        print(error, file=sys.stderr)
    rewrite("graphql_load", lines)


if __name__ == "__main__":
    main()
