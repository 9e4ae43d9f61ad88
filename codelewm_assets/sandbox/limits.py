"""What one program may use. The numbers are promises: each has a test in `codelewm_assets_tests/sandbox`."""

from dataclasses import dataclass

MEBIBYTE = 1 << 20
MOST_TIMEOUTS = 2  # calls over their limit, before a program is given up: one that never ends does so on every input


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one program over all its inputs.

    Attributes:
        input_cpu_s: CPU time of loading, and of each call, in seconds; it decides, so that a busy machine changes no verdict.
        cpu_s: CPU time over all inputs in seconds. Inputs that it leaves no time for are not called, nor are those after
            `MOST_TIMEOUTS` calls that were over their own limit.
        wall_s: time over all inputs, in seconds, in which the program neither ran nor waited for a core: a backstop against
            programs that sleep, which neither the load nor a long honest run uses up.
        memory_bytes: address space.
        output_bytes: everything one child sends back; more ends the program. One output alone that is longer has no
            literal.
        file_bytes: size of one file it may write in its private folder.
        open_files: open file descriptors.
    """

    input_cpu_s: float = 1.0
    cpu_s: float = 2.0
    wall_s: float = 10.0
    memory_bytes: int = 1024 * MEBIBYTE
    output_bytes: int = 1 * MEBIBYTE
    file_bytes: int = 1 * MEBIBYTE
    open_files: int = 32
