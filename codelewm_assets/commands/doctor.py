"""`doctor`: faults of the installation, the machine or the instance, with remedies."""

import argparse
import os
import time
from collections import Counter
from pathlib import Path

from codelewm_assets.commands.base import FAILED, command, open_store, print_json


@command(
    "doctor --json",
    "Versions, data, isolation, GPU, disk, Hub and instance, with a remedy for each fault; exit 1 on a failure.",
)
def run(options: argparse.Namespace) -> int:
    from rich.console import Console

    from codelewm_assets.display import print_table
    from codelewm_assets.doctor.checkup import checkup
    from codelewm_assets.instance.health import instance_findings

    findings = [
        *checkup(open_store(), os.environ),
        *instance_findings(os.environ, Path.cwd(), now_s=time.time()),
    ]
    counts = Counter(finding.state for finding in findings)
    if options.json:
        print_json({"counts": dict(counts), "findings": [finding.row() for finding in findings]})
    else:
        header = ["finding", "state", "found", "wanted", "remedy"]
        print_table(Console(), "Findings", header, [list(finding.row().values()) for finding in findings])
        print(f"{len(findings)} findings: {counts['ok']} ok, {counts['warn']} warn, {counts['fail']} fail.")
    return FAILED if counts["fail"] else 0
