"""What mkdocs calls while it builds the site: the pages written from code, and the list of decisions."""

from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

from codelewm_assets_docs.pages import REFERENCE, decision_list

DECISIONS = "decisions/README.md"


def on_config(config: Any) -> Any:
    """Each decision has its place in the navigation, so that a new one needs no line in mkdocs.yml."""
    for section in config.nav:
        if "Decisions" in section:
            found = Path(config.docs_dir, "decisions").glob("[0-9]*.md")
            section["Decisions"] = [DECISIONS, *sorted(f"decisions/{path.name}" for path in found)]
    return config


def on_files(files: Files, *, config: Any) -> Files:
    """The pages of the reference, made now."""
    for path, write in REFERENCE.items():
        files.append(File.generated(config, path, content=write()))
    return files


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Files) -> str:
    """The page of decisions lists them."""
    if page.file.src_uri != DECISIONS:
        return markdown
    return f"{markdown}\n{decision_list(Path(config.docs_dir, 'decisions'))}"
