"""Rates of models' samples as text: the tables of report and appendix, and a page a model on the review site."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from codelewm_assets.core.digests import sha256_text
from codelewm_assets.evaluation.model_rates import ModelRatesReport
from codelewm_assets.release.lookup import Records
from codelewm_assets.release.markdown import ABSENT, Cell, table, with_interval

PAGE = "models.html"
SUITES = {"base": "base inputs", "plus": "all inputs"}
IN_REPORT = tuple((suite, k) for k in ("1", "10") for suite in SUITES)
EVERY = tuple((suite, k) for k in ("1", "5", "10") for suite in SUITES)
MAX_ROWS = 20
NOTHING = "No samples of models were imported: the profile's `completions.imported` names none.\n"


def rates_tree(report: ModelRatesReport) -> list[dict[str, Any]]:
    """The rates as values for `Records`, each suite keyed by k."""
    return [
        rate.model_dump(mode="json")
        | {
            suite: {str(row.k): row.model_dump(mode="json", exclude={"k"}) for row in rows}
            for suite, rows in (("base", rate.base), ("plus", rate.plus))
        }
        for rate in report.models
    ]


def rates_markdown(report: ModelRatesReport, labels: Mapping[str, str]) -> str:
    """The report as Markdown. Args: labels: benchmark id → its name in texts."""
    records = Records({"benchmark_labels": dict(labels), "model_rates": rates_tree(report)})
    return f"# Samples of models\n\n{every_rate(records)}"


def summary(records: Records) -> str:
    """The best models of each benchmark, and how many more there are."""
    chosen = list[str]()
    by_benchmark = dict[str, list[str]]()
    for index in records.keys("model_rates"):
        by_benchmark.setdefault(records.at(("model_rates", index, "benchmark_id")), []).append(index)
    for rows in by_benchmark.values():
        chosen += rows[: MAX_ROWS // len(by_benchmark)]
    more = sum(map(len, by_benchmark.values())) - len(chosen)
    rest = f"\n{more} more rows are in the appendix.\n" if more else ""
    return _table(records, chosen, IN_REPORT) + rest if chosen else NOTHING


def every_rate(records: Records) -> str:
    """Every model with every k."""
    rows = records.keys("model_rates")
    return _table(records, rows, EVERY) if rows else NOTHING


def pages(records: Records) -> dict[str, tuple[str, str]]:
    """Path in the site → title and Markdown: a list of the models, and a page of each."""
    models = dict[str, list[str]]()
    for index in records.keys("model_rates"):
        models.setdefault(records.at(("model_rates", index, "model")), []).append(index)
    rows: list[list[Cell]] = [
        [f"[{_escaped(name)}]({_path(name)})", records.labels[records.at(("model_rates", index, "benchmark_id"))],
         records.at(("model_rates", index, "sample_count")), *(_rate(records, index, suite, "1") for suite in SUITES)]
        for name, own in models.items()
        for index in own
    ]  # fmt: skip
    header = ["model", "benchmark", "samples", *(f"pass@1, {words}" for words in SUITES.values())]
    listed = f"# Models whose samples were labelled\n\n{table(header, rows) if rows else NOTHING}"
    return {PAGE: ("Models", listed)} | {_path(name): (name, _page(records, name, own)) for name, own in models.items()}


def _page(records: Records, name: str, rows: Sequence[str]) -> str:
    outcomes: list[list[Cell]] = [
        [records.labels[records.at(("model_rates", index, "benchmark_id"))], outcome,
         records.at(("model_rates", index, "outcomes", outcome))]
        for index in rows
        for outcome in records.keys(("model_rates", index, "outcomes"))
    ]  # fmt: skip
    sources = sorted({source for index in rows for source in records.at(("model_rates", index, "sources"))})
    return "\n".join(
        [
            f"# {_escaped(name)}\n",
            f"Samples from {', '.join(map(_escaped, sources))}. Each program counts as often as the model wrote it.\n",
            _table(records, rows, EVERY),
            "## Samples by outcome\n",
            table(["benchmark", "outcome on all inputs", "samples"], outcomes),
        ]
    )


def _table(records: Records, rows: Sequence[str], figures: Sequence[tuple[str, str]]) -> str:
    """A row for each rate, without figures that none of them has."""
    known = [
        (suite, k) for suite, k in figures if any(records.keys(("model_rates", index, suite, k)) for index in rows)
    ]
    header = ["benchmark", "model", "samples", "not labelled", "programs", "problems", "never passed",
              *(f"pass@{k}, {SUITES[suite]}" for suite, k in known)]  # fmt: skip
    counts = ("sample_count", "unlabelled_count", "program_count", "problem_count", "never_passed_count")
    cells: list[list[Cell]] = [
        [records.labels[records.at(("model_rates", index, "benchmark_id"))], records.at(("model_rates", index, "model")),
         *(records.at(("model_rates", index, name)) for name in counts),
         *(_rate(records, index, suite, k) for suite, k in known)]
        for index in rows
    ]  # fmt: skip
    return table(header, cells)


def _rate(records: Records, index: str, suite: str, k: str) -> str:
    """`value [low, high]`, and over how many problems where these are not all."""
    path = ("model_rates", index, suite, k)
    if (value := records.get((*path, "value"))) is None:
        return ABSENT
    count = records.at((*path, "problem_count"))
    text = with_interval(value, records.get((*path, "ci95")))
    return text if count == records.at(("model_rates", index, "problem_count")) else f"{text} of {count} problems"


def _path(model: str) -> str:
    """Path of a model's page; names that look alike in it have another digest."""
    return f"models/{re.sub(r'[^A-Za-z0-9_.-]+', '-', model)[:80]}-{sha256_text(model)[:8]}.html"


def _escaped(name: str) -> str:
    return re.sub(r"([\\`*\[\]<>])", r"\\\1", name)
