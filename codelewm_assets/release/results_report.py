"""The results report as Markdown: a template over one tree of records. Every number is looked up by its path."""

from collections.abc import Mapping

from codelewm_assets.core.ids import MODEL_CONTROLS
from codelewm_assets.release import claims_text, metrics, model_rates
from codelewm_assets.release.lookup import Records
from codelewm_assets.release.markdown import Cell, cell, reasons_text, render, table
from codelewm_assets.release.model_programs import SUMMARY, model_program_table
from codelewm_assets.release.published import SOURCES, comparison_table

__all__ = ["reasons_text", "results_files"]  # reasons_text: what the command line and the UI show of gates
REPORT, APPENDIX = "results_report.md", "results_appendix.md"


def results_files(records: Records, *, figures: Mapping[str, str]) -> dict[str, str]:
    """File name → text: the report, and the appendix with every figure of every control.

    Args: figures: file name of each PNG beside it → what it shows, in words; one that is not there is left out.
    """
    context = {
        "records": records, "claims": claims_text, "metrics": metrics, "sources": SOURCES, "model_rates": model_rates,
        "figure": lambda name: f"![{figures[name]}]({name})\n" if name in figures else "",
        "facts_table": _facts_table(records), "training_table": _training_table(records),
        "preflight_table": _preflight_table(records), "red_rules": _red_rules(records),
        "comparison_table": comparison_table(records), 
        "model_programs": model_program_table(records, SUMMARY),
        "all_model_programs": model_program_table(records, (*MODEL_CONTROLS, "llm_order")),
    }  # fmt: skip
    return {name: render(f"{name}.j2", **context) for name in (REPORT, APPENDIX)}


def _facts_table(records: Records) -> str:
    """Facts of the run, from manifests: date, commits, version, isolation."""
    commits = records.get("run.artifacts_by_commit") or {}
    devices = {str(records.at(f"training.{seed}.device")) for seed in records.keys("training")}
    rows: list[list[Cell]] = [
        ["gates judged on (UTC)", records.get("run.judged_on")],
        ["commit of the gates", records.get("run.commit")],
        ["commits of all artifacts", ", ".join(f"{sha} ({count} artifacts)" for sha, count in commits.items()) or None],
        ["register of gates and claims, preregistered", records.get("run.preregistration")],
        ["version of codelewm_assets", records.get("run.version")],
        ["profile", records.at("profile")],
        ["benchmarks", ", ".join(records.labels.values())],
        ["seeds", ", ".join(records.keys("seed")) or "none"],
        ["training device", ", ".join(sorted(devices)) or None],
    ]
    for word in ("isolation_layers", "missing_layers"):
        layers = records.get(f"run.{word}")
        label = "isolation layers present" if word == "isolation_layers" else "isolation layers missing"
        rows.append([label, None if layers is None else ", ".join(layers) or "none"])
    return table(["fact", "value"], rows)


def _red_rules(records: Records) -> str:
    """Number of green preflight rules, and the red ones."""
    rules = records.keys("preflight")
    red = [rule for rule in rules if not records.at(("preflight", rule, "passed"))]
    lines = [f"- {rule} RED: {records.at(('preflight', rule, 'blocker'))}" for rule in red]
    return (
        "\n".join([f"{len(rules) - len(red)} of {len(rules)} rules are GREEN.", *(["", *lines] if red else [])]) + "\n"
    )


def _training_table(records: Records) -> str:
    """A row per seed and fold: the final state of training."""
    rows: list[list[Cell]] = []
    for seed in records.keys("training"):
        base = f"training.{seed}"
        for fold in records.keys(f"{base}.fold"):
            losses = [records.at(f"{base}.fold.{fold}.{figure}") for figure in ("step", "train_loss", "val_loss")]
            rows.append([seed, fold, *losses, records.at(f"{base}.parameter_count"), records.at(f"{base}.device")])
    return table(
        [
            f"seed, on {metrics.scope(records)}",
            "fold",
            "last step",
            "train loss",
            "validation loss",
            "parameters",
            "device",
        ],
        rows,
    )


def _preflight_table(records: Records) -> str:
    """A row per rule."""
    rows: list[list[Cell]] = []
    for rule in records.keys("preflight"):
        path = ("preflight", rule)
        figures = [f"{name} {cell(records.at((*path, 'figures', name)))}" for name in records.keys((*path, "figures"))]
        state = "GREEN" if records.at((*path, "passed")) else f"RED: {records.at((*path, 'blocker'))}"
        rows.append([rule, state, ", ".join(figures)])
    return table(["rule", "state", "figures"], rows)
