"""Names of benchmarks and problems as peers write them."""

from typing import Any

import pytest

from codelewm_assets.core.errors import BenchmarkNameError
from codelewm_assets.core.ids import benchmark_of, published_id
from codelewm_assets_tests.cases import each_case


@each_case(
    ("name", "benchmark"),
    [
        *((name, "humaneval") for name in ("humaneval", "HumanEval", "human-eval", "humaneval_plus", "HumanEval+",
                                           "openai_humaneval", "evalplus/humanevalplus")),
        *((name, "mbpp_plus") for name in ("mbpp", "MBPP", "MBPP+", "mbpp_plus", "MbppPlus", "evalplus/mbppplus",
                                           "sanitized-mbpp")),
    ],
)  # fmt: skip
def test_every_spelling_of_a_benchmark_is_one_benchmark(name: str, benchmark: str) -> None:
    assert benchmark_of(name) == benchmark


@each_case("name", ["", "mine", "apps", "humaneval2x", "python", "Python"])
def test_an_unknown_benchmark_is_an_error(name: str) -> None:
    with pytest.raises(BenchmarkNameError, match="is no known benchmark; known are humaneval, mbpp_plus"):
        benchmark_of(name)


@each_case(
    ("problem_id", "benchmark", "published"),
    [
        ("HumanEval/7", None, "HumanEval/7"),
        ("HumanEval/07", "humaneval", "HumanEval/7"),
        ("humaneval_7", None, "HumanEval/7"),
        ("Python/7", None, "HumanEval/7"),
        ("HumanEval_7_truncate", None, "HumanEval/7"),
        ("mbpp_234_volume_cube", None, "Mbpp/234"),
        ("MBPP+/234", None, "Mbpp/234"),
        (234, "mbpp_plus", "Mbpp/234"),
        ("234", "mbpp_plus", "Mbpp/234"),
        (234, None, None),
        (True, "mbpp_plus", None),
        ("234", None, None),
        ("HumanEval/7", "mbpp_plus", None),
        ("mine/7", "humaneval", None),
        ("mine", "humaneval", None),
        (None, "humaneval", None),
        ([7], "humaneval", None),
    ],
)
def test_a_problems_id_is_read_as_peers_write_it(problem_id: Any, benchmark: Any, published: str | None) -> None:
    assert published_id(problem_id, benchmark) == published
