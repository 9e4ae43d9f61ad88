"""Preregistration: the register's digest, dated before training, signed when a key is configured; and the order of the two."""

import json
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from codelewm_assets.core.files import write_atomically
from codelewm_assets.core.package import REGISTER, register_digest
from codelewm_assets.core.records import Record
from codelewm_assets.release.signing import SIGN_KEY, sign_statement
from codelewm_assets.release.statements import PREREGISTRATION, Subject, statement
from codelewm_assets.store.manifest import Manifest

FOLDER = "preregistered"  # beside the store: a statement for each register that training was cleared under
TRAINED = ("checkpoint", "critic")


class Order(Record):
    """When the register was preregistered and when the first weights were stored; None: not in these artifacts."""

    register_digest: str | None = None  # of the preflight report
    judged_under: str | None = None  # register digest of the gates
    preregistered_on: str | None = None  # day of the preflight report, UTC
    first_trained_on: str | None = None  # day of the first checkpoint or critic, UTC
    is_before: bool | None = None  # to the second

    @property
    def text(self) -> str | None:
        """The order in words."""
        if self.register_digest is None or self.is_before is None:
            return None
        order = "before" if self.is_before else "NOT before"
        same = "" if self.judged_under == self.register_digest else "; the gates were judged under ANOTHER register"
        digest, day = self.register_digest[:12], self.preregistered_on
        return f"{digest} on {day}, {order} the first weights ({self.first_trained_on}){same}"


def preregistration_order(lineage: Iterable[Manifest]) -> Order:
    """The order, from the times of manifests. Args: lineage: of the gates or the report."""
    rows = list(lineage)
    reports = [row for row in rows if row.artifact_kind == "preflight_report" and "register_digest" in row.metadata]
    trained = [row.created for row in rows if row.artifact_kind in TRAINED and row.created]
    gates = [row.metadata.get("register_digest") for row in rows if row.artifact_kind == "claim_gates"]
    dated = [row.created for row in reports if row.created]
    if not dated or not trained:
        return Order()
    return Order(
        register_digest=reports[0].metadata["register_digest"],
        judged_under=gates[0] if gates else None,
        preregistered_on=f"{max(dated):%Y-%m-%d}",
        first_trained_on=f"{min(trained):%Y-%m-%d}",
        is_before=max(dated) <= min(trained),
    )


def preregister(folder: Path, preflight_report: str, now: datetime) -> Path:
    """State the register's digest and the time, once for each register: an earlier statement stays.

    Args:
        folder: beside the store.
        preflight_report: digest of the report that cleared the data under this register.
        now: in UTC.

    Raises: SigningError: the environment names a key that cannot be used. Nothing is written.
    """
    register = register_digest()
    path = folder / FOLDER / f"{register}.json"
    if path.is_file():
        return path
    subject = [Subject.of("preflight_report", preflight_report), Subject.of(" and ".join(REGISTER), register)]
    dated = now.isoformat(timespec="seconds")
    stated = statement(subject, PREREGISTRATION, {"register_digest": register, "dated": dated})
    key = os.environ.get(SIGN_KEY)
    plain = json.dumps(stated.model_dump(mode="json", by_alias=True)).encode()
    write_atomically(path, sign_statement(stated, Path(key)) if key else plain)
    return path
