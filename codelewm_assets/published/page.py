"""The result of `recheck` as tables, and as one Markdown page. Figures are rounded here and nowhere else."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from codelewm_assets.evaluation.reports import Lift
from codelewm_assets.published.records import Recheck, RuleFigures, ScoreRowsCheck, manifest_faults
from codelewm_assets.published.verdict import place_sentence

VERDICTS = {
    "survives": "survives",
    "does_not_survive": "does not survive",
    "cannot_tell": "no one can tell from the files",
}


class Table(NamedTuple):
    """One table of the page or of the terminal."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables(result: Recheck) -> Iterator[Table]:
    """The tables in the order of the page, those without a row left out."""
    candidates = (
        _claims(result), _manifests(result), _reports(result), *map(_scores, result.score_rows), *map(_slices, result.score_rows),
        Table("Not judged", ["file", "why"], [[row.path, row.reason] for row in result.unread]),
    )  # fmt: skip
    return (table for table in candidates if table.rows)


def markdown_page(result: Recheck) -> str:
    """The page; docs/recheck.md explains each table."""
    lines = ["# Evidence, rechecked", "", summary(result), ""]
    for table in tables(result):
        lines += [f"## {table.title}", "", _line(table.header), _line(["---"] * len(table.header))]
        lines += [*map(_line, table.rows), ""]
    for rows in result.score_rows:
        lines += [f"## {rows.path}: places, splits and notes", "", *(f"- {text}" for text in sentences(rows)), ""]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|").replace("\n", " ") for cell in cells) + " |"


def summary(result: Recheck) -> str:
    """Counts in one paragraph."""
    if not (result.manifests or result.reports or result.score_rows or result.unread):
        return "No folder of published evidence is named (profile key `published.folder`), so nothing was judged."
    reports = [report.recomputes for report in result.reports]
    verdicts = [claim.verdict for claim in result.claims]
    good = sum(manifest.recomputes for manifest in result.manifests)
    return (
        f"{good} of {len(result.manifests)} manifests recompute. Of {len(reports)} reports and row files besides score rows "
        f"{reports.count(True)} recompute, {reports.count(False)} do not and {reports.count(None)} follow from nothing here. "
        f"{len(result.score_rows)} files of score rows. Of {len(verdicts)} claims {verdicts.count('survives')} survive, "
        f"{verdicts.count('does_not_survive')} do not, and of {verdicts.count('cannot_tell')} no one can tell from the files."
    )


def sentences(rows: ScoreRowsCheck) -> list[str]:
    """Place of the passing member, train part, stated split and notes of one file of score rows."""
    split = rows.split
    trained = {
        "unknown": f"Trained on: unknown; {split.reason}.",
        "listed": f"{len(split.heldout)} of {rows.problem_count} problems were held out; {split.reason}.",
    }.get(
        split.status, f"{len(split.trained)} of {rows.problem_count} problems were in the train part; {split.reason}."
    )
    place = place_sentence(rows)
    stated = ", ".join(f"{count} {name}" for name, count in sorted(rows.stated_splits.items())) or "none"
    return [
        f"{place[:1].upper()}{place[1:]}.",
        trained,
        f"Stated splits: {stated}.",
        *(f"{note}." for note in rows.notes),
    ]


def _claims(result: Recheck) -> Table:
    rows = [[c.claim, VERDICTS[c.verdict], "; ".join(c.reasons), c.source] for c in result.claims]
    return Table("What of the claims survives", ["claim", "verdict", "because", "source"], rows)


def _manifests(result: Recheck) -> Table:
    rows = []
    for check in result.manifests:
        states = [file.state for file in check.files]
        files = f"{states.count('recomputes')} of {len(states)}" + (
            f", {states.count('absent')} absent" if "absent" in states else ""
        )
        config = {True: "recomputes", False: "differs", None: "not here"}[check.config_sha256_recomputes]
        identity = {True: "recomputes", False: "differs", None: "names itself"}[check.artifact_id_recomputes]
        faults = "; ".join(manifest_faults(check)) or ", ".join(
            f"parent {parent} absent" for parent in check.absent_parents
        )
        rows.append([check.path, identity, config, files, faults or "–"])
    return Table("Manifests", ["manifest", "artifact id", "config digest", "files as stated", "notes"], rows)


def _reports(result: Recheck) -> Table:
    states = {True: "recomputes", False: "differs", None: "cannot be recomputed"}
    rows = [[report.path, states[report.recomputes], report.reason] for report in result.reports]
    return Table("Reports and rows", ["file", "state", "how"], rows)


def _scores(rows: ScoreRowsCheck) -> Table:
    title = f"{rows.path}: {rows.problem_count} problems, {rows.pool_count} pools, {rows.row_count} rows"
    header = ["score", "pass@1 as published", "shared ties", "MRR as published", "shared ties", f"points of {rows.subject} over it",
              "95%", "as published", "95%"]  # fmt: skip
    names = sorted(rows.pass_at_1, key=lambda name: (name != rows.subject, -rows.pass_at_1[name].shared_ties, name))
    lines = [_score_row(rows, name) for name in names]
    constant = rows.constant_score
    lines.append(["(a constant)", f"{constant.published_ties:.4f}", f"{constant.shared_ties:.4f}", *["–"] * 6])
    if rows.lift_over_best is not None:
        lines.append(
            [f"best control ({rows.lift_over_best.control})", *["–"] * 4, *_lift(rows.lift_over_best), "–", "–"]
        )
    return Table(title, header, lines)


def _score_row(figures: RuleFigures, name: str) -> list[str]:
    top, mrr = figures.pass_at_1[name], figures.mrr[name]
    return [
        name, f"{top.published_ties:.4f}", f"{top.shared_ties:.4f}", f"{mrr.published_ties:.4f}", f"{mrr.shared_ties:.4f}",
        *_lift(figures.lift.get(name)), *_lift(figures.lift_published_ties.get(name)),
    ]  # fmt: skip


def _lift(lift: Lift | None) -> list[str]:
    return ["–", "–"] if lift is None else [f"{lift.points:+.2f}", f"{lift.ci95[0]:.2f} to {lift.ci95[1]:.2f}"]


def _slices(rows: ScoreRowsCheck) -> Table:
    names = {"heldout": "held out", "trained": "trained on"}
    lines = []
    for part, figures in sorted(rows.slices.items()):
        for name in sorted(figures.pass_at_1, key=lambda name: (name != rows.subject, name)):
            top = f"{figures.pass_at_1[name].shared_ties:.4f}"
            lines.append([names[part], str(figures.problem_count), name, top, *_lift(figures.lift.get(name))])
    condition = " (if the pack was made of these problems)" if rows.split.status == "if_these_problems" else ""
    header = ["problems", "count", "score", "pass@1, shared ties", f"points of {rows.subject} over it", "95%"]
    return Table(f"{rows.path}: held-out and trained problems apart{condition}", header, lines)
