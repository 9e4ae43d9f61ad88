"""The product's graph with stand-ins for what assets do: jobs, partitions, pools, schedules and sensors are its own.

What goes wrong stands in `faults.json` beside the store: asset → "fails" (its step), "red" (its blocking check), or
"fails: TEXT" (its step, with the text at the end of its error).
"""

import json
from pathlib import Path

import dagster as dg

from codelewm_assets.defs.assemble import STAGE_MODULES, operating
from codelewm_assets.defs.resources import ProfileResource, StoreResource
from codelewm_assets.profiles.profile import load_profile

CODE = """
from codelewm_assets_tests.defs.stub_graph import stub_defs

defs = stub_defs({root!r}, {profile!r})
"""


def stub_defs(root: str, profile: str) -> dg.Definitions:
    """Definitions whose assets do nothing, on the resources of the product."""
    faults = Path(root).parent / "faults.json"
    assets = [asset for module in STAGE_MODULES for asset in module.ASSETS]
    return dg.Definitions.merge(
        dg.Definitions(
            assets=[_stub(asset, faults) for asset in assets],
            asset_checks=[_check(asset, faults) for asset in assets],
            resources={"store": StoreResource(root=root), "profile": ProfileResource(name=profile)},
            executor=dg.in_process_executor,
        ),
        operating(load_profile(profile).operations),
    )


def set_faults(folder: Path, **faults: str) -> None:
    """What goes wrong from now on. Args: folder: the deployment's."""
    (folder / "faults.json").write_text(json.dumps(faults), encoding="utf-8")


def _fault(faults: Path, name: str) -> str | None:
    return json.loads(faults.read_text(encoding="utf-8")).get(name) if faults.exists() else None


def _stub(asset: dg.AssetsDefinition, faults: Path) -> dg.AssetsDefinition:
    spec, name = asset.get_asset_spec(), asset.key.to_user_string()

    @dg.asset(name=name, group_name=spec.group_name, deps=list(spec.deps), partitions_def=asset.partitions_def)
    def stub() -> None:
        fault = _fault(faults, name) or ""
        if fault.startswith("fails"):
            raise dg.Failure(f"{name} cannot be made here.{fault.removeprefix('fails')}", allow_retries=False)

    return stub


def _check(asset: dg.AssetsDefinition, faults: Path) -> dg.AssetChecksDefinition:
    name = asset.key.to_user_string()

    @dg.asset_check(asset=asset.key, name="is_sound", blocking=True, partitions_def=asset.partitions_def)
    def check() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=_fault(faults, name) != "red", description="3 rows are of no problem.")

    return check
