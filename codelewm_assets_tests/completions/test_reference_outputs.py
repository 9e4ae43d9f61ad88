"""Outputs of published references that are kept: read when whole, computed again when not."""

from pathlib import Path

import pytest

from codelewm_assets.completions.reference_outputs import ReferenceCache, ReferenceOutputs
from codelewm_assets.core.records import Problem

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


PROBLEM = Problem(
    problem_id="HumanEval/0",
    benchmark_id="humaneval",
    benchmark_label="humaneval",
    prompt="def f(x):\n",
    entry_point="f",
    reference="def f(x):\n    return '\u00e9'\n",
    inputs=("[1]",),
    expected=(None,),
    atol=0.0,
    license="MIT",
    license_attribution_url="https://example.org",
    source_revision="v1",
)


def test_problems_are_read_once_for_the_same_key_and_again_when_the_file_is_damaged(tmp_path: Path) -> None:
    read = list[int]()

    def problems() -> list[Problem]:
        read.append(1)
        return [PROBLEM]

    cache = ReferenceCache(tmp_path)
    for _ in range(2):
        assert cache.problems(("v1", "plus"), problems) == [PROBLEM]
    assert len(read) == 1
    cache.problems(("v1", "base"), problems)
    assert len(read) == 2
    for file in tmp_path.iterdir():
        file.write_bytes(file.read_bytes()[:-12])
    assert cache.problems(("v1", "plus"), problems) == [PROBLEM]
    assert len(read) == 3
