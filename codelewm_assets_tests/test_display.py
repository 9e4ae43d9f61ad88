"""The terminal display: names as they are, one running row, position and time left, plain lines elsewhere."""

import io
import json
import os
import re
import threading
from pathlib import Path

import pytest
from rich.console import Console

from codelewm_assets import display as module
from codelewm_assets.display import BuildDisplay, clock, duplicate_stdout, print_table
from codelewm_assets.instance.build import Progress


def terminal(width: int = 80) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None)


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return re.sub(r"\x1b\[[0-9?]*[A-Za-z]", "", console.file.getvalue())  # without movements of the cursor


def now_showing(display: BuildDisplay) -> str:
    console = terminal()
    console.print(display.running())
    return written(console)


@pytest.fixture
def time_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The display's monotonic clock, set by the test."""
    times = [100.0]
    monkeypatch.setattr(module, "now", lambda: times[0])
    return times


def stream(folder: Path, name: str, *events: dict[str, object], is_old: bool = False) -> None:
    """An event stream of a running step, or of an earlier build."""
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    stamp = 1.0 if is_old else 4e9
    os.utime(path, (stamp, stamp))


@pytest.mark.parametrize("width", [80, 120])
def test_brackets_in_a_cell_a_title_and_a_heading_are_shown(width: int) -> None:
    console = terminal(width)
    print_table(console, "table [1729]", ["head [bold]", "b"], [["checkpoint[42]", "[/] [red]x"]])
    for text in ("table [1729]", "head [bold]", "checkpoint[42]", "[/] [red]x"):
        assert text in written(console)


def test_a_finished_asset_stays_as_a_line_with_partition_and_count(tmp_path: Path) -> None:
    console = terminal()
    with BuildDisplay(console, tmp_path, total=31) as display:
        display(Progress("started", "checkpoint", "42"))
        display(Progress("finished", "checkpoint", "42", "a [bold] figure", 3.25, is_reused=False))
        display(Progress("check_failed", "checkpoint:sidecar_matches", "42", "red [1729] " + "word " * 40 + "last"))
    lines = [line.rstrip() for line in written(console).splitlines()]
    (made,) = [line for line in lines if "made" in line]
    assert made.split() == ["1", "of", "31", "checkpoint[42]", "made", "3.2", "s", "a", "[bold]", "figure"]
    assert any("red [1729]" in line for line in lines) and any("last" in line for line in lines)  # never cut


def test_what_has_finished_is_not_shown_as_running(tmp_path: Path) -> None:
    display = BuildDisplay(terminal(), tmp_path, total=2)
    display(Progress("started", "execution_pack", None))
    assert "execution_pack" in now_showing(display)
    display(Progress("finished", "execution_pack", None, "", 1.0, is_reused=False))
    assert "execution_pack" not in now_showing(display) and "1 of 2" in now_showing(display)


def test_the_check_that_is_running_is_named(tmp_path: Path) -> None:
    display = BuildDisplay(terminal(), tmp_path, total=2)
    display(Progress("check_started", "checkpoint:sidecar_matches", "1729"))
    assert "checkpoint[1729]: check sidecar_matches" in now_showing(display)
    for kind in ("check_passed", "gate"):
        display(Progress("check_started", "checkpoint:sidecar_matches", "1729"))
        display(Progress(kind, "checkpoint:sidecar_matches", "1729"))
        assert "sidecar_matches" not in now_showing(display)


def test_a_long_step_shows_its_position_and_the_time_left(tmp_path: Path, time_s: list[float]) -> None:
    """100 of 400 done, then 200 ten seconds later: 10 a second, 200 left, 20 s."""
    display = BuildDisplay(terminal(), tmp_path, total=2)
    display(Progress("started", "labelled_completions", None))
    assert display.position() is None
    stream(tmp_path, "labelled_completions", {"step": 100, "steps": 400})
    position = display.position()
    assert position is not None and position.text == "100 of 400 (25%)"
    time_s[0] += 10
    stream(tmp_path, "labelled_completions", {"step": 200, "steps": 400})
    assert "200 of 400 (50%), 0:20 left" in now_showing(display)


def test_the_stream_of_an_earlier_build_is_not_read(tmp_path: Path) -> None:
    stream(tmp_path, "checkpoint-42", {"step": 200, "steps": 200, "fold": 0}, is_old=True)
    display = BuildDisplay(terminal(), tmp_path, total=2)
    display(Progress("started", "checkpoint", "42"))
    assert display.position() is None


def test_each_fold_of_a_training_is_estimated_by_itself(tmp_path: Path, time_s: list[float]) -> None:
    display = BuildDisplay(terminal(), tmp_path, total=2)
    display(Progress("started", "checkpoint", "42"))
    stream(tmp_path, "checkpoint-42", {"fold": 0, "step": 10, "steps": 100, "metrics": {"val_loss": 9.56975}})
    first = display.position()
    assert first is not None and first.figures == "fold 0, val_loss 9.57"
    time_s[0] += 90
    stream(tmp_path, "checkpoint-42", {"fold": 1, "step": 20, "steps": 100})
    second = display.position()
    assert second is not None and second.left_s is None  # one position of this fold is known


def test_without_a_terminal_each_asset_is_a_line(tmp_path: Path) -> None:
    console = Console(file=io.StringIO())
    with BuildDisplay(console, tmp_path, total=3) as display:
        display(Progress("started", "checkpoint", "42"))
        display(Progress("finished", "checkpoint", "42", "rows 3", 1.0, is_reused=True))
        display(Progress("failed", "heldout_scores", "42", "no memory"))
    first, second = written(console).splitlines()
    assert first.endswith("1 of 3 checkpoint[42]: reused 1.0 s rows 3")
    assert second.endswith("1 of 3 heldout_scores[42]: FAILED  no memory")


def test_without_a_terminal_a_long_step_is_a_line_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines, came = list[str](), threading.Event()

    def take(line: str, **_: object) -> None:
        lines.append(line)
        if len(lines) == 2:
            came.set()

    monkeypatch.setattr(module, "print", take, raising=False)
    stream(tmp_path, "labelled_completions", {"step": 100, "steps": 400})
    with BuildDisplay(Console(file=io.StringIO()), tmp_path, total=3, heartbeat_s=0.001) as display:
        display(Progress("started", "labelled_completions", None))
        assert came.wait(60)
    assert "0 of 3 labelled_completions: running for 0:0" in lines[0] and "100 of 400 (25%)" in lines[1]


def test_a_step_that_is_not_long_is_not_a_line(tmp_path: Path, time_s: list[float]) -> None:
    display = BuildDisplay(Console(file=io.StringIO()), tmp_path, total=3)
    assert display.heartbeat() is None  # nothing is running
    display(Progress("started", "labelled_completions", None))
    stream(tmp_path, "labelled_completions", {"step": 100, "steps": 400})
    time_s[0] += 9
    assert display.heartbeat() is None
    stream(tmp_path, "labelled_completions", {"step": 310, "steps": 400})
    time_s[0] += 20
    assert display.heartbeat() is None
    time_s[0] += 1  # 210 in 21 s, 90 left
    assert "running for 0:30, 310 of 400 (77%), 0:09 left" in (display.heartbeat() or "")
    time_s[0] += 29
    assert display.heartbeat() is None
    time_s[0] += 1
    assert "running for 1:00" in (display.heartbeat() or "")


def test_times_are_minutes_and_seconds() -> None:
    assert [clock(seconds) for seconds in (0.4, 63, 3599.4, 7207)] == ["0:00", "1:03", "59:59", "2:00:07"]


def test_the_displays_output_is_not_redirected_with_standard_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The descriptor is replaced as Dagster does while a step runs."""
    with (tmp_path / "terminal").open("w", encoding="utf-8") as stdout, (tmp_path / "log").open("w") as log:
        monkeypatch.setattr("sys.stdout", stdout)
        with duplicate_stdout() as own:
            os.dup2(log.fileno(), stdout.fileno())
            print("shown", file=own, flush=True)
            print("of the step", flush=True)
    assert (tmp_path / "terminal").read_text(encoding="utf-8") == "shown\n"
    assert (tmp_path / "log").read_text(encoding="utf-8") == "of the step\n"


def test_an_output_that_is_not_a_file_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", stream := io.StringIO())
    assert duplicate_stdout() is stream
