"""What is told, and what delivers it."""

from typing import Annotated, Protocol

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

MOST_TEXT = 8000  # characters of a body


def _encodable(text: object) -> object:
    """The text with "?" for what has no UTF-8: an error can quote a lone surrogate, which neither mail nor a cursor takes."""
    return text.encode("utf-8", errors="replace").decode("utf-8") if isinstance(text, str) else text


Text = Annotated[str, BeforeValidator(_encodable)]


class Message(BaseModel):
    """One thing that people should know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    key: Text = Field(min_length=1)  # the same however often the same thing is told: a receiver can drop a repeat
    subject: Text  # one line
    text: Text
    facts: dict[Text, Text] = {}  # for machines: job, partition, run_id

    @field_validator("subject")
    @classmethod
    def _is_one_line(cls, value: str) -> str:
        return " ".join(value.split())[:200]

    @field_validator("text")
    @classmethod
    def _is_short(cls, value: str) -> str:
        return value if len(value) <= MOST_TEXT else value[:MOST_TEXT] + "\n… (cut)"


class Notifier(Protocol):
    """Delivers messages. A new kind is a class with this method, its settings, and a line in `senders.notifier_of`."""

    def send(self, message: Message) -> None:
        """Deliver it. Raises: NotifyError: it was not delivered, and can be sent again."""
