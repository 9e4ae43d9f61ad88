"""Files given to a command that another command takes: refused by their schema id."""

import json
from pathlib import Path

from codelewm_assets.core.errors import AssetsError

MAX_BYTES = 4_000_000  # of a document that is looked into; rows are known by their first line
EVENTS = "an event stream of a training run"
TAKEN_BY = {
    "codelewm.eval.completion_score.v1": "calibrate, rerank and recheck take it",
    EVENTS: "job-status takes it",
}


def form_of(path: Path) -> str | None:
    """The schema id of a document, or of the first row of a file; None if there is none to read."""
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
        schema_id = document.get("schema_version") if isinstance(document, dict) else None
        return schema_id if isinstance(schema_id, str) else None
    return None


def refuse_other_forms(path: Path, command: str, *accepted: str) -> None:
    """Refuse a file of a form that the command does not take; a file without a schema id is left to its reader.

    Raises: AssetsError: names the form, and the command that takes it.
    """
    form = form_of(path)
    if form is None or form in accepted:
        return
    taken = TAKEN_BY.get(
        form, "recheck judges published files" if form.startswith("codelewm.") else "no command takes it"
    )
    raise AssetsError(f"{path.name} is {form}, and {command} does not read it; {taken}.")
