"""Settings of training as a job of Hugging Face Jobs. They are part of a profile, so nothing heavy is imported here."""

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class HfJobsSettings(BaseModel):
    """Where the job's files go, which machine runs it in which image, and what it may cost."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    repository: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")  # namespace/name of a private dataset repository
    flavor: str = Field(pattern=r"^[a-z0-9-]+$")  # the service's name of a machine, as a10g-small
    image: str  # with codelewm_assets[hub] installed, pinned by digest
    timeout_s: int = Field(ge=1)  # from the start of the job, waiting for a machine included
    price_per_hour_usd: float = Field(gt=0)  # of the flavor, as the service lists it
    spend_cap_usd: float = Field(gt=0)  # a job that could cost more is not started
    poll_s: float = Field(default=10.0, gt=0, le=300)  # between two looks; also the first pause after a failure
    attempts: int = Field(default=1, ge=1, le=5)  # how often the service may start the job

    @field_validator("image")
    @classmethod
    def _pinned(cls, value: str) -> str:
        name, found, digest = value.partition("@sha256:")
        if not (name and found and len(digest) == 64 and set(digest) <= set("0123456789abcdef")):
            raise ValueError(
                f"image {value!r} can change under its name; wanted name@sha256:<64 hex digits>. Ask the registry for the "
                "digest of the tag and write it here"
            )
        return value

    @property
    def most_usd(self) -> float:
        """What a job costs at most, dollars: each attempt at its full time."""
        return self.attempts * self.timeout_s / 3600 * self.price_per_hour_usd

    @model_validator(mode="after")
    def _within_the_cap(self) -> "HfJobsSettings":
        if self.most_usd > self.spend_cap_usd:
            raise ValueError(
                f"a job could cost {self.most_usd:.2f} USD ({self.attempts} × {self.timeout_s} s at "
                f"{self.price_per_hour_usd:.2f} USD an hour), spend_cap_usd is {self.spend_cap_usd:.2f}; shorten timeout_s, "
                "take a cheaper flavor, or raise the cap"
            )
        return self
