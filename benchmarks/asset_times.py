"""Write the table of wall times per asset into docs/performance.md from two builds' timings.

`make run` leaves `artifacts/progress/build_timings.json`. Usage, after a first and a second `make run`:
`python benchmarks/asset_times.py FIRST.json SECOND.json`.
"""

import json
import os
import sys
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
OTHERS = "<!-- "


def main(first: str, second: str) -> None:
    """Render the page."""
    cold, warm = (json.loads(Path(name).read_text(encoding="utf-8")) for name in (first, second))
    rows = [
        f"| <code>{name.replace('|', '&#124;')}</code> | {seconds:.1f} | {warm['wall_s'].get(name, float('nan')):.1f} |"
        for name, seconds in cold["wall_s"].items()
    ]
    text = PAGE.read_text(encoding="utf-8")
    others = text[text.index(OTHERS) :] if OTHERS in text else ""  # sections that other benchmarks write
    total = [sum(found["wall_s"].values()) for found in (cold, warm)]
    PAGE.write_text(
        "\n".join(
            [
                "# Performance",
                "",
                f"Wall time of each asset in seconds, profile `{cold['profile']}`, {os.cpu_count()} shared cores, in-process",
                "executor; checks are not counted. First: an empty store. Second: the same command again, "
                f"{len(warm['reused'])} of {len(warm['wall_s'])} artifacts reused.",
                "Reproduce: `make clean run`, keep `artifacts/progress/build_timings.json`, `make run`, then",
                "`python benchmarks/asset_times.py FIRST.json SECOND.json`.",
                "",
                "| asset | first | second |",
                "|---|---:|---:|",
                *rows,
                f"| sum | {total[0]:.1f} | {total[1]:.1f} |",
                "",
            ]
        )
        + (f"\n{others}" if others else ""),
        encoding="utf-8",
    )


if __name__ == "__main__":
    main(*sys.argv[1:3])
