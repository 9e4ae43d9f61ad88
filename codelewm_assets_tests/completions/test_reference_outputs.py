"""Outputs of published references that are kept: read when whole, computed again when not."""

from pathlib import Path

import pytest

from codelewm_assets.completions.reference_outputs import ReferenceCache, ReferenceOutputs

OUTPUTS = ReferenceOutputs(("1", None, "'\\ud800'"), (b"\x00\xff", None, b"a"), 12.5, b"\x00\xfe")


def test_outputs_are_computed_once_for_the_same_key(tmp_path: Path) -> None:
    computed = list[int]()

    def compute() -> ReferenceOutputs:
        computed.append(1)
        return OUTPUTS

    cache = ReferenceCache(tmp_path)
    for _ in range(2):
        assert cache.get(("code", ("[1]",), 1.0), compute) == OUTPUTS
    assert ReferenceCache(tmp_path).get(("code", ("[1]",), 1.0), compute) == OUTPUTS
    assert len(computed) == 1
    for other in (("code 2", ("[1]",), 1.0), ("code", ("[2]",), 1.0), ("code", ("[1]",), 2.0)):
        cache.get(other, compute)
    assert len(computed) == 4


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"cut"], ids=["empty", "no gzip", "cut"])
def test_a_damaged_file_is_computed_again(damage: bytes, tmp_path: Path) -> None:
    cache = ReferenceCache(tmp_path)
    cache.get(("code",), lambda: OUTPUTS)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-12] if damage == b"cut" else damage)
    other = ReferenceOutputs(("2",), (None,), 1.0, b"")
    assert cache.get(("code",), lambda: other) == other
    assert cache.get(("code",), lambda: OUTPUTS) == other


def test_a_folder_that_cannot_be_written_costs_only_the_time(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert ReferenceCache(tmp_path / "file").get(("code",), lambda: OUTPUTS) == OUTPUTS
