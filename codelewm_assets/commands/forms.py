"""Files given to a command that another command takes: refused by their schema id."""

import json
from pathlib import Path

from codelewm_assets.core.errors import ReportError

MAX_BYTES = 4_000_000  # of a document that is looked into; rows are known by their first line
EVENTS = "an event stream of a training run"
SCORE_ROWS = "a file of score rows"  # of this project: they have no schema id
TAKEN_BY = {
    "codelewm.eval.completion_score.v1": "calibrate, rerank and recheck take it",
    EVENTS: "job-status takes it",
    SCORE_ROWS: "calibrate, rerank and recheck take it",
}


def form_of(path: Path) -> str | None:
    """The schema id of a document, or of the first row of a file; None if there is none to read, as in a pipe."""
    if not path.is_file():
        return None
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES)
    except OSError:
        return None  # whoever reads the file names the fault
    for text in (data.partition(b"\n")[0], data):
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(document, dict) and "event" in document:
            return EVENTS
        if isinstance(document, dict) and {"completion_id", "scores"} <= document.keys() and "code" not in document:
            document = {"schema_version": SCORE_ROWS} | document
        schema_id = document.get("schema_version") if isinstance(document, dict) else None
        return schema_id if isinstance(schema_id, str) else None
    return None


def refuse_other_forms(path: Path, command: str, *accepted: str) -> None:
    """Refuse a file of a form that the command does not take; a file without a schema id is left to its reader.

    Raises: ReportError: names the form, and the command that takes it.
    """
    form = form_of(path)
    if form is None or form in accepted:
        return
    taken = TAKEN_BY.get(
        form, "recheck judges published files" if form.startswith("codelewm.") else "no command takes it"
    )
    raise ReportError(f"{path.name} is {form}, and {command} does not read it; {taken}.")
