"""Training by a command: guarded, followed, and refused by name when it leaves no checkpoint."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from codelewm_assets.core.errors import PreflightError, TrainingError
from codelewm_assets.core.files import write_atomically
from codelewm_assets.store.store import ArtifactStore
from codelewm_assets.training.command import run_command
from codelewm_assets.training.config import CommandSettings
from codelewm_assets.training.progress import STREAM, read_events
from codelewm_assets.training.worker import WorkerSpec, result_names
from codelewm_assets_tests.training.job_inputs import put_clear_chain, spec_on

START = {"event": "execution_training.start", "fields": {"seed": 42}}
STEP = {"event": "execution_training.progress", "fields": {"step": 2, "max_steps": 2, "metrics": {"loss_total": 0.5}}}
COMPLETE = {"event": "execution_training.complete", "fields": {}}
CODELEWM = (START, STEP, COMPLETE)


class Bench:
    """A spec on artifacts that are clear, and what is heard of a run."""

    def __init__(self, folder: Path, **report: Any) -> None:
        store = ArtifactStore(folder / "store")
        self.spec: WorkerSpec = spec_on(store, put_clear_chain(store, **report), folder / "output")
        self.events: list[dict[str, Any]] = []
        self.lines: list[str] = []
        self.program = folder / "train.py"

    def run(self, *lines: str, leaves: bool = True, ends: str = "", **spec: Any) -> None:
        """Run a Python program that prints these lines, and leaves the files of a checkpoint."""
        write = [
            f"(output / {name!r}).parent.mkdir(exist_ok=True); (output / {name!r}).write_text('x')"
            for name in result_names([0])
        ]
        program = ["import sys, time, pathlib", "assert sys.argv[1] == '42'", "output = pathlib.Path(sys.argv[2])"]
        program += [f"print({line!r}, flush=True)" for line in lines] + (write if leaves else []) + [ends]
        write_atomically(self.program, "\n".join(program).encode())
        settings = CommandSettings(argv=(sys.executable, str(self.program), "{seed}", "{output}", "{spec}"))
        run_command(self.spec.model_copy(update=spec), settings, on_event=self.events.append, log=self.lines.append)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.parametrize("prefix", ["", "CODELEWM_JOB_EVENT "])
def test_events_of_codelewm_s_trainer_are_followed_and_other_lines_logged(bench: Bench, prefix: str) -> None:
    bench.run("loading", *(prefix + json.dumps(event) for event in CODELEWM))
    assert [event["event"] for event in bench.events] == ["start", "progress", "complete"]
    assert bench.events[1] == {"event": "progress", "fold": 0, "step": 2, "steps": 2, "metrics": {"loss_total": 0.5}}
    assert bench.events[-1]["files"].keys() == set(result_names([0]))
    assert bench.lines == ["loading"]
    assert read_events(Path(bench.spec.output_folder) / STREAM)[0] == bench.events


def test_what_is_not_clear_is_refused_before_anything_starts(tmp_path: Path) -> None:
    bench = Bench(tmp_path, clear=False, red=["decoy_coverage"])
    with pytest.raises(PreflightError):
        bench.run()
    assert bench.lines == [] and list(Path(bench.spec.output_folder).iterdir()) == []


@pytest.mark.parametrize(
    ("lines", "ends", "leaves", "match"),
    [
        (("boom",), "sys.exit(3)", True, "ended with status 3. Its last lines: .\"boom\""),
        ((), "", True, "ended without a complete event"),
        ((json.dumps(COMPLETE),), "", False, "left no fold0/.*A checkpoint in another form cannot be scored here"),
    ],
    ids=["failed", "no end", "no checkpoint"],
)  # fmt: skip
def test_a_command_that_has_not_trained_is_an_error(
    bench: Bench, lines: tuple[str, ...], ends: str, leaves: bool, match: str
) -> None:
    with pytest.raises(TrainingError, match=match):
        bench.run(*lines, ends=ends, leaves=leaves)
    assert not (Path(bench.spec.output_folder) / STREAM).exists()


def test_a_command_over_its_time_is_killed_and_the_limit_is_named(bench: Bench) -> None:
    config = bench.spec.config.model_copy(update={"wall_limit_s": 1})
    with pytest.raises(TrainingError, match="was killed; wall_limit_s is 1"):
        bench.run(ends="time.sleep(60)", config=config)


def test_a_program_that_is_not_there_is_named(bench: Bench) -> None:
    with pytest.raises(TrainingError, match=r"no-such-trainer of compute.command cannot be started"):
        run_command(bench.spec, CommandSettings(argv=("no-such-trainer", "{seed}")), on_event=bench.events.append)


def test_a_command_that_trains_both_seeds_alike_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"no word has \{seed\} or \{spec\}"):
        CommandSettings(argv=("codelewm", "train"))
