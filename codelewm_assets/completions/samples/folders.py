"""Folders of samples as EvalPlus writes them: `HumanEval_0/0.py`, `Mbpp_2/0.py`."""

from collections.abc import Iterator
from pathlib import Path

from codelewm_assets.completions.samples.raw import MAX_TEXT_BYTES, RawSample, RejectedRow, malformed
from codelewm_assets.core.errors import ReportError


def sample_files(folder: Path) -> list[Path]:
    """Programs of a folder, by problem and number. Raises: ReportError: there are none."""
    files = sorted(folder.glob("*/*.py"), key=lambda path: (path.parent.name, len(path.stem), path.stem))
    if not files:
        raise ReportError(
            f"{folder.name} is a folder without samples. Expected a folder for each problem with its programs in it, "
            "as EvalPlus writes them: HumanEval_0/0.py."
        )
    return files


def read_folder(folder: Path) -> Iterator[RawSample | RejectedRow]:
    """The sample of each file; its folder's name is the problem. Raises: ReportError: there are none."""
    for path in sample_files(folder):
        place = f"{path.parent.name}/{path.name}"
        try:
            if path.stat().st_size > MAX_TEXT_BYTES:
                yield malformed(place, f"longer than {MAX_TEXT_BYTES} bytes")
                continue
            text = path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError:
            yield malformed(place, "not UTF-8")
        except OSError as error:
            yield malformed(place, f"cannot be read: {error.strerror}")
        else:
            yield RawSample(place, path.parent.name, text)
