"""Cleaning up: whatever is there, it goes, nothing else does, and nothing is raised."""

import os
from pathlib import Path

import pytest

from codelewm_assets.core.cleanup import empty_folder, remove_tree


def nested(folder: Path, depth: int, mode: int = 0o700) -> None:
    """A chain of folders, made from inside since its path is too long to name."""
    here = os.getcwd()
    try:
        os.chdir(folder)
        for _ in range(depth):
            os.mkdir("d")
            os.chdir("d")
        Path("file").write_text("x")
        for _ in range(depth):
            os.chdir("..")
            os.chmod("d", mode)
    finally:
        os.chdir(here)


@pytest.mark.parametrize("mode", [0o700, 0o000, 0o500], ids=oct)
def test_a_tree_deeper_than_recursion_goes(mode: int, tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    nested(top, 3000, mode)
    assert remove_tree(str(top))
    assert list(tmp_path.iterdir()) == []


def test_a_link_goes_and_what_it_points_to_stays(tmp_path: Path) -> None:
    top, elsewhere = tmp_path / "top", tmp_path / "elsewhere"
    (top / "inner").mkdir(parents=True)
    elsewhere.mkdir()
    (elsewhere / "kept").write_text("kept")
    (top / "link").symlink_to(elsewhere)
    (top / "inner" / "link").symlink_to(elsewhere, target_is_directory=True)
    (top / "nowhere").symlink_to("nowhere")
    assert remove_tree(str(top))
    assert (elsewhere / "kept").read_text() == "kept"


def test_a_box_that_has_become_a_link_is_removed_and_not_followed(tmp_path: Path) -> None:
    elsewhere, box = tmp_path / "elsewhere", tmp_path / "box"
    elsewhere.mkdir()
    (elsewhere / "kept").write_text("kept")
    box.symlink_to(elsewhere)
    assert empty_folder(str(box)) is False
    assert remove_tree(str(box)) is True
    assert (elsewhere / "kept").read_text() == "kept" and not os.path.lexists(box)


def test_many_files_fifos_and_names_that_are_taken_go(tmp_path: Path) -> None:
    top = tmp_path / "top"
    for name in ("a", "b"):
        (top / name / "deep" / "deeper").mkdir(parents=True)
    for number in range(20):
        (top / f"moved-{number}").mkdir()
    os.mkfifo(top / "fifo")
    (top / "a" / "\udcff").touch()
    assert empty_folder(str(top))
    assert top.is_dir() and list(top.iterdir()) == []


def test_what_is_not_there_is_not_an_error(tmp_path: Path) -> None:
    assert remove_tree(str(tmp_path / "gone")) is True
    assert empty_folder(str(tmp_path / "gone")) is False


def test_what_cannot_be_removed_is_said_and_the_rest_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top = tmp_path / "top"
    for name in ("goes", "stays", "goes too"):
        (top / name).mkdir(parents=True)
        (top / name / "file").touch()
    real = os.unlink

    def unlink(path: str, *, dir_fd: int | None = None) -> None:
        if dir_fd is not None and os.readlink(f"/proc/self/fd/{dir_fd}").endswith("stays"):
            raise PermissionError
        real(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", unlink)
    assert empty_folder(str(top)) is False
    assert [path.name for path in top.iterdir()] == ["stays"]
