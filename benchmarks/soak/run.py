"""Scheduled runs with random faults, and what came of them, for docs/reliability.md.

    python benchmarks/soak/run.py [--runs 200] [--seed 0] [--folder FOLDER]

A deployment on PostgreSQL and a small disk of its own runs the product's schedules, automation, checks, training and
notifications on few problems. Faults are drawn at random, each as often as the others, until so many scheduled runs have ended;
then the schedules stop, what is open ends, and everything is counted. Wants root and PostgreSQL; takes about an hour.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import dagster as dg
import findings
from faults import FAULTS, write_imported
from sections import rewrite
from world import ROOT, World, made_world

from codelewm_assets.defs.guards import BLOCKING_CHECKS
from codelewm_assets.store.store import ArtifactStore
from codelewm_assets_tests.sandbox.namespace import IN_NAMESPACE, unshare_command

NEW_DATA_S = 150  # seconds after which the completions get another seed
MOST_QUIET_S = 1200  # so long what is open may take to end
PAUSE_S = (20, 50)  # between two faults
STOP = "stop"  # a file of this name in the soak's folder ends it early; the table says how many runs there were


class Soak:
    """Injects faults until enough scheduled runs have ended."""

    def __init__(self, world: World, *, runs: int, seed: int, faults: list[str]) -> None:
        self.world, self.runs, self._faults = world, runs, faults
        self.injected: Counter[str] = Counter()
        self._chance, self._is_over = random.Random(seed), threading.Event()
        self._data_seed = 0

    def go(self) -> float:
        """Returns: seconds that it took."""
        begun = time.monotonic()
        write_imported(self.world, 0, is_bad=False)
        self.world.write_profile(seed=0, is_on=True)
        for name in ("daemon", "webserver"):
            self.world.start(name)
        renewal = threading.Thread(target=self._renew_data, daemon=True)
        renewal.start()
        names: list[str] = []
        while self._ended() < self.runs and not (self.world.folder / STOP).exists():
            names = names or self._chance.sample(self._faults, len(self._faults))
            time.sleep(self._chance.uniform(*PAUSE_S))
            name = names.pop()
            if FAULTS[name](self.world, self._chance):
                self.injected[name] += 1
            print(f"{time.monotonic() - begun:.0f} s: {name}; {self._ended()} scheduled runs have ended", flush=True)
        self._is_over.set()
        renewal.join()
        self._stop_schedules()
        self._wait_until_quiet()
        return time.monotonic() - begun

    def _renew_data(self) -> None:
        while not self._is_over.wait(NEW_DATA_S):
            self._data_seed += 1
            self.world.write_profile(seed=self._data_seed, is_on=True)

    def _ended(self) -> int:
        with opened(self.world) as instance:
            return sum(run.is_finished for run in findings.scheduled_runs(instance))

    def _stop_schedules(self) -> None:
        """Off in the profile, which a daemon reads when it starts."""
        self.world.write_profile(seed=self._data_seed, is_on=False)
        self.world.kill("daemon")
        self.world.start("daemon")

    def _wait_until_quiet(self) -> None:
        """Until no run is open, and every failure had time to be told: two quiet looks, a minute and a half apart."""
        ends, quiet = time.monotonic() + MOST_QUIET_S, 0
        while quiet < 2:
            time.sleep(45)
            with opened(self.world) as instance:
                is_open = any(not run.is_finished for run in instance.get_runs())
            quiet = 0 if is_open else quiet + 1
            if time.monotonic() > ends:
                raise SystemExit("runs are still open 20 minutes after the last fault")


def opened(world: World) -> dg.DagsterInstance:
    """The instance, as this process sees it. The database may be down for a moment: then again."""
    for attempt in range(30):
        try:
            instance = dg.DagsterInstance.from_config(str(world.home))
            instance.get_runs_count()
            return instance
        except Exception:
            if attempt == 29:
                raise
            time.sleep(1)
    raise AssertionError


def counted(soak: Soak, wall_s: float) -> dict[str, Any]:
    """Its findings."""
    world = soak.world
    store = ArtifactStore(world.disk / "artifacts")
    with opened(world) as instance:
        trainings, failed = findings.read_trainings(world.trainings), findings.failed_runs(instance)
        checked, mismatches = store.verify_all()
        scheduled = findings.scheduled_runs(instance)
        return {
            "wall_s": round(wall_s),
            "injected": dict(sorted(soak.injected.items())),
            "scheduled_runs": findings.outcome_counts(scheduled),
            "other_runs": findings.outcome_counts([r for r in instance.get_runs() if r not in scheduled]),
            "red_results": sum(not one.is_green for one in findings.evaluations(instance)),
            "artifacts_verified": checked,
            "damaged": [f"{fault.artifact} {fault.file}" for fault in mismatches],
            "lost": findings.lost_artifacts(instance, store),
            "trainings_started": len(trainings),
            "trained_on_red": findings.trained_on_red(trainings, findings.evaluations(instance), BLOCKING_CHECKS),
            "failed_runs": len(failed),
            "messages": len(world.receiver.keys),
            "notification_faults": findings.notification_faults([r.run_id for r in failed], world.receiver.keys),
        }


def words(counts: dict[str, int]) -> str:
    """`3 failure, 40 success`."""
    return ", ".join(f"{count} {status}" for status, count in counts.items()) or "none"


def section(found: dict[str, Any], options: argparse.Namespace) -> list[str]:
    """The section of docs/reliability.md."""
    scheduled, other = found["scheduled_runs"], found["other_runs"]
    artifacts = f"{found['artifacts_verified']} artifacts"
    rows = [
        ("artifacts that an event names and the store lacks", found["lost"], artifacts),
        ("artifacts that are damaged or half written", found["damaged"], artifacts),
        ("trainings that started on red, or on what was not judged", found["trained_on_red"],
         f"{found['trainings_started']} trainings"),
        ("failures that were told never or more than once", found["notification_faults"], f"{found['failed_runs']} failures"),
    ]  # fmt: skip
    return [
        f"`python benchmarks/soak/run.py --runs {options.runs} --seed {options.seed}`, 2 shared cores,",
        f"{found['wall_s'] / 60:.0f} minutes: {sum(scheduled.values())} scheduled runs ({words(scheduled)}),",
        f"{sum(other.values())} others ({words(other)}), {found['red_results']} red results of checks.",
        "",
        "| fault | times |",
        "|---|---:|",
        *(f"| {name} | {count} |" for name, count in found["injected"].items()),
        "",
        "| what must not be | found | of |",
        "|---|---:|---|",
        *(f"| {what} | {len(faults)} | {of} |" for what, faults, of in rows),
        "",
    ]


def main() -> int:
    """Run, count, write the table. Returns: 1 when something was found that must not be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where the deployment lies; a temporary folder when left out")
    parser.add_argument("--fault", action="append", choices=sorted(FAULTS), help="this one only; may be given again")
    options = parser.parse_args()
    folder = (options.folder or Path(tempfile.mkdtemp(prefix="codelewm-soak-"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with made_world(folder) as world:
        os.environ.update(world.environment)
        os.chdir(world.home)
        soak = Soak(world, runs=options.runs, seed=options.seed, faults=options.fault or sorted(FAULTS))
        found = counted(soak, soak.go())
    (folder / "found.json").write_text(json.dumps(found, indent=2), encoding="utf-8")
    print(json.dumps(found, indent=2))
    rewrite("soak", section(found, options), page=ROOT / "docs" / "reliability.md")
    faults = [*found["damaged"], *found["lost"], *found["trained_on_red"], *found["notification_faults"]]
    print("\n".join(faults), file=sys.stderr)
    return 1 if faults else 0


def enter_own_namespace() -> None:
    """Start anew in a process namespace: what is killed here can be nobody else's."""
    start = unshare_command()
    if start is None:
        sys.exit(
            "No process namespace can be made here, and the faults kill processes. Run it where `unshare --pid` works."
        )
    os.execve(start[0], [*start, sys.executable, *sys.argv], os.environ | {IN_NAMESPACE: "1"})


if __name__ == "__main__":
    if IN_NAMESPACE not in os.environ:
        enter_own_namespace()
    sys.exit(main())
