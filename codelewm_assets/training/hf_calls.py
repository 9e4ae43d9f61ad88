"""Calls to the Hugging Face Hub as `core.hub_calls` makes them, for training: every failure is a TrainingError."""

from functools import partial

from codelewm_assets.core import hub_calls
from codelewm_assets.core.errors import TrainingError
from codelewm_assets.core.hub_calls import hashes_of, is_there, is_transient, one_line, pause_after

__all__ = ["hashes_of", "hub_api", "is_there", "is_transient", "one_line", "patiently", "pause_after"]

hub_api = partial(hub_calls.hub_api, wanted_by="Hugging Face Jobs", error=TrainingError)
patiently = partial(hub_calls.patiently, error=TrainingError)
