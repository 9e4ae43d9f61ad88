"""What one program may use. The numbers are promises: each has a test in `codelewm_assets_tests/sandbox`."""

from dataclasses import dataclass

MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one program over all its inputs.

    Attributes:
        cpu_s: CPU time of the program in seconds; it decides, so that a busy machine changes no verdict.
        wall_s: wall time in seconds, a backstop against programs that sleep.
        memory_bytes: address space.
        output_bytes: everything the program sends back; more ends it.
        file_bytes: size of one file it may write in its private folder.
        open_files: open file descriptors.
    """

    cpu_s: float = 2.0
    wall_s: float = 20.0
    memory_bytes: int = 1024 * MEBIBYTE
    output_bytes: int = 1 * MEBIBYTE
    file_bytes: int = 1 * MEBIBYTE
    open_files: int = 32
