"""Atomic writes: whole or not at all, and nothing left behind."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from codelewm_assets.core.errors import StoreError
from codelewm_assets.core.files import write_atomically


def refuse_with(number: int) -> Any:
    """A stand-in for an `os` call that always fails."""

    def call(*_arguments: Any, **_keywords: Any) -> None:
        raise OSError(number, os.strerror(number))

    return call


def names(folder: Path) -> list[str]:
    """Everything in a folder, hidden files too."""
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_whole_into_a_folder_that_is_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file.json"
    write_atomically(path, b"content")
    assert path.read_bytes() == b"content"
    assert names(path.parent) == ["file.json"]


def test_a_file_that_was_there_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for content in (b"first, and longer", b"second"):
        write_atomically(path, content)
    assert path.read_bytes() == b"second"
    assert names(tmp_path) == ["file"]


def test_the_content_is_on_disk_before_it_gets_its_name_and_the_name_after(
    tmp_path: Path, disk_calls: list[str]
) -> None:
    write_atomically(tmp_path / "file", b"content")
    assert disk_calls == ["fsync content", "rename", "fsync folder"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_write_that_fails_leaves_the_old_content_and_nothing_beside_it(
    call: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, call, refuse_with(number))
    with pytest.raises(StoreError, match=rf"Could not write file.json: {os.strerror(number)}.*Nothing was stored"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file.json"]


def test_a_first_write_that_fails_leaves_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", refuse_with(errno.ENOSPC))
    with pytest.raises(StoreError, match="No space left on device"):
        write_atomically(tmp_path / "file", b"new")
    assert names(tmp_path) == []


def test_a_path_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"in the way")
    with pytest.raises(StoreError, match=r"Could not write below: .*make .* writable"):
        write_atomically(tmp_path / "file" / "below", b"new")
    assert names(tmp_path) == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_not_writable_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    with pytest.raises(StoreError, match="Permission denied"):
        write_atomically(folder / "file", b"new")
    assert names(folder) == []
