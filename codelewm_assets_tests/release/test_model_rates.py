"""Rates of models in report, appendix and site."""

from codelewm_assets.release.lookup import Records
from codelewm_assets.release.model_rates import MAX_ROWS, NOTHING, every_rate, pages, rates_markdown, summary
from codelewm_assets.release.report_records import report_records
from codelewm_assets_tests.claims.evidence import gates_of
from codelewm_assets_tests.release.full import model_rates_of, numbers


def records(*, copies: int = 1) -> Records:
    """Rates of the models, the first so many times under other names."""
    report = model_rates_of(numbers())
    more = tuple(report.models[0].model_copy(update={"model": f"model {n}"}) for n in range(1, copies))
    return report_records(gates_of(), {}, model_rates=report.model_copy(update={"models": (*report.models, *more)}))


def test_a_row_has_counts_and_rates_with_their_intervals() -> None:
    header, _, first, _, few = every_rate(records()).splitlines()
    assert header.startswith(
        "| benchmark | model | samples | not labelled | programs | problems | never passed | pass@1, base inputs |"
    )
    value = records().at("model_rates.0.base.1.value")
    assert first.startswith(f"| humaneval | lab/model-7b | 820 | 3 | 640 | 40 | 12 | {value:.3f} [")
    assert " of 36 problems | " in first and " of 40 problems" not in first  # pass@5 rests on fewer than its 40
    assert few.startswith("| humaneval | (other\\|source) |") and few.count("–") == 5  # no base figure and no larger k


def test_the_report_has_the_best_of_each_benchmark_and_says_how_many_more_there_are() -> None:
    text = summary(records(copies=30))
    assert text.endswith("\n21 more rows are in the appendix.\n")  # of humaneval 31 rows, of mbpp_plus one
    assert text.count("| humaneval |") == MAX_ROWS // 2 and text.count("| mbpp_plus") == 1
    assert "more rows" not in summary(records())


def test_without_samples_the_text_says_so() -> None:
    empty = report_records(gates_of(), {})
    assert summary(empty) == every_rate(empty) == NOTHING
    assert list(pages(empty)) == ["models.html"] and NOTHING in pages(empty)["models.html"][1]


def test_every_model_has_a_page_with_its_benchmarks_and_outcomes() -> None:
    found = pages(records())
    [(_, listed), (name, own), _] = found.values()
    assert name == "lab/model-7b" and own.count("| pass | 400 |") == 2
    assert all(f"]({path})" in listed for path in list(found)[1:])
    assert all(path.isascii() and "|" not in path for path in found)


def test_the_report_alone_is_a_text_too() -> None:
    text = rates_markdown(model_rates_of(numbers()), {"humaneval": "HumanEval", "mbpp_plus": "own problems"})
    assert text.startswith("# Samples of models\n\n| benchmark |") and "| own problems | lab/model-7b | 820 |" in text
