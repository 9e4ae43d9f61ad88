"""Outputs of `label`: a file that appears atomically and can be resumed, or a stream written row by row."""

import fcntl
import glob
import json
import os
import stat
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from codelewm_assets.core.digests import canonical_json, sha256_bytes
from codelewm_assets.core.errors import StoreError
from codelewm_assets.core.files import fsync_folder

OnRow = Callable[[Mapping[str, Any]], None]


class LabelOutput(Protocol):
    """A context manager that takes rows.

    Attributes:
        resumed_rows: number of rows written by an earlier run, which were passed to `on_row`.
    """

    resumed_rows: int

    def __enter__(self) -> "LabelOutput": ...

    def __exit__(self, *_: object) -> None: ...

    def write(self, row: Mapping[str, Any]) -> None:
        """Append a row. Raises: StoreError: it cannot be written."""

    def finish(self) -> None:
        """Complete the output. Raises: StoreError: it cannot be written."""


def open_output(output: Path, *, input_sha256: str | None, header: Mapping[str, Any], on_row: OnRow) -> LabelOutput:
    """Open `output`: devices and FIFOs are streamed to, never renamed over; links are resolved.

    Args:
        input_sha256: digest of the input; None when it can be read only once, so the run cannot be resumed.
        header: the first record.
        on_row: called with each row, including those of an earlier run.
    """
    if output.exists() and not stat.S_ISREG(output.stat().st_mode):
        return StreamOutput(output, header, on_row)
    return FileOutput(Path(os.path.realpath(output)), input_sha256, header, on_row)


class StreamOutput:
    """A device or a FIFO, written row by row."""

    def __init__(self, output: Path, header: Mapping[str, Any], on_row: OnRow) -> None:
        self._output, self._header, self._on_row = output, header, on_row
        self.resumed_rows = 0

    def __enter__(self) -> "StreamOutput":
        try:
            self._handle = open(self._output, "wb", buffering=0)
        except OSError as error:
            raise _unwritable(self._output, error) from error
        self._write(self._header)
        return self

    def write(self, row: Mapping[str, Any]) -> None:
        """Write a row. Raises: StoreError: the reader is gone, or the device is full."""
        self._write(row)
        self._on_row(row)

    def _write(self, record: Mapping[str, Any]) -> None:
        try:
            data = memoryview(canonical_json(record) + b"\n")
            while data:
                data = data[self._handle.write(data) :]
        except OSError as error:
            raise _unwritable(self._output, error) from error

    def finish(self) -> None:
        """No action: every row is already written."""

    def __exit__(self, *_: object) -> None:
        self._handle.close()


class FileOutput:
    """Rows of an incomplete output, in a hidden file beside it, named by the input and the header.

    Each line is the checksum of a record and the record. An interrupted run resumes after the last line with a valid checksum.

    Raises: StoreError: it cannot be written, or another run holds it.
    """

    def __init__(self, output: Path, input_sha256: str | None, header: Mapping[str, Any], on_row: OnRow) -> None:
        self._output, self._header, self._on_row = output, canonical_json(header), on_row
        key = sha256_bytes(self._header + (input_sha256 or f"process {os.getpid()}").encode())[:16]
        self._path = output.parent / f".{output.name}.{key}.partial"
        self._is_resumable = input_sha256 is not None
        self.resumed_rows = 0

    def __enter__(self) -> "FileOutput":
        try:
            self._output.parent.mkdir(parents=True, exist_ok=True)
            for other in self._output.parent.glob(f".{glob.escape(self._output.name)}.*.partial"):
                if other != self._path:
                    other.unlink()
            self._handle = self._path.open("a+b")
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._resume()
        except BlockingIOError as error:
            raise StoreError(
                f"Another run is writing {self._output.name}. Wait for it, or name another output."
            ) from error
        except OSError as error:
            raise _unwritable(self._output, error) from error
        return self

    def _resume(self) -> None:
        """Keep the lines of an earlier run up to the first invalid checksum."""
        self._handle.seek(0)
        kept, rows = 0, 0
        for count, line in enumerate(self._handle):
            record = _checked(line)
            if record is None or (count == 0 and record != self._header):
                break
            if count:
                self._on_row(json.loads(record))
            kept, rows = kept + len(line), count
        self._handle.truncate(kept)
        self.resumed_rows = rows
        if not kept:
            self._append(self._header)

    def write(self, row: Mapping[str, Any]) -> None:
        """Append a row. Raises: StoreError: the disk is full."""
        self._append(canonical_json(row))
        self._on_row(row)

    def _append(self, record: bytes) -> None:
        try:
            self._handle.write(b"%08x %s\n" % (zlib.crc32(record), record))
            self._handle.flush()
        except OSError as error:
            raise _unwritable(self._output, error) from error

    def finish(self) -> None:
        """Move the rows to the output."""
        staged = self._path.with_suffix(".whole")
        try:
            with staged.open("wb") as handle:
                self._copy_records(handle)
            staged.chmod(0o644)
            os.replace(staged, self._output)
            self._path.unlink()
            fsync_folder(self._output.parent)
        except OSError as error:
            staged.unlink(missing_ok=True)
            raise _unwritable(self._output, error) from error

    def _copy_records(self, target: BinaryIO) -> None:
        self._handle.seek(0)
        for line in self._handle:
            target.write(line[9:])
        target.flush()
        os.fsync(target.fileno())

    def __exit__(self, *error: object) -> None:
        if error[0] is not None and not self._is_resumable:
            self._path.unlink(missing_ok=True)
        self._handle.close()


def _checked(line: bytes) -> bytes | None:
    """The record of a line with a valid checksum, else None."""
    record = line[9:-1]
    return record if line == b"%08x %s\n" % (zlib.crc32(record), record) else None


def _unwritable(output: Path, error: OSError) -> StoreError:
    return StoreError(
        f"Could not write {output.name}: {error.strerror or error}. Rows labelled so far are kept beside it if they could be; "
        f"free space or make {output.parent} writable, then run again."
    )
