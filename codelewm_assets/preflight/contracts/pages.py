"""Data Docs of a validation: one HTML page that loads nothing, made by Great Expectations' renderers in our own frame.

GE's page template fetches styles, scripts and pictures from a dozen hosts and prints unexpected values unescaped.
"""

import copy
import html
from itertools import count
from pathlib import Path
from typing import Any

from codelewm_assets.preflight.contracts.judge import Validation


def data_docs_page(validation: Validation, *, title: str) -> bytes:
    """The page as UTF-8: a section for each column, an expectation a row. Same validation and title, same bytes."""
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    document = ValidationResultsPageRenderer(run_info_at_end=True).render(_escaped(validation.result))
    document.sections[0].content_blocks.pop(0)  # its header links to a site that is not built
    document.sections.pop()  # where the batch came from and when: an object in memory
    view = DefaultJinjaPageView(custom_views_directory=str(Path(__file__).parent))
    numbers = count()
    view.env.filters["generate_html_element_uuid"] = lambda prefix=None: f"{prefix or ''}{next(numbers)}"
    found = validation.finding
    page: str = view.render(
        document, template="contract_page.j2", title=html.escape(title), is_green=found.passed, promise=found.message
    )
    return page.encode("utf-8")


def _escaped(result: Any) -> Any:
    """A copy in which nothing that was found in the table can act as markup: GE escapes arguments, not findings."""
    safe = copy.deepcopy(result)
    for row in safe.results:
        row.result = _escape(row.result)
    return safe


def _escape(value: Any) -> Any:
    if isinstance(value, str):
        return html.escape(value)
    if isinstance(value, dict):
        return {_escape(key): _escape(inner) for key, inner in value.items()}
    return [_escape(inner) for inner in value] if isinstance(value, list | tuple) else value
