"""Operation of a deployment: schedules, notices, retries, time limits. None of it affects artifacts."""

import re
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from codelewm_assets.core.errors import DeploymentError
from codelewm_assets.notify.receivers import LOG, display_name, require_receiver

Receiver = Annotated[str, AfterValidator(require_receiver)]
CRON_FIELD = re.compile(r"[\dA-Za-z*/,#-]+")
DAY_S = 86400


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RunLimits(_Section):
    """Seconds that one run of each job may take; a run over its limit is ended and marked as failed."""

    refresh_data: int = Field(default=DAY_S, ge=60)  # from the problems to the token arrays, labelling included
    train_and_evaluate: int = Field(default=2 * DAY_S, ge=60)  # one seed; more than training alone may take
    judge_and_publish: int = Field(
        default=7200, ge=60
    )  # gates, report, cards, tracker, audit, review site, publication


class OperationsSection(_Section):
    """Unless a profile says otherwise schedules and automation are off, and notices go to the log alone.

    No switch here, but in the UI: the schedule `watch_sources` is on, and observes what the profile names as a source.
    """

    schedules_on: bool = False  # both of them
    automation_on: bool = False  # what follows from data is made by itself
    time_zone: str = "UTC"  # of both schedules, an IANA name
    nightly_cron: str = "0 2 * * *"  # refresh_data
    weekly_cron: str = "0 5 * * 0"  # refresh_data
    notify: tuple[Receiver, ...] = (LOG,)  # each is sent every notice: `log`, Apprise URLs, ${NAME} of variables
    infrastructure_retries: int = Field(
        default=1, ge=0, le=5
    )  # of a run whose worker died, of training that was killed
    run_limits_s: RunLimits = RunLimits()
    ui_url: str | None = Field(default=None, pattern=r"^https?://\S+$")  # for links in messages

    @field_validator("time_zone")
    @classmethod
    def _is_a_time_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (OSError, ValueError, KeyError) as error:  # a name that is not found is a KeyError
            raise ValueError(f"{value!r} is no time zone; expected an IANA name such as Europe/Berlin") from error
        return value

    @field_validator("nightly_cron", "weekly_cron")
    @classmethod
    def _has_five_fields(cls, value: str) -> str:
        fields = value.split()
        if len(fields) != 5 or not all(CRON_FIELD.fullmatch(field) for field in fields):
            raise ValueError(f"{value!r} is no cron line; expected five fields such as '0 2 * * *'")
        return value

    @field_validator("notify")
    @classmethod
    def _receivers_differ(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if repeated := sorted({display_name(receiver) for receiver in value if value.count(receiver) > 1}):
            raise ValueError(f"notify has {', '.join(repeated)} twice; expected each receiver once")
        return value


def read_job_tags(path: str | None) -> dict[str, dict[str, Any]]:
    """Tags of jobs from a YAML file (job → tag → value); none without a path.

    Raises: DeploymentError: no such file, it is no such mapping, or it names a job that there is not.
    """
    if not path:
        return {}
    try:
        found = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DeploymentError(f"CODELEWM_JOB_TAGS names {path}, which cannot be read: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(tags, dict) for tags in found.values()):
        raise DeploymentError(f"{path} (CODELEWM_JOB_TAGS) holds something else than job → tag → value.")
    names = list(RunLimits.model_fields)
    if unknown := sorted(set(map(str, found)) - set(names)):
        raise DeploymentError(
            f"{path} (CODELEWM_JOB_TAGS) has tags of {', '.join(unknown)}; the jobs are {', '.join(names)}."
        )
    return found
