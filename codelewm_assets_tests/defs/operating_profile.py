"""The tiny profile with another `operations` section."""

from pathlib import Path
from typing import Any

import yaml

from codelewm_assets_tests.defs.stored_world import TINY


def profile_with(folder: Path, sources: dict[str, str] | None = None, **operations: Any) -> str:
    """Path of a profile like the tiny one. Args: sources: keys of its `sources` that change."""
    profile = yaml.safe_load(Path(TINY).read_text(encoding="utf-8"))
    profile["sources"] |= sources or {}
    path = folder / "operating.yaml"
    path.write_text(yaml.safe_dump(profile | {"operations": operations}), encoding="utf-8")
    return str(path)
