"""Templates to text. A name that a template asks for and nobody gave is an error, never an empty place."""

from functools import cache
from typing import TYPE_CHECKING, Any

from codelewm_assets.release.markdown import cell, interval, table, with_interval

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("codelewm_assets.release"),
        undefined=StrictUndefined,
        autoescape=False,  # Markdown; the pages of the site escape what is not theirs
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals.update(table=table, cell=cell, interval=interval, with_interval=with_interval)
    return made


def render(template: str, **context: Any) -> str:
    """The template of this name in `templates/`, filled. Raises: jinja2.UndefinedError: it asks for what is not given."""
    return _environment().get_template(template).render(**context)
