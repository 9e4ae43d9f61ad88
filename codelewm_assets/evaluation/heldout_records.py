"""Records that were scored or that probes are fitted on, as `heldout_scores` stores them."""

from codelewm_assets.core.records import Record


class LabelledRecord(Record):
    """One pack row with what probes ask of it; `fold` is that of the model whose latents go with it."""

    record_id: str
    problem_id: str
    fold: int
    passed: bool
    output_type: str
    output_magnitude_bucket: str
    output_length_bucket: str
    exception_class: str  # "none" where nothing was raised


class HeldoutRecord(LabelledRecord):
    """One held-out pack row; its latents stand at the same place in the latent arrays."""

    completion_id: str
    benchmark_id: str
    completion_passed: bool
    output: str
    execution_status: str
    p_pass: float
    p_pass_raw: float
    p_pass_no_action: float
    p_pass_shuffled_action: float
    energy: float
    energy_no_action: float
