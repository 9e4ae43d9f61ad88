"""What one program may use. The numbers are promises: each has a test in `codelewm_assets_tests/sandbox`."""

from dataclasses import dataclass

MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one program over all its inputs.

    Attributes:
        input_cpu_s: CPU time of loading, and of each call, in seconds; it decides, so that a busy machine changes no verdict.
        cpu_s: CPU time over all inputs in seconds. Inputs that it leaves no time for are not called.
        wall_s: wall time over all inputs in seconds, a backstop against programs that sleep. Time spent waiting for a core
            does not count, so the limit grows with the load.
        memory_bytes: address space.
        output_bytes: everything one child sends back; more ends the program. One output alone that is longer has no
            literal.
        file_bytes: size of one file it may write in its private folder.
        open_files: open file descriptors.
    """

    input_cpu_s: float = 1.0
    cpu_s: float = 2.0
    wall_s: float = 20.0
    memory_bytes: int = 1024 * MEBIBYTE
    output_bytes: int = 1 * MEBIBYTE
    file_bytes: int = 1 * MEBIBYTE
    open_files: int = 32
