"""Which heavy packages the modules of `training` bring with them, asked of one process that imports one after another."""

import json
import subprocess
import sys
from collections.abc import Collection, Sequence

PROGRAM = """
import importlib, json, sys
modules, heavy = json.loads(sys.argv[1])
found = {}
for module in modules:
    before = set(sys.modules)
    importlib.import_module(f"codelewm_assets.training.{module}")
    if brought := sorted(set(heavy) & (set(sys.modules) - before)):
        found[module] = brought
print(json.dumps(found))
"""


def heavy_imports(modules: Sequence[str], heavy: Collection[str]) -> dict[str, list[str]]:
    """Module → the heavy packages that importing it added, of those that added any; each is told of the first that did."""
    asked = json.dumps([list(modules), sorted(heavy)])
    found = subprocess.run([sys.executable, "-c", PROGRAM, asked], capture_output=True, text=True, check=True)
    return dict(json.loads(found.stdout))
