"""Resource limits of one program. Each has a test in `codelewm_assets_tests/sandbox`."""

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

    The server and the parent enforce the times, which a program cannot read. The limits from `memory_bytes` on, which the
    child process sets, are the same for every completion: none depends on a reference.

    Attributes:
        input_cpu_s: CPU time of loading, and of each call, in seconds; CPU time, so that the machine's load changes no verdict.
            Encoding a long output may take as long again.
        cpu_s: CPU time over all inputs in seconds, `MAX_CPU_S` at most. Inputs beyond it are not called, nor are those after
            `max_timeouts` timeouts.
        wall_s: idle time over all inputs and tries, in seconds, in which the program neither ran nor waited for a core: a
            backstop against programs that sleep, independent of load and of CPU time.
        max_timeouts: timeouts after which the program is stopped.
        failed_input_cpu_s: CPU time of each call after the first failure that the parent reports.
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
