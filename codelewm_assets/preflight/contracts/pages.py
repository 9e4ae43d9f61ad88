"""Data Docs of a validation: one self-contained HTML page, by Great Expectations' renderers in our own template.

GE's page template fetches styles, scripts and pictures from a dozen hosts and prints unexpected values unescaped.
"""

import copy
import html
from itertools import count
from pathlib import Path
from typing import Any

from codelewm_assets.preflight.contracts.validation import Validation


def data_docs_page(validation: Validation, *, title: str, source: str) -> bytes:
    """The page as UTF-8: a section for each column, an expectation a row. Same arguments, same bytes.

    Args:
        source: description of the table and its artifact.
    """
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    document = ValidationResultsPageRenderer(run_info_at_end=True).render(_escaped(validation.result))
    document.sections.pop(0)  # a link to a site that is not built, and the counts, which our frame has
    document.sections.pop()  # where the batch came from and when: an object in memory
    view = DefaultJinjaPageView(custom_views_directory=str(Path(__file__).parent))
    numbers = count()
    view.env.filters["generate_html_element_uuid"] = lambda prefix=None: f"{prefix or ''}{next(numbers)}"
    finding = validation.finding
    page: str = view.render(
        document,
        template="contract_page.j2",
        title=html.escape(title),
        source=html.escape(source),
        is_green=finding.passed,
        promise=finding.message,
        figures=finding.figures,
        offenders=[html.escape(offender) for offender in finding.offenders],
    )
    return page.encode("utf-8")


def _escaped(result: Any) -> Any:
    """A copy in which neither findings nor descriptions can act as markup (`list<string>`): GE escapes arguments only."""
    safe = copy.deepcopy(result)
    for row in safe.results:
        row.result = _escape(row.result)
        row.expectation_config.description = _escape(row.expectation_config.description)
    return safe


def _escape(value: Any) -> Any:
    if isinstance(value, str):
        return html.escape(value)
    if isinstance(value, dict):
        return {_escape(key): _escape(inner) for key, inner in value.items()}
    return [_escape(inner) for inner in value] if isinstance(value, list | tuple) else value
