"""`audit`: sentences of Markdown files against the gates."""

import argparse
import logging
from pathlib import Path

from codelewm_assets.commands.base import FAILED, USAGE_ERROR, command, print_json
from codelewm_assets.commands.forms import form_of
from codelewm_assets.commands.gates import gates_line, latest_gates

LOG = logging.getLogger(__name__)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a Markdown file, or a folder of them")


@command(
    "audit README.md docs",
    "Claim audit over Markdown files; exit 1 on a sentence beyond the gates, 2 on a file that cannot be read.",
    _add_arguments,
)
def run(options: argparse.Namespace) -> int:
    from codelewm_assets.claims.audit import audit_text, claim_statuses

    files, texts, unreadable = (
        [],
        {},
        [f"{path}: no such file or folder" for path in options.paths if not path.exists()],
    )
    if not unreadable:
        files = sorted({file for path in options.paths for file in (path.rglob("*.md") if path.is_dir() else [path])})
    for file in files:
        if file.suffix != ".md" and (form := form_of(file)) is not None:
            unreadable.append(f"{file}: is {form}, and `codelewm-assets recheck` judges it")
            continue
        try:
            texts[file] = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            unreadable.append(
                f"{file}: {error.strerror if isinstance(error, OSError) else f'no UTF-8 text ({error.reason})'}"
            )
    if unreadable:
        LOG.error(f"Unreadable: {'; '.join(unreadable)}. Name Markdown files, or folders of them.")
        return USAGE_ERROR
    gates, digest = latest_gates()
    statuses = claim_statuses(gates) if gates else {}
    overclaims = [(file, row) for file, text in texts.items() for row in audit_text(text, statuses)]
    if options.json:
        rows = [{"file": str(file), **row._asdict()} for file, row in overclaims]
        payload = {
            "claim_gates": digest,
            "statuses": statuses,
            "files": [str(file) for file in files],
            "findings": rows,
        }
        print_json(payload)
        return FAILED if overclaims else 0
    for file, row in overclaims:
        print(f"{file}:{row.line}: {row.claim_id} is {row.status}: {row.sentence}")
    print(f"{len(files)} files audited, {len(overclaims)} sentences beyond the gates. {gates_line(gates, digest)}")
    return FAILED if overclaims else 0
