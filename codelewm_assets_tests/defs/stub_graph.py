"""The product's graph with stand-ins for what assets do: jobs, partitions, pools, conditions, schedules and sensors are its own.

What goes wrong stands in `faults.json` beside the store: asset or asset[seed] → "fails" (its step), "red" (its blocking check), or
"fails: TEXT" (its step, with the text at the end of its error). The data version of a stand-in follows from those of its parents
and from `contents.json`: asset → any text, or "same" for content that does not depend on the parents.
"""

import json
from collections.abc import Collection
from pathlib import Path

import dagster as dg

from codelewm_assets.core.digests import sha256_text
from codelewm_assets.core.ids import SEEDS
from codelewm_assets.defs.artifact_asset import SEEDED
from codelewm_assets.defs.assemble import STAGE_MODULES, operating
from codelewm_assets.defs.automation import IMPORTED_COMPLETIONS, RELEASES
from codelewm_assets.defs.inputs import latest_version
from codelewm_assets.defs.resources import ProfileResource, StoreResource
from codelewm_assets.profiles.profile import load_profile

CODE = """
from codelewm_assets_tests.defs.stub_graph import stub_defs

defs = stub_defs({root!r}, {profile!r})
"""


def stub_defs(root: str, profile: str, only: Collection[str] | None = None) -> dg.Definitions:
    """Definitions whose assets do nothing, on the resources of the product. Args: only: names of assets; None: all."""
    folder = Path(root).parent
    assets = [a for module in STAGE_MODULES for a in module.ASSETS if only is None or a.key.to_user_string() in only]
    return dg.Definitions.merge(
        dg.Definitions(
            assets=[_stub(asset, folder, only) for asset in assets],
            asset_checks=[_check(asset, folder) for asset in assets],
            resources={"store": StoreResource(root=root), "profile": ProfileResource(name=profile)},
            executor=dg.in_process_executor,
        ),
        operating(load_profile(profile).operations),
    )


def set_faults(folder: Path, **faults: str) -> None:
    """What goes wrong from now on. Args: folder: the deployment's."""
    (folder / "faults.json").write_text(json.dumps(faults), encoding="utf-8")


def set_contents(folder: Path, **contents: str) -> None:
    """What assets hold from now on besides what follows from their parents. Args: folder: the deployment's."""
    (folder / "contents.json").write_text(json.dumps(contents), encoding="utf-8")


def _read(path: Path, name: str, partition: str | None) -> str:
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return str(found.get(f"{name}[{partition}]") or found.get(name) or "")


def _partition(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> str | None:
    return context.run.tags.get("dagster/partition")


def _stub(asset: dg.AssetsDefinition, folder: Path, only: Collection[str] | None) -> dg.AssetsDefinition:
    spec, name = asset.get_asset_spec(), asset.key.to_user_string()
    observed = {*RELEASES.values(), IMPORTED_COMPLETIONS}
    parents = [
        own for dep in spec.deps if (own := dep.asset_key.to_user_string()) in observed or not only or own in only
    ]

    @dg.asset(
        name=name, group_name=spec.group_name, deps=parents, partitions_def=asset.partitions_def,
        automation_condition=spec.automation_condition, code_version=spec.code_version,
    )  # fmt: skip
    def stub(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        partition = _partition(context)
        fault, content = (_read(folder / file, name, partition) for file in ("faults.json", "contents.json"))
        if fault.startswith("fails"):
            raise dg.Failure(f"{name} cannot be made here.{fault.removeprefix('fails')}", allow_retries=False)
        seeds = [partition] if name in SEEDED else list(map(str, SEEDS))
        made_from = [
            latest_version(context.instance, parent, seed)
            for parent in parents
            for seed in (seeds if parent in SEEDED else [None])
        ]
        text = content if content == "same" else f"{content} {made_from} {_observed(context.instance, parents)}"
        return dg.MaterializeResult(data_version=dg.DataVersion(sha256_text(f"{name} {partition} {text}")))

    return stub


def _observed(instance: dg.DagsterInstance, parents: list[str]) -> list[object]:
    """Tags of the latest observation of each parent that is observed."""
    records = [instance.fetch_observations(dg.AssetKey(parent), limit=1).records for parent in parents]
    return [dict(own[0].asset_observation.tags) for own in records if own and own[0].asset_observation]


def _check(asset: dg.AssetsDefinition, folder: Path) -> dg.AssetChecksDefinition:
    name = asset.key.to_user_string()

    @dg.asset_check(asset=asset.key, name="is_sound", blocking=True, partitions_def=asset.partitions_def)
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        is_red = _read(folder / "faults.json", name, _partition(context)) == "red"
        return dg.AssetCheckResult(passed=not is_red, description="3 rows are of no problem.")

    return check
