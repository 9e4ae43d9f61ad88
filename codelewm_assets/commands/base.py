"""The base of every command, and access to the instance and the store."""

import argparse
import json
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from codelewm_assets.core.errors import AssetsError
from codelewm_assets.core.logs import LOG_FORMATS, VARIABLE

LOG = logging.getLogger(__name__)
USAGE_ERROR, FAILED = 2, 1


class Parser(argparse.ArgumentParser):
    """One line on standard error and exit status 2 for bad arguments."""

    def error(self, message: str) -> NoReturn:
        """Print the error and the command for help."""
        program, _, command = self.prog.partition(" ")
        fault = message.rstrip(".")
        LOG.error(f"{command}: {fault}. See `{self.prog} --help`." if command else f"{fault}. See `{program} --help`.")
        raise SystemExit(USAGE_ERROR)


@dataclass(frozen=True, slots=True)
class Command:
    """One command."""

    example: str  # an example of its arguments, its name first
    text: str  # what it does, in one sentence
    add_arguments: Callable[[argparse.ArgumentParser], object]  # adds those besides `--json`
    run: Callable[[argparse.Namespace], int]  # does it; returns the exit status

    @property
    def name(self) -> str:
        """The first word of the example."""
        return self.example.partition(" ")[0]


def command(
    example: str, text: str, add_arguments: Callable[[argparse.ArgumentParser], object] = lambda parser: None
) -> Callable[[Callable[[argparse.Namespace], int]], Command]:
    """Make the decorated function a command; the arguments are those of `Command`."""
    return lambda run: Command(example, text, add_arguments, run)


def add_log_format(parser: argparse.ArgumentParser, *, default: str | None) -> None:
    """Add the option for the format of log records on standard error."""
    parser.add_argument(
        "--log-format", choices=LOG_FORMATS, default=default,
        help=f"how messages on standard error are written (default: {VARIABLE} or text)",
    )  # fmt: skip


def folder(text: str) -> Path:
    """A folder, be it absent, as the type of an argument."""
    try:
        is_file = Path(text).exists() and not Path(text).is_dir()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text[:80]}… is no name of a folder: {error.strerror}") from error
    if is_file:
        raise argparse.ArgumentTypeError(f"{text} is a file; name a folder")
    return Path(text)


def print_json(payload: Mapping[str, Any]) -> None:
    """One JSON object on standard output."""
    print(json.dumps(payload, indent=2))


def open_instance() -> Any:
    """The Dagster instance of DAGSTER_HOME, or of the working folder when it holds a dagster.yaml.

    Raises: AssetsError: neither exists, or DAGSTER_HOME is not a folder.
    """
    import dagster as dg

    if "DAGSTER_HOME" not in os.environ:
        if not Path("dagster.yaml").is_file():
            raise AssetsError("No dagster.yaml here, and DAGSTER_HOME is not set. Run in the project's folder.")
        os.environ["DAGSTER_HOME"] = str(Path.cwd())
    home = Path(os.environ["DAGSTER_HOME"])
    if not home.is_absolute() or not home.is_dir():
        raise AssetsError(
            f"DAGSTER_HOME is {home}; expected the absolute path of a folder. Create it, or unset the variable."
        )
    return dg.DagsterInstance.get()


def open_store() -> Any:
    """The artifact store that CODELEWM_ARTIFACTS names, and CODELEWM_WORK beside it."""
    from codelewm_assets.store import store

    root, work = os.environ.get("CODELEWM_ARTIFACTS", "artifacts"), os.environ.get("CODELEWM_WORK", "work")
    return store.open_store(root, work=work)
