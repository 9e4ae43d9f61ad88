"""Removal of files that programs left behind: no recursion, no following of links, no exceptions.

Standard library only: this file is copied into the box.
"""

import contextlib
import os
import stat
from itertools import count

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def empty_folder(path: str) -> bool:
    """Remove everything inside a folder, the folder itself stays.

    Each folder inside it is opened by descriptor and its subfolders are moved up beside it, so the depth does not matter and
    links are never followed.

    Returns: True when the folder is empty afterwards; False when it is no folder or something could not be removed.
    """
    with contextlib.suppress(OSError):
        _make_accessible(path)
        top = os.open(path, FOLDER)
        try:
            _empty(top)
            return not os.listdir(top)
        finally:
            os.close(top)
    return False


def remove_tree(path: str) -> bool:
    """Remove a folder recursively, or a file or link. Returns: True if the path no longer exists."""
    with contextlib.suppress(OSError):
        if stat.S_ISDIR(os.lstat(path).st_mode):
            empty_folder(path)
            os.rmdir(path)
        else:
            os.unlink(path)
    return not os.path.lexists(path)


def _empty(top: int) -> None:
    new_names, stuck = count(), set[str]()
    while names := set(os.listdir(top)) - stuck:
        for name in names:
            if not _remove_entry(top, name, new_names):
                stuck.add(name)


def _remove_entry(top: int, name: str, new_names: "count[int]") -> bool:
    """Remove one entry of a folder; the folders in it are moved up into `top` first."""
    with contextlib.suppress(OSError):
        if not stat.S_ISDIR(os.stat(name, dir_fd=top, follow_symlinks=False).st_mode):
            os.unlink(name, dir_fd=top)
            return True
        _make_accessible(name, top)
        folder = os.open(name, FOLDER, dir_fd=top)
        try:
            for inner in os.listdir(folder):
                with contextlib.suppress(OSError):
                    if stat.S_ISDIR(os.stat(inner, dir_fd=folder, follow_symlinks=False).st_mode):
                        _make_accessible(inner, folder)
                        _move_up(folder, inner, top, new_names)
                    else:
                        os.unlink(inner, dir_fd=folder)
        finally:
            os.close(folder)
        os.rmdir(name, dir_fd=top)
        return True
    return False


def _move_up(folder: int, name: str, top: int, new_names: "count[int]") -> None:
    while True:
        new_name = f"moved-{next(new_names)}"
        try:
            os.stat(new_name, dir_fd=top, follow_symlinks=False)
        except FileNotFoundError:
            os.rename(name, new_name, src_dir_fd=folder, dst_dir_fd=top)
            return


def _make_accessible(name: str, parent: int | None = None) -> None:
    """Give the owner all rights on a folder, by descriptor, so that no link is followed."""
    folder = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        with contextlib.suppress(OSError):
            os.chmod(f"/proc/self/fd/{folder}", 0o700)
    finally:
        os.close(folder)
