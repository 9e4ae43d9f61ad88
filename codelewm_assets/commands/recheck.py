"""`recheck`: judges published evidence, CodeLeWM's or anyone's score rows."""

import argparse
import logging
from pathlib import Path

from codelewm_assets.commands.base import USAGE_ERROR, command, folder, print_json

LOG = logging.getLogger(__name__)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH",
        help="a folder or a file: CodeLeWM's artifacts, or score rows of this project (JSON lines or Parquet)",
    )  # fmt: skip
    parser.add_argument("--output", type=folder, metavar="DIR", help="folder for recheck.md and recheck.json")
    parser.add_argument(
        "--score", metavar="NAME",
        help="score to compare with all others, in rows of this project (default: p_pass, or the only one that is no control)",
    )  # fmt: skip


@command(
    "recheck docs/benchmark --output evidence",
    "Judge published evidence: what recomputes, figures under both tie rules, what was trained on, which claims survive. "
    "Exit 0 whatever the verdict, 2 on files that cannot be judged.",
    _add_arguments,
)
def run(options: argparse.Namespace) -> int:
    from codelewm_assets.core.digests import pretty_json
    from codelewm_assets.core.files import write_atomically
    from codelewm_assets.published.evidence import EvidenceError
    from codelewm_assets.published.page import markdown_page, sentences, summary, tables
    from codelewm_assets.published.recheck import recheck

    try:
        result = recheck(options.paths, subject=options.score)
    except EvidenceError as error:
        for fault in error.faults:
            LOG.error(fault)
        return USAGE_ERROR
    document = result.model_dump(mode="json")
    if options.output is not None:
        files = {"recheck.json": pretty_json(document), "recheck.md": markdown_page(result).encode()}
        for name, data in files.items():
            write_atomically(options.output / name, data)
    if options.json:
        print_json(document)
        return 0
    from rich.console import Console

    from codelewm_assets.display import print_table

    for table in tables(result):
        print_table(Console(), table.title, table.header, table.rows)
    for rows in result.score_rows:
        print("\n".join((rows.path, *(f"  {text}" for text in sentences(rows)))))
    print(summary(result))
    if options.output is not None:
        print(options.output / "recheck.md")
    return 0
