"""The page of commands, from the argument parser itself."""

import argparse

from codelewm_assets.cli import parser
from docs.reference.markdown import code, codes, page, table

INTRO = """# Commands

Written from the argument parser when this site is built. Every command prints the same with `--help`. Exit status 2: bad arguments,
with one line that says what is wrong. Run them in the project's folder."""
WIDTH = 100  # columns; else it would be the terminal's


def commands_page() -> str:
    """One section a command: what it does, its usage, its arguments, an example."""
    blocks = [INTRO]
    for name, command in commands().items():
        example = (command.epilog or "").removeprefix("example: ")
        blocks += [f"## {code(name)}", command.description or "", f"```text\n{_usage(command)}\n```"]
        blocks += [table(("argument", "meaning", "default", "one of"), [_row(a) for a in arguments(command)])]
        blocks += [f"```sh\n{example}\n```" if example else ""]
    return page(*blocks)


def commands() -> dict[str, argparse.ArgumentParser]:
    """Name → parser of each command."""
    found = [action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(found[0].choices)


def arguments(command: argparse.ArgumentParser) -> list[argparse.Action]:
    """The arguments of a command, without its help."""
    return [action for action in command._actions if not isinstance(action, argparse._HelpAction)]


def argument_name(action: argparse.Action) -> str:
    """As one types it: `--output OUT.jsonl`, `--json`, `PATH`."""
    metavar = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    if not action.option_strings:
        return metavar if isinstance(action.metavar, str) else action.dest
    return ", ".join(action.option_strings) + ("" if action.nargs == 0 else f" {metavar}")


def _usage(command: argparse.ArgumentParser) -> str:
    command.formatter_class = lambda prog: argparse.RawDescriptionHelpFormatter(prog, width=WIDTH)
    return command.format_usage().strip()


def _row(action: argparse.Action) -> tuple[str, str, str, str]:
    is_required = action.required if action.option_strings else action.nargs not in ("*", "?")
    has_none = action.default in (None, False, [], argparse.SUPPRESS)
    default = "required" if is_required else "–" if has_none else str(action.default)
    return code(argument_name(action)), action.help or "", default, codes(action.choices) if action.choices else ""
