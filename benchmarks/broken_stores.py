"""Damaged artifacts and killed builds, and whether each is found and mended, for docs/reliability.md.

    unshare --pid --fork --mount-proc python benchmarks/broken_stores.py STORE [--damages 45] [--kills 15] [--seed 0]

STORE is the artifact store of a whole build of the sample. Damages: an artifact is damaged in a copy of it, `codelewm-assets
verify` must exit with 1 and name it, and it is put back. Kills: builds into a store of their own are ended by SIGKILL at random
moments, each taking up what the ones before have made, until that many were killed; then one build must end, its store must
verify, no run may be left open, and each artifact must have the digest that it has in STORE. Takes about half an hour.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sections import rewrite

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reliability.md"
COMMAND = (sys.executable, "-m", "codelewm_assets.cli")
KILLED_AFTER_S = (5, 60)


def main() -> None:
    """Parses the arguments and runs the trials."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("--damages", type=int, default=45)
    parser.add_argument("--kills", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="broken-stores-") as folder:
        copy = Path(folder) / "store"
        shutil.copytree(options.store, copy, symlinks=True)
        missed = damaged(copy, options.damages, chance)
        differing, open_runs, kills = (
            ([], [], 0) if not options.kills else killed(Path(folder) / "killed", options.store, options.kills, chance)
        )
    rewrite(
        "broken_stores",
        [
            f"`benchmarks/broken_stores.py STORE --damages {options.damages} --kills {options.kills} --seed {options.seed}`:", "",
            "| what | count | not found or not mended |", "|---|---:|---|",
            f"| damages in {len(WAYS)} ways, each looked for by `verify` | {options.damages} | {', '.join(missed) or 'none'} |",
            f"| builds ended by SIGKILL before one that ended | {kills} | {', '.join(differing + open_runs) or 'none'} |",
        ],
        PAGE,
    )  # fmt: skip
    if missed or differing or open_runs:
        sys.exit(1)


def damaged(store: Path, count: int, chance: random.Random) -> list[str]:
    """Returns: what was damaged and not found."""
    manifests = sorted(store.glob("**/manifest.json"))
    missed, ways = list[str](), sorted(WAYS)
    for number in range(count):
        way, folder = ways[number % len(ways)], chance.choice(manifests).parent
        artifact_id = json.loads((folder / "manifest.json").read_text())["artifact_id"]
        kept = store.parent / "kept"
        shutil.copytree(folder, kept, symlinks=True)
        WAYS[way](folder, chance)
        ran = subprocess.run([*COMMAND, "verify"], env=os.environ | {"CODELEWM_ARTIFACTS": str(store)}, capture_output=True,
                             text=True, check=False)  # fmt: skip
        wanted = f"{artifact_id} {folder.name[:12]}\t"
        is_found = ran.returncode == 1 and any(line.startswith(wanted) for line in ran.stdout.splitlines())
        print(f"{number + 1} of {count}: {way} of {artifact_id}: {'found' if is_found else 'NOT FOUND'}", flush=True)
        if not is_found:
            missed.append(f"{way} of {artifact_id}")
        shutil.rmtree(folder, ignore_errors=True)
        kept.rename(folder)
    return missed


def _file(folder: Path, chance: random.Random) -> Path:
    return chance.choice(
        [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "manifest.json"]
    )


def _flip(folder: Path, chance: random.Random) -> None:
    path = _file(folder, chance)
    data = bytearray(path.read_bytes() or b"\0")
    data[chance.randrange(len(data))] ^= 1
    path.write_bytes(data)


def _cut(folder: Path, chance: random.Random) -> None:
    path = _file(folder, chance)
    path.write_bytes(path.read_bytes()[:-1])


def _lengthen(folder: Path, chance: random.Random) -> None:
    path = _file(folder, chance)
    path.write_bytes(path.read_bytes() + b"\n")


def _unlisted(folder: Path, chance: random.Random) -> None:
    (folder / "notes.txt").write_text("not listed")


def _linked(folder: Path, chance: random.Random) -> None:
    path = _file(folder, chance)
    other = folder.parent / "elsewhere"
    path.replace(other)
    path.symlink_to(other)


def _dangling(folder: Path, chance: random.Random) -> None:
    (folder / "link").symlink_to("nowhere")


def _fifo(folder: Path, chance: random.Random) -> None:
    os.mkfifo(folder / "pipe")


def _edited(*names: str) -> Callable[[Path, random.Random], None]:
    """The manifest with another value of one of these entries."""

    def edit(folder: Path, chance: random.Random) -> None:
        path = folder / "manifest.json"
        manifest = json.loads(path.read_text())
        name = chance.choice(names)
        manifest[name] = {"other": "0" * 64} if isinstance(manifest[name], dict) else f"{manifest[name]}0"
        path.write_text(json.dumps(manifest))

    return edit


WAYS: dict[str, Callable[[Path, random.Random], None]] = {
    "a flipped bit": _flip,
    "a file cut short": _cut,
    "a file made longer": _lengthen,
    "a file deleted": lambda folder, chance: _file(folder, chance).unlink(),
    "a file that no manifest lists": _unlisted,
    "a file replaced by a link": _linked,
    "a dangling link": _dangling,
    "a FIFO": _fifo,
    "an empty folder": lambda folder, chance: (folder / "empty").mkdir(),
    "the manifest deleted": lambda folder, chance: (folder / "manifest.json").unlink(),
    "the manifest cut short": lambda folder, chance: (folder / "manifest.json").write_bytes(
        (folder / "manifest.json").read_bytes()[:-20]
    ),
    "other parents in the manifest": _edited("parent_artifacts"),
    "another configuration in the manifest": _edited("config_sha256"),
    "another kind in the manifest": _edited("artifact_kind", "artifact_id"),
    "the artifact deleted": lambda folder, chance: shutil.rmtree(folder),
}


def killed(folder: Path, whole: Path, count: int, chance: random.Random) -> tuple[list[str], list[str], int]:
    """Returns: artifacts that differ from those of the whole store, runs left open, builds that were killed."""
    folder.mkdir()
    shutil.copy(Path(__file__).resolve().parents[1] / "dagster.yaml", folder)
    environment = os.environ | {"CODELEWM_ARTIFACTS": str(folder / "store"), "DAGSTER_HOME": str(folder)}
    kills = 0
    while kills < count:
        build = subprocess.Popen([*COMMAND, "build"], env=environment, cwd=folder, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL, start_new_session=True)  # fmt: skip
        try:
            build.wait(chance.uniform(*KILLED_AFTER_S))
            break  # it was quicker: there is nothing left to kill
        except subprocess.TimeoutExpired:
            os.killpg(build.pid, signal.SIGKILL)
            build.wait()
            kills += 1
            print(f"killed {kills} of {count}, {len(_digests(folder / 'store'))} artifacts", flush=True)
    begun = time.monotonic()
    last = subprocess.run([*COMMAND, "build"], env=environment, cwd=folder, capture_output=True, text=True, check=False)
    print(f"the last build: exit {last.returncode}, {time.monotonic() - begun:.0f} s", flush=True)
    verified = subprocess.run(
        [*COMMAND, "verify"], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    found, wanted = _digests(folder / "store"), _digests(whole)
    differing = [name for name, digest in wanted.items() if found.get(name) != digest]
    differing += [f"build: {last.stdout[-300:]}{last.stderr[-300:]}"] * (last.returncode != 0)
    differing += [f"verify: {verified.stdout[-300:]}"] * (verified.returncode != 0)
    return differing, _open_runs(folder), kills


def _digests(store: Path) -> dict[str, str]:
    """Artifact id → digests that are stored, in one text."""
    found: dict[str, list[str]] = {}
    for path in sorted(store.glob("**/manifest.json")):
        if "partial" not in path.parts:
            found.setdefault(json.loads(path.read_text())["artifact_id"], []).append(path.parent.name)
    return {name: " ".join(digests) for name, digests in found.items()}


def _open_runs(home: Path) -> list[str]:
    import dagster as dg

    os.chdir(home)  # folders in dagster.yaml are relative
    with dg.DagsterInstance.from_config(str(home)) as instance:
        return [f"run {run.run_id} is {run.status.value}" for run in instance.get_runs() if not run.is_finished]


if __name__ == "__main__":
    main()
