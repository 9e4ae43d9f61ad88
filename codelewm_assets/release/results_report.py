"""The results report as Markdown: a template over one tree of records. Every number in it is looked up by its path."""

from collections.abc import Mapping

from codelewm_assets.release import claims_text, metrics
from codelewm_assets.release.lookup import Records
from codelewm_assets.release.markdown import Cell, cell, reasons_text, render, table
from codelewm_assets.release.published import SOURCES, comparison_table

__all__ = ["reasons_text", "results_markdown"]  # reasons_text: what the command line and the UI show of gates


def results_markdown(records: Records, *, figures: Mapping[str, str]) -> str:
    """The whole report.

    Args: figures: file name of each PNG beside it → what it shows, in words; one that is not there is left out.
    """
    return render(
        "results_report.md.j2", records=records, claims=claims_text, metrics=metrics, sources=SOURCES,
        figure=lambda name: f"![{figures[name]}]({name})\n" if name in figures else "",
        training_table=_training_table(records), preflight_table=_preflight_table(records),
        comparison_table=comparison_table(records),
    )  # fmt: skip


def _training_table(records: Records) -> str:
    """A row per seed and fold: where training ended."""
    rows: list[list[Cell]] = []
    for seed in records.keys("training"):
        base = f"training.{seed}"
        for fold in records.keys(f"{base}.fold"):
            losses = [records.at(f"{base}.fold.{fold}.{figure}") for figure in ("step", "train_loss", "val_loss")]
            rows.append([seed, fold, *losses, records.at(f"{base}.parameter_count"), records.at(f"{base}.device")])
    return table(["seed", "fold", "last step", "train loss", "validation loss", "parameters", "device"], rows)


def _preflight_table(records: Records) -> str:
    """A row per rule."""
    rows: list[list[Cell]] = []
    for rule in records.keys("preflight"):
        path = ("preflight", rule)
        shown = [f"{name} {cell(records.at((*path, 'figures', name)))}" for name in records.keys((*path, "figures"))]
        state = "GREEN" if records.at((*path, "passed")) else f"RED: {records.at((*path, 'blocker'))}"
        rows.append([rule, state, ", ".join(shown)])
    return table(["rule", "state", "figures"], rows)
