"""What `dagster -m codelewm_assets.definitions` loads."""

from codelewm_assets.defs.assemble import build_defs

defs = build_defs()
