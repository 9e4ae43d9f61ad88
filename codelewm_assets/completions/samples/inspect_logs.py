"""Logs of inspect_ai: `.eval`, a zip archive, and the same as one JSON document. Read without inspect_ai."""

import json
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from codelewm_assets.completions.samples.raw import MAX_TEXT_BYTES, RawSample, RejectedRow, malformed
from codelewm_assets.completions.samples.rows import text_or_none
from codelewm_assets.core.errors import BenchmarkNameError, ReportError
from codelewm_assets.core.ids import benchmark_of

ZIP_MAGIC = b"PK\x03\x04"
ZSTANDARD = 93  # compression method of a zip entry
LOCAL_HEADER = struct.Struct("<4s5H3I2H")  # of an entry; the last two are the lengths of its name and of an extra field
MAX_SAMPLE_BYTES = 8 * MAX_TEXT_BYTES  # events of a sample are in it too
CORRECT: Mapping[Any, bool] = {"C": True, "I": False, 1: True, 0: False}
ATTACHMENT = "attachment://"
DAMAGES = (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error, struct.error)
"""Of an archive; RuntimeError is also that of an encrypted one, of an unknown compression and of JSON nested too deep."""


def is_archive(path: Path) -> bool:
    """A zip archive, by its first bytes."""
    with path.open("rb") as handle:
        return handle.read(4) == ZIP_MAGIC


def read_archive(path: Path) -> Iterator[RawSample | RejectedRow]:
    """Samples of a log. Raises: ReportError: no log of inspect_ai, or it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(
                name for name in archive.namelist() if name.startswith("samples/") and name.endswith(".json")
            )
            if "header.json" not in archive.namelist() or not names:
                raise ReportError(
                    f"{path.name}: a zip archive without header.json and samples/. Expected a finished log of inspect_ai (.eval)."
                )
            header = json.loads(_read(archive, "header.json"))
            for name in names:
                if archive.getinfo(name).file_size > MAX_SAMPLE_BYTES:
                    yield malformed(name, f"longer than {MAX_SAMPLE_BYTES} bytes")
                else:
                    yield _sample(json.loads(_read(archive, name)), name, header)
    except DAMAGES as error:
        raise ReportError(
            f"{path.name} cannot be read as a log of inspect_ai ({type(error).__name__}: {str(error)[:120]}). Write it again with "
            "`inspect log convert --to json`, or fetch the file again."
        ) from error


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    """A file of the archive. Newer logs are compressed by Zstandard, which Python 3.11's `zipfile` does not read; pyarrow does."""
    entry = archive.getinfo(name)
    if entry.compress_type != ZSTANDARD:
        return archive.read(name)
    from pyarrow import BufferReader, CompressedInputStream

    with Path(str(archive.filename)).open("rb") as stream:
        stream.seek(entry.header_offset)
        *_, name_length, extra_length = LOCAL_HEADER.unpack(stream.read(LOCAL_HEADER.size))
        stream.seek(name_length + extra_length, os.SEEK_CUR)
        compressed = stream.read(entry.compress_size)
    with CompressedInputStream(BufferReader(compressed), "zstd") as source:
        data: bytes = source.read(entry.file_size + 1)
    if len(data) != entry.file_size or zlib.crc32(data) != entry.CRC:
        raise zipfile.BadZipFile(f"{name} does not have the size and checksum that the archive states")
    return data


def is_log(document: Any) -> bool:
    """A log as one JSON document."""
    return isinstance(document, dict) and isinstance(document.get("samples"), list)


def read_log(document: Mapping[str, Any]) -> Iterator[RawSample | RejectedRow]:
    """Samples of a log as one JSON document."""
    return (_sample(sample, f"sample {number}", document) for number, sample in enumerate(document["samples"]))


def _sample(sample: Any, place: str, header: Any) -> RawSample | RejectedRow:
    if not isinstance(sample, dict) or "id" not in sample:
        return malformed(place, "no sample of inspect_ai: it has no id")
    text = _text(sample)
    if text is None:
        return malformed(
            place, "the model's output is missing" + (": the sample ended in an error" if sample.get("error") else "")
        )
    task = sample["id"] if isinstance(sample["id"], str | int) else None
    return RawSample(
        place=place,
        task=task,
        text=text,
        benchmark=_benchmark(header),
        form="answer",
        model=_at(header, "eval", "model") or _at(sample, "output", "model"),
        completion_id=text_or_none(sample.get("uuid")),
        published_base=_verdict(sample),
    )


def _text(sample: Mapping[str, Any]) -> str | None:
    output = sample.get("output")
    if not isinstance(output, dict):
        return None
    text = text_or_none(output.get("completion"))
    if text is None and isinstance(choices := output.get("choices"), list) and choices:
        content = choices[0].get("message", {}).get("content") if isinstance(choices[0], dict) else None
        text = _content(content)
    if text is not None and text.startswith(ATTACHMENT):
        text = _at(sample, "attachments", text.removeprefix(ATTACHMENT))
    return text


def _content(content: str | Sequence[Any] | None) -> str | None:
    """The text of a message, which may be a list of parts; reasoning is no part of the answer."""
    if isinstance(content, str):
        return text_or_none(content)
    parts = [part["text"] for part in content or () if isinstance(part, dict) and isinstance(part.get("text"), str)]
    return text_or_none("\n".join(parts))


def _verdict(sample: Mapping[str, Any]) -> bool | None:
    """The first scorer's verdict; None where it gave a grade."""
    scores = sample.get("scores")
    first = next(iter(scores.values()), None) if isinstance(scores, dict) else None
    value = first.get("value") if isinstance(first, dict) else None
    return CORRECT.get(value) if isinstance(value, str | int | float) else None


def _benchmark(header: Any) -> str | None:
    """The benchmark of the log's task or data set; None where neither is a known one's name."""
    for name in (_at(header, "eval", "task"), _at(header, "eval", "dataset", "name")):
        if name is not None:
            try:
                return benchmark_of(name.rpartition("/")[2])
            except BenchmarkNameError:
                continue
    return None


def _at(value: Any, *keys: str) -> str | None:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return text_or_none(value)
