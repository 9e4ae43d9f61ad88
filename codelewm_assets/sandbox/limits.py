"""What one program may use. The numbers are promises: each has a test in `codelewm_assets_tests/sandbox`."""

from dataclasses import dataclass

MEBIBYTE = 1 << 20
MAX_TIMEOUTS = 2  # calls over their limit, before a program is given up: one that never ends does so on every input
MAX_CPU_S = (
    60  # of one program over all inputs and tries, as EvalPlus' time-out per task; a child knows this number alone
)
MAX_SENT_BYTES = 1024 * MEBIBYTE  # of one child; all outputs of the longest published reference are 147 MB


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one program over all its inputs and tries.

    The times are kept by the server and the parent, and a program cannot read them. What its own process is given, the fields
    from `memory_bytes` on, is the same for every completion: nothing that depends on a reference or on what is right.

    Attributes:
        input_cpu_s: CPU time of loading, and of each call, in seconds; it decides, so that a busy machine changes no verdict.
            Writing a long output down may take as long again.
        cpu_s: CPU time over all inputs in seconds, `MAX_CPU_S` at most. Inputs that it leaves no time for are not called, nor
            are those after `max_timeouts` calls that were over their own limit.
        wall_s: time over all inputs and tries, in seconds, in which the program neither ran nor waited for a core: a backstop
            against programs that sleep, which neither the load nor a long honest run uses up.
        max_timeouts: calls over their limit before the program is given up.
        failed_input_cpu_s: CPU time of each call after the first that failed, where the parent says which one did.
        failed_cpu_s: CPU time of all those calls together.
        memory_bytes: address space.
        output_bytes: one output, encoded; a longer one has no literal. The longest published output has 9.0 MB.
        file_bytes: size of one file it may write in its private folder.
        open_files: open file descriptors.
    """

    input_cpu_s: float = 1.0
    cpu_s: float = 2.0
    wall_s: float = 10.0
    max_timeouts: int = MAX_TIMEOUTS
    failed_input_cpu_s: float = MAX_CPU_S
    failed_cpu_s: float = MAX_CPU_S
    memory_bytes: int = 1024 * MEBIBYTE
    output_bytes: int = 16 * MEBIBYTE
    file_bytes: int = 1 * MEBIBYTE
    open_files: int = 32
