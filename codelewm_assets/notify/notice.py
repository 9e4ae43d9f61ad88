"""A notice: one thing that people should know."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

MAX_BODY_CHARS = 8000


def _encodable(text: object) -> object:
    """The text with "?" for what has no UTF-8: an error can quote a lone surrogate, which no receiver takes."""
    return text.encode("utf-8", errors="replace").decode("utf-8") if isinstance(text, str) else text


Text = Annotated[str, BeforeValidator(_encodable)]


class Notice(BaseModel):
    """One thing that people should know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    key: Text = Field(min_length=1)  # idempotency key: while a notice waits, another with its key replaces it
    title: Text  # one line
    body: Text

    @field_validator("title")
    @classmethod
    def _is_one_line(cls, value: str) -> str:
        return " ".join(value.split())[:200]

    @field_validator("body")
    @classmethod
    def _is_short(cls, value: str) -> str:
        return value if len(value) <= MAX_BODY_CHARS else value[:MAX_BODY_CHARS] + "\n… (cut)"
