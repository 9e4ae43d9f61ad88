"""`codelewm-assets`: the command line. Parses and dispatches; expected errors are one line, never a traceback."""

import argparse
import sys
from collections.abc import Callable, Sequence

from codelewm_assets.commands import (
    audit,
    build,
    doctor,
    job_status,
    label,
    prune,
    publish,
    score_reports,
    status,
    verify,
)
from codelewm_assets.commands.base import FAILED, Parser
from codelewm_assets.core.errors import AssetsError

COMMANDS = (
    build.COMMAND,
    status.COMMAND,
    verify.COMMAND,
    label.COMMAND,
    score_reports.CALIBRATE,
    score_reports.RERANK,
    job_status.COMMAND,
    audit.COMMAND,
    publish.COMMAND,
    prune.COMMAND,
    doctor.COMMAND,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except AssetsError as error:
        print(f"codelewm-assets: {error}", file=sys.stderr)
        return FAILED
    except OSError as error:
        print(
            f"codelewm-assets: {error.strerror or error}: {error.filename or ''}. Check the path and the disk.",
            file=sys.stderr,
        )
        return FAILED
    except KeyboardInterrupt:
        print("codelewm-assets: interrupted; what was stored before is whole.", file=sys.stderr)
        return 130


def _parser() -> Parser:
    parser = Parser(prog="codelewm-assets", description="The evidence cycle of CodeLeWM as Dagster assets.")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser, metavar="COMMAND")
    for command in COMMANDS:
        made = commands.add_parser(
            command.name, help=command.text, description=command.text,
            epilog=f"example: codelewm-assets {command.example}", formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        made.set_defaults(run=command.run)
        command.add_arguments(made)
    return parser


if __name__ == "__main__":
    sys.exit(main())
