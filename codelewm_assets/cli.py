"""`codelewm-assets`: the command line. Parses and dispatches; expected errors are one line, never a traceback."""

import argparse
import logging
import os
import select
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version

from codelewm_assets.commands import (
    audit,
    build,
    diff,
    doctor,
    export,
    job_status,
    label,
    prune,
    publish,
    recheck,
    score,
    score_reports,
    status,
    verify,
)
from codelewm_assets.commands.base import FAILED, USAGE_ERROR, Parser, add_log_format
from codelewm_assets.core.errors import AssetsError
from codelewm_assets.core.logs import LogFormatError, configured_format, set_up_logs

LOG = logging.getLogger("codelewm_assets.cli")  # the module may run as __main__
COMMANDS = (
    build.run, status.run, verify.run, label.run, score.run, score_reports.calibrate, score_reports.rerank, job_status.run,
    audit.run, recheck.run, export.run, diff.run, publish.run, prune.run, doctor.run,
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    try:
        set_up_logs(configured_format(os.environ))  # bad arguments are reported in it as well
    except LogFormatError as error:
        set_up_logs("text")
        LOG.error(str(error))
        return USAGE_ERROR
    options = parser().parse_args(arguments)
    if options.log_format is not None:
        set_up_logs(options.log_format)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        status = run(options)
        sys.stdout.flush()
        return status
    except AssetsError as error:
        LOG.error(str(error))
        return FAILED
    except OSError as error:
        if isinstance(error, BrokenPipeError) and _nobody_reads():
            return FAILED
        LOG.error(f"{error.strerror or error}: {error.filename or ''}. Check the path and the disk.")
        return FAILED
    except KeyboardInterrupt:
        LOG.error("interrupted; artifacts that were stored before are complete.")
        return 130


def _nobody_reads() -> bool:
    """The reader of standard output is gone, as after `| head`; the remaining output is then discarded."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)  # an error is always reported
    if not any(event & select.POLLERR for _, event in poll.poll(0)):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return True


def parser() -> Parser:
    """The parser of every command; the reference in docs/ is written from it."""
    parser = Parser(prog="codelewm-assets", description="The evidence cycle of CodeLeWM as Dagster assets.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('codelewm_assets')}")
    add_log_format(parser, default=None)
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser, metavar="COMMAND")
    for command in COMMANDS:
        added = commands.add_parser(
            command.name, help=command.text, description=command.text,
            epilog=f"example: codelewm-assets {command.example}", formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        added.set_defaults(run=command.run)
        command.add_arguments(added)
        added.add_argument("--json", action="store_true", help="print one JSON object")
        add_log_format(added, default=argparse.SUPPRESS)  # it may stand before the command or after it
    return parser


if __name__ == "__main__":
    sys.exit(main())
