"""The pages that are written from code, by their place under docs/, and what the site needs of those that are not."""

import re
from collections.abc import Callable
from pathlib import Path

from docs.reference.assets import assets_page
from docs.reference.checks import checks_page
from docs.reference.commands import commands_page
from docs.reference.profiles import profiles_page
from docs.reference.records import records_page
from docs.reference.schemas import schema_files, schemas_page

REFERENCE: dict[str, Callable[[], str]] = {
    "reference/assets.md": assets_page,
    "reference/checks.md": checks_page,
    "reference/records.md": records_page,
    "reference/schemas.md": schemas_page,
    "reference/commands.md": commands_page,
    "reference/profiles.md": profiles_page,
}

SCHEMAS: dict[str, Callable[[], str]] = schema_files()

LINK_UP = re.compile(r"(?<!!)\[([^\]]+)\]\(((?:\.\./)+[^)#\s]+)(?:#[^)\s]*)?\)")


def without_links_out(markdown: str, page: Path, docs: Path) -> str:
    """The page with links that leave docs/ as text: the site does not hold what they lead to."""

    def told(link: re.Match[str]) -> str:
        target = (page.parent / link[2]).resolve()
        if target.is_relative_to(docs.resolve()):
            return link[0]
        return f"{link[1]} (`{target.relative_to(docs.resolve().parent)}` in the repository)"

    return LINK_UP.sub(told, markdown)


def decision_list(folder: Path) -> str:
    """A line a decision, its title linked."""
    pages = sorted(folder.glob("[0-9]*.md"))
    titles = [path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ") for path in pages]
    return "\n".join(f"- [{title}]({path.name})" for title, path in zip(titles, pages, strict=True)) + "\n"
