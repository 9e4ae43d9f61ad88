"""In-toto statements of this project: what is stated of which digests. Signing is in `signing`.

Source: in-toto attestation framework, Statement v1 (https://in-toto.io/Statement/v1).
"""

from typing import Any, Literal

from pydantic import Field, JsonValue

from codelewm_assets.core.digests import canonical_json
from codelewm_assets.core.records import Record

PAYLOAD_TYPE = "application/vnd.in-toto+json"
DOCS = "https://github.com/codelewm/codelewm_assets/blob/main/docs/release.md"
PREREGISTRATION, CLAIM = f"{DOCS}#preregistration-v1", f"{DOCS}#claim-v1"


class Subject(Record):
    """A thing that a statement is about."""

    name: str  # artifact id, or file of this package
    digest: dict[str, str]  # algorithm → hex digest

    @classmethod
    def of(cls, name: str, sha256: str) -> "Subject":
        """A thing by its sha256."""
        return cls(name=name, digest={"sha256": sha256})


class Statement(Record):
    """An in-toto statement."""

    type: Literal["https://in-toto.io/Statement/v1"] = Field(default="https://in-toto.io/Statement/v1", alias="_type")
    subject: tuple[Subject, ...]  # what it is about
    predicateType: str  # noqa: N815  # the form of the predicate: a section of the docs
    predicate: dict[str, JsonValue]  # what it states

    def payload(self) -> bytes:
        """The bytes that are signed."""
        return canonical_json(self.model_dump(mode="json", by_alias=True))


def statement(subject: list[Subject], predicate_type: str, predicate: dict[str, Any]) -> Statement:
    """A statement of a predicate. Args: subject: sorted here."""
    ordered = tuple(sorted(subject, key=lambda row: row.name))
    return Statement(subject=ordered, predicateType=predicate_type, predicate=predicate)
