"""Hooks of mkdocs for the site: the pages written from code, decisions, and links out of docs/."""

from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

from docs.reference.pages import REFERENCE, SCHEMAS, decision_list, without_links_out

DECISIONS = "decisions/README.md"


def on_config(config: Any) -> Any:
    """Each decision has its place in the navigation, so that a new one needs no line in mkdocs.yml."""
    for section in config.nav:
        if "Decisions" in section:
            found = Path(config.docs_dir, "decisions").glob("[0-9]*.md")
            section["Decisions"] = [DECISIONS, *sorted(f"decisions/{path.name}" for path in found)]
    return config


def on_files(files: Files, *, config: Any) -> Files:
    """The pages of the reference and the schemas, made now."""
    for path, write in (REFERENCE | SCHEMAS).items():
        files.append(File.generated(config, path, content=write()))
    return files


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Files) -> str:
    """The page of decisions lists them; what a page links outside docs/ is named instead."""
    docs = Path(config.docs_dir)
    if page.file.src_uri == DECISIONS:
        markdown = f"{markdown}\n{decision_list(docs / 'decisions')}"
    return without_links_out(markdown, docs / page.file.src_uri, docs)
