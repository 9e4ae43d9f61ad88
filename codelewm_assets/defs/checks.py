"""The registry of rules, each with its asset. Checks, preflight report and guard read it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import dagster as dg

from codelewm_assets.claims.register import RERANK_POINTS
from codelewm_assets.core.files import write_atomically
from codelewm_assets.core.findings import sentence
from codelewm_assets.core.records import Finding
from codelewm_assets.core.secrets import secret_variables
from codelewm_assets.defs.artifact_asset import SEED
from codelewm_assets.defs.inputs import Inputs, inline_png
from codelewm_assets.defs.resources import ProfileResource, StoreResource, masks_secrets
from codelewm_assets.preflight import data_rules, library_rules, rerank_rules, structure_rules
from codelewm_assets.preflight.contracts.pages import data_docs_page
from codelewm_assets.preflight.contracts.suites import CONTRACTS, Contract
from codelewm_assets.preflight.contracts.tables import misplaced_rows, table_of
from codelewm_assets.preflight.contracts.validation import Validation, validate
from codelewm_assets.preflight.data_rules import no_secrets
from codelewm_assets.release.site_sources import data_docs_path
from codelewm_assets.sandbox.isolation import STRICT_LAYERS, required_layers
from codelewm_assets.store.store import Artifact

RuleFunction = Callable[[Inputs, str | None], Finding]
View = Callable[[Inputs, str | None, Finding], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule on one asset.

    Attributes:
        evaluate: from inputs and partition to the finding.
        show: further views of the finding: `plot` in Markdown, `data_docs` as HTML.
        is_stored: the finding depends on artifacts and `preflight_settings` alone, so it is cached.
    """

    name: str
    asset: str
    evaluate: RuleFunction
    description: str
    show: View | None = None
    is_stored: Callable[[], bool] = lambda: True

    def finding(self, inputs: Inputs, partition: str | None) -> Finding:
        """The finding on the latest artifacts, cached or new."""
        if not self.is_stored():
            return self.evaluate(inputs, partition)
        stored = inputs.cached_json(
            self.name,
            inputs.artifact(self.asset, partition),
            lambda: self.evaluate(inputs, partition).model_dump(mode="json"),
        )
        return Finding.model_validate(stored)

    def views(self, inputs: Inputs, partition: str | None, finding: Finding) -> dict[str, str]:
        """Further views of the finding, cached as the finding is."""
        show = self.show
        if show is None:
            return {}
        about = inputs.artifact(self.asset, partition)
        stored: dict[str, str] = inputs.cached_json(
            f"{self.name} shown", about, lambda: dict(show(inputs, partition, finding))
        )
        return stored


def _credits(inputs: Inputs) -> dict[int, rerank_rules.Credits]:
    """Credits of each control on the pools of each fold, computed once for the two rules that use them."""
    return inputs.memoized("control_credits", lambda: rerank_rules.control_credits(inputs.control_scores()))


def _headroom(inputs: Inputs) -> Finding:
    return rerank_rules.controls_leave_headroom(
        {fold: credits for fold, credits in _credits(inputs).items() if fold in inputs.profile.folds},
        inputs.pools(),
        ceiling=inputs.profile.preflight.control_ceiling,
    )


def _on_structure(domain: Callable[..., Finding]) -> Rule:
    """A rule on the structure of twin pools, whose scores are computed once for all of them."""

    def evaluate(inputs: Inputs, _: str | None) -> Finding:
        pools = inputs.memoized(
            "twin_pools", lambda: structure_rules.twin_pools(inputs.pools(), inputs.structure_scores())
        )
        return domain(pools, margin=inputs.profile.preflight.chance_margin)

    return _rule("rerank_pools", domain, evaluate)


def _rule(asset: str, domain: Callable[..., Finding], evaluate: RuleFunction, show: View | None = None) -> Rule:
    return Rule(domain.__name__, asset, evaluate, (domain.__doc__ or "").strip().splitlines()[0], show)


def _on(asset: str, domain: Callable[..., Finding], *read: Callable[[Inputs], Any], show: View | None = None) -> Rule:
    """A rule on tables alone. Args: read: one function per table, from the inputs."""
    return _rule(asset, domain, lambda inputs, _: domain(*(table(inputs) for table in read)), show)


def _cells_plot(inputs: Inputs, partition: str | None, finding: Finding) -> Mapping[str, str]:
    from codelewm_assets.plots.findings import cells_png

    picture = cells_png(finding.table, title=finding.rule, labels=inputs.benchmark_labels())
    return {"plot": inline_png(picture).md_str or ""}


def _controls_plot(inputs: Inputs, partition: str | None, finding: Finding) -> Mapping[str, str]:
    from codelewm_assets.plots.findings import controls_png

    ceiling = inputs.profile.preflight.control_ceiling
    picture = controls_png(finding.figures, ceiling=ceiling, labels=inputs.benchmark_labels())
    return {"plot": inline_png(picture).md_str or ""}


def _lifts_plot(inputs: Inputs, partition: str | None, finding: Finding) -> Mapping[str, str]:
    from codelewm_assets.plots.findings import lifts_png

    return {"plot": inline_png(lifts_png(finding.figures, labels=inputs.benchmark_labels())).md_str or ""}


def contract_finding(contract: Contract, inputs: Inputs, partition: str | None) -> Finding:
    """The finding on one table. Raises: ContractError: an expectation could not be evaluated."""
    return _validated(contract, inputs).finding


def _contract_page(contract: Contract, inputs: Inputs, partition: str | None, finding: Finding) -> Mapping[str, str]:
    artifact = inputs.artifact(contract.asset)
    title, source = f"{contract.asset} {artifact.digest[:12]}", f"{contract.file} of artifact {artifact.digest}"
    return {"data_docs": data_docs_page(_validated(contract, inputs), title=title, source=source).decode("utf-8")}


def _validated(contract: Contract, inputs: Inputs) -> Validation:
    """The validation that finding and page share."""

    def make() -> Validation:
        artifact, allowed = inputs.artifact(contract.asset), {}
        for column, name in contract.references.items():
            asset, _, other = name.partition(".")
            allowed[column] = set(table_of(inputs.artifact(asset), [other])[other].to_pylist())
        return validate(contract, table_of(artifact), allowed, misplaced=misplaced_rows(artifact))

    return inputs.memoized(contract.rule, make)


DATA_RULES: tuple[Rule, ...] = (
    _on("benchmark_problems", data_rules.stand_in_is_named, Inputs.problems),
    _on("benchmark_problems", data_rules.every_problem_is_usable, Inputs.problems),
    _on("candidate_completions", data_rules.every_problem_has_completions, Inputs.completions, Inputs.problems),
    _on("candidate_completions", data_rules.imports_were_read, Inputs.readings),
    replace(  # it also searches for the values of secret variables
        _on("candidate_completions", no_secrets, Inputs.completions), is_stored=lambda: not secret_variables()
    ),
    _on("labelled_completions", data_rules.labels_are_deterministic, Inputs.labelled),
    _rule(
        "labelled_completions",
        data_rules.labels_were_isolated,
        lambda i, _: data_rules.labels_were_isolated(
            layers := i.artifact("labelled_completions").manifest.metadata["isolation_layers"],
            required_layers(layers, is_strict=i.profile.sandbox.isolation == "strict"),
            STRICT_LAYERS,
        ),
    ),
    _on("execution_pack", data_rules.pack_has_both_classes, Inputs.pack),
    _on("execution_pack", data_rules.licences_are_known, Inputs.pack),
    _on("problem_splits", data_rules.no_problem_crosses_folds, Inputs.splits, Inputs.pack),
    _on("problem_splits", data_rules.no_near_duplicate_crosses_folds, Inputs.splits, Inputs.near_duplicates),
    _rule(
        "problem_splits",
        data_rules.folds_cover_every_cell,
        lambda i, _: data_rules.folds_cover_every_cell(
            i.pack(), i.splits(), floors=i.profile.preflight.floors.of_cells
        ),
        _cells_plot,
    ),
    _on("semantic_decoys", data_rules.decoys_join_the_pack, Inputs.decoys, Inputs.pack),
    _rule(
        "semantic_decoys",
        data_rules.decoy_coverage,
        lambda i, _: data_rules.decoy_coverage(
            i.decoys(),
            i.splits(),
            pair_floor=i.profile.preflight.floors.decoy_category.pairs,
            problem_floor=i.profile.preflight.floors.decoy_category.problems,
        ),
        _cells_plot,
    ),
    _on("rerank_pools", rerank_rules.pools_join_the_pack, Inputs.pools, Inputs.pack),
    _rule(
        "rerank_pools",
        rerank_rules.no_scored_problem_was_trained_on,
        lambda i, _: rerank_rules.no_scored_problem_was_trained_on(
            i.splits(), i.pools(), i.near_duplicates(), scored_folds=i.profile.folds
        ),
    ),
    _rule("control_scores", rerank_rules.controls_leave_headroom, lambda i, _: _headroom(i), _controls_plot),
    *(_on_structure(domain) for domain in structure_rules.RULES),
    _rule(
        "control_scores",
        rerank_rules.rerank_can_decide,
        lambda i, _: rerank_rules.rerank_can_decide(
            _credits(i),
            i.pools(),
            scored_folds=i.profile.folds,
            target_lift_points=i.profile.preflight.target_lift_points,
            gate_lift_points=RERANK_POINTS.value,
            ranks_by_fold=rerank_rules.control_credits(i.control_scores(), by_rank=True),
        ),
        _lifts_plot,
    ),
    _rule(
        "library_functions",
        library_rules.library_holds_no_benchmark_problem,
        lambda i, _: library_rules.library_holds_no_benchmark_problem(
            i.library_functions(), i.problems(), thresholds=i.profile.splits.thresholds
        ),
    ),
    _on("library_functions", library_rules.library_states_licences, Inputs.library_functions),
    _rule(
        "library_variants",
        library_rules.variants_were_labelled,
        lambda i, _: library_rules.variants_were_labelled(
            i.library_variants(), min_run_share=i.profile.preflight.library_run_share
        ),
    ),
    *(
        Rule(c.rule, c.asset, partial(contract_finding, c), c.description, partial(_contract_page, c))
        for c in CONTRACTS
    ),
)


def rule_of(asset: str, evaluate: RuleFunction, *, is_stored: bool = False) -> Rule:
    """A rule with the name and description of its function. Args: is_stored: as in `Rule`."""
    return Rule(evaluate.__name__, asset, evaluate, (evaluate.__doc__ or "").strip(), is_stored=lambda: is_stored)


def evaluate_rules(inputs: Inputs) -> list[Finding]:
    """Every data rule on the latest artifacts."""
    return [rule.finding(inputs, None) for rule in DATA_RULES]


def check_of(rule: Rule, *, is_seeded: bool = False, blocking: bool = True) -> dg.AssetChecksDefinition:
    """The asset check of one rule. Args: is_seeded: its asset is, so each seed has its own result."""
    partitions_def = SEED if is_seeded else None

    @dg.asset_check(
        name=rule.name, asset=rule.asset, description=rule.description, blocking=blocking, partitions_def=partitions_def
    )
    @masks_secrets
    def check(
        context: dg.AssetCheckExecutionContext, store: StoreResource, profile: ProfileResource
    ) -> dg.AssetCheckResult:
        partition = context.partition_key if partitions_def and context.has_partition_key else None
        inputs = Inputs(context.instance, store.get(), profile.get())
        finding, artifact = rule.finding(inputs, partition), inputs.artifact(rule.asset, partition)
        metadata: dict[str, Any] = {
            "judged": artifact.digest,
            "manifest": dg.MetadataValue.path(f"{artifact.address}/manifest.json"),
        }
        for name, text in rule.views(inputs, partition, finding).items():
            is_page = name == "data_docs"
            metadata[name] = _written_page(inputs, artifact, text) if is_page else dg.MetadataValue.md(text)
        return check_result(finding, metadata)

    return check


def _written_page(inputs: Inputs, artifact: Artifact, text: str) -> dg.PathMetadataValue:
    """Write the Data Docs page into the local working folder, under the digest of its table, and return its path.

    The page is not an artifact and part of no digest; a later validation of the same table replaces it.
    """
    path = data_docs_path(inputs.store.work, artifact.manifest.artifact_kind, artifact.digest)
    data = text.encode("utf-8")
    if not path.is_file() or path.read_bytes() != data:
        write_atomically(path, data)
    return dg.MetadataValue.path(str(path))


def check_result(finding: Finding, extra_metadata: Mapping[str, Any] | None = None) -> dg.AssetCheckResult:
    """The check result of a finding: figures as numbers, cells and offenders as tables, and `extra_metadata`.

    The UI sorts entries by name; the long table of cells is named `table` so that it comes last.
    """
    offenders = dg.MetadataValue.table(
        [dg.TableRecord({"offender": name}) for name in finding.offenders],
        schema=dg.TableSchema([dg.TableColumn("offender", "string")]),
    )
    return dg.AssetCheckResult(
        passed=finding.passed,
        severity=dg.AssetCheckSeverity.ERROR,
        description=sentence(finding),
        metadata={
            **finding.figures,
            **(extra_metadata or {}),
            **({} if finding.passed else {"blocker": finding.blocker or "", "offenders": offenders}),
            **({"table": _cell_table(finding)} if finding.table else {}),
        },
    )


def _cell_table(finding: Finding) -> dg.TableMetadataValue:
    """The cells of a coverage rule, those below their floor first."""
    return dg.MetadataValue.table(
        [
            dg.TableRecord({"cell": cell.cell, "count": cell.count, "floor": cell.floor, "ok": cell.is_met})
            for cell in sorted(finding.table, key=lambda cell: cell.is_met)
        ],
        schema=dg.TableSchema(
            [
                dg.TableColumn(name, kind)
                for name, kind in (("cell", "string"), ("count", "int"), ("floor", "int"), ("ok", "bool"))
            ]
        ),
    )


def checks_on(asset: str) -> list[dg.AssetChecksDefinition]:
    """The checks of all rules on one asset of the data."""
    return [check_of(rule) for rule in DATA_RULES if rule.asset == asset]
