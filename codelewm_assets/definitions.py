"""Entry point of `dagster -m codelewm_assets.definitions`."""

import os

from codelewm_assets.core.logs import VARIABLE, configured_format, set_up_logs
from codelewm_assets.defs.assemble import build_defs

if VARIABLE in os.environ:  # runs that Dagster starts have no command line that could say it
    set_up_logs(configured_format(os.environ), program="codelewm_assets")

defs = build_defs()
