"""Settings of notifiers, as a profile writes them. Secrets are not among them: a profile names environment variables."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

LOOPBACK = ("localhost", "127.0.0.1", "::1")
MOST_TIMEOUT_S = 20  # a sensor's tick has 60 seconds in all
EnvironmentName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
Address = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class LogSettings(_Settings):
    """Writes an error into the log of the sensor."""

    kind: Literal["log"]
    name: Name = "log"


class WebhookSettings(_Settings):
    """Posts JSON to an address; the address itself can be a secret, then the environment holds it."""

    kind: Literal["webhook"]
    name: Name = "webhook"
    url: str | None = None
    url_environment: EnvironmentName | None = None
    token_environment: EnvironmentName | None = None  # sent as `Authorization: Bearer …`
    timeout_s: float = Field(default=10, gt=0, le=MOST_TIMEOUT_S)

    @model_validator(mode="after")
    def _one_address(self) -> "WebhookSettings":
        if (self.url is None) == (self.url_environment is None):
            raise ValueError("wanted one of url and url_environment")
        if self.url is not None:
            require_safe_url(self.url)
        return self


class SmtpSettings(_Settings):
    """Sends e-mail through a server."""

    kind: Literal["smtp"]
    name: Name = "smtp"
    host: str = Field(pattern=r"^[^\s/:]+$")
    port: int = Field(ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    sender: Address
    recipients: tuple[Address, ...] = Field(min_length=1)
    user: str | None = None
    password_environment: EnvironmentName | None = None
    timeout_s: float = Field(default=10, gt=0, le=MOST_TIMEOUT_S)

    @model_validator(mode="after")
    def _password_is_protected(self) -> "SmtpSettings":
        if (self.user is None) != (self.password_environment is None):
            raise ValueError("user and password_environment belong together; wanted both or neither")
        if self.user is not None and self.security == "none" and self.host not in LOOPBACK:
            raise ValueError(f"a password would go to {self.host} in the clear; wanted security: starttls or tls")
        return self


NotifierSettings = Annotated[LogSettings | WebhookSettings | SmtpSettings, Field(discriminator="kind")]


def require_safe_url(url: str) -> None:
    """Raises: ValueError: no address, or plain http to another machine. The address is not repeated: it may be a secret."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the webhook's address is no http(s) address")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ValueError(f"the webhook's address is plain http to {parts.hostname}; wanted https")
